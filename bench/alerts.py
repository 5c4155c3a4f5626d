"""How long after a wrong price is said somewhere its alert is published, by all workers on Kafka.

A store holds the prices of all products at all places. Prices of random products stream in at a
steady rate, each said now; the wrong ones among them open incidents that have no grace. The clock
of an event starts when it is due, and stops when its alert can be read from `c360.alerts`.
"""

from __future__ import annotations

from bench.arena import Arena, Worker
from bench.children import Result, machine, progress, run_child

REPORT_VERSION = 1
PRODUCTS = 100_000
PLACES = 20
RATE = 100
SECONDS = 90.0
RULES = 'reference_channels = ["shop"]\n'
"""The shop's prices are right, so a wrong mailing is no new price that the others have yet to take
over: it is reported at once."""
SERVICES = ("ingest", "identity", "consistency")


def measure(
    products: int = PRODUCTS,
    places: int = PLACES,
    rate: int = RATE,
    seconds: float = SECONDS,
    seed: int = 1,
) -> Result:
    """Run the benchmark; the documented JSON report (docs/performance.md).

    Raises:
        ChildFailed: a run ended with an error.
    """
    begun_on = machine()
    progress("a broker and a store …")
    with Arena() as arena, arena.run() as settings:
        rules = arena.directory / "rules.toml"
        rules.write_text(RULES, "utf-8")
        settings["C360_CONSISTENCY_RULES"] = str(rules)
        run_child("bench.alert_pace", "fill", str(products), str(places), settings=settings)
        workers = [
            Worker(service, settings, arena.directory / f"{service}.log") for service in SERVICES
        ]
        try:
            for worker in workers:
                worker.wait_ready()
            progress(f"{rate:,} prices a second for {seconds:g} s …")
            before = {worker.service: worker.cpu_s() for worker in workers}
            numbers = (products, places, rate, seconds, seed)
            told = run_child("bench.alert_pace", "pace", *map(str, numbers), settings=settings)
            return {
                "version": REPORT_VERSION,
                "benchmark": "alerts",
                "machine": begun_on,
                "products": products,
                "places": places,
                "seed": seed,
                **told,
                "peak_mib": {worker.service: worker.peak_mib() for worker in workers},
                "cpu_us_per_event": {
                    worker.service: round(
                        (worker.cpu_s() - before[worker.service]) / told["events"] * 1e6
                    )
                    for worker in workers
                },
            }
        finally:
            for worker in workers:
                worker.stop()


def tell(report: Result) -> str:
    """The report for people."""
    peaks = ", ".join(f"{name} {mib:,.0f}" for name, mib in report["peak_mib"].items())
    used = ", ".join(f"{name} {us:,}" for name, us in report["cpu_us_per_event"].items())
    return "\n".join(
        (
            f"Alerts: {report['products']:,} products at {report['places']} places, "
            f"{report['rate']:,} prices/s for {report['seconds']:g} s, all three workers on Kafka",
            f"  alert after {report['p50_ms']:,.0f} ms (p50), {report['p99_ms']:,.0f} ms (p99), "
            f"{report['max_ms']:,.0f} ms at most; {report['never_seen']} of {report['wrong']:,} "
            f"never seen, {report['others']} for prices that are right",
            f"  of it, time comes in ticks: every {report['tick_s']:g} s",
            f"  µs CPU for an event: {used}",
            f"  peak memory, MiB: {peaks}",
        )
    )

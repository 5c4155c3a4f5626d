"""All three workers under a steady stream: how long until an event can be queried."""

from __future__ import annotations

import time
from pathlib import Path

from bench.arena import Arena, Worker
from bench.children import Result, progress, run_child

SERVICES = ("ingest", "identity", "consistency")
FRESHNESS = "c360_freshness_seconds_bucket"
AIMS_MS = {2_000: 1_000, 5_000: 2_000}
"""Within which 99 of 100 events shall be queryable, by events per second."""


def measure(file: Path, rate: int, seconds: float) -> Result:
    """All three workers under a steady stream, on a broker and a store of its own: what is left
    over of one stream must not stand before the next.

    Raises:
        ChildFailed: a worker or the sender ended with an error.
    """
    progress(f"a broker, a store and all three workers, {rate:,} events/s for {seconds:g} s …")
    with Arena() as arena, arena.run() as settings:
        workers = [
            Worker(service, settings, arena.directory / f"{service}.log") for service in SERVICES
        ]
        try:
            for worker in workers:
                worker.wait_ready()
            before = {worker.service: worker.cpu_s() for worker in workers}
            arguments = (str(file), str(rate), str(seconds))
            begun_s = time.monotonic()
            told = run_child("bench.worker_pace", *arguments, settings=settings)
            lasted_s = time.monotonic() - begun_s
            return told | {
                "own_metric_p99_s_max": bucket_of(workers[0].metrics(), 0.99),
                "own_metric_p50_s_max": bucket_of(workers[0].metrics(), 0.5),
                "peak_mib": {worker.service: worker.peak_mib() for worker in workers},
                "cpu_share": {
                    worker.service: round((worker.cpu_s() - before[worker.service]) / lasted_s, 2)
                    for worker in workers
                },
            }
        finally:
            for worker in workers:
                worker.stop()


def bucket_of(page: str, share: float) -> float:
    """The bound of the bucket of the worker's own metric that holds this share of the batches."""
    buckets: list[tuple[float, float]] = []
    for line in page.splitlines():
        if line.startswith(FRESHNESS) and 'since="received"' in line:
            bound = line.partition('le="')[2].partition('"')[0]
            buckets.append((float(bound), float(line.rpartition(" ")[2])))
    wanted = share * max(count for _, count in buckets)
    return next(bound for bound, count in sorted(buckets) if count >= wanted)


def tell(steady: Result) -> str:
    """One stream for people."""
    p99, aim = steady["p99_ms"], AIMS_MS.get(steady["rate"])
    reached = ""
    if aim is not None:
        reached = f", aim {aim:,}: {'reached' if p99 <= aim else 'not reached'}"
    peaks, shares = (
        ", ".join(f"{name} {figure:{form}}" for name, figure in steady[key].items())
        for key, form in (("peak_mib", ",.0f"), ("cpu_share", ".2f"))
    )
    return (
        f"  steady {steady['rate']:,} events/s for {steady['seconds']:g} s, all three workers: "
        f"queryable after {steady['p50_ms']:,.0f} ms (p50), {p99:,.0f} ms (p99{reached}), "
        f"{steady['max_ms']:,.0f} ms at most; {steady['never_seen']} of {steady['sampled']:,} "
        f"never seen, sender late by {steady['sender_late_ms_max']:,.0f} ms at most\n"
        f"  peak memory, MiB: {peaks}; CPUs: {shares}"
    )

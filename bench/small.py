"""What few events cost: one after the other over HTTP; some a second, embedded and with workers.

`c360 up` answers one sender of single events, then two senders of a thousand each; then a few
events a second come in. Three workers on a broker and a store take the same few. The store itself
counts statements and the rows that it merges. Service, store, broker and sender share the machine.
"""

from __future__ import annotations

import secrets
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.api import Sent, Service
from bench.arena import Arena, Settings, Worker
from bench.children import Result, machine, progress, run_child
from bench.percentiles import percentile
from bench.small_events import body_of, lines
from bench.store_counters import counters, per_minute

REPORT_VERSION = 1
RATE = 5.0
SECONDS = 60.0
LATENCY_S = 15.0
WARM_UP_S = 5.0
MANY = 1_000
SENDERS = 2
SERVICES = ("ingest", "identity", "consistency")
COUNTERS = {"counters": True}


def measure(rate: float = RATE, seconds: float = SECONDS) -> Result:
    """Run the benchmark; the JSON report.

    Raises:
        ChildFailed: a process ended with an error.
    """
    begun_on = machine()
    return {
        "version": REPORT_VERSION,
        "benchmark": "small",
        "machine": begun_on,
        "rate": rate,
        "seconds": seconds,
        "up": _up(rate, seconds),
        "workers": _workers(rate, seconds),
    }


def _up(rate: float, seconds: float) -> Result:
    run = secrets.token_hex(3)
    with TemporaryDirectory(prefix="c360-bench-") as name:
        place = Path(name)
        with Service(place / "data", place) as service:
            progress("single events, one sender …")
            latency_s = min(LATENCY_S, seconds)
            single = [body_of([one]) for one in lines(f"{run}-a", int(200 * latency_s))]
            first = len(single) // 4
            service.load(_posts(single[:first]), 1, min(WARM_UP_S, seconds), again=False)
            one = service.load(_posts(single[first:]), 1, latency_s, again=False)
            progress(f"{MANY:,} events, {SENDERS} senders …")
            many = lines(f"{run}-b", int(10 * MANY * latency_s))
            bodies = [body_of(many[at : at + MANY]) for at in range(0, len(many), MANY)]
            bulk = service.load(_posts(bodies), SENDERS, latency_s, again=False)
            progress(f"{rate:g} events a second …")
            return {"one": one, "bulk": bulk, "quiet": _quiet(service, run, rate, seconds)}


def _posts(bodies: Iterable[str]) -> list[Sent]:
    return [{"method": "POST", "path": "/v1/touchpoints", "body": body} for body in bodies]


def _quiet(service: Service, run: str, rate: float, seconds: float) -> Result:
    """Single events at a rate; how long each answer took, and what the store did."""
    bodies = [body_of([one]).encode() for one in lines(f"{run}-q", int(rate * seconds))]
    headers = {**service.headers, "Content-Type": "application/json"}
    before, begun_s, took_ms = service.bare(COUNTERS), time.monotonic(), list[float]()
    for number, body in enumerate(bodies):
        time.sleep(max(0.0, begun_s + number / rate - time.monotonic()))
        request = urllib.request.Request(f"{service.url}/v1/touchpoints", body, headers)
        sent_s = time.perf_counter()
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
        took_ms.append((time.perf_counter() - sent_s) * 1000)
    minutes = (time.monotonic() - begun_s) / 60
    took_ms.sort()
    return {
        **{f"p{percent}": round(percentile(took_ms, percent), 1) for percent in (50, 99)},
        **per_minute(before, service.bare(COUNTERS), minutes),
    }


def _workers(rate: float, seconds: float) -> Result:
    progress(f"{rate:g} events a second for three workers …")
    with Arena() as arena, arena.run() as settings:
        workers = [
            Worker(service, settings, arena.directory / f"{service}.log") for service in SERVICES
        ]
        try:
            for worker in workers:
                worker.wait_ready()
            run_child("bench.small_pace", "20", str(WARM_UP_S), settings=settings)
            before, begun_s = _counted(arena, settings), time.monotonic()
            cpu_s = [worker.cpu_s() for worker in workers]
            told = run_child("bench.small_pace", str(rate), str(seconds), settings=settings)
            took_s = time.monotonic() - begun_s
            return {
                **told,
                **per_minute(before, _counted(arena, settings), took_s / 60),
                "cpu_share": {
                    worker.service: round((worker.cpu_s() - used_s) / took_s, 3)
                    for worker, used_s in zip(workers, cpu_s, strict=True)
                },
            }
        finally:
            for worker in workers:
                worker.stop()


def _counted(arena: Arena, settings: Settings) -> Result:
    def ask(sql: str) -> Iterable[tuple[str, int]]:
        for line in arena.query(sql).splitlines():
            name, number = line.split("\t")
            yield name, int(number)

    return counters(ask, settings["C360_CLICKHOUSE_DATABASE"])


def tell(report: Result) -> str:
    """The report for people."""
    up, workers = report["up"], report["workers"]
    one, bulk, quiet = up["one"], up["bulk"], up["quiet"]
    return "\n".join(
        (
            f"Few events; load average {report['machine']['load_average'][0]}",
            f"  one event, one sender: p50 {one['p50']} ms, p99 {one['p99']} ms, "
            f"{one['per_second']}/s, {one['service_cpu_us_each'] / 1000:.1f} ms CPU each",
            f"  {MANY:,} events, {SENDERS} senders: {bulk['per_second'] * MANY:,.0f} events/s, "
            f"{bulk['service_cpu_us_each'] / MANY:.0f} µs CPU each",
            f"  {report['rate']:g} events/s, c360 up: p50 {quiet['p50']} ms, "
            f"p99 {quiet['p99']} ms; {_told(quiet)}",
            f"  {report['rate']:g} events/s, workers: readable after p50 {workers['p50_ms']} ms, "
            f"p99 {workers['p99_ms']} ms; {_told(workers)}",
        )
    )


def _told(counted: Result) -> str:
    return (
        f"{counted['inserts']:,} inserts and {counted['selects']:,} selects a minute, "
        f"{counted['merged_for_one_inserted']} rows merged for each inserted"
    )

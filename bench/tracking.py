"""What the Segment protocol costs beside our own: the same events in batches of 1, 20 and 100.

`c360 up` takes page views by `/v1/touchpoints` and by `/v1/batch` in turns, from one sender; the
ratio of what a request takes is the result. Service and sender share the machine.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench.api import Sent, Service
from bench.children import Result, machine, progress

REPORT_VERSION = 1
BATCHES = (1, 20, 100)
TURNS = 3
SECONDS = 5.0
REQUESTS_PER_S_MAX = 400
TIME = "2026-03-02T17:20:00Z"
Json = dict[str, Any]


def measure(seconds: float = SECONDS) -> Result:
    """Run the benchmark; the JSON report.

    Raises:
        ChildFailed: a process ended with an error.
    """
    begun_on = machine()
    with TemporaryDirectory(prefix="c360-bench-") as name:
        place = Path(name)
        with Service(place / "data", place) as service:
            _turn(service, 20, _native, "/v1/touchpoints", seconds)  # warm up
            batches = [_of(service, size, seconds) for size in BATCHES]
    return {
        "version": REPORT_VERSION,
        "benchmark": "tracking",
        "machine": begun_on,
        "seconds": seconds,
        "batches": batches,
    }


def _of(service: Service, size: int, seconds: float) -> Result:
    progress(f"batches of {size} …")
    native, segment = list[Result](), list[Result]()
    for _ in range(TURNS):
        native.append(_turn(service, size, _native, "/v1/touchpoints", seconds))
        segment.append(_turn(service, size, _segment, "/v1/batch", seconds))
    found = {"native": _middle(native), "segment": _middle(segment)}
    ratios = {
        f"{name}_ratio": round(found["segment"][name] / found["native"][name], 3)
        for name in ("p50", "service_cpu_us_each")
    }
    statuses = sorted({status for one in (*native, *segment) for status in one["statuses"]})
    return {"events": size, "statuses": statuses, **found, **ratios}


def _middle(turns: list[Result]) -> dict[str, float]:
    return {name: median(one[name] for one in turns) for name in ("p50", "service_cpu_us_each")}


def _turn(
    service: Service, size: int, event: Callable[[str], Json], path: str, seconds: float
) -> Result:
    run = secrets.token_hex(4)
    bodies = (
        {"batch": [event(f"{run}-{number}-{place}") for place in range(size)]}
        for number in range(int(REQUESTS_PER_S_MAX * seconds))
    )
    sent: list[Sent] = [
        {"method": "POST", "path": path, "body": json.dumps(body)} for body in bodies
    ]
    return service.load(sent, 1, seconds, again=False)


def _native(mark: str) -> Json:
    return {
        "event_id": mark,
        "occurred_at": TIME,
        "channel": "shop",
        "type": "page.viewed",
        "identifiers": [{"type": "cookie", "value": f"c-{mark}"}],
        "source": {"system": "segment"},
        "body": {"url": "https://shop.example.com/coffee", "title": "Coffee"},
    }


def _segment(mark: str) -> Json:
    return {
        "type": "page",
        "messageId": mark,
        "timestamp": TIME,
        "anonymousId": f"c-{mark}",
        "context": {"library": {"name": "analytics.js", "version": "2.11.1"}},
        "properties": {"url": "https://shop.example.com/coffee", "title": "Coffee"},
    }


def tell(report: Result) -> str:
    """The report for people."""
    lines = (
        f"  batches of {one['events']}: p50 {one['segment']['p50']} ms against "
        f"{one['native']['p50']} ms (× {one['p50_ratio']}), "
        f"CPU × {one['service_cpu_us_each_ratio']}"
        for one in report["batches"]
    )
    load = report["machine"]["load_average"][0]
    return "\n".join((f"Segment protocol beside our own; load average {load}", *lines))

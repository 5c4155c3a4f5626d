"""A live run with everything that dashboards show, scraped by a real Prometheus every second.

Its recording rules are those that operators deploy.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import orjson

from devtools.prometheus import Prometheus, scrape_configuration
from tests.deploy.live import LiveSystem, Traffic, sample_lines
from tests.e2e.runs import wait_for
from tests.events import event, identifier
from tests.sse import Follower

DEADLINE_S = 240.0
RULES = sorted((Path(__file__).parents[2] / "deploy" / "prometheus" / "rules").glob("*.yaml"))
FEEDS = ("incidents", "profiles")
SEEN = (
    "min(count_over_time(up[10m])) >= 20",  # rates, and rules on rates, need some
    'sum(increase(c360_incident_changes_total{state="open"}[10m])) > 0',
    'max(max_over_time(c360_incidents{state="open"}[10m])) > 0',  # looked at once a minute
    "max(max_over_time(c360_insight_value[10m])) > 0",
    'sum(increase(c360_probe_journeys_total{outcome="ok"}[10m])) > 0',
    "min(sum by (channel) (rate(c360_probe_freshness_seconds_count[10m]))) > 0",
)
"""What has data once enough was scraped of what takes a while."""


class Seen(NamedTuple):
    """A Prometheus that scraped a run, and from when to when that was, in seconds since 1970."""

    prometheus: Prometheus
    start: float
    end: float


@contextmanager
def seen_run(directory: Path, waves: int) -> Iterator[Seen]:
    """Events good and bad, conflicts, merges, incidents, reads, streams and errors.

    The first half of a sample stream is imported, with its garbage; the other half comes over HTTP.
    The system runs on meanwhile, until the context ends.
    """
    lines = sample_lines(directory)
    imported, sent = lines[: len(lines) // 2], lines[len(lines) // 2 :]
    linked = next(line for line in lines if b'"identity.linked"' in line)
    for name, part in (("linked", [linked]), ("imported", imported)):
        (directory / f"{name}.jsonl").write_bytes(b"\n".join(part) + b"\n")
    with ExitStack() as stack:
        system = stack.enter_context(LiveSystem(directory))
        probe = system.add_probe()
        # The first scrape sets off the only look at the largest profile for minutes.
        system.run.publish(directory / "linked.jsonl")
        system.run.wait_drained()
        scraping = scrape_configuration(system.targets, rule_files=RULES)
        prometheus = stack.enter_context(Prometheus(scraping))
        start = time.time()
        (directory / "bought.jsonl").write_bytes(b"\n".join(purchases(datetime.now(UTC))) + b"\n")
        system.run.publish(directory / "imported.jsonl")
        system.run.publish(directory / "bought.jsonl")
        system.run.final_tick()
        system.run.c360("insights", "keep", "repeat_purchase_rate")
        probe.start()
        for feed in FEEDS:
            url = system.api.base_url
            stack.enter_context(Follower(url, f"/v1/{feed}/stream", system.key))
        with Traffic(system, sent) as traffic:
            half = waves // 2
            system.run.wait(lambda: traffic.waves >= half or traffic.ended, "half", DEADLINE_S)
            system.run.c360("incidents", "tick")
            system.run.wait(
                lambda: (traffic.waves >= waves and _has_seen_all(prometheus)) or traffic.ended,
                "all",
                DEADLINE_S,
            )
        end = time.time()
        wait_for(lambda: _scraped_at(prometheus) > end + 1)
        yield Seen(prometheus, start, time.time())


def purchases(now: datetime) -> list[bytes]:
    """Six customers who bought of late, of whom half did so again: a measure shows no fewer than
    five."""
    return [
        orjson.dumps(
            event(
                "order.placed",
                event_id=f"bought-{number}",
                occurred_at=(now - timedelta(days=9 * (1 + number))).isoformat(),
                identifiers=[identifier("email", f"buyer-{number % 6}@example.org", verified=True)],
                body={"order_id": f"B-{number}", "lines": [{"sku": "4711", "total": "9.00"}]},
            )
        )
        for number in range(9)
    ]


def _has_seen_all(prometheus: Prometheus) -> bool:
    return all(map(prometheus.query, SEEN))


def _scraped_at(prometheus: Prometheus) -> float:
    """When the process was scraped that was not scraped for longest."""
    return float(prometheus.query("min(timestamp(up))")[0]["value"][1])

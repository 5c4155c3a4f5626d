"""Every query of every dashboard, asked as Grafana asks it of a Prometheus that saw a live run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.reading import Reading, Series, boards, named, targets
from tests.deploy.seen import Seen, seen_run
from tests.tiers import LONG

pytestmark = LONG
BOARDS = boards()
WAVES = 8
AT_REST = {
    "Access log entries not written",
    "Age of the oldest edge in work",
    "Age of the oldest offer in work",
    "Age of the oldest record in work",
    "Age of what waits",
    "Batches retried",
    "Bodies in memory",
    "Clock ahead of the store's",
    "Contradicting orders",
    "Critical ones",
    "Edges waiting",
    "Failed answers",
    "How fast the error budgets go, over an hour",
    "How fast the error budgets go, over six hours",
    "Incidents retracted",
    "Measures, as kept last",
    "Merges, splits and refusals B",
    "Not ended, by kind and state",
    "Offers waiting",
    "Open, by severity",
    "Partitions reassigned",
    "Processes away",
    "Profiles split",
    "Profiles worth a look",
    "Records read again after a gap",
    "Records waiting",
    "Records waiting in its partitions",
    "Records waiting, by job",
    "Records waiting, by partition",
    "Records waiting, by topic",
    "Values of too many persons",
    "Waiting for the store",
    "Waiting in the intake",
}
"""Panels, and queries of panels, that may show nothing but 0 while all is well."""


@pytest.fixture(params=BOARDS)
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each dashboard in turn."""
    return BOARDS[request.param]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """A short run."""
    with seen_run(tmp_path_factory.mktemp("live"), WAVES) as seen:
        yield seen


def test_every_query_is_answered(board: dict[str, Any], seen: Seen) -> None:
    """Each query of each panel has data, its series have the labels of their legend, and what
    happened in the run is seen."""
    reading = Reading(board, *seen)
    silent: list[str] = []
    for target in targets(board):
        series = reading.answer(target)
        for one in series:
            named(target.legend, one.labels)
        if not series:
            silent.append(f"{target}: no data for {reading.filled_in(target.query['expr'])}")
        elif not {target.panel["title"], str(target)} & AT_REST and not _moves(series):
            silent.append(f"{target}: nothing but 0")
    assert silent == []


def test_every_rule_is_evaluated(seen: Seen) -> None:
    """What is recorded has data, every alert can be judged, and none fires while all is well."""
    groups = seen.prometheus.get("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert {rule["health"] for rule in rules} == {"ok"}, rules
    alerts = [rule for rule in rules if rule["type"] == "alerting"]
    assert [rule["name"] for rule in alerts if rule["state"] == "firing"] == []
    silent = {
        rule["name"]
        for rule in rules
        if rule["type"] == "recording"
        and not seen.prometheus.query(f"last_over_time({rule['name']}[10m])")
    }
    assert silent <= {"c360:api_route_errors:ratio_rate10m"}, "only where requests failed"


def _moves(series: list[Series]) -> bool:
    return any(value for one in series for _, value in one.points)

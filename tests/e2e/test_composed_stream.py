"""One stream with contradictions of every kind: exactly the planted ones are found."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.consistency.kinds import KINDS
from tests.e2e.runs import c360, c360_json
from tests.events import event, line
from tests.planted import SPAN, plant_all, planters

BEGIN = datetime(2026, 1, 5, 9, tzinfo=UTC)
APART = timedelta(hours=5, minutes=7)
ROUNDS = 4
CHANNELS = ("shop", "app", "pos", "email")


def test_every_kind_is_planted() -> None:
    """A kind that nobody plants is a kind that nobody checks."""
    assert sorted(planters()) == list(KINDS)


@pytest.mark.parametrize("order", ["as it happened", "shuffled"])
def test_exactly_the_planted_incidents(tmp_path: Path, order: str) -> None:
    """Recall and precision are 1.0, whatever the order of arrival."""
    planted = list(plant_all(BEGIN, APART, ROUNDS))
    events = [one for plant in planted for one in plant.events]
    latest = BEGIN + APART * len(planted) + SPAN
    assert max(datetime.fromisoformat(one["occurred_at"]) for one in events) <= latest
    events.sort(key=lambda one: datetime.fromisoformat(one["occurred_at"]))
    if order == "shuffled":
        random.Random(7).shuffle(events)
    events += [event(channel=channel, occurred_at=latest.isoformat()) for channel in CHANNELS]
    file = tmp_path / "stream.jsonl"
    file.write_bytes(b"\n".join(line(one) for one in events) + b"\n")
    c360(tmp_path / "data", "ingest", str(file))
    found: list[dict[str, Any]] = c360_json(tmp_path / "data", "incidents", "list", "--json")
    rest, missed = list(found), []
    for wanted in (one for plant in planted for one in plant.expected):
        fits = [one for one in rest if wanted.items() <= one.items()]
        if fits:
            rest.remove(fits[0])
        else:
            missed.append(wanted)
    assert (missed, rest) == ([], [])

"""Synthetic journeys: valid, marked, bounded in customers, and judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schemas.touchpoint import TouchpointAdapter
from services.probe.core.journey import CHANNELS, CUSTOMERS, customer_of, journey
from services.probe.core.outcome import JourneyOutcome, judge

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_every_event_is_valid_and_marked() -> None:
    """No event of a journey would be rejected, none would be counted; all channels have one."""
    steps = journey("r", 7, AT, "default")
    assert tuple(step.channel for step in steps) == CHANNELS
    for step in steps:
        event = TouchpointAdapter.validate_python(step.event)
        assert event.source.synthetic
        assert (event.channel, event.identifiers[0].value) == (
            step.channel, step.identifier["value"],
        )  # fmt: skip


def test_customers_take_turns_and_sessions_are_new() -> None:
    """Two weeks of minutes use every customer once; only sessions and ids differ the next time."""
    minutes = range(CUSTOMERS)
    assert {customer_of(AT + timedelta(minutes=one)) for one in minutes} == set(minutes)
    first, again = journey("a", 7, AT, "default"), journey("b", 7, AT, "default")
    same = [one.identifier == other.identifier for one, other in zip(first, again, strict=True)]
    assert same == [False, False, True, True]
    ids = {one.event["event_id"] for one in (*first, *again)}
    assert len(ids) == len(first) + len(again)


@pytest.mark.parametrize(
    ("profiles", "before", "outcome"),
    [
        ({"shop": "p", "app": "p"}, None, JourneyOutcome.OK),
        ({"shop": "p", "app": "p"}, (1, "q"), JourneyOutcome.OK),
        ({"shop": "p", "app": "p"}, (2, "p"), JourneyOutcome.OK),
        ({"shop": "p", "app": "p"}, (1, "p"), JourneyOutcome.NOT_APART),
        ({"shop": "p", "app": "q"}, None, JourneyOutcome.NOT_JOINED),
        ({"shop": "p", "app": None}, None, JourneyOutcome.NOT_JOINED),
    ],
)
def test_outcome_of_a_visible_journey(
    profiles: dict[str, str | None], before: tuple[int, str] | None, outcome: JourneyOutcome
) -> None:
    """One profile, and another one than that of another customer."""
    assert judge(profiles, 2, before)[0] is outcome

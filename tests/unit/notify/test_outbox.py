"""The outbox: which changes of an incident a target is to hear of, and under which number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from schemas.rules.routing import Route
from services.notify.outbox import NotifyOutbox, OutboxEntry

A = "target-a"
PAGE = {A: (Route.PAGE, {"team": "tills"}, 10.0)}


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[NotifyOutbox]:
    """An empty one."""
    with closing(NotifyOutbox(tmp_path / "state.sqlite")) as opened:
        yield opened


def record(state: str, severity: str = "high") -> dict[str, Any]:
    """An incident as far as the outbox looks at it."""
    return {"incident_id": "i-1", "state": state, "severity": severity, "realm": "default"}


def due(outbox: NotifyOutbox, now: float = 10.0) -> list[OutboxEntry]:
    """What is due."""
    return outbox.due(A, now, 100)


def told(outbox: NotifyOutbox, *states: str) -> list[tuple[int, str]]:
    """Numbers and states that are sent when each state is delivered before the next comes."""
    sent = []
    for state in states:
        outbox.take(record(state), PAGE)
        entries = due(outbox)
        sent += [(one.number, one.record["state"]) for one in entries]
        outbox.trying(entries)
        outbox.delivered(entries)
    return sent


def test_each_change_once(outbox: NotifyOutbox) -> None:
    """Repetitions are no change; a return has a number of its own."""
    states = ("open", "open", "acknowledged", "resolved", "resolved", "open", "resolved")
    assert told(outbox, *states) == [
        (1, "open"), (2, "acknowledged"), (3, "resolved"), (4, "open"), (5, "resolved"),
    ]  # fmt: skip


@pytest.mark.parametrize("state", ["resolved", "retracted", "pending", "upcoming", "muted"])
def test_what_nobody_heard_of_needs_no_end(outbox: NotifyOutbox, state: str) -> None:
    """An incident that ends, or is seen to, before it was sent is not sent."""
    assert told(outbox, state) == []
    outbox.take(record("open"), PAGE)
    assert due(outbox, 9.9) == []
    outbox.take(record(state), PAGE)
    assert due(outbox) == []


def test_a_target_that_may_have_heard_is_sent_the_end(outbox: NotifyOutbox) -> None:
    """After a try without an answer the end is sent, under another id than the begin."""
    outbox.take(record("open"), PAGE)
    outbox.trying(due(outbox))
    outbox.take(record("resolved"), PAGE)
    [entry] = due(outbox)
    assert (entry.number, entry.record["state"]) == (1, "resolved")


def test_a_change_during_a_delivery_is_sent_after_it(outbox: NotifyOutbox) -> None:
    """The entry that was delivered does not take the later one with it."""
    outbox.take(record("open"), PAGE)
    entries = due(outbox)
    outbox.trying(entries)
    outbox.take(record("resolved"), PAGE)
    outbox.delivered(entries)
    [entry] = due(outbox)
    assert (entry.number, entry.record["state"]) == (2, "resolved")


def test_refusals_are_counted_and_listed(outbox: NotifyOutbox) -> None:
    """After so many the event is given up, and what comes later is sent again."""
    outbox.take(record("open"), PAGE)
    assert not outbox.refused(due(outbox), 2, "m-1", 400, 1.0)
    assert outbox.refused(due(outbox), 2, "m-1", 404, 2.0)
    assert due(outbox) == []
    assert outbox.given_up() == [(A, "m-1", 404, 2.0)]
    assert told(outbox, "resolved") == [(2, "resolved")]


def test_position_and_entries_survive(tmp_path: Path) -> None:
    """Both are on disk when a call returns."""
    path = tmp_path / "state.sqlite"
    with closing(NotifyOutbox(path)) as first:
        first.take(record("open"), PAGE, "id-7")
        first.trying(due(first))
    with closing(NotifyOutbox(path)) as again:
        assert again.last_id == "id-7"
        [entry] = due(again)
        assert (entry.labels, entry.number) == ({"team": "tills"}, 1)
        assert again.waiting() == [(A, 1, 10.0)]

"""Faults in the outbox: one page for all incidents of one, and one end, through kills."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from schemas.incident import Severity
from schemas.rules.routing import Route
from services.notify.faults import SIZES, Where
from services.notify.notifier import message_of
from services.notify.outbox import NotifyOutbox, OutboxEntry

A, B = "target-a", "target-b"
PAGE: dict[str, Where] = {A: (Route.PAGE, {}, 10.0)}
DIGEST: dict[str, Where] = {A: (Route.DIGEST, {}, 500.0)}
ENDED = ("resolved", "retracted")
SEEN_TO = ("acknowledged", "muted")


def opened(path: Path) -> NotifyOutbox:
    """The outbox of a file, whose target A is told of faults."""
    outbox = NotifyOutbox(path)
    outbox.faults.begin([A])
    return outbox


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[NotifyOutbox]:
    """An empty one."""
    with closing(opened(tmp_path / "state.sqlite")) as made:
        yield made


def record(number: int, state: str, severity: str = "high", fault: str = "f-1") -> dict[str, Any]:
    """An incident as far as the outbox looks at it."""
    return {
        "incident_id": f"i-{number}", "fault_id": fault, "state": state, "severity": severity,
        "realm": "default", "kind": "price_mismatch",
    }  # fmt: skip


def sent(outbox: NotifyOutbox, now: float = 100.0) -> list[tuple[str, str, int, int]]:
    """What is due and delivered: name and number, state, incidents that last, and all."""
    found = []
    while entries := outbox.due(A, now, 1):
        outbox.trying(entries)
        outbox.delivered(entries)
        [one] = entries
        fault = one.record.get("fault", {"open": 0, "incidents": 0})
        name = f"{one.name}.{one.number}"
        found.append((name, one.record["state"], fault["open"], fault["incidents"]))
    return found


def test_one_page_and_one_end(outbox: NotifyOutbox) -> None:
    """However many incidents; a fault that returns is told again, under another number."""
    for number in range(5):
        outbox.take(record(number, "open"), PAGE)
    assert sent(outbox) == [("f-1.1", "open", 5, 5)]
    outbox.take(record(5, "open"), PAGE)
    for number in range(5):
        outbox.take(record(number, "resolved"), PAGE)
    assert sent(outbox) == []
    outbox.take(record(5, "retracted"), PAGE)
    outbox.take(record(5, "retracted"), PAGE)
    assert sent(outbox) == [("f-1.2", "retracted", 0, 6)]
    outbox.take(record(6, "open"), PAGE)
    assert sent(outbox) == [("f-1.3", "open", 1, 1)]


def test_a_fault_is_told_as_it_grows(outbox: NotifyOutbox) -> None:
    """At 10 and at 100 incidents that last; not again when it shrinks and grows."""
    told = []
    for number in range(120):
        outbox.take(record(number, "open"), PAGE)
        told += sent(outbox)
    assert [(state, size) for _, state, size, _ in told] == [
        ("open", 1), ("open", 10), ("open", 100),
    ]  # fmt: skip
    for number in range(50):
        outbox.take(record(number, "resolved"), PAGE)
    for number in range(50):
        outbox.take(record(number, "open"), PAGE)
    assert sent(outbox) == []


def test_what_is_worse_is_told(outbox: NotifyOutbox) -> None:
    """A more severe incident, and one to be paged after the digest; the worst stands for all."""
    outbox.take(record(1, "open", "low"), DIGEST)
    assert sent(outbox) == []
    assert sent(outbox, 500.0) == [("f-1.1", "open", 1, 1)]
    outbox.take(record(2, "open", "low"), PAGE)
    assert sent(outbox) == [("f-1.2", "open", 2, 2)]
    outbox.take(record(3, "open", "critical"), PAGE)
    [entry] = outbox.due(A, 100.0, 9)
    assert (entry.record["incident_id"], entry.route) == ("i-3", Route.PAGE)
    assert sent(outbox) == [("f-1.3", "open", 3, 3)]
    outbox.take(record(4, "open", "high"), PAGE)
    outbox.take(record(3, "resolved", "critical"), PAGE)
    assert sent(outbox) == []


def test_a_page_does_not_wait_for_the_digest(outbox: NotifyOutbox) -> None:
    """The first that is due begins, whichever was heard of first."""
    outbox.take(record(1, "open"), DIGEST)
    outbox.take(record(2, "open"), PAGE)
    outbox.take(record(3, "open"), DIGEST)
    [entry] = outbox.due(A, 100.0, 9)
    assert (entry.route, entry.due, entry.record["incident_id"]) == (Route.PAGE, 10.0, "i-2")


def test_a_fault_is_seen_to_when_all_of_it_is(outbox: NotifyOutbox) -> None:
    """Who has seen to it is not told of each that comes; who takes that back is told."""
    for number in (1, 2):
        outbox.take(record(number, "open"), PAGE)
    assert [state for _, state, *_ in sent(outbox)] == ["open"]
    outbox.take(record(1, "acknowledged"), PAGE)
    assert sent(outbox) == []
    outbox.take(record(2, "muted"), PAGE)
    assert [state for _, state, *_ in sent(outbox)] == ["acknowledged"]
    outbox.take(record(3, "open"), PAGE)
    assert sent(outbox) == []
    outbox.take(record(3, "resolved"), PAGE)
    outbox.take(record(2, "open"), PAGE)
    outbox.take(record(4, "open"), PAGE)
    assert [state for _, state, *_ in sent(outbox)] == ["open"]


def test_labels_say_whom_it_is_for(outbox: NotifyOutbox) -> None:
    """Incidents of one fault that are routed to two teams are two; each keeps its team."""
    for number, team in ((1, "north"), (2, "south"), (3, "north")):
        outbox.take(record(number, "open"), {A: (Route.PAGE, {"team": team}, 10.0)})
    entries = outbox.due(A, 10.0, 9)
    assert sorted(one.labels["team"] for one in entries) == ["north", "south"]
    assert len({one.name for one in entries}) == 2
    sent(outbox)
    outbox.take(record(1, "open"), {A: (Route.PAGE, {"team": "south"}, 10.0)})
    assert sent(outbox) == []
    outbox.take(record(2, "resolved"), {A: None})
    [end] = outbox.due(A, 1e12, 9)
    assert (end.labels, end.record["state"]) == ({"team": "south"}, "resolved")


def test_what_ends_before_its_page_is_not_told(outbox: NotifyOutbox) -> None:
    """Nor is what is seen to, or was for somebody else all the time."""
    outbox.take(record(1, "open"), PAGE)
    outbox.take(record(1, "resolved"), PAGE)
    outbox.take(record(2, "open"), {A: None})
    outbox.take(record(3, "acknowledged"), PAGE)
    outbox.take(record(4, "pending"), PAGE)
    assert sent(outbox) == []
    assert outbox.lasting() == {"i-3"}


def test_an_end_during_a_delivery(outbox: NotifyOutbox) -> None:
    """What the target may have heard of ends for it, too, once."""
    outbox.take(record(1, "open"), PAGE)
    entries = outbox.due(A, 10.0, 9)
    outbox.trying(entries)
    for number in range(2, 9):
        outbox.take(record(number, "open"), PAGE)
    outbox.delivered(entries)
    assert sent(outbox) == []
    outbox.take(record(9, "open", "critical"), PAGE)
    entries = outbox.due(A, 100.0, 9)
    outbox.trying(entries)
    for number in range(1, 10):
        outbox.take(record(number, "resolved"), PAGE)
    outbox.delivered(entries)
    assert sent(outbox) == [("f-1.3", "resolved", 0, 9)]


def test_another_message_has_another_id(outbox: NotifyOutbox) -> None:
    """What a target may have got by an id is not replaced by something worse under the same one."""
    outbox.take(record(1, "open", "low"), PAGE)
    outbox.trying(outbox.due(A, 10.0, 9))
    outbox.take(record(2, "open", "low"), PAGE)
    assert [one.number for one in outbox.due(A, 10.0, 9)] == [1]
    outbox.take(record(3, "open", "critical"), PAGE)
    assert [name for name, *_ in sent(outbox)] == ["f-1.2"]


def test_what_is_purged_ends_its_fault(outbox: NotifyOutbox) -> None:
    """Without its content."""
    outbox.take(record(1, "open") | {"subject": {"sku": "4711"}}, PAGE)
    outbox.take(record(2, "open", fault="f-2"), PAGE)
    sent(outbox)
    outbox.forget("i-1", "id-9")
    assert outbox.last_id == "id-9"
    [entry] = outbox.due(A, 1e12, 9)
    assert (entry.name, entry.record["state"]) == ("f-1", "retracted")
    assert "4711" not in str(entry.record)
    assert outbox.lasting() == {"i-2"}


def test_what_was_told_alone_stays_alone(tmp_path: Path) -> None:
    """A state file of before, or of another setting: nobody is paged again for the fault."""
    path = tmp_path / "state.sqlite"
    with closing(NotifyOutbox(path)) as before:
        before.take(record(1, "open", fault=""), PAGE)
        assert sent(before) == [("i-1.1", "open", 0, 0)]
        before.take(record(2, "open", fault=""), PAGE)
    with closing(opened(path)) as after:
        after.take(record(1, "open"), PAGE)
        after.take(record(2, "open"), PAGE)
        assert sent(after) == [("i-2.1", "open", 0, 0)]
        after.take(record(3, "open"), PAGE)
        after.take(record(1, "resolved"), PAGE)
        assert sent(after) == [("f-1.1", "open", 1, 1), ("i-1.2", "resolved", 0, 0)]
        after.take(record(4, "open", fault=""), PAGE)
        assert sent(after) == [("i-4.1", "open", 0, 0)]
        after.faults.begin([B])
        after.take(record(5, "open"), PAGE)
        assert sent(after) == [("i-5.1", "open", 0, 0)]
        assert "i-3" not in after.lasting()


def test_the_event(outbox: NotifyOutbox) -> None:
    """The worst incident as the stream prints it, and what is known of its fault beside it."""
    said = record(1, "open")
    outbox.take(said, PAGE)
    outbox.take(record(2, "open"), PAGE)
    message = message_of(outbox.due(A, 10.0, 9))
    event = orjson.loads(message.body)
    assert (message.message_id, event["subject"]) == ("f-1.1.open", "f-1")
    fault = {"id": "f-1", "open": 2, "incidents": 2}
    assert event["data"] == {"incident": said, "labels": {}, "fault": fault}


class _Naive:
    """What a target is sent if everything is delivered at once, from the whole state each time."""

    def __init__(self) -> None:
        self.members: dict[int, tuple[str, int]] = {}
        self.told = ""
        self.rank = self.step = -1

    def take(self, number: int, state: str, rank: int) -> str | None:
        """The state that is sent, if anything is."""
        before = self.members.get(number, ("", 0))[0]
        if state in ("open", *SEEN_TO):
            self.members[number] = (state, rank)
        else:
            self.members.pop(number, None)
        state = self._news(before in SEEN_TO and state == "open", state)
        if state:
            self.told = "" if state in ENDED else state
            worst = [r for s, r in self.members.values() if s == state]
            self.rank = max([self.rank, *worst]) if self.told else -1
            size = bisect_right(SIZES, len(self.members))
            self.step = max(self.step, size) if self.told else -1
        return state or None

    def _news(self, returned: bool, ended: str) -> str:
        states = [state for state, _ in self.members.values()]
        if not states:
            return (ended if ended in ENDED else "retracted") if self.told else ""
        if "open" not in states:
            now = "acknowledged" if "acknowledged" in states else "muted"
            return now if self.told == "open" else ""
        worst = max(rank for state, rank in self.members.values() if state == "open")
        larger = bisect_right(SIZES, len(states)) > self.step
        news = not self.told or worst > self.rank or larger or (returned and self.told != "open")
        return "open" if news else ""


class _Step(NamedTuple):
    number: int
    state: str
    severity: Severity


def steps(numbers: random.Random, count: int, incidents: int) -> list[_Step]:
    """Random changes of a few incidents."""
    states = ("open", "open", "open", "resolved", "acknowledged", "muted", "retracted", "pending")
    return [
        _Step(numbers.randrange(incidents), numbers.choice(states), numbers.choice([*Severity]))
        for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(12))
def test_as_a_simple_reckoning_says(tmp_path: Path, seed: int) -> None:
    """What is sent, in order, when every change is delivered before the next."""
    numbers, naive = random.Random(seed), _Naive()
    with closing(opened(tmp_path / "state.sqlite")) as outbox:
        for step in steps(numbers, 80, 3 + seed):
            wanted = naive.take(step.number, step.state, step.severity.rank)
            outbox.take(record(step.number, step.state, step.severity), PAGE)
            told = [state for _, state, *_ in sent(outbox)]
            assert told == ([wanted] if wanted else []), step


@pytest.mark.parametrize("seed", range(15))
def test_through_kills_and_failures(tmp_path: Path, seed: int) -> None:
    """Never two pages while a fault lasts and neither grows nor worsens; never none; the end if
    and only if there was a page. Requests fail, last, and are cut off by kills."""
    numbers = random.Random(1_000 + seed)
    path, members = tmp_path / "state.sqlite", dict[int, str]()
    heard, tries = list[OutboxEntry](), list[list[str]]([[]])
    outbox, in_flight = opened(path), list[OutboxEntry]()
    for step in steps(numbers, 150, 12):
        outbox.take(record(step.number, step.state, step.severity), PAGE)
        members[step.number] = step.state
        chance = numbers.random()
        if in_flight and chance < 0.4:
            outbox.delivered(in_flight)
            heard += in_flight
            tries.append([])
            in_flight = []
        elif in_flight and chance < 0.6:
            in_flight = []
        elif chance < 0.7:
            outbox.close()
            outbox, in_flight = opened(path), []
        elif not in_flight:
            in_flight = outbox.due(A, 1e12, 1)
            outbox.trying(in_flight)
            tries[-1] += [one.record["state"] for one in in_flight]
    while entries := outbox.due(A, 1e12, 1):
        outbox.trying(entries)
        outbox.delivered(entries)
        heard += entries
        tries.append([])
    outbox.close()
    _check(heard, tries, set(members.values()))


def _check(heard: list[OutboxEntry], tries: list[list[str]], states: set[str]) -> None:
    told, worst, step = "", -1, -1
    numbers = [one.number for one in heard]
    assert numbers == sorted(set(numbers))
    for one, tried in zip(heard, tries, strict=False):
        state, rank = one.record["state"], Severity(one.record["severity"]).rank
        size = bisect_right(SIZES, one.record["fault"]["open"])
        if state in ENDED:
            assert told, "an end of what nobody heard of"
            told, worst, step = "", -1, -1
            continue
        if told == state == "open" and set(tried) <= {"open"}:  # else it may have heard otherwise
            assert rank > worst or size > step, "paged twice"
        told, worst, step = state, max(worst, rank), max(step, size)
    if "open" in states:
        assert told, "never none"
    if states.isdisjoint(("open", *SEEN_TO)):
        assert not told, "the end is told"

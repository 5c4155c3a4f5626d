"""The ingest worker's loop where the simulation does not look: odd settings, odd moments, odd
events. Its order of effects is tested in tests/simulation."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from services.ingest.worker import Limits
from services.runtime.errors import Fatal
from services.stream.ports import Delivery, Partition
from tests.events import event, line
from tests.unit.ingest.bench import Bench, Source


def sent(**changes: Any) -> bytes:
    return line(event(**changes))


def test_fatal_on_a_quiet_topic_ends_the_worker_at_once() -> None:
    """A fault of a batch is raised without waiting for the next event."""
    bench = Bench(*[b"garbage"] * 3, limits=Limits(linger_s=0.05), consecutive_max=2)
    with pytest.raises(Fatal, match="3 events in a row were refused"):
        bench.run_until(lambda: False)
    assert bench.source.committed == []
    assert bench.outbox.sent == []


def test_no_linger_is_no_spin() -> None:
    """With a linger of zero every fetch is a batch, and the rest of the process still runs."""
    bench = Bench(*[sent(event_id=f"e{n}") for n in range(5)], limits=Limits(2, linger_s=0))
    bench.run_until(lambda: bench.source.committed[-1:] == [5])
    assert bench.source.committed[-1] == 5
    assert bench.metrics.events.labels("accepted")._value.get() == 5


def test_event_that_we_fail_on_is_put_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours in one event stops neither the others nor the worker; its text, which may
    quote the event, is kept nowhere."""
    bench = Bench(*[sent(event_id=f"e{n}") for n in range(3)], limits=Limits(linger_s=0.05))
    process = bench.core.process

    def failing(line: bytes, *rest: Any) -> Any:
        if b"e1" in line:
            raise KeyError("anna@example.com")
        return process(line, *rest)

    monkeypatch.setattr(bench.core, "process", failing)
    bench.run_until(lambda: bool(bench.source.committed))
    (letter,) = [one for one in bench.outbox.sent if one.topic == "c360.rejected"]
    headers = dict(letter.headers)
    assert headers["c360-reason"] == b"unprocessable"
    assert headers["c360-source-offset"] == b"1"
    assert letter.value == sent(event_id="e1")
    assert all(b"anna" not in value for value in headers.values())
    assert bench.metrics.events.labels("accepted")._value.get() == 2


def test_stop_finishes_what_is_in_hand() -> None:
    """A worker that is stopped before its batch is full processes and commits it."""
    bench = Bench(sent(), limits=Limits(linger_s=30))
    bench.run_until(lambda: not bench.source.left)
    assert bench.source.committed == [1]


class Steady(Source):
    """Hands out one event every so many virtual seconds."""

    def __init__(self, *values: bytes, every_s: float) -> None:
        super().__init__(*values)
        self._every_s = every_s
        self.committed_s: list[float] = []

    async def fetch(self, records_max: int, timeout_s: float) -> list[Delivery]:
        """One that has come, or none in this time."""
        if not self.left:
            return await super().fetch(records_max, timeout_s)
        now_s = asyncio.get_running_loop().time()
        due_s = self.left[0].offset * self._every_s
        if due_s > now_s + timeout_s:
            await asyncio.sleep(timeout_s)
            return []
        await asyncio.sleep(max(0.0, due_s - now_s))
        return [self.left.pop(0)]

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """See `Source`; remembers when."""
        self.committed_s.append(asyncio.get_running_loop().time())
        await super().commit(offsets)


def committed_at(events: int, every_s: float) -> list[float]:
    """When the batches of a steady stream are committed, with a linger of half a second."""
    values = [sent(event_id=f"e{n}") for n in range(events)]
    steady = Steady(*values, every_s=every_s)
    bench = Bench(limits=Limits(linger_s=0.5), source=steady)
    bench.run_until(lambda: steady.committed[-1:] == [events])
    return steady.committed_s


def test_few_events_share_a_batch() -> None:
    """At five a second the first goes at once, then a batch every two seconds."""
    times = committed_at(31, 0.2)
    assert times[0] < 0.1
    assert [round(one) for one in times] == [0, 2, 4, 6]


def test_many_events_wait_for_one_linger() -> None:
    """At four hundred a second there is a batch every half second, as soon as there are many."""
    times = committed_at(801, 0.0025)
    pauses = [later - before for before, later in itertools.pairwise(times[1:])]
    assert pauses
    assert all(abs(one - 0.5) < 0.05 for one in pauses[:-1])

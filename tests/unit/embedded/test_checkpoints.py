"""When the store notes what is processed: together for few events, and before what relies on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from schemas.reject import RejectReason
from schemas.watermark import Watermark
from services.embedded.checkpoints import NOTED_WITHIN_S, UNNOTED_EVENTS_MAX, Checkpoints
from services.embedded.pipeline import Pipeline
from services.ingest.core.outcome import Accepted, Intake, Reject
from services.ingest.lines import Line
from services.ingest.stage import Decoded, IngestStage
from services.runtime.errors import Retry
from services.stream.watermarks import MemoryWatermarks
from tests.events import RECEIVED_AT, core, event, line
from tests.simulation.embedded import Embedded
from tests.simulation.stores import Facts


class World:
    """A process on stores in memory, with a clock that is set."""

    def __init__(self) -> None:
        self.now = RECEIVED_AT
        self.alone = Embedded(lambda: self.now)

    @property
    def pipeline(self) -> Pipeline:
        """That of the process that runs."""
        return self.alone.pipeline

    @property
    def noted(self) -> int:
        """The checkpoint in the store."""
        return self.alone.rows.checkpoint

    def take(self, first: int, count: int = 1) -> None:
        """A batch of so many page views."""
        sent = [line(event(event_id=f"e-{number}")) for number in range(first, first + count)]
        lines = [Line(one, len(one)) for one in sent]
        self.pipeline.finish(self.pipeline.decode(lines, Intake.SERVER))


@pytest.fixture
def world() -> World:
    """An empty one."""
    return World()


def test_few_events_are_noted_once_in_a_while(world: World) -> None:
    """Not with each batch; when it is time, with the next batch, or without one."""
    for number in range(5):
        world.take(number)
    assert world.noted == 0
    assert world.pipeline.settled == 5
    world.now += timedelta(seconds=NOTED_WITHIN_S)
    world.take(5)
    assert world.noted == world.pipeline.settled == 6
    world.take(6)
    world.pipeline.note_if_due()
    assert world.noted == 6
    world.now -= timedelta(hours=1)  # a clock may be set back
    world.pipeline.note_if_due()
    assert world.noted == world.pipeline.settled == 7


def test_many_events_are_noted_at_once(world: World) -> None:
    """What a kill leaves in doubt is bounded, in one batch or in several."""
    world.take(0, UNNOTED_EVENTS_MAX)
    assert world.noted == 1
    world.take(1_000, UNNOTED_EVENTS_MAX - 1)
    assert world.noted == 1
    world.take(2_000)
    assert world.noted == 3


RELIES: dict[str, Callable[[Pipeline], object]] = {
    "an erasure, an expiry or a suppression": Pipeline.decide_undone,
    "other rules": Pipeline.new_version,
    "an action": lambda pipeline: pipeline.act([]),
    "a tick": Pipeline.tick,
    "what was removed": Pipeline.erased,
}


@pytest.mark.parametrize("what", RELIES)
def test_what_relies_on_it_comes_after_a_note(world: World, what: str) -> None:
    """Nothing that cannot be done again is done while earlier events are in doubt."""
    world.take(0)
    settled = world.pipeline.settled
    assert world.noted < settled
    RELIES[what](world.pipeline)
    assert world.noted >= settled


class Failing(MemoryWatermarks):
    """Takes nothing."""

    def write(self, watermarks: Sequence[Watermark]) -> None:
        """See the port."""
        raise Retry("no room")


def test_watermarks_are_never_behind_the_checkpoint(world: World) -> None:
    """What is behind the checkpoint is not processed again, so nobody would write them."""
    facts = Facts(world.alone.rows, None)
    checkpoints = Checkpoints(IngestStage(core(), facts), Failing(), lambda: RECEIVED_AT)
    checkpoints.advance([mark(RECEIVED_AT)])
    checkpoints.processed(1, 1)
    with pytest.raises(Retry):
        checkpoints.note()
    assert world.noted == 0
    assert checkpoints.reached


def test_the_latest_times_are_noted() -> None:
    """Of each channel, whatever the order of the batches."""
    marks, facts = MemoryWatermarks(), Facts(World().alone.rows, None)
    checkpoints = Checkpoints(IngestStage(core(), facts), marks, lambda: RECEIVED_AT)
    later = RECEIVED_AT + timedelta(minutes=1)
    checkpoints.advance([mark(later)])
    checkpoints.advance([mark(RECEIVED_AT)])
    assert list(checkpoints.reached.values()) == [mark(later)]
    checkpoints.processed(1, 2)
    checkpoints.note()
    assert marks.latest() == [mark(later)]
    assert not checkpoints.reached


def mark(at: datetime) -> Watermark:
    """How far the shop is."""
    return Watermark("shop.example", "shop", at, at)


def test_a_batch_does_not_fail_because_it_cannot_be_noted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is durable. It is noted with the next one; and where too much would be in doubt, the note
    is tried again before the next batch is answered."""
    left = [1]

    def fails(self: Checkpoints, note: Callable[[Checkpoints], None] = Checkpoints.note) -> None:
        if left[0]:
            left[0] -= 1
            raise Retry("away for a moment")
        note(self)

    monkeypatch.setattr(Checkpoints, "note", fails)
    world.take(0)
    world.now += timedelta(seconds=NOTED_WITHIN_S)
    world.take(1)
    assert (left, world.noted, world.pipeline.settled) == ([0], 0, 2)
    world.take(2)
    assert world.noted == 3
    left[0] = 2
    world.take(3, UNNOTED_EVENTS_MAX)
    assert (left, world.noted) == ([0], 4)


def test_what_is_in_doubt_is_one_batch(world: World) -> None:
    """Few events in many batches are processed again together; one that would be rejected today
    is neither rejected nor counted again."""
    for number in range(9):
        world.take(number)
    world.alone.start()
    before = world.pipeline.settled
    assert world.pipeline.recover() == 9
    assert world.pipeline.settled == before + 1


def test_a_stored_event_is_not_rejected_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings may have changed between a kill and the start: who sent it was told that it is
    stored, and it is."""
    world.take(0, 3)
    world.alone.start()
    decode, kept = IngestStage.decode, list[object]()

    def strict(self: IngestStage, *given: Any) -> Decoded:
        first, *others = decode(self, *given).outcomes
        assert isinstance(first, Accepted)
        reject = Reject(RejectReason.UNKNOWN_TYPE, event_id=first.event_id)
        return Decoded(given[0], [reject, *others], given[1], given[2])

    monkeypatch.setattr(IngestStage, "decode", strict)
    monkeypatch.setattr(Facts, "write_rejected", lambda _self, lines: kept.extend(lines))
    assert world.pipeline.recover() == 3
    assert kept == []
    assert len(world.alone.rows.facts) == 3

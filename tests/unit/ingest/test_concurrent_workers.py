"""Two workers that receive two bodies of one event id at the same moment, in two partitions.

What is promised of them in docs/delivery-guarantees.md, and what is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from services.consistency.adapters.memory import MemoryStore
from services.ingest.core.outcome import Accepted, Intake
from services.ingest.lines import Line
from services.ingest.ports import Known
from services.ingest.stage import ID_CONFLICT, IngestStage, Result, Status
from tests.events import RECEIVED_AT, core, event, line
from tests.simulation.stores import FactRows, Facts

FIELDS = event(event_id="e-1")
BODIES = [line(FIELDS), line(FIELDS | {"channel": "app"})]


class _Interrupted(Facts):
    """Another worker acts between this one's look at the known ids and its write."""

    def __init__(self, rows: FactRows, meanwhile: Callable[[], object]) -> None:
        super().__init__(rows, None)
        self._meanwhile = meanwhile

    def known(self, events: Sequence[Accepted]) -> dict[tuple[str, str], list[Known]]:
        found = super().known(events)
        self._meanwhile()
        return found


def _store(facts: Facts, body: bytes) -> Result:
    stage = IngestStage(core(), facts, from_log=True)
    decoded = stage.decode([Line(body, len(body))], RECEIVED_AT, Intake.SERVER)
    return stage.store(decoded, 0).results[0]


@pytest.mark.parametrize("first", [0, 1])
def test_at_the_same_moment_the_larger_hash_is_stored(first: int) -> None:
    """Whichever is written last, the stored fact is the same, though nobody notes the conflict."""
    rows, (one, other) = FactRows(MemoryStore()), (BODIES[first], BODIES[1 - first])
    meanwhile: list[Result] = []
    interrupted = _Interrupted(rows, lambda: meanwhile.append(_store(Facts(rows, None), other)))
    results = [_store(interrupted, one), *meanwhile]
    assert [result.status for result in results] == [Status.ACCEPTED] * 2
    (stored,) = rows.facts.values()
    assert stored.version == max(map(_version, BODIES))
    assert rows.conflicts == set()


@pytest.mark.parametrize("first", [0, 1])
def test_one_after_the_other_both_bodies_are_kept(first: int) -> None:
    """A worker that looks after the other has written notes the conflict, in either order."""
    rows = FactRows(MemoryStore())
    assert _store(Facts(rows, None), BODIES[first]).status is Status.ACCEPTED
    assert _store(Facts(rows, None), BODIES[1 - first]).reason == ID_CONFLICT
    assert {body for _, _, body in rows.conflicts} == set(BODIES)


def _version(body: bytes) -> int:
    outcome = core().process(body, RECEIVED_AT, Intake.SERVER)
    assert isinstance(outcome, Accepted)
    return outcome.version

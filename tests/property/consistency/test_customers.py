"""Incidents about customers: whatever comes in whatever order, they are those of the final map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random

import pytest

from schemas.identifiers import NodeId
from schemas.incident import IncidentState
from schemas.instants import from_ms
from schemas.records import DecisionRecord, IdentityRecordAdapter
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.core.resolve import resolve
from services.identity.ports import Placed
from services.ingest.core.outcome import Accepted, Intake
from services.ingest.lines import Line
from services.stream.ports import Outgoing
from tests.customer_kind import current_incidents, expected_incidents, map_of
from tests.simulation.checks import facts_of
from tests.simulation.embedded import Embedded
from tests.simulation.scenario import BEGIN, REALMS, Scenario, process, rules
from tests.simulation.stores import UNSTORABLE
from tests.tiers import volumes

CITIES = ("login",) * 4 + ("city",) * 6


class Killed(BaseException):
    """The process is gone. No handler of errors sees it."""


class DeadlyMap(MemoryIdentityStore):
    """Kills its writer now and then, after all, a part or nothing of the map is written."""

    def __init__(self, rng: Random) -> None:
        super().__init__()
        self._rng = rng
        self.deaths = 0

    def write_placements(
        self, realm: str, placements: Mapping[NodeId, Placed], version: int = 0
    ) -> None:
        """See the port."""
        if self._rng.random() < 0.75:
            super().write_placements(realm, placements, version)
            return
        share = self._rng.choice((0.0, 0.5, 1.0))
        part = {node: row for node, row in placements.items() if self._rng.random() < share}
        super().write_placements(realm, part, version)
        self.deaths += 1
        raise Killed


class Run:
    """One seed: touchpoints and decisions in random order and parts, with deaths and restarts."""

    def __init__(self, seed: int) -> None:
        rng = self._rng = Random(seed)
        self.sent = [
            one.record
            for one in Scenario(rng, CITIES).sent
            if one.record.topic.startswith(("touchpoints.", "c360.edges"))
        ]
        self.map = DeadlyMap(rng)
        self.embedded = Embedded(lambda: BEGIN, self.map)

    def play(self) -> None:
        """Everything once, in an order of its own."""
        waiting = list(self.sent)
        self._rng.shuffle(waiting)
        while waiting:
            size = self._rng.choice((1, 2, 7, 40))
            self._take(waiting[:size])
            waiting = waiting[size:]
            if self._rng.random() < 0.2:
                self.embedded.pipeline.tick()
            if self._rng.random() < 0.1:
                self.embedded.start()
        self.embedded.pipeline.tick()

    def retracted(self) -> int:
        """How many incidents stood until the map or a late event disproved them."""
        store = self.embedded.consistency
        found = store.incidents_of(list(store._incidents)).values()
        return sum(one.state is IncidentState.RETRACTED for mine in found for one in mine)

    def _take(self, records: Sequence[Outgoing]) -> None:
        """Until it is done: after a death a new process completes what the one before began."""
        values = [one.value or b"" for one in records if is_touchpoint(one)]
        lines = [Line(value, len(value)) for value in values]
        in_doubt = False
        while True:
            try:
                if in_doubt:
                    self.embedded.start()
                    self.embedded.pipeline.recover()
                pipeline = self.embedded.pipeline
                pipeline.finish(pipeline.decode(lines, Intake.SERVER))
                for decision in decisions_of(records):
                    pipeline.act([decision])
            except Killed:
                in_doubt = True
            else:
                return

    def check(self, realm: str) -> int:
        """The incidents are those of the bodies that count, under the map of all evidence; returns
        how many."""
        values = (one.value or b"" for one in self.sent if is_touchpoint(one))
        events = [
            event
            for value in values
            if isinstance(event := process(value, BEGIN), Accepted)
            and event.realm == realm
            and not event.event_id.startswith(UNSTORABLE)
        ]
        if not events:
            return 0
        edges = [edge for event in events for edge in event.edges]
        decisions = [one.decision() for one in decisions_of(self.sent) if one.realm == realm]
        placements = resolve(edges, decisions, (), rules()).placements
        holders = {node: one.profile for node, one in placements.items()}
        assert map_of(self.map)(realm) == holders
        counting = facts_of(events).values()
        claims = [claim for event in counting for claim in event.claims]
        now = max(event.occurred_ms for event in events)
        expected = expected_incidents(claims, holders, from_ms(now))
        assert current_incidents(self.embedded.consistency, realm) == expected
        return len(expected)


def is_touchpoint(record: Outgoing) -> bool:
    """Whether a source sent it."""
    return record.topic.startswith("touchpoints.")


def decisions_of(records: Iterable[Outgoing]) -> list[DecisionRecord]:
    """What people decided."""
    found = (
        IdentityRecordAdapter.validate_json(one.value or b"")
        for one in records
        if one.topic == "c360.edges"
    )
    return [one for one in found if isinstance(one, DecisionRecord)]


@pytest.mark.parametrize("seeds", volumes(30, 200))
def test_incidents_follow_the_map_whatever_comes_first(seeds: int) -> None:
    """In any order, parts and repetitions, through deaths while the map is written, in two realms:
    the incidents are those of all claims under the final map."""
    kept = deaths = retracted = 0
    for seed in range(seeds):
        run = Run(seed)
        try:
            run.play()
            kept += sum(run.check(realm) for realm in REALMS)
        except Exception as error:
            pytest.fail(f"seed {seed}: {type(error).__name__}: {error}")
        deaths += run.map.deaths
        retracted += run.retracted()
    assert kept > seeds // 2
    assert retracted > seeds // 10
    assert deaths > seeds

"""Memberships that follow events are what a computation from scratch finds, whatever happens."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.identifiers import NodeId
from schemas.instants import from_ms
from schemas.rules.segments import checked_segments
from services.profiles.core.consent import ConsentRecord
from services.runtime.errors import Retry
from services.segments.adapters.memory import MemorySegmentStore
from services.segments.core.compiler import compiled
from services.segments.core.decision import ENTERED, TouchCause
from services.segments.core.facts import CustomerEvent, CustomerFacts, DatedValues
from services.segments.core.plan import Needs, SegmentPlan, member
from services.segments.ports import MEMBER, SegmentChange, StoredDefinition
from services.segments.stage import SegmentStage
from tests.property.segments.histories import HOURS, SCOPE, SETTING, at, customer, definition
from tests.tiers import volumes

REALM = "default"
NODES = 6
SEGMENTS = 5
STEPS = 30
Said = CustomerEvent | ConsentRecord | tuple[str, DatedValues]
"""An event of any kind, as it arrives."""


class World:
    """What is known of some identifiers, and which of them are one person."""

    def __init__(self, rng: random.Random) -> None:
        people = {node: customer(rng) for node in range(1, NODES + 1)}
        self.kinds = {node: one.kind for node, one in people.items()}
        self.coming: list[tuple[NodeId, Said]] = []
        for node, one in people.items():
            self.coming += [(node, _named(event, node)) for event in one.events]
            self.coming += [(node, said) for said in one.consents]
            self.coming += [(node, (key, v)) for key, vs in one.attributes.items() for v in vs]
        rng.shuffle(self.coming)
        self.known: dict[NodeId, list[Said]] = {node: [] for node in people}
        self.holder = {node: node for node in people}

    def profiles(self) -> set[NodeId]:
        """Those of today."""
        return set(self.holder.values())

    def held(self, profile: NodeId) -> list[NodeId]:
        """The identifiers of a profile."""
        return [node for node, mine in self.holder.items() if mine == profile]

    def of(self, profile: NodeId) -> CustomerFacts | None:
        """The facts of a profile; None of one of whom nothing is known."""
        nodes = self.held(profile)
        said = [one for node in nodes for one in self.known[node]]
        if not said:
            return None
        attributes: defaultdict[str, list[DatedValues]] = defaultdict(list)
        for one in said:
            if isinstance(one, tuple) and not isinstance(one, CustomerEvent | ConsentRecord):
                attributes[one[0]].append(one[1])
        return CustomerFacts(
            max(self.kinds[node] for node in nodes),
            [one for one in said if isinstance(one, CustomerEvent)],
            attributes,
            [one for one in said if isinstance(one, ConsentRecord)],
        )

    def facts(
        self, realm: str, profiles: Collection[NodeId], needs: Needs
    ) -> dict[NodeId, CustomerFacts]:
        """See FactSource."""
        found = {one: self.of(one) for one in profiles}
        return {one: facts for one, facts in found.items() if facts is not None}

    def holders(self, realm: str, profiles: Collection[NodeId]) -> dict[NodeId, NodeId]:
        """See FactSource."""
        return {node: mine for node, mine in self.holder.items() if mine in profiles}

    def profiles_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, NodeId]:
        """See FactSource."""
        return {node: self.holder.get(node, node) for node in nodes}

    def reporting(self, realm: str, orders: Collection[str]) -> set[NodeId]:
        """See FactSource."""
        return set()

    def population(self, realm: str) -> Iterator[list[NodeId]]:
        """See FactSource."""
        yield sorted(self.profiles())


class FailingStore(MemorySegmentStore):
    """Fails once, at one of its next writes, when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.fails_after: int | None = None

    def _write(self) -> None:
        if self.fails_after is not None:
            self.fails_after -= 1
            if self.fails_after < 0:
                self.fails_after = None
                raise Retry("the store is away")

    def write_changes(self, realm: str, changes: Sequence[SegmentChange], batch: int) -> None:
        """See the port; some of them may be written."""
        for one in changes:
            self._write()
            super().write_changes(realm, [one], batch)
        self._write()

    def put_memberships(self, realm: str, segment: str, memberships: Any, version: int) -> None:
        """See the port."""
        for one in memberships:
            self._write()
            super().put_memberships(realm, segment, [one], version)

    def write_timers(self, realm: str, timers: Mapping[Any, Any], version: int) -> None:
        """See the port."""
        for key, one in timers.items():
            self._write()
            super().write_timers(realm, {key: one}, version)

    def write_evaluated(self, realm: str, tick: datetime, batch: int) -> None:
        """See the port."""
        self._write()
        super().write_evaluated(realm, tick, batch)


class Run:
    """A stage over a world, and what it has not noted yet."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.world = World(self.rng)
        self.store = FailingStore()
        self.stage = self._started()
        self.batch = 1
        self.hour = 0.0
        self.gone: set[NodeId] = set()
        self.unnoted: list[tuple[set[NodeId], TouchCause]] = []
        self.stored: dict[str, StoredDefinition] = {}
        self.numbers: dict[str, int] = {}
        self.plans: dict[str, SegmentPlan] = {}

    def _started(self) -> SegmentStage:
        return SegmentStage(self.world, self.store, lambda _: SETTING, [REALM], portion=2)

    def touch(self, nodes: set[NodeId], cause: TouchCause) -> None:
        """As a batch does."""
        self.batch += 1
        self.unnoted.append((nodes, cause))
        self.stage.touch(REALM, nodes, cause, self.batch)
        if self.rng.random() < 0.5:
            self.stage.note()
            self.unnoted.clear()

    def define(self) -> None:
        """Put some definitions in force, or others in their place."""
        chosen = self.rng.sample(range(SEGMENTS), self.rng.choice([1, 3, SEGMENTS]))
        written = {f"s{one}": definition(self.rng) for one in chosen}
        for name, one in checked_segments({"segment": written}, SCOPE).items():
            number = self.numbers.get(name, 0) + 1
            self.numbers[name] = number
            self.stored[name] = StoredDefinition(number, datetime(2026, 1, 1, tzinfo=UTC), one)
        self.plans = compiled({name: one.definition for name, one in self.stored.items()}, SETTING)
        self.batch += 1
        self.stage.define(REALM, self.stored, from_ms(at(self.hour)), self.batch)
        self.unnoted.clear()
        self.go_on()

    def remove(self) -> None:
        """Put a segment out of force."""
        if len(self.stored) > 1:
            name = self.rng.choice(sorted(self.stored))
            self.numbers[name] = self.stored.pop(name).number + 1
            del self.plans[name]
            self.batch += 1
            now, made = from_ms(at(self.hour)), datetime(2026, 1, 1, tzinfo=UTC)
            number = self.numbers[name]
            self.stage.remove(REALM, name, number, made, now, self.batch)
            self.unnoted.clear()
            self.go_on()

    def go_on(self) -> None:
        """Evaluate what follows in parts; perhaps not to the end, or the store fails. Batches,
        ticks and erasures come in between."""
        if self.rng.random() < 0.3:
            self.store.fails_after = self.rng.randrange(8)
        while self.rng.random() < 0.9:
            self.batch += 1
            known = len(self.store.changes(REALM))
            try:
                if self.stage.advance(REALM, self.batch) is None:
                    break
            except Retry:
                break
            mine = sum(map(len, self.store.changes_after(REALM, self.batch - 1)))
            assert len(self.store.changes(REALM)) - known == mine, "behind all that was read"
            if self.rng.random() < 0.4:
                self.store.fails_after = None
                self.rng.choice([self.arrive, self.merge, self.split, self.erase])()
            if self.rng.random() < 0.2:
                self.batch += 1
                self.stage.note()
                self.unnoted.clear()
                self.stage.tick({REALM: from_ms(at(self.hour))}, self.batch)
        self.store.fails_after = None

    def arrive(self) -> None:
        """Events, some of them again."""
        some = self.rng.randrange(1, 6)
        coming, self.world.coming = self.world.coming[:some], self.world.coming[some:]
        again = [(n, one) for n, said in self.world.known.items() for one in said]
        coming += self.rng.sample(again, min(len(again), 2))
        coming = [(node, said) for node, said in coming if node not in self.gone]
        for node, said in coming:
            self.world.known[node].append(said)
        self.touch({node for node, _ in coming}, TouchCause.EVENT)

    def merge(self) -> None:
        """Two profiles are one."""
        profiles = sorted(self.world.profiles())
        if len(profiles) > 1:
            one, other = self.rng.sample(profiles, 2)
            for node in self.world.held(other):
                self.world.holder[node] = one
            self.touch({one, other}, TouchCause.IDENTITY)

    def split(self) -> None:
        """An identifier is somebody else again."""
        moved = [node for node, profile in self.world.holder.items() if node != profile]
        if moved:
            node = self.rng.choice(moved)
            before, self.world.holder[node] = self.world.holder[node], node
            self.touch({before, node}, TouchCause.IDENTITY)

    def erase(self) -> None:
        """A person is erased, as the runtime does it."""
        if len(profiles := sorted(self.world.profiles())) < 2 or self.rng.random() < 0.5:
            return
        nodes = self.world.held(self.rng.choice(profiles))
        self.batch += 1
        self.stage.leaving(REALM, nodes, self.batch)
        self.store.erase(REALM, nodes)
        self.gone.update(nodes)
        self.unnoted = [(some - self.gone, cause) for some, cause in self.unnoted]
        for node in nodes:
            del self.world.holder[node], self.world.known[node]

    def tick(self) -> None:
        """Time goes on; perhaps the store fails, or the process is killed, at some write."""
        self.hour += self.rng.choice([0, 1, 1.5, 3, 10])
        self.stage.note()
        self.unnoted.clear()
        if self.rng.random() < 0.5:
            self.store.fails_after = self.rng.randrange(8)
        for _ in range(4):  # one is left to whoever evaluates in parts
            self.batch += 1
            try:
                self.stage.tick({REALM: from_ms(at(self.hour))}, self.batch)
                if self.store.evaluated(REALM) == (from_ms(at(self.hour)), self.batch):
                    break
                if not self.stage.follows(REALM):
                    break
            except Retry:
                if self.rng.random() < 0.5:
                    self.kill()
                if self.rng.random() < 0.5:
                    self.arrive()
                self.hour += self.rng.choice([0, 0, 2])
        self.store.fails_after = None

    def kill(self) -> None:
        """The process is killed; what was not noted is processed again."""
        self.stage = self._started()
        unnoted, self.unnoted = self.unnoted, []
        for nodes, cause in unnoted:
            self.touch(nodes, cause)

    def check(self) -> None:
        """All that must hold after a tick."""
        sizes = self.store.sizes(REALM)
        balance: defaultdict[str, int] = defaultdict(int)
        by_key: defaultdict[tuple[str, NodeId], list[SegmentChange]] = defaultdict(list)
        for one in self.store.changes(REALM):
            by_key[one.segment, one.profile].append(one)
        for (segment, profile), changes in by_key.items():
            if profile in self.gone:
                continue
            assert [one.change.sequence for one in changes] == list(range(1, len(changes) + 1))
            entered = [one.change.change == ENTERED for one in changes]
            assert entered == [number % 2 == 0 for number in range(len(changes))]
            balance[segment] += sum(1 if one else -1 for one in entered)
            times = [one.change.tick_ms for one in changes]
            assert times == sorted(times)
            assert all(one.change.at_ms <= one.change.tick_ms for one in changes)
        for name in self.numbers.keys() - self.plans.keys():
            assert (sizes.get(name, 0), balance[name]) == (0, 0), "nobody belongs to it"
            assert self.store.timed(REALM, name, 1) == []
        for name, plan in self.plans.items():
            members = {
                one.profile for page in self.store.memberships(REALM, name, MEMBER) for one in page
            }
            found = {one: self.world.of(one) for one in self.world.profiles()}
            expected = {
                one
                for one, facts in found.items()
                if facts is not None and member(facts, plan, at(self.hour))
            }
            assert members == expected
            assert len(members) == sizes.get(name, 0) == balance[name]


def _named(event: CustomerEvent, node: NodeId) -> CustomerEvent:
    return event._replace(event_id=f"{node}-{event.event_id}")


@pytest.mark.parametrize("runs", volumes(8, 1_000))
def test_memberships_are_those_from_scratch_at_every_tick(runs: int) -> None:
    """Whatever comes late, twice or corrected, merges, splits or is erased, however batches are
    cut,
    and whenever the process is killed: members are those of a computation from scratch, changes
    alternate, and the size is what they add up to."""
    for seed in range(runs):
        run = Run(seed)
        steps = [run.arrive] * 5 + [run.merge, run.split, run.erase, run.kill, run.define]
        steps += [run.remove, run.tick]
        run.define()
        run.tick()
        for _ in range(STEPS):
            step = run.rng.choice(steps)
            step()
            if step == run.tick:
                run.check()
        run.hour = max(run.hour, HOURS)
        run.tick()
        run.check()

"""The identity worker on memory adapters that fail on purpose, and what must hold after healing.

One seed fixes a story of two realms, the cuts of its batches, and every fault: a call that does
nothing, half of its work, or all of it and fails all the same; by an error or by a sudden death.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from random import Random
from typing import Any, TypeVar

from schemas.edge import Decision, Edge
from schemas.identifiers import NodeId, as_uuid
from schemas.placement import Placement
from schemas.records import (
    CustomersRecord,
    DecisionRecord,
    EdgesRecord,
    ProfileChangeRecord,
    ProfileStatus,
    RulesRecord,
)
from schemas.rules.identity import IdentityRules
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.core.model import Refusal
from services.identity.core.resolve import resolve
from services.identity.ports import IdentityStore, Placed
from services.identity.publication import PROFILE_CHANGES_TOPIC
from services.identity.worker import IdentityWorker, RulesChanges
from services.identity.writer import IdentityWriter
from services.runtime.errors import Retry
from services.runtime.metrics import Metrics
from services.store.rules_in_force import MemoryRules, RulesChange, ahead_of_its_record
from services.stream.claim_records import OFFERS_TOPIC, customer_records
from services.stream.connection import key_of
from services.stream.dead_letters import REJECTED_TOPIC
from services.stream.partition_ownership import DecisionPorts
from services.stream.ports import Delivery, Outgoing, Partition
from services.stream.positions import MemoryPositions, Position
from tests.unit.identity.map_readers import Readers
from tests.unit.identity.memory_places import CheckedNodes
from tests.unit.identity.stories import Story, changed_rules, parts, random_story, rules_file

T = TypeVar("T")
TOPIC = "c360.edges"
REALMS = {"one": 0, "two": 1, "three": 1}
"""Realms by partition; two of them share one."""
POISON = (None, b"", b"{", b"\xff\xfe", b"[]", b'{"kind": "rumour", "realm": "one"}',
          b'{"kind": "edges", "realm": "No!"}',
          b'{"kind": "erasure", "realm": "one", "erased_ms": 1, '
          b'"nodes": ["00000000-0000-0000-0000-000000000001"]}')  # fmt: skip


class Killed(BaseException):
    """The process is gone. No handler of errors sees it."""


class Faults:
    """Decides at every call of every port whether it fails, and how much it does before."""

    def __init__(self, rng: Random, rate: float = 0.0, at: int | None = None) -> None:
        self.rng = rng
        self.rate = rate
        self.at = at
        self.calls = 0
        self.struck = 0
        self.share = 1.0

    def strike(self) -> BaseException | None:
        """The fault of this call; `share` of its work is done before it."""
        self.calls += 1
        if self.calls - 1 != self.at and self.rng.random() >= self.rate:
            return None
        self.struck += 1
        self.share = self.rng.choice((0.0, 0.5, 1.0))
        return self.rng.choice((Killed, Retry))("on purpose")

    def some(self, items: Iterable[T]) -> list[T]:
        """The items that a call which fails gets done."""
        return [item for item in items if self.rng.random() < self.share]


class VersionedStore:
    """One worker's connection to shared rows, of which the higher version wins."""

    def __init__(
        self,
        rows: MemoryIdentityStore,
        versions: dict[Any, int],
        faults: Faults,
        readers: Readers | None = None,
    ) -> None:
        self._rows = rows
        self._versions = versions
        self._faults = faults
        self._readers = readers
        self.known = CheckedNodes(rows)
        self.contradictions: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        """Reads, of which any may fail."""
        if (fault := self._faults.strike()) is not None:
            raise fault
        return getattr(self._rows, name)

    def possibly_known(
        self, realm: str, nodes: Collection[NodeId], in_doubt: bool
    ) -> Collection[NodeId]:
        if (fault := self._faults.strike()) is not None:
            raise fault
        return self.known.among_rows(realm, nodes, in_doubt)

    def bounds_of(self, realm: str, nodes: Collection[NodeId]) -> Mapping[NodeId, int]:
        return self.known.bounds_of_rows(realm, nodes)

    def write_edges(self, realm: str, edges: Sequence[Edge], version: int) -> None:
        self.known.note_edges([end.id for edge in edges for end in (edge.a, edge.b)])
        known = {e[:2]: e for e in self._rows.all_edges(realm)}
        self._write(
            version,
            {("edge", realm, e.a.id, e.b.id): e for e in edges},
            lambda e: known.get(e[:2]),
            lambda news: self._rows.write_edges(realm, news),
        )

    def write_decisions(self, realm: str, decisions: Sequence[Decision], version: int) -> None:
        self.known.note([end.id for one in decisions for end in (one.a, one.b)])
        known = {d[:2]: d for d in self._rows.all_decisions(realm)}
        self._write(
            version,
            {("decision", realm, d.a.id, d.b.id): d for d in decisions},
            lambda d: known.get(d[:2]),
            lambda news: self._rows.write_decisions(realm, news),
        )

    def write_marks(self, realm: str, marks: Collection[NodeId], version: int) -> None:
        raise AssertionError("no record marks anything")

    def write_placements(
        self, realm: str, placements: Mapping[NodeId, Placed], version: int
    ) -> None:
        self.known.note(placements)
        known = self._rows.all_placements(realm)
        try:
            self._write_placements(realm, placements, known, version)
        finally:
            if self._readers is not None:
                self._readers.look_around(realm)

    def _write_placements(
        self,
        realm: str,
        placements: Mapping[NodeId, Placed],
        known: Mapping[NodeId, Placement],
        version: int,
    ) -> None:
        self._write(
            version,
            {("map", realm, node): placed for node, placed in placements.items()},
            lambda placed: known.get(placed[0].id),
            lambda news: self._rows.write_placements(realm, {p[0].id: p for p in news}),
            lambda placed: placed[1],
        )

    def remove_placements(self, realm: str, nodes: Collection[NodeId], version: int) -> None:
        fault = self._faults.strike()
        done = nodes if fault is None else self._faults.some(nodes)
        gone = [one for one in done if self._versions.get(("map", realm, one), 0) <= version]
        self._rows.remove_placements(realm, gone)
        if fault is not None:
            raise fault

    def write_refusals(
        self,
        realm: str,
        appeared: Sequence[Refusal],
        vanished: Sequence[Refusal],
        version: int,
    ) -> None:
        self.known.note([end for one in (*vanished, *appeared) for end in (one.a, one.b)])
        known = {r.key: r for r in self._rows.all_refusals(realm)}
        gone = {r.key for r in vanished}
        self._write(
            version,
            {("refusal", realm, *r.key): r for r in (*vanished, *appeared)},
            lambda r: known.get(r.key),
            lambda news: self._rows.write_refusals(
                realm,
                [r for r in news if r.key not in gone],
                [r for r in news if r.key in gone],
            ),
            lambda r: None if r.key in gone else r,
        )

    def _write(
        self,
        version: int,
        rows: Mapping[Any, T],
        known: Callable[[T], Any],
        write: Callable[[list[T]], None],
        meant: Callable[[T], Any] = lambda row: row,
    ) -> None:
        """Write the rows that are not beaten by a standing one; note those that are, and differ."""
        fault = self._faults.strike()
        done = rows if fault is None else dict(self._faults.some(rows.items()))
        for key, row in done.items():
            if self._versions.get(key, 0) > version and known(row) != meant(row):
                self.contradictions.append((key, self._versions[key], version))
        wins = {k: row for k, row in done.items() if self._versions.get(k, 0) <= version}
        self._versions.update(dict.fromkeys(wins, version))
        write(list(wins.values()))
        if fault is not None:
            raise fault


class FaultyPositions(MemoryPositions):
    """Positions that are lost or noted in spite of an error."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults

    def read(self, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        if (fault := self._faults.strike()) is not None:
            raise fault
        return super().read(partitions)

    def note(self, positions: Mapping[Partition, Position]) -> None:
        fault = self._faults.strike()
        if fault is None or self._faults.share > 0:
            super().note(positions)
        if fault is not None:
            raise fault


class FaultyRules(MemoryRules):
    """Rules that are lost or kept in spite of an error."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults

    def latest(self) -> Mapping[str, RulesChange]:
        if (fault := self._faults.strike()) is not None:
            raise fault
        return super().latest()

    def former(self, change: RulesChange) -> RulesChange | None:
        if (fault := self._faults.strike()) is not None:
            raise fault
        return super().former(change)

    def put(self, change: RulesChange) -> None:
        fault = self._faults.strike()
        if fault is None or self._faults.share > 0:
            super().put(change)
        if fault is not None:
            raise fault


class Topics:
    """The outbox: what was sent, and the latest record of each key."""

    def __init__(self, faults: Faults, readers: Readers | None = None) -> None:
        self._faults = faults
        self._readers = readers
        self.latest: dict[bytes, ProfileChangeRecord] = {}
        self.dead: set[tuple[bytes | None, bytes]] = set()
        self.changes: list[ProfileChangeRecord] = []

    async def send_all(self, records: Sequence[Outgoing]) -> None:
        await asyncio.sleep(0)
        fault = self._faults.strike()
        for record in records if fault is None else self._faults.some(records):
            self._append(record)
        if fault is not None:
            raise fault

    def _append(self, record: Outgoing) -> None:
        if record.topic == REJECTED_TOPIC:
            self.dead.add((record.value, dict(record.headers)["c360-source-offset"]))
            return
        assert record.value is not None
        if record.topic == OFFERS_TOPIC:
            assert self._readers is not None
            said = CustomersRecord.model_validate_json(record.value)
            for profile in said.customers:
                self._readers.read(said.realm, profile.int)
            return
        assert record.topic == PROFILE_CHANGES_TOPIC
        change = ProfileChangeRecord.model_validate_json(record.value)
        key = key_of(change.realm, str(change.profile_id))
        assert record.key == key
        before = self.latest.get(key)
        assert before is None or change.map_version >= before.map_version
        self.latest[key] = change
        self.changes.append(change)


class Log:
    """The records of two partitions; `recreate` begins them anew under another id."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.id = "first"
        self.records: dict[int, list[bytes | None]] = defaultdict(list)

    async def end(self, partition: Partition) -> int:
        if (fault := self._faults.strike()) is not None:
            raise fault
        return len(self.records[partition.number])

    def delivery(self, partition: int, offset: int) -> Delivery:
        return Delivery(TOPIC, partition, offset, 1_000, self.records[partition][offset])


class Rehearsal:
    """One seed. After `run`, `check` says whether everything is as it must be."""

    def __init__(self, seed: int, rate: float = 0.0, fault_at: int | None = None) -> None:
        rng = self.rng = Random(seed)
        self.faults = Faults(Random(seed + 1), rate, fault_at)
        self.stories = {realm: _markless(random_story(rng)) for realm in REALMS}
        self.rows = MemoryIdentityStore()
        self.versions: dict[Any, int] = {}
        self.positions = FaultyPositions(self.faults)
        self.readers = Readers(self.rows, Random(seed + 2))
        self.topics = Topics(self.faults, self.readers)
        self.rules = FaultyRules(self.faults)
        # One size for all attempts: the part that was in hand is done again from where it began.
        self.nodes_per_part = rng.choice((1, 2, 5, 999))
        self.changed = {
            realm: _some_rules(rng, story.rules, rng.choice((0, 0, 1, 2, 4)))
            for realm, story in self.stories.items()
        }
        """Half of the rules come in each half, in this order."""
        self.in_log: dict[str, list[RulesRecord]] = {}
        self.replaced = 0
        self.log = Log(self.faults)
        self.opened: list[VersionedStore] = []
        self.poison: set[tuple[bytes | None, bytes]] = set()
        self.spoken: dict[str, set[NodeId]] = defaultdict(set)
        self.acked: dict[int, int] = defaultdict(int)
        self.at: dict[int, int] = defaultdict(int)
        self.deaths = 0
        self.worker = self._start()

    async def run(self) -> None:
        """Play the stories, half of them into a first log and the rest into one made again."""
        halves = [self._records(half) for half in (0, 1)]
        for log, records in zip(("first", "second"), halves, strict=True):
            self.log.id = log
            self.log.records = records
            self.poison |= {
                (value or b"", str(offset).encode())
                for values in records.values()
                for offset, value in enumerate(values)
                if value in POISON
            }
            self.acked.clear()
            self._restart()
            while any(self.acked[n] < len(values) for n, values in records.items()):
                await self._step()

    def _records(self, half: int) -> dict[int, list[bytes | None]]:
        """The records of one half of all stories, by partition; realms and poison mixed in."""
        rng = self.rng
        found: dict[int, list[bytes | None]] = {0: [], 1: []}
        waiting = []
        for realm, story in self.stories.items():
            middle = len(story.items) // 2
            items = story.items[:middle] if half == 0 else story.items[middle:]
            waiting.append((realm, list(items)))
        due = self.in_log = {realm: self._changes(realm, half) for realm in self.stories}
        due = {realm: [*some] for realm, some in due.items()}
        while waiting:
            realm, items = rng.choice(waiting)
            if not items:
                waiting.remove((realm, items))
                continue
            if rng.random() < 0.3 and due[realm]:
                found[REALMS[realm]].append(_json(due[realm].pop(0)))
            take = [items.pop(0) for _ in range(min(len(items), rng.randint(1, 4)))]
            edges, decisions, _ = parts(take)
            ends = [end.id for edge in edges for end in (edge.a, edge.b)]
            spoken = [rng.choice(ends) for _ in range(rng.randint(0, 2))] if ends else []
            self.spoken[realm].update(spoken)
            attributes, consents = spoken[:1], spoken[1:]
            values = found[REALMS[realm]]
            values.append(_json(EdgesRecord.of(realm, edges, attributes, consents)))
            values += [_json(DecisionRecord.of(realm, decision)) for decision in decisions]
            if rng.random() < 0.1:
                values.append(rng.choice(POISON))
        for realm, some in due.items():
            found[REALMS[realm]] += map(_json, some)
        return found

    def _changes(self, realm: str, half: int) -> list[RulesRecord]:
        changed = self.changed[realm]
        middle = (len(changed) + 1) // 2
        return [
            _rules(realm, rules, number)
            for number, rules in enumerate(changed, 1)
            if (number > middle) == bool(half)
        ]

    def _replace(self, chance: float = 0.2) -> None:
        """Somebody gives up what is applied now, for rules whose record is in the log already."""
        if self.rng.random() > chance:
            return
        latest = MemoryRules.latest(self.rules)
        unfinished = [realm for realm, one in latest.items() if not one.is_done]
        realm = self.rng.choice(unfinished or [*self.stories])
        known = latest.get(realm)
        later = [
            one
            for one in self.in_log[realm]
            if known is not None and one.decided_ms > known.decided_ms
        ]
        if known is not None and later:
            self.replaced += not known.is_done
            MemoryRules.put(self.rules, ahead_of_its_record(self.rng.choice(later), known))

    async def _step(self) -> None:
        """Hand over one batch of both partitions; now and then acknowledge, move, or die."""
        rng, at = self.rng, self.at
        self._replace()
        batch: list[Delivery] = []
        for number, values in self.log.records.items():
            size = rng.choice((0, 1, 2, 5, 20))
            last = min(at[number] + size, len(values))
            batch += [self.log.delivery(number, offset) for offset in range(at[number], last)]
        rng.shuffle(batch)
        try:
            await self.worker.process(batch)
        except Retry:
            if rng.random() < 0.3:
                self._rebalance()
            return
        except Killed:
            self.deaths += 1
            self._replace(0.7)  # what keeps a worker from living is what somebody would replace
            self._restart()
            return
        for delivery in batch:
            at[delivery.partition] = max(at[delivery.partition], delivery.offset + 1)
        if rng.random() < 0.7:
            self.acked.update(at)
        elif rng.random() < 0.2:
            self._rebalance()

    def _rebalance(self) -> None:
        self.worker.reassigned()
        self.at = defaultdict(int, self.acked)

    def _restart(self) -> None:
        self.worker = self._start()
        self.at = defaultdict(int, self.acked)

    def _start(self) -> IdentityWorker:
        return IdentityWorker(
            self._open, self._writer,
            DecisionPorts(self.positions, self.log, self.topics, self._offload), Metrics(),
            customer_records,
            rules=RulesChanges(
                self.rules, waits=self._replace, nodes_per_part=self.nodes_per_part
            ),
        )  # fmt: skip

    def _open(self) -> IdentityStore:
        if (fault := self.faults.strike()) is not None:
            raise fault
        self.opened.append(VersionedStore(self.rows, self.versions, self.faults, self.readers))
        return self.opened[-1]

    def _writer(self, store: IdentityStore, realm: str) -> IdentityWriter:
        change = MemoryRules.latest(self.rules).get(realm)
        rules = self.stories[realm].rules if change is None else change.rules
        return IdentityWriter(
            store,
            realm,
            rules,
            self.rng.choice((0, 3, 999)),
            renewed=change is not None and not change.is_done,
        )

    async def _offload(self, work: Callable[..., T], /, *arguments: Any) -> T:
        """Fails before the work, or after all of it."""
        await asyncio.sleep(0)
        fault = self.faults.strike()
        if fault is not None and self.faults.share < 1:
            raise fault
        result = work(*arguments)
        if fault is not None:
            raise fault
        return result

    def check(self) -> None:
        """The map is that of `resolve`, and the topics say so; nothing is missing or overruled."""
        assert [fact for store in self.opened for fact in store.contradictions] == []
        assert self.topics.dead == self.poison
        for realm, story in self.stories.items():
            edges, decisions, _ = parts(story.items)
            rules = [story.rules, *self.changed[realm]][-1]
            expected = resolve(edges, decisions, (), rules)
            assert self.rows.all_placements(realm) == expected.placements
            assert tuple(self.rows.all_refusals(realm)) == expected.refusals
            spoken = set(self.spoken[realm])
            if self.changed[realm]:  # what is on the map no more was heard of
                spoken |= {end.id for edge in edges for end in (edge.a, edge.b)}
                spoken |= {end.id for one in decisions for end in (one.a, one.b)}
            check_followers(
                realm, self.topics.latest, expected.placements, spoken, self.spoken[realm]
            )
            change = MemoryRules.latest(self.rules).get(realm)
            assert change is None or (change.is_done and change.rules == rules)
            assert (change is None) == (not self.changed[realm])
            self.readers.check(realm)


def check_followers(
    realm: str,
    latest: Mapping[bytes, ProfileChangeRecord],
    placements: Mapping[NodeId, Placement],
    spoken: Collection[NodeId],
    certainly: Collection[NodeId] | None = None,
) -> None:
    """The latest record of each id is its map row; ids without one stand for themselves."""
    heard = {r.profile_id.int: r for r in latest.values() if r.realm == realm}
    assert heard.keys() >= placements.keys()
    assert heard.keys() >= set(spoken if certainly is None else certainly)
    assert heard.keys() <= {*placements, *spoken}
    for node, record in heard.items():
        row = placements.get(node)
        is_current = row is None or row.profile == node
        assert record.status is (ProfileStatus.CURRENT if is_current else ProfileStatus.MERGED)
        assert record.kind == (None if row is None else row.kind)
        holder = node if row is None else row.profile
        assert record.merged_into == (None if is_current else as_uuid(holder))
        assert heard[holder].status is ProfileStatus.CURRENT


def _markless(story: Story) -> Story:
    """A story without marks, which no record carries."""
    return story._replace(items=[item for item in story.items if not isinstance(item, int)])


def _some_rules(rng: Random, first: IdentityRules, count: int) -> list[IdentityRules]:
    """Rules in the place of others, sometimes the same again."""
    found: list[IdentityRules] = []
    for _ in range(count):
        is_again = found and rng.random() < 0.4
        found.append(found[-1] if is_again else changed_rules(rng, first))
    return found


def _rules(realm: str, rules: IdentityRules, number: int) -> RulesRecord:
    text = rules_file(rules)
    return RulesRecord(realm=realm, text=text, author="a", reason="r", decided_ms=number)


def _json(record: EdgesRecord | DecisionRecord | RulesRecord) -> bytes:
    return record.model_dump_json().encode()


def rehearsed(seed: int, rate: float = 0.0, fault_at: int | None = None) -> Rehearsal:
    """A rehearsal played to its end."""
    rehearsal = Rehearsal(seed, rate, fault_at)
    asyncio.run(rehearsal.run())
    return rehearsal

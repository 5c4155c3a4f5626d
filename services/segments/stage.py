"""The stage of segments of one process: whom a batch touches, and what a tick changes of that.

A batch only notes whom it concerns: what it says counts from the tick on that has reached it. A
tick evaluates these and whoever time alone may change, from the facts, and writes what differs:
changes first, then memberships, then timers, so that a run that was killed in between is taken up
from its changes (docs/adr/0148). What definitions change is evaluated in parts, between which
batches may come (docs/adr/0154). Without definitions nothing is read, noted or written.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from schemas.identifiers import NodeId
from schemas.instants import from_ms, to_ms
from schemas.rules.segments import named_by
from services.segments.core.compiler import SegmentSetting, compiled
from services.segments.core.decision import (
    BY_DEFINITION,
    BY_ERASURE,
    BY_IDENTITY,
    ENTERED,
    RETRACTED,
    Look,
    SegmentStanding,
    TouchCause,
    decide,
    departed,
)
from services.segments.core.decision import LEFT as HAS_LEFT
from services.segments.core.plan import Needs, SegmentPlan, needs_of
from services.segments.ports import (
    EVERYBODY,
    LEFT,
    MEMBER,
    FactSource,
    LiveSegmentStore,
    LookedAt,
    SegmentChange,
    SegmentMembership,
    StoredDefinition,
)
from services.segments.ports import RETRACTED as WAS_RETRACTED
from services.stream.positions import EMBEDDED_GENERATION, version_of

PORTION = 1_000
"""Profiles whose facts are in memory at a time."""
MARKS_MAX = 100_000
"""If a realm has more of them before a tick, everybody is evaluated."""
STATES = {ENTERED: MEMBER, HAS_LEFT: LEFT, RETRACTED: WAS_RETRACTED}
"""What a change leaves."""


class _Ask(NamedTuple):
    """Why somebody is looked at, and for which segments."""

    cause: TouchCause
    segments: Collection[str]


class _Marks(NamedTuple):
    """Who is to be looked at, and those of them that no store has yet."""

    marks: dict[NodeId, TouchCause]
    unwritten: dict[NodeId, TouchCause]


class _Realm:
    """The segments of one realm."""

    def __init__(self, plans: Mapping[str, SegmentPlan], numbers: Mapping[str, int]) -> None:
        self.plans = plans
        self.numbers = numbers
        self.marks: dict[NodeId, TouchCause] = {}
        self.unwritten: dict[NodeId, TouchCause] = {}
        """Those of the marks that no store has yet."""
        self.renewed = frozenset(plans)
        """Those that everybody is held to because they are defined anew, if so."""
        self.evaluated: datetime | None = None
        self.is_in_doubt = True
        """Changes may be written whose memberships are not."""
        self.removed: dict[str, int] = {}
        """Segments that are defined no more and still have members or timers, by their numbers."""
        self.under_way: Generator[LookedAt, int, None] | None = None
        """An evaluation in parts, waiting for the number of the batch of its next one."""
        self.has_advanced = False
        """Whether it did since the last tick."""

    def take(self) -> _Marks:
        """The marks, for somebody who looks at these profiles. New ones are kept apart."""
        taken = _Marks(self.marks, self.unwritten)
        self.marks, self.unwritten = {}, {}
        return taken

    def give_back(self, taken: _Marks) -> None:
        """They were not all looked at."""
        newer = self.marks
        self.marks, self.unwritten = taken
        for one, cause in newer.items():
            self.mark([one], cause)

    def mark(self, nodes: Collection[NodeId], cause: TouchCause) -> None:
        """Whose profiles the next tick looks at."""
        if EVERYBODY in self.marks and cause <= self.marks[EVERYBODY]:
            return
        for one in nodes:
            if self.marks.get(one, TouchCause.TIME) < cause:
                self.marks[one] = self.unwritten[one] = cause
        if len(self.marks) > MARKS_MAX:
            self.marks.clear()
            self.unwritten.clear()
            self.marks[EVERYBODY] = self.unwritten[EVERYBODY] = TouchCause.EVENT


class SegmentStage:
    """Keeps memberships equal to what the facts say at the latest tick. One thread at a time.

    Methods raise as the store does; what was not done is done by the next tick.
    """

    def __init__(
        self,
        source: FactSource,
        store: LiveSegmentStore,
        setting_of: Callable[[str], SegmentSetting],
        realms: Collection[str],
        portion: int = PORTION,
    ) -> None:
        """`setting_of` is what definitions of a realm depend on. Nothing is read before `begin`."""
        self._source = source
        self._store = store
        self._setting_of = setting_of
        self._names = realms
        self._portion = portion
        self._realms: dict[str, _Realm] | None = None
        self._batch = 0
        """The latest batch that marked anybody."""

    def begin(self) -> Mapping[str, _Realm]:
        """Read what the store holds, once. Must be called before the first batch is stored."""
        if self._realms is None:
            found = {name: self._read(name) for name in self._names}
            self._realms = {name: one for name, one in found.items() if one is not None}
        return self._realms

    @property
    def follows_the_map(self) -> bool:
        """Whether there are segments at all, which depend on the map."""
        return bool(self.begin())

    def follows(self, realm: str) -> bool:
        """Whether the realm has segments."""
        return realm in self.begin()

    def _read(self, realm: str) -> _Realm | None:
        found = self._loaded(realm)
        if found is not None and (evaluated := self._store.evaluated(realm)) is not None:
            found.evaluated, batch = evaluated
            found.marks = self._store.marks(realm, batch, MARKS_MAX + 1)
            found.mark((), TouchCause.TIME)
        elif found is not None:
            found.mark([EVERYBODY], TouchCause.DEFINITION)
        return found

    def _loaded(self, realm: str) -> _Realm | None:
        stored, numbers = self._store.definitions(realm), self._store.numbers(realm)
        left = self._store.leftover(realm, numbers.keys() - stored.keys())
        if not stored and not left:
            return None
        definitions = {name: one.definition for name, one in stored.items()}
        plans = compiled(definitions, self._setting_of(realm)) if definitions else {}
        found = _Realm(plans, {name: one.number for name, one in stored.items()})
        found.removed = {name: numbers[name] for name in sorted(left)}
        return found

    def touch(self, realm: str, nodes: Collection[NodeId], cause: TouchCause, batch: int) -> None:
        """Have the next tick look at the profiles that hold these identifiers then; at those that
        had them as their ids, too. Writes nothing."""
        if (mine := self.begin().get(realm)) is not None:
            mine.mark(nodes, cause)
            self._batch = batch

    def touch_all(self, batch: int) -> None:
        """Have the next tick look at everybody."""
        for realm in self.begin():
            self.touch(realm, [EVERYBODY], TouchCause.EVENT, batch)

    def reporting(self, realm: str, orders: Collection[str]) -> set[NodeId]:
        """Who reported these orders at any time: an order counts once, whoever reports it."""
        return self._source.reporting(realm, orders) if orders else set()

    def note(self) -> None:
        """Make durable who was touched: before the batches that did are acknowledged."""
        for name, realm in (self._realms or {}).items():
            if realm.unwritten:
                self._store.write_marks(name, realm.unwritten, self._batch)
                realm.unwritten = {}

    def define(
        self,
        realm: str,
        definitions: Mapping[str, StoredDefinition],
        now: datetime | None,
        batch: int,
    ) -> None:
        """Put definitions in force. `advance` holds everybody to them as of the latest tick, if
        there was one; what it does not do, the next tick does."""
        self._stop(realm, batch)
        self._store.put_definitions(realm, definitions)
        self._reload(realm, batch, is_renewed=True)
        self._evaluate_in_parts(realm, now, batch)

    def remove(
        self, realm: str, segment: str, number: int, at: datetime, now: datetime | None, batch: int
    ) -> None:
        """Put a segment out of force, which nobody may name. `advance` lets its members leave, or
        the next tick."""
        self._stop(realm, batch)
        self._store.remove_definition(realm, segment, number, at)
        self._reload(realm, batch, is_renewed=False)
        self._evaluate_in_parts(realm, now, batch)

    def _stop(self, realm: str, batch: int) -> None:
        """End an evaluation in parts: what is defined anew begins another one. No change may be
        without its membership: of a segment that is removed nobody would miss it."""
        if (mine := self.begin().get(realm)) is None:
            return
        if mine.under_way is not None:
            mine.under_way.close()
            mine.under_way = None
        if mine.is_in_doubt:
            self._take_up(realm, mine, batch)

    def _reload(self, realm: str, batch: int, *, is_renewed: bool) -> None:
        live = dict(self.begin())
        before, found = live.pop(realm, None), self._loaded(realm)
        if found is not None:
            if before is not None:
                found.marks, found.unwritten = before.marks, before.unwritten
                found.evaluated, found.is_in_doubt = before.evaluated, before.is_in_doubt
                found.renewed = before.renewed if EVERYBODY in before.marks else frozenset()
                found.renewed |= _renewed(found, before)
            if is_renewed or before is None:
                found.mark([EVERYBODY], TouchCause.DEFINITION)
            live[realm] = found
        self._realms = live
        self._batch = batch
        self.note()

    def _evaluate_in_parts(self, realm: str, now: datetime | None, batch: int) -> None:
        if now is None or (mine := self.begin().get(realm)) is None:
            return
        evaluation = self._evaluation(realm, mine, now, batch)
        next(evaluation)  # up to where it waits for the first number
        mine.under_way, mine.has_advanced = evaluation, True

    def advance(self, realm: str, batch: int) -> LookedAt | None:
        """The next part of what `define` or `remove` began, under a number of its own: rows of a
        batch that others have read already would never be told. None when there is no more to do.
        """
        mine = self.begin().get(realm)
        if mine is None or mine.under_way is None:
            return None
        mine.has_advanced = True
        try:
            return mine.under_way.send(batch)
        except BaseException as error:
            mine.under_way = None
            if isinstance(error, StopIteration):
                self._drop_if_empty(realm, mine)
                return None
            raise

    def leaving(self, realm: str, nodes: Collection[NodeId], batch: int) -> None:
        """Say of people who are about to be erased that they left; nothing else of them stays."""
        if (mine := self.begin().get(realm)) is None:
            return
        for one in nodes:
            mine.marks.pop(one, None)
            mine.unwritten.pop(one, None)
        if mine.evaluated is None:
            return
        look = Look(to_ms(mine.evaluated), None, 0, TouchCause.EVENT)
        found: list[SegmentChange] = []
        numbers = {**mine.numbers, **mine.removed}
        for name, members in self._store.stored(realm, numbers, nodes).items():
            mine_look = look._replace(definition=numbers[name])
            for profile, stored in members.items():
                if stored.state == MEMBER:
                    change = departed(_standing(stored), mine_look, BY_ERASURE)
                    found.append(SegmentChange(name, profile, change))
        self._store.write_changes(realm, found, batch)

    def tick(self, ticks: Mapping[str, datetime], batch: int) -> None:
        """Evaluate whoever was touched, or is due, at the latest tick of each realm."""
        for name, realm in dict(self.begin()).items():
            if name not in ticks:
                continue
            if realm.under_way is not None and realm.has_advanced:
                realm.has_advanced = False  # whoever began it goes on; until then this would wait
                continue
            self._stop(name, batch)
            self._evaluate(name, realm, ticks[name], batch)
            self._drop_if_empty(name, realm)

    def _drop_if_empty(self, name: str, realm: _Realm) -> None:
        """A realm whose last segment is gone is followed no more."""
        if not realm.plans and not realm.removed and self._realms is not None:
            self._realms = {one: rest for one, rest in self._realms.items() if one != name}

    def _evaluate(self, name: str, realm: _Realm, now: datetime, batch: int) -> None:
        if not realm.marks and not realm.removed and now == realm.evaluated:
            return
        evaluation = self._evaluation(name, realm, now, batch)
        with suppress(StopIteration):
            next(evaluation)
            while True:
                evaluation.send(batch)

    def _evaluation(
        self, name: str, realm: _Realm, now: datetime, batch: int
    ) -> Generator[LookedAt, int, None]:
        """Everything that is to be looked at, part by part; each is sent the number of the batch to
        write it under, and yields what was found, but for the first, which is empty. Marks up to
        `batch` are done at its end. One that fails or is closed leaves the marks as they were."""
        realm.is_in_doubt = True
        taken = realm.take()
        marks = taken.marks if realm.plans else {}
        work = _Work(self._source, self._store, name, realm, now)
        try:
            found = LookedAt(0, {}, {}, {})
            for segment, number in realm.removed.items():
                for nodes in self._departing(name, segment):
                    found = work.dismiss(segment, number, nodes, (yield found))
            for asked, is_whole in self._portions(name, realm, marks, now):
                found = work.judge(asked, (yield found), is_counted=is_whole)
            if EVERYBODY in marks:
                for asked in self._vanished(name, realm):
                    found = work.judge(asked, (yield found))
            yield found
            self._store.write_evaluated(name, now, batch)
        except BaseException:
            realm.give_back(taken)
            raise
        realm.evaluated, realm.is_in_doubt = now, False
        realm.renewed = frozenset(realm.plans)
        realm.removed = {}

    def _departing(self, name: str, segment: str) -> Iterator[list[NodeId]]:
        """Who is a member of a removed segment, or has a timer in it, in parts; each is gone when
        the next one is asked for."""
        for page in self._store.memberships(name, segment, MEMBER, page=self._portion):
            yield [one.profile for one in page]
        while nodes := self._store.timed(name, segment, self._portion):
            yield nodes

    def _portions(
        self, name: str, realm: _Realm, marks: Mapping[NodeId, TouchCause], now: datetime
    ) -> Iterator[tuple[Mapping[NodeId, _Ask], bool]]:
        """Who is looked at, part by part, each once: those touched, or everybody; those due. And
        whether the part is one of everybody."""
        every = frozenset(realm.plans)
        cause = marks.get(EVERYBODY)
        if cause is not None:
            for profiles in self._source.population(name):
                for some in _parts(profiles, self._portion):
                    yield (
                        {one: _Ask(max(cause, marks.get(one, cause)), every) for one in some},
                        True,
                    )
        for some in _parts(sorted(marks.keys() - {EVERYBODY}), self._portion):
            yield {one: _Ask(marks[one], every) for one in some}, False
        after = EVERYBODY
        while page := self._store.due(name, now, after, self._portion):
            # Those of segments that are defined no more stay as they are.
            asked = {
                node: _Ask(TouchCause.TIME, every.intersection(names))
                for node, names in page
                if node not in marks
            }
            yield {node: one for node, one in asked.items() if one.segments}, False
            after = page[-1][0]
            if len(page) < self._portion:
                return

    def _vanished(self, name: str, realm: _Realm) -> Iterator[Mapping[NodeId, _Ask]]:
        """Stored members who are no profile any more, nobody knows since when."""
        for segment in realm.plans:
            for page in self._store.memberships(name, segment, MEMBER):
                mine = [one.profile for one in page]
                # Of a profile that is left without any event, too, nothing is known.
                known = self._source.facts(name, mine, Needs())
                gone = [one for one in mine if one not in known]
                yield {one: _Ask(TouchCause.IDENTITY, frozenset(realm.plans)) for one in gone}

    def _take_up(self, name: str, realm: _Realm, batch: int) -> None:
        """Write the memberships of changes whose tick was cut off."""
        done = self._store.evaluated(name)
        version = version_of(EMBEDDED_GENERATION, batch - 2)  # below what this tick writes
        for page in self._store.changes_after(name, done[1] if done else 0):
            profiles = {one.profile for one in page}
            stored = self._store.stored(name, {*realm.plans, *realm.removed}, profiles)
            rows: dict[tuple[str, NodeId], SegmentMembership] = {}
            for one in page:  # in the order of their sequence
                known = stored.get(one.segment, {}).get(one.profile)
                if known is None or known.sequence < one.change.sequence:
                    rows[one.segment, one.profile] = membership_of(one)
            _write_memberships(self._store, name, rows, version)
        realm.is_in_doubt = False


class _Work:
    """One tick of one realm."""

    def __init__(
        self,
        source: FactSource,
        store: LiveSegmentStore,
        name: str,
        realm: _Realm,
        now: datetime,
    ) -> None:
        self._source = source
        self._store = store
        self._name = name
        self._realm = realm
        self._now_ms = to_ms(now)

    def dismiss(self, segment: str, number: int, nodes: Sequence[NodeId], batch: int) -> LookedAt:
        """Let members of a removed segment leave, and timers go. Some may have been erased since
        they were looked up: nothing is written of those."""
        look = Look(self._now_ms, None, number, TouchCause.DEFINITION)
        stored = self._store.stored(self._name, [segment], nodes).get(segment, {})
        changes = [
            SegmentChange(segment, node, departed(_standing(one), look, BY_DEFINITION))
            for node, one in sorted(stored.items())
            if one.state == MEMBER
        ]
        rows = {(segment, one.profile): membership_of(one) for one in changes}
        timed = self._store.timers_of(self._name, nodes, [segment])
        self._write(changes, rows, dict.fromkeys((segment, node) for node in timed), batch)
        return LookedAt(0, {}, {}, {segment: len(changes)})

    def judge(
        self, asked: Mapping[NodeId, _Ask], batch: int, *, is_counted: bool = False
    ) -> LookedAt:
        """Evaluate the profiles that hold these identifiers, and members with these ids that are
        none any more, and write what changes. `is_counted`: as profiles and members, too."""
        if not asked:
            return LookedAt(0, {}, {}, {})
        name, plans = self._name, self._realm.plans
        holder = self._source.profiles_of(name, asked)
        wanted: dict[NodeId, _Ask] = {}
        for node, ask in asked.items():
            known = wanted.setdefault(holder[node], ask)
            both = frozenset(known.segments) | frozenset(ask.segments)
            wanted[holder[node]] = _Ask(max(known.cause, ask.cause), both)
        vanished = {node: into for node, into in holder.items() if into != node}
        every = frozenset[str]().union(*(one.segments for one in asked.values()))
        needs = needs_of(plans[one] for one in sorted(every))
        facts = self._source.facts(name, wanted, needs)
        ids = wanted.keys() | vanished.keys()
        stored = self._store.stored(name, every, ids)
        timers = self._store.timers_of(name, ids, every)
        changes: list[SegmentChange] = []
        rows: dict[tuple[str, NodeId], SegmentMembership] = {}
        due: dict[tuple[str, NodeId], datetime | None] = {}
        members = Counter[str]()
        for profile, ask in wanted.items():
            for segment in ask.segments:
                membership = stored.get(segment, {}).get(profile)
                look = self._look(segment, ask.cause)
                verdict = decide(facts.get(profile), plans[segment], _standing(membership), look)
                members[segment] += is_counted and verdict.is_member
                if verdict.change is not None:
                    change = SegmentChange(segment, profile, verdict.change)
                    changes.append(change)
                    rows[segment, profile] = membership_of(change)
                elif membership and verdict.is_member and membership.definition != look.definition:
                    rows[segment, profile] = membership._replace(definition=look.definition)
                flip = None if verdict.flip_ms is None else from_ms(verdict.flip_ms)
                if flip != timers.get(profile, {}).get(segment):
                    due[segment, profile] = flip
        for node, into in vanished.items():
            for segment in every:
                membership = stored.get(segment, {}).get(node)
                if membership is not None and membership.state == MEMBER:
                    look = self._look(segment, TouchCause.IDENTITY)
                    moved = departed(_standing(membership), look, BY_IDENTITY)
                    changes.append(SegmentChange(segment, node, moved, into))
                    rows[segment, node] = membership_of(changes[-1])
            due |= {(segment, node): None for segment in timers.get(node, {})}
        self._write(changes, rows, due, batch)
        looked_at = sum(bool(one.kind) for one in facts.values()) if is_counted else 0
        came = Counter(one.segment for one in changes if one.change.change == ENTERED)
        went = Counter(one.segment for one in changes if one.change.change != ENTERED)
        return LookedAt(looked_at, members, came, went)

    def _write(
        self,
        changes: Sequence[SegmentChange],
        rows: Mapping[tuple[str, NodeId], SegmentMembership],
        due: Mapping[tuple[str, NodeId], datetime | None],
        batch: int,
    ) -> None:
        version = version_of(EMBEDDED_GENERATION, batch - 1)
        self._store.write_changes(self._name, changes, batch)
        _write_memberships(self._store, self._name, rows, version)
        self._store.write_timers(self._name, due, version)

    def _look(self, segment: str, cause: TouchCause) -> Look:
        before = self._realm.evaluated
        number = self._realm.numbers[segment]
        if cause is TouchCause.DEFINITION and segment not in self._realm.renewed:
            cause = TouchCause.EVENT
        return Look(self._now_ms, None if before is None else to_ms(before), number, cause)


def _renewed(found: _Realm, before: _Realm) -> frozenset[str]:
    """The segments whose definition is another one, or that name such a one."""
    changed = {name for name, one in found.numbers.items() if before.numbers.get(name) != one}
    naming = {name: named_by(plan.definition) for name, plan in found.plans.items()}
    while more := {name for name, named in naming.items() if named & changed} - changed:
        changed |= more
    return frozenset(changed)


def membership_of(one: SegmentChange) -> SegmentMembership:
    """The membership that a change leaves."""
    said = one.change
    return SegmentMembership(
        one.profile, STATES[said.change], from_ms(said.tick_ms), said.because, said.definition,
        said.sequence,
    )  # fmt: skip


def _standing(stored: SegmentMembership | None) -> SegmentStanding:
    if stored is None:
        return SegmentStanding()
    is_member = stored.state == MEMBER
    return SegmentStanding(is_member, to_ms(stored.since), stored.definition, stored.sequence)


def _write_memberships(
    store: LiveSegmentStore,
    realm: str,
    rows: Mapping[tuple[str, NodeId], SegmentMembership],
    version: int,
) -> None:
    by_segment: defaultdict[str, list[SegmentMembership]] = defaultdict(list)
    for (segment, _), one in rows.items():
        by_segment[segment].append(one)
    for segment, some in by_segment.items():
        store.put_memberships(realm, segment, some, version)


def _parts(nodes: list[NodeId], size: int) -> Iterator[list[NodeId]]:
    for start in range(0, len(nodes), size):
        yield nodes[start : start + size]

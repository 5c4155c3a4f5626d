"""All stages in one process: facts, identity, consistency, segments, checkpoint, in this order.

A batch is acknowledged when everything derived from it is durable. After a crash the batches beyond
the last checkpoint are processed again from their stored events, so missing rows are written and
existing ones are unchanged; so the checkpoint may be written a moment after the answer
(checkpoints.py). One thread at a time may call `process`.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby

import structlog

from schemas.claim import Book
from schemas.edge import Decision, Edge
from schemas.identifiers import NodeId
from schemas.incident_action import IncidentAction
from schemas.records import ActionRecord, DecisionRecord, PersonRecord
from schemas.watermark import Watermark
from services.consistency.stage import ConsistencyStage
from services.embedded.checkpoints import Checkpoints
from services.identity.core.erased import standing_decisions
from services.identity.stage import IdentityStage, RealmBatch, count_changes
from services.identity.writer import Changes
from services.ingest.core.derived_records import claims_by_realm, watermarks
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Accepted, Intake, Reject
from services.ingest.lines import Line
from services.ingest.measure import measure
from services.ingest.ports import FactStore, StoredEvent
from services.ingest.stage import Decoded, IngestStage, Result, Stored
from services.runtime import tracing
from services.runtime.batching import bounded
from services.runtime.clock import utc_now
from services.runtime.errors import Retry
from services.runtime.metrics import Metrics
from services.runtime.retry import retrying
from services.segments.core.decision import TouchCause
from services.segments.ports import LookedAt, StoredDefinition
from services.segments.stage import SegmentStage
from services.stream.positions import EMBEDDED_GENERATION, version_of
from services.stream.watermarks import WatermarkStore

RECOVERY_EVENTS = 20_000
log = structlog.get_logger()
ATTEMPTS_MAX = 7


class Pipeline:
    """The embedded main loop; the composition root provides every part."""

    def __init__(
        self,
        facts: FactStore,
        stage: IngestStage,
        identity: IdentityStage,
        consistency: ConsistencyStage,
        watermarks: WatermarkStore,
        metrics: Metrics,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        erased_at: Callable[[str, NodeId], int | None] = lambda _realm, _node: None,
        segments: SegmentStage | None = None,
    ) -> None:
        """`erased_at` answers when a node of a realm was erased (ms), or None. Without `segments`
        nobody belongs to any."""
        self._facts = facts
        self._stage = stage
        self._identity = identity
        self._consistency = consistency
        self._segments = segments
        first = segments.note if segments else lambda: None
        self._checkpoints = Checkpoints(stage, watermarks, clock, first)
        self._metrics = metrics
        self._clock = clock
        self._sleep = sleep
        self._erased_at = erased_at
        self._next_batch = max(facts.last_batch(), facts.checkpoint()) + 1
        self._undone: list[DecisionRecord] = []
        """Decisions of which any part may be written; each batch begins with them."""
        self._moved: dict[str, set[NodeId]] = defaultdict(set)
        """Profiles beside erased persons, whose incidents are judged again without these."""
        self._changes = 0
        """How often what decides about events has changed: erasures and rules."""
        self.settled = self._next_batch - 1
        """Every batch up to this one is completely written, or given up and written again under a
        number up to it. Any thread may read it, once what was in doubt is recovered."""

    def recover(self) -> int:
        """Process again what the last run stored and did not finish; returns the number of events.

        Must be called once, before the first batch. The writers see these batches as in doubt:
        a stored edge does not prove that its map rows were written. Nothing is acknowledged before
        all of it is done: the numbers of the batches written here lie above those still waiting.
        """
        checkpoint = self._facts.checkpoint()
        stored = self._identity.store.decisions_after(
            version_of(EMBEDDED_GENERATION, checkpoint - 1)
        )
        self._undone = [DecisionRecord.of(realm, decision) for realm, decision in stored]
        count = 0
        for part in bounded(self._facts.in_doubt(checkpoint), RECOVERY_EVENTS):
            # One batch of many: of events of one region, one by one, each would solve it anew.
            self._retrying(self._decoded_again(part), in_doubt=True)
            count += len(part)
        if self._undone:
            self._decide(in_doubt=True)
        elif count:
            self._acknowledge()
        return count

    def repeat(self, stored: Iterable[StoredEvent], *, in_doubt: bool) -> int:
        """Process stored events once more, as they came in, and acknowledge nothing; how many."""
        count = 0
        for (received_at, intake), events in groupby(stored, key=lambda one: one[1:]):
            for part in bounded(events, RECOVERY_EVENTS):
                lines = [Line(event.payload, len(event.payload)) for event in part]
                decoded = self._stage.decode(lines, received_at, intake)
                self._retrying(decoded, in_doubt=in_doubt)
                count += len(lines)
        return count

    def _decoded_again(self, stored: Sequence[StoredEvent]) -> Decoded:
        """Stored events as one batch, each as it came in. One that would be rejected today is
        stored all the same: it is left as it is, and no line was rejected."""
        lines, outcomes = list[Line](), list[Accepted | Reject]()
        reasons: Counter[str] = Counter()
        for (received_at, intake), events in groupby(stored, key=lambda one: one[1:]):
            mine = [Line(event.payload, len(event.payload)) for event in events]
            decoded = self._stage.decode(mine, received_at, intake)
            for line, outcome in zip(mine, decoded.outcomes, strict=True):
                if isinstance(outcome, Reject):
                    reasons[outcome.reason.value] += 1
                else:
                    lines.append(line)
                    outcomes.append(outcome)
        if reasons:
            log.warning("stored_events_left", reasons=dict(reasons))
        return Decoded(lines, outcomes, stored[-1].received_at, stored[-1].intake)

    def decode(self, lines: Sequence[Line], intake: Intake = Intake.FILE) -> Decoded:
        """Validate a batch; may overlap with `finish` of the previous batch."""
        changes = self._changes
        with self._timed("decode"):
            decoded = self._stage.decode(lines, self._clock(), intake)
            return decoded._replace(changes=changes)

    def finish(self, decoded: Decoded, *, in_doubt: bool = False) -> list[Result]:
        """Make a decoded batch and everything derived from it durable, then acknowledge it.

        Transient faults of the store are tried again with growing pauses. `in_doubt` says that the
        batch was tried before: any part of it may be written.

        Raises:
            Retry: the store did not recover; nothing of the batch is acknowledged.
            Fatal: trying again cannot help; the process must end.
        """
        if decoded.changes != self._changes:  # somebody was erased since, or rules changed
            decoded = self._stage.decode(decoded.lines, decoded.received_at, decoded.intake)
        stored = self._retrying(decoded, in_doubt=in_doubt)
        self._complete(len(decoded.lines))
        self._note_after_batch()
        measure(self._metrics, stored, decoded.received_at, self._clock())
        return stored.results

    def _retrying(self, decoded: Decoded, *, in_doubt: bool = False) -> Stored:
        def attempt(failures: int) -> Stored:
            return self._write(decoded, in_doubt or failures > 0)

        return retrying(attempt, "store", self._metrics, ATTEMPTS_MAX, self._sleep)

    def _write(self, decoded: Decoded, in_doubt: bool) -> Stored:
        self._consistency.begin()
        if self._segments:
            self._segments.begin()
        if self._undone:
            self._write_decisions(in_doubt=True)
        batch = self._new_batch()
        with self._timed("store"):
            stored = self._stage.store(decoded, batch)
        with self._timed("identity"):
            version = version_of(EMBEDDED_GENERATION, batch - 1)
            applied = [self._identity.process(_identity(stored.fresh), version, in_doubt=in_doubt)]
            if stored.outvoted:
                # No fact stands for them, so a recovery would not process their edges again.
                again = _identity(stored.outvoted)
                applied.append(self._identity.process(again, version, in_doubt=True))
            for changes in (one for done in applied for one in done.values()):
                count_changes(self._metrics, changes)
        with self._timed("consistency"):
            reached = watermarks(stored.fresh)
            claims = claims_by_realm(stored.fresh, stored.corrections.superseded)
            moved = self._regrouped(applied)
            self._consistency.process(claims, reached, batch, moved)
        if self._segments and self._segments.follows_the_map:
            self._touch(stored, batch)
            self._touch_regrouped(moved, batch)
        self._checkpoints.advance(reached)
        return stored

    def _touch(self, stored: Stored, batch: int) -> None:
        """Have the next tick look at everybody of whom the batch says or takes back something."""
        assert self._segments is not None
        nodes: dict[str, set[NodeId]] = defaultdict(set)
        orders: dict[str, set[str]] = defaultdict(set)
        for event in (*stored.fresh, *stored.outvoted):
            nodes[event.realm].add(event.node)
            if self._segments.follows(event.realm) and (number := event.row["order_id"]):
                orders[event.realm].add(number)
        for realm, node in stored.corrections.former:
            nodes[realm].add(node)
        for realm, mine in nodes.items():
            mine |= self._segments.reporting(realm, orders[realm])
            self._segments.touch(realm, mine, TouchCause.EVENT, batch)

    def _touch_regrouped(self, moved: Mapping[str, Collection[NodeId]], batch: int) -> None:
        """Have the next tick look at profiles that gained or lost identifiers."""
        if self._segments:
            for realm, profiles in moved.items():
                self._segments.touch(realm, profiles, TouchCause.IDENTITY, batch)

    def _regrouped(self, applied: Sequence[Mapping[str, Changes]]) -> dict[str, set[NodeId]]:
        """The profiles that gained or lost nodes, if incidents or segments depend on them."""
        if not self._consistency.follows_the_map and not (
            self._segments and self._segments.follows_the_map
        ):
            return {}
        moved: dict[str, set[NodeId]] = defaultdict(set)
        for realm, changes in (item for one in applied for item in one.items()):
            moved[realm] |= self._identity.regrouped(realm, changes)
        return moved

    def _acknowledge(self) -> None:
        """Record that every batch written so far is completely processed."""
        self._complete()
        self.note()

    def _complete(self, events: int = 0) -> None:
        """Every batch written so far is completely processed; the last one has so many events."""
        batch = self._next_batch - 1
        self._checkpoints.processed(batch, events)
        self.settled = batch
        self._metrics.last_batch.set(batch)

    def note(self) -> None:
        """Have the store note what is processed, before anything that relies on it. Transient
        faults are tried again. Raises as the store does; what is not noted stays in doubt."""
        with self._timed("acknowledge"):
            retrying(
                lambda _: self._checkpoints.note(),
                "store",
                self._metrics,
                ATTEMPTS_MAX,
                self._sleep,
            )

    def note_if_due(self) -> None:
        """The same of what has waited long enough, tried once: to be called now and then."""
        if self._checkpoints.is_due:
            with self._timed("acknowledge"):
                self._checkpoints.note()

    def _note_after_batch(self) -> None:
        """A batch that is durable does not fail because it cannot be noted now, unless too much
        would be in doubt after a kill."""
        if self._checkpoints.is_much:
            self.note()
            return
        try:
            self.note_if_due()
        except Retry as error:
            log.warning("not_noted", error=str(error))

    def close(self) -> None:
        """Note what is processed, if the store takes it. Raises as the store does."""
        self._checkpoints.note()

    def reached(self) -> Sequence[Watermark]:
        """How far processed events go that are not noted yet. Any thread may ask."""
        return list(self._checkpoints.reached.values())

    def tick(self, clock: datetime | None = None) -> None:
        """Judge prices and segments up to the watermark; with a clock, idle channels advance with
        it."""
        self.note()
        batch = self._new_batch()
        with self._timed("tick"):
            ticks = self._consistency.tick(batch, clock)
        if self._segments:
            with self._timed("segments"):
                self._segments.tick(ticks, batch)
        self.settled = batch
        self._metrics.last_progress_seconds.set(self._clock().timestamp())

    def new_version(self) -> int:
        """A version of rows above all that were written, and below all that will be."""
        self.decide_undone()
        batch = self._new_batch()
        self._acknowledge()
        return version_of(EMBEDDED_GENERATION, batch - 1)

    def go_by(self, core: EventProcessor) -> None:
        """Decode by other rules, and make the map by them: batches that wait are decoded again."""
        self._stage.use(core)
        self._identity.forget()
        self._changes += 1

    def replace(self, realm: str, changes: Changes) -> int:
        """Make changes of a rebuilt map durable, with the incidents about its profiles; the version
        of the rows.

        Raises as the store does; what is written by then is right.
        """
        self.decide_undone()
        batch = self._new_batch()
        version = version_of(EMBEDDED_GENERATION, batch - 1)
        self._identity.replace(realm, changes, version)
        count_changes(self._metrics, changes)
        moved = self._regrouped([{realm: changes}])
        self._consistency.process({}, [], batch, moved)
        self._touch_regrouped(moved, batch)
        # The next run must not give its rows lower versions than these.
        self._acknowledge()
        return version

    def act(self, records: Sequence[PersonRecord]) -> None:
        """Make what people did with incidents durable, and lay it over the incidents; and what
        they decided about identifiers, with all that follows from it. Raises as `finish`."""
        decisions = [one for one in records if isinstance(one, DecisionRecord)]
        if decisions:
            in_doubt, self._undone = bool(self._undone), [*self._undone, *decisions]
            self._decide(in_doubt)
        self.note()
        by_realm: dict[str, dict[Book, list[IncidentAction]]] = {}
        for one in (one for one in records if isinstance(one, ActionRecord)):
            by_realm.setdefault(one.realm, {}).setdefault(one.book, []).append(one.entry)
        for realm, actions in by_realm.items():
            batch = self._new_batch()
            self._consistency.act(realm, actions, batch)
            self.settled = batch

    def decide_undone(self) -> None:
        """Have decisions that were given up come before what is acknowledged next, or removed.
        Raises as `finish`."""
        self.note()
        if self._undone:
            self._decide(in_doubt=True)

    def _decide(self, in_doubt: bool) -> None:
        """Apply the decisions that are not done yet, and acknowledge them."""

        def attempt(failures: int) -> None:
            self._checkpoints.note()
            self._write_decisions(in_doubt or failures > 0)

        retrying(attempt, "store", self._metrics, ATTEMPTS_MAX, self._sleep)
        self._acknowledge()

    def _write_decisions(self, in_doubt: bool) -> None:
        """Under a batch of their own: the map, then the incidents about those whom they concern."""
        batch = self._new_batch()
        by_realm: dict[str, RealmBatch] = defaultdict(RealmBatch)
        for one in self._undone:
            decision = one.decision()
            by_realm[one.realm].decisions += standing_decisions(
                [decision], self._until(one.realm, decision)
            )
        with self._timed("identity"):
            version = version_of(EMBEDDED_GENERATION, batch - 1)
            applied = self._identity.process(by_realm, version, in_doubt=in_doubt)
            for changes in applied.values():
                count_changes(self._metrics, changes)
        with self._timed("consistency"):
            moved = self._regrouped([applied])
            self._consistency.process({}, (), batch, moved)
        self._touch_regrouped(moved, batch)
        self._undone = []

    def _until(self, realm: str, decision: Decision) -> dict[NodeId, int]:
        """Up to when nothing counts that was decided about the two, if they were erased."""
        found = {end.id: self._erased_at(realm, end.id) for end in (decision.a, decision.b)}
        return {node: at_ms for node, at_ms in found.items() if at_ms is not None}

    def settle(
        self, realm: str, nodes: Collection[NodeId], marks: Collection[NodeId]
    ) -> set[NodeId]:
        """Compute the map anew around nodes that lost edges; those that are no longer on it. The
        incidents about their customers are judged again by `erased`, once the facts are gone."""
        alone, moved = self._settle(self._new_batch(), realm, nodes, marks)
        for name, profiles in moved.items():
            self._moved[name] |= profiles
        if self._consistency.follows_the_map:
            self._moved[realm] |= alone  # each has its own id again, and no row that says so
        return alone

    def shared_among(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """Those of these nodes that belong to nobody by the rules in force."""
        return self._identity.shared_among(realm, nodes)

    def write_edges(self, realm: str, edges: Sequence[Edge]) -> None:
        """Replace the rows of these edges, whatever they say; the map is to be settled then."""
        batch = self._new_batch()
        version = version_of(EMBEDDED_GENERATION, batch - 1)
        self._identity.store.write_edges(realm, edges, version)

    def unlink(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """Settle around nodes that lost edges or their first evidence, and judge the incidents
        about their customers again; those that are no longer on the map."""
        batch = self._new_batch()
        alone, moved = self._settle(batch, realm, nodes, ())
        self._consistency.process({}, (), batch, moved)
        self._touch_regrouped(moved, batch)
        return alone

    def _settle(
        self, batch: int, realm: str, nodes: Collection[NodeId], marks: Collection[NodeId]
    ) -> tuple[set[NodeId], dict[str, set[NodeId]]]:
        version = version_of(EMBEDDED_GENERATION, batch - 1)
        changes, alone = self._identity.settle(realm, nodes, marks, version)
        count_changes(self._metrics, changes)
        return alone, self._regrouped([{realm: changes}])

    def regroup(self, realm: str, profiles: Collection[NodeId]) -> None:
        """Judge the incidents about these customers again."""
        batch = self._new_batch()
        self._consistency.process({}, (), batch, {realm: profiles})

    def forgotten(self, realm: str, nodes: Collection[NodeId]) -> None:
        """No event names these any more. Nobody is to be told: whoever follows reads the map."""

    def erased(self) -> None:
        """Facts and edges were removed: forget what was read before, and check batches again that
        wait."""
        self._changes += 1
        self._identity.forget()
        self._consistency.forget()
        if self._moved:
            batch = self._new_batch()
            self._consistency.process({}, (), batch, self._moved)
            self._touch_regrouped(self._standing(self._moved), batch)
            self._moved = defaultdict(set)
        self._acknowledge()

    def _standing(self, moved: Mapping[str, Collection[NodeId]]) -> dict[str, set[NodeId]]:
        """Without those who were erased: nothing is noted of them."""
        return {
            realm: {one for one in nodes if self._erased_at(realm, one) is None}
            for realm, nodes in moved.items()
        }

    def leaving(self, realm: str, nodes: Collection[NodeId], others: Collection[NodeId]) -> None:
        """Have people who are about to be erased leave their segments, and the next tick look at
        others, of whom events go with them."""
        if self._segments and self._segments.follows_the_map:
            batch = self._new_batch()
            self._segments.leaving(realm, nodes, batch)
            self._segments.touch(realm, others, TouchCause.EVENT, batch)

    def touch_all(self) -> None:
        """Have the next tick hold everybody to segments: events were removed."""
        if self._segments and self._segments.follows_the_map:
            self._segments.touch_all(self._new_batch())
            self._acknowledge()

    def define(self, realm: str, definitions: Mapping[str, StoredDefinition]) -> None:
        """Put definitions of segments in force; `advance_segments` evaluates everybody. Raises as
        the store does."""
        if self._segments is not None:
            now, batch = self._defining(realm)
            self._segments.define(realm, definitions, now, batch)
            self.settled = batch

    def remove_segment(self, realm: str, segment: str, number: int, at: datetime) -> None:
        """Put a segment out of force; `advance_segments` lets its members leave. As above."""
        if self._segments is not None:
            now, batch = self._defining(realm)
            self._segments.remove(realm, segment, number, at, now, batch)
            self.settled = batch

    def _defining(self, realm: str) -> tuple[datetime | None, int]:
        """The latest tick of a realm, and a batch for what is put in force as of it."""
        self.note()
        self._consistency.begin()
        return self._consistency.now(realm), self._new_batch()

    def advance_segments(self, realm: str) -> LookedAt | None:
        """Evaluate a part of what follows from other definitions; None when all is done. Batches
        may come in between. Raises as the store does; what is left then is done by the next tick.
        """
        if self._segments is None:
            return None
        batch = self._new_batch()
        with self._timed("segments"):
            found = self._segments.advance(realm, batch)
        self.settled = batch
        return found

    def _new_batch(self) -> int:
        """The number of a batch that is about to be written: it is used once."""
        batch = self._next_batch
        self._next_batch += 1
        return batch

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        with self._metrics.stage_seconds.labels(stage).time(), tracing.step(stage):
            yield


def _identity(events: Sequence[Accepted]) -> dict[str, RealmBatch]:
    """The edges of a batch by realm."""
    batches: dict[str, RealmBatch] = defaultdict(RealmBatch)
    for event in events:
        batches[event.realm].edges.extend(event.edges)
    return batches

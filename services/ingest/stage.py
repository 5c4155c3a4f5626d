"""The ingest stage: decode lines, tell new from known, make facts durable.

`decode` is pure and may overlap with `store` of the previous batch; `store` returns when every
accepted event of the batch is durable.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import structlog

from schemas.faults import Fault
from schemas.reject import NOT_KEPT, RejectReason
from services.ingest.cancellations import keep_former, take_back
from services.ingest.core.decode import event_id_of, too_large
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import (
    NO_CORRECTIONS,
    Accepted,
    Corrections,
    Intake,
    Reject,
)
from services.ingest.corrections import REVISION_SHIFT, CorrectionPlan
from services.ingest.lines import Line
from services.ingest.ports import FactStore, Known, RejectedLine
from services.ingest.price_lists import PriceLists
from services.runtime.errors import Fatal
from services.runtime.logging import frames

log = structlog.get_logger()


class Status(StrEnum):
    """The result that the sender of an event gets."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


ID_CONFLICT = "id_conflict"
"""Reason of a duplicate whose body differs from the stored one."""
THIS_COUNTS = "another body is stored under this id and revision; from now on this one counts"
STORED_COUNTS = "another body is stored under this id and revision; that one counts"
"""ADR 0027: the larger hash decides, so that the order of arrival does not."""
ROWS_REFUSED = "rows_refused"
"""Reason of a Fatal: the store refuses a large part of a batch."""
REFUSED_MAX = 10
"""More refused rows than this (and than one in a hundred) mean that the store is broken."""


class Result(NamedTuple):
    """The result of one event (Interface 1). Of an accepted one, `path` and `message` are the first
    hint to its sender."""

    event_id: str
    status: Status
    reason: str = ""
    path: str = ""
    message: str = ""


class Decoded(NamedTuple):
    """A batch after decoding: outcomes in the order of its lines."""

    lines: Sequence[Line]
    outcomes: list[Accepted | Reject]
    received_at: datetime
    intake: Intake
    changes: int = 0
    """How often this process had changed before what decides about events."""


class Stored(NamedTuple):
    """A batch whose facts are durable."""

    results: list[Result]
    fresh: list[Accepted]
    """The events whose derived records must be sent."""
    refused: list[tuple[int, Reject]]
    """The rejected lines, by position in the batch."""
    corrections: Corrections = NO_CORRECTIONS
    outvoted: Sequence[Accepted] = ()
    """Those of the fresh events of which another body counts: no fact stands for them."""


def outcome_of(
    core: EventProcessor, line: bytes, received_at: datetime, intake: Intake, realm: str = ""
) -> Accepted | Reject:
    """The outcome of one line, whatever it contains: an event on which the code fails is rejected
    alone and never stops the others."""
    try:
        return core.process(line, received_at, intake, realm)
    except Exception as error:  # a bug: the event is kept, with its bytes, and can be replayed
        failed = _failed(error)
    return _judged(core, failed, line, realm)


def unread_of(core: EventProcessor, line: Line, fault: Fault) -> Reject:
    """The outcome of a line that the intake could not read."""
    named = line.named or line.content
    return _judged(core, Reject(*fault, event_id_of(named)), named, line.realm)


def _judged(core: EventProcessor, reject: Reject, line: bytes, realm: str) -> Reject:
    """What becomes of a line that is rejected before, or while, it is processed."""
    try:
        return core.judge(reject, line, realm)
    except Exception as error:  # whom it names, nobody can tell
        _failed(error)
        return reject


def _failed(error: Exception) -> Reject:
    log.error("event_failed", error=type(error).__name__, frames=frames(error))
    message = f"{type(error).__name__}; please report it"
    return Reject(RejectReason.UNPROCESSABLE, message=message)


class IngestStage:
    """Decodes and stores batches. `store` must be called by one thread at a time.

    Args:
        from_log: lines come from a log that redelivers whatever was not acknowledged. The derived
            records of a known event may then never have been sent, so it is written and processed
            again. The caller keeps the rejected lines; otherwise the store does.
    """

    def __init__(self, core: EventProcessor, store: FactStore, *, from_log: bool = False) -> None:
        self._core = core
        self._store = store
        self._price_lists = PriceLists(store)
        self._from_log = from_log
        self._processed = 0 if from_log else store.checkpoint()

    def use(self, core: EventProcessor) -> None:
        """Decode by other rules from now on."""
        self._core = core

    def decode(
        self, lines: Sequence[Line], received_at: datetime, intake: Intake = Intake.FILE
    ) -> Decoded:
        """Validate every line. Blocks the CPU only."""
        outcomes = [_placed(self.outcome(line, received_at, intake), line) for line in lines]
        return Decoded(lines, outcomes, received_at, intake)

    def outcome(self, line: Line, received_at: datetime, intake: Intake) -> Accepted | Reject:
        """Validate one line."""
        if line.fault is not None:
            return unread_of(self._core, line, line.fault)
        if line.is_whole:
            return outcome_of(self._core, line.content, received_at, intake, line.realm)
        unread = Reject(RejectReason.TOO_LARGE, message=too_large(line.size))
        return _judged(self._core, unread, line.content, line.realm)

    def store(self, decoded: Decoded, batch: int) -> Stored:
        """Make a batch durable.

        Raises Retry or Fatal as the store does; the whole batch may then be stored again. Fatal
        also when the store refuses so many rows that the store must be at fault.
        """
        accepted = [one for one in decoded.outcomes if isinstance(one, Accepted)]
        known = self._store.known(accepted)
        judged = {name: list(entries) for name, entries in known.items()}
        results: list[Result] = []
        fresh: dict[int, Accepted] = {}
        refused: dict[int, Reject] = {}
        conflicts: list[Accepted] = []
        for position, outcome in enumerate(decoded.outcomes):
            if isinstance(outcome, Reject):
                results.append(refusal(outcome))
                refused[position] = outcome
                continue
            name = outcome.realm, outcome.event_id
            entries = judged.get(name)
            if not entries:  # nearly every event
                judged[name] = [Known(outcome.node, outcome.version, self._processed)]
                fresh[position] = outcome
                result = Result(outcome.sent_id, Status.ACCEPTED)
                results.append(with_hint(result, outcome) if outcome.hints else result)
                continue
            result = self._judge(outcome, entries)
            results.append(with_hint(result, outcome))
            is_conflict = result.reason == ID_CONFLICT
            if is_conflict:
                conflicts.append(outcome)
                if outcome.intake is Intake.PUBLIC:
                    continue  # kept, but a public key must not change a stored event
            if result.status is Status.ACCEPTED or is_conflict or self._from_log:
                fresh[position] = outcome
                entries.append(Known(outcome.node, outcome.version, self._processed))
        self._keep(decoded, refused)
        if conflicts:
            # The other body may be in this batch, and its row about to be replaced by the new body.
            names = {(one.realm, one.event_id) for one in conflicts}
            others = [one for one in fresh.values() if (one.realm, one.event_id) in names]
            self._store.write_conflicts([*conflicts, *others], decoded.received_at)
        plan = CorrectionPlan(known, fresh.values())
        plan.note(self._store)
        unstorable = self._unstorable(plan.to_write(fresh), batch)
        for position in unstorable:
            reject = Reject(RejectReason.UNSTORABLE, event_id=fresh[position].sent_id)
            plan.forget(fresh.pop(position))
            refused[position], results[position] = reject, refusal(reject)
        self._keep(decoded, {position: refused[position] for position in unstorable})
        keep_former(self._store, plan.moved)
        self._store.remove_facts(plan.outvoted_elsewhere())
        stored, outvoted = plan.told(fresh.values())
        self._store.write_values(stored, batch)
        stored, taken_back = take_back(self._store, stored, plan.names)
        superseded, former = plan.corrections()
        left_out = self._price_lists.note(fresh.values(), outvoted, plan.names)
        corrections = Corrections([*superseded, *taken_back, *left_out], former)
        return Stored(results, stored, sorted(refused.items()), corrections, outvoted)

    def _unstorable(self, fresh: dict[int, Accepted], batch: int) -> list[int]:
        """Write the facts; returns the positions of those that the store refuses."""
        refused = {id(event) for event in self._store.write_facts(list(fresh.values()), batch)}
        if len(refused) > max(REFUSED_MAX, len(fresh) // 100):
            raise Fatal(
                f"the store refuses {len(refused)} of {len(fresh)} rows of a batch; nothing of it "
                "is acknowledged. Perhaps schema and program differ in their versions",
                reason=ROWS_REFUSED,
            )
        return [position for position, event in fresh.items() if id(event) in refused]

    def _keep(self, decoded: Decoded, refused: dict[int, Reject]) -> None:
        """Keep rejected lines, unless the caller does."""
        if refused and not self._from_log:
            lines = [_kept(decoded, position, reject) for position, reject in refused.items()]
            self._store.write_rejected(lines)

    def _judge(self, event: Accepted, entries: list[Known]) -> Result:
        """Known, or another body under a known event id.

        An event stored by a batch that was never completely processed counts as new: its derived
        rows may be missing.
        """
        revision = event.version >> REVISION_SHIFT
        for entry in entries:
            if entry.version == event.version and entry.node == event.node:
                if entry.batch <= self._processed:
                    return Result(event.sent_id, Status.DUPLICATE)
                return Result(event.sent_id, Status.ACCEPTED)
        is_conflict = any(entry.version >> REVISION_SHIFT == revision for entry in entries)
        if is_conflict or event.intake is Intake.PUBLIC:  # a public key cannot correct an event
            latest = max(entry.version for entry in entries)
            counts = event.intake is not Intake.PUBLIC and event.version > latest
            message = THIS_COUNTS if counts else STORED_COUNTS
            return Result(event.sent_id, Status.DUPLICATE, ID_CONFLICT, message=message)
        return Result(event.sent_id, Status.ACCEPTED)

    def processed(self, batch: int) -> None:
        """Everything up to this batch is completely processed: its events are duplicates now."""
        self._processed = batch

    def acknowledge(self, batch: int, now: datetime) -> None:
        """Record that everything up to this batch is completely processed."""
        self._store.write_checkpoint(batch, now)
        self._processed = batch


def _kept(decoded: Decoded, position: int, reject: Reject) -> RejectedLine:
    """A rejected line as it is kept; of what must not be, only the reason."""
    line, is_public = decoded.lines[position], decoded.intake is Intake.PUBLIC
    if reject.reason in NOT_KEPT:
        nobody = reject._replace(event_id="")
        return RejectedLine(nobody, b"", 0, decoded.received_at, is_public)
    return RejectedLine(reject, line.content, line.size, decoded.received_at, is_public)


def with_hint(result: Result, event: Accepted) -> Result:
    """What the sender of a new event hears beside its acceptance."""
    if result.status is not Status.ACCEPTED or not event.hints:
        return result
    hint = event.hints[0]
    return result._replace(path=hint.path, message=hint.message)


def _placed(outcome: Accepted | Reject, line: Line) -> Accepted | Reject:
    """A reject says where its line stands, so that somebody can correct it there."""
    if not line.place or isinstance(outcome, Accepted):
        return outcome
    return outcome._replace(message=f"{outcome.message} ({line.place})".lstrip())


def refusal(reject: Reject) -> Result:
    """What the sender of a rejected event hears."""
    return Result(reject.event_id, Status.REJECTED, reject.reason, reject.path, reject.message)

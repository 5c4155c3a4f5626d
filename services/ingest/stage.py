"""The ingest stage: decode lines, tell new from known, make facts durable.

`decode` is pure and may run beside `store` of the batch before; `store` returns when every accepted
event of the batch is durable. Rejects are kept before anything else is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from schemas.reject import RejectReason
from services.ingest.core.core import IngestCore
from services.ingest.core.decode import too_large
from services.ingest.core.outcome import Accepted, Intake, Reject
from services.ingest.lines import Line
from services.ingest.ports import FactStore, Known, RejectedLine
from services.runtime.errors import Fatal


class Status(StrEnum):
    """What the sender of an event is told."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


ID_CONFLICT = "id_conflict"
"""Reason of a duplicate whose body differs from the stored one."""
REVISION_SHIFT = 32
REFUSED_MAX = 10
"""More rows than these (and than one in a hundred) are no bad rows but a broken store."""


class Result(NamedTuple):
    """The answer for one event (Interface 1)."""

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


class Stored(NamedTuple):
    """A batch after its facts are durable. `fresh` are the events whose records must go on."""

    results: list[Result]
    fresh: list[Accepted]


class IngestStage:
    """Decodes and stores batches. `store` must be called by one thread at a time."""

    def __init__(self, core: IngestCore, store: FactStore) -> None:
        self._core = core
        self._store = store
        self._processed = store.checkpoint()

    def decode(
        self, lines: Sequence[Line], received_at: datetime, intake: Intake = Intake.FILE
    ) -> Decoded:
        """Validate every line. Blocks the CPU only."""
        process = self._core.process
        outcomes = [
            process(line.content, received_at, intake)
            if line.is_whole
            else Reject(RejectReason.TOO_LARGE, message=too_large(line.size))
            for line in lines
        ]
        return Decoded(lines, outcomes, received_at)

    def store(self, decoded: Decoded, batch: int) -> Stored:
        """Make a batch durable.

        Raises Retry or Fatal as the store does; the whole batch may then be stored again. Fatal
        also when the store refuses so many rows that the fault must be its own.
        """
        self._keep_rejects(decoded)
        accepted = [one for one in decoded.outcomes if isinstance(one, Accepted)]
        known = self._store.known(accepted)
        results: list[Result] = []
        fresh: list[Accepted] = []
        conflicts: list[Accepted] = []
        for outcome in decoded.outcomes:
            if isinstance(outcome, Reject):
                results.append(
                    Result(
                        outcome.event_id,
                        Status.REJECTED,
                        outcome.reason,
                        outcome.path,
                        outcome.message,
                    )
                )
                continue
            entries = known.setdefault((outcome.realm, outcome.event_id), [])
            result = self._judge(outcome, entries)
            results.append(result)
            is_conflict = result.reason == ID_CONFLICT
            if is_conflict and outcome.intake is Intake.PUBLIC:
                conflicts.append(outcome)  # kept, but a stranger changes no event of ours
            elif result.status is Status.ACCEPTED or is_conflict:
                fresh.append(outcome)
                entries.append(Known(outcome.node, outcome.version, self._processed))
                if is_conflict:
                    conflicts.append(outcome)
        if conflicts:
            self._store.write_conflicts(conflicts, decoded.received_at)
        refused = self._store.write_facts(fresh, batch)
        if refused:
            results, fresh = self._refuse(decoded, results, fresh, refused)
        self._store.write_values(fresh, batch)
        return Stored(results, fresh)

    def _refuse(
        self,
        decoded: Decoded,
        results: list[Result],
        fresh: list[Accepted],
        refused: list[Accepted],
    ) -> tuple[list[Result], list[Accepted]]:
        """Keep what the store refuses as rejects; nothing else of the batch suffers."""
        if len(refused) > max(REFUSED_MAX, len(fresh) // 100):
            raise Fatal(
                f"the store refuses {len(refused)} of {len(fresh)} rows of a batch; nothing of it "
                "is acknowledged. Do schema and program have one version ('c360 migrate')?"
            )
        unstorable = {id(event) for event in refused}
        kept = list(results)
        for position, outcome in enumerate(decoded.outcomes):
            if id(outcome) in unstorable and isinstance(outcome, Accepted):
                reject = Reject(RejectReason.UNSTORABLE, event_id=outcome.event_id)
                line = decoded.lines[position]
                self._store.write_rejected(
                    [RejectedLine(reject, line.content, line.size, decoded.received_at)]
                )
                kept[position] = Result(outcome.event_id, Status.REJECTED, reject.reason)
        return kept, [event for event in fresh if id(event) not in unstorable]

    def _judge(self, event: Accepted, entries: list[Known]) -> Result:
        """New, known, or a second body under a known event id.

        An event stored by a batch that was never processed to its end counts as new: what follows
        from it may be missing.
        """
        if not entries:
            return Result(event.event_id, Status.ACCEPTED)
        revision = event.version >> REVISION_SHIFT
        for entry in entries:
            if entry.version == event.version and entry.node == event.node:
                if entry.batch <= self._processed:
                    return Result(event.event_id, Status.DUPLICATE)
                return Result(event.event_id, Status.ACCEPTED)
        is_rival = any(entry.version >> REVISION_SHIFT == revision for entry in entries)
        if is_rival or event.intake is Intake.PUBLIC:  # a public key corrects nothing
            return Result(event.event_id, Status.DUPLICATE, ID_CONFLICT)
        return Result(event.event_id, Status.ACCEPTED)

    def acknowledge(self, batch: int, now: datetime) -> None:
        """Record that everything up to this batch is processed to its end."""
        self._store.write_checkpoint(batch, now)
        self._processed = batch

    def _keep_rejects(self, decoded: Decoded) -> None:
        self._store.write_rejected(
            [
                RejectedLine(outcome, line.content, line.size, decoded.received_at)
                for line, outcome in zip(decoded.lines, decoded.outcomes, strict=True)
                if isinstance(outcome, Reject)
            ]
        )

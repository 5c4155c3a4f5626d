"""Replays dead letters: sends them unchanged to the topics they came from.

A dead letter goes to the partition it was read from, with its key, headers and bytes, and an extra
header with its id. The readers of that topic tolerate repetition, so replaying twice changes
nothing. The dead letters stay; one that is rejected again becomes a new dead letter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from schemas.reject import RejectReason
from schemas.topics import CATALOGUE, MIB, Party
from services.ingest.adapters.rejected import DeadLetter
from services.intake.publish import size_of
from services.stream.dead_letters import BY_OTHER_REALM
from services.stream.ports import Outbox, Outgoing

REPORT_VERSION = 1
REPLAY_HEADER = "c360-replay-of"
CHUNK_LETTERS_MAX = 1_000
CHUNK_BYTES_MAX = 4 * MIB
KNOWN_MAX = 1_000_000
"""Records remembered as sent; beyond them an identical one may be sent again, harmlessly."""
READERS = {Party.INGEST, Party.IDENTITY, Party.CONSISTENCY}
TOPICS = {topic.name: topic for topic in CATALOGUE.topics if READERS & {*topic.consumed_by}}
"""The topics that c360 workers read and dead-letter."""


class Kept(NamedTuple):
    """A dead letter that cannot be replayed."""

    reject_id: str
    why: str


@dataclass(slots=True)
class ReplayReport:
    """The result for the selected dead letters."""

    matched: int = 0
    replayed: int = 0
    """Acknowledged by all in-sync replicas; in a dry run, what would be sent."""
    repeated: int = 0
    """Dead letters identical to one already sent in this run."""
    kept: int = 0
    topics: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, object]:
        """The documented JSON form."""
        return {
            "version": REPORT_VERSION,
            "matched": self.matched,
            "replayed": self.replayed,
            "repeated": self.repeated,
            "not_replayable": self.kept,
            "topics": dict(sorted(self.topics.items())),
            "reasons": dict(sorted(self.reasons.items())),
        }


async def replay(
    letters: AsyncIterator[DeadLetter],
    outbox: Outbox | None,
    report: ReplayReport,
    kept: Callable[[Kept], None] = lambda letter: None,
) -> None:
    """Send dead letters back in chunks; the report is accurate at any time, also after errors.

    Args:
        outbox: None for a dry run.
        kept: called with each dead letter that cannot be replayed.

    Raises:
        Retry, Fatal: as the reader and the outbox do.
    """
    known: set[bytes] = set()
    part, size = list[tuple[str, Outgoing]](), 0
    async for letter in letters:
        report.matched += 1
        record = original(letter)
        if isinstance(record, Kept):
            report.kept += 1
            kept(record)
            continue
        digest = _digest(record)
        if digest in known:
            report.repeated += 1
            continue
        if len(known) < KNOWN_MAX:
            known.add(digest)
        part.append((letter.reason, record))
        size += letter.size
        if len(part) == CHUNK_LETTERS_MAX or size >= CHUNK_BYTES_MAX:
            await _send(part, outbox, report)
            part, size = [], 0
    await _send(part, outbox, report)


async def _send(
    part: list[tuple[str, Outgoing]], outbox: Outbox | None, report: ReplayReport
) -> None:
    if outbox is not None:
        await outbox.send_all([record for _, record in part])
    report.replayed += len(part)
    report.topics.update(record.topic for _, record in part)
    report.reasons.update(reason for reason, _ in part)


def original(letter: DeadLetter) -> Outgoing | Kept:
    """The original record, marked as a replay; or why it cannot be sent."""
    own, value = letter.contract(), letter.delivery.value or b""
    if own is None:
        return Kept(letter.id, "its headers do not say where it came from")
    if own.raw_bytes > letter.size:
        return Kept(
            letter.id,
            f"it was too large to be kept: {letter.size:,} of {own.raw_bytes:,} bytes are here; "
            "send it again from its source",
        )
    if own.reason is RejectReason.OTHER_REALM:
        return Kept(letter.id, BY_OTHER_REALM)
    if not own.source_topic:
        return Kept(
            letter.id,
            "it came from no topic. If its sender may be believed, send it as a new event",
        )
    if own.source_topic not in TOPICS:
        return Kept(letter.id, f"no worker reads the topic it came from, {own.source_topic}")
    record = Outgoing(
        own.source_topic,
        value,
        key=letter.delivery.key,
        partition=own.source_partition if own.source_partition >= 0 else None,
        headers=(*letter.original_headers, (REPLAY_HEADER, letter.id.encode())),
    )
    limit = TOPICS[record.topic].record_bytes_max
    if size_of(record) > limit:
        return Kept(letter.id, f"it is too large for {record.topic}, which takes {limit:,} bytes")
    return record


def _digest(record: Outgoing) -> bytes:
    """Equal for records that are identical to their readers."""
    digest = blake2b(f"{record.topic}\n{record.partition}\n".encode(), digest_size=16)
    for part in (record.key or b"", record.value or b""):
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()

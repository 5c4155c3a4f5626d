"""Sends lines of files to the topics of their channels, byte for byte.

Nothing is validated here; the ingest worker does that. A line that cannot be read goes to the topic
of unlisted channels, and the worker dead-letters it. Sending again is harmless, because an event
counts once by its `event_id`; after an interruption everything may be sent again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from schemas.topics import CATALOGUE, MIB
from services.ingest.lines import Line
from services.intake.files import numbered_lines, read_lines
from services.intake.format import FileFormat, Format
from services.runtime.batching import bounded
from services.stream.connection import key_of
from services.stream.ports import Outgoing

REPORT_VERSION = 1
CHUNK_LINES_MAX = 5_000
CHUNK_BYTES_MAX = 8 * MIB
CHUNK_AGE_S = 1.0
"""A slow stream is flushed with the first line after this time."""
EVENT_ID_CHARS_MAX = 100
UNREADABLE = CATALOGUE.of_channel("").name
NAMED_MAX = 100
"""Oversized lines that a report lists one by one; all of them are counted."""


class SourceLine(NamedTuple):
    """A line, and the file and number it has there."""

    file: str
    number: int
    line: Line


class TooLarge(NamedTuple):
    """A line that exceeds the limit of its topic."""

    file: str
    line: int
    bytes: int
    topic: str
    bytes_max: int


@dataclass(slots=True)
class PublishReport:
    """What was sent. A line counts as acknowledged when all in-sync replicas hold it."""

    acknowledged: int = 0
    unreadable: int = 0
    """Of these, lines whose channel or id cannot be read."""
    too_large: int = 0
    """Lines that were not sent."""
    too_large_lines: list[TooLarge] = field(default_factory=list)
    refused: int = 0
    """Parts of files of another format that became no event."""
    topics: Counter[str] = field(default_factory=Counter)
    begun_s: float = field(default_factory=time.monotonic)

    def as_json(self) -> dict[str, object]:
        """The documented JSON form."""
        seconds = time.monotonic() - self.begun_s
        return {
            "version": REPORT_VERSION,
            "acknowledged": self.acknowledged,
            "unreadable": self.unreadable,
            "too_large": self.too_large,
            "too_large_lines": [one._asdict() for one in self.too_large_lines],
            "refused": self.refused,
            "topics": dict(sorted(self.topics.items())),
            "seconds": round(seconds, 3),
            "events_per_second": round(self.acknowledged / seconds) if seconds else 0,
        }


def source_lines(files: Iterable[str]) -> Iterator[SourceLine]:
    """Lines of all files, one file after the other. Raises as numbered_lines."""
    for name in files:
        for number, line in numbered_lines(name):
            yield SourceLine(name, number, line)


def translated_lines(
    files: Iterable[str], layout: Format | FileFormat, refused: Callable[[Line], None]
) -> Iterator[SourceLine]:
    """The same of files of another format, as the touchpoints that they become, numbered. What
    becomes none is not sent: `refused` gets it. Raises as numbered_lines."""
    for name in files:
        for number, line in enumerate(read_lines(name, layout), 1):
            if line.fault is None:
                yield SourceLine(name, number, line)
            else:
                refused(line)


def publish(
    lines: Iterable[SourceLine],
    send: Callable[[Sequence[Outgoing]], None],
    report: PublishReport,
    sent: Callable[[int], None] = lambda count: None,
    oversized: Callable[[TooLarge], None] = lambda line: None,
) -> None:
    """Send lines in chunks, in order; the report is accurate at any time, also after errors.

    Args:
        send: returns when every record is acknowledged.
        sent: called with the number of lines sent since the last call.
        oversized: called with each oversized line.

    Raises:
        InputError: the input is damaged; what came before is sent.
        Retry, Fatal: as `send` does. Of its chunk any part may have been written.
    """
    for chunk in bounded(
        lines, CHUNK_LINES_MAX, CHUNK_BYTES_MAX, lambda one: len(one.line.content), CHUNK_AGE_S
    ):
        records: list[Outgoing] = []
        for one in chunk:
            record = route(one.line.content)
            limit = CATALOGUE.by_name[record.topic].record_bytes_max
            if one.line.size > limit // 2 and (
                one.line.size > len(one.line.content) or size_of(record) > limit
            ):
                line = TooLarge(one.file, one.number, one.line.size, record.topic, limit)
                report.too_large += 1
                if report.too_large <= NAMED_MAX:
                    report.too_large_lines.append(line)
                oversized(line)
            else:
                records.append(record)
        send(records)
        report.acknowledged += len(records)
        report.unreadable += sum(record.key is None for record in records)
        report.topics.update(record.topic for record in records)
        sent(len(records))


def route(content: bytes) -> Outgoing:
    """The record of a line: to the topic of its channel, keyed by its event id as the contract
    reads it. Without a key to that of unlisted channels, when one of the two cannot be read."""
    try:
        plain = orjson.loads(content)
    except orjson.JSONDecodeError:
        return Outgoing(UNREADABLE, content)
    if not isinstance(plain, dict):
        return Outgoing(UNREADABLE, content)
    channel, event_id = plain.get("channel"), plain.get("event_id")
    if type(event_id) is int:
        event_id = str(event_id)
    if not isinstance(channel, str) or not isinstance(event_id, str):
        return Outgoing(UNREADABLE, content)
    event_id = event_id.strip()
    if not 0 < len(event_id) <= EVENT_ID_CHARS_MAX:
        return Outgoing(UNREADABLE, content)
    return Outgoing(CATALOGUE.of_channel(channel).name, content, key=key_of(event_id))


def size_of(record: Outgoing) -> int:
    """Size of a record as counted by the limit of its topic."""
    return int(
        DefaultRecordBatchBuilder.estimate_size_in_bytes(
            record.key, record.value, list(record.headers)
        )
    )

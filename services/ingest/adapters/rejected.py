"""The dead letters of `c360.rejected`, read without a group: nothing is committed or removed.

Memory is bounded by one fetch, however many dead letters there are.
"""

from __future__ import annotations

import asyncio
import base64
import heapq
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    KafkaError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.structs import TopicPartition
from pydantic import ValidationError

from schemas.instants import from_ms, written
from schemas.records import RejectedHeaders
from schemas.reject import ADVICE
from services.runtime.errors import Fatal, NotFound, Retry
from services.runtime.settings import Settings
from services.stream.connection import connection, missing_topic
from services.stream.dead_letters import PREFIX, REJECTED_TOPIC, UNKNOWN_LETTER, original_headers
from services.stream.log_reader import delivery
from services.stream.ports import Delivery, Headers

VERSION = 1
TIMEOUT_S = 30.0
CLOSE_TIMEOUT_S = 5.0
FETCH_MS = 500
FETCH_RECORDS = 500
FETCH_BYTES = 4 * 1024 * 1024
WINDOW_LETTERS = 500
"""Read at once of a partition, from the end."""
SCANNED_MAX = 20_000
"""Of one page, wanted or not."""
FOREIGN = "unknown"
"""Shown as the reason of a record that was not written by a c360 worker."""
LETTER_ID = re.compile(r"[0-9]{1,9}:[0-9]{1,18}")
Progress = Callable[[int, int], None]


class DeadLetter(NamedTuple):
    """A rejected record as the topic keeps it."""

    delivery: Delivery
    size: int
    """Number of bytes kept; a listed dead letter comes without its content."""

    @property
    def id(self) -> str:
        """Its place in the topic, `<partition>:<offset>`."""
        return f"{self.delivery.partition}:{self.delivery.offset}"

    @property
    def own_headers(self) -> dict[str, str]:
        """The headers that say why it was rejected and where it came from."""
        return {
            name: value.decode("utf-8", "replace")
            for name, value in self.delivery.headers
            if name.startswith(PREFIX)
        }

    @property
    def original_headers(self) -> Headers:
        """The headers it arrived with."""
        return original_headers(self.delivery.headers)

    @property
    def reason(self) -> str:
        """The reason header, unchecked."""
        return self.own_headers.get(f"{PREFIX}reason", FOREIGN)

    def contract(self) -> RejectedHeaders | None:
        """Its headers by their contract; None for a record that no c360 worker wrote."""
        try:
            return RejectedHeaders.model_validate(self.own_headers)
        except ValidationError:
            return None

    def as_row(self) -> dict[str, Any]:
        """The documented JSON form, without the content."""
        own = self.contract()
        row: dict[str, Any] = {
            "version": VERSION,
            "reject_id": self.id,
            "reason": own.reason.value if own else FOREIGN,
            "path": own.path if own else "",
            "message": own.message if own else "its headers are not those of a dead letter",
            "event_id": own.event_id if own else "",
            "received_at": written(own.received_at) if own else None,
            "raw_bytes": own.raw_bytes if own else self.size,
            "advice": ADVICE[own.reason] if own else f"find out who writes to {REJECTED_TOPIC}",
            "rejected_at": written(from_ms(self.delivery.timestamp_ms)),
            "source_topic": own.source_topic if own else "",
            "source_partition": own.source_partition if own else -1,
            "source_offset": own.source_offset if own else -1,
            "is_whole": own is not None and own.raw_bytes == self.size,
        }
        return row

    def as_json(self) -> dict[str, Any]:
        """The documented JSON form, whole. Texts are for reading, Base64 gives the bytes."""
        value, key = self.delivery.value or b"", self.delivery.key
        return {
            **self.as_row(),
            "raw": _text(value),
            "raw_base64": _base64(value),
            "key": None if key is None else _text(key),
            "key_base64": None if key is None else _base64(key),
            "headers": self.own_headers,
            "original_headers": [
                {"name": name, "value": _text(value), "value_base64": _base64(value)}
                for name, value in self.original_headers
            ],
        }


class Listing(NamedTuple):
    """The latest dead letters, and their number by reason."""

    letters: list[DeadLetter]
    counts: dict[str, int]


class DeadLetters:
    """Reads the topic as it is now. Created by `open_dead_letters`."""

    def __init__(
        self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition], timeout_s: float
    ) -> None:
        self._consumer = consumer
        self._partitions = partitions
        self._timeout_s = timeout_s

    def _answered(self) -> AbstractAsyncContextManager[None]:
        return _answered(self._timeout_s)

    async def latest(
        self, limit: int, reason: str = "", progress: Progress | None = None
    ) -> Listing:
        """The latest `limit` dead letters of a reason (or any), the latest first, without their
        content; and the counts of all reasons. Raises Retry."""
        kept: list[tuple[int, int, int, DeadLetter]] = []
        counts: Counter[str] = Counter()
        async for letter in self.all(progress=progress):
            counts[letter.reason] += 1
            if reason and letter.reason != reason:
                continue
            at = letter.delivery
            place = (at.timestamp_ms, at.partition, at.offset)
            if len(kept) < limit:
                heapq.heappush(kept, (*place, _emptied(letter)))
            elif kept[0][:3] < place:
                heapq.heapreplace(kept, (*place, _emptied(letter)))
        return Listing([one[3] for one in sorted(kept, reverse=True)], dict(sorted(counts.items())))

    async def all(
        self, since_ms: int | None = None, progress: Progress | None = None
    ) -> AsyncIterator[DeadLetter]:
        """All dead letters at the time of the call, or those rejected since a time; in order within
        a partition. Later ones are not read. Raises Retry."""
        consumer = self._consumer
        async with self._answered():
            begins = await consumer.beginning_offsets(self._partitions)
            ends = await consumer.end_offsets(self._partitions)
            if since_ms is not None:
                found = await consumer.offsets_for_times(dict.fromkeys(self._partitions, since_ms))
                begins = {p: found[p].offset if found[p] else ends[p] for p in self._partitions}
        total = sum(ends.values()) - sum(begins.values())
        open_ones = {p for p in self._partitions if begins[p] < ends[p]}
        consumer.assign(list(open_ones))
        for partition in open_ones:
            consumer.seek(partition, begins[partition])
        moved_s, before = time.monotonic(), -1
        while open_ones:
            async with self._answered():
                got = await consumer.getmany(timeout_ms=FETCH_MS, max_records=FETCH_RECORDS)
                positions = {p: await consumer.position(p) for p in open_ones}
            for partition, records in got.items():
                for letter in map(_letter, records):
                    at = letter.delivery
                    if at.offset < ends[partition] and at.timestamp_ms >= (since_ms or 0):
                        yield letter
            done = {p for p in open_ones if positions[p] >= ends[p]}
            consumer.pause(*done)
            open_ones -= done
            left = sum(ends[p] - positions[p] for p in open_ones)
            if left != before:
                moved_s, before = time.monotonic(), left
            elif time.monotonic() - moved_s > self._timeout_s:
                # Of brokers that are down, fetches just stay empty.
                raise _away(f"no record within {self._timeout_s:g} s")
            if progress is not None:
                progress(total - left, total)

    async def backwards(
        self,
        limit: int,
        wanted: Callable[[DeadLetter], bool],
        bounds: Mapping[int, int] | None = None,
        scanned_max: int = SCANNED_MAX,
    ) -> tuple[list[DeadLetter], dict[int, int], bool]:
        """The latest `limit` wanted dead letters before these offsets (by partition), without their
        content; the offsets before which the next ones are; and whether there are more.

        Within a partition the order is that of its offsets, so what was there all along is neither
        skipped nor repeated. No more than `scanned_max` letters, in whole windows, are looked at.
        Raises Retry.
        """
        async with self._answered():
            begins = await self._consumer.beginning_offsets(self._partitions)
            ends = await self._consumer.end_offsets(self._partitions)
        given = bounds or {}
        # In each partition: what was read but not yet passed, and where the next window ends.
        heads: dict[TopicPartition, list[tuple[bool, DeadLetter]]] = {}
        left = {p: min(given.get(p.partition, ends[p]), ends[p]) for p in self._partitions}
        passed = dict(left)
        found: list[DeadLetter] = []
        scanned = 0
        while len(found) < limit:
            empty = [p for p in self._partitions if not heads.get(p) and left[p] > begins[p]]
            if empty and scanned >= scanned_max:
                break
            for p in empty:
                start = max(begins[p], left[p] - WINDOW_LETTERS)
                letters = await self._window(p, start, left[p])
                heads[p] = [(wanted(one), _emptied(one)) for one in letters]
                scanned += len(letters)
                left[p] = start
                if not letters:
                    passed[p] = start
            if any(not heads.get(p) and left[p] > begins[p] for p in self._partitions):
                continue
            read = [p for p in heads if heads[p]]
            latest = max(read, key=lambda p: _order(heads[p]), default=None)
            if latest is None:
                break
            is_wanted, letter = heads[latest].pop()
            passed[latest] = letter.delivery.offset if heads[latest] else left[latest]
            if is_wanted:
                found.append(letter)
        has_more = any(passed[p] > begins[p] for p in self._partitions)
        return found, {p.partition: offset for p, offset in passed.items()}, has_more

    async def _window(self, place: TopicPartition, start: int, end: int) -> list[DeadLetter]:
        """The letters of a partition from one offset up to another."""
        self._consumer.assign([place])
        self._consumer.seek(place, start)
        found: list[DeadLetter] = []
        async with self._answered():
            while await self._consumer.position(place) < end:
                got = await self._consumer.getmany(timeout_ms=FETCH_MS, max_records=FETCH_RECORDS)
                letters = map(_letter, got.get(place, ()))
                found += [one for one in letters if one.delivery.offset < end]
        return found

    async def get(self, letter_id: str) -> DeadLetter:
        """One dead letter by its id. Raises NotFound or Retry."""
        place, offset = self._place(letter_id)
        async with self._answered():
            begin = (await self._consumer.beginning_offsets([place]))[place]
            end = (await self._consumer.end_offsets([place]))[place]
            if begin <= offset < end:
                self._consumer.assign([place])
                self._consumer.seek(place, offset)
                while await self._consumer.position(place) <= offset:
                    got = await self._consumer.getmany(timeout_ms=FETCH_MS, max_records=1)
                    for record in got.get(place, ()):
                        if record.offset == offset:
                            return _letter(record)
        there = f"{begin} to {end - 1}" if begin < end else "nothing"
        raise NotFound(
            f"there is no dead letter {letter_id}: partition {place.partition} of {REJECTED_TOPIC} "
            f"holds {there}",
            reason=UNKNOWN_LETTER,
        )

    def _place(self, letter_id: str) -> tuple[TopicPartition, int]:
        partition, _, offset = letter_id.partition(":")
        if not LETTER_ID.fullmatch(letter_id):
            raise NotFound(
                f"{letter_id!r} is no id of a dead letter: it is <partition>:<offset>, for "
                "example 3:17",
                reason=UNKNOWN_LETTER,
            )
        place = TopicPartition(REJECTED_TOPIC, int(partition))
        if place not in self._partitions:
            raise NotFound(f"{REJECTED_TOPIC} has no partition {place.partition}")
        return place, int(offset)


@asynccontextmanager
async def open_dead_letters(
    settings: Settings, timeout_s: float = TIMEOUT_S
) -> AsyncIterator[DeadLetters]:
    """A reader of the dead letters; `timeout_s` is how long the brokers may take for an answer.

    Raises Retry, Fatal without the topic, ConfigurationError.
    """
    parameters = connection(settings)
    async with _answered(timeout_s):
        partitions = await _partitions(parameters)
    consumer = AIOKafkaConsumer(
        **parameters,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_bytes=FETCH_BYTES,
        max_partition_fetch_bytes=FETCH_BYTES // 4,
    )
    try:
        async with _answered(timeout_s):
            await consumer.start()
            await asyncio.sleep(0)  # aiokafka's stop raises while one of its tasks has not started
        yield DeadLetters(consumer, partitions, timeout_s)
    finally:
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await consumer.stop()


async def _partitions(parameters: dict[str, Any]) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(**parameters)
    try:
        await admin.start()
        (topic,) = await admin.describe_topics([REJECTED_TOPIC])
    finally:
        await admin.close()
    if topic["error_code"] == UnknownTopicOrPartitionError.errno:
        raise missing_topic(REJECTED_TOPIC)
    if topic["error_code"]:
        raise for_code(topic["error_code"])(REJECTED_TOPIC)
    return sorted(TopicPartition(REJECTED_TOPIC, one["partition"]) for one in topic["partitions"])


@asynccontextmanager
async def _answered(timeout_s: float) -> AsyncIterator[None]:
    """Apply a deadline and translate errors."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TopicAuthorizationFailedError as error:
        raise Fatal(f"{REJECTED_TOPIC}: let our user read and describe it ({error!r})") from error
    except (KafkaError, TimeoutError, OSError) as error:
        raise _away(repr(error)) from error


def _away(why: str) -> Retry:
    return Retry(
        f"Kafka does not answer ({why}). Is the broker of C360_KAFKA_BOOTSTRAP_SERVERS up?"
    )


def _order(letters: list[tuple[bool, DeadLetter]]) -> tuple[int, int, int]:
    at = letters[-1][1].delivery
    return at.timestamp_ms, at.partition, at.offset


def _letter(record: Any) -> DeadLetter:
    found = delivery(record)
    return DeadLetter(found, len(found.value or b""))


def _emptied(letter: DeadLetter) -> DeadLetter:
    return letter._replace(delivery=letter.delivery._replace(value=None))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()

"""Feeds of the topics that workers publish to: the log is the feed, and offsets are the marks.

Read without a consumer group: whoever resumes brings the offsets. The topics are compacted, so of a
key that changed often the latest record is left, which is enough. Tombstones are left for a day
only: behind an older id a removal could be missing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence

import orjson
import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition
from pydantic import BaseModel, ValidationError

from schemas.api.streams import RemovedIncident, RemovedProfile
from schemas.topics import CATALOGUE
from services.api.feed_positions import Entry, FeedMark, Position
from services.api.feeds import Gone, Stretch
from services.consistency.alerts import ALERTS_TOPIC
from services.identity.publication import PROFILE_CHANGES_TOPIC
from services.runtime.errors import Retry
from services.runtime.settings import KafkaSettings
from services.stream.connection import KEY_SEPARATOR, connection
from services.stream.log_reader import KafkaLog, delivery, start_consumer, stop_consumer
from services.stream.ports import Delivery, Partition

KEPT_S = 20 * 3600.0
"""Kafka keeps tombstones of a compacted topic for 24 hours unless told otherwise."""
START_S = 8.0
FETCH_MS = 1_000
RECORDS_MAX = 500
OFFSETS_PER_READ = 1_000
log = structlog.get_logger()


class LogFeed:
    """Implements services.api.feeds.Feed on one topic."""

    kept_s: float | None = KEPT_S

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        letter: str,
        event: str,
        removed: Callable[[str, str], BaseModel],
    ) -> None:
        """`event` names the event of a record; `removed` makes what is said of a tombstone, from
        the realm and the id in its key."""
        self.letter = letter
        self._settings = settings
        self._topic = topic
        self._event = event
        self._removed = removed
        known = CATALOGUE.by_name.get(topic)
        self._partitions = known.partitions if known else 1
        self._log: KafkaLog | None = None
        self._source = ""

    @property
    def source(self) -> str:
        """See the port: cluster and topic."""
        return self._source

    async def start(self) -> Position:
        """See the port."""
        await self.stop()
        self._log = reader = KafkaLog(self._settings, self._topic)
        try:
            async with asyncio.timeout(START_S):
                await reader.start()
                end = await self.end()
        except TimeoutError as error:
            await self.stop()
            raise Retry("the log does not answer") from error
        except BaseException:
            await self.stop()
            raise
        name = f"{reader.id}{KEY_SEPARATOR}{self._topic}"
        self._source = hashlib.sha256(name.encode()).hexdigest()[:8]
        return end

    async def stop(self) -> None:
        """See the port."""
        reader, self._log = self._log, None
        if reader is not None:
            await reader.stop()

    async def end(self) -> Position:
        """See the port."""
        places = [Partition(self._topic, number) for number in range(self._partitions)]
        ends = await self._reader().ends(places)
        return tuple(FeedMark(ends[place]) for place in places)

    async def read(self, position: Position, until: Position) -> Stretch:
        """See the port: of the first partition that is not read to its end."""
        number = next(n for n, mark in enumerate(position) if mark < until[n])
        place, start = Partition(self._topic, number), position[number].number
        begin, _ = await self._reader().bounds(place)
        if start < begin:
            raise Gone("the log no longer has what comes after the id")
        stop = min(start + OFFSETS_PER_READ, until[number].number)
        entries = self._entries(await self._reader().read(place, start, stop))
        return Stretch(entries, (*position[:number], FeedMark(stop), *position[number + 1 :]))

    async def follow(self, position: Position) -> AsyncGenerator[Stretch, None]:
        """See the port."""
        consumer = AIOKafkaConsumer(
            **connection(self._settings), enable_auto_commit=False, auto_offset_reset="none"
        )
        places = [TopicPartition(self._topic, number) for number in range(self._partitions)]
        try:
            await start_consumer(consumer)
            consumer.assign(places)
            for place in places:
                consumer.seek(place, position[place.partition].number)
            while True:
                got = await consumer.getmany(timeout_ms=FETCH_MS, max_records=RECORDS_MAX)
                marks = list(position)
                found: list[Delivery] = []
                for place in sorted(got):
                    found += map(delivery, got[place])
                    marks[place.partition] = FeedMark(found[-1].offset + 1)
                position = tuple(marks)
                if found:
                    yield Stretch(self._entries(found), position)
        except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
            raise Gone("the log no longer has what comes next") from error
        except (KafkaError, OSError) as error:
            raise Retry(f"the log does not answer: {error!r}") from error
        finally:
            await stop_consumer(consumer)

    def _reader(self) -> KafkaLog:
        if self._log is None:
            raise Retry("the log is being connected to")
        return self._log

    def _entries(self, records: Iterable[Delivery]) -> Sequence[Entry]:
        return [entry for one in records if (entry := self._entry(one)) is not None]

    def _entry(self, record: Delivery) -> Entry | None:
        """A record as a change; None for one that says nothing of a realm, which is logged."""
        realm, _, name = (record.key or b"").decode("utf-8", "replace").partition(KEY_SEPARATOR)
        event, data = self._event, record.value
        if data is None:
            try:
                event, data = "removed", self._removed(realm, name).model_dump_json().encode()
            except ValidationError:
                realm, data = "", b""
        else:
            try:
                said = orjson.loads(data)
                realm = said["realm"]
            except (orjson.JSONDecodeError, TypeError, KeyError):
                realm = ""
            else:
                if b"\n" in data or b"\r" in data:  # would end the line of the event
                    data = orjson.dumps(said)
        if not realm or not isinstance(realm, str):
            log.warning("feed_record_skipped", topic=record.topic, offset=record.offset)
            return None
        return Entry(record.partition, FeedMark(record.offset + 1), realm, event, data)


def alert_log(settings: KafkaSettings) -> LogFeed:
    """The feed of incidents in distributed operation."""

    def removed(realm: str, name: str) -> RemovedIncident:
        return RemovedIncident(realm=realm, incident_id=name)

    return LogFeed(settings, ALERTS_TOPIC, "i", "incident", removed)


def profile_change_log(settings: KafkaSettings) -> LogFeed:
    """The feed of profile changes in distributed operation."""

    def removed(realm: str, name: str) -> RemovedProfile:
        return RemovedProfile.model_validate({"realm": realm, "profile_id": name})

    return LogFeed(settings, PROFILE_CHANGES_TOPIC, "p", "profile", removed)

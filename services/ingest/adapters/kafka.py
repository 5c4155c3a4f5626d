"""The touchpoint topics as an ingest worker reads them: one member of a Kafka consumer group."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.structs import TopicPartition

from services.runtime.errors import Fatal, Retry
from services.runtime.health import Progress
from services.runtime.metrics import Metrics
from services.runtime.settings import Settings
from services.stream.connection import connection
from services.stream.log_reader import delivery, require_topics
from services.stream.ports import Delivery, Partition
from services.stream.waiting_since import WaitingSince

MOVED = (CommitFailedError, IllegalStateError, RebalanceInProgressError, UnknownMemberIdError)
"""The partition may belong to another worker by now, which will receive the records again."""
COMMIT_TIMEOUT_S = 15.0
WAIT_S = 0.5
LOOK_S = 5.0
START_TIMEOUT_S = 60.0
METADATA_MAX_AGE_MS = 10_000
"""See services/stream/faust_host.py: a metadata refresh corrects an empty assignment."""
PARTITION_BYTES_MAX = 1024 * 1024
"""Prefetched bytes per partition: with 84 partitions most of the worker's memory."""
STOP_TIMEOUT_S = 10.0
log = structlog.get_logger()


class KafkaSource:
    """Implements `services.ingest.worker.Source`."""

    def __init__(
        self, settings: Settings, topics: Collection[str], metrics: Metrics, progress: Progress
    ) -> None:
        self._metrics = metrics
        self._progress = progress
        self._topics = tuple(topics)
        self._committed: dict[Partition, int] = {}
        self._delivered: dict[Partition, int] = {}
        """Next offset after the last record delivered, by partition."""
        self._joined = False
        self._looks_at = 0.0
        self._oldest_ms: int | None = None
        """Of the records delivered and not yet committed."""
        self._settings = settings
        self._consumer: AIOKafkaConsumer
        self._waiting = WaitingSince()
        metrics.oldest_unacknowledged_seconds.set_function(self._oldest_s)
        metrics.lag_seconds.set_function(self._lag_s)

    async def start(self) -> None:
        """Join the group.

        Raises:
            Retry: no broker answers; call it again.
            ConfigurationError: a topic is missing.
        """
        self._consumer = self._made()
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._consumer.start()
                require_topics(self._topics, await self._consumer.topics())
        except (KafkaError, TimeoutError, OSError) as error:
            await self.stop()
            raise Retry(
                f"Kafka cannot be reached ({error!r}). Is a broker of C360_KAFKA_BOOTSTRAP_SERVERS "
                "up, and are the security settings those of its listener?"
            ) from error
        self._consumer.subscribe(self._topics, listener=_Listener(self._assigned))

    def _made(self) -> AIOKafkaConsumer:
        """A new client for each attempt: one that failed to start cannot be reused."""
        settings = self._settings
        session_ms = settings.kafka_session_timeout_s * 1000
        return AIOKafkaConsumer(
            **connection(settings),
            group_id=f"{settings.kafka_group_prefix}-ingest",
            group_instance_id=settings.worker_id or None,
            client_id="c360-ingest",
            enable_auto_commit=False,
            isolation_level="read_committed",  # records of aborted transactions do not count
            request_timeout_ms=2 * session_ms + 15_000,  # joining takes up to the rebalance timeout
            auto_offset_reset="earliest",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 5,
            rebalance_timeout_ms=2 * session_ms,
            fetch_max_wait_ms=100,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            fetch_max_bytes=settings.worker_batch_bytes_max,
            max_partition_fetch_bytes=PARTITION_BYTES_MAX,
        )

    async def stop(self) -> None:
        """Leave the group, within a bounded time even if the broker is gone."""
        with suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._consumer.stop()

    def is_assigned(self) -> bool:
        """Whether the group has assigned this member its partitions (possibly none)."""
        return self._joined

    def _assigned(self, partitions: Iterable[TopicPartition]) -> None:
        self._joined = True
        self._metrics.rebalances.inc()
        held = {Partition(*one) for one in partitions}
        self._waiting.keep(held)
        self._delivered = {}  # what was not committed is delivered again
        for gone in self._committed.keys() - held:
            self._committed.pop(gone)
            for gauge in (self._metrics.lag, self._metrics.position):
                with suppress(KeyError):
                    gauge.remove(gone.topic, str(gone.number))
        log.info("assigned", partitions=len(held))

    async def fetch(self, records_max: int, timeout_s: float) -> list[Delivery]:
        """See the port.

        Raises Fatal for any fault in the fetched data (a corrupt batch, say): aiokafka has advanced
        in other partitions by then and has lost their records, so the process must restart from the
        committed offsets.
        """
        try:
            found = await self._consumer.getmany(
                timeout_ms=int(timeout_s * 1000), max_records=records_max
            )
        except KafkaError as error:
            raise Fatal(
                f"records cannot be read: {error!r}. Nothing is passed over; the worker ends and "
                "begins again from the committed offsets. If it comes back, look at the partition "
                "with Kafka's own tools, or move the group beyond the damage."
            ) from error
        got = [delivery(record) for records in found.values() for record in records]
        self._delivered |= {one.source: one.offset + 1 for one in got}
        if got and self._oldest_ms is None:
            self._oldest_ms = min(one.timestamp_ms for one in got)
        if not got and self._oldest_ms is None:
            await self._look_whether_idle()
        return got

    async def _look_whether_idle(self) -> None:
        """Nothing in flight, nothing read: progress only if the topics really have no more records.

        A consumer may stall for ever after a broker's restart (aiokafka#1154).
        """
        if time.monotonic() < self._looks_at:
            return
        self._looks_at = time.monotonic() + LOOK_S
        held = self._consumer.assignment()
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                ends = await self._consumer.end_offsets(held) if held else {}
                behind = [p for p in held if await self._consumer.position(p) < ends[p]]
                for place in held:
                    self._report_lag(place, ends[place], await self._consumer.position(place))
            if not behind:
                self._progress.moved()

    def _report_lag(self, place: TopicPartition, end: int, read_to: int) -> None:
        """`read_to` is where the consumer reads next: it has passed the markers of transactions,
        which take offsets and are never delivered."""
        partition = Partition(*place)
        done = self._committed.get(partition, 0)
        if done >= self._delivered.get(partition, 0):  # nothing of it is in flight
            done = read_to
        self._waiting.see(partition, done, end, time.monotonic())
        self._metrics.lag.labels(place.topic, str(place.partition)).set(max(0, end - done))

    async def wait(self) -> None:
        """See the port. An empty poll keeps this member from being considered dead."""
        held = self._consumer.assignment()
        self._consumer.pause(*held)
        try:
            await asyncio.sleep(WAIT_S)
            got = await self._consumer.getmany(timeout_ms=0, max_records=1)
            for partition, records in got.items():  # assigned meanwhile: read again later
                self._consumer.seek(partition, records[0].offset)
        except KafkaError as error:
            raise Fatal(f"records cannot be read: {error!r}") from error  # see fetch
        finally:
            with suppress(IllegalStateError):
                self._consumer.resume(*(held & self._consumer.assignment()))

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """See the port."""
        self._oldest_ms = None
        held = self._consumer.assignment()
        mine = {TopicPartition(*p): offset for p, offset in offsets.items() if _tp(p) in held}
        if not mine:
            return
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                await self._consumer.commit(mine)
        except MOVED as error:
            log.info("partitions_moved", error=repr(error))
            return
        except (KafkaError, TimeoutError) as error:
            raise Retry(f"Kafka does not take a commit: {error!r}") from error
        self._progress.moved()
        self._report(mine)

    def _oldest_s(self) -> float:
        return 0.0 if self._oldest_ms is None else max(0.0, time.time() - self._oldest_ms / 1000)

    def _lag_s(self) -> float:
        return max(self._oldest_s(), self._waiting.age_s(time.monotonic()))

    def _report(self, committed: dict[TopicPartition, int]) -> None:
        held = self._consumer.assignment()  # may have changed during the request
        for partition, offset in committed.items():
            if partition not in held:
                continue
            names = (partition.topic, str(partition.partition))
            self._committed[Partition(*partition)] = offset
            self._metrics.position.labels(*names).set(offset)
            end = self._consumer.last_stable_offset(partition)
            if end is not None:
                self._report_lag(partition, end, offset)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, assigned: Callable[[Iterable[TopicPartition]], None]) -> None:
        self._on_assigned = assigned

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Nothing to do: current batches finish, and commits of lost partitions are skipped."""

    async def on_partitions_assigned(self, assigned: Any) -> None:
        self._on_assigned(assigned)


def _tp(partition: Partition) -> TopicPartition:
    return TopicPartition(*partition)

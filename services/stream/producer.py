"""Sends records so that a return means they are acknowledged.

aiokafka's own `flush` hides failed deliveries, and its `send` and `stop` may hang for ever while
the brokers are down (aiokafka#1101). Here every delivery is awaited, and everything has a deadline.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka import errors as kafka_errors
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from schemas.topics import CATALOGUE, Catalogue
from services.runtime import tracing
from services.runtime.errors import C360Error, Fatal, Retry
from services.runtime.settings import KafkaSettings
from services.stream.connection import connection, missing_topic, partition_of
from services.stream.ports import Outgoing

TIMEOUT_S = 30.0
CLOSE_TIMEOUT_S = 5.0
LINGER_MS = 5
CARRIER_RECORD_BYTES = 80
"""The most that the header of a span adds to a record."""
BATCH_BYTES_MAX = 32 * 1024
"""Below the smallest limit of the catalogue: a broker applies it to whole batches."""
ADVICE: dict[type[Exception], str] = {
    kafka_errors.TopicAuthorizationFailedError: "allow our user to write to the topic",
    kafka_errors.ClusterAuthorizationFailedError: "allow our user to write idempotently",
    kafka_errors.AuthenticationFailedError: "check C360_KAFKA_USERNAME and C360_KAFKA_PASSWORD",
    kafka_errors.SaslAuthenticationFailed: "check C360_KAFKA_USERNAME and C360_KAFKA_PASSWORD",
    kafka_errors.UnsupportedSaslMechanismError: "check C360_KAFKA_SASL_MECHANISM",
    kafka_errors.IncompatibleBrokerVersion: "run brokers of Kafka 2.5 or newer",
    kafka_errors.UnsupportedVersionError: "run brokers of Kafka 2.5 or newer",
    kafka_errors.MessageSizeTooLargeError: "run 'c360 topics apply': the topic takes less than the "
    "catalogue says",
    kafka_errors.RecordListTooLargeError: "run 'c360 topics apply': the topic's segments are "
    "smaller than the catalogue needs",
    kafka_errors.PolicyViolationError: "see the policy of the brokers",
    kafka_errors.InvalidTimestampError: "correct the clock of this machine, and run 'c360 topics "
    "apply', after which the brokers set the times of records",
    kafka_errors.InvalidTopicError: "the name of the topic is not allowed",
}
"""Permanent errors, and what to do. All others count as transient: a sender that keeps retrying is
noticed at once, while one that gives up loses the record."""
log = structlog.get_logger()


class Producer:
    """Sends with acknowledgement of all in-sync replicas, idempotently; one per event loop.

    Several tasks may send at once. After a Retry the next call reconnects: an idempotent producer
    that gave up on a record has a gap in its sequence numbers, and all later records would fail.
    Records already sent may still arrive: delivery is at least once.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        timeout_s: float = TIMEOUT_S,
        catalogue: Catalogue = CATALOGUE,
    ) -> None:
        """`timeout_s` is the deadline of one `send_all`. Raises ConfigurationError."""
        self._timeout_s = timeout_s
        self._limits = {topic.name: topic.record_bytes_max for topic in catalogue.topics}
        self._largest = max(self._limits.values())
        self._parameters = {
            **connection(settings),
            "acks": "all",
            "enable_idempotence": True,
            "compression_type": "zstd",
            "linger_ms": LINGER_MS,
            "max_batch_size": BATCH_BYTES_MAX,
            "max_request_size": self._largest,
            "request_timeout_ms": int(timeout_s * 1000 / 3),
        }
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def start(self) -> None:
        """Connect. Raises Retry when no broker answers in time, or Fatal."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._connected()
        except TimeoutError as error:
            raise self._away() from error

    async def stop(self) -> None:
        """Close the connections within a bounded time, whatever the brokers do."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _discard(producer)

    async def send_all(self, records: Sequence[Outgoing]) -> None:
        """Send the records; returns when every one is acknowledged.

        Records of one partition keep their order within one call. On an error any subset of the
        records may have been written.

        Raises:
            Retry: brokers or replicas are unavailable; send all of them again.
            Fatal: a record is too large, a topic is missing, or a permission is missing.
        """
        if not records:
            return
        with tracing.sending((one.topic for one in records), len(records)):
            await self._send_all(self._sendable(records, tracing.carrier()))

    async def _send_all(self, records: Sequence[Outgoing]) -> None:
        producer = None
        try:
            async with asyncio.timeout(self._timeout_s):
                producer = await self._connected()
                await self._deliver(producer, records)
        except (TimeoutError, Retry) as error:
            await self._give_up(producer)
            raise (error if isinstance(error, Retry) else self._away()) from error
        except BaseException:  # cancelled in the middle, or refused
            await self._give_up(producer)
            raise

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                producer = AIOKafkaProducer(**self._parameters)
                try:
                    await producer.start()
                except BaseException as error:
                    await _discard(producer)
                    if isinstance(error, kafka_errors.KafkaError | OSError):
                        raise _judged(error, "connecting to the brokers") from error
                    raise
                self._producer = producer
            return self._producer

    async def _deliver(self, producer: AIOKafkaProducer, records: Sequence[Outgoing]) -> None:
        deliveries: list[asyncio.Future[Any]] = []
        topic = ""
        try:
            for record in records:
                topic = record.topic
                deliveries.append(await self._enqueue(producer, record))
        except kafka_errors.UnknownTopicOrPartitionError as error:
            raise await _unknown_topic(producer, topic) from error
        except kafka_errors.KafkaError as error:
            raise _judged(error, f"sending to {topic}") from error
        await asyncio.wait(deliveries)
        failures = [
            _judged(failure, f"sending to {record.topic}")
            for record, delivery in zip(records, deliveries, strict=True)
            if (failure := delivery.exception()) is not None
        ]
        if failures:
            raise next((one for one in failures if isinstance(one, Fatal)), failures[0])

    @staticmethod
    async def _enqueue(producer: AIOKafkaProducer, record: Outgoing) -> asyncio.Future[Any]:
        partitions = await producer.partitions_for(record.topic)
        partition = record.partition
        if partition is None and record.key is not None:
            partition = partition_of(record.key, len(partitions))
        if partition is not None and partition not in partitions:
            raise Fatal(
                f"{record.topic} has no partition {partition}, only {len(partitions)} of them: "
                "'c360 topics check' compares the topics with the catalogue"
            )
        delivery: asyncio.Future[Any] = await producer.send(
            record.topic,
            record.value,
            key=record.key,
            partition=partition,
            headers=list(record.headers),
        )
        # An abandoned delivery is never awaited; asyncio would report its exception.
        delivery.add_done_callback(_seen)
        return delivery

    def _sendable(self, records: Sequence[Outgoing], carrier: bytes | None) -> Sequence[Outgoing]:
        """The records, with the span that they come from where there is room for it. Checked before
        anything is sent, so that a refused call has written nothing."""
        carrying: list[Outgoing] = []
        for record in records:
            if record.key is None and record.value is None:
                raise Fatal(f"a record for {record.topic} has neither key nor value")
            size = DefaultRecordBatchBuilder.estimate_size_in_bytes(
                record.key, record.value, list(record.headers)
            )
            limit = self._limits.get(record.topic, self._largest)
            if size > limit:
                raise Fatal(
                    f"a record for {record.topic} has {size:,} bytes, {limit:,} are allowed: make "
                    "it of fewer parts (docs/reference/topics.md lists the limits)"
                )
            if carrier is not None:
                has_room = size + CARRIER_RECORD_BYTES <= limit
                carrying.append(_carrying(record, carrier) if has_room else record)
        return records if carrier is None else carrying

    async def _give_up(self, producer: AIOKafkaProducer | None) -> None:
        if producer is not None and producer is self._producer:
            self._producer = None
            await _discard(producer)

    def _away(self) -> Retry:
        return Retry(
            f"Kafka at {self._parameters['bootstrap_servers']} has not acknowledged within "
            f"{self._timeout_s:g} s; are enough brokers up?"
        )


async def send_once(settings: KafkaSettings, records: Sequence[Outgoing]) -> None:
    """Send what one command has to send, and wait for the acknowledgements. Raises as `Producer`
    does."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # our own errors report the same
    producer = Producer(settings)
    try:
        await producer.start()
        await producer.send_all(records)
    finally:
        await producer.stop()


async def _unknown_topic(producer: AIOKafkaProducer, topic: str) -> C360Error:
    """aiokafka reports a missing topic when brokers are down: ask again."""
    if not await producer.client.force_metadata_update():
        return Retry(f"the brokers are unavailable: cannot locate {topic}")
    return missing_topic(topic)


def _carrying(record: Outgoing, carrier: bytes) -> Outgoing:
    """A record that names a span already, as a replayed one, keeps it."""
    if tracing.carrier_of(record.headers) is not None:
        return record
    return record._replace(headers=(*record.headers, (tracing.TRACEPARENT, carrier)))


def _judged(error: BaseException, doing: str) -> C360Error:
    for kind, advice in ADVICE.items():
        if isinstance(error, kind):
            return Fatal(f"{doing} is refused ({error}): {advice}")
    return Retry(f"{doing} failed ({error!r})")


async def _discard(producer: AIOKafkaProducer) -> None:
    """Close a producer, with or without brokers. Undelivered records fail.

    `stop` alone waits for deliveries that an idempotent producer never abandons, so they are failed
    first (tests/contract/test_producer.py shows when aiokafka no longer needs this).
    """
    sender = producer._sender.sender_task
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            if sender is not None:
                sender.cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([sender])
            waiting = producer._message_accumulator
            for batch in (*waiting._pending_batches, *chain(*waiting._batches.values())):
                batch._drain_waiter.add_done_callback(_seen)
            waiting.fail_all(kafka_errors.KafkaConnectionError("the connection was given up"))
            await producer.stop()
    except (TimeoutError, kafka_errors.KafkaError, KeyError, OSError) as error:
        log.warning("a producer did not close in order", error=repr(error))


def _seen(done: asyncio.Future[Any]) -> None:
    """Retrieve an exception that asyncio would otherwise report as never retrieved."""
    if not done.cancelled():
        done.exception()

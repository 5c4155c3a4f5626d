"""Hosts the loop of a decision worker in a Faust agent, in the one form that loses nothing.

Measured, Faust 0.15.3: an exception that leaves an agent's body acknowledges what was never
processed; `take` does so for a whole batch; acks out of order let the commit run ahead. So batches
come by `noack_take`, the body never raises (it retries, or ends the process at once), and events
are acknowledged in order after their effects are durable. Topics carry raw bytes, because a
decoding error in Faust acknowledges the record first. No tables, no web server, no leader topic.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NoReturn, Protocol

import faust
import structlog
from faust.types import TP, EventT, StreamT

from services.runtime import tracing
from services.runtime.errors import C360Error, Fatal, Retry
from services.runtime.health import Progress
from services.runtime.logging import frames
from services.runtime.metrics import Metrics
from services.runtime.retry import until_done
from services.runtime.settings import Settings
from services.stream.connection import connection
from services.stream.gap_recovery import PartitionWorker
from services.stream.ports import Delivery, Partition
from services.stream.waiting_since import WaitingSince

BATCH_RECORDS_MAX = 100
BATCH_WITHIN_S = 0.2
LOOK_S = 2.0
METADATA_MAX_AGE_MS = 10_000
"""A broker that has just restarted may not know its topics yet; a member that joins then gets no
partitions until the metadata is refreshed (five minutes by default)."""
MAX_POLL_INTERVAL_S = 1_000.0
IDENTITY = "identity"
IDENTITY_MAX_POLL_INTERVAL_S = 24 * 3600.0
"""A record of rules may take long, with nothing polled behind it. Whether a worker makes progress,
its health page says; the session ends with its heartbeats, which have a thread of their own."""
log = structlog.get_logger()


class HostedWorker(PartitionWorker, Protocol):
    """`reassigned` is called when partitions were assigned, before any of their records arrive."""

    async def catch_up(self, acknowledged: Mapping[Partition, int]) -> None:
        """Process records that the group committed but never delivered.

        `acknowledged` is the committed offset of each partition.
        """
        ...


class LogBounds(Protocol):
    """What the host asks of the log beside its deliveries. Methods raise Retry."""

    async def ends(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Offset of the next record to be appended, by partition."""
        ...

    async def first(self, partition: Partition, start: int, stop: int) -> int:
        """Offset of the first record from `start` to before `stop`, else `stop`."""
        ...


class FaustHost:
    """One Faust app with one agent on one topic."""

    def __init__(
        self,
        settings: Settings,
        service: str,
        topic: str,
        worker: HostedWorker,
        bounds: LogBounds,
        progress: Progress,
        metrics: Metrics,
    ) -> None:
        self._worker = worker
        self._bounds = bounds
        self._progress = progress
        self._metrics = metrics
        self._topic = topic
        self._in_hand: list[EventT[Any]] = []
        self._done: dict[Partition, int] = {}
        self._seen: dict[Partition, tuple[int, int]] = {}
        """Position and end of each partition when they were last looked at."""
        self._shown: set[Partition] = set()
        """Partitions that have gauges."""
        self._was_assigned = False
        self.app = build_app(settings, service)
        channel = self.app.topic(
            topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        )
        self.app.agent(channel, name=f"{service}-agent", concurrency=1)(self._run)
        self.app.on_partitions_assigned.connect(self._on_assigned, weak=False)  # type: ignore[arg-type]
        self.app.task(self._look)
        self._waiting = WaitingSince()
        metrics.oldest_unacknowledged_seconds.set_function(self._oldest_s)
        metrics.lag_seconds.set_function(self._lag_s)

    async def _run(self, stream: StreamT[bytes]) -> None:
        # noack_take is missing from Faust's interface types.
        take: Any = stream.noack_take  # type: ignore[attr-defined]
        async for events in take(BATCH_RECORDS_MAX, within=BATCH_WITHIN_S):
            # Records fetched before a rebalance are delivered again, here or to the new holder.
            generation: int = self.app.consumer_generation_id
            mine: list[EventT[Any]] = [e for e in events if e.message.generation_id == generation]
            self._leave(event for event in events if event.message.generation_id != generation)
            if not mine:
                continue
            self._in_hand = mine
            if await self._durable([_delivery(event) for event in mine], generation):
                for event in mine:
                    await stream.ack(event)
                    self._done[_partition(event.message.tp)] = event.message.offset + 1
                self._progress.moved()
                self._metrics.batch_events.observe(len(mine))
            else:
                self._leave(mine)
            self._in_hand = []

    def _leave(self, events: Iterable[EventT[Any]]) -> None:
        """Faust waits, for ever, at its end and in every rebalance, for all that it handed out and
        that was not acknowledged. These come again, so nobody shall wait for them."""
        for event in events:
            self.app.consumer.unacked.discard(event.message)

    async def _durable(self, deliveries: Sequence[Delivery], generation: int) -> bool:
        """Whether everything is durable; False when the partitions were reassigned meanwhile.

        Never raises: a fault that cannot be retried ends the process.
        """

        async def attempt() -> bool:
            if self.app.consumer_generation_id != generation:
                return False
            try:
                await self._worker.process(deliveries)
            except Retry:
                if self.gives_way():
                    return False  # whoever waits for these records need not: they come again
                raise
            return True

        carriers = (tracing.carrier_of(one.headers) for one in deliveries)
        try:
            with tracing.received(self._topic, len(deliveries), carriers):
                return await until_done(
                    attempt, self._topic, self._metrics, waits=self._progress.moved
                )
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            end_process(error)

    async def _on_assigned(self, _app: Any, assigned: set[TP], **_rest: Any) -> None:
        self._metrics.rebalances.inc()
        self._was_assigned = True
        self._worker.reassigned()
        held = {_partition(tp) for tp in assigned}
        self._waiting.keep(held)
        for gone in self._shown - held:
            for gauge in (self._metrics.lag, self._metrics.position):
                gauge.remove(gone.topic, str(gone.number))
        self._shown &= held
        self._seen = {}
        for gone in self._done.keys() - held:
            self._done.pop(gone)
        log.info("assigned", topic=self._topic, partitions=len(held))

    async def _look(self) -> None:
        """Report the group's lag; no lag and nothing in flight counts as progress."""
        while not self.app.should_stop:
            await asyncio.sleep(LOOK_S)
            if not self.is_settled():
                continue  # a rebalance that never ends is no progress
            try:
                ends = await self._bounds.ends(self.assigned())
                if not self._in_hand:
                    await self._worker.catch_up({one: self._committed(one) for one in ends})
                behind = [await self._behind(partition, end) for partition, end in ends.items()]
            except Retry as error:
                log.warning("look_waits", error=str(error))
                continue
            except Exception as error:
                end_process(error)
            if not any(behind) and not self._in_hand:
                self._progress.moved()

    def _committed(self, partition: Partition) -> int:
        return self.app.consumer._committed_offset[TP(*partition)] or 0  # type: ignore[attr-defined]

    async def _behind(self, partition: Partition, end: int) -> int:
        """Lag of one partition: offsets from the first record that is still to be processed.

        If nothing has moved since the last look, the log is asked where that record is: what is
        left may be markers of transactions, which nobody delivers.
        """
        done = self._done.get(partition, self._committed(partition))
        seen = (done, end)
        if done < end and not self._in_hand and self._seen.get(partition) == seen:
            done = await self._bounds.first(partition, done, end)
        self._seen[partition] = seen
        self._waiting.see(partition, done, end, time.monotonic())
        self._shown.add(partition)
        names = (partition.topic, str(partition.number))
        self._metrics.lag.labels(*names).set(max(0, end - done))
        self._metrics.position.labels(*names).set(seen[0])
        return max(0, end - done)

    def gives_way(self) -> bool:
        """Whether the app stops, or the partitions are being assigned anew."""
        return bool(self.app.should_stop or self.app.rebalancing)

    def is_settled(self) -> bool:
        """Whether the group has assigned this member its partitions, possibly none."""
        return self._was_assigned and self.app.started and not self.app.rebalancing

    def assigned(self) -> set[Partition]:
        """The partitions held now."""
        if not self.is_settled():
            return set()
        return {_partition(tp) for tp in self.app.consumer.assignment() if tp.topic == self._topic}

    def _oldest_s(self) -> float:
        if not self._in_hand:
            return 0.0
        oldest = min(event.message.timestamp for event in self._in_hand)
        return max(0.0, time.time() - oldest)

    def _lag_s(self) -> float:
        return max(self._oldest_s(), self._waiting.age_s(time.monotonic()))


def build_app(settings: Settings, service: str) -> faust.App:
    """A Faust app with all relevant options set. Raises ConfigurationError without brokers."""
    connection(settings)  # reports missing settings
    assert settings.kafka_bootstrap_servers is not None
    hosts = settings.kafka_bootstrap_servers.split(",")
    return faust.App(
        f"{settings.kafka_group_prefix}-{service}",
        broker=[f"kafka://{host.strip()}" for host in hosts],
        broker_credentials=_credentials(settings),
        consumer_group_instance_id=f"{settings.worker_id}-{service}"
        if settings.worker_id
        else None,
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=METADATA_MAX_AGE_MS,
        broker_commit_interval=1.0,
        broker_commit_every=1_000,
        broker_session_timeout=float(settings.kafka_session_timeout_s),
        broker_heartbeat_interval=settings.kafka_session_timeout_s / 5,
        broker_rebalance_timeout=2.0 * settings.kafka_session_timeout_s,
        broker_request_timeout=15.0 + 2.0 * settings.kafka_session_timeout_s,
        broker_max_poll_records=500,
        broker_max_poll_interval=IDENTITY_MAX_POLL_INTERVAL_S
        if service == IDENTITY
        else MAX_POLL_INTERVAL_S,
        producer_request_timeout=30.0,
        producer_acks=-1,
        stream_buffer_maxsize=2 * BATCH_RECORDS_MAX,
        stream_wait_empty=True,
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        store="memory://",
        datadir=f"/tmp/c360-{os.getpid()}",
        worker_redirect_stdouts=False,
        autodiscover=False,
    )


def _credentials(settings: Settings) -> Any:
    parameters = connection(settings)
    context: ssl.SSLContext | None = parameters.get("ssl_context")
    if settings.kafka_security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=settings.kafka_username,
            password=settings.kafka_password.get_secret_value(),
            mechanism=settings.kafka_sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context is not None else None


def end_process(error: BaseException) -> NoReturn:
    """End at once: a graceful stop of Faust acknowledges records that were never processed."""
    if isinstance(error, C360Error):
        log.critical("ended", error=str(error))
        os._exit(error.exit_code)
    log.critical("ended", error=type(error).__name__, frames=frames(error))
    os._exit(Fatal.exit_code)


def _partition(tp: TP) -> Partition:
    return Partition(tp.topic, tp.partition)


def _delivery(event: EventT[Any]) -> Delivery:
    message = event.message
    headers: Any = message.headers or ()  # list of pairs or dict, by version of the driver
    pairs = headers.items() if isinstance(headers, dict) else headers
    return Delivery(
        message.topic,
        message.partition,
        message.offset,
        round(message.timestamp * 1000),
        message.value,
        message.key,
        tuple((str(name), bytes(value or b"")) for name, value in pairs),
    )

"""The ingest worker's loop: read a batch, make it durable, send derived records, commit.

For every batch, in this order: facts in the store; edges, claims and dead letters acknowledged by
the broker; offsets committed. After a kill anywhere in between, the batch is delivered again and
every effect is repeated without harm. The next batch is read and decoded while one is written.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

import structlog

from schemas.instants import from_ms
from schemas.reject import RejectReason
from services.ingest.core.derived_records import Derived, derive, edge_records, watermarks
from services.ingest.core.limiter import RejectLimiter
from services.ingest.core.outcome import Accepted, Intake, Reject
from services.ingest.core.sent_edges import SentEdges
from services.ingest.lines import Line
from services.ingest.measure import measure
from services.ingest.stage import Decoded, IngestStage, Status, Stored
from services.runtime import tracing
from services.runtime.errors import Fatal
from services.runtime.metrics import Metrics
from services.runtime.retry import until_done
from services.stream.claim_records import OFFER_PARTITIONS, claim_records
from services.stream.cloud_events import Unreadable, record_value
from services.stream.dead_letters import dead_letter
from services.stream.ports import Delivery, Offload, Outbox, Outgoing, Partition
from services.stream.watermarks import WatermarkStore

EDGES_TOPIC = "c360.edges"
POLL_S = 1.0
FETCH_S = 0.02
"""Shortest wait of a fetch; without a pause nothing else in the process would run."""
PATIENCE_S = 5.0
"""How long a member may be silent without being considered dead."""
log = structlog.get_logger()
T = TypeVar("T")


class DeliverySource(Protocol):
    """The log that an ingest worker reads, as one member of a group."""

    async def fetch(self, records_max: int, timeout_s: float) -> list[Delivery]:
        """The next records of the partitions held, in offset order per partition; possibly none."""
        ...

    async def wait(self) -> None:
        """Stay a member of the group without reading anything, for about a second at most."""
        ...

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit where a successor has to resume. Partitions no longer held are skipped.

        Raises Retry when the broker does not answer.
        """
        ...


class KnownErasures(Protocol):
    """The ledger of erasures that the stage decides by."""

    @property
    def steps(self) -> int:
        """How many steps of erasures are known to the stage."""
        ...

    def look(self) -> int:
        """Read the ledger if an erasure has made a step since; the steps known now. Blocks; raises
        as the store does."""
        ...


class NoErasures:
    """Implements `KnownErasures` where nobody is erased."""

    steps = 0

    def look(self) -> int:
        """See the port."""
        return self.steps


class Limits(NamedTuple):
    """When a batch is full: by events, by bytes, or by time."""

    events_max: int = 5_000
    bytes_max: int = 32 * 1024 * 1024
    linger_s: float = 0.5
    events_per_fetch: int = 1_000


class IngestPorts(NamedTuple):
    """What an ingest worker exchanges with the world, apart from its store of facts."""

    source: DeliverySource
    outbox: Outbox
    watermarks: WatermarkStore
    offload: Offload


class Timing(NamedTuple):
    """The clocks and pauses of a worker."""

    now: Callable[[], datetime]
    """The wall clock, used for metrics only."""
    clock_s: Callable[[], float] = time.monotonic
    """Measures how long a batch has been waiting."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits between attempts."""
    waits: Callable[[], None] = lambda: None
    """Called for every attempt that failed."""


class Batch(NamedTuple):
    """Deliveries with their decoded outcomes."""

    deliveries: list[Delivery]
    decoded: Decoded
    erasure_steps: int
    """Of all erasures, as known when it was decoded."""


class IngestWorker:
    """One member of the ingest group. `run` returns after `stop`, or raises its fault."""

    def __init__(
        self,
        stage: IngestStage,
        ports: IngestPorts,
        limiter: RejectLimiter,
        metrics: Metrics,
        timing: Timing,
        limits: Limits | None = None,
        sent: SentEdges | None = None,
        offer_partitions: int = OFFER_PARTITIONS,
        erasures: KnownErasures | None = None,
    ) -> None:
        """`sent` remembers which edges need not be sent again. `erasures` is what the stage decides
        by; without it nobody is erased."""
        self._stage = stage
        self._source, self._outbox, self._watermarks, self._offload = ports
        self._limiter = limiter
        self._metrics = metrics
        self._timing = timing
        self._limits = limits or Limits()
        self._sent = sent or SentEdges()
        self._offer_partitions = offer_partitions
        self._erasures = erasures or NoErasures()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Finish and commit the current batches, then end."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until stopped.

        Raises:
            Fatal: continuing would lose or drain records; the last batch is not committed.
        """
        writing: asyncio.Task[None] | None = None
        try:
            while not self._stopping.is_set():
                deliveries = await self._collect()
                if not deliveries:
                    if writing is None:
                        self._metrics.last_progress_seconds.set(self._timing.now().timestamp())
                    elif writing.done():
                        await writing  # a fault must not wait for the next event
                        writing = None
                    continue
                batch = await self._offload(self._decode, deliveries)
                await self._finished(writing)
                writing = asyncio.create_task(self._finish(batch))
            await self._finished(writing)
        finally:
            if writing is not None and not writing.done():
                writing.cancel()
                with suppress(asyncio.CancelledError):
                    await writing

    async def _collect(self) -> list[Delivery]:
        """Read until the batch is full, or has waited long enough."""
        limits, batch, size = self._limits, list[Delivery](), 0
        ends_at = self._timing.clock_s() + limits.linger_s
        while True:
            left_s = max(0.0, ends_at - self._timing.clock_s())
            wanted = min(limits.events_per_fetch, limits.events_max - len(batch))
            got = await self._source.fetch(wanted, min(max(left_s, FETCH_S), POLL_S))
            batch += got
            size += sum(len(one.value or b"") for one in got)
            full = len(batch) >= limits.events_max or size >= limits.bytes_max
            if full or self._timing.clock_s() >= ends_at or self._stopping.is_set():
                break
        return batch

    async def _finished(self, writing: asyncio.Task[None] | None) -> None:
        """Wait for the previous batch and stay in the group meanwhile. Raises the batch's fault."""
        if writing is None:
            return
        await asyncio.wait({writing}, timeout=PATIENCE_S)
        while not writing.done():
            await self._source.wait()
        await writing

    def _decode(self, deliveries: list[Delivery]) -> Batch:
        """Validate every delivery. The time of receipt is the log's, the same in every delivery."""
        steps = self._erasures.steps  # before, for the ledger may be read again meanwhile
        lines, outcomes = list[Line](), list[Accepted | Reject]()
        stamp_ms, received_at = -1, from_ms(0)
        for delivery in deliveries:
            if delivery.timestamp_ms != stamp_ms:
                stamp_ms, received_at = delivery.timestamp_ms, from_ms(delivery.timestamp_ms)
            line = _line(delivery)
            lines.append(line)
            outcomes.append(self._stage.outcome(line, received_at, Intake.SERVER))
        decoded = Decoded(lines, outcomes, received_at, Intake.SERVER)
        return Batch(deliveries, decoded, steps)

    async def _finish(self, batch: Batch) -> None:
        """Facts, then derived records and dead letters, then offsets."""
        deliveries = batch.deliveries
        carriers = (tracing.carrier_of(one.headers) for one in deliveries)
        with tracing.received("", len(deliveries), carriers):
            await self._make_durable(batch)

    async def _make_durable(self, batch: Batch) -> None:
        metrics = self._metrics

        async def look() -> int:
            return await self._offload(self._erasures.look)

        if await self._until_done(look, "ledger") != batch.erasure_steps:
            # Since the batch was decoded somebody is being erased, or was (ADR 0099), or events
            # of a type have expired (ADR 0110).
            batch = await self._offload(self._decode, batch.deliveries)
            self._sent.forget()

        async def store() -> Stored:
            with metrics.stage_seconds.labels("store").time(), tracing.step("store"):
                return await self._offload(self._stage.store, batch.decoded, 0)

        stored = await self._until_done(store, "store")
        self._limit(batch, stored)
        derived, records = await self._offload(self._records, batch, stored)
        with metrics.stage_seconds.labels("send").time():
            await self._until_done(lambda: self._outbox.send_all(records), "send")
        for realm, one in derived.items():
            self._sent.acknowledged(realm, one.edges)
        reached = watermarks(stored.fresh)
        await self._until_done(lambda: self._offload(self._watermarks.write, reached), "watermarks")
        offsets = {one.source: one.offset + 1 for one in batch.deliveries}
        await self._until_done(lambda: self._source.commit(offsets), "commit")
        self._measure(batch, stored)

    async def _until_done(self, attempt: Callable[[], Awaitable[T]], what: str) -> T:
        timing = self._timing
        return await until_done(attempt, what, self._metrics, timing.sleep, timing.waits)

    def _limit(self, batch: Batch, stored: Stored) -> None:
        # That a person is suppressed is no fault of a setting, however much a source sends of them.
        refused = {
            position
            for position, reject in stored.refused
            if reject.reason is not RejectReason.SUPPRESSED
        }
        fault = self._limiter.count(
            (one.source, position in refused) for position, one in enumerate(batch.deliveries)
        )
        if fault is not None:
            reasons = Counter(reject.reason.value for _, reject in stored.refused)
            raise Fatal(
                f"{fault} ({dict(reasons)}). Nothing of the last batch is committed. Is a setting "
                "wrong (realms, channels, time floor), or does a source send garbage? Mend it, or "
                "raise C360_REJECTS_CONSECUTIVE_MAX and C360_REJECTS_RATIO_MAX to let all of it "
                "go to the dead letters."
            )

    def _records(self, batch: Batch, stored: Stored) -> tuple[dict[str, Derived], list[Outgoing]]:
        """All derived records and dead letters of a batch."""
        derived = derive(stored.fresh, stored.corrections, self._sent)
        records = [
            dead_letter(batch.deliveries[position], *reject) for position, reject in stored.refused
        ]
        for realm, one in derived.items():
            for record in edge_records(realm, one):
                value = record.model_dump_json().encode()
                records.append(Outgoing(EDGES_TOPIC, value, key=realm.encode()))
            records += claim_records(realm, one.claims, self._offer_partitions)
        return derived, records

    def _measure(self, batch: Batch, stored: Stored) -> None:
        oldest = from_ms(min(one.timestamp_ms for one in batch.deliveries))
        tally = measure(self._metrics, stored, oldest, self._timing.now(), from_log=True)
        log.info(
            "batch", events=tally.events, refused=len(stored.refused),
            duplicates=tally.statuses[Status.DUPLICATE], records=len(stored.fresh),
        )  # fmt: skip


def _line(delivery: Delivery) -> Line:
    """The touchpoint of a record; of one that has none its bytes."""
    value = delivery.value or b""
    found = record_value(value, delivery.headers)
    if isinstance(found, Unreadable):
        return Line(value, len(value), found.fault, named=found.named)
    return Line(found, len(found))

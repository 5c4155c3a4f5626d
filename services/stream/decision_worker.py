"""Runs a decision worker (identity, consistency) from its start to SIGTERM."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog
from faust.contrib.asgi import faust_app_running

from services.runtime.errors import Fatal
from services.runtime.health import Progress
from services.runtime.metrics import Metrics
from services.runtime.process import Threads, stop_signals, tune_garbage_collector, unless_stopped
from services.runtime.retry import until_done
from services.runtime.settings import Settings
from services.store.database import Database
from services.stream.connection import connection
from services.stream.faust_host import FaustHost, end_process
from services.stream.gap_recovery import GapRecovery
from services.stream.log_reader import KafkaLog
from services.stream.ports import Delivery
from services.stream.positions import ClickHousePositions
from services.stream.producer import Producer
from services.stream.worker_process import Store, health_pages

LOOK_S = 0.5
log = structlog.get_logger()


class Worker(Protocol):
    """The part of a decision worker that the host runs."""

    def reassigned(self) -> None:
        """Forget cached state: other workers may have held the partitions meanwhile."""
        ...

    async def process(self, deliveries: Sequence[Delivery]) -> None:
        """Make the effects of deliveries durable; raises Retry, or what ends the process."""
        ...


@dataclass(frozen=True)
class Parts:
    """What a worker is made of."""

    settings: Settings
    database: Database
    positions: ClickHousePositions
    log: KafkaLog
    outbox: Producer
    offload: Threads
    metrics: Metrics


async def run_deciding_worker(
    settings: Settings,
    service: str,
    topic: str,
    worker_of: Callable[[Parts], Worker],
    beside: Callable[[Parts, FaustHost], Awaitable[None]] | None = None,
) -> None:
    """Work until SIGTERM.

    Args:
        beside: runs beside the worker for as long as it does.

    Raises:
        ConfigurationError: before anything is read. Later faults end the process at once.
    """
    connection(settings)  # reports missing settings first
    metrics, progress = Metrics(), Progress(settings.worker_stalled_after_s)
    store = Store(settings, metrics, progress)
    reader, outbox = KafkaLog(settings, topic), Producer(settings)
    threads = Threads(1)  # the store's writers are not thread-safe
    hosts: list[FaustHost] = []

    async def started() -> Parts:
        database = await store.opened()
        await until_done(reader.start, "Kafka", metrics, waits=progress.moved)
        positions = ClickHousePositions(database)
        return Parts(settings, database, positions, reader, outbox, threads, metrics)

    async with (
        stop_signals(settings.worker_shutdown_grace_s) as stopping,
        health_pages(
            settings, metrics, progress, store, lambda: any(h.is_settled() for h in hosts)
        ),
    ):
        parts = await unless_stopped(stopping, started())
        if parts is None:
            return
        host = _host(parts, service, topic, worker_of(parts), progress)
        hosts.append(host)
        tune_garbage_collector()
        async with faust_app_running(host.app, discover=False):
            companion = asyncio.ensure_future(beside(parts, host)) if beside else None
            await _until_stopped(host, stopping, companion)
            if companion is not None:
                companion.cancel()
        await reader.stop()
        await outbox.stop()
        threads.close()
    log.info("stopped")


def _host(parts: Parts, service: str, topic: str, worker: Worker, progress: Progress) -> FaustHost:
    complete = GapRecovery(worker.process, parts.positions, parts.log, parts.offload, parts.metrics)

    def reassigned() -> None:
        worker.reassigned()
        complete.reassigned()

    return FaustHost(
        parts.settings,
        service,
        topic,
        complete.process,
        reassigned,
        parts.log.ends,
        complete.catch_up,
        progress,
        parts.metrics,
    )


async def _until_stopped(
    host: FaustHost, stopping: asyncio.Event, companion: asyncio.Future[None] | None
) -> None:
    """Wait for SIGTERM. If the Faust app ends on its own, the process ends, too."""
    while not stopping.is_set():
        if host.app.should_stop:
            end_process(Fatal("the Faust app ended by itself; see the lines before"))
        if companion is not None and companion.done():
            end_process(companion.exception() or Fatal("the ticker ended by itself"))
        try:
            await asyncio.wait_for(stopping.wait(), LOOK_S)
        except TimeoutError:
            continue

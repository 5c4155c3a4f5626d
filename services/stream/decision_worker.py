"""Runs a decision worker (identity, consistency) from its start to SIGTERM."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

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
from services.stream.gap_recovery import GapRecovery, PartitionWorker
from services.stream.log_reader import KafkaLog
from services.stream.partition_ownership import DecisionPorts
from services.stream.positions import ClickHousePositions
from services.stream.producer import Producer
from services.stream.worker_process import Store, health_pages

LOOK_S = 0.5
log = structlog.get_logger()


@dataclass(frozen=True)
class Parts:
    """What a worker is made of."""

    settings: Settings
    database: Database
    ports: DecisionPorts
    metrics: Metrics
    waits: Callable[[], None]
    """To be called now and then by what takes long: it is progress."""
    gives_way: Callable[[], bool]
    """Whether the process stops, or the partitions are being assigned anew, which waits for what is
    in hand."""


async def run_deciding_worker(
    settings: Settings,
    service: str,
    topic: str,
    worker_of: Callable[[Parts], PartitionWorker],
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
        ports = DecisionPorts(ClickHousePositions(database), reader, outbox, threads)
        return Parts(settings, database, ports, metrics, progress.moved, gives_way)

    def gives_way() -> bool:
        return any(host.gives_way() for host in hosts)

    async with (
        stop_signals(settings.worker_shutdown_grace_s) as stopping,
        health_pages(
            settings, metrics, progress, store, lambda: any(h.is_settled() for h in hosts)
        ),
    ):
        parts = await unless_stopped(stopping, started())
        if parts is None:
            return
        ports = parts.ports
        worker = GapRecovery(worker_of(parts), ports.positions, reader, ports.offload, metrics)
        host = FaustHost(settings, service, topic, worker, reader, progress, metrics)
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

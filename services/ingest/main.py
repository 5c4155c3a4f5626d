"""`c360 worker ingest`: touchpoint topics → facts in ClickHouse, derived records in Kafka."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog

from schemas.rules.identity import identity_rules
from schemas.topics import CATALOGUE
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.adapters.kafka import KafkaSource
from services.ingest.config import ingest_config
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.limiter import RejectLimiter
from services.ingest.followed_rules import FollowingCore
from services.ingest.ledger import Ledger, LedgerOfStore
from services.ingest.measure import show_channels
from services.ingest.stage import IngestStage
from services.ingest.worker import IngestPorts, IngestWorker, Limits, Timing
from services.runtime.health import Progress
from services.runtime.metrics import Metrics
from services.runtime.process import (
    Threads,
    stop_signals,
    tune_garbage_collector,
    unless_stopped,
)
from services.runtime.retry import until_done
from services.runtime.settings import Settings, read_rules
from services.store.rules_in_force import FollowedRules
from services.stream.connection import connection
from services.stream.producer import Producer
from services.stream.watermarks import ClickHouseWatermarks
from services.stream.worker_process import Store, health_pages

log = structlog.get_logger()


async def run(settings: Settings) -> None:
    """Work until SIGTERM. Raises ConfigurationError, or Fatal when continuing would lose data."""
    connection(settings)  # reports missing settings first
    read_rules(settings, "identity_rules", identity_rules)  # wrong files are reported first
    metrics, progress = Metrics(), Progress(settings.worker_stalled_after_s)
    show_channels(metrics, settings.channels)
    store = Store(settings, metrics, progress)
    topics = [topic.name for topic in CATALOGUE.touchpoints]
    source, outbox = KafkaSource(settings, topics, metrics, progress), Producer(settings)
    threads = Threads(3)

    ledger = Ledger()

    async def started() -> tuple[IngestWorker, FollowingCore]:
        database = await store.opened()
        facts = ClickHouseFactStore(database)
        await asyncio.to_thread(ledger.refresh, facts)
        for start in (source.start, outbox.start):
            await until_done(start, "Kafka", metrics, waits=progress.moved)
        ports = IngestPorts(source, outbox, ClickHouseWatermarks(database), threads)
        timing = Timing(lambda: datetime.now(UTC), waits=progress.moved)
        rules = await asyncio.to_thread(FollowedRules, settings, await store.opened())
        config = ingest_config(settings, rules.newest)
        core = EventProcessor(config, ledger.erased_at, ledger.kept_since, ledger.is_suppressed)
        stage = IngestStage(core, facts, from_log=True)
        following = FollowingCore(settings, rules, ledger, stage.use)
        return _worker(settings, stage, facts, ledger, ports, metrics, timing), following

    async with (
        stop_signals(settings.worker_shutdown_grace_s) as stopping,
        health_pages(settings, metrics, progress, store, source.is_assigned),
    ):
        parts = await unless_stopped(stopping, started())
        if parts is None:
            return
        worker, following = parts
        tune_garbage_collector()
        ending = asyncio.create_task(_stop_when(stopping, worker))
        refreshing = asyncio.create_task(following.keep())
        try:
            await worker.run()
        finally:
            ending.cancel()
            refreshing.cancel()
            await source.stop()
            await outbox.stop()
            threads.close()
    log.info("stopped")


def _worker(
    settings: Settings,
    stage: IngestStage,
    facts: ClickHouseFactStore,
    ledger: Ledger,
    ports: IngestPorts,
    metrics: Metrics,
    timing: Timing,
) -> IngestWorker:
    return IngestWorker(
        stage,
        ports,
        RejectLimiter(settings.rejects_consecutive_max, settings.rejects_ratio_max),
        metrics,
        timing,
        Limits(
            settings.worker_batch_events_max,
            settings.worker_batch_bytes_max,
            settings.worker_linger_ms / 1000,
        ),
        erasures=LedgerOfStore(ledger, facts),
    )


async def _stop_when(stopping: asyncio.Event, worker: IngestWorker) -> None:
    await stopping.wait()
    worker.stop()

"""`c360 worker ingest`: touchpoint topics → facts in ClickHouse, derived records in Kafka."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog

from schemas.identifiers import NodeId
from schemas.rules.identity import identity_rules
from schemas.topics import CATALOGUE
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.adapters.kafka import KafkaSource
from services.ingest.config import ingest_config
from services.ingest.core.core import IngestCore
from services.ingest.core.limiter import RejectLimiter
from services.ingest.stage import IngestStage
from services.ingest.worker import IngestWorker, Limits
from services.runtime.backoff import until_done
from services.runtime.health import Progress
from services.runtime.kafka import connection
from services.runtime.life import Threads, stop_signals, tune_garbage_collector
from services.runtime.metrics import Metrics
from services.runtime.producer import Producer
from services.runtime.settings import Settings
from services.runtime.watermarks import ClickHouseWatermarks
from services.runtime.worker import health_pages, open_store, opened

LEDGER_S = 30.0
log = structlog.get_logger()


class Ledger:
    """The erasures as ingest sees them: read again twice a minute."""

    def __init__(self, store: ClickHouseFactStore) -> None:
        self._store = store
        self._erased = store.erasures()

    def erased_at(self, realm: str, node: NodeId) -> int | None:
        """When a node was erased, in ms since 1970 (UTC), or None."""
        return self._erased.get((realm, node))

    def refresh(self) -> None:
        """Read the ledger. Blocks."""
        self._erased = self._store.erasures()


async def run(settings: Settings) -> None:
    """Work until SIGTERM. Raises ConfigurationError, or Fatal when going on would lose data."""
    connection(settings)  # says what is missing before anything else is tried
    metrics, progress = Metrics(), Progress(settings.worker_stalled_after_s)
    database = await opened(lambda: open_store(settings))
    probe = await opened(lambda: open_store(settings))
    topics = [topic.name for topic in CATALOGUE.touchpoints]
    source, outbox = KafkaSource(settings, topics, metrics, progress), Producer(settings)
    threads = Threads(3)
    store = ClickHouseFactStore(database, sole_writer=False)
    ledger = await asyncio.to_thread(Ledger, ClickHouseFactStore(probe, sole_writer=False))
    core = IngestCore(
        ingest_config(settings, identity_rules(settings.identity_rules)), ledger.erased_at
    )
    worker = IngestWorker(
        core,
        IngestStage(core, store, from_log=True),
        source,
        outbox,
        ClickHouseWatermarks(database),
        RejectLimiter(settings.rejects_consecutive_max, settings.rejects_ratio_max),
        threads,
        metrics,
        lambda: datetime.now(UTC),
        Limits(
            settings.worker_batch_events_max,
            settings.worker_batch_bytes_max,
            settings.worker_linger_ms / 1000,
        ),
        CATALOGUE.by_name["c360.offers"].partitions,
    )
    tune_garbage_collector()
    async with (
        stop_signals(settings.worker_shutdown_grace_s) as stopping,
        health_pages(settings, metrics, progress, probe, source.is_assigned),
    ):
        await until_done(source.start, "Kafka", metrics)
        await until_done(outbox.start, "Kafka", metrics)
        ending = asyncio.create_task(_stop_when(stopping, worker))
        refreshing = asyncio.create_task(_refresh(ledger))
        try:
            await worker.run()
        finally:
            ending.cancel()
            refreshing.cancel()
            await source.stop()
            await outbox.stop()
            threads.close()
    log.info("stopped")


async def _stop_when(stopping: asyncio.Event, worker: IngestWorker) -> None:
    await stopping.wait()
    worker.stop()


async def _refresh(ledger: Ledger) -> None:
    while True:
        await asyncio.sleep(LEDGER_S)
        try:
            await asyncio.to_thread(ledger.refresh)
        except Exception as error:  # the store is away: the worker itself waits for it
            log.warning("ledger_not_read", error=str(error))

"""`c360 worker consistency`: claims and ticks → incidents in ClickHouse, alerts in Kafka.

The worker that holds the first partition is the ticker of all of them.
"""

from __future__ import annotations

import asyncio
import time

import structlog

from schemas.rules.profile import profile_rules
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.consistency.config import configured_rules
from services.consistency.core.doubt import LateWrites
from services.consistency.pausing import PausingErasures, keep_pausing
from services.consistency.ticker import Ticker
from services.consistency.worker import ConsistencyWorker
from services.consistency.writer import STATEMENTS_OF_A_WRITE, CacheBudget
from services.runtime.errors import Retry
from services.runtime.settings import Settings, read_rules
from services.stream.claim_records import OFFER_PARTITIONS, OFFERS_TOPIC
from services.stream.decision_worker import Parts, run_deciding_worker
from services.stream.faust_host import FaustHost
from services.stream.ports import Partition
from services.stream.watermarks import ClickHouseWatermarks

FIRST = Partition(OFFERS_TOPIC, 0)
log = structlog.get_logger()


async def run(settings: Settings) -> None:
    """Work until SIGTERM. Raises ConfigurationError; later fatal faults end the process."""
    rules = configured_rules(settings)
    refused_by = read_rules(settings, "profile_rules", profile_rules).consent.refused_by
    made: list[ConsistencyWorker] = []

    def worker(parts: Parts) -> ConsistencyWorker:
        one = ConsistencyWorker(
            ClickHouseConsistencyStore(parts.database, OFFER_PARTITIONS, refused_by=refused_by),
            parts.ports,
            rules,
            parts.metrics,
            budget=CacheBudget(settings.consistency_cached_claims_max),
            late=LateWrites(STATEMENTS_OF_A_WRITE * settings.clickhouse_timeout_s, time.monotonic),
            erasures=PausingErasures(parts.database),
        )
        made.append(one)
        return one

    async def beside(parts: Parts, host: FaustHost) -> None:
        """Tick, and pause while somebody is removed."""
        erasures, offload = PausingErasures(parts.database), parts.ports.offload
        pausing = keep_pausing(erasures, made[-1], host.assigned, offload, parts.waits)
        await asyncio.gather(_tick(parts, host), pausing)

    await run_deciding_worker(settings, "consistency", OFFERS_TOPIC, worker, beside)


async def _tick(parts: Parts, host: FaustHost) -> None:
    """Tick while this worker holds the first partition. A new holder starts from the store."""
    ticker: Ticker | None = None
    while True:
        await asyncio.sleep(parts.settings.tick_interval_s)
        if FIRST not in host.assigned():
            ticker = None
            continue
        if ticker is None:
            ticker = Ticker(
                ClickHouseWatermarks(parts.database),
                ClickHouseConsistencyStore(parts.database),
                parts.ports.outbox,
                parts.ports.offload,
            )
        try:
            await ticker.tick()
        except Retry as error:
            log.warning("tick_waits", error=str(error))

"""`c360 worker identity`: edges → the profile map in ClickHouse, profile changes in Kafka.

A realm's records are all in one partition, so the holder of the partition is the realm's only
writer; further workers stand by and take over within the session timeout.
"""

from __future__ import annotations

from schemas.records import EDGES_PER_RECORD_MAX
from schemas.rules.identity import identity_rules
from services.consistency.kinds import KINDS
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.ports import IdentityStore
from services.identity.worker import RECORDS_MAX, IdentityWorker
from services.identity.writer import IdentityWriter
from services.runtime.settings import Settings, read_rules
from services.stream.claim_records import customer_records
from services.stream.decision_worker import Parts, run_deciding_worker

EDGES_TOPIC = "c360.edges"
CACHE_NODES_MAX = 200_000
IN_DOUBT_EDGES_MAX = RECORDS_MAX * EDGES_PER_RECORD_MAX


async def run(settings: Settings) -> None:
    """Work until SIGTERM. Raises ConfigurationError; later fatal faults end the process."""
    rules = read_rules(settings, "identity_rules", identity_rules)

    def writer_of(store: IdentityStore, realm: str) -> IdentityWriter:
        return IdentityWriter(store, realm, rules, CACHE_NODES_MAX, IN_DOUBT_EDGES_MAX)

    def worker(parts: Parts) -> IdentityWorker:
        return IdentityWorker(
            lambda: ClickHouseIdentityStore(parts.database),
            writer_of,
            parts.ports,
            parts.metrics,
            customer_records if KINDS.about_customers else None,
        )

    await run_deciding_worker(settings, "identity", EDGES_TOPIC, worker)

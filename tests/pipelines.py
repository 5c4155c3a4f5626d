"""The whole pipeline of one process on tables that a test gives it, with a clock that stands."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from schemas.rules.identity import IdentityRules, identity_rules
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.consistency.rules import consistency_rules
from services.consistency.stage import ConsistencyStage
from services.consistency.writer import ConsistencyWriter
from services.embedded.pipeline import Pipeline
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.stage import IdentityStage
from services.identity.writer import IdentityWriter
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.lines import Line
from services.ingest.stage import IngestStage
from services.runtime.batching import bounded
from services.runtime.metrics import Metrics
from services.store.database import Database
from services.stream.watermarks import ClickHouseWatermarks
from tests.events import RECEIVED_AT, core

BATCH_EVENTS = 700


def ingested(
    database: Database,
    lines: Iterable[bytes],
    received_at: datetime = RECEIVED_AT,
    rules: IdentityRules | None = None,
) -> Metrics:
    """Take all lines in and judge what they claim; what was measured."""
    metrics = Metrics()
    pipeline = pipeline_on(database, received_at, metrics, rules)
    for part in bounded((Line(raw, len(raw)) for raw in lines), BATCH_EVENTS):
        pipeline.finish(pipeline.decode(part))
    pipeline.tick()
    return metrics


def pipeline_on(
    database: Database,
    received_at: datetime = RECEIVED_AT,
    metrics: Metrics | None = None,
    rules: IdentityRules | None = None,
) -> Pipeline:
    """A pipeline that writes these tables, with the packaged rules of identity unless others are
    given."""
    metrics, by = metrics or Metrics(), rules or identity_rules()
    graph, claims = ClickHouseIdentityStore(database), ClickHouseConsistencyStore(database)
    facts = ClickHouseFactStore(database)
    return Pipeline(
        facts,
        IngestStage(core(), facts),
        IdentityStage(graph, lambda store, realm: IdentityWriter(store, realm, by)),
        ConsistencyStage(
            claims,
            lambda realm: ConsistencyWriter(claims, consistency_rules(), realm=realm),
            (),
            metrics,
        ),
        ClickHouseWatermarks(database),
        metrics,
        clock=lambda: received_at,
    )

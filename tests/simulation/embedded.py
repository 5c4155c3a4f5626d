"""The same input through the embedded pipeline, on the same kind of stores, without any fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from schemas.records import (
    ActionRecord,
    DecisionRecord,
    IdentityRecordAdapter,
    OfferRecordAdapter,
)
from services.consistency.adapters.memory import MemoryStore
from services.consistency.stage import ConsistencyStage
from services.consistency.writer import ConsistencyWriter
from services.embedded.pipeline import Pipeline
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.stage import IdentityStage
from services.identity.writer import IdentityWriter
from services.ingest.core.derived_records import watermarks
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.ingest.stage import IngestStage
from services.runtime.metrics import Metrics
from services.stream.ports import Delivery
from services.stream.watermarks import MemoryWatermarks
from tests.customer_kind import WITH_CUSTOMERS, current_incidents, map_of
from tests.simulation.checks import Ledger, audited, demand, demand_same, trails
from tests.simulation.scenario import REALMS, TOPICS, ingest_core, price_rules, rules
from tests.simulation.stores import FactRows, Facts

BATCH_LINES = 7


class Embedded:
    """One process for everything."""

    def __init__(
        self, clock: Callable[[], datetime], identity: MemoryIdentityStore | None = None
    ) -> None:
        """`identity` holds the graph and the map."""
        self.map = identity or MemoryIdentityStore()
        self.consistency = MemoryStore(TOPICS["c360.offers"], map_of(self.map))
        self.rows = FactRows(self.consistency)
        self.metrics = Metrics()
        self._clock = clock
        self.start()

    def start(self) -> None:
        """A new process on the same stores; what the one before left in doubt is not done yet."""
        facts = Facts(self.rows, None)
        self._identity = IdentityStage(
            self.map, lambda store, realm: IdentityWriter(store, realm, rules())
        )
        self._consistency = ConsistencyStage(
            self.consistency,
            lambda realm: ConsistencyWriter(self.consistency, price_rules(), realm=realm),
            watermarks(self.rows.facts.values()),
            self.metrics,
            WITH_CUSTOMERS,
        )
        self.pipeline = Pipeline(
            facts,
            IngestStage(ingest_core(), facts),
            self._identity,
            self._consistency,
            MemoryWatermarks(),
            self.metrics,
            self._clock,
        )

    def run(
        self,
        sent: Sequence[Delivery],
        decided: Sequence[Delivery],
        offered: Sequence[Delivery],
    ) -> None:
        """Take in all touchpoints in small batches, then what people decided and did, then time."""
        for start in range(0, len(sent), BATCH_LINES):
            values = [one.value or b"" for one in sent[start : start + BATCH_LINES]]
            lines = [Line(value, len(value)) for value in values]
            self.pipeline.finish(self.pipeline.decode(lines, Intake.SERVER))
        for delivery in decided:
            record = IdentityRecordAdapter.validate_json(delivery.value or b"")
            if isinstance(record, DecisionRecord):
                self.pipeline.act([record])
        for delivery in offered:
            action = OfferRecordAdapter.validate_json(delivery.value or b"")
            if isinstance(action, ActionRecord):
                self.pipeline.act([action])
        self.pipeline.tick()


def check_same(ledger: Ledger, ticks: Mapping[str, datetime], now: datetime) -> None:
    """The workers' state is that of the embedded run."""
    broker = ledger.broker
    sent = [
        one
        for topic in broker.topics
        if topic.startswith("touchpoints.")
        for one in broker.all_of(topic)
    ]
    alone = Embedded(lambda: now)
    alone.run(sent, broker.all_of("c360.edges"), broker.all_of("c360.offers"))
    found, wanted = audited(ledger.facts), alone.rows.facts
    demand_same(
        "facts and those of the embedded run",
        {key: event.version for key, event in found.items()},
        {key: event.version for key, event in wanted.items()},
    )
    demand(ledger.facts.values == alone.rows.values, "values differ from the embedded run")
    for realm in REALMS:
        for what in ("all_edges", "all_placements", "all_refusals"):
            rows = [getattr(one, what)(realm) for one in (ledger.identity, alone.map)]
            mine, theirs = (dict(r) if isinstance(r, dict) else dict.fromkeys(r, 1) for r in rows)
            demand_same(f"{what} of {realm} and those of the embedded run", mine, theirs)
        found_trails, wanted_trails = (
            trails(one, ledger.actions) for one in (ledger.consistency, alone.consistency)
        )
        demand_same("audit trails and those of the embedded run", found_trails, wanted_trails)
        if realm in ticks:
            demand_same(
                f"incidents of {realm} and those of the embedded run",
                current_incidents(ledger.consistency, realm),
                current_incidents(alone.consistency, realm),
            )

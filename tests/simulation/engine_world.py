"""A world whose store is the real engine, and in which identities change in every way there is:
events, decisions, other rules, also in the place of some that are being applied, erasures, and
events that expire.

In the end the map is `resolve` of what is stored, all that the ledgers let stand is stored, nothing
of the erased is, the compacted topics fold to the store, and all topics read again from their
beginning change nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random

from schemas.instants import to_ms
from schemas.records import (
    CutoffRecord,
    ErasureRecord,
    PersonRecord,
    RetentionRecord,
    RulesRecord,
)
from services.api.digest import state_digest
from services.api.read_store import ReadStore
from services.erasure.adapters.orders import ErasureOrders
from services.erasure.adapters.runs import ErasureRuns
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.config import ingest_config
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Accepted, Intake
from services.ingest.ledger import Ledger
from services.runtime.settings import Settings
from services.runtime.settings.retention import LIMITED_TYPES
from services.store.database import Database
from services.store.event_cutoffs import EventCutoffs
from services.store.rules_in_force import (
    ClickHouseRules,
    FollowedRules,
    RulesChange,
    ahead_of_its_record,
    change_of,
)
from services.stream.person_records import identity_outgoing, person_outgoing
from services.stream.ports import Delivery, Outgoing
from services.stream.watermarks import ClickHouseWatermarks
from tests.mixed_checks import (
    FACTS,
    KEPT_SALE,
    decisions_of,
    edges_of,
    require_forgotten,
    require_resolved,
)
from tests.mixed_history import (
    BODIES,
    REALM,
    RULES,
    VALUES,
    drawn_decision,
    drawn_erasure,
    drawn_event,
)
from tests.published import INCIDENTS_SQL, MAP_SQL, alerts_astray, profile_changes_astray
from tests.simulation.checks import demand, demand_same
from tests.simulation.scenario import TOPICS
from tests.simulation.world import FAULTS_S, World

ORDERS_SQL = """SELECT event_id, node, order_id, toString(order_value) FROM orders FINAL
WHERE order_action = 'placed'"""
NAMED_SQL = """SELECT node FROM map FINAL UNION DISTINCT SELECT node FROM node_values
UNION DISTINCT SELECT node FROM erasures"""
PAYLOADS_SQL = "SELECT payload FROM touchpoints FINAL WHERE event_id IN {ids:Array(String)}"
RUNS_SQL = "SELECT DISTINCT erasure_id FROM erasure_runs"
MORE_ORDERS = [*BODIES, *(("order.placed", {}) for _ in range(6))]
"""Of those who are erased, some have bought something."""
EXPIRES = 0.08
"""How often events expire, for every other thing that happens."""
HOURS = 72
"""Events are said to be up to so much older than they are."""


class EngineWorld(World):
    """One run on an engine whose tables are empty."""

    topics = TOPICS | {"c360.offers": 2}

    def __init__(self, seed: int, engine: Database, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings
        super().__init__(seed)

    def _furnish(self) -> None:
        self.watermarks = ClickHouseWatermarks(self.engine)
        self.done: Counter[str] = Counter()
        self._people = Random(self.seed)
        self._number = 0
        self._steps = self._people.choice((8, 14, 24))
        self._lines: list[tuple[bytes, datetime]] = []
        self._rivals = Random(~self.seed)
        self._ordered: list[RulesChange] = []
        self._keeping = Random(f"sales {self.seed}")

    def before_ack(self, delivery: Delivery) -> None:
        """Looked at in the end."""

    def is_at_rest(self) -> bool:
        """Whether no erasure, no removal and no change of rules is under way."""
        changes = ClickHouseRules(self.engine).latest().values()
        removed = not any(one.is_open for one in EventCutoffs(self.engine).standing())
        erased = not ErasureOrders(self.engine).open()
        return erased and removed and all(one.is_done for one in changes)

    async def _send(self) -> None:
        """People and sources act, and do not look at what becomes of it."""
        rng = self._people
        for _ in range(self._steps):
            await asyncio.sleep(rng.random() * 2 * FAULTS_S / self._steps)
            act = rng.choices(
                (self._events, self._decide, self._apply, self._erase, self._again),
                (10, 4, 1.5, 3, 1),
            )[0]
            if self._rivals.random() < EXPIRES:
                self._expire()
            act()

    def _events(self) -> None:
        for _ in range(self._people.choice((1, 2, 4, 8))):
            self._number += 1
            since = self.now() - timedelta(hours=HOURS - 1)
            line = drawn_event(
                self._people, self._number, since, HOURS, public=False, bodies=MORE_ORDERS
            )
            self._send_line(line)

    def _send_line(self, line: bytes) -> None:
        self.done["events"] += 1
        topic = self._people.choice([one for one in self.topics if one.startswith("touch")])
        self._lines.append((line, self.now()))
        self.broker.append(Outgoing(topic, line, b"%d" % self._number))

    def _again(self) -> None:
        """A source sends an event again, and stamps nothing anew."""
        if self._lines:
            self.done["again"] += 1
            self._send_line(self._people.choice(self._lines)[0])

    def _decide(self) -> None:
        self._number += 1
        self._say("decision", drawn_decision(self._people, self._number, self.now()))

    def _apply(self) -> None:
        """As `c360 identity apply`; while other rules are being applied, and whenever their record
        may still wait in the log, with `--instead`. Several may do it at once, each with a clock
        of their own."""
        rules = ClickHouseRules(self.engine)
        known = rules.latest().get(REALM)
        rivals = self._rivals.choices((1, 2), (4, 1))[0]
        records = [self._rules_record(known) for _ in range(rivals)]
        if known is None or (known.is_done and self._people.random() < 0.6):
            for record in records:
                self._say("rules", record)
            return
        for record in records:
            self._say("rules instead", record)
        self._rivals.shuffle(records)
        for record in records:
            rules.put(ahead_of_its_record(record, known))

    def _rules_record(self, known: RulesChange | None) -> RulesRecord:
        wrong_ms = self._rivals.choice((0, 0, 1, 5_000))
        now_ms = max(to_ms(self.now()) + wrong_ms, known.decided_ms + 1 if known else 0)
        text = self._people.choice(RULES)
        record = RulesRecord(
            realm=REALM, text=text, author="kim", reason="a try", decided_ms=now_ms
        )
        self._ordered.append(change_of(record))
        return record

    def _expire(self) -> None:
        """As `c360 store retention --apply`, which orders what is later than what stands."""
        rng = self._rivals
        standing = {one.type: one.before_ms for one in EventCutoffs(self.engine).standing()}
        cutoffs = []
        for name in rng.sample(LIMITED_TYPES, rng.randrange(1, len(LIMITED_TYPES) + 1)):
            before_ms = to_ms(self.now() - timedelta(hours=rng.randrange(HOURS)))
            if before_ms > standing.get(name, -1):
                cutoffs.append(CutoffRecord(type=name, before_ms=before_ms))
        if cutoffs:
            self._say("expiry", RetentionRecord(realm=REALM, cutoffs=cutoffs))

    def _erase(self) -> None:
        record = drawn_erasure(self._people, self.engine, self.now())
        if record is not None and self._keeping.random() < 0.5:
            self.done["kept sales"] += 1
            record = record.model_copy(update={"anonymise": True})
        if record is not None:
            self._say("erasure", record)

    def _say(self, what: str, record: PersonRecord | ErasureRecord | RetentionRecord) -> None:
        self.done[what] += 1
        self.say("people", f"{what} {record.model_dump_json(exclude={'text'})[:200]}")
        if isinstance(record, ErasureRecord | RetentionRecord):
            self.broker.append(identity_outgoing(record))
        else:
            self.broker.append(person_outgoing(record))

    def _tick(self) -> dict[str, datetime]:
        """The workers tick themselves; each tick is a record to every partition."""
        return {} if self.chance.are_faults_on else super()._tick()

    async def _check(self, ticks: Mapping[str, datetime]) -> None:
        self._check_state()
        before, edges = self.state(), edges_of(self.engine)
        self.say("world", "everything is read again")
        for slot in self.slots:
            slot.kill()
        for group in self.groups.values():
            group.committed = dict.fromkeys(group.partitions, 0)
        await self._drained("after everything was read again")
        if not self.failure:
            self._check_state()
            demand_same("edges after everything was read again", edges_of(self.engine), edges)
            demand_same("sections after everything was read again", self.state(), before)

    def _check_state(self) -> None:
        if self._ordered:
            last = max(self._ordered, key=lambda one: one.rank)
            in_force = FollowedRules(self.settings, self.engine).in_force[REALM]
            demand(in_force.is_of(last), f"{in_force.rank} in force, not {last.rank}")
        require_resolved(self.engine, FollowedRules(self.settings, self.engine).of(REALM))
        require_forgotten(self.engine)
        self._check_kept()
        self._check_published()

    def state(self) -> dict[str, str]:
        """The digest by section, and what it leaves out of the identity graph."""
        found = state_digest(self.engine, ReadStore(self.settings, self.engine).profiles)
        del found["all"]
        return found | {"decisions": str(decisions_of(self.engine))}

    def _check_kept(self) -> None:
        """Stored is what the ledgers let stand of all that was sent, and nothing else."""
        ledger = Ledger()
        ledger.refresh(ClickHouseFactStore(self.engine))
        rules = FollowedRules(self.settings, self.engine).newest
        config = ingest_config(self.settings, rules)
        core = EventProcessor(config, ledger.erased_at, ledger.kept_since)
        said = [core.process(line, at, Intake.SERVER) for line, at in self._lines]
        kept = [one for one in said if isinstance(one, Accepted)]
        stored = Counter(event_id for (event_id,) in self.engine.rows(FACTS))
        sales = {one for one in stored if KEPT_SALE.fullmatch(one)}
        self._check_sales(sales, {one.event_id for one in kept})
        for one in sales:
            demand(stored.pop(one) == 1, f"{one} is kept twice")
        demand_same("facts", stored, dict.fromkeys((one.event_id for one in kept), 1))
        edges = edges_of(self.engine)
        missing = {(e.a.id, e.b.id) for one in kept for e in one.edges} - edges.keys()
        demand(not missing, f"edges missing: {missing}")
        words = [(e.a, e.b, e.first_seen_ms) for e in edges.values()]
        words += [(one.a, one.b, one.decided_ms) for one in decisions_of(self.engine)]
        for a, b, at_ms in words:
            for end in (a, b):
                until = ledger.erased_at(REALM, end.id)
                demand(until is None or at_ms > until, f"{end} was erased, and there is {a}–{b}")

    def _check_sales(self, sales: set[str], kept: set[str]) -> None:
        """Each is an order of nobody under numbers of its own. As many are kept as the notes of the
        erasures say, and none that stands beside its original."""
        orders = self.engine.rows(ORDERS_SQL)
        mine = [row for row in orders if row[0] in sales]
        demand(all(value == "5" for *_, value in orders), "an order has another sum")
        demand({row[0] for row in mine} == sales, "sales in facts and orders differ")
        standing = self.engine.rows(NAMED_SQL)
        for event_id, node, order_id, _ in mine:
            demand(bool(KEPT_SALE.fullmatch(order_id)), f"{event_id} has the number {order_id}")
            demand((node,) not in standing, f"{event_id} is of {node}, which others name")
        demand(len({node for _, node, *_ in mine}) == len(mine), "two orders of one node")
        for (payload,) in self.engine.rows(PAYLOADS_SQL, {"ids": sorted(sales)}):
            said = [one for one in (*VALUES.values(), '"e-', '"O-') if one in payload]
            demand(not said, f"{said} in {payload}")
        runs = ErasureRuns(self.engine)
        noted = [runs.run(REALM, one) for (one,) in self.engine.rows(RUNS_SQL)]
        counted = sum(one.kept_sales or 0 for one in noted if one is not None)
        demand(len(sales) == counted, f"{len(sales)} sales are kept, and {counted} were noted")
        sent = {json.loads(line)["event_id"] for line, _ in self._lines if b"order.placed" in line}
        demand(len(sales) <= len(sent - kept), "a sale is kept beside its original")
        self.done["sales"] = len(sales)

    def _check_published(self) -> None:
        """The compacted topics fold to the map and the incidents."""
        changes, alerts = map(self.broker.all_of, ("c360.profile-changes", "c360.alerts"))
        astray = profile_changes_astray(changes, self.engine.rows(MAP_SQL))
        astray += alerts_astray(alerts, [body for (body,) in self.engine.rows(INCIDENTS_SQL)])
        demand(not astray, "; ".join(astray[:5]))

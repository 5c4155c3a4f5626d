"""Scores of single customers on ClickHouse: the facts of one profile are read by key, the functions
of services/measures/scores/ make scores of them.

Whoever objects to profiling is not scored: the objection is looked for first, and then nothing else
is read. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from schemas.api.insights import InsightScore, PersonInsights
from schemas.identifiers import NodeId, as_uuid
from schemas.instants import to_ms
from schemas.rules.insights import InsightRules
from schemas.rules.profile import ConsentRules
from services.measures.adapters.person_relations import RelationReader
from services.measures.catalogue.channel_preference import ACTING
from services.measures.core.deeds import ACTS, Deed
from services.measures.core.person import (
    GivenAnswer,
    Objection,
    PersonContext,
    PersonFacts,
    Purchase,
    Refund,
    SentMessage,
    Touch,
    Wish,
    objected,
)
from services.measures.core.result import MeasureResult
from services.measures.core.window import DAYS_DEFAULT
from services.measures.ports import KeptMeasures, PersonHistories
from services.measures.scores import SCORES
from services.measures.scores.leaving import is_going
from services.profiles.core.consent import PROFILING, ConsentRecord, Consents
from services.profiles.core.facts import AttributeObservation
from services.profiles.core.history import ProfileHistory
from services.profiles.core.purchases import Settled
from services.runtime.errors import NotFound
from services.runtime.settings import RealmSettings
from services.store.database import Database, on_one_thread, rows_by_key
from services.store.profile_map import ProfileMap
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
TOUCHES_SQL = _STATEMENTS["touches"]
MESSAGES_SQL = _STATEMENTS["messages"]
ANSWERS_SQL = _STATEMENTS["answers"]
PLACES_SQL = _STATEMENTS["places"]
FACTS_MAX = 10_000
"""Of a customer with more touchpoints in a year the latest ones count."""
NOBODY = ProfileHistory("")
WISHED_CHANNEL = "preference.channel"
MAIL = "email"
MARKETING = "marketing"
Fact = TypeVar("Fact")


class PersonScoreReader:
    """Implements `services.measures.ports.PersonScoreSource`."""

    def __init__(
        self,
        database: Database,
        histories: PersonHistories,
        realms: Mapping[str, RealmSettings],
        rules: InsightRules,
        consent: ConsentRules,
        kept: KeptMeasures,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._map = ProfileMap(database)
        self._histories = histories
        self._realms = realms
        self._rules = rules
        self._consent = consent
        self._kept = kept
        self._clock = clock

    def scores(self, realm: str, profile: NodeId) -> PersonInsights:
        """See the port."""
        if realm not in self._realms:
            known = ", ".join(sorted(self._realms))
            raise NotFound(f"realm {realm!r} is not configured; C360_REALMS lists: {known}")
        members, now = self._map.members_of(realm, [profile]), self._clock()
        nodes = list(members.holder)
        read = self._histories.histories
        names = {WISHED_CHANNEL, MAIL, *_attributes(self._rules.of(realm))}
        said = read(realm, members, names, consents=True, orders=False).get(profile, NOBODY)
        by = Consents(said.consents, self._consent).objection(PROFILING)
        scores: list[InsightScore] = []
        if by is None:
            bought = read(realm, members, (), consents=False, orders=True).get(profile, NOBODY)
            history = said._replace(orders=bought.orders)
            scores = self._scored(realm, nodes, history, now)
        return PersonInsights(
            profile_id=as_uuid(profile),
            realm=realm,
            as_of=now,
            objection=None if by is None else objected(by),
            scores=scores,
        )

    def _scored(
        self, realm: str, nodes: Sequence[NodeId], history: ProfileHistory, now: datetime
    ) -> list[InsightScore]:
        settings = self._realms[realm]
        zone = ZoneInfo(settings.time_zone)
        rules, kept = self._rules.of(realm), self._compared(realm)
        context = PersonContext(now, zone, settings.currency, rules, kept)
        facts = self._facts(realm, nodes, history, context)
        found = (one for score in SCORES for one in score.compute(facts, context))
        return sorted(found, key=lambda one: one.score)

    def _facts(
        self,
        realm: str,
        nodes: Sequence[NodeId],
        history: ProfileHistory,
        context: PersonContext,
    ) -> PersonFacts:
        """What is known of the profile with these identifiers."""
        now, leads = context.now, context.rules.leads
        where = {"from_ms": to_ms(now - timedelta(days=DAYS_DEFAULT)), "until_ms": to_ms(now)}
        ever = {**where, "from_ms": 0, "types": sorted({*ACTS, *leads.behaviour, *leads.against})}
        reader = RelationReader(self._database, realm, nodes, context)
        related = reader.relations()
        purchases = self._purchases(realm, history.orders)
        orders = {one.event_id for one in purchases}
        facts = PersonFacts(
            touches=self._read(Touch, TOUCHES_SQL, realm, nodes, **where, types=ACTING, acts=ACTS),
            messages=self._read(SentMessage, MESSAGES_SQL, realm, nodes, **where),
            answers=self._read(GivenAnswer, ANSWERS_SQL, realm, nodes, **where),
            wishes=list(_wishes(history.observations, now)),
            purchases=purchases,
            refunds=list(_refunds(history.orders, context.currency)),
            deeds=self._read(_deed, TOUCHES_SQL, realm, nodes, **ever, acts=ACTS),
            refusals=list(_refusals(history.consents, self._consent)),
            **related._replace(
                lines=[one for one in related.lines if one.event_id in orders],
                traits=[*related.traits, *_traits(history.observations, now)],
            )._asdict(),
        )
        return facts._replace(signs=reader.signs()) if is_going(facts, context) else facts

    def _purchases(self, realm: str, orders: Sequence[Settled]) -> list[Purchase]:
        """The counting orders, and where each was bought by the report that counts."""
        placed = [one for one in orders if one.entry.orders]
        nodes = sorted({one.best.node for one in placed})
        asked = on_one_thread(PLACES_SQL, len(nodes))
        rows = rows_by_key(self._database, asked, realm, nodes)
        places = {(node.int, event_id): place for node, event_id, place in rows}
        return [
            Purchase(
                best.occurred_at, best.event_id, places.get((best.node, best.event_id), ""),
                one.entry.currency, one.entry.revenue,
            )
            for one in placed
            for best in [one.best]
        ]  # fmt: skip

    def _compared(self, realm: str) -> dict[str, MeasureResult]:
        """The latest kept answers of the measures that scores compare with."""
        found = {}
        for one in SCORES:
            if one.compares:
                name = one.definition.partition("/")[0]
                for kept in self._kept.latest(realm, name, 1, one.definition):
                    found[one.definition] = kept.result
        return found

    def _read(
        self,
        kind: Callable[..., Fact],
        sql: str,
        realm: str,
        nodes: Sequence[NodeId],
        **where: Any,
    ) -> list[Fact]:
        """The rows of a statement; its columns are the fields of a fact, in their order."""
        asked = on_one_thread(sql, len(nodes))
        rows = rows_by_key(self._database, asked, realm, nodes, **where, limit=FACTS_MAX)
        return [kind(*row) for row in rows]


def _refunds(orders: Sequence[Settled], currency: str) -> Iterator[Refund]:
    """What came back; an amount without a currency is in the realm's."""
    for one in orders:
        if one.entry.returns:
            entry, best = one.entry, one.best
            said_in = entry.currency or currency
            yield Refund(best.occurred_at, best.event_id, said_in, entry.returned)


def _wishes(said: Sequence[AttributeObservation], now: datetime) -> Iterator[Wish]:
    """The channels that were asked for, of all times: a wish does not grow old."""
    for one in said:
        if one.attribute == WISHED_CHANNEL and one.occurred_at < now:
            yield Wish(one.occurred_at, one.value if one.present else "", one.event_id)


def _attributes(rules: InsightRules) -> Iterator[str]:
    """Those that bring points to a lead."""
    for name in rules.leads.fit:
        yield name.partition("=")[0]


def _traits(said: Sequence[AttributeObservation], now: datetime) -> Iterator[Deed]:
    """What the customer is: the latest value of each attribute. Of an address its domain."""
    latest: dict[str, AttributeObservation] = {}
    for one in sorted(said, key=lambda one: (one.occurred_at, one.event_id)):
        if one.occurred_at < now:
            latest[one.attribute] = one
    for name, one in latest.items():
        value = one.value.rpartition("@")[2] if name == MAIL else one.value
        if one.present and name != WISHED_CHANNEL:
            yield Deed(one.occurred_at, one.event_id, f"{name}={value}")


def _deed(at: datetime, event_id: str, what: str, _channel: str) -> Deed:
    return Deed(at, event_id, what)


def _refusals(agreed: Sequence[ConsentRecord], rules: ConsentRules) -> Iterator[Objection]:
    """That the customer objected to marketing."""
    by = Consents(agreed, rules).objection(MARKETING)
    if by is not None:
        yield Objection(by.occurred_at, "" if by.is_kept else by.event_id)

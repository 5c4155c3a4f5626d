"""Reads incidents with their exposure, for `c360 incidents list|show` and the API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from schemas.api.incidents import AffectedItem, IncidentCount, IncidentExample, IncidentField
from schemas.claim import PRICE_MISMATCH, Book, quantity_of
from schemas.currency import written_money
from schemas.identifiers import NodeId
from schemas.incident import AnyIncident, IncidentState, Severity
from schemas.incident_action import IncidentAction
from schemas.instants import from_ms, to_ms, written
from schemas.subject import Subject, SubjectType
from services.consistency.adapters.cancellations import read_taken_back
from services.consistency.adapters.clickhouse import action_of, price_claim, statement_claim
from services.consistency.core.cancelled_orders import is_taken_back
from services.consistency.core.exposure import exposure_of, first_reports
from services.consistency.core.kind import Met, Observation
from services.consistency.core.places import place_of
from services.consistency.rules import ConsistencyRules
from services.consistency.views import IncidentView, view_of
from services.store.database import Database
from services.store.profile_map import ProfileMap
from services.store.statements import statements_of

INCIDENTS_PER_QUERY = 500
_STATEMENTS = statements_of(__file__)
LIST_SQL = _STATEMENTS["list"]
COUNTS_SQL = _STATEMENTS["counts"]
SHOW_SQL = _STATEMENTS["show"]
PRICES_SQL = _STATEMENTS["prices"]
STATEMENTS_SQL = _STATEMENTS["statements"]
ACTIONS_SQL = _STATEMENTS["actions"]
LISTED_STATES = frozenset(IncidentState) - {IncidentState.RETRACTED}
BEGINNING_MS = -(2**62)
"""Before every time of an incident (milliseconds since 1970)."""


class IncidentFilter(NamedTuple):
    """Which incidents are wanted; what is empty wants all."""

    states: frozenset[IncidentState] = LISTED_STATES
    kind: str = ""
    sku: str = ""
    channel: str = ""
    location: str = ""
    cause: str = ""
    fault: str = ""
    severities: frozenset[Severity] = frozenset()
    since_ms: int = BEGINNING_MS
    """Only those that began at this time (Unix milliseconds) or later."""


class IncidentPlace(NamedTuple):
    """Where an incident stands in the list. It never moves: its id is made of when it began."""

    since_ms: int
    incident_id: str


ALL_INCIDENTS = IncidentFilter()
FIRST = IncidentPlace(BEGINNING_MS, "")


def place_of_incident(incident: AnyIncident) -> IncidentPlace:
    """Where it stands in the list."""
    return IncidentPlace(to_ms(incident.since), incident.incident_id)


class IncidentReader:
    """Queries on incidents. `persons_of` maps nodes to the profiles of known persons."""

    def __init__(
        self,
        database: Database,
        rules: ConsistencyRules,
        persons_of: Callable[[str, Collection[NodeId]], dict[NodeId, NodeId]],
    ) -> None:
        self._database = database
        self._rules = rules
        self._persons_of = persons_of
        self._map = ProfileMap(database)

    def listed(
        self,
        realm: str,
        wanted: IncidentFilter = ALL_INCIDENTS,
        limit: int | None = None,
        after: IncidentPlace = FIRST,
    ) -> Iterator[IncidentView]:
        """At most `limit` incidents of a realm after a place, the oldest first."""
        parameters = self._parameters(realm, wanted)
        while limit is None or limit > 0:
            size = min(limit or INCIDENTS_PER_QUERY, INCIDENTS_PER_QUERY)
            place = {"after": after.since_ms, "after_id": after.incident_id, "limit": size}
            found = self._incidents(self._database.rows(LIST_SQL, {**parameters, **place}))
            yield from self._with_exposure(realm, found)
            if len(found) < size:
                return
            after = place_of_incident(found[-1])
            limit = limit and limit - size

    def counts(
        self, realm: str, by: Sequence[IncidentField], wanted: IncidentFilter, limit: int
    ) -> list[IncidentCount]:
        """At most `limit` numbers of incidents by the values of these fields, the worst first."""
        parameters = {**self._parameters(realm, wanted), "fields": list(by), "limit": limit}
        found: list[IncidentCount] = []
        adapter = self._rules.kinds.incident_adapter
        for values, *numbers, first, latest, worst in self._database.rows(COUNTS_SQL, parameters):
            incidents, subjects, places, *severities = numbers
            found.append(
                IncidentCount(
                    group={
                        name: _told(name, value) for name, value in zip(by, values, strict=True)
                    },
                    incidents=incidents,
                    subjects=subjects,
                    places=places,
                    severities=dict(zip(reversed(Severity), severities, strict=True)),
                    first_since=from_ms(first),
                    latest_since=from_ms(latest),
                    example=_example(adapter.validate_json(worst)),
                )
            )
        return found

    def _parameters(self, realm: str, wanted: IncidentFilter) -> dict[str, Any]:
        return {
            "realm": realm,
            "states": sorted(wanted.states),
            "kinds": [one for one in self._rules.kinds if wanted.kind in ("", one)],
            "channel": wanted.channel,
            "location": wanted.location,
            "cause": wanted.cause,
            "fault": wanted.fault,
            "severities": sorted(wanted.severities),
            "sku": wanted.sku,
            "since": wanted.since_ms,
        }

    def find(self, realm: str, prefix: str) -> Sequence[IncidentView]:
        """The incidents with that id or prefix of an id: none, one, or two if ambiguous."""
        return self._with_exposure(realm, self.bare(realm, prefix))

    def bare(self, realm: str, prefix: str) -> list[AnyIncident]:
        """The same, without exposure and audit trail."""
        parameters = {"realm": realm, "prefix": prefix, "kinds": list(self._rules.kinds)}
        return self._incidents(self._database.rows(SHOW_SQL, parameters))

    def bare_of_fault(self, realm: str, fault: str) -> Iterator[list[AnyIncident]]:
        """The incidents of a fault that are not over, the oldest first, some at a time."""
        over = {IncidentState.RESOLVED, IncidentState.RETRACTED}
        wanted = IncidentFilter(frozenset(IncidentState) - over, fault=fault)
        parameters, after = self._parameters(realm, wanted), FIRST
        while True:
            place = {"after": after.since_ms, "after_id": after.incident_id}
            page = {**parameters, **place, "limit": INCIDENTS_PER_QUERY}
            found = self._incidents(self._database.rows(LIST_SQL, page))
            if found:
                after = place_of_incident(found[-1])
                yield found
            if len(found) < INCIDENTS_PER_QUERY:
                return

    def affected(self, realm: str, incident: AnyIncident) -> list[AffectedItem]:
        """Who met the deviation of an incident, each line of an order for itself, the earliest
        first."""
        kind = self._rules.kinds[incident.kind]
        rules = self._rules.of_realm(realm).by_kind[incident.kind]
        book = self._rules.kinds.book_of(incident)
        met = kind.met(incident, self._observations(realm, {book})[book], rules)
        persons = self._persons_of(realm, {one.seen.node for one in met})
        counted = set(map(id, first_reports(one for one in met if one.cost is not None)))
        items = [
            _item(one, persons, _currency_of(incident), is_counted=id(one) in counted)
            for one in met
        ]
        return sorted(items, key=_item_order)

    def _with_exposure(self, realm: str, incidents: Sequence[AnyIncident]) -> list[IncidentView]:
        books = {self._rules.kinds.book_of(one) for one in incidents}
        met = self._observations(realm, books)
        nodes = {one.node for observations in met.values() for one in observations}
        persons = self._persons_of(realm, nodes)
        actions = self._actions(realm, [one.incident_id for one in incidents])
        views, by_kind = list[IncidentView](), self._rules.of_realm(realm).by_kind
        for one in incidents:
            kind, rules = self._rules.kinds[one.kind], by_kind[one.kind]
            observations = met[self._rules.kinds.book_of(one)]
            affected = kind.met(one, observations, rules)
            exposure = exposure_of(affected, persons, _currency_of(one))
            views.append(view_of(kind, one, exposure, actions[one.incident_id]))
        return views

    def _incidents(self, rows: Sequence[Sequence[Any]]) -> list[AnyIncident]:
        adapter = self._rules.kinds.incident_adapter
        return [adapter.validate_json(body) for (body,) in rows]

    def _actions(self, realm: str, ids: Sequence[str]) -> dict[str, list[IncidentAction]]:
        """The audit trails of incidents, the oldest entry first."""
        found: dict[str, list[IncidentAction]] = defaultdict(list)
        for row in self._database.rows(ACTIONS_SQL, {"realm": realm, "ids": ids}):
            action = action_of(row)
            found[action.incident_id].append(action)
        return found

    def _observations(self, realm: str, books: Collection[Book]) -> dict[Book, list[Observation]]:
        """The observations of these books, by book; none of orders that were cancelled."""
        found: dict[Book, list[Observation]] = defaultdict(list)
        prices = [one.subject for one in books if one.kind == PRICE_MISMATCH]
        seen: list[_Seen] = []
        if prices:
            skus = sorted({one.parts[1] for one in prices})
            subjects = [one.key for one in prices]
            parameters: dict[str, Any] = {"realm": realm, "skus": skus, "subjects": subjects}
            for cancelled_by, *row in self._database.rows(PRICES_SQL, parameters):
                seen.append(_Seen(_price_seen(realm, row), cancelled_by))
        for kind in sorted({one.kind for one in books} - {PRICE_MISMATCH}):
            owners = self._owners(realm, {one.subject for one in books if one.kind == kind})
            parameters = {"realm": realm, "kind": kind, "subjects": sorted(owners)}
            for cancelled_by, key, *columns in self._database.rows(STATEMENTS_SQL, parameters):
                one = _statement_seen(Book(realm, kind, owners[key]), columns)
                seen.append(_Seen(one, cancelled_by))
        orders = {(one.node, one.claim.event_id): by for one, by in seen if by}
        back = read_taken_back(self._database, realm, orders)
        for one, _ in seen:
            if not is_taken_back(one.claim, back, self._rules.kinds):
                found[one.claim.book].append(one)
        return found

    def _owners(self, realm: str, subjects: Collection[Subject]) -> dict[str, Subject]:
        """The subjects by the keys of their claims: those of a customer are kept under anchors."""
        owners = {one.key: one for one in subjects if one.type is not SubjectType.CUSTOMER}
        customers = [one.node for one in subjects if one.type is SubjectType.CUSTOMER]
        if customers:
            members = self._map.members_of(realm, customers)
            for node, profile in members.holder.items():
                owners[Subject.customer(node).key] = Subject.customer(profile)
        return owners


class _Seen(NamedTuple):
    """An observation, and what may have cancelled its order: issuer and number, joined."""

    observation: Observation
    cancelled_by: Sequence[str]


def _currency_of(incident: AnyIncident) -> str:
    """The currency of its money; empty if none is involved."""
    return getattr(incident.details, "currency", "")


def _item(
    met: Met, persons: Mapping[NodeId, NodeId], currency: str, *, is_counted: bool
) -> AffectedItem:
    seen, claim = met.seen, met.seen.claim
    profile = persons.get(seen.node)
    return AffectedItem(
        profile_id=None if profile is None else UUID(int=profile),
        occurred_at=claim.occurred_at,
        event_id=claim.event_id,
        basis=claim.basis,
        value=met.value,
        quantity=seen.quantity.normalize(),
        order_id=seen.order_id,
        order_issuer=seen.order_issuer,
        difference=written_money(met.cost, currency)
        if is_counted and met.cost is not None
        else None,
        currency=currency,
    )


def _item_order(item: AffectedItem) -> tuple[Any, ...]:
    return item.occurred_at, item.event_id, item.value, item.quantity


def _example(incident: AnyIncident) -> IncidentExample:
    subject = incident.about
    return IncidentExample(
        incident_id=incident.incident_id,
        kind=incident.kind,
        cause=incident.cause,
        subject="" if subject.type is SubjectType.CUSTOMER else " ".join(subject.parts),
        channel=incident.channel,
        location=incident.location,
        in_words=incident.details.in_words(),
    )


def _told(name: IncidentField, value: str) -> str:
    """A value of a group; a time in the one form of outputs."""
    return written(datetime.fromisoformat(value)) if name is IncidentField.SINCE else value


def _price_seen(realm: str, row: Sequence[Any]) -> Observation:
    market, sku, *columns, quantity, node, order_id, issuer = row
    claim = price_claim(Book(realm, PRICE_MISMATCH, Subject.product(market, sku)), columns)
    return Observation(claim, place_of(claim).label, quantity, node.int, order_id, issuer)


def _statement_seen(book: Book, row: Sequence[Any]) -> Observation:
    *columns, body, node, order_id = row
    claim = statement_claim(book, (*columns, body))
    quantity = quantity_of(body)
    return Observation(claim, place_of(claim).label, quantity, node.int, order_id)

"""What must hold: at each commit nothing is missing below it; in the end nothing is missing at all.

All is computed from the records that were sent, by the pure functions of the product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from schemas.claim import Book, Claim, Superseded
from schemas.edge import Edge, rank
from schemas.identifiers import NodeId
from schemas.incident import AnyIncident
from schemas.incident_action import IncidentAction
from schemas.instants import from_ms, to_ms
from schemas.records import (
    ActionRecord,
    AlertRecord,
    ClaimsRecord,
    CustomersRecord,
    DecisionRecord,
    EdgesRecord,
    IdentityRecordAdapter,
    OfferRecordAdapter,
    ProfileChangeRecord,
    ProfileStatus,
)
from services.consistency.adapters.memory import MemoryStore
from services.consistency.core.complete_lists import KnownLists
from services.consistency.core.customers import split_claims
from services.consistency.writer import ConsistencyWriter
from services.identity.core.model import merged
from services.identity.core.resolve import resolve
from services.ingest.core.outcome import Accepted
from services.stream.ports import Delivery, Partition
from services.stream.positions import MemoryPositions
from tests.customer_kind import WITH_CUSTOMERS, current_incidents, customer_books, map_of
from tests.simulation.broker import Broker
from tests.simulation.identity_rows import IdentityRows
from tests.simulation.price_lists import lists_of
from tests.simulation.scenario import REALMS, price_rules, process, rules
from tests.simulation.stores import UNSTORABLE, FactKey, FactRows

Place = tuple[str, int, int]
ADAPTER = WITH_CUSTOMERS.incident_adapter
K = TypeVar("K")
V = TypeVar("V")


class Violation(AssertionError):
    """An invariant does not hold."""


def demand(holds: bool, what: str) -> None:
    """Raise unless it holds."""
    if not holds:
        raise Violation(what)


class Ledger:
    """What the broker has taken in, and what is checked of it so far."""

    def __init__(
        self,
        broker: Broker,
        facts: FactRows,
        identity: IdentityRows,
        consistency: MemoryStore,
        positions: MemoryPositions,
    ) -> None:
        self.broker = broker
        self.facts = facts
        self.identity = identity
        self.consistency = consistency
        self.positions = positions
        self.edges: dict[tuple[str, NodeId, NodeId], Edge] = {}
        self.claims: set[Claim] = set()
        self.actions: dict[Book, set[IncidentAction]] = defaultdict(set)
        self.attributes: set[tuple[str, NodeId]] = set()
        self.consents: set[tuple[str, NodeId]] = set()
        self.dead: dict[Place, Delivery] = {}
        self.latest_ms: dict[str, int] = {}
        self._checked: dict[Partition, int] = {}
        broker.on_append = self._take_in

    def _take_in(self, delivery: Delivery) -> None:
        match delivery.topic:
            case "c360.edges":
                self._take_in_edges(delivery)
            case "c360.offers":
                self._take_in_offers(delivery)
            case "c360.rejected":
                headers = dict(delivery.headers)
                topic = headers["c360-source-topic"].decode()
                partition, offset = (headers[f"c360-source-{n}"] for n in ("partition", "offset"))
                self.dead[topic, int(partition), int(offset)] = delivery

    def _take_in_edges(self, delivery: Delivery) -> None:
        record = IdentityRecordAdapter.validate_json(delivery.value or b"")
        if isinstance(record, EdgesRecord):
            for edge in (one.edge() for one in record.edges):
                key = (record.realm, edge.a.id, edge.b.id)
                known = self.edges.get(key)
                if known is None or rank(edge) < rank(known):
                    self.edges[key] = edge
            self.attributes |= {(record.realm, node.int) for node in record.attributes}
            self.consents |= {(record.realm, node.int) for node in record.consents}

    def _take_in_offers(self, delivery: Delivery) -> None:
        record = OfferRecordAdapter.validate_json(delivery.value or b"")
        if isinstance(record, ClaimsRecord):
            self.claims |= {one for one in record.entries() if not isinstance(one, Superseded)}
            return
        if isinstance(record, ActionRecord):
            self.actions[record.book].add(record.entry)
            return
        if isinstance(record, CustomersRecord):
            return  # which profiles are judged again shows in the end
        seen_ms = [e.occurred_ms for e in self.facts.facts.values() if e.realm == record.realm]
        demand(
            to_ms(record.reached_at) <= max(seen_ms, default=0),
            f"the tick {record.reached_at} is later than every event of {record.realm}",
        )

    def before_commit(self, partition: Partition, offset: int) -> None:
        """Everything that follows from the records below an offset is durable and acknowledged."""
        for delivery in self.broker.records[partition][self._checked.get(partition, 0) : offset]:
            self._check_effects(delivery)
        self._checked[partition] = max(offset, self._checked.get(partition, 0))

    def _check_effects(self, delivery: Delivery) -> None:
        where = f"{delivery.topic}/{delivery.partition}@{delivery.offset}"
        event = outcome_of(delivery)
        if not isinstance(event, Accepted):
            letter = self.dead.get(place_of(delivery))
            demand(letter is not None, f"{where} is committed, without a dead letter")
            return
        fact = self.facts.latest(event)
        demand(
            fact is not None and fact.version >= event.version,
            f"{where} is committed, its fact is not stored",
        )
        for node, _ in event.values:
            demand((event.realm, node.id) in self.facts.values, f"{where}: no value of {node}")
        for edge in event.edges:
            sent = self.edges.get((event.realm, edge.a.id, edge.b.id))
            demand(
                sent is not None and rank(sent) <= rank(edge),
                f"{where} is committed, but nothing was sent that says as much as {edge}",
            )
        if fact is not None and fact.version > event.version:
            return  # the decision stages need not hear what does not count
        missing = set(event.claims) - self.claims
        demand(not missing, f"{where} is committed, claims were not sent: {missing}")
        spoken = (event.realm, event.node)
        demand(not event.has_attributes or spoken in self.attributes, f"{where}: attributes")
        demand(not event.has_consents or spoken in self.consents, f"{where}: consents")

    def before_ack(self, delivery: Delivery) -> None:
        """The effects of a derived record are stored before it is acknowledged."""
        position = self.positions.read([delivery.source]).get(delivery.source)
        demand(
            position is not None and position.last_offset >= delivery.offset,
            f"{delivery.source} is acknowledged up to {delivery.offset}, noted is {position}",
        )
        if delivery.topic != "c360.edges":
            return
        record = IdentityRecordAdapter.validate_json(delivery.value or b"")
        if isinstance(record, EdgesRecord):
            nodes = {node.id.int for one in record.edges for node in (one.a, one.b)}
            stored = self.identity.edges_of(record.realm, nodes)
            best = {(e.a.id, e.b.id): rank(e) for e in stored}
            for edge in (one.edge() for one in record.edges):
                found = best.get((edge.a.id, edge.b.id))
                demand(
                    found is not None and found <= rank(edge),
                    f"{delivery.source}@{delivery.offset} is acknowledged without {edge}",
                )


def place_of(delivery: Delivery) -> Place:
    """Where a record is."""
    return (*delivery.source, delivery.offset)


def outcome_of(delivery: Delivery) -> Accepted | None:
    """The event that is to be stored; None for a record that is refused."""
    outcome = process(delivery.value or b"", from_ms(delivery.timestamp_ms))
    if isinstance(outcome, Accepted) and not outcome.event_id.startswith(UNSTORABLE):
        return outcome
    return None


def check_end(ledger: Ledger, ticks: Mapping[str, datetime]) -> None:
    """Everything is there, once; and nothing else."""
    sent = [d for topic in ledger.broker.topics if topic[:4] == "touc" for d in
            ledger.broker.all_of(topic)]  # fmt: skip
    events = [one for one in map(outcome_of, sent) if one is not None]
    _check_facts(ledger, sent, events)
    _check_dead_letters(ledger, sent)
    for realm in REALMS:
        mine = [event for event in events if event.realm == realm]
        _check_map(ledger, realm, [edge for event in mine for edge in event.edges])
        _check_profile_changes(ledger, realm)
        counting = [event for key, event in facts_of(events).items() if key[0] == realm]
        claims = {claim for event in counting for claim in event.claims}
        _check_incidents(ledger, realm, claims, ticks.get(realm), lists_of(mine, counting))


def facts_of(events: Iterable[Accepted]) -> dict[FactKey, Accepted]:
    """One row per event, of the highest version, wherever the others were anchored."""
    latest: dict[tuple[str, str], Accepted] = {}
    for event in events:
        name = (event.realm, event.event_id)
        if name not in latest or event.version > latest[name].version:
            latest[name] = event
    return {(event.realm, event.node, event.event_id): event for event in latest.values()}


def audited(facts: FactRows) -> dict[FactKey, Accepted]:
    """The stored facts as `c360 store audit --fix` leaves them: a write that was given up and takes
    effect after a correction may bring a body back under its former anchor."""
    return facts_of(facts.facts.values())


def _check_facts(ledger: Ledger, sent: list[Delivery], events: list[Accepted]) -> None:
    expected, stored = facts_of(events), audited(ledger.facts)
    demand(
        expected.keys() == stored.keys(),
        f"facts missing: {expected.keys() - stored.keys()}, "
        f"facts too many: {stored.keys() - expected.keys()}",
    )
    for key, event in expected.items():
        demand(stored[key].version == event.version, f"{key} is stored in another version")
        demand(stored[key].values == event.values, f"{key} is stored with other values")
    kept = {event.row["payload"] for event in stored.values()}
    kept |= {body for _, _, body in ledger.facts.conflicts}
    revised = {(e.realm, e.event_id) for e in events if e.version >> 32}
    for delivery in sent:
        said = outcome_of(delivery)
        if said is not None and (said.realm, said.event_id) not in revised:
            bodies = {one.row["payload"] for one in events if one.version == said.version}
            demand(bool(kept & bodies), f"{said.event_id}: a body is nowhere")


def _check_dead_letters(ledger: Ledger, sent: list[Delivery]) -> None:
    refused = {place_of(one): one for one in sent if outcome_of(one) is None}
    demand(
        refused.keys() == ledger.dead.keys(),
        f"dead letters: {sorted(ledger.dead)}, refused records: {sorted(refused)}",
    )
    for place, delivery in refused.items():
        letter = ledger.dead[place]
        demand(letter.value == (delivery.value or b""), f"{place}: another value")
        demand(letter.headers[: len(delivery.headers)] == delivery.headers, f"{place}: headers")


def _check_map(ledger: Ledger, realm: str, edges: list[Edge]) -> None:
    records = (
        IdentityRecordAdapter.validate_json(one.value or b"")
        for one in ledger.broker.all_of("c360.edges")
    )
    decisions = [
        one.decision() for one in records if isinstance(one, DecisionRecord) and one.realm == realm
    ]
    store, expected = ledger.identity, resolve(edges, decisions, (), rules())
    stored = {(edge.a.id, edge.b.id): edge for edge in store.all_edges(realm)}
    demand_same(f"edges of {realm}", stored, dict(merged(edges)))
    placements = store.all_placements(realm)
    demand_same(f"map of {realm}", placements, dict(expected.placements))
    demand(
        tuple(store.all_refusals(realm)) == expected.refusals,
        f"refusals of {realm}: {store.all_refusals(realm)}, expected {expected.refusals}",
    )


def _check_profile_changes(ledger: Ledger, realm: str) -> None:
    """The latest record of each profile id equals its map row."""
    told: dict[NodeId, ProfileChangeRecord] = {}
    for delivery in ledger.broker.all_of("c360.profile-changes"):
        record = ProfileChangeRecord.model_validate_json(delivery.value or b"")
        known = told.get(record.profile_id.int)
        if record.realm == realm and (known is None or record.map_version >= known.map_version):
            told[record.profile_id.int] = record
    for node, placement in ledger.identity.all_placements(realm).items():
        demand(node in told, f"nobody was told of {node:x}")
        record = told[node]
        holder = record.merged_into.int if record.merged_into else node
        demand(
            (holder, record.kind) == (placement.profile, placement.kind)
            and (record.status is ProfileStatus.CURRENT) == (holder == node),
            f"of {node:x} the latest word is {record}, its row is {placement}",
        )


def _check_incidents(
    ledger: Ledger, realm: str, claims: set[Claim], tick: datetime | None, lists: KnownLists
) -> None:
    store = ledger.consistency
    map_of_realm = map_of(ledger.identity)
    alone = MemoryStore(map_of=map_of_realm)
    alone.lists = lists
    alone.write_claims(sorted(claims))
    writer = ConsistencyWriter(alone, price_rules(), realm=realm)
    others, _ = split_claims(claims)
    customers = customer_books(claims, map_of_realm(realm))
    actions = {book: list(mine) for book, mine in ledger.actions.items() if book.realm == realm}
    writer.apply(sorted(others), tick, actions, customers)
    writer.commit(1)
    demand_same(f"audit trails of {realm}", trails(store, actions), trails(alone, actions))
    demand_same(
        f"incidents of {realm}", current_incidents(store, realm), current_incidents(alone, realm)
    )
    _check_alerts(ledger, realm)


def trails(store: MemoryStore, books: Collection[Book]) -> dict[Book, set[IncidentAction]]:
    """What the store holds of people's actions in these books."""
    return {book: set(mine) for book, mine in store.actions_of(books).items()}


def _check_alerts(ledger: Ledger, realm: str) -> None:
    """Of the alerts of an incident the one with the highest row version is its stored form."""
    told: dict[str, AnyIncident] = {}
    versions: dict[str, int] = {}
    for delivery in ledger.broker.all_of("c360.alerts"):
        record = AlertRecord.model_validate_json(delivery.value or b"")
        key = record.incident_id
        if record.realm == realm and record.row_version >= versions.get(key, 0):
            plain = record.model_dump(mode="json", include=set(AnyIncident.model_fields))
            versions[key], told[key] = record.row_version, ADAPTER.validate_python(plain)
    store = ledger.consistency
    books = [book for book in store._incidents if book.realm == realm]
    stored = {one.incident_id: one for found in store.incidents_of(books).values() for one in found}
    demand_same(f"alerts of {realm}", told, stored)


def demand_same(what: str, found: Mapping[K, V], wanted: Mapping[K, V]) -> None:
    """Raise unless both hold the same; the first differences are told."""
    if found == wanted:
        return
    lines = [
        f"  {key}: {found.get(key)}, expected {wanted.get(key)}"
        for key in [*wanted, *(key for key in found if key not in wanted)]
        if found.get(key) != wanted.get(key)
    ]
    raise Violation("\n".join([f"{what} differ:", *lines[:5]]))

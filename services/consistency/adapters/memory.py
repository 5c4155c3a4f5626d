"""A consistency store in memory, for tests, try-outs and simulations.

Nothing survives the process; otherwise it keeps the contract of the ports. Claims are those written
with `write_claims` by any caller: when ingest keeps the facts, it writes them there first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from schemas.claim import Book, Claim
from schemas.identifiers import NodeId
from schemas.incident import AnyIncident
from schemas.incident_action import IncidentAction
from schemas.subject import Subject, SubjectType
from services.consistency.core.cancelled_orders import TakenBack, is_taken_back
from services.consistency.core.comparability import ComparableBooks
from services.consistency.core.complete_lists import ListFacts, NoLists, left_out
from services.consistency.kinds import KINDS
from services.consistency.ports import GatheredWrites
from services.stream.claim_records import OFFER_PARTITIONS, partition_of_book


def no_map(_realm: str) -> Mapping[NodeId, NodeId]:
    """The map of a world in which every anchor is a customer of its own."""
    return {}


def nothing_taken_back(_realm: str) -> Mapping[str, TakenBack]:
    """The world in which no order is cancelled."""
    return {}


class MemoryStore:
    """Implements `ConsistencyStore` and `WorkerStore`."""

    def __init__(
        self,
        partitions: int = OFFER_PARTITIONS,
        map_of: Callable[[str], Mapping[NodeId, NodeId]] = no_map,
    ) -> None:
        """`map_of` reads the profile map of a realm: the profile by node."""
        self._partitions = partitions
        self._map_of = map_of
        self._claims: dict[Book, dict[tuple[str, int], Claim]] = defaultdict(dict)
        self._versions: dict[tuple[str, str], int] = {}
        """Of the body that counts, by realm and event id."""
        self.taken_back: Callable[[str], Mapping[str, TakenBack]] = nothing_taken_back
        """What cancellations take back of the orders of a realm, by event id."""
        self.lists: ListFacts = NoLists()
        """What the facts say of price lists."""
        self._incidents: dict[Book, dict[str, tuple[int, AnyIncident]]] = defaultdict(dict)
        self._actions: dict[Book, dict[IncidentAction, None]] = defaultdict(dict)
        self._due: dict[Book, tuple[int, datetime | None]] = {}
        self._ticks: dict[tuple[str, int | None], datetime] = {}

    def claims_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[Claim]]:
        """See `ConsistencyStore.claims_of`."""
        customers = [book for book in books if book.subject.type is SubjectType.CUSTOMER]
        found: dict[Book, list[Claim]] = {book: self._of_customer(book) for book in customers}
        for book in set(books).difference(customers):
            if book in self._claims:
                claims = [one for one in self._claims[book].values() if self._counts(one)]
                found[book] = [*claims, *left_out(claims, self.lists)]
        return found

    def _of_customer(self, book: Book) -> list[Claim]:
        profile, by_node = book.subject.node, self._map_of(book.realm)
        members = {node for node, holder in by_node.items() if holder == profile}
        if by_node.get(profile, profile) == profile:
            members.add(profile)
        return [
            claim._replace(book=book)
            for node in sorted(members)
            for claim in self._claims.get(
                book._replace(subject=Subject.customer(node)), {}
            ).values()
            if self._counts(claim)
        ]

    def holders_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, NodeId]:
        """See `WorkerStore.holders_of`."""
        by_node = self._map_of(realm)
        return {node: by_node.get(node, node) for node in nodes}

    def claimed(self, realm: str, books: Collection[Book]) -> list[Book]:
        """See `WorkerStore.claimed`."""
        return [one for one in books if one.realm == realm and self._of_customer(one)]

    def _counts(self, claim: Claim) -> bool:
        realm = claim.book.realm
        if is_taken_back(claim, self.taken_back(realm), KINDS):
            return False
        return claim.version >= self.newest(realm, claim.event_id)

    def newest(self, realm: str, event_id: str) -> int:
        """The version of the body of an event that counts, as far as the facts said so."""
        return self._versions.get((realm, event_id), 0)

    def supersede(self, realm: str, event_id: str, version: int) -> None:
        """A body of an event is in the facts: claims of lower versions no longer are."""
        key = realm, event_id
        self._versions[key] = max(version, self._versions.get(key, 0))

    def books_of(self, realm: str, event_id: str) -> set[Book]:
        """The books that any body of an event touched."""
        return {
            book
            for book, claims in self._claims.items()
            if book.realm == realm and any(name == event_id for name, _ in claims)
        }

    def comparable_books(self, partitions: Collection[int] | None = None) -> ComparableBooks:
        """See `WorkerStore.comparable_books`."""
        found = ComparableBooks()
        for book, claims in self._claims.items():
            is_customer = book.subject.type is SubjectType.CUSTOMER
            if not is_customer and self._is_within(book, partitions):
                found.filter(list(claims.values()))
        return found

    def note(self, books: Iterable[Book]) -> None:
        """See `WorkerStore.note`. Here every book can be read."""

    def incidents_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[AnyIncident]]:
        """See `ConsistencyStore.incidents_of`."""
        known = self._incidents
        return {book: [one for _, one in known[book].values()] for book in books if book in known}

    def actions_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[IncidentAction]]:
        """See `ConsistencyStore.actions_of`."""
        return {book: list(self._actions[book]) for book in books if book in self._actions}

    def due_books(
        self, realm: str, now: datetime, partitions: Collection[int] | None = None
    ) -> list[Book]:
        """See `ConsistencyStore.due_books`."""
        return [
            book
            for book, (_, due) in self._due.items()
            if book.realm == realm
            and due is not None
            and due <= now
            and self._is_within(book, partitions)
        ]

    def _is_within(self, book: Book, partitions: Collection[int] | None) -> bool:
        return partitions is None or partition_of_book(book, self._partitions) in partitions

    def latest_tick(self, realm: str, partition: int | None = None) -> datetime | None:
        """See `ConsistencyStore.latest_tick`."""
        ticks = [
            tick
            for (name, number), tick in self._ticks.items()
            if name == realm and (number is None or partition is None or number == partition)
        ]
        return max(ticks, default=None)

    def write_claims(self, claims: Sequence[Claim]) -> None:
        """See `ConsistencyStore.write_claims`."""
        for claim in claims:
            kept = self._claims[claim.book]
            key = claim.event_id, claim.ordinal
            if key not in kept or kept[key].version < claim.version:
                kept[key] = claim

    def write_tick(self, realm: str, now: datetime, partition: int | None = None) -> None:
        """See `ConsistencyStore.write_tick`."""
        key = (realm, partition)
        self._ticks[key] = max(now, self._ticks.get(key, now))

    def write_incidents(self, incidents: Sequence[AnyIncident], version: int) -> None:
        """See `ConsistencyStore.write_incidents`."""
        for incident in incidents:
            kept = self._incidents[KINDS.book_of(incident)]
            known, _ = kept.get(incident.incident_id, (0, None))
            if version >= known:
                kept[incident.incident_id] = (version, incident)

    def write_actions(self, actions: Mapping[Book, Sequence[IncidentAction]], version: int) -> None:
        """See `ConsistencyStore.write_actions`."""
        for book, mine in actions.items():
            self._actions[book] |= dict.fromkeys(mine)

    def write_gathered(self, writes: GatheredWrites) -> None:
        """See `WorkerStore.write_gathered`."""
        for (realm, partition), now in writes.ticks.items():
            self.write_tick(realm, now, partition)
        for version, due in writes.due:
            self.write_due(due, version)
        for version, actions in writes.actions:
            self.write_actions(actions, version)
        for version, incidents in writes.incidents:
            self.write_incidents(incidents, version)

    def write_due(self, due: Mapping[Book, datetime | None], version: int) -> None:
        """See `ConsistencyStore.write_due`."""
        for book, at in due.items():
            known, _ = self._due.get(book, (0, None))
            if version >= known:
                self._due[book] = (version, at)

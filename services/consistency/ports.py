"""The store that consistency needs. Every write may be repeated without harm."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from schemas.claim import Book, Claim
    from schemas.identifiers import NodeId
    from schemas.incident import AnyIncident
    from schemas.incident_action import IncidentAction
    from services.consistency.core.comparability import ComparableBooks
    from services.consistency.core.complete_lists import IncompleteEdition


class ConsistencyReads(Protocol):
    """Claims, incidents, due times and ticks, kept for ever. All methods block."""

    def claims_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[Claim]]:
        """All claims of the books in any order; a book without claims may be missing.

        Claims of superseded versions may be among them. The book of a customer has the claims of
        all anchors that the profile map gives to that profile now, as claims of this book; that of
        a profile that was merged away has none.
        """
        ...

    def incidents_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[AnyIncident]]:
        """The latest written form of every incident of the books, retracted ones included."""
        ...

    def actions_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[IncidentAction]]:
        """The actions on incidents of the books, in any order; repetitions may remain."""
        ...

    def due_books(self, realm: str, now: datetime) -> Collection[Book]:
        """The books of the realm whose latest written due time is not later than `now`."""
        ...

    def latest_tick(self, realm: str) -> datetime | None:
        """The latest tick written for the realm."""
        ...


class ConsistencyStore(ConsistencyReads, Protocol):
    """What one writer needs.

    A write that returned is durable and visible to every later read. A failed write may have
    written any subset of its rows; the caller writes them again.
    """

    def write_claims(self, claims: Sequence[Claim]) -> None:
        """Keep claims; one of a higher version wins over (event id, ordinal) of lower ones."""
        ...

    def write_tick(self, realm: str, now: datetime) -> None:
        """Remember the latest tick of the realm; never earlier than one written before."""
        ...

    def write_incidents(self, incidents: Sequence[AnyIncident], version: int) -> None:
        """Keep incidents; per id the highest version wins, of equal versions the last write."""
        ...

    def write_actions(self, actions: Mapping[Book, Sequence[IncidentAction]], version: int) -> None:
        """Add to the audit trail; repeated entries change nothing. Nothing is removed."""
        ...

    def write_due(self, due: Mapping[Book, datetime | None], version: int) -> None:
        """Keep the time at which a book next changes by time alone, by version; None: never."""
        ...


@dataclass(slots=True)
class GatheredWrites:
    """What several writers write at once, each under the version of its partition."""

    ticks: dict[tuple[str, int], datetime] = field(default_factory=dict)
    """By realm and partition."""
    due: list[tuple[int, Mapping[Book, datetime | None]]] = field(default_factory=list)
    actions: list[tuple[int, Mapping[Book, Sequence[IncidentAction]]]] = field(default_factory=list)
    incidents: list[tuple[int, Sequence[AnyIncident]]] = field(default_factory=list)


class WorkerStore(ConsistencyReads, Protocol):
    """The store of workers that share the books by the partitions of `c360.offers`.

    A method with partitions as argument is limited to their books. Each partition has its own tick:
    it is judged up to the event time of its own records.
    """

    def comparable_books(self, partitions: Collection[int] | None = None) -> ComparableBooks:
        """Which books are comparable, from all claims stored by now; all of them are noted.

        Books of customers are not among them: each of them is judged.
        """
        ...

    def note(self, books: Iterable[Book]) -> None:
        """Claims of these books were delivered. `claims_of` may skip all others but customers'."""
        ...

    def holders_of(self, realm: str, nodes: Collection[NodeId]) -> Mapping[NodeId, NodeId]:
        """The profile that holds each node now: itself if the map has no row of it."""
        ...

    def claimed(self, realm: str, books: Collection[Book]) -> Collection[Book]:
        """Those of these customers' books of which the facts have claims; perhaps also some whose
        claims were all corrected or taken back."""
        ...

    def due_books(
        self, realm: str, now: datetime, partitions: Collection[int] | None = None
    ) -> Collection[Book]:
        """See ConsistencyReads."""
        ...

    def latest_tick(self, realm: str, partition: int | None = None) -> datetime | None:
        """The latest tick written for the partition, or else for any."""
        ...

    def write_gathered(self, writes: GatheredWrites) -> None:
        """What the writes of ConsistencyStore do, in this order and each in one statement: ticks,
        due times, actions, incidents. If it fails, any subset of the rows may be written, of a
        statement after those before it."""
        ...


class ErasurePauses(Protocol):
    """What a worker has to know of erasures. Methods block and raise the store's own errors."""

    def pausing(self) -> Collection[str]:
        """Erasures for which nobody may write an incident now."""
        ...

    def latest(self) -> Mapping[str, int]:
        """The latest time (Unix ms) up to which somebody was erased, by realm."""
        ...

    def erased(self, realm: str, nodes: Collection[NodeId]) -> Mapping[NodeId, bool]:
        """Those of these nodes that were erased, and whether each is the anchor of an event that is
        stored: of a new one, then."""
        ...


class BooksChunk(NamedTuple):
    """Some books with everything that their incidents follow from."""

    books: Sequence[Book]
    claims: Mapping[Book, Sequence[Claim]]
    actions: Mapping[Book, Sequence[IncidentAction]]


class BookSource(Protocol):
    """Reads the books of a store, whoever judges them meanwhile. Methods block."""

    def latest_tick(self, realm: str) -> datetime | None:
        """The latest tick written for the realm."""
        ...

    def chunks(self, realm: str, kinds: Collection[str]) -> Iterator[BooksChunk]:
        """Every book of these kinds that is judged, once, in chunks of a bounded number of books.

        Those of customers follow the profile map as it is when they are read.
        """
        ...

    def incomplete_editions(self, realm: str) -> Sequence[IncompleteEdition]:
        """The editions of price lists of which fewer offers came than their completion says."""
        ...

    def linked_claims(self, realm: str, sku: str = "") -> Iterator[Mapping[Book, Sequence[Claim]]]:
        """The claims of the price books of GTINs that have both guests and claims of their own, in
        chunks of a bounded number of books; with a `sku` of those that it is a guest in."""
        ...

    def price_claims(self, realm: str, sku: str = "") -> Iterator[Mapping[Book, Sequence[Claim]]]:
        """The claims of every price book, of one article or of all, in chunks of a bounded number
        of articles; all markets of one are in the same chunk.

        Of an article that is in no book that is judged there is only the latest claim of each
        channel, place, basis and terms.
        """
        ...

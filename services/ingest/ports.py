"""What the ingest stage needs from a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from schemas.api.rejected import (
    RejectedCounts,
    RejectedItem,
    ShownRejectedItem,
    ShownRejectedLetter,
)
from schemas.identifiers import NodeId

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from schemas.claim import Book
    from schemas.price_list import Completion, EditionOffer, ListEdition, PriceList, Received
    from services.ingest.core.outcome import Accepted, Intake, Reject

AnyRejected = RejectedItem | ShownRejectedItem | ShownRejectedLetter
"""A rejected event, with or without its content."""


class Known(NamedTuple):
    """What the store holds under an event id."""

    node: NodeId
    version: int
    batch: int


FactKey = tuple[str, NodeId, str]
"""Realm, anchor and event id of a fact."""


OrderName = tuple[str, str, str]
"""Realm, issuer and number of an order."""


class Cancellation(NamedTuple):
    """An event that takes an order back."""

    key: FactKey
    order: OrderName
    """What it takes back; of a receipt that it undoes without a number, what that contains."""
    by: OrderName
    """How it stands in the store itself."""


class UndoneReceipt(NamedTuple):
    """What a receipt looks like that another one undoes."""

    realm: str
    store: str
    value: Decimal
    skus: tuple[str, ...]
    since_ms: int
    until_ms: int


class SoldClaims(NamedTuple):
    """A report of an order, and the books that it touches by what it says was sold."""

    key: FactKey
    version: int
    books: frozenset[Book]


class RejectedLine(NamedTuple):
    """A rejected line as it is kept: `raw` is the line, truncated if it was too large."""

    reject: Reject
    raw: bytes
    raw_bytes: int
    received_at: datetime
    is_public: bool
    """Sent with a public write key."""


class RejectedPage(NamedTuple):
    """A page of rejected events."""

    rows: list[RejectedItem]
    following: list[Any] | None
    """The place of the next page, for `RejectedSource.page` alone; None: the end."""


class RejectedSource(Protocol):
    """Reads rejected events that a realm may see, wherever they are kept: bounded in time and
    memory. Methods block and raise Retry or Fatal."""

    def page(self, realm: str, reason: str, limit: int, after: list[Any] | None) -> RejectedPage:
        """At most `limit` events of a reason (empty: any) after a place, the latest first. There
        may be fewer, even none, and more on the next page. One that is rejected again moves to the
        front."""
        ...

    def one(self, realm: str, reject_id: str, *, with_raw: bool) -> AnyRejected:
        """One event, whole or without its content. Raises NotFound."""
        ...

    def counts(self, realm: str) -> RejectedCounts:
        """How many there are, by reason."""
        ...


class StoredEvent(NamedTuple):
    """A stored payload with its time of receipt and its route of intake."""

    payload: bytes
    received_at: datetime
    intake: Intake


class FactStore(Protocol):
    """Every write is durable when it returns and idempotent: writing again changes nothing.

    All methods block. They raise Retry for a transient fault and Fatal (or StoreUnavailable) when
    retrying cannot help.
    """

    def known(self, events: Sequence[Accepted]) -> dict[tuple[str, str], list[Known]]:
        """What is stored under the (realm, event id) of these events, under any anchor."""
        ...

    def write_facts(self, events: Sequence[Accepted], batch: int) -> list[Accepted]:
        """One insert of all rows; the projecting views follow within it.

        Returns the events that the store refuses on every attempt. They are found by bisection,
        and the others are written.
        """
        ...

    def former_books(self, keys: Collection[FactKey]) -> Mapping[tuple[str, str], set[Book]]:
        """The books that any body of these events touched, as far as facts or
        `write_former_books` know them, by realm and event id."""
        ...

    def write_former_books(self, books: Mapping[FactKey, Collection[Book]]) -> None:
        """Remember books that bodies of events touched; replaced facts may be forgotten."""
        ...

    def write_cancellations(self, cancellations: Collection[Cancellation]) -> None:
        """Remember who cancels which orders."""
        ...

    def cancellations(
        self, orders: Collection[OrderName], events: Collection[tuple[str, str]]
    ) -> list[Cancellation]:
        """What is remembered of these orders, and of what any body of these events (realm and id)
        cancelled."""
        ...

    def orders_named(self, orders: Collection[OrderName]) -> list[tuple[FactKey, OrderName]]:
        """The stored reports that place these orders, or did in a former body."""
        ...

    def receipts_like(
        self, receipts: Collection[UndoneReceipt]
    ) -> list[tuple[FactKey, UndoneReceipt]]:
        """The stored receipts that others may undo, each with what it looks like: that its articles
        are the same as well is for who reads it to find out."""
        ...

    def sold(self, events: Collection[FactKey], kinds: Collection[str]) -> list[SoldClaims]:
        """The claims that these stored events make of these kinds."""
        ...

    def noted_as_cancelled(self, by: Collection[OrderName]) -> list[FactKey]:
        """The events of which `write_cancelled_claims` noted claims as cancelled by these."""
        ...

    def write_cancelled_claims(
        self, sold: Collection[SoldClaims], by: Mapping[FactKey, Collection[OrderName]]
    ) -> None:
        """Remember whose claims may be taken back, and by which report."""
        ...

    def write_edition_offers(self, offers: Collection[EditionOffer]) -> None:
        """Remember which events name which edition of a price list; nothing is ever replaced."""
        ...

    def write_completions(self, completions: Collection[Completion]) -> None:
        """Remember who says that an edition is complete."""
        ...

    def completions(
        self, lists: Collection[PriceList], events: Collection[tuple[str, str]] = ()
    ) -> list[Completion]:
        """What is said of editions of these lists, of each event its newest body; with it, what any
        body of these events (realm and id) said."""
        ...

    def completed_lists(self, realm: str) -> list[PriceList]:
        """The lists of which somebody said that an edition is complete."""
        ...

    def received(self, edition: ListEdition) -> Received | None:
        """How many events named this edition, in any body, and since when."""
        ...

    def left_out(
        self, edition: ListEdition, since: datetime | None, before: datetime
    ) -> list[tuple[str, str]]:
        """Market and article of the products that this edition does not name at some place and on
        some terms, where other editions of its list do that were published from `since` on and
        before `before`; perhaps a few others, of events that were corrected."""
        ...

    def remove_facts(self, keys: Collection[FactKey]) -> None:
        """Remove facts with all their projections; a missing one is no error."""
        ...

    def write_conflicts(self, events: Sequence[Accepted], received_at: datetime) -> None:
        """Keep both bodies of each event id that arrived with a second body."""
        ...

    def forget_values(self) -> None:
        """Values of people were removed: write those that come from now on, known or not."""
        ...

    def write_values(self, events: Sequence[Accepted], batch: int) -> None:
        """The value behind each node id."""
        ...

    def write_rejected(self, lines: Sequence[RejectedLine]) -> None:
        """Keep rejected lines with their reasons."""
        ...

    def erasures(self) -> dict[tuple[str, NodeId], int]:
        """The ledger: (realm, node) → time of erasure in ms; while one is under way without end."""
        ...

    def erasure_steps(self) -> int:
        """A number that grows with each step of an erasure, and of a removal of expired events.
        Cheap."""
        ...

    def suppressed(self) -> frozenset[tuple[str, NodeId]]:
        """Realm and node of everybody who must not be processed."""
        ...

    def cutoffs(self) -> dict[tuple[str, str], int]:
        """The ledger of retention: (realm, type) → since when events are kept, in ms."""
        ...

    def is_expiring(self) -> bool:
        """Whether older ones are being removed."""
        ...

    def last_batch(self) -> int:
        """The highest batch number in any row."""
        ...

    def checkpoint(self) -> int:
        """The batch up to which everything is completely processed."""
        ...

    def write_checkpoint(self, batch: int, written_at: datetime) -> None:
        """Record that everything up to this batch is completely processed."""
        ...

    def in_doubt(self, after_batch: int) -> Iterator[StoredEvent]:
        """Stored events of later batches: their edges, map rows and incidents may be missing.

        In the order of the batches. An event that was written again may occur again.
        """
        ...

"""What complete editions of price lists withdraw: what earlier editions named and they do not.

A claim that says so belongs to the book of a product, follows from its other claims and from who
completed which edition, and is stored nowhere: whoever reads the claims of a book adds it here.

Pure but for what it asks `ListFacts`; equal facts give equal claims.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from schemas.claim import Book, Claim, PriceClaim
from schemas.offer import PUBLISHED, PriceListCompleted, SaleKind
from schemas.price_list import Completion, EditionOffer, ListEdition, PriceList, Received
from schemas.subject import SEPARATOR
from services.consistency.core.offers import bounded

NO_PRICE = Decimal(0)


class LeftOut(PriceClaim):
    """A complete edition of a list does not name a product at a place and on terms.

    It holds for no time itself. `valid_from` is from when on the product is withdrawn, and
    `valid_to`, which is never later, ends the publication of what is withdrawn: only what was
    published before.
    """

    __slots__ = ()


class ListFacts(Protocol):
    """What the facts say of price lists as wholes. Methods block."""

    def completions(self, lists: Collection[PriceList]) -> Sequence[Completion]:
        """What is said of editions of these lists: of each event, its newest body."""
        ...

    def received(self, edition: ListEdition) -> Received | None:
        """What has come of an edition; None for nothing."""
        ...


class NoLists:
    """Implements `ListFacts` where nothing is ever complete."""

    def completions(self, lists: Collection[PriceList]) -> Sequence[Completion]:
        """See the protocol."""
        return ()

    def received(self, edition: ListEdition) -> Received | None:
        """See the protocol."""
        return None


class KnownLists:
    """Implements `ListFacts` where everything is at hand."""

    def __init__(self, completions: Iterable[Completion], offers: Iterable[EditionOffer]) -> None:
        """`completions` are those of the newest bodies, `offers` those of all bodies."""
        self._completions = list(completions)
        self._events: dict[ListEdition, set[str]] = defaultdict(set)
        self._first_at: dict[ListEdition, datetime] = {}
        for one in offers:
            self._events[one.edition].add(one.event_id)
            first_at = self._first_at.get(one.edition, one.occurred_at)
            self._first_at[one.edition] = min(first_at, one.occurred_at)

    def completions(self, lists: Collection[PriceList]) -> Sequence[Completion]:
        """See the protocol."""
        return [one for one in self._completions if one.edition.price_list in lists]

    def received(self, edition: ListEdition) -> Received | None:
        """See the protocol."""
        if edition not in self._events:
            return None
        return Received(len(self._events[edition]), self._first_at[edition])


class _Withdrawal(NamedTuple):
    by: Completion
    before: datetime
    """It ends what was published before."""


def edition_of(claim: Claim) -> ListEdition | None:
    """The edition of a price list that a claim names, if it is a published price."""
    if not isinstance(claim, PriceClaim) or claim.basis is not PUBLISHED:
        return None
    if not (claim.price_list_id and claim.price_list_edition) or isinstance(claim, LeftOut):
        return None
    return ListEdition(
        claim.book.realm, claim.channel, claim.price_list_id, claim.price_list_edition
    )


def completion_of(
    body: PriceListCompleted,
    by: tuple[str, str],
    event: tuple[str, int],
    version: int,
    at: datetime,
) -> Completion:
    """What an event says of an edition; `by` is its realm and channel, `event` its id and hash."""
    edition = ListEdition(*by, body.price_list_id, body.price_list_edition)
    return Completion(edition, at, *event, version, body.offers, bounded(body.valid_from))


def edition_offers(claims: Iterable[Claim]) -> Iterator[EditionOffer]:
    """What these claims name of editions."""
    for claim in claims:
        edition = edition_of(claim)
        if edition is not None and isinstance(claim, PriceClaim):
            market, sku = claim.book.subject.parts
            at = claim.occurred_at
            yield EditionOffer(edition, claim.event_id, market, sku, said_on(claim), at)


def said_on(claim: PriceClaim) -> str:
    """Place and terms of a claim, as text. A promotion is on the same terms as a regular price."""
    return SEPARATOR.join(
        (
            claim.location,
            claim.zone,
            claim.currency,
            claim.tax_mode,
            claim.unit,
            "" if claim.pack_content is None else str(claim.pack_content),
            claim.pack_unit,
            claim.variant,
            claim.condition,
            claim.seller,
            claim.customer_group,
            claim.with_sku,
            _sale_of(claim),
        )
    )


def _sale_of(claim: PriceClaim) -> SaleKind:
    return SaleKind.REGULAR if claim.sale_kind is SaleKind.PROMOTION else claim.sale_kind


def counting(completions: Iterable[Completion]) -> list[Completion]:
    """One for each edition, in the order of time: of several, the first of those that name most
    offers."""
    found: dict[ListEdition, Completion] = {}
    for one in completions:
        other = found.get(one.edition)
        if other is None or _order(one) < _order(other):
            found[one.edition] = one
    return sorted(found.values(), key=lambda one: (one.occurred_at, one.event_id))


def _order(one: Completion) -> tuple[int, datetime, str]:
    return -one.offers, one.occurred_at, one.event_id


def left_out(claims: Iterable[Claim], facts: ListFacts) -> list[LeftOut]:
    """What complete editions withdraw in the books of these claims, which must be there wholly.

    Raises as the facts do.
    """
    by_list: dict[PriceList, dict[Book, list[PriceClaim]]] = defaultdict(lambda: defaultdict(list))
    for claim in claims:
        edition = edition_of(claim)
        if edition is not None and isinstance(claim, PriceClaim):
            by_list[edition.price_list][claim.book].append(claim)
    completed: dict[PriceList, list[Completion]] = defaultdict(list)
    for one in facts.completions(by_list.keys()) if by_list else ():
        completed[one.edition.price_list].append(one)
    return [
        claim
        for name, mine in completed.items()
        for said in by_list[name].values()
        for claim in _of_book(_newest(said), counting(mine), facts.received)
    ]


def _newest(claims: Sequence[PriceClaim]) -> list[PriceClaim]:
    """Of each event the claims of its newest body."""
    newest: dict[str, int] = {}
    for one in claims:
        newest[one.event_id] = max(one.version, newest.get(one.event_id, 0))
    return [one for one in claims if one.version == newest[one.event_id]]


def _of_book(
    claims: Iterable[PriceClaim],
    completed: Sequence[Completion],
    received: Callable[[ListEdition], Received | None],
) -> Iterator[LeftOut]:
    """What these editions of one list withdraw in one book."""
    by_terms: dict[str, list[PriceClaim]] = defaultdict(list)
    for claim in claims:
        by_terms[said_on(claim)].append(claim)
    for number, key in enumerate(sorted(by_terms)):
        said = by_terms[key]
        for one in _withdrawals(said, completed, received):
            yield _claim(min(said), one, number)


def _withdrawals(
    said: Sequence[PriceClaim],
    completed: Sequence[Completion],
    received: Callable[[ListEdition], Received | None],
) -> Iterator[_Withdrawal]:
    """The editions that withdraw what the list said of a product at one place and on one set of
    terms. Those that find nothing left to withdraw need no counting, and most find nothing."""
    named = {one.price_list_edition for one in said}
    left = sorted(one.occurred_at for one in said)
    for one in completed:
        if one.edition.edition in named or not left or left[0] >= one.occurred_at:
            continue
        count = received(one.edition)
        if count is None or not count.completes(one):
            continue
        before = min(count.first_at, one.occurred_at)
        if left[0] < before:
            yield _Withdrawal(one, before)
            if one.is_immediate:
                left = [at for at in left if at >= before]


def _claim(said: PriceClaim, one: _Withdrawal, number: int) -> LeftOut:
    completion = one.by
    return LeftOut._make(said)._replace(
        occurred_at=completion.occurred_at,
        event_id=completion.event_id,
        ordinal=number,
        version=completion.version,
        price=NO_PRICE,
        sale_kind=_sale_of(said),
        promotion="",
        price_list_edition=completion.edition.edition,
        valid_from=max(completion.valid_from or completion.occurred_at, completion.occurred_at),
        valid_to=one.before,
    )


class IncompleteEdition(NamedTuple):
    """An edition of which fewer offers came than its completion says, so it withdraws nothing."""

    said: Completion
    received: int


def incomplete_editions(
    completions: Iterable[Completion], facts: ListFacts
) -> list[IncompleteEdition]:
    """The editions of each list that are not complete, back to the last one that is, in the order
    of the lists, the latest first. Raises as the facts do."""
    by_list: dict[PriceList, list[Completion]] = defaultdict(list)
    for one in completions:
        by_list[one.edition.price_list].append(one)
    found: list[IncompleteEdition] = []
    for _, mine in sorted(by_list.items()):
        for one in reversed(counting(mine)):
            count = facts.received(one.edition)
            if count is not None and count.completes(one):
                break
            found.append(IncompleteEdition(one, count.offers if count else 0))
    return found

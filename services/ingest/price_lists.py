"""Price lists as wholes: finds the books of the products that a complete edition leaves out.

A completion names a list and no products. Here it is only noted which offers name which edition and
who completed it, and found whose books are judged again. What is withdrawn follows from the facts
whenever claims are read (services/consistency/core/complete_lists.py).

Each side is written before it looks for the other: of the offers of an edition and its completion
that several workers store at the same time, whoever comes last finds the edition complete.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from schemas.claim import PRICE_MISMATCH, Book, Claim, Superseded
from schemas.instants import from_ms
from schemas.offer import Basis, PriceListCompleted
from schemas.price_list import Completion, EditionOffer, ListEdition, PriceList
from schemas.subject import Subject
from services.consistency.core.complete_lists import (
    completion_of,
    counting,
    edition_of,
    edition_offers,
)
from services.ingest.core.decode import decode
from services.ingest.core.outcome import Accepted, Intake, Reject
from services.ingest.ports import FactStore

COMPLETED = "price_list.completed"
Name = tuple[str, str]
"""Realm and event id."""
REMEMBERED_EDITIONS = 1_000


class _Told(NamedTuple):
    """That an edition is complete, and what it leaves out, was told by a batch of this process."""

    said: Completion
    first_at: datetime
    by: frozenset[str]
    """Events of that batch: if one of them comes again, perhaps nobody heard of it."""


class PriceLists:
    """Notes editions and completions. Not safe for concurrent use."""

    def __init__(self, store: FactStore) -> None:
        self._store = store
        self._told: dict[ListEdition, _Told] = {}

    def note(
        self,
        fresh: Collection[Accepted],
        outvoted: Collection[Accepted],
        corrected: Collection[Name],
    ) -> list[Superseded]:
        """Note what stored events say of editions; returns the books to be judged again.

        `fresh` are all bodies of the batch as they came, `outvoted` those of them that do not
        count, and `corrected` realm and id of events of which several bodies may exist. Raises as
        the store does; may be repeated.
        """
        claims = [claim for event in fresh for claim in event.claims]
        offers = list(edition_offers(one for one in claims if one.basis is Basis.PUBLISHED))
        said = [one for event in fresh for one in completions_of(event)]
        if offers:
            self._store.write_edition_offers(offers)
        former = self._store.completions((), corrected) if corrected else []
        if said:
            self._store.write_completions(said)
        # Of a completion that was corrected, only the newest body is among the known ones.
        lists = {one.price_list for one in _editions(offers, said, former)}
        if not (lists or corrected):
            return []
        without = {(one.realm, one.event_id, one.version) for one in outvoted}
        counted = [one for one in fresh if (one.realm, one.event_id, one.version) not in without]
        known = self._store.completions(lists) if lists else []
        completed: dict[PriceList, list[Completion]] = defaultdict(list)
        for one in known:
            completed[one.edition.price_list].append(one)
        events = frozenset(one.event_id for one in fresh)
        return [
            *self._corrected_books(counted, corrected),
            *(_own_books(counted, completed) if completed else ()),
            *(
                one
                for name in sorted(completed.keys() & lists)
                for one in self._left_out(
                    counting(completed[name]),
                    [one for one in (*said, *former) if one.edition.price_list == name],
                    [one for one in offers if one.edition.price_list == name],
                    events,
                )
            ),
        ]

    def _corrected_books(
        self, events: Iterable[Accepted], corrected: Collection[Name]
    ) -> Iterator[Superseded]:
        """A book that heard another body of an offer may have withdrawn something because of it."""
        again = [one for one in events if (one.realm, one.event_id) in corrected]
        priced = [(event, claim) for event in again for claim in event.claims if _is_price(claim)]
        for realm in sorted({event.realm for event, _ in priced}):
            channels = {one.channel for one in self._store.completed_lists(realm)}
            for event, claim in priced:
                if event.realm == realm and event.channel in channels:
                    yield Superseded(claim.book, event.event_id, event.version)

    def _left_out(
        self,
        completed: Sequence[Completion],
        changed: Sequence[Completion],
        offers: Sequence[EditionOffer],
        events: frozenset[str],
    ) -> Iterator[Superseded]:
        """The books of what editions of one list leave out: of those that `changed`, in whatever
        body, and of those that these offers may have completed."""
        latest = {one.edition: one for one in completed}
        bodies: dict[ListEdition, list[Completion]] = defaultdict(list)
        for one in changed:
            bodies[one.edition].append(one)
        begins: dict[ListEdition, datetime] = {}
        for offer in offers:
            at = begins.get(offer.edition, offer.occurred_at)
            begins[offer.edition] = min(at, offer.occurred_at)
        for edition in sorted({*bodies, *begins}):
            now, mine = latest.get(edition), bodies.get(edition, [])
            said = [one for one in (now, *mine) if one is not None]
            begin = begins.get(edition)
            if not said or (not mine and begin and self._is_told(now, begin, events)):
                continue
            count = self._store.received(edition)
            # What was complete under an earlier body of its completion may be so no more.
            if count is None or not any(count.completes(one) for one in said):
                continue
            since = self._settled(completed, edition, min(one.occurred_at for one in said))
            left = self._store.left_out(edition, since, count.first_at)
            for market, sku in left:
                book = Book(edition.realm, PRICE_MISMATCH, Subject.product(market, sku))
                yield Superseded(book, said[0].event_id, said[0].version)
            if now is not None and count.completes(now):
                self._remember(_Told(now, count.first_at, events))

    def _settled(
        self, completed: Sequence[Completion], edition: ListEdition, at: datetime
    ) -> datetime | None:
        """Before this, nothing of the list is left but what the last complete edition before named:
        so the products that a list once had are not looked at every night."""
        for one in reversed(completed):
            if one.edition != edition and one.occurred_at < at and one.is_immediate:
                count = self._store.received(one.edition)
                if count is not None and count.completes(one):
                    return min(count.first_at, one.occurred_at)
        return None

    def _is_told(self, now: Completion | None, begin: datetime, events: frozenset[str]) -> bool:
        """Whether an earlier batch told what this edition leaves out, and this one changes nothing:
        offers that come to a complete edition are judged by themselves."""
        told = self._told.get(now.edition) if now is not None else None
        if told is None or told.said != now or not told.by.isdisjoint(events):
            return False
        return told.first_at <= begin

    def _remember(self, told: _Told) -> None:
        if len(self._told) >= REMEMBERED_EDITIONS:
            self._told.clear()
        self._told[told.said.edition] = told


def _editions(
    offers: Iterable[EditionOffer], *completions: Iterable[Completion]
) -> set[ListEdition]:
    """Every edition of which something is said."""
    return {one.edition for one in offers}.union(
        one.edition for said in completions for one in said
    )


def completions_of(event: Accepted) -> Iterator[Completion]:
    """What the event completes, if it does."""
    row = event.row
    if row["type"] != COMPLETED or row["synthetic"] or event.intake is Intake.PUBLIC:
        return
    decoded = decode(row["payload"])
    body = None if isinstance(decoded, Reject) else decoded[0].body
    if isinstance(body, PriceListCompleted):
        yield completion_of(
            body,
            (event.realm, event.channel),
            (event.event_id, event.event_hash),
            event.version,
            from_ms(event.occurred_ms),
        )


def _is_price(claim: Claim) -> bool:
    return claim.book.kind == PRICE_MISMATCH and claim.basis is Basis.PUBLISHED


def _own_books(
    events: Iterable[Accepted], completed: Mapping[PriceList, Sequence[Completion]]
) -> Iterator[Superseded]:
    """The books of offers of editions that are complete already, and of offers that were published
    before some edition was: what their products were withdrawn by may be another edition now."""
    for event in events:
        for claim in event.claims:
            edition = edition_of(claim)
            mine = completed.get(edition.price_list, ()) if edition is not None else ()
            if any(one.edition == edition or claim.occurred_at < one.occurred_at for one in mine):
                yield Superseded(claim.book, event.event_id, event.version)

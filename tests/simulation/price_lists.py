"""The tables of price lists in memory: who names which edition, and who completed which."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from schemas.price_list import Completion, EditionOffer, ListEdition, PriceList, Received
from services.consistency.core.complete_lists import KnownLists, edition_offers
from services.ingest.core.outcome import Accepted
from services.ingest.price_lists import completions_of
from tests.simulation.process import Process

if TYPE_CHECKING:
    from tests.simulation.stores import FactRows

Row = TypeVar("Row")
Answer = TypeVar("Answer")


class PriceListRows:
    """What ingest notes of price lists; rows are never replaced."""

    def __init__(self, newest: Callable[[str, str], int]) -> None:
        """`newest` is the version of the body of an event (realm and id) that counts."""
        self._newest = newest
        self.offers: set[EditionOffer] = set()
        self.completions_noted: set[Completion] = set()

    def put_offers(self, offers: Iterable[EditionOffer]) -> None:
        """Note who names which edition."""
        self.offers.update(offers)

    def put_completions(self, completions: Iterable[Completion]) -> None:
        """Note who completed which edition."""
        self.completions_noted.update(completions)

    def completions(
        self, lists: Collection[PriceList], events: Collection[tuple[str, str]] = ()
    ) -> list[Completion]:
        """Of each event its newest body, and all bodies of these events."""
        return [
            one
            for one in sorted(self.completions_noted, key=lambda one: (one.edition, one.version))
            if (name := (one.edition.realm, one.event_id)) in events
            or (one.edition.price_list in lists and one.version == self._newest(*name))
        ]

    def lists(self, realm: str) -> list[PriceList]:
        """The lists of which some edition was completed."""
        lists = {one.edition.price_list for one in self.completions_noted}
        return sorted(one for one in lists if one.realm == realm)

    def received(self, edition: ListEdition) -> Received | None:
        """How many events named an edition."""
        mine = [one for one in self.offers if one.edition == edition]
        return KnownLists((), mine).received(edition)

    def left_out(
        self, edition: ListEdition, since: datetime | None, before: datetime
    ) -> list[tuple[str, str]]:
        """Every product that another edition of that time names: more than have to be found."""
        return sorted(
            {
                (one.market, one.sku)
                for one in self.offers
                if one.edition.price_list == edition.price_list
                and one.edition != edition
                and (since is None or since <= one.occurred_at)
                and one.occurred_at < before
            }
        )


def lists_of(events: Iterable[Accepted], counting: Iterable[Accepted]) -> KnownLists:
    """The price lists of all bodies of some events, and of those bodies that count."""
    completions = [one for event in counting for one in completions_of(event)]
    return KnownLists(completions, edition_offers(one for e in events for one in e.claims))


class PriceListFacts:
    """The part of `services.ingest.ports.FactStore` that is about price lists."""

    def __init__(self, rows: FactRows, process: Process | None) -> None:
        """Without a process nothing ever fails."""
        self._rows = rows
        self._process = process

    def write_edition_offers(self, offers: Collection[EditionOffer]) -> None:
        """See the port."""
        self._note("edition offers", list(offers), self._rows.lists.put_offers)

    def write_completions(self, completions: Collection[Completion]) -> None:
        """See the port."""
        self._note("completions", list(completions), self._rows.lists.put_completions)

    def completions(
        self, lists: Collection[PriceList], events: Collection[tuple[str, str]] = ()
    ) -> list[Completion]:
        """See the port."""
        return self._ask("completions", lambda: self._rows.lists.completions(lists, events))

    def completed_lists(self, realm: str) -> list[PriceList]:
        """See the port."""
        return self._ask("completed lists", lambda: self._rows.lists.lists(realm))

    def received(self, edition: ListEdition) -> Received | None:
        """See the port."""
        return self._ask("received", lambda: self._rows.lists.received(edition))

    def left_out(
        self, edition: ListEdition, since: datetime | None, before: datetime
    ) -> list[tuple[str, str]]:
        """See the port."""
        return self._ask("left out", lambda: self._rows.lists.left_out(edition, since, before))

    def _note(self, what: str, rows: list[Row], put: Callable[[Sequence[Row]], None]) -> None:
        if self._process is None:
            put(rows)
        else:
            self._process.write(what, rows, put)

    def _ask(self, what: str, look: Callable[[], Answer]) -> Answer:
        return look() if self._process is None else self._process.read(what, look)

"""Price lists as wholes in the store: the offers that name an edition, and who completed which.

Ingest writes and asks which products an edition leaves out; whoever reads claims asks what came of
an edition. What follows from it is decided in services/consistency/core/complete_lists.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from schemas.instants import to_ms
from schemas.price_list import Completion, EditionOffer, ListEdition, PriceList, Received
from services.store.database import Database
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
COMPLETIONS_SQL = _STATEMENTS["completions"]
RECEIVED_SQL = _STATEMENTS["received"]
LEFT_OUT_SQL = _STATEMENTS["left_out"]
LISTS_SQL = _STATEMENTS["lists"]
NEVER_MS = 0


class StoredPriceLists:
    """The price lists of one database. What came of an edition is read once by each instance.

    Methods block and raise Retry or Fatal.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._received: dict[ListEdition, Received | None] = {}

    def completions(
        self, lists: Collection[PriceList], events: Collection[tuple[str, str]] = ()
    ) -> list[Completion]:
        """What is said of editions of these lists, of each event its newest body; with it, what any
        body of these events (realm and id) says."""
        return [
            one
            for realm in sorted({name[0] for name in (*lists, *events)})
            for one in self._completions(
                realm,
                {one for one in lists if one.realm == realm},
                sorted({event_id for name, event_id in events if name == realm}),
            )
        ]

    def _completions(
        self, realm: str, lists: Collection[PriceList], events: Collection[str]
    ) -> Iterator[Completion]:
        asked = {
            "realm": realm,
            "lists": sorted({one.price_list_id for one in lists}),
            "channels": sorted({one.channel for one in lists}),
            "events": events,
        }
        for is_newest, list_id, channel, edition, *row in self._database.rows(
            COMPLETIONS_SQL, asked
        ):
            event_id, hash_, version, occurred_at, offers, valid_from = row
            name = ListEdition(realm, channel, list_id, edition)
            if event_id in events or (is_newest and name.price_list in lists):
                begin = valid_from if to_ms(valid_from) != NEVER_MS else None
                yield Completion(name, occurred_at, event_id, hash_, version, offers, begin)

    def received(self, edition: ListEdition) -> Received | None:
        """How many events named this edition, and since when; None for no event."""
        if edition not in self._received:
            [(offers, first_at)] = self._database.rows(RECEIVED_SQL, _named(edition))
            self._received[edition] = Received(offers, first_at) if offers else None
        return self._received[edition]

    def left_out(
        self, edition: ListEdition, since: datetime | None, before: datetime
    ) -> list[tuple[str, str]]:
        """Market and article of the products for which other editions of the list were published
        from `since` on and before `before`, at some place and on some terms that this edition does
        not name; perhaps also a few that it names, of events that were corrected."""
        begin = NEVER_MS if since is None else to_ms(since)
        asked = _named(edition) | {"since": begin, "before": to_ms(before)}
        return [(market, sku) for market, sku in self._database.rows(LEFT_OUT_SQL, asked)]

    def write_offers(self, offers: Collection[EditionOffer]) -> None:
        """Note who names which edition. May be repeated."""
        names = (
            "realm", "channel", "price_list_id", "price_list_edition", "event_id", "market", "sku",
            "said_on", "occurred_at",
        )  # fmt: skip
        rows = [(*one.edition, *one[1:-1], to_ms(one.occurred_at)) for one in offers]
        if rows:
            self._database.insert_rows("edition_offers", names, rows)

    def write_completions(self, completions: Collection[Completion]) -> None:
        """Note who completed which edition. May be repeated."""
        names = (
            "realm", "channel", "price_list_id", "price_list_edition", "occurred_at", "event_id",
            "event_hash", "version", "offers", "valid_from",
        )  # fmt: skip
        rows = [
            (
                *one.edition, to_ms(one.occurred_at), *one[2:-1],
                NEVER_MS if one.valid_from is None else to_ms(one.valid_from),
            )
            for one in completions
        ]  # fmt: skip
        if rows:
            self._database.insert_rows("completed_editions", names, rows)

    def lists(self, realm: str) -> list[PriceList]:
        """Every list of a realm of which some edition was completed."""
        rows = self._database.rows(LISTS_SQL, {"realm": realm})
        return [PriceList(realm, channel, list_id) for channel, list_id in rows]


def _named(edition: ListEdition) -> dict[str, object]:
    realm, channel, price_list_id, name = edition
    return {"realm": realm, "channel": channel, "price_list": price_list_id, "edition": name}

"""Price lists as wholes: their editions, who says that one is complete, and what came of it.

Offers name the edition that they are part of; an event says how many it has. Nothing here is stored
as such: it is what ingest notes and what readers of claims ask for.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class PriceList(NamedTuple):
    """A price list of one channel."""

    realm: str
    channel: str
    price_list_id: str


class ListEdition(NamedTuple):
    """One edition of a price list."""

    realm: str
    channel: str
    price_list_id: str
    edition: str

    @property
    def price_list(self) -> PriceList:
        """The list that it is an edition of."""
        return PriceList(*self[:3])


class Completion(NamedTuple):
    """What an event says of an edition: that these are all of its offers."""

    edition: ListEdition
    occurred_at: datetime
    event_id: str
    event_hash: int
    """By which the store looks the event up."""
    version: int
    """Version of the event's body: the highest counts."""
    offers: int
    """How many events with an offer the edition has."""
    valid_from: datetime | None = None
    """From when on what it leaves out is over, if later than `occurred_at`."""

    @property
    def is_immediate(self) -> bool:
        """Whether what it leaves out is over at once."""
        return self.valid_from is None or self.valid_from <= self.occurred_at


class Received(NamedTuple):
    """What is known of the offers of an edition."""

    offers: int
    """Events that named the edition in any of their bodies."""
    first_at: datetime
    """When the first of them was published."""

    def completes(self, said: Completion) -> bool:
        """Whether these are as many as there should be."""
        return self.offers >= said.offers


class EditionOffer(NamedTuple):
    """An event names an edition for a product at a place and on terms."""

    edition: ListEdition
    event_id: str
    market: str
    sku: str
    said_on: str
    """Place and terms as text (services/consistency/core/complete_lists.py)."""
    occurred_at: datetime

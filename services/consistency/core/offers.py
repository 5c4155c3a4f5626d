"""The offers of an event, and what every claim about one has in common.

All kinds that compare offers read them here, so that they agree on subject and place.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from schemas.claim import ClaimHead, product_book
from schemas.events.browsing import CartUpdated, ProductViewed
from schemas.instants import from_ms, to_ms
from schemas.offer import DISPLAYED, PUBLISHED, Availability, Basis, Offer
from services.consistency.core.gtin import article_of
from services.consistency.core.kind import Heard

FIXED_CHANNELS = frozenset(
    {
        "catalogue", "email", "leaflet", "letter", "newsletter", "print", "push", "radio", "sms",
        "tv",
    }
)  # fmt: skip
"""What was sent or printed there cannot be corrected."""
STORE_CHANNELS = frozenset({"pos", "kiosk"})
YEARS_BOUNDED = range(1971, 2200)
"""A bound in another year (0001-01-01, 1970-01-01, 9999-12-31) is none: the window is open."""


OFFERING = (Offer, ProductViewed, CartUpdated)
"""The types of bodies that may have offers."""


_latest: tuple[Heard | None, Sequence[tuple[Offer, Basis]]] = None, ()


def offers_of(heard: Heard) -> Sequence[tuple[Offer, Basis]]:
    """The published or displayed offers of an event, in their order; each with its basis.

    Half of all kinds ask for those of the event in hand, so the latest answer is kept.
    """
    global _latest
    latest = _latest  # once: another thread may ask, too
    if latest[0] is not heard:
        latest = _latest = heard, _offers(heard.event.body)
    return latest[1]


def _offers(body: Any) -> Sequence[tuple[Offer, Basis]]:
    if isinstance(body, Offer):
        return ((body, PUBLISHED),)
    if isinstance(body, ProductViewed):
        return ((body.offer, DISPLAYED),) if body.offer else ()
    if isinstance(body, CartUpdated):
        return tuple((item.offer, DISPLAYED) for item in body.items if item.offer)
    return ()


def store_of(heard: Heard) -> str:
    """The store in which the event happened; empty for channels that are in no store."""
    source = heard.event.source
    return source.store if heard.event.channel in STORE_CHANNELS else ""


def claim_head(heard: Heard, kind: str, offer: Offer, basis: Basis, ordinal: int) -> ClaimHead:
    """Who claims when and where. Without a place of its own, an offer is valid in its store."""
    event = heard.event
    return ClaimHead(
        product_book(event.realm, kind, offer.market or heard.region, article_of(offer)),
        heard.occurred_at,
        event.event_id,
        ordinal,
        heard.version,
        event.channel,
        offer.location or ("" if offer.zone else store_of(heard)),
        offer.zone,
        offer.basis or basis,
    )


def is_withdrawn(heard: Heard, offer: Offer, basis: Basis) -> bool:
    """Whether the channel says that it sells this no longer, as of now."""
    if offer.availability is not Availability.DISCONTINUED:
        return False
    is_now = offer.valid_from is None or offer.valid_from <= heard.occurred_at
    return is_now and (offer.basis or basis) is PUBLISHED


def window_of(heard: Heard, offer: Offer, basis: Basis) -> tuple[datetime | None, datetime | None]:
    """The bounds of an offer's validity, in UTC; an offer that withdraws is valid for no time."""
    if is_withdrawn(heard, offer, basis):
        return heard.occurred_at, heard.occurred_at
    return bounded(offer.valid_from), bounded(offer.valid_to)


def bounded(instant: datetime | None) -> datetime | None:
    """A bound of validity in UTC; None if it stands for no bound."""
    if instant is None or instant.year not in YEARS_BOUNDED:
        return None
    return from_ms(to_ms(instant))

"""The buying cycle: in which of seven phases a customer is, by what proves it.

Every sign proves a phase for some days. A customer is in the latest phase that a sign proves today,
and falls back when it is too old. Where an order is never said to be delivered, buying ends after
two weeks; what is bought at a till is taken along.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.measures.core.deeds import Deed, Ground, ids_of

VIEWS_MIN, VIEWS_DAYS = 3, 7
"""So many views of one category within so many days are a comparison."""
TAKEN_ALONG = ("pos", "kiosk")
"""Channels on which the customer gets the goods at once."""


class CyclePhase(IntEnum):
    """The phases, in their order."""

    UNAWARE = 0
    AWARE = 1
    SEARCHING = 2
    CHOOSING = 3
    BUYING = 4
    EXPERIENCING = 5
    BONDING = 6


LIMIT_DAYS = {
    CyclePhase.AWARE: 30, CyclePhase.SEARCHING: 30, CyclePhase.CHOOSING: 14, CyclePhase.BUYING: 14,
    CyclePhase.EXPERIENCING: 90, CyclePhase.BONDING: 365,
}  # fmt: skip
"""For how many days a sign proves its phase."""
PROVES = {
    "campaign.reached": CyclePhase.AWARE, "email.delivered": CyclePhase.AWARE,
    "email.opened": CyclePhase.AWARE, "message.sent": CyclePhase.AWARE,
    "search.performed": CyclePhase.SEARCHING,
    "product.viewed": CyclePhase.SEARCHING, "email.clicked": CyclePhase.SEARCHING,
    "cart.updated": CyclePhase.CHOOSING, "quote.sent": CyclePhase.CHOOSING,
    "support.contacted": CyclePhase.EXPERIENCING, "complaint.opened": CyclePhase.EXPERIENCING,
    "review.posted": CyclePhase.EXPERIENCING, "survey.answered": CyclePhase.EXPERIENCING,
    "loyalty.changed": CyclePhase.BONDING, "referral.made": CyclePhase.BONDING,
}  # fmt: skip
"""What single events prove. Orders prove what follows from them."""


class Sign(NamedTuple):
    """An event that proves a phase. Messages are those of marketing that a person saw or may have
    seen; contacts, those that the customer began; changes of points, those that add some."""

    at: datetime
    event_id: str
    type: str
    channel: str = ""
    category: str = ""


class PlacedOrder(NamedTuple):
    """An order that counts."""

    at: datetime
    event_id: str
    channel: str
    categories: Sequence[str]
    delivered_at: datetime | None = None
    delivery_id: str = ""
    """The event that says so."""


class Proof(NamedTuple):
    """From one instant up to another a phase is proven."""

    phase: CyclePhase
    begins: datetime
    ends: datetime
    event_id: str
    category: str


class PhaseFound(NamedTuple):
    """In which phase a customer is."""

    phase: CyclePhase
    until: datetime | None
    """When it ends unless something proves it again; None for unaware."""
    grounds: Sequence[Ground]


def proofs(signs: Sequence[Sign], orders: Sequence[PlacedOrder], zone: ZoneInfo) -> list[Proof]:
    """All that a customer's events prove, of whatever category (empty for none)."""
    found = [*_of_signs(signs), *_comparisons(signs)]
    for one in orders:
        for category in ("", *dict.fromkeys(one.categories)):
            found += _of_order(one, category)
    return [*found, *_repeated(orders, zone)]


def phase_at(found: Sequence[Proof], now: datetime, category: str | None = None) -> PhaseFound:
    """The latest phase that is proven at an instant; of one category, or of all."""
    valid = [
        one for one in found
        if one.begins <= now < one.ends and category in (None, one.category)
    ]  # fmt: skip
    if not valid:
        return PhaseFound(CyclePhase.UNAWARE, None, [])
    phase = max(one.phase for one in valid)
    mine = [one for one in valid if one.phase is phase]
    evidence = ids_of([Deed(one.begins, one.event_id) for one in mine])
    ground = Ground(1, f"proves {phase.name.lower()}", evidence)
    return PhaseFound(phase, max(one.ends for one in mine), [ground])


def _proof(phase: CyclePhase, at: datetime, event_id: str, category: str) -> Proof:
    return Proof(phase, at, at + timedelta(days=LIMIT_DAYS[phase]), event_id, category)


def _of_signs(signs: Sequence[Sign]) -> Iterator[Proof]:
    for one in signs:
        if one.type in PROVES:
            yield _proof(PROVES[one.type], one.at, one.event_id, one.category)


def _comparisons(signs: Sequence[Sign]) -> Iterator[Proof]:
    """The third view of a category within a week, and each after it."""
    views = defaultdict[str, list[Sign]](list)
    for one in sorted(signs, key=lambda sign: (sign.at, sign.event_id)):
        if one.type == "product.viewed" and one.category:
            views[one.category].append(one)
            before = one.at - timedelta(days=VIEWS_DAYS)
            if sum(view.at > before for view in views[one.category]) >= VIEWS_MIN:
                yield _proof(CyclePhase.CHOOSING, one.at, one.event_id, one.category)


def _of_order(one: PlacedOrder, category: str) -> Iterator[Proof]:
    """Buying until the goods are there, experiencing from then on."""
    is_taken = one.channel in TAKEN_ALONG
    delivered = one.at if is_taken else one.delivered_at
    buying = _proof(CyclePhase.BUYING, one.at, one.event_id, category)
    if delivered is None:
        yield buying
        return
    yield buying._replace(ends=max(one.at, min(buying.ends, delivered)))
    delivery_id = one.event_id if is_taken else one.delivery_id
    yield _proof(CyclePhase.EXPERIENCING, max(one.at, delivered), delivery_id, category)


def _repeated(orders: Sequence[PlacedOrder], zone: ZoneInfo) -> Iterator[Proof]:
    """Orders of a later day than the first one, of all and of each category."""
    first = dict[str, datetime]()
    for one in sorted(orders, key=lambda order: (order.at, order.event_id)):
        for category in ("", *dict.fromkeys(one.categories)):
            began = first.setdefault(category, one.at)
            if one.at.astimezone(zone).date() > began.astimezone(zone).date():
                yield _proof(CyclePhase.BONDING, one.at, one.event_id, category)

"""Whom to win back first, and with what: what is at stake with a customer who leaves.

It is for lists of persons; what came of winning back is a measure. Nobody is listed who objected to
marketing or to profiling: whoever makes a list asks for that first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from services.measures.core.leaving_customers import Leaving, LeavingReason, LeavingState

GONE_DAYS_MAX = 540
"""Who bought nothing for longer is not won back, but won anew."""
YEARS, BEST_YEARS = 3, 2
LISTED = frozenset({LeavingState.SLIPPING, LeavingState.LEAVING, LeavingState.LOST})


class OfferKind(StrEnum):
    """What may win a customer back."""

    APOLOGY = "apology"
    """By a person, before anything is offered."""
    TALK_AND_FIX = "talk_and_fix"
    """Ask what was wrong, and put it right."""
    OFFER_IN_OWN_CATEGORIES = "offer_in_own_categories"
    NEW_CATEGORIES = "new_categories"
    ASK = "ask"


OFFERS: Mapping[LeavingReason, OfferKind] = {
    LeavingReason.SERVICE: OfferKind.APOLOGY,
    LeavingReason.DISSATISFACTION: OfferKind.TALK_AND_FIX,
    LeavingReason.PRICE: OfferKind.OFFER_IN_OWN_CATEGORIES,
    LeavingReason.CHANGED_NEED: OfferKind.NEW_CATEGORIES,
    LeavingReason.UNKNOWN: OfferKind.ASK,
}
"""The kind of offer that fits a reason."""


class WinBack(NamedTuple):
    """A customer who may be won back."""

    profile: str
    at_stake: float
    """What is lost in a year if the customer leaves."""
    leaving: Leaving
    offers: Sequence[OfferKind]
    """One for each probable reason."""


def at_stake(yearly_margins: Iterable[float], alive: float) -> float:
    """The mean margin of the two best of the last three years, as far as the customer is thought to
    be gone; `alive` is the chance that he is not, from 0 to 1."""
    best = sorted((*yearly_margins, *(0.0,) * YEARS), reverse=True)[:BEST_YEARS]
    return sum(best) / BEST_YEARS * (1 - alive)


def win_back(
    profile: str, leaving: Leaving, last_purchase: date, today: date, stake: float
) -> WinBack | None:
    """The entry of a customer in the list; None for one who is not to be won back."""
    if leaving.state not in LISTED or (today - last_purchase).days > GONE_DAYS_MAX:
        return None
    return WinBack(profile, stake, leaving, [OFFERS[one] for one in leaving.reasons])


def ranked(found: Iterable[WinBack]) -> list[WinBack]:
    """Those with whom most is at stake come first."""
    return sorted(found, key=lambda one: (-one.at_stake, one.profile))

"""Who is leaving, and why: how long a customer is overdue, and what happened before that.

The state follows from the gaps between the days on which a customer bought, the reason from points
for what was seen of it (a sign). Both are for lists of persons and for counts of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import NamedTuple

GAPS_MIN = 3
"""With fewer gaps of their own, customers are judged by those of others."""
SLIPPING, LEAVING = 1.5, 2.5
"""From so many median gaps without a purchase on."""
DECLINE = 0.6
"""Who spends less than this part of before declines."""
EVIDENCE_DAYS = 180
"""Signs count from so many days before the last purchase on."""
POINTS_MIN = 2
VIEWS_MIN = 3
EVENTS_MAX = 5


class LeavingState(StrEnum):
    """Where a customer stands."""

    ACTIVE = "active"
    SLIPPING = "slipping"
    LEAVING = "leaving"
    LOST = "lost"
    """No longer a customer."""
    BOUND = "bound"
    """By a contract of which no notice can be given by now, whatever else happens."""
    UNKNOWN = "unknown"
    """Neither the customer's own gaps nor those of others say when to expect a purchase."""


class LeavingReason(StrEnum):
    """Why customers leave."""

    DISSATISFACTION = "dissatisfaction"
    SERVICE = "service"
    PRICE = "price"
    CHANGED_NEED = "changed_need"
    UNKNOWN = "unknown"


class LeavingSign(StrEnum):
    """What may be a reason to leave."""

    DETRACTOR = "detractor"
    """Would not recommend us: 6 or less."""
    DISAPPOINTED = "disappointed"
    """Got less than expected."""
    POOR_RATING = "poor_rating"
    """The lowest quarter of the scale: one or two stars of five."""
    FAULTY_GOODS = "faulty_goods"
    """Sent goods back because something was wrong with them."""
    TOLD_AGAIN = "told_again"
    """Had to explain a case again."""
    COMPLAINT_UNANSWERED = "complaint_unanswered"
    LATE_ANSWER = "late_answer"
    """An answer later than promised, or none."""
    PASSED_ON = "passed_on"
    """A case changed hands at least twice."""
    LOST_TO_PRICE = "lost_to_price"
    """A deal was lost because of the price."""
    LOOKED_IN_VAIN = "looked_in_vain"
    """Looked at products at least three times since the last purchase."""
    ONLY_REDUCED = "only_reduced"
    """Bought at reduced prices only."""
    CONTRACT_ENDED = "contract_ended"
    """Ended a contract and said why."""
    LOST_INTEREST = "lost_interest"
    """Looked at other categories only since the last purchase."""
    UNSUBSCRIBED = "unsubscribed"


class SignWeight(NamedTuple):
    """What a sign says."""

    reason: LeavingReason
    points: int
    words: str
    """As a list shows it."""


WEIGHTS: Mapping[LeavingSign, SignWeight] = {
    LeavingSign.DETRACTOR: SignWeight(LeavingReason.DISSATISFACTION, 3, "would not recommend us"),
    LeavingSign.DISAPPOINTED: SignWeight(
        LeavingReason.DISSATISFACTION, 2, "got less than expected"
    ),
    LeavingSign.POOR_RATING: SignWeight(LeavingReason.DISSATISFACTION, 2, "gave a poor rating"),
    LeavingSign.FAULTY_GOODS: SignWeight(LeavingReason.DISSATISFACTION, 1, "returned faulty goods"),
    LeavingSign.TOLD_AGAIN: SignWeight(LeavingReason.SERVICE, 3, "had to explain a case again"),
    LeavingSign.COMPLAINT_UNANSWERED: SignWeight(
        LeavingReason.SERVICE, 3, "has a complaint unanswered"
    ),
    LeavingSign.LATE_ANSWER: SignWeight(
        LeavingReason.SERVICE, 2, "was answered later than promised"
    ),
    LeavingSign.PASSED_ON: SignWeight(LeavingReason.SERVICE, 2, "was passed on twice or more"),
    LeavingSign.LOST_TO_PRICE: SignWeight(
        LeavingReason.PRICE, 3, "turned down an offer for its price"
    ),
    LeavingSign.LOOKED_IN_VAIN: SignWeight(LeavingReason.PRICE, 2, "looks, and does not buy"),
    LeavingSign.ONLY_REDUCED: SignWeight(LeavingReason.PRICE, 1, "bought at reduced prices only"),
    LeavingSign.CONTRACT_ENDED: SignWeight(LeavingReason.CHANGED_NEED, 2, "ended a contract"),
    LeavingSign.LOST_INTEREST: SignWeight(LeavingReason.CHANGED_NEED, 2, "looks at other things"),
    LeavingSign.UNSUBSCRIBED: SignWeight(LeavingReason.CHANGED_NEED, 1, "unsubscribed"),
}


class SignSeen(NamedTuple):
    """An event that shows a sign."""

    day: date
    what: LeavingSign
    event_id: str


class DaySpent(NamedTuple):
    """What a customer spent on a day of buying, in the realm's currency."""

    day: date
    spent: float


class CustomerLife(NamedTuple):
    """What must be known of a customer."""

    days: Sequence[DaySpent]
    """One for each day of buying, in any order."""
    category_gap_days: float | None
    """The median gap of others in the categories of the last order, the longest one; None if it is
    not known."""
    is_customer: bool
    """By the days after an order that the rules name, or by a running contract."""
    is_bound: bool
    """By a contract whose notice is not over."""
    signs: Sequence[SignSeen]
    """In any order; those of long ago do not count."""


class Because(NamedTuple):
    """What a reason is made of."""

    points: int
    what: LeavingSign
    event_ids: Sequence[str]
    """Up to EVENTS_MAX, the latest first."""


class Leaving(NamedTuple):
    """What is known of a customer's leaving."""

    state: LeavingState
    overdue: float | None
    """Days since the last purchase, in median gaps."""
    declines: bool
    """Spent less in the last two gaps than in the two before, by much."""
    reasons: Sequence[LeavingReason]
    """The most likely one, or several that are equally likely."""
    because: Sequence[Because]
    """All signs, by points."""


def state_of(overdue: float | None, *, is_customer: bool, is_bound: bool) -> LeavingState:
    """Where a customer stands who is overdue by so many gaps."""
    if is_bound:
        return LeavingState.BOUND
    if not is_customer:
        return LeavingState.LOST
    if overdue is None:
        return LeavingState.UNKNOWN
    if overdue < SLIPPING:
        return LeavingState.ACTIVE
    return LeavingState.SLIPPING if overdue < LEAVING else LeavingState.LEAVING


def reasons_of(signs: Iterable[LeavingSign]) -> list[LeavingReason]:
    """The reasons with the most points; each sign counts once, however often it was seen."""
    points = dict.fromkeys(LeavingReason, 0)
    for one in set(signs):
        points[WEIGHTS[one].reason] += WEIGHTS[one].points
    most = max(points.values())
    if most < POINTS_MIN:
        return [LeavingReason.UNKNOWN]
    return [reason for reason, sum_ in points.items() if sum_ == most]


def gap_days(life: CustomerLife) -> float | None:
    """When a purchase is expected after the one before: by the customer's own gaps, else by those
    of others."""
    days = sorted(one.day for one in life.days)
    gaps = [(later - sooner).days for sooner, later in pairwise(days)]
    return float(median(gaps)) if len(gaps) >= GAPS_MIN else life.category_gap_days


def declines(life: CustomerLife, today: date) -> bool:
    """Whether a customer with gaps of his own spent much less in the last two than in the two
    before."""
    gap = gap_days(life)
    if gap is None or len(life.days) <= GAPS_MIN:
        return False
    ago = [((today - one.day).days, one.spent) for one in life.days]
    lately = sum(spent for days, spent in ago if days < 2 * gap)
    before = sum(spent for days, spent in ago if 2 * gap <= days < 4 * gap)
    return lately < DECLINE * before


def leaving(life: CustomerLife, today: date) -> Leaving:
    """What is known of one customer's leaving."""
    last = max((one.day for one in life.days), default=None)
    gap = gap_days(life)
    overdue = (today - last).days / gap if last is not None and gap else None
    seen = [
        one for one in life.signs if last is None or one.day >= last - timedelta(days=EVIDENCE_DAYS)
    ]
    because = [
        Because(WEIGHTS[what].points, what, _latest(one for one in seen if one.what is what))
        for what in LeavingSign
        if any(one.what is what for one in seen)
    ]
    return Leaving(
        state_of(overdue, is_customer=life.is_customer, is_bound=life.is_bound),
        overdue,
        declines(life, today),
        reasons_of(one.what for one in seen),
        sorted(because, key=lambda one: -one.points),
    )


def _latest(seen: Iterable[SignSeen]) -> list[str]:
    return [one.event_id for one in sorted(seen, reverse=True)][:EVENTS_MAX]

"""Whether a customer is leaving, and the probable reason.

By the definition of the measure (core/leaving_customers.py). Who has too few gaps of their own
between days of buying is judged by those of others, of the kept answer of the measure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from schemas.api.insights import InsightScore, ScoreAbsence, ScoreReason
from services.measures.catalogue.leaving import GAP, MEASURE
from services.measures.core.coming_due import ContractTerms, runs
from services.measures.core.leaving_customers import (
    DECLINE,
    GAPS_MIN,
    WEIGHTS,
    CustomerLife,
    DaySpent,
    Leaving,
    LeavingReason,
    LeavingState,
    gap_days,
    leaving,
)
from services.measures.core.person import (
    ContractReport,
    PersonContext,
    PersonFacts,
    PersonScore,
    Purchase,
    absent,
    reason,
)
from services.measures.core.window import day_of
from services.measures.core.winning_back import LISTED

NAME, WHY = MEASURE.name, "leaving_reason"
GAPS, POINTS = "gaps", "points"


class CustomerLeaving(NamedTuple):
    """What is known of a customer's leaving, and by what."""

    found: Leaving
    gap_days: float | None
    """Days in which another purchase is expected."""
    by_others: bool
    """These are those of others."""
    purchases: list[Purchase]
    contracts: list[ContractReport]
    """The latest report of each contract that runs."""


def compute(facts: PersonFacts, context: PersonContext) -> Iterator[InsightScore]:
    """See the module."""
    known = leaving_of(facts, context)
    if known is None:
        for name in (NAME, WHY):
            what = "nothing bought yet, and no contract runs"
            yield absent(name, MEASURE.definition, ScoreAbsence.TOO_LITTLE, what)
        return
    yield _state(known, context)
    yield _reason(known.found)


def leaving_of(facts: PersonFacts, context: PersonContext) -> CustomerLeaving | None:
    """What is known of the leaving of a customer; None of who neither bought nor has a contract."""
    purchases = sorted(one for one in facts.purchases if one.at < context.now)
    contracts = [*_running(facts.contracts, context.now)]
    if not purchases and not contracts:
        return None
    days = _days(facts, purchases, context)
    by_others = len(days) <= GAPS_MIN
    since = context.now - timedelta(days=context.rules.active_days)
    life = CustomerLife(
        days,
        _usual_gap(facts, days, context) if by_others else None,
        is_customer=bool(contracts) or purchases[-1].at >= since,
        is_bound=any(_binds(one, context.now) for one in contracts),
        signs=facts.signs,
    )
    found = leaving(life, day_of(context.now, context.zone))
    return CustomerLeaving(found, gap_days(life), by_others, purchases, contracts)


def is_going(facts: PersonFacts, context: PersonContext) -> bool:
    """Whether it matters why: of who slips, leaves or is lost. Signs need not be known for it."""
    known = leaving_of(facts, context)
    return known is not None and known.found.state in LISTED


def _days(
    facts: PersonFacts, purchases: Sequence[Purchase], context: PersonContext
) -> list[DaySpent]:
    """The days of buying, and what the lines of the orders cost."""
    spent = dict.fromkeys((day_of(one.at, context.zone) for one in purchases), Decimal(0))
    for one in facts.lines:
        day = day_of(one.at, context.zone)
        if one.currency == context.currency and day in spent:
            spent[day] += one.total
    return [DaySpent(day, float(money)) for day, money in sorted(spent.items())]


def _usual_gap(
    facts: PersonFacts, days: Sequence[DaySpent], context: PersonContext
) -> float | None:
    """The median gap of others in the categories of the last day of buying, the longest one."""
    kept = context.kept.get(MEASURE.definition)
    if kept is None or not days:
        return None
    last = days[-1].day
    bought = {one.category for one in facts.lines if day_of(one.at, context.zone) == last}
    gaps = (one.value for one in kept.breakdown if one.by == GAP and one.key in bought)
    return max((one for one in gaps if one is not None), default=None)


def _running(contracts: Sequence[ContractReport], now: datetime) -> Iterator[ContractReport]:
    """The latest report of each contract that runs."""
    latest: dict[str, ContractReport] = {}
    for one in sorted(contracts, key=lambda one: (one.at, one.event_id)):
        if one.at < now:
            latest[one.contract_id] = one
    for one in latest.values():
        terms = ContractTerms(one.at, one.event_id, one.is_ended, one.until, one.notice_until)
        if runs([terms], now):
            yield one


def _binds(one: ContractReport, now: datetime) -> bool:
    """Whether notice of a contract is not over; one without an end binds."""
    end = one.notice_until or one.until
    return end is None or end > now


def _state(known: CustomerLeaving, context: PersonContext) -> InsightScore:
    found, kept = known.found, context.kept.get(MEASURE.definition)
    if found.state is LeavingState.UNKNOWN:
        why, what = ScoreAbsence.NO_KEPT_ANSWER, "no answer of the measure is kept"
        if kept is not None:
            why, what = ScoreAbsence.NOT_SHOWN, "too few others buy the same again"
        what = f"fewer than {GAPS_MIN} gaps between days of buying, and {what}"
        return absent(NAME, MEASURE.definition, why, what)
    is_compared = known.by_others and known.gap_days is not None and kept is not None
    return InsightScore(
        score=NAME,
        definition=MEASURE.definition,
        value=found.overdue,
        unit=GAPS,
        word=found.state,
        since=known.purchases[-1].at if known.purchases else None,
        compared_with=kept.as_of if is_compared and kept is not None else None,
        reasons=[*_grounds(known, context)],
    )


def _grounds(known: CustomerLeaving, context: PersonContext) -> Iterator[ScoreReason]:
    """What the state rests on."""
    if known.contracts:
        yield reason("a contract runs", known.contracts)
    if known.purchases:
        last = day_of(known.purchases[-1].at, context.zone)
        ago = (day_of(context.now, context.zone) - last).days
        what = f"{ago} days since the last purchase"
        if known.gap_days is not None:
            whose = "others wait" if known.by_others else "usual are"
            what = f"{what}; {whose} {known.gap_days:g}"
        yield reason(what, known.purchases)
    if known.found.declines:
        what = f"less than {100 * DECLINE:.0f} % was spent in the last two gaps of what was before"
        yield reason(what, known.purchases)


def _reason(found: Leaving) -> InsightScore:
    """What is most likely the reason, of whom slips, leaves or is lost."""
    if found.state not in LISTED or LeavingReason.UNKNOWN in found.reasons:
        what = "nothing was seen that makes a reason likely"
        if found.state not in LISTED:
            what = "the customer is not leaving"
        return absent(WHY, MEASURE.definition, ScoreAbsence.TOO_LITTLE, what)
    points = sum(one.points for one in found.because if WEIGHTS[one.what].reason in found.reasons)
    return InsightScore(
        score=WHY,
        definition=MEASURE.definition,
        value=points / len(found.reasons),
        unit=POINTS,
        word=", ".join(found.reasons),
        reasons=[
            ScoreReason(
                what=WEIGHTS[one.what].words, points=one.points, event_ids=list(one.event_ids)
            )
            for one in found.because
        ],
    )


SCORE = PersonScore(MEASURE.definition, compute, compares=True)

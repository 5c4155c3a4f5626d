"""What a customer soon needs again, and when a contract ends.

By the definition of the measure: an article or category that was bought on at least three days is
needed again after the median gap; a contract ends unless it is renewed. The soonest is the score,
the others are its reasons.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple

from schemas.api.insights import InsightScore, ScoreAbsence, ScoreReason
from services.measures.catalogue.due import MEASURE
from services.measures.core.coming_due import (
    AHEAD_DAYS,
    DAYS_MIN,
    SOON_DAYS,
    ContractTerms,
    DayOfBuying,
    DueState,
    Renewal,
    Replenishment,
    renewal,
    replenishment,
)
from services.measures.core.person import (
    BoughtLine,
    ContractReport,
    PersonContext,
    PersonFacts,
    PersonScore,
    absent,
)
from services.measures.core.window import day_of

NAME, CONTRACT = MEASURE.name, "due_contract"
DAYS = "days"
REASONS_MAX = 10
"""So many articles and categories are named, those that matter most first."""
ORDER = (DueState.DUE, DueState.MISSED, DueState.LATER, DueState.LAPSED)
SOON, AHEAD = "soon", "ahead"
"""A contract ends within SOON_DAYS; within AHEAD_DAYS."""


class Habit(NamedTuple):
    """What is bought again and again, and when it is due."""

    level: str
    """`sku` or `category`."""
    item: str
    expected: Replenishment


def compute(facts: PersonFacts, context: PersonContext) -> Iterator[InsightScore]:
    """See the module."""
    yield _goods(facts, context)
    yield _contract(facts.contracts, context.now)


def _goods(facts: PersonFacts, context: PersonContext) -> InsightScore:
    found = habits(facts.lines, context)
    if not found:
        what = f"nothing was bought on {DAYS_MIN} days"
        return absent(NAME, MEASURE.definition, ScoreAbsence.TOO_LITTLE, what)
    first = found[0].expected
    today = day_of(context.now, context.zone)
    day = today + timedelta(days=round(first.in_days))
    lasts = {one.event_id: one.at for one in facts.lines}
    return InsightScore(
        score=NAME,
        definition=MEASURE.definition,
        value=first.in_days,
        unit=DAYS,
        word=first.state,
        at=datetime.combine(day, time(), context.zone),
        since=lasts[first.event_ids[0]],
        reasons=[_why(one) for one in found[:REASONS_MAX]],
    )


def habits(lines: Iterable[BoughtLine], context: PersonContext) -> list[Habit]:
    """What the customer buys again and again: what is due first, then what was missed."""
    by_item: defaultdict[tuple[str, str], list[BoughtLine]] = defaultdict(list)
    for one in lines:
        if one.at < context.now:
            for level, item in (("sku", one.sku), ("category", one.category)):
                if item:
                    by_item[level, item].append(one)
    today = day_of(context.now, context.zone)
    found = [
        Habit(level, item, expected)
        for (level, item), some in by_item.items()
        if (expected := replenishment(_days(some, context), today)) is not None
    ]
    return sorted(found, key=_urgency)


def _urgency(one: Habit) -> tuple[int, float, str, str]:
    return ORDER.index(one.expected.state), one.expected.in_days, one.level, one.item


def _days(lines: Iterable[BoughtLine], context: PersonContext) -> Iterator[DayOfBuying]:
    by_day: defaultdict[object, list[BoughtLine]] = defaultdict(list)
    for one in lines:
        by_day[day_of(one.at, context.zone)].append(one)
    for some in by_day.values():
        last = max(some, key=lambda one: (one.at, one.event_id))
        quantity = sum((one.quantity for one in some), Decimal(0))
        yield DayOfBuying(day_of(last.at, context.zone), float(quantity), last.event_id)


def _why(one: Habit) -> ScoreReason:
    expected = one.expected
    when = f"in {expected.in_days:.0f} days"
    if expected.in_days < 0:
        when = f"{-expected.in_days:.0f} days ago"
    what = (
        f"{expected.state}: {one.level} {one.item} every {expected.gap_days:.0f} days, give or "
        f"take {expected.spread_days:.0f}, next {when}"
    )
    return ScoreReason(what=what, event_ids=list(expected.event_ids))


def _contract(reports: Iterable[ContractReport], now: datetime) -> InsightScore:
    by_contract: defaultdict[str, list[ContractTerms]] = defaultdict(list)
    for one in reports:
        if one.at < now:
            by_contract[one.contract_id].append(
                ContractTerms(one.at, one.event_id, one.is_ended, one.until, one.notice_until)
            )
    ends = [found for some in by_contract.values() if (found := renewal(some, now)) is not None]
    if not ends:
        what = f"no contract ends within {AHEAD_DAYS} days"
        return absent(CONTRACT, MEASURE.definition, ScoreAbsence.TOO_LITTLE, what)
    ends.sort(key=lambda one: (one.until, one.event_id))
    first = ends[0]
    return InsightScore(
        score=CONTRACT,
        definition=MEASURE.definition,
        value=first.in_days,
        unit=DAYS,
        word=SOON if first.in_days <= SOON_DAYS else AHEAD,
        at=first.until,
        reasons=[_term(one) for one in ends[:REASONS_MAX]],
    )


def _term(one: Renewal) -> ScoreReason:
    notice = one.notice_until
    said = "no notice can be given any more, or no time for it is known"
    if notice is not None:
        said = f"notice can be given until {notice.date()}"
    what = f"a contract ends in {one.in_days:.0f} days; {said}"
    return ScoreReason(what=what, event_ids=[one.event_id])


SCORE = PersonScore(MEASURE.definition, compute)

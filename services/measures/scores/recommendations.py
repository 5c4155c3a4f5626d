"""What to recommend to a customer, and which own article leads to it.

What goes with what comes from the kept answer of the measure; it names none where that is no better
than what sells best. Then it is what sells best in the category of which the customer bought most,
and after that what sells best of all. Who objected to marketing has none: it leads to offers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from schemas.api.insights import InsightScore, ScoreAbsence, ScoreReason
from services.measures.catalogue.recommendations import (
    BOUGHT,
    HALF_LIFE_DAYS,
    MEASURE,
    NEAR,
    TOP,
)
from services.measures.core.deeds import Deed
from services.measures.core.person import (
    PersonContext,
    PersonFacts,
    PersonScore,
    absent,
    reason,
)
from services.measures.core.result import MeasureResult
from services.measures.core.window import DAYS_DEFAULT, day_of

NAME = MEASURE.name
LISTED = 10
"""As many as are checked (core/recommending.py)."""


class KeptLists(NamedTuple):
    """What the kept answer says."""

    near: dict[str, dict[str, float]]
    """How near others are to an article."""
    top: dict[str, list[str]]
    """What sells best in a category, and in all (empty), the best first."""


def compute(facts: PersonFacts, context: PersonContext) -> Iterator[InsightScore]:
    """See the module."""
    kept = context.kept.get(MEASURE.definition)
    if facts.refusals:
        yield InsightScore(
            score=NAME,
            definition=MEASURE.definition,
            absent=ScoreAbsence.REFUSED,
            reasons=[reason("the customer objected to marketing", facts.refusals)],
        )
    elif kept is None:
        what = "no answer of the measure is kept"
        yield absent(NAME, MEASURE.definition, ScoreAbsence.NO_KEPT_ANSWER, what)
    else:
        yield _recommended(facts, context, kept)


def _recommended(facts: PersonFacts, context: PersonContext, kept: MeasureResult) -> InsightScore:
    lists, deeds = lists_of(kept), _deeds(facts, context)
    barred = _barred(facts, context)
    near = _nearest(deeds, lists, context)
    found = [one for one in near if one[0] not in barred][:LISTED]
    chosen = {sku: why for sku, _, why in found}
    for sku, why in _best_sellers(facts, context, lists, is_known=bool(found)):
        if len(chosen) < LISTED and sku not in barred:
            chosen.setdefault(sku, why)
    if not chosen:
        what = "the kept answer names no article that may be recommended"
        return absent(NAME, MEASURE.definition, ScoreAbsence.NOT_SHOWN, what)
    latest = max((one.at for some in deeds.values() for one in some), default=None)
    return InsightScore(
        score=NAME,
        definition=MEASURE.definition,
        value=found[0][1] if found else None,
        word=next(iter(chosen)),
        since=latest,
        compared_with=kept.as_of,
        reasons=list(chosen.values()),
    )


def lists_of(kept: MeasureResult) -> KeptLists:
    """The lists of a kept answer."""
    found = KeptLists(defaultdict(dict), defaultdict(list))
    for one in kept.breakdown:
        by, _, about = one.by.partition(" ")
        if one.value is not None and by == NEAR:
            found.near[about][one.key] = one.value
        elif one.value is not None and by == TOP:
            found.top[about].append(one.key)
    return found


def _deeds(facts: PersonFacts, context: PersonContext) -> dict[str, list[Deed]]:
    """By article what the customer did with it in a year, of each kind once a day."""
    since = context.now - timedelta(days=DAYS_DEFAULT)
    done = [*facts.looked, *(Deed(one.at, one.event_id, one.sku, BOUGHT) for one in facts.lines)]
    kept: dict[tuple[str, float, date], Deed] = {}
    for one in sorted(done):
        if one.what and since <= one.at < context.now:
            kept[one.what, one.weight, day_of(one.at, context.zone)] = one
    found = defaultdict[str, list[Deed]](list)
    for one in kept.values():
        found[one.what].append(one)
    return found


def _barred(facts: PersonFacts, context: PersonContext) -> set[str]:
    """What the customer owns for good or sent back, and what is recommended to nobody."""
    rules = context.rules.recommendations
    owned = {one.sku for one in facts.lines if one.category in rules.durable}
    return owned | {one.what for one in facts.sent_back} | set(rules.withheld)


def _nearest(
    deeds: dict[str, list[Deed]], lists: KeptLists, context: PersonContext
) -> list[tuple[str, float, ScoreReason]]:
    """Articles with their points, the most first, and the own article that adds most to them."""
    points = defaultdict[str, float](float)
    most: dict[str, tuple[float, str]] = {}
    for own, some in sorted(deeds.items()):
        weight = sum(one.weight * _faded(one, context) for one in some)
        for sku, nearness in lists.near.get(own, {}).items():
            points[sku] += weight * nearness
            most[sku] = max(most.get(sku, (0.0, "")), (weight * nearness, own))
    places = {sku: place for place, sku in enumerate(lists.top[""])}
    order = sorted(points, key=lambda sku: (-points[sku], places.get(sku, len(places)), sku))
    return [
        (sku, points[sku], reason(f"{sku} goes with {own}", deeds[own], points[sku]))
        for sku in order
        for own in [most[sku][1]]
    ]


def _faded(one: Deed, context: PersonContext) -> float:
    days = (day_of(context.now, context.zone) - day_of(one.at, context.zone)).days
    return float(0.5 ** (days / HALF_LIFE_DAYS))


def _best_sellers(
    facts: PersonFacts, context: PersonContext, lists: KeptLists, *, is_known: bool
) -> Iterator[tuple[str, ScoreReason]]:
    """What sells best; to whom nothing is known to go with the own articles, first of the category
    that is bought most."""
    orders = defaultdict[str, set[str]](set)
    for one in facts.lines:
        if one.category in lists.top and one.at < context.now:
            orders[one.category].add(one.event_id)
    if orders and not is_known:
        category = min(orders, key=lambda name: (-len(orders[name]), name))
        own = [one for one in facts.lines if one.category == category]
        for sku in lists.top[category]:
            yield sku, reason(f"{sku} sells best in {category}", own)
    for sku in lists.top[""]:
        yield sku, reason(f"{sku} sells best")


SCORE = PersonScore(MEASURE.definition, compute, compares=True)

"""Recommendations: what goes with what, the check against what sells best, and the list of one
customer."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from math import sqrt

import numpy as np
import pytest

from schemas.api.insights import InsightScore, ScoreAbsence
from schemas.rules.insights import RecommendationRules
from services.measures.catalogue.recommendations import (
    MEASURE,
    PRECISION,
    RecommendationRows,
    Shopper,
    SoldArticle,
    compute,
)
from services.measures.core.deeds import Deed
from services.measures.core.person import BoughtLine, Objection, PersonFacts
from services.measures.core.recommending import Hits, ShopperMatrices, checked, nearness
from services.measures.core.result import Flag, MeasureResult
from tests.unit.measures.contexts import CONTEXT
from tests.unit.measures.test_compared_scores import NOW, kept, scored

PAIRS = 20
"""Articles of which each goes with the next one."""


def shopper(first: str, then: str = "", *, barred: bool = False) -> Shopper:
    """Somebody who bought an article, and later another one."""
    items = [first, then] if then else [first]
    weights, before = [4 * PRECISION, 2 * PRECISION], [4 * PRECISION, 0]
    some = len(items)
    return Shopper(
        items, weights[:some], before[:some], [True, False][:some], [barred, False][:some],
        [False, True][:some], 400,
    )  # fmt: skip


def pairs(persons: int = 10) -> RecommendationRows:
    """Twenty pairs: some persons bought both before, as many the first one, and then the other."""
    articles, shoppers = [], []
    for pair in range(PAIRS):
        first, then = f"A{pair:02d}", f"B{pair:02d}"
        articles += [SoldArticle(first, "a", 2 * persons), SoldArticle(then, "b", 2 * persons)]
        both = shopper(first, then)
        full = [4 * PRECISION, 4 * PRECISION]
        both = both._replace(
            weights=full, before=full, bought_before=[True, True], last=[False, False]
        )
        shoppers += [both] * persons + [shopper(first, then)] * persons
    return RecommendationRows(articles, shoppers)


def test_articles_are_near_by_the_angle_between_them() -> None:
    """Cosine of 3, 4 and 4, 3 is 0.96; what fewer persons know than asked for is not near, nor is
    an article to itself."""
    weights = np.array([[3.0, 4.0, 0.0], [4.0, 3.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 1.0]])
    found = nearness(weights[:2], 2)
    assert found[0, 1] == pytest.approx(24 / 25)
    assert found[0, 0] == found[1, 1] == 0
    few = nearness(weights, 2)
    assert few[0, 2] == 0
    assert few[0, 1] == pytest.approx(24 / (sqrt(26) * 5))
    assert nearness(weights, 1)[0, 2] == pytest.approx(1 / (sqrt(26) * sqrt(2)))


def test_more_hits_must_be_more_than_chance() -> None:
    """Of 100 customers whom one list alone meets, 60 to 40 differ by two deviations, 59 by less."""
    assert Hits(500, 160, 140, 60, 40).is_better
    assert not Hits(500, 159, 141, 59, 41).is_better
    assert not Hits(500, 140, 160, 40, 60).is_better
    assert not Hits(500, 0, 0, 0, 0).is_better


def test_pairs_are_foretold_and_named() -> None:
    """Whoever bought the first of a pair buys the second: these, half of all, are met by what goes
    together, and none of them by the ten that sell best."""
    found = compute(pairs(), CONTEXT)
    cells = {(one.by, one.key): one for one in found.breakdown}
    assert found.value == cells["check", "recommended"].value == 0.5
    assert found.counts == {"persons": 400, "articles": 40, "checked": 400}
    assert cells["check", "best_sellers"].value == 0.0
    assert found.flags == []
    assert cells["near A00", "B00"].n == 20
    assert cells["near A00", "B00"].value == pytest.approx(240 / sqrt(320 * 200))
    assert ("near A00", "B01") not in cells
    assert [one.key for one in found.breakdown if one.by == "top b"][:2] == ["B00", "B01"]


def test_what_is_no_better_is_not_recommended() -> None:
    """Where everybody buys the same article next, what sells best says so, too: nothing is named
    as going together; neither of few customers."""
    rows = pairs()
    same = [one._replace(items=[one.items[0], "B00"]) for one in rows.shoppers]
    found = compute(rows._replace(shoppers=same), CONTEXT)
    assert found.flags == [Flag.NOT_BETTER]
    assert not any(one.by.startswith("near") for one in found.breakdown)
    few = compute(rows._replace(shoppers=rows.shoppers[:40]), CONTEXT)
    assert few.flags == [Flag.SMALL_SAMPLE]
    assert compute(RecommendationRows([], []), CONTEXT).value is None


def test_what_is_owned_for_good_is_no_hit() -> None:
    """Neither list names it, so the customer who buys it again is not met."""
    one, none = np.array([[1.0, 0.0]] * 9), np.zeros((9, 2), dtype=bool)
    last = np.array([[True, False]] * 9)
    assert checked(ShopperMatrices(one, one, none, last), 5).popular == 9
    assert checked(ShopperMatrices(one, one, last, last), 5).popular == 0


def ago(days: float) -> timedelta:
    return timedelta(days=days)


def line(days: float, sku: str, category: str = "a") -> BoughtLine:
    total = Decimal(9)
    return BoughtLine(NOW - ago(days), f"o-{sku}", sku, category, Decimal(1), total, "EUR")


def told(facts: PersonFacts, answers: dict[str, MeasureResult], **rules: object) -> InsightScore:
    return scored(facts, answers, **rules)["recommendations"]


def test_a_customer_is_told_what_goes_with_the_own_articles() -> None:
    """With the article that leads to it and its events; the look of 90 days ago counts half."""
    answers = kept(MEASURE, pairs())
    near = {(one.by, one.key): one.value or 0 for one in answers[MEASURE.definition].breakdown}
    facts = PersonFacts(
        lines=[line(0.1, "A03")],
        looked=[Deed(NOW - ago(90), "v1", "A05"), Deed(NOW - ago(90.1), "v0", "A05")],
    )
    found = told(facts, answers)
    assert found.word == "B03"
    assert found.value == pytest.approx(4 * near["near A03", "B03"])
    assert found.reasons[0].what == "B03 goes with A03"
    assert found.reasons[0].event_ids == ["o-A03"]
    assert found.reasons[1].what == "B05 goes with A05"
    assert found.reasons[1].points == pytest.approx(0.5 * near["near A05", "B05"])
    assert found.reasons[1].event_ids == ["v1"]
    assert found.reasons[2].what == "A00 sells best"
    assert (len(found.reasons), found.compared_with) == (10, NOW)


def test_what_must_not_be_recommended() -> None:
    """What the customer sent back or owns for good, and what is withheld from all."""
    answers = kept(MEASURE, pairs())
    facts = PersonFacts(lines=[line(0.1, "A03"), line(9, "B03", "machines")])
    assert told(facts, answers).word == "B03"
    durable = RecommendationRules(durable=["machines"])
    assert told(facts, answers, recommendations=durable).word == "A03"
    back = PersonFacts(lines=[line(0.1, "A03")], sent_back=[Deed(NOW, "r", "B03")])
    assert told(back, answers).word == "A00"
    withheld = RecommendationRules(withheld=["B03"])
    only = PersonFacts(lines=[line(0.1, "A03")])
    assert told(only, answers, recommendations=withheld).word == "A00"


def test_where_it_is_no_better_what_sells_best_is_said() -> None:
    """In the category that the customer bought most, then of all; strangers get the latter."""
    rows = pairs()
    same = [one._replace(items=[one.items[0], "B00"]) for one in rows.shoppers]
    answers = kept(MEASURE, rows._replace(shoppers=same))
    found = told(PersonFacts(lines=[line(0.1, "A03", "b")]), answers)
    assert (found.word, found.value) == ("B00", None)
    assert found.reasons[0].what == "B00 sells best in b"
    assert found.reasons[0].event_ids == ["o-A03"]
    assert told(PersonFacts(), answers).reasons[0].what == "A00 sells best"


def test_nobody_is_told_without_an_answer_or_against_the_will() -> None:
    """No kept answer, and an objection to marketing, which forbids offers."""
    assert told(PersonFacts(), {}).absent is ScoreAbsence.NO_KEPT_ANSWER
    facts = PersonFacts(refusals=[Objection(NOW, "no")])
    assert told(facts, kept(MEASURE, pairs())).absent is ScoreAbsence.REFUSED

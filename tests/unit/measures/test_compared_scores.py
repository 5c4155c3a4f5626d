"""Scores of one customer that compare with the others, by kept answers of their measures."""

from __future__ import annotations

import sys
from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest

from schemas.api.insights import InsightScore, ScoreAbsence
from services.measures.catalogue import clv as clv_measure
from services.measures.catalogue import rfm as rfm_measure
from services.measures.catalogue.rfm import Scored, ScoredGroup
from services.measures.core.measure import AnyMeasure, shown
from services.measures.core.person import PersonContext, PersonFacts, Purchase, Refund
from services.measures.core.result import MeasureResult, Span
from services.measures.scores import SCORES
from services.measures.scores.clv import OwnHistory, expected_of
from services.measures.scores.rfm import score_of
from tests.published_purchases import CALIBRATED, cdnow
from tests.unit.measures.contexts import BERLIN, CONTEXT, MARCH
from tests.unit.measures.test_clv import histories

NOW = datetime(2026, 4, 2, 9, tzinfo=BERLIN)
PARAMETERS = {
    "r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426, "log_likelihood": -9_582.4,
    "p": 6.25, "q": 3.74, "v": 15.45,
}  # fmt: skip


def kept(measure: AnyMeasure, rows: object) -> dict[str, MeasureResult]:
    """The answer of a measure as it is kept, by its definition."""
    figures, flags = shown(measure.compute(rows, CONTEXT))
    result = MeasureResult(
        **figures._replace(flags=flags)._asdict(),
        measure=measure.name,
        definition=measure.definition,
        realm="default",
        population=measure.population.name,
        window=Span.model_validate({"from": MARCH.start, "until": MARCH.end}),
        as_of=NOW,
    )
    return {measure.definition: MeasureResult.model_validate_json(result.model_dump_json())}


def scored(
    facts: PersonFacts, answers: dict[str, MeasureResult], **more: object
) -> dict[str, InsightScore]:
    context = PersonContext(NOW, BERLIN, "EUR", CONTEXT.rules.model_copy(update=more), answers)
    return {one.score: one for score in SCORES for one in score.compute(facts, context)}


def bought(day: int, value: str, place: str = "shop", hour: int = 12, month: int = 3) -> Purchase:
    at = datetime(2026, month, day, hour, tzinfo=BERLIN)
    return Purchase(at, f"{month}-{day}-{hour}-{place}", place, "EUR", Decimal(value))


FREQUENCIES = [1, 1, 1, 1, 2, 2, 3, 5, 8, 13] * 3
SCORES_OF = {1: 1, 2: 3, 3: 4, 5: 4, 8: 5, 13: 5}
"""The worked example: occasions and their scores."""


def example() -> Scored:
    """Buyers who are equal but for their occasions, three times the ten of the example."""
    return Scored(
        [
            ScoredGroup(
                1, SCORES_OF[often], 1, FREQUENCIES.count(often), Decimal(9), 20, often, Decimal(9)
            )
            for often in SCORES_OF
        ]
    )


@pytest.mark.parametrize("often", SCORES_OF)
def test_a_customer_has_the_score_that_the_measure_gave(often: int) -> None:
    """By the worst value that has each score in the kept answer, on the worked example."""
    facts = PersonFacts(purchases=[bought(n + 1, "3.00") for n in range(often)])
    found = scored(facts, kept(rfm_measure.MEASURE, example()))["rfm"]
    points = [one.points for one in found.reasons]
    assert points[1] == SCORES_OF[often]
    assert (found.absent, found.compared_with) == (None, NOW)
    assert found.reasons[1].what == f"frequency: {often} occasions in the year"
    assert found.since == facts.purchases[-1].at


def test_scores_between_and_beyond_the_bounds() -> None:
    """The highest score whose worst value is reached; who is worse than all has the lowest; a bound
    that is not shown leaves it open."""
    bounds = {1: 1.0, 3: 2.0, 5: 8.0}
    assert [score_of(value, bounds) for value in (0, 1, 2, 7, 8, 99)] == [1, 1, 3, 3, 5, 5]
    assert score_of(2, {1: 1.0, 3: None, 5: 8.0}) is None
    assert score_of(9, {1: 1.0, 3: None, 5: 8.0}) == 5


def test_what_counts_is_in_the_window_of_the_answer() -> None:
    """Purchases of a day and place are one occasion; what was before, after, or came back is not
    added; other currencies neither."""
    purchases = [
        bought(5, "10.00"), bought(5, "5.00", hour=18), bought(5, "5.00", "pos"),
        bought(28, "100.00", month=2), bought(1, "100.00", month=4),
        bought(6, "7.00")._replace(currency="USD"),
    ]  # fmt: skip
    refunds = [
        Refund(bought(9, "0").at, "back", "EUR", Decimal("4.00")),
        Refund(bought(1, "0", month=4).at, "later", "EUR", Decimal("4.00")),
    ]
    found = scored(
        PersonFacts(purchases=purchases, refunds=refunds), kept(rfm_measure.MEASURE, example())
    )
    what = [one.what for one in found["rfm"].reasons]
    assert what == [
        "recency: last bought 25 days before the end of the window",
        "frequency: 3 occasions in the year",
        "monetary value: 16.00 EUR, less what was returned",
    ]
    assert "back" in found["rfm"].reasons[2].event_ids


def test_who_has_no_rfm_and_why() -> None:
    """Without a kept answer, without purchases in its window, with a score too few have."""
    one = PersonFacts(purchases=[bought(5, "10.00")])
    assert scored(one, {})["rfm"].absent is ScoreAbsence.NO_KEPT_ANSWER
    answers = kept(rfm_measure.MEASURE, example())
    before = PersonFacts(purchases=[bought(5, "10.00", month=2)])
    assert scored(before, answers)["rfm"].absent is ScoreAbsence.TOO_LITTLE
    few = Scored([
        ScoredGroup(1, 1, 1, 27, Decimal(9), 20, 1, Decimal(9)),
        ScoredGroup(1, 5, 1, 3, Decimal(9), 20, 8, Decimal(9)),
    ])  # fmt: skip
    assert scored(one, kept(rfm_measure.MEASURE, few))["rfm"].absent is ScoreAbsence.NOT_SHOWN


def test_the_published_customer() -> None:
    """Twice again, the last time after 30.43 of 38.86 weeks: alive with 0.7266; a mean of 20.00
    makes an expected spend of 22.74. In 39 weeks 1.226 purchases are expected, in 52 more."""
    found = expected_of(OwnHistory(2, 30.43, 38.86, 20.0), PARAMETERS, 0.0)
    assert found.alive == pytest.approx(0.7266, abs=5e-5)
    assert found.spend == pytest.approx(22.74, abs=5e-3)
    assert 1.226 < found.orders < 1.226 * 52 / 39
    assert found.worth == pytest.approx(found.orders * found.spend)
    assert expected_of(OwnHistory(2, 30.43, 38.86, 20.0), PARAMETERS, 0.1).worth < found.worth


def test_all_customers_together_are_the_measure() -> None:
    """Of 2,357 published customers: the mean of what each will spend is the value of the measure,
    and so is the mean chance that they still are customers."""
    purchases = list(cdnow())
    answers = kept(clv_measure.MEASURE, histories(purchases))
    by_customer: defaultdict[int, list[Purchase]] = defaultdict(list)
    for number, one in enumerate(purchases):
        if one.day < CALIBRATED:
            at = datetime.combine(one.day, time(12), BERLIN)
            by_customer[one.customer].append(Purchase(at, f"{number}", "shop", "EUR", one.dollars))
    now = datetime.combine(CALIBRATED, time(), BERLIN) - timedelta(seconds=1)
    [score] = [one for one in SCORES if one.definition == clv_measure.MEASURE.definition]
    context = PersonContext(now, BERLIN, "EUR", CONTEXT.rules, answers)
    worth = alive = 0.0
    for mine in by_customer.values():
        found = {one.score: one for one in score.compute(PersonFacts(purchases=mine), context)}
        worth += found["clv"].value or 0
        alive += found["clv_alive"].value or 0
    [answer] = answers.values()
    cells = {(one.by, one.key): one.value for one in answer.breakdown}
    assert worth / len(by_customer) == pytest.approx(answer.value, abs=0.01)
    assert alive / len(by_customer) == pytest.approx(cells["figure", "alive"], abs=1e-9)


def answer_with(parameters: dict[str, float]) -> dict[str, MeasureResult]:
    """A kept answer of the lifetime value with these parameters."""
    cells = [
        {"by": "parameter", "key": key, "n": 900, "value": value, "unit": ""}
        for key, value in parameters.items()
    ]
    [bare] = kept(rfm_measure.MEASURE, example()).values()
    definition = clv_measure.MEASURE.definition
    given = bare.model_dump(by_alias=True) | {"breakdown": cells, "definition": definition}
    return {definition: MeasureResult.model_validate(given)}


def test_the_margin_is_what_counts() -> None:
    """Of 30 per cent, of what was bought so far and of what is expected; else it is revenue."""
    facts = PersonFacts(
        purchases=[bought(5, "100.00", month=1), bought(5, "50.00")],
        refunds=[Refund(bought(9, "0").at, "back", "EUR", Decimal("50.00"))],
    )
    answers = answer_with(PARAMETERS)
    revenue, margin = scored(facts, answers), scored(facts, answers, margin=0.3)
    assert (revenue["clv_historic"].value, margin["clv_historic"].value) == (100.0, 30.0)
    assert margin["clv"].value == pytest.approx(0.3 * (revenue["clv"].value or 0), abs=0.01)
    assert "no margin is set" in revenue["clv"].reasons[0].what
    assert "30 % of it are margin" in margin["clv"].reasons[0].what
    assert revenue["clv"].compared_with == NOW


def test_who_has_no_lifetime_value_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing bought, no kept answer, no model that fitted, no SciPy; the past needs no model."""
    one = PersonFacts(purchases=[bought(5, "10.00")])
    assert scored(PersonFacts(), {})["clv_historic"].absent is ScoreAbsence.TOO_LITTLE
    assert scored(one, {})["clv"].absent is ScoreAbsence.NO_KEPT_ANSWER
    unfitted = answer_with({"r": 1.0})
    assert scored(one, unfitted)["clv_alive"].absent is ScoreAbsence.NOT_SHOWN
    monkeypatch.setitem(sys.modules, "services.measures.core.buying_and_dying", None)
    found = scored(one, answer_with(PARAMETERS))
    assert found["clv"].absent is ScoreAbsence.NOT_INSTALLED
    assert found["clv_historic"].value == 10.0


def test_occasions_are_days_of_the_realm() -> None:
    """Shortly before and after midnight in Berlin are two days, though one in UTC."""
    late = datetime(2026, 3, 5, 22, 30, tzinfo=UTC)
    purchases = [
        Purchase(late, "a", "shop", "EUR", Decimal(5)),
        Purchase(late + timedelta(hours=1), "b", "shop", "EUR", Decimal(5)),
    ]
    found = scored(PersonFacts(purchases=purchases), kept(rfm_measure.MEASURE, example()))
    assert found["rfm"].reasons[1].what.startswith("frequency: 2 occasions")

"""Lead scores: the worked example, what is capped and taken off, and whether the score is right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from schemas.rules.insights import LeadRules
from services.measures.catalogue.lead_score import LeadScores, ScoredLeads, compute
from services.measures.core.deeds import Deed
from services.measures.core.lead_points import Grade, LeadFacts, LeadScore, lead_score
from services.measures.core.measure import shown
from services.measures.core.result import Flag
from tests.unit.measures.contexts import CONTEXT

NOW = datetime(2026, 4, 1, tzinfo=UTC)
RULES = LeadRules(
    fit={"country=DE": 10, "role=decider": 15, "category=lamps": 20},
    behaviour={"quote.sent": 20, "product.viewed": 2, "email.clicked": 4},
    competitors=["rival.example"],
)


def deeds(what: str, *days: float) -> list[Deed]:
    """Of one type, so many days ago."""
    return [Deed(NOW - timedelta(days=day), f"{what}{day}", what) for day in days]


def score(traits: list[Deed], acts: list[Deed], domain: str = "") -> LeadScore:
    """Of a person."""
    return lead_score(LeadFacts(traits, acts, [domain] if domain else []), NOW, RULES)


FIT = [*deeds("country=DE", 90), *deeds("role=decider", 80)]
ACTS = [
    *deeds("quote.sent", 0.0), *deeds("product.viewed", 30, 30.0, 30), *deeds("email.clicked", 60)
]  # fmt: skip


def test_the_worked_example() -> None:
    """Fit 25; a quote of today 20, three views 30 days ago 3, a click 60 days ago 1: 49, B."""
    acts = [
        one._replace(at=NOW - timedelta(microseconds=1)) if one.what == "quote.sent" else one
        for one in ACTS
    ]
    found = score(FIT, acts)
    assert found.points == pytest.approx(49, abs=1e-5)
    assert (found.fit, found.grade) == (25, Grade.B)
    reasons = {one.what: one.points for one in found.grounds}
    assert reasons == pytest.approx({
        "quote.sent": 20, "role=decider": 15, "country=DE": 10, "product.viewed": 3,
        "email.clicked": 1,
    }, abs=1e-5)  # fmt: skip
    assert found.grounds[0].event_ids == ("quote.sent0.0",)
    assert score(FIT[::-1], acts[::-1]) == found


def test_both_parts_have_a_limit() -> None:
    """40 for what a person is, 60 for what the person does."""
    found = score([*FIT, *deeds("category=lamps", 5, 4)], deeds("quote.sent", *range(1, 20)))
    assert (found.fit, found.behaviour, found.points) == (40, 60, 100)
    assert found.grade is Grade.A


def test_what_costs_points() -> None:
    """Once, however old it is and however often it happened; a score is never below 0."""
    against = deeds("email.unsubscribed", 300, 20)
    assert score(FIT, against).points == 5
    assert score(FIT, against).grounds[-1].points == -20
    assert score(FIT, [], "Rival.example").points == 0
    assert score([], []).grade is Grade.C


def test_only_what_a_person_is_now_fits() -> None:
    """The latest country alone, and none once it was taken back; roles are several."""
    rules = RULES.model_copy(update={"fit": {**RULES.fit, "country=FR": 5}})
    for latest, fit in (("country=FR", 5), ("country=AT", 0), ("country=", 0), ("country=DE", 10)):
        traits = [*deeds("country=DE", 90), *deeds(latest, 30)]
        assert lead_score(LeadFacts(traits), NOW, rules).fit == fit, latest
        assert lead_score(LeadFacts(traits[::-1]), NOW, rules).fit == fit, latest
    assert score([*deeds("role=decider", 90), *deeds("role=user", 30)], []).fit == 15


def test_what_is_ahead_is_not_known() -> None:
    """Nor is what the rules do not name."""
    assert score(deeds("role=decider", -1), deeds("quote.sent", -1)).points == 0
    assert score(deeds("country=AT", 5), deeds("page.viewed", 5)).grounds == []


def test_rules_name_types_of_events() -> None:
    """One that does not exist would never count."""
    with pytest.raises(ValidationError, match="quote"):
        LeadRules(behaviour={"quote": 20})


def test_whether_the_score_is_right() -> None:
    """20 of 100 have an A; of the upper tenth of then 8 of 20 bought, of the lower 2 of 20."""
    rows = [
        ScoredLeads(False, "A", 10, 20, 0), ScoredLeads(False, "C", 1, 80, 0),
        ScoredLeads(True, "A", 10, 20, 8), ScoredLeads(True, "C", 1, 20, 2),
        ScoredLeads(True, "B", 5, 4, 0),
    ]  # fmt: skip
    found = compute(LeadScores(rows), CONTEXT)
    assert (found.n, found.value, found.flags) == (100, 0.2, [])
    assert found.counts == {"leads": 100, "a": 20, "b": 0, "c": 80}
    cells = {(one.by, one.key): one.value for one in found.breakdown}
    assert cells["won_by_tenth", "10"] == 0.4
    assert cells["won_by_tenth", "01"] == cells["won_by_grade", "C"] == 0.1
    wrong = [*rows[:3], ScoredLeads(True, "C", 1, 20, 9)]
    assert compute(LeadScores(wrong), CONTEXT).flags == [Flag.NOT_MONOTONE]


def test_a_grade_of_few_is_no_count() -> None:
    """Three have an A: the value says nothing, and neither A nor the next smallest is counted."""
    rows = [ScoredLeads(False, grade, 1, n, 0) for grade, n in (("A", 3), ("B", 9), ("C", 80))]
    figures, _ = shown(compute(LeadScores(rows), CONTEXT))
    assert (figures.n, figures.value, figures.counts) == (92, None, {"leads": 92, "c": 80})

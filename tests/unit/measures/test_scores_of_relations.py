"""What scores say of the relation with one customer, on the worked examples of their measures."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from schemas.api.insights import InsightScore, ScoreAbsence
from schemas.rules.insights import insight_rules
from services.measures.adapters import person_relations
from services.measures.catalogue import MEASURES
from services.measures.catalogue import leaving as leaving_measure
from services.measures.core.deeds import Deed
from services.measures.core.leaving_customers import LeavingSign, SignSeen
from services.measures.core.person import (
    BoughtLine,
    ContractReport,
    Objection,
    PersonContext,
    PersonFacts,
    Purchase,
)
from services.measures.core.result import MeasureResult
from services.measures.scores import SCORES
from tests.unit.measures.contexts import BERLIN
from tests.unit.measures.test_compared_scores import PARAMETERS, kept

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
TODAY = date(2026, 3, 20)
LEADS = {"country=DE": 10.0, "role=decider": 15.0}
GAPS = (95, 121, 152, 187, 215)
"""Days since the purchases of the worked example: between them 26, 31, 35 and 28."""


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def scored(facts: PersonFacts, **answers: MeasureResult) -> dict[str, InsightScore]:
    rules = insight_rules()
    leads = rules.leads.model_copy(update={"fit": LEADS, "competitors": ["rival.example"]})
    bonds = rules.bonds.model_copy(update={"accessories": {"machines": ["capsules"]}})
    rules = rules.model_copy(update={"leads": leads, "bonds": bonds, "margin": 0.5})
    by_definition = {one.definition: one for one in answers.values()}
    context = PersonContext(NOW, BERLIN, "EUR", rules, by_definition)
    return {one.score: one for score in SCORES for one in score.compute(facts, context)}


def bought(*days: float, category: str = "coffee", total: str = "10.00") -> dict[str, Any]:
    """Purchases and their lines."""
    return {
        "purchases": [Purchase(ago(n), f"o{n}", "shop", "EUR", Decimal(total)) for n in days],
        "lines": [
            BoughtLine(ago(n), f"o{n}", "S1", category, Decimal(2), Decimal(total), "EUR")
            for n in days
        ],
    }


def signs(*seen: LeavingSign) -> list[SignSeen]:
    return [SignSeen(TODAY - timedelta(days=97), one, f"s-{one}") for one in seen]


def usual(gap: float) -> MeasureResult:
    """A kept answer of `leaving` by which others buy coffee again after so many days."""
    group = leaving_measure.LeavingGroup(True, False, 5, False, [], 40)
    rows = leaving_measure.LeavingRows([group], [leaving_measure.UsualGap("coffee", 20, gap)])
    return kept(leaving_measure.MEASURE, rows)[leaving_measure.MEASURE.definition]


def lifetimes() -> MeasureResult:
    """A kept answer with the parameters of the models."""
    cells = [
        {"by": "parameter", "key": key, "value": one, "unit": ""} for key, one in PARAMETERS.items()
    ]
    result = usual(30).model_dump() | {"measure": "clv", "breakdown": cells}
    return MeasureResult.model_validate(result | {"definition": MEASURES["clv"].definition})


def test_overdue_customers_leave_for_the_likeliest_reason() -> None:
    """Gaps of 28, 35, 31 and 26 days have a median of 29.5: after 95 days 3.22, leaving; an answer
    of 2 is worth three points, an unanswered complaint three, a late answer two: service."""
    told = signs(
        LeavingSign.DETRACTOR, LeavingSign.COMPLAINT_UNANSWERED, LeavingSign.LATE_ANSWER
    )  # fmt: skip
    found = scored(PersonFacts(**bought(*GAPS), signs=told))
    state, why = found["leaving"], found["leaving_reason"]
    assert state.word == "leaving"
    assert state.value == pytest.approx(95 / 29.5)
    assert (state.since, state.compared_with) == (ago(95), None)
    assert state.reasons[0].what == "95 days since the last purchase; usual are 29.5"
    assert state.reasons[0].event_ids == [f"o{n}" for n in GAPS]
    assert (why.word, why.value) == ("service", 5)
    assert {one.what: one.points for one in why.reasons} == {
        "would not recommend us": 3, "has a complaint unanswered": 3,
        "was answered later than promised": 2,
    }  # fmt: skip
    assert why.reasons[0].event_ids == ["s-detractor"]
    equal = scored(PersonFacts(**bought(*GAPS), signs=told[:2]))["leaving_reason"]
    assert (equal.word, equal.value) == ("dissatisfaction, service", 3)
    active = scored(PersonFacts(**bought(5, 35, 65, 95), signs=told))
    assert active["leaving"].word == "active"
    assert active["leaving_reason"].absent is ScoreAbsence.TOO_LITTLE


def test_few_purchases_are_judged_by_others() -> None:
    """By the gap of the category in the kept answer; without one nothing is said."""
    facts = PersonFacts(**bought(50, 80))
    assert scored(facts)["leaving"].absent is ScoreAbsence.NO_KEPT_ANSWER
    found = scored(facts, leaving=usual(20))["leaving"]
    assert (found.word, found.value) == ("leaving", 2.5)
    assert found.compared_with is not None
    other = PersonFacts(**bought(50, category="lamps"))
    assert scored(other, leaving=usual(20))["leaving"].absent is ScoreAbsence.NOT_SHOWN
    contract = ContractReport(ago(20), "k1", "K", False, ago(-40), ago(-10), 120.0)
    assert scored(facts._replace(contracts=[contract]))["leaving"].word == "bound"
    over = contract._replace(notice_until=ago(1))
    assert scored(facts._replace(contracts=[over]), leaving=usual(20))["leaving"].word == "leaving"
    assert scored(PersonFacts(**bought(400)))["leaving"].word == "lost"


def test_what_is_at_stake_and_what_may_help() -> None:
    """The mean margin of the two best years as far as the customer is gone, and the offer that fits
    the reason; nothing of whom objected to marketing."""
    pytest.importorskip("scipy")
    facts = PersonFacts(**bought(*GAPS), signs=signs(LeavingSign.DETRACTOR))
    assert scored(facts)["win_back"].absent is ScoreAbsence.NO_KEPT_ANSWER
    found = scored(facts, clv=lifetimes())
    stake, alive = found["win_back"], found["clv_alive"].value
    assert alive is not None
    assert stake.value == pytest.approx(50 * 0.5 / 2 * (1 - alive), abs=0.005)
    assert (stake.word, stake.unit) == ("talk_and_fix", "EUR")
    assert stake.reasons[1].event_ids == ["s-detractor"]
    refused = scored(facts._replace(refusals=[Objection(ago(1), "no")]), clv=lifetimes())
    assert (refused["win_back"].absent, refused["win_back"].value) == (ScoreAbsence.REFUSED, None)
    assert refused["win_back"].reasons[0].event_ids == ["no"]
    assert refused["leaving"].word == "leaving"


def test_what_is_due() -> None:
    """Gaps of 30, 33 and 27 days: due 30 days after the last purchase, give or take 3."""
    found = scored(PersonFacts(**bought(10, 37, 70, 100)))["due"]
    assert (found.word, found.value, found.since) == ("due", 20, ago(10))
    assert found.at is not None
    assert found.at.date() == date(2026, 4, 9)
    first = found.reasons[0]
    assert first.what == "due: category coffee every 30 days, give or take 3, next in 20 days"
    assert first.event_ids == ["o10", "o37", "o70", "o100"]
    ends = ContractReport(ago(300), "k1", "K", False, ago(-60), ago(-20), None)
    term = scored(PersonFacts(contracts=[ends]))["due_contract"]
    assert (term.word, term.value, term.at) == ("ahead", 60, ago(-60))
    assert term.reasons[0].what.endswith("notice can be given until 2026-04-09")
    given_up = ends._replace(at=ago(3), event_id="k2", is_ended=True)
    gone = scored(PersonFacts(contracts=[ends, given_up]))["due_contract"]
    assert gone.absent is ScoreAbsence.TOO_LITTLE


def test_who_says_nothing_and_does_less_is_silent() -> None:
    """Two occasions and falling activity without a word; one word is enough to be heard."""
    acts = [Deed(ago(n), f"a{n}", "product.viewed") for n in (20, 100, 190, 200, 290, 300, 400)]
    facts = PersonFacts(**bought(120, 60), deeds=acts)
    found = scored(facts)["silent"]
    assert found.word == "silent"
    assert found.value == pytest.approx(4 / 6)
    assert found.reasons[0].event_ids == ["o60", "o120"]
    heard = facts._replace(voices=[Deed(ago(30), "c1", "complaint.opened")])
    assert scored(heard)["silent"].word == "not_silent"
    assert scored(PersonFacts(**bought(60)))["silent"].absent is ScoreAbsence.TOO_LITTLE


def test_bound_customers_who_would_rather_leave() -> None:
    """A contract for five months and a bad experience: bound only; a good one: attached, too."""
    ends = ContractReport(ago(200), "k1", "K", False, ago(-160), None, None)
    facts = PersonFacts(contracts=[ends], feelings=[Deed(ago(5), "n1", "", -1)])
    found = scored(facts)["bonds"]
    assert (found.word, found.value) == ("bound_only", 1)
    assert found.reasons[0].what == "contractual: a contract for 5 months"
    assert found.reasons[0].event_ids == ["k1"]
    glad = facts._replace(feelings=[Deed(ago(5), "n1", "", 1)])
    assert scored(glad)["bonds"].word == "bound_and_attached"
    assert scored(PersonFacts(**bought(9)))["bonds"].word == "free"
    assert scored(PersonFacts(**bought(900)))["bonds"].absent is ScoreAbsence.TOO_LITTLE


def test_points_of_a_lead() -> None:
    """Fit 25; a quote today 20, three looks of 30 days ago 3, a click of 60 days ago 1: 49, B. The
    value of an attribute is not repeated."""
    deeds = [Deed(ago(0.0001), "q", "quote.sent"), Deed(ago(60), "c", "email.clicked")]
    deeds += [Deed(ago(30), f"v{n}", "product.viewed") for n in range(3)]
    traits = [Deed(ago(90), "u1", "country=DE"), Deed(ago(80), "u2", "role=decider")]
    facts = PersonFacts(deeds=deeds, traits=traits)
    found = scored(facts)["lead_score"]
    assert found.word == "B"
    assert found.value == pytest.approx(49, abs=0.001)
    assert [one.what for one in found.reasons] == [
        "asked for a quote", "fits by role decider", "fits by country", "looked at products",
        "followed a link in a mail",
    ]  # fmt: skip
    assert found.reasons[3].event_ids == ["v2", "v1", "v0"]
    rival = facts._replace(traits=[*traits, Deed(ago(90), "u1", "email=rival.example")])
    assert scored(rival)["lead_score"].value == pytest.approx(9, abs=0.001)
    buyer = facts._replace(purchases=[Purchase(ago(1), "o", "shop", "EUR", Decimal(1))])
    assert scored(buyer)["lead_score"].absent is ScoreAbsence.TOO_LITTLE


def test_no_measure_names_a_person() -> None:
    """The rows that measures are made of count persons and name none: who objects to profiling is
    in no list, since there is none."""
    naming = ("profile", "profile_id", "node", "person", "respondent", "email", "address")
    for measure in MEASURES.values():
        for row in measure.rows.values():
            assert not set(row._fields) & set(naming), measure.name


def test_of_every_table_only_the_rows_of_the_customer_are_read() -> None:
    """Each statement names the identifiers wherever it reads a table by identifier."""
    tables = "group_facts|interactions|map|node_values|observations|orders|surveys|touchpoints"
    statements = {k: sql for k, sql in vars(person_relations).items() if k.endswith("_SQL")}
    assert statements
    for name, sql in statements.items():
        read = len(re.findall(rf"FROM (?:{tables})\b", sql))
        assert read == sql.count("node IN {nodes:Array(UUID)}") > 0, name

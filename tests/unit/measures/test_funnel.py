"""Funnel: the worked example, where leads are lost, and how many a target needs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from schemas.rules.insights import InsightRules
from services.measures.catalogue.funnel import LeadGroup, Leads, StepDays, compute, stages
from services.measures.core.measure import shown
from tests.unit.measures.contexts import CONTEXT

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
LEADS = [
    LeadGroup(MARCH, "shop", 1, "", 60, Decimal(600)),
    LeadGroup(MARCH, "shop", 2, "", 24, Decimal(240)),
    LeadGroup(MARCH, "fair", 3, "price", 15, Decimal(150)),
    LeadGroup(APRIL, "fair", 3, "need", 12, Decimal(120)),
    LeadGroup(APRIL, "fair", 4, "", 9, Decimal("90.50")),
]
STEPS = [StepDays(1, 3, 30), StepDays(1, 9, 30), StepDays(2, 5, 36), StepDays(3, 16, 9)]
ROWS = Leads(LEADS, STEPS)


def test_worked_example() -> None:
    """120 → 60 → 36 → 9: steps of 50, 60 and 25 %, in all 7.5 %."""
    found = compute(ROWS, CONTEXT)
    assert (found.n, found.value) == (120, 0.075)
    assert found.counts == {"interest": 120, "talk": 60, "offer": 36, "contract": 9}
    values = {(one.by, one.key): one.value for one in found.breakdown}
    assert {key: value for key, value in values.items() if key[0] == "step"} == {
        ("step", "talk"): 0.5, ("step", "offer"): 0.6, ("step", "contract"): 0.25,
    }  # fmt: skip
    assert values["median_days", "talk"] == 3
    assert (values["worth", "offer"], values["worth", "contract"]) == (270, 90.5)
    assert (values["channel", "shop"], values["channel", "fair"]) == (0, 0.25)
    assert values["month", "2026-04"] == 9 / 21
    assert (values["lost", "price"], values["lost", "need"]) == (15, 12)


@pytest.mark.parametrize(("target", "needed"), [(15, 200), (16, 214), (0, None)])
def test_leads_that_a_target_needs(target: int, needed: int | None) -> None:
    """15 contracts at 7.5 % need 200 leads; a part of a lead is a whole one."""
    rules = InsightRules(target_contracts=target)
    assert compute(ROWS, CONTEXT._replace(rules=rules)).counts.get("needed_leads") == needed


def test_nobody_follows_by_subtraction() -> None:
    """One of ten leads came no further than to the first stage, three came to an offer: neither
    what that one is worth is shown, nor how many the three are."""
    leads = [
        LeadGroup(MARCH, "shop", 1, "", 1, Decimal(77_777)),
        LeadGroup(MARCH, "shop", 2, "", 6, Decimal(600)),
        LeadGroup(MARCH, "shop", 3, "", 3, Decimal(300)),
    ]
    figures, _ = shown(compute(Leads(leads, []), CONTEXT))
    assert figures.counts == {"interest": 10, "talk": 9, "contract": 0}
    assert not any(one.value for one in figures.breakdown if one.by == "worth")


def test_no_leads() -> None:
    """Then nothing is known of any step."""
    found = compute(Leads([], []), CONTEXT._replace(rules=InsightRules(target_contracts=9)))
    assert (found.n, found.value) == (0, None)
    assert "needed_leads" not in found.counts


def test_names_of_stages() -> None:
    """Whatever a sales system calls them, in any case."""
    rules = InsightRules.model_validate(
        {"stages": {"contract": ["Won", "Closed Won", "Vertragsabschluß"]}}
    )
    given = stages(CONTEXT._replace(rules=rules))
    pairs = dict(zip(given["stages"], given["stage_numbers"], strict=True))
    # As lowerUTF8 of the store, not as casefold, which writes ss.
    assert pairs == {
        "interest": 1,
        "talk": 2,
        "offer": 3,
        "won": 4,
        "closed won": 4,
        "vertragsabschluß": 4,
    }

"""Sales plan: what was reached of a plan for a month, in windows of other lengths."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schemas.rules.insights import InsightRules
from services.measures.catalogue.sales_plan import Work, WorkDone, compute, months_of
from services.measures.core.measure import shown
from services.measures.core.window import Window
from tests.unit.measures.contexts import CONTEXT

PLAN = InsightRules.model_validate({
    "plan": {"s-1": {"orders": 10, "visits": 20}, "s-2": {"orders": 10}}
})  # fmt: skip
YEAR = Window(CONTEXT.window.start, CONTEXT.window.start + timedelta(days=365))
ROWS = Work([
    WorkDone("", "", 90, 300), WorkDone("", "orders", 80, 180), WorkDone("", "visits", 40, 60),
    WorkDone("s-1", "orders", 60, 120), WorkDone("s-2", "orders", 20, 60),
    WorkDone("s-1", "visits", 40, 60), WorkDone("", "quotes", 9, 9),
    WorkDone("s-3", "quotes", 9, 9),
])  # fmt: skip


def test_a_year_has_twelve_months_of_the_plan() -> None:
    """180 orders of 240; the first employee reaches all of his, the second one half."""
    found = compute(ROWS, CONTEXT._replace(rules=PLAN, window=YEAR))
    assert found.n == 90
    assert found.value == pytest.approx(0.75)
    assert found.counts == {"orders": 180, "visits": 60, "quotes": 9, "first_calls": 0}
    values = {(one.by, one.key): one.value for one in found.breakdown}
    assert values["orders", "s-2"] == 60
    assert values["orders_of_plan", "s-1"] == pytest.approx(1)
    assert values["orders_of_plan", "s-2"] == pytest.approx(0.5)
    assert values["visits_of_plan", "s-1"] == pytest.approx(0.25)
    assert values["quotes", "s-3"] == 9
    assert ("quotes_of_plan", "s-3") not in values


def test_who_is_hidden_in_numbers_is_hidden_in_shares() -> None:
    """Orders of two persons hide those of the next employee, also as a part of the plan: with the
    total the first ones would follow."""
    rows = Work([
        WorkDone("", "", 10, 10), WorkDone("", "orders", 10, 10), WorkDone("s-1", "orders", 8, 8),
        WorkDone("s-3", "orders", 2, 2),
    ])  # fmt: skip
    figures, _ = shown(compute(rows, CONTEXT._replace(rules=PLAN)))
    assert [(one.by, one.key) for one in figures.breakdown if one.value] == [("total", "orders")]


def test_orders_of_few_are_in_no_figure() -> None:
    """One order beside six visits: neither counted, nor a part of the plan; visits are shown."""
    rows = Work([
        WorkDone("", "", 7, 7), WorkDone("", "orders", 1, 1), WorkDone("", "visits", 6, 6),
    ])  # fmt: skip
    figures, _ = shown(compute(rows, CONTEXT._replace(rules=PLAN)))
    assert (figures.value, figures.counts) == (None, {"visits": 6, "quotes": 0, "first_calls": 0})
    assert [(one.key, one.value) for one in figures.breakdown if one.value] == [("visits", 6)]


def test_without_a_plan() -> None:
    """There is no share then; what was done is shown."""
    found = compute(ROWS, CONTEXT)
    assert (found.n, found.value, found.counts["orders"]) == (90, None, 180)


def test_months_of_a_window() -> None:
    """March has 31 of the 30.4 days of a mean month."""
    assert months_of(CONTEXT) == pytest.approx(31 / (365 / 12))

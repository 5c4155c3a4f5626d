"""Sales plan: what was reached of a plan for a month, in windows of other lengths."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schemas.rules.insights import InsightRules
from services.measures.catalogue.sales_plan import Work, WorkDone, compute, months_of
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


def test_without_a_plan() -> None:
    """There is no share then; what was done is shown."""
    found = compute(ROWS, CONTEXT)
    assert (found.n, found.value, found.counts["orders"]) == (90, None, 180)


def test_months_of_a_window() -> None:
    """March has 31 of the 30.4 days of a mean month."""
    assert months_of(CONTEXT) == pytest.approx(31 / (365 / 12))

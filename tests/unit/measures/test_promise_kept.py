"""Promise kept: a share of deliveries; what did not arrive is beside it."""

from __future__ import annotations

from schemas.rules.insights import InsightRules
from services.measures.catalogue.promise_kept import KeptOn, Promises, compute, delivered
from tests.unit.measures.contexts import CONTEXT


def test_share_of_deliveries() -> None:
    """39 of 52 deliveries came in time; five orders are overdue and in no share."""
    rows = Promises([KeptOn("", 50, 39, 13, 5), KeptOn("shop", 50, 39, 13, 5)])
    found = compute(rows, CONTEXT)
    assert (found.n, found.value) == (50, 0.75)
    assert found.counts == {"persons": 50, "kept": 39, "late": 13, "overdue": 5}
    assert [(cell.key, cell.value) for cell in found.breakdown] == [("shop", 0.75)]


def test_states_of_the_rules() -> None:
    """Goods that may be collected are there; a retailer may write states in capitals."""
    assert "ready_for_collection" in delivered(CONTEXT)["delivered"]
    rules = InsightRules(delivered=["Zugestellt"])
    assert delivered(CONTEXT._replace(rules=rules))["delivered"] == ["zugestellt"]

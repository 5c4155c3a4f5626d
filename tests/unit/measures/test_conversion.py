"""Conversion: the worked example of regulars and newcomers."""

from __future__ import annotations

from services.measures.catalogue.conversion import Visits, VisitsOf, compute
from tests.unit.measures.contexts import CONTEXT

ROWS = Visits([
    VisitsOf("all", 400, 154, 246, 7),
    VisitsOf("regulars", 200, 130, 70, 7),
    VisitsOf("newcomers", 200, 24, 176, 0),
    VisitsOf("with_dialogue", 50, 30, 20, 0),
])  # fmt: skip


def test_regulars_and_newcomers() -> None:
    """130 of 200 regulars order, 65 %, and 24 of 200 newcomers, 12 %."""
    found = compute(ROWS, CONTEXT)
    values = {(cell.by, cell.key): cell.value for cell in found.breakdown}
    assert values == {
        ("customers", "regulars"): 0.65,
        ("customers", "newcomers"): 0.12,
        ("dialogue", "with_dialogue"): 0.6,
    }
    assert (found.n, found.value) == (400, 154 / 400)
    assert found.counts == {"persons": 400, "visits": 400, "ordered": 154, "open": 7}


def test_no_visits() -> None:
    """Then the share is undefined."""
    found = compute(Visits([]), CONTEXT)
    assert (found.n, found.value, found.breakdown) == (0, None, [])

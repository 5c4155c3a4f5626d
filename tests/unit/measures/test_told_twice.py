"""Told twice: a share of cases, and how often these change hands."""

from __future__ import annotations

from services.measures.catalogue.told_twice import ToldCases, ToldOn, compute
from tests.unit.measures.contexts import CONTEXT


def test_share_of_cases() -> None:
    """Six of 40 cases, of which four were passed on, one of them twice."""
    rows = ToldCases([ToldOn("", 38, 40, 6, 4, 5), ToldOn("phone", 38, 40, 6, 4, 5)])
    found = compute(rows, CONTEXT)
    assert (found.n, found.value) == (38, 0.15)
    values = {(cell.by, cell.key): cell.value for cell in found.breakdown}
    assert values == {
        ("channel", "phone"): 0.15,
        ("figure", "passed_on"): 0.1,
        ("figure", "transfers"): 0.125,
    }


def test_no_cases() -> None:
    """Then the share is undefined."""
    found = compute(ToldCases([]), CONTEXT)
    assert (found.n, found.value) == (0, None)
    assert [cell.value for cell in found.breakdown] == [None, None]

"""First contact solved: cases that may still come back are not judged."""

from __future__ import annotations

from services.measures.catalogue.first_contact_solved import SolvedCases, SolvedOn, compute
from tests.unit.measures.contexts import CONTEXT


def test_open_cases_are_not_judged() -> None:
    """24 of 40 are solved with the first contact; of three more nobody knows yet."""
    rows = SolvedCases([SolvedOn("contact_form", 40, 24, 16, 3), SolvedOn("", 40, 24, 16, 3)])
    found = compute(rows, CONTEXT)
    assert (found.n, found.value) == (40, 0.6)
    assert found.counts == {"persons": 40, "solved": 24, "unsolved": 16, "open": 3}
    [cell] = found.breakdown
    assert (cell.by, cell.key, cell.value) == ("channel", "contact_form", 0.6)


def test_no_cases() -> None:
    """Then the share is undefined."""
    found = compute(SolvedCases([]), CONTEXT)
    assert (found.n, found.value, found.interval) == (0, None, None)

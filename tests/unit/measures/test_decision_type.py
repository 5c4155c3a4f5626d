"""Decision types: shares of all lines."""

from __future__ import annotations

from services.measures.catalogue.decision_type import DecidedLines, DecisionRows, compute
from services.measures.core.measure import shown
from tests.unit.measures.contexts import CONTEXT


def test_shares_of_all_lines() -> None:
    """Persons may decide in several ways; the value is the part of which it is known how."""
    rows = DecisionRows([
        DecidedLines("habitual", 30, 50),
        DecidedLines("", 80, 200),
        DecidedLines("impulsive", 40, 70),
        DecidedLines("unknown", 20, 80),
    ])  # fmt: skip
    found = compute(rows, CONTEXT)
    assert (found.n, found.value) == (80, 0.6)
    assert found.counts == {
        "habitual": 50, "extensive": 0, "limited": 0, "impulsive": 70, "unknown": 80, "persons": 80,
        "lines": 200,
    }  # fmt: skip
    cells = {one.key: (one.n, one.value) for one in found.breakdown}
    assert cells == {"habitual": (30, 0.25), "impulsive": (40, 0.35), "unknown": (20, 0.4)}


def test_nothing_was_bought() -> None:
    """Then there is no share."""
    found = compute(DecisionRows([]), CONTEXT)
    assert (found.n, found.value) == (0, None)


def test_lines_of_few_are_no_count() -> None:
    """Two bought by habit: their lines are not counted, nor those of the unknown, nor the value."""
    rows = [("", 50, 90), ("habitual", 2, 10), ("limited", 45, 50), ("unknown", 20, 30)]
    figures, _ = shown(compute(DecisionRows([DecidedLines(*one) for one in rows]), CONTEXT))
    assert (figures.n, figures.value) == (50, None)
    assert not {"habitual", "unknown"} & {*figures.counts}
    assert figures.counts["limited"] == 50

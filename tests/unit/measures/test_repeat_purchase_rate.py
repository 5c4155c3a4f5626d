"""Repeat purchase rate: the worked example, and what becomes of the counts of the store."""

from __future__ import annotations

from decimal import Decimal

from services.measures.catalogue.repeat_purchase_rate import (
    BuyerGroup,
    NumberedOccasions,
    Repeating,
    compute,
)
from tests.unit.measures.contexts import CONTEXT


def test_worked_example() -> None:
    """120 buyers, 42 of them with two occasions: 35 %."""
    found = compute(Repeating([BuyerGroup(1, 1, 78), BuyerGroup(2, 2, 42)], []), CONTEXT)
    assert (found.n, found.value) == (120, 0.35)
    assert found.counts == {"buyers": 120, "repeat_buyers": 42, "returning_buyers": 42}
    assert found.interval is not None
    assert (round(found.interval.low, 3), round(found.interval.high, 3)) == (0.271, 0.439)


def test_returning_counts_earlier_purchases() -> None:
    """An occasion before the window makes a buyer return, not repeat in the window."""
    found = compute(Repeating([BuyerGroup(1, 2, 1), BuyerGroup(1, 1, 1)], []), CONTEXT)
    assert found.counts == {"buyers": 2, "repeat_buyers": 0, "returning_buyers": 1}
    [returning] = found.breakdown
    assert (returning.key, returning.n, returning.value) == ("returning", 2, 0.5)


def test_revenue_by_occasion() -> None:
    """The mean of first, second … occasions, in their order, to the digits of the currency."""
    rows = [
        NumberedOccasions(5, 2, 6, Decimal("10.0000")),
        NumberedOccasions(1, 3, 3, Decimal("12.0000")),
    ]
    _, *cells = compute(Repeating([], rows), CONTEXT).breakdown
    assert [(cell.key, cell.n, cell.value, cell.unit) for cell in cells] == [
        ("1", 3, 4.0, "EUR"),
        ("5+", 2, 1.67, "EUR"),
    ]


def test_nobody_bought() -> None:
    """Without buyers the rate is undefined, not zero."""
    found = compute(Repeating([], []), CONTEXT)
    assert (found.n, found.value, found.interval) == (0, None, None)

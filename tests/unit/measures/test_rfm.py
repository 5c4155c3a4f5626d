"""Recency, frequency, monetary value: groups by their names, and too few buyers."""

from __future__ import annotations

from decimal import Decimal

from services.measures.catalogue.rfm import Scored, ScoredGroup, compute
from services.measures.core.result import Flag
from tests.unit.measures.contexts import CONTEXT


def test_named_groups() -> None:
    """The first rule that fits names a group; shares of buyers and of revenue add up to one."""
    rows = Scored([
        ScoredGroup(5, 5, 5, 10, Decimal(600), 30, 1, Decimal(1)),
        ScoredGroup(5, 5, 1, 5, Decimal(100), 30, 1, Decimal(1)),
        ScoredGroup(3, 4, 3, 15, Decimal(200), 30, 1, Decimal(1)),
        ScoredGroup(2, 5, 3, 10, Decimal(50), 30, 1, Decimal(1)),
        ScoredGroup(4, 1, 1, 20, Decimal(30), 30, 1, Decimal(1)),
        ScoredGroup(1, 1, 1, 30, Decimal(20), 30, 1, Decimal(1)),
        ScoredGroup(3, 1, 1, 10, Decimal(0), 30, 1, Decimal(1)),
    ])  # fmt: skip
    found = compute(rows, CONTEXT)
    assert (found.n, found.value, found.flags) == (100, 100, ())
    cells = {(cell.by, cell.key): (cell.n, cell.value) for cell in found.breakdown}
    assert {key: value for key, value in cells.items() if key[0] == "group"} == {
        ("group", "champions"): (15, 0.15),
        ("group", "loyal"): (15, 0.15),
        ("group", "at_risk"): (10, 0.1),
        ("group", "recent"): (20, 0.2),
        ("group", "lost"): (30, 0.3),
        ("group", "other"): (10, 0.1),
    }
    assert cells["revenue", "champions"] == (15, 0.7)
    assert cells["recency", "5"] == (15, 0.15)
    for by in ("group", "revenue", "recency", "frequency", "monetary"):
        assert sum(value or 0 for (name, _), (_, value) in cells.items() if name == by) == 1


def test_the_worst_value_that_has_a_score() -> None:
    """Of all groups with it: the most days, the fewest occasions, the least money."""
    rows = Scored([
        ScoredGroup(5, 4, 5, 10, Decimal(600), 12, 3, Decimal("41.50")),
        ScoredGroup(5, 5, 5, 20, Decimal(100), 9, 7, Decimal("40.00")),
    ])  # fmt: skip
    cells = {(one.by, one.key): one for one in compute(rows, CONTEXT).breakdown}
    assert (cells["days_at_most", "5"].value, cells["days_at_most", "5"].n) == (12, 30)
    assert cells["occasions_from", "4"].value == 3
    assert cells["occasions_from", "5"].value == 7
    assert (cells["money_from", "5"].value, cells["money_from", "5"].unit) == (40.0, "EUR")
    assert ("money_from", "4") not in cells


def test_too_few_buyers() -> None:
    """Scores among 24 buyers say nothing, and are not told."""
    found = compute(Scored([ScoredGroup(5, 5, 5, 24, Decimal(600), 30, 1, Decimal(1))]), CONTEXT)
    assert (found.n, found.value, list(found.breakdown)) == (24, None, [])
    assert found.flags == [Flag.SMALL_SAMPLE]


def test_more_was_returned_than_bought() -> None:
    """Without revenue there are no shares of it."""
    found = compute(Scored([ScoredGroup(5, 5, 5, 30, Decimal(-6), 30, 1, Decimal(1))]), CONTEXT)
    assert {cell.value for cell in found.breakdown if cell.by == "revenue"} == {None}

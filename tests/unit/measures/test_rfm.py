"""Recency, frequency, monetary value: groups by their names, and too few buyers."""

from __future__ import annotations

from decimal import Decimal

from services.measures.catalogue.rfm import Scored, ScoredGroup, compute
from services.measures.core.result import Flag
from tests.unit.measures.contexts import CONTEXT


def test_named_groups() -> None:
    """The first rule that fits names a group; shares of buyers and of revenue add up to one."""
    rows = Scored([
        ScoredGroup(5, 5, 5, 10, Decimal(600)),
        ScoredGroup(5, 5, 1, 5, Decimal(100)),
        ScoredGroup(3, 4, 3, 15, Decimal(200)),
        ScoredGroup(2, 5, 3, 10, Decimal(50)),
        ScoredGroup(4, 1, 1, 20, Decimal(30)),
        ScoredGroup(1, 1, 1, 30, Decimal(20)),
        ScoredGroup(3, 1, 1, 10, Decimal(0)),
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


def test_too_few_buyers() -> None:
    """Scores among 24 buyers say nothing, and are not told."""
    found = compute(Scored([ScoredGroup(5, 5, 5, 24, Decimal(600))]), CONTEXT)
    assert (found.n, found.value, list(found.breakdown)) == (24, None, [])
    assert found.flags == [Flag.SMALL_SAMPLE]


def test_more_was_returned_than_bought() -> None:
    """Without revenue there are no shares of it."""
    found = compute(Scored([ScoredGroup(5, 5, 5, 30, Decimal(-6))]), CONTEXT)
    assert {cell.value for cell in found.breakdown if cell.by == "revenue"} == {None}

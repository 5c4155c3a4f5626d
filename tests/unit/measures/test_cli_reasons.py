"""Why customers stay: shares of reasons, and the loyalty of those who give each."""

from __future__ import annotations

from services.measures.catalogue.cli_reasons import Reasoned, ReasonGroup, Reasons, compute
from tests.unit.measures.contexts import CONTEXT


def test_reasons() -> None:
    """The most frequent first; the index of each is of whole responses."""
    rows = [
        ReasonGroup("price", 6, 6, 5, 5, 250.0, 12_500.0),
        ReasonGroup("quality", 8, 8, 8, 8, 600.0, 45_000.0),
    ]
    found = compute(Reasons(rows, [Reasoned(14)]), CONTEXT)
    assert (found.n, found.value) == (14, 8 / 14)
    assert found.counts == {"quality": 8, "price": 6, "service": 0, "other": 0}
    assert [(one.by, one.key, one.n, one.value) for one in found.breakdown] == [
        ("reason", "quality", 8, 8 / 14),
        ("reason", "price", 6, 6 / 14),
        ("index", "quality", 8, 75.0),
        ("index", "price", 5, 50.0),
    ]


def test_nobody_gave_a_reason() -> None:
    """Then none is the most frequent."""
    found = compute(Reasons([], [Reasoned(0)]), CONTEXT)
    assert (found.n, found.value, list(found.breakdown)) == (0, None, [])

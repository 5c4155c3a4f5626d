"""Public reviews: every figure of them says who speaks there."""

from __future__ import annotations

from services.measures.catalogue import reviews
from services.measures.catalogue.reviews import Reviews
from services.measures.core.result import Flag
from tests.unit.measures.contexts import CONTEXT
from tests.unit.measures.rating_rows import ROWS


def test_reviews_are_flagged_everywhere() -> None:
    """Whoever reads a single figure of them must know it, too."""
    found = reviews.compute(Reviews(ROWS), CONTEXT)
    assert found.flags == [Flag.BIASED_SOURCE]
    assert all(one.flags == [Flag.BIASED_SOURCE] for one in found.breakdown)
    assert reviews.compute(Reviews([]), CONTEXT).value is None

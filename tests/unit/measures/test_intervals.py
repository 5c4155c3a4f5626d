"""Intervals of means: quantiles as tables have them, and values that are all equal."""

from __future__ import annotations

import pytest

from services.measures.core.intervals import Moments, student


@pytest.mark.parametrize(
    ("degrees", "quantile"), [(10, 2.2281), (29, 2.0452), (60, 2.0003), (1000, 1.9623)]
)
def test_quantiles_of_student(degrees: int, quantile: float) -> None:
    """As tables have them."""
    assert student(degrees) == pytest.approx(quantile, abs=1e-4)


def test_equal_values_have_a_narrow_interval() -> None:
    """Rounding makes no root of a negative number."""
    found = Moments(30, 30 * 0.1, 30 * 0.1 * 0.1).interval
    assert found is not None
    assert found.high - found.low == pytest.approx(0, abs=1e-6)
    assert Moments(0, 0, 0).mean is None

"""How far a clock is from another: no more is claimed than the readings show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.runtime.clock import skew_s

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("there", "took", "ahead"),
    [
        (0.5, 1.0, 0.0),
        (0.0, 0.0, 0.0),
        (-3.0, 1.0, 3.0),
        (4.0, 1.0, -3.0),
        (-86_400.0, 0.1, 86_400.0),
    ],
)
def test_skew(there: float, took: float, ahead: float) -> None:
    """What lies between the two readings is no skew; beyond them it is the least that it can be."""
    after = NOON + timedelta(seconds=took)
    assert skew_s(NOON, NOON + timedelta(seconds=there), after) == pytest.approx(ahead)

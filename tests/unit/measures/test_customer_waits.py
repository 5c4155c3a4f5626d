"""How long customers wait, of whom some still do."""

from __future__ import annotations

import pytest

from services.measures.core.waiting import MEDIAN, NINE_OF_TEN, EqualWaits, waited_at_most


def over(*times: float) -> list[EqualWaits]:
    """Customers who got what they waited for."""
    return [EqualWaits(one, is_over=True, many=1) for one in times]


@pytest.mark.parametrize(("share", "value"), [(MEDIAN, 5), (NINE_OF_TEN, 9), (1.0, 10)])
def test_everybody_was_served(share: float, value: float) -> None:
    """Without anybody who waits still, it is the smallest time that suffices for the share."""
    assert waited_at_most(share, over(*range(1, 11))) == value


def test_whoever_still_waits_counts() -> None:
    """Three served after 1, 3, 5; two left the observation after 2 and 5: the curve is 4/5, then
    4/5 × 2/3, then half of that (by hand, after Kaplan and Meier 1958)."""
    waits = [
        *over(1, 3, 5),
        EqualWaits(2, is_over=False, many=1),
        EqualWaits(5, is_over=False, many=1),
    ]
    assert waited_at_most(0.2, waits) == 1
    assert waited_at_most(1 - 8 / 15, waits) == 3
    assert waited_at_most(MEDIAN, waits) == 5
    assert waited_at_most(NINE_OF_TEN, waits) is None  # too few got there


def test_nobody_waited() -> None:
    """Then there is nothing to say."""
    assert waited_at_most(MEDIAN, []) is None
    assert waited_at_most(MEDIAN, [EqualWaits(60, is_over=False, many=9)]) is None

"""Confidence intervals, by hand: no statistics package is needed for them."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

from services.measures.core.result import Interval

LEVEL = 0.95
Z = 1.959963984540054
"""Two-sided quantile of the normal distribution for LEVEL."""


class Bounds(NamedTuple):
    """The ends of an interval."""

    low: float
    high: float


def wilson(hits: int, n: int) -> Bounds:
    """The score interval of Wilson of a share; `n` is at least 1."""
    share = hits / n
    centre = share + Z * Z / (2 * n)
    spread = Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    scale = 1 + Z * Z / n
    # At 0 and at n the exact ends are 0 and 1; rounding may miss them by an ulp.
    low = 0.0 if hits == 0 else (centre - spread) / scale
    high = 1.0 if hits == n else (centre + spread) / scale
    return Bounds(low, high)


def share(hits: int, n: int) -> tuple[float | None, Interval | None]:
    """So many of `n`, with the interval of Wilson; nothing of nobody."""
    if not n:
        return None, None
    bounds = wilson(hits, n)
    return hits / n, Interval(low=bounds.low, high=bounds.high, level=LEVEL)


def newcombe(hits: int, n: int, other_hits: int, other_n: int) -> Bounds:
    """The interval of the difference of two shares, made of those of Wilson (Newcombe, Statistics
    in Medicine 17, 1998, method 10); both `n` are at least 1."""
    first, second = hits / n, other_hits / other_n
    one, other = wilson(hits, n), wilson(other_hits, other_n)
    below = sqrt((first - one.low) ** 2 + (other.high - second) ** 2)
    above = sqrt((one.high - first) ** 2 + (second - other.low) ** 2)
    return Bounds(first - second - below, first - second + above)

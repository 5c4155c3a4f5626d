"""Confidence intervals, by hand: no statistics package is needed for them."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

from services.measures.core.result import Interval

LEVEL = 0.95
Z = 1.959963984540054
"""Two-sided quantile of the normal distribution for LEVEL."""


MEAN_MIN = 30
"""Fewer values have no interval of their mean: nothing is known of how they are distributed."""


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


def student(degrees: int) -> float:
    """Two-sided quantile of Student's distribution for LEVEL, of at least 10 degrees of freedom
    (Abramowitz and Stegun, 26.7.5)."""
    z, n = Z, degrees
    terms = (
        z,
        (z**3 + z) / (4 * n),
        (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2),
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3),
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * n**4),
    )
    return sum(terms)


class Moments(NamedTuple):
    """A number of values, their sum and the sum of their squares."""

    n: int
    total: float
    squares: float

    @property
    def mean(self) -> float | None:
        """Of all; none of nothing."""
        return self.total / self.n if self.n else None

    @property
    def interval(self) -> Interval | None:
        """Of the mean, by Student's distribution; none of fewer than MEAN_MIN."""
        if self.n < MEAN_MIN:
            return None
        mean = self.total / self.n
        variance = max(0.0, (self.squares - self.total * mean) / (self.n - 1))
        spread = student(self.n - 1) * sqrt(variance / self.n)
        return Interval(low=mean - spread, high=mean + spread, level=LEVEL)


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

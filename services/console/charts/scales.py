"""From values to places in a figure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
"""Distances of marks on an axis that people count by."""


class LinearScale(NamedTuple):
    """A straight line from one span to another."""

    low: float
    """Value at `start`."""
    high: float
    """Value at `end`; not equal to `low`."""
    start: float
    """Place in the figure."""
    end: float
    """Place in the figure."""

    def at(self, value: float) -> float:
        """The place of a value, to a tenth."""
        part = (value - self.low) / (self.high - self.low)
        return round(self.start + part * (self.end - self.start), 1)

    def marks(self, count: int) -> list[float]:
        """Round values within the span, about so many."""
        return round_values(self.low, self.high, count)


def covering(
    values: Iterable[float], start: float, end: float, *, zero: bool = False
) -> LinearScale:
    """A scale over all values with a little room around them; with zero, if it should be seen."""
    known = [*values, *([0.0] if zero else [])] or [0.0]
    low, high = min(known), max(known)
    room = (high - low) * 0.08 or abs(high) * 0.08 or 1.0
    return LinearScale(
        low if zero and low == 0 else low - room, high if zero and high == 0 else high + room,
        start, end,
    )  # fmt: skip


def round_values(low: float, high: float, count: int) -> list[float]:
    """Multiples of 1, 2, 2.5 or 5 times a power of ten within a span, about so many."""
    raw = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(one * power for one in STEPS if one * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(place * step, 10) for place in range(first, last + 1)]


def seconds(moment: datetime) -> float:
    """An instant as a number for scales."""
    return moment.timestamp()

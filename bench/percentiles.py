"""Percentiles as measured values, never interpolated ones."""

from __future__ import annotations

import math
from collections.abc import Sequence


def percentile(ascending: Sequence[float], percent: int) -> float:
    """The smallest value that so many per cent of the values do not exceed (nearest rank)."""
    return ascending[max(0, math.ceil(len(ascending) * percent / 100) - 1)]

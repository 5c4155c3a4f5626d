"""The number of orders with contradicting reports, for a gauge: looked up only now and then."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection

from services.profiles.ports import OrderConflictSource
from services.runtime.errors import C360Error

LOOK_EVERY_S = 600.0


class OrderConflictCount:
    """Called whenever metrics are read, by one thread at a time; looks every ten minutes.

    The number is NaN, as Prometheus writes what is unknown, while the store does not answer.
    """

    def __init__(
        self,
        source: OrderConflictSource,
        realms: Collection[str],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._realms = realms
        self._clock_s = clock_s
        self._looked_at_s = -math.inf
        self._count = math.nan

    def __call__(self) -> float:
        """The number at the latest look, of all realms."""
        now_s = self._clock_s()
        if now_s - self._looked_at_s >= LOOK_EVERY_S:
            self._looked_at_s = now_s
            self._count = self._look()
        return self._count

    def _look(self) -> float:
        try:
            return sum(1 for realm in self._realms for _ in self._source.conflicts(realm))
        except C360Error:
            return math.nan

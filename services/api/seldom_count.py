"""Numbers for gauges that take a look over the whole store: counted only now and then."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from services.api.ports import Reads
from services.identity.core.notices import NoticeKind
from services.runtime.errors import C360Error
from services.runtime.metrics import Metrics

LOOK_EVERY_S = 600.0


class SeldomCount:
    """Called whenever metrics are read, by one thread at a time; counts every ten minutes.

    The number is NaN, as Prometheus writes what is unknown, while the store does not answer.
    """

    def __init__(
        self, count: Callable[[], int], clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._look = count
        self._clock_s = clock_s
        self._looked_at_s = -math.inf
        self._count = math.nan

    def __call__(self) -> float:
        """The number at the latest look."""
        now_s = self._clock_s()
        if now_s - self._looked_at_s >= LOOK_EVERY_S:
            self._looked_at_s = now_s
            try:
                self._count = self._look()
            except C360Error:
                self._count = math.nan
        return self._count


def count_seldom(metrics: Metrics, reads: Reads) -> None:
    """Let the gauges show what is in the store."""

    def conflicts() -> int:
        return sum(1 for realm in reads.realms for _ in reads.order_conflicts.conflicts(realm))

    def suspicious() -> int:
        found = (one for realm in reads.realms for one in reads.notices.notices(realm))
        return sum(one.kind is not NoticeKind.MANY_IDENTIFIERS for one in found)

    metrics.order_conflicts.set_function(SeldomCount(conflicts))
    metrics.suspicious_values.set_function(SeldomCount(suspicious))

"""Rate limits by key: a token bucket each (RFC 9331 calls it a policy of quota and window).

Buckets live in one process; several processes behind a balancer allow their sum. Used on the event
loop only.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

BUCKETS_MAX = 10_000
BURST_S = 2.0
"""A bucket holds the requests of so many seconds."""


class Taken(NamedTuple):
    """What a request found."""

    is_allowed: bool
    quota: int
    """Requests that the bucket holds when full."""
    remaining: int
    """Requests that may come at once now."""
    reset_s: int
    """Seconds until the bucket is full again, or until one request may come if none may now."""


class _Bucket:
    def __init__(self, size: float, now_s: float) -> None:
        self.left = size
        self.at_s = now_s


class RateLimits:
    """The buckets of all keys; those used longest ago are forgotten first, as full ones."""

    def __init__(self, rate_per_s: float, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._rate_per_s = rate_per_s
        self._clock_s = clock_s
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key_id: str, rate_per_s: float | None = None) -> Taken:
        """Take the token of one request, if there is one."""
        rate, now_s = rate_per_s or self._rate_per_s, self._clock_s()
        size = max(1.0, rate * BURST_S)
        bucket = self._buckets.pop(key_id, None) or _Bucket(size, now_s)
        self._buckets[key_id] = bucket
        if len(self._buckets) > BUCKETS_MAX:
            self._buckets.popitem(last=False)
        bucket.left = min(size, bucket.left + (now_s - bucket.at_s) * rate)
        bucket.at_s = now_s
        is_allowed = bucket.left >= 1
        if is_allowed:
            bucket.left -= 1
        until_s = (size - bucket.left) / rate if is_allowed else (1 - bucket.left) / rate
        return Taken(is_allowed, int(size), int(bucket.left), math.ceil(until_s))

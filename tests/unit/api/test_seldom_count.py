"""A gauge that takes a look over the store looks rarely, and survives a store that is away."""

from __future__ import annotations

import math

from services.api.seldom_count import LOOK_EVERY_S, SeldomCount
from services.runtime.errors import Retry


class Source:
    """So many of something; None: the store is away."""

    def __init__(self) -> None:
        self.count: int | None = 4
        self.looks = 0

    def look(self) -> int:
        """How many there are."""
        self.looks += 1
        if self.count is None:
            raise Retry("away")
        return self.count


def test_it_looks_every_ten_minutes() -> None:
    """In between the former number is shown; an unknown number is NaN."""
    source, now_s = Source(), [0.0]
    count = SeldomCount(source.look, lambda: now_s[0])
    assert (count(), count(), source.looks) == (4, 4, 1)
    source.count = None
    now_s[0] = LOOK_EVERY_S - 1
    assert count() == 4
    now_s[0] = LOOK_EVERY_S
    assert math.isnan(count())
    source.count = 0
    now_s[0] *= 2
    assert count() == 0

"""The gauge of contradicting orders looks rarely, and survives a store that is away."""

from __future__ import annotations

import math
from collections.abc import Iterator

from services.api.order_conflict_count import LOOK_EVERY_S, OrderConflictCount
from services.profiles.core.order_conflicts import OrderConflict
from services.runtime.errors import Retry


class Source:
    """So many conflicts in each realm; None: the store is away."""

    def __init__(self) -> None:
        self.count: int | None = 2
        self.looks = 0

    def conflicts(self, realm: str) -> Iterator[OrderConflict]:
        """See the port."""
        self.looks += 1
        if self.count is None:
            raise Retry("away")
        yield from [OrderConflict(realm, "1", (), ())] * self.count


def test_it_looks_every_ten_minutes() -> None:
    """In between the former number is shown; an unknown number is NaN."""
    source, now_s = Source(), [0.0]
    count = OrderConflictCount(source, ["a", "b"], lambda: now_s[0])
    assert (count(), count(), source.looks) == (4, 4, 2)
    source.count = None
    now_s[0] = LOOK_EVERY_S - 1
    assert count() == 4
    now_s[0] = LOOK_EVERY_S
    assert math.isnan(count())
    source.count = 0
    now_s[0] *= 2
    assert count() == 0

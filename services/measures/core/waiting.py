"""How long customers wait, of whom some still do: quantiles after Kaplan and Meier.

Whoever still waits has waited for some time at least; to leave them out would call the slowest
team the fastest one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

MEDIAN, NINE_OF_TEN = 0.5, 0.9
ROUNDING = 1e-12


class EqualWaits(NamedTuple):
    """Customers who waited equally long."""

    waited: float
    is_over: bool
    """They got what they waited for; the others wait still."""
    many: int


def waited_at_most(share: float, waits: Iterable[EqualWaits]) -> float | None:
    """Within which time a share of all, from 0 to 1, need not wait any more; None where nobody can
    say, because too many still wait."""
    over, still = Counter[float](), Counter[float]()
    for one in waits:
        (over if one.is_over else still)[one.waited] += one.many
    at_risk, left = over.total() + still.total(), 1.0
    for time in sorted({*over, *still}):
        if over[time]:
            left *= 1 - over[time] / at_risk
            if left <= 1 - share + ROUNDING:
                return time
        # Of the same time, whoever still waits was there when the others stopped.
        at_risk -= over[time] + still[time]
    return None

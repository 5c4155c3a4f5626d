"""Waits for what the store does by itself: mutations of parts, refreshes of views.

Every question is a short one, so that neither a statement's time limit nor a store that is away for
a moment ends a wait early. It must never start anything itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from services.runtime import retry
from services.runtime.errors import Retry

FIRST_S = 0.02
"""Most mutations are of a few parts and take some milliseconds, and an erasure has dozens."""


def pauses() -> Iterator[float]:
    """Seconds between questions, growing."""
    return retry.pauses(first_s=FIRST_S)


def wait_until(
    is_done: Callable[[], bool],
    within_s: float,
    late: str,
    sleep: Callable[[float], None] = time.sleep,
    clock_s: Callable[[], float] = time.monotonic,
) -> None:
    """Ask with growing pauses until it is done; a Retry of the question counts as "not yet".

    Raises Retry after `within_s`: with the text `late`, or what the store says if it does not
    answer. Raises what else `is_done` raises at once.
    """
    ends_at_s = clock_s() + within_s
    for pause_s in pauses():
        try:
            if is_done():
                return
        except Retry:
            if clock_s() >= ends_at_s:
                raise
        rest_s = ends_at_s - clock_s()
        if rest_s <= 0:
            raise Retry(late)
        sleep(min(pause_s, rest_s))

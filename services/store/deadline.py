"""When statements are worth asking: not once nobody waits for their answers any more.

A read of several statements that was given up asks no further one. It holds for the calling thread,
and says nothing of a statement that runs already; that has a time limit of its own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from services.runtime.errors import Retry

_UNTIL_S: ContextVar[float] = ContextVar("until_s", default=math.inf)


@contextmanager
def asked_within(seconds: float) -> Iterator[None]:
    """Statements inside are asked in this time from now; later ones raise Retry."""
    token = _UNTIL_S.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _UNTIL_S.reset(token)


def require_time() -> None:
    """Raises Retry once the time is over."""
    if time.monotonic() >= _UNTIL_S.get():
        raise Retry("the time for this has passed")

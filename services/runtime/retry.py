"""Retrying: the one loop in which a worker waits out a transient fault."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from services.runtime.errors import Retry
from services.runtime.metrics import Metrics

FIRST_S = 0.2
LONGEST_S = 20.0
log = structlog.get_logger()
T = TypeVar("T")


async def until_done(
    attempt: Callable[[], Awaitable[T]],
    what: str,
    metrics: Metrics,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    waits: Callable[[], None] = lambda: None,
) -> T:
    """The result of the first attempt that succeeds; retries without limit, with growing pauses.

    `waits` is called for each failed attempt: a worker that waits for another system is alive, and
    a restart would not help.

    Raises everything but Retry. Nothing is acknowledged meanwhile, so the records wait in the log.
    """
    pause_s, failures = FIRST_S, 0
    while True:
        try:
            return await attempt()
        except Retry as error:
            failures += 1
            metrics.retries.inc()
            waits()
            log.warning("waiting_to_retry", what=what, failures=failures, error=str(error))
            await sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_S)

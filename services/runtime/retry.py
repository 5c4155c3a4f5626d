"""Retrying: growing pauses with jitter, without limit for workers, a few times for a blocking call.

Jitter keeps workers that failed together from coming back together (Brooker, "Exponential Backoff
And Jitter", 2015).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import structlog

from services.runtime.errors import Retry
from services.runtime.metrics import Metrics

FIRST_S = 0.2
LONGEST_S = 20.0
log = structlog.get_logger()
T = TypeVar("T")


def pauses(draw: Callable[[], float] = random.random, first_s: float = FIRST_S) -> Iterator[float]:
    """Seconds to wait after each failure: between half and all of a bound that doubles to a limit.

    `draw` gives numbers between 0 and 1; `first_s` is the first bound.
    """
    bound_s = first_s
    while True:
        yield bound_s * (1 + draw()) / 2
        bound_s = min(2 * bound_s, LONGEST_S)


async def until_done(
    attempt: Callable[[], Awaitable[T]],
    what: str,
    metrics: Metrics,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    waits: Callable[[], None] = lambda: None,
    draw: Callable[[], float] = random.random,
) -> T:
    """The result of the first attempt that succeeds; retries without limit.

    `waits` is called for each failed attempt: a worker that waits for another system is alive, and
    a restart would not help.

    Raises everything but Retry. Nothing is acknowledged meanwhile, so the records wait in the log.
    """
    for failures, pause_s in enumerate(pauses(draw), 1):
        try:
            return await attempt()
        except Retry as error:
            waits()
            _report(what, failures, error, metrics)
            await sleep(pause_s)
    raise AssertionError("pauses never end")


def retrying(
    attempt: Callable[[int], T],
    what: str,
    metrics: Metrics,
    attempts_max: int,
    sleep: Callable[[float], None] = time.sleep,
    draw: Callable[[], float] = random.random,
) -> T:
    """The result of the first attempt that succeeds; `attempt` gets the number of failures before.

    Blocks. Raises everything but Retry at once, and the Retry of the last attempt.
    """
    for failures, pause_s in zip(range(1, attempts_max), pauses(draw), strict=False):
        try:
            return attempt(failures - 1)
        except Retry as error:
            _report(what, failures, error, metrics)
            sleep(pause_s)
    return attempt(attempts_max - 1)


def _report(what: str, failures: int, error: Retry, metrics: Metrics) -> None:
    metrics.retries.inc()
    log.warning("waiting_to_retry", what=what, failures=failures, error=str(error))

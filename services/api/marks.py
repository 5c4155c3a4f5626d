"""The mark of the data: its token and watermarks, asked for at most every few milliseconds.

Requests that come at the same moment share one look. Whoever reads data takes the mark first, so an
answer is never older than its mark says. Used on the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from services.api.pool import ReadPool
from services.api.ports import Access

MARK_AGE_S = 0.05


class Mark(NamedTuple):
    """How far the data had come at a moment."""

    token: str
    """Another one after every write that may change an answer."""
    watermarks: Mapping[str, datetime]
    """Latest receipt of a processed event, by realm."""


class Marks:
    """Gives the present mark."""

    def __init__(
        self, pool: ReadPool[Access], clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool = pool
        self._clock_s = clock_s
        self._mark: Mark | None = None
        self._began_s = 0.0
        self._looking: asyncio.Task[Mark] | None = None

    async def latest(self) -> Mark:
        """A mark that is not older than `MARK_AGE_S`. Raises Retry as the pool does."""
        if self._mark is not None and self._clock_s() - self._began_s < MARK_AGE_S:
            return self._mark
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        # One who goes away must not end the look of the others.
        return await asyncio.shield(self._looking)

    async def _look(self) -> Mark:
        began_s = self._clock_s()
        try:
            self._mark, self._began_s = await self._pool.run(_mark_of), began_s
            return self._mark
        finally:
            self._looking = None


def _mark_of(access: Access) -> Mark:
    source = access.reads.freshness
    token = source.token()
    latest: dict[str, datetime] = {}
    for one in source.watermarks():
        latest[one.realm] = max(one.received_at, latest.get(one.realm, one.received_at))
    return Mark(token, latest)

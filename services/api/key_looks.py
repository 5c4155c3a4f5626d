"""Looks for credentials that nobody knows yet: bounded in their rate, and shared.

A key that was just created must work at once, and whoever sends made-up keys must not keep the
store busy. So requests with unknown keys wait, for a moment, for the next look of all of them
together. Used on the event loop; the look itself runs on one thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from services.api.auth import Authenticator
from services.api.keys import read_key

LOOK_S = 0.1
"""Least time between the beginnings of two looks."""


class KeyLooks:
    """Has an authenticator look again."""

    def __init__(
        self, authenticator: Authenticator, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._authenticator = authenticator
        self._clock_s = clock_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="key-looks")
        self._next: asyncio.Task[None] | None = None
        self._began_s = -LOOK_S

    async def look(self, credential: str) -> None:
        """Return once the authenticator has looked, later than now. Raises as its `refresh`."""
        if read_key(credential) is None:  # perhaps a token: who signed it depends on it
            await self._refresh(credential)
            return
        if self._next is None:
            self._next = asyncio.create_task(self._look(credential))
            self._next.add_done_callback(_seen)
        # One who goes away must not end the look of the others.
        await asyncio.shield(self._next)

    async def _look(self, credential: str) -> None:
        await asyncio.sleep(self._began_s + LOOK_S - self._clock_s())
        self._next, self._began_s = None, self._clock_s()  # who comes now waits for another one
        await self._refresh(credential)

    async def _refresh(self, credential: str) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._authenticator.refresh, credential)

    def close(self) -> None:
        """Look no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _seen(look: asyncio.Task[None]) -> None:
    """Retrieve an error that asyncio would report when all who waited have gone away."""
    if not look.cancelled():
        look.exception()

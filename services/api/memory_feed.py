"""A feed in memory, for tests: what is appended to it is what comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from services.api.feed_positions import Entry, FeedMark, Position
from services.api.feeds import Gone, Stretch

ENTRIES_PER_READ = 100


class MemoryFeed:
    """Implements services.api.feeds.Feed. Marks count from 1 in each part."""

    letter = "m"
    source = "00000000"
    kept_s: float | None = None

    def __init__(self, parts: int = 1) -> None:
        self._parts: list[list[Entry]] = [[] for _ in range(parts)]
        self._first = [1] * parts
        self._comes = asyncio.Event()
        self.fault: Exception | None = None
        """Raised by whatever is asked next, as long as it is set."""
        self.is_started = False
        self.reads = 0
        """How often somebody read on their own."""

    def append(self, realm: str, data: bytes, part: int = 0) -> None:
        """One more entry."""
        mine = self._parts[part]
        mine.append(Entry(part, FeedMark(len(mine) + 1), realm, "change", data))
        self._comes.set()

    def forget(self, part: int = 0) -> None:
        """Nothing that is there can be read any more."""
        self._first[part] = len(self._parts[part]) + 1

    async def start(self) -> Position:
        """See the port."""
        self.is_started = True
        return await self.end()

    async def stop(self) -> None:
        """See the port."""
        self.is_started = False

    async def end(self) -> Position:
        """See the port."""
        self._check()
        return tuple(FeedMark(len(mine)) for mine in self._parts)

    async def follow(self, position: Position) -> AsyncGenerator[Stretch, None]:
        """See the port."""
        while True:
            self._comes.clear()
            end = await self.end()
            while position != end:
                stretch = self._behind(position, end)
                yield stretch
                position = stretch.position
            await self._comes.wait()

    async def read(self, position: Position, until: Position) -> Stretch:
        """See the port."""
        self._check()
        self.reads += 1
        return self._behind(position, until)

    def _behind(self, position: Position, until: Position) -> Stretch:
        part = next(n for n, mark in enumerate(position) if mark < until[n])
        if position[part].number + 1 < self._first[part]:
            raise Gone("forgotten")
        start, stop = position[part].number, until[part].number
        found = self._parts[part][start : min(stop, start + ENTRIES_PER_READ)]
        return Stretch(found, (*position[:part], found[-1].mark, *position[part + 1 :]))

    def _check(self) -> None:
        if self.fault is not None:
            raise self.fault

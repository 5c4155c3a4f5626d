"""Feeds of a store that the embedded pipeline of this process writes: rows are read as records.

There is no log: what the pipeline wrote is read from its rows, in the order of batches, and only up
to the last batch that is completely written. Rows stay for ever, so any id can be resumed. Nothing
is read while nobody subscribes.
"""

from __future__ import annotations

import asyncio
import hashlib
from bisect import bisect_right
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

import orjson

from schemas.api.streams import INCIDENTS_STREAM, PROFILES_STREAM, SEGMENTS_STREAM
from services.api.feed_positions import LAST_KEY, Entry, FeedMark, Position
from services.api.feeds import Stretch
from services.api.operation import plain
from services.consistency.adapters.alerts import AlertReader
from services.identity.adapters.map_changes import MapChangeReader
from services.identity.publication import published
from services.runtime.process import Threads
from services.segments.adapters.changes import ChangeReader
from services.store.database import Database

POLL_S = 1.0
ROWS_PER_PAGE = 5_000
ENTRIES_PER_READ = 500
T = TypeVar("T")


class _Page(NamedTuple):
    entries: list[Entry]
    until: FeedMark
    """Behind all entries that were read."""


class ChangeRows(Protocol):
    """Changes as rows of a store. Methods block; they raise Retry or Fatal."""

    def latest(self, until: int) -> int:
        """The last batch with a change, of those up to `until`; 0 if there is none."""
        ...

    def page(self, mark: FeedMark, until: int) -> _Page:
        """Some changes behind a mark, in order, up to a batch; `until` of the page advances."""
        ...


def _up_to(entries: list[Entry], until: int) -> _Page:
    """The page of what one read found, which is all there is unless it is full."""
    is_all = len(entries) < ENTRIES_PER_READ
    return _Page(entries, FeedMark(until, LAST_KEY) if is_all else entries[-1].mark)


class AlertRows:
    """Incidents."""

    def __init__(self, database: Database) -> None:
        self._reader = AlertReader(database)

    def latest(self, until: int) -> int:
        """See the port."""
        return self._reader.latest(until)

    def page(self, mark: FeedMark, until: int) -> _Page:
        """See the port."""
        found = self._reader.page(mark.number, mark.key, until, ENTRIES_PER_READ)
        entries = [
            Entry(
                0, FeedMark(one.batch, one.incident_id), one.realm, "incident",
                one.record.value or b"",
            )
            for one in found
        ]  # fmt: skip
        return _up_to(entries, until)


class ProfileRows:
    """Changes of profiles. The page read last is kept: the next part is mostly of the same one."""

    def __init__(self, database: Database) -> None:
        self._reader = MapChangeReader(database)
        self._kept: tuple[int, int, list[Entry]] | None = None

    def latest(self, until: int) -> int:
        """See the port."""
        return self._reader.latest(until)

    def page(self, mark: FeedMark, until: int) -> _Page:
        """See the port: whole batches, at least one."""
        after = mark.number if mark.key == LAST_KEY else max(0, mark.number - 1)
        if self._kept is None or not self._kept[0] <= after < self._kept[1] <= until:
            self._kept = None  # before the next one is made: it may be large
            changes = self._reader.page(after, until, ROWS_PER_PAGE)
            entries = [
                Entry(
                    0, FeedMark(batch, str(record.profile_id)), record.realm, "profile",
                    published(record).value or b"",
                )
                for batch, record in changes.records
            ]  # fmt: skip
            self._kept = after, changes.until, entries
        _, end, entries = self._kept
        first = bisect_right(entries, mark, key=lambda entry: entry.mark)
        return _Page(entries[first : first + ENTRIES_PER_READ], _end(entries, first, end))


class SegmentChangeRows:
    """Changes of segments."""

    def __init__(self, database: Database) -> None:
        self._reader = ChangeReader(database)

    def latest(self, until: int) -> int:
        """See the port."""
        return self._reader.latest(until)

    def page(self, mark: FeedMark, until: int) -> _Page:
        """See the port."""
        found = self._reader.page(mark.number, mark.key, until, ENTRIES_PER_READ)
        entries = [
            Entry(
                0, FeedMark(one.batch, one.key), one.record.realm, "segment",
                orjson.dumps(plain(one.record)),
            )
            for one in found
        ]  # fmt: skip
        return _up_to(entries, until)


def _end(entries: Sequence[Entry], first: int, batch: int) -> FeedMark:
    """Behind a part of a page that goes up to a batch."""
    last = first + ENTRIES_PER_READ
    return entries[last - 1].mark if last < len(entries) else FeedMark(batch, LAST_KEY)


class StoreFeed:
    """Implements services.api.feeds.Feed on the rows of a store."""

    kept_s: float | None = None

    def __init__(
        self,
        letter: str,
        rows_of: Callable[[Database], ChangeRows],
        open_database: Callable[[], Database],
        settled: Callable[[], int],
        secret: bytes,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """
        Args:
            open_database: a connection of our own, so that nobody waits for us.
            settled: the last batch that is completely written. Does not block.
            secret: of the store; another one has another secret.
        """
        self.letter = letter
        self.source = hashlib.sha256(b"feed" + secret).hexdigest()[:8]
        self._rows_of = rows_of
        self._open_database = open_database
        self._settled = settled
        self._pause = pause
        self._followed: _Reading | None = None
        self._resumed: _Reading | None = None

    async def start(self) -> Position:
        """See the port."""
        await self.stop()
        self._followed = _Reading(self._open_database, self._rows_of)
        self._resumed = _Reading(self._open_database, self._rows_of)
        return await self.end()

    async def stop(self) -> None:
        """See the port."""
        for reading in (self._followed, self._resumed):
            if reading is not None:
                await reading.close()
        self._followed = self._resumed = None

    async def end(self) -> Position:
        """See the port."""
        settled = self._settled()
        latest = await self._of(self._resumed).run(lambda rows: rows.latest(settled))
        return (FeedMark(latest, LAST_KEY),)

    async def read(self, position: Position, until: Position) -> Stretch:
        """See the port."""
        [mark], [last] = position, until
        page = await self._page(self._resumed, mark, last.number)
        entries = [entry for entry in page.entries if entry.mark <= last]
        return Stretch(entries, (min(page.until, last),))

    async def follow(self, position: Position) -> AsyncGenerator[Stretch, None]:
        """See the port. Asks about once a second, if a batch was written since."""
        [mark] = position
        seen = -1
        while True:
            settled = self._settled()
            while settled != seen:
                page = await self._page(self._followed, mark, settled)
                mark = page.until
                if page.entries:
                    # Numbers without changes may be used again after a restart: ids name none.
                    yield Stretch(page.entries, (page.entries[-1].mark,))
                if mark >= FeedMark(settled, LAST_KEY):
                    seen = settled
            await self._pause(POLL_S)

    async def _page(self, reading: _Reading | None, mark: FeedMark, until: int) -> _Page:
        return await self._of(reading).run(lambda rows: rows.page(mark, until))

    def _of(self, reading: _Reading | None) -> _Reading:
        assert reading is not None, "start the feed first"
        return reading


class _Reading:
    """One connection and the thread that uses it."""

    def __init__(
        self, open_database: Callable[[], Database], rows_of: Callable[[Database], ChangeRows]
    ) -> None:
        self._open_database = open_database
        self._rows_of = rows_of
        self._thread = Threads(1)
        self._database: Database | None = None
        self._rows: ChangeRows | None = None

    async def run(self, work: Callable[[ChangeRows], T]) -> T:
        """The result of the work on the rows, in the thread. Raises what it raises."""
        return await self._thread(self._on_rows, work)

    async def close(self) -> None:
        """Close the connection, after what still runs."""
        await self._thread(self._close)
        self._thread.close()

    def _on_rows(self, work: Callable[[ChangeRows], T]) -> T:
        if self._rows is None:
            self._database = self._open_database()
            self._rows = self._rows_of(self._database)
        return work(self._rows)

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()


def store_feeds(
    open_database: Callable[[], Database], settled: Callable[[], int], secret: bytes
) -> dict[str, StoreFeed]:
    """The feeds of embedded operation, by stream."""
    parts = open_database, settled, secret
    return {
        INCIDENTS_STREAM: StoreFeed("i", AlertRows, *parts),
        PROFILES_STREAM: StoreFeed("p", ProfileRows, *parts),
        SEGMENTS_STREAM: StoreFeed("s", SegmentChangeRows, *parts),
    }

"""Feeds of changes as server-sent events: one source a feed, any number of subscribers.

A feed is read once, however many subscribe: the hub writes each entry down once and gives the same
bytes to everybody whose realm it is. A subscriber has a bounded queue; one that does not read is
let go and resumes by the id of its last event. Whoever resumes reads the feed on its own, in
bounded parts, up to where the hub is, and joins it without a gap. What can no longer be read is
told with a `reset`, never left out silently. Nothing here knows HTTP, Kafka or the store.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing, suppress
from typing import NamedTuple, Protocol

import structlog

from schemas.api.streams import StreamReset
from services.api.feed_positions import (
    MINUTE_S,
    Entry,
    Position,
    ResumeId,
    after,
    behind,
    reaches,
    read_id,
)
from services.runtime.errors import C360Error, Retry
from services.runtime.retry import pauses

HEARTBEAT_S = 15.0
RETRY_MS = 3_000
"""After which browsers connect again."""
QUEUE_BYTES_MAX = 2 * 1024 * 1024
"""What one subscriber may be behind. The bytes are shared by all subscribers of a realm."""
RECENT_ENTRIES_MAX, RECENT_BYTES_MAX = 2_000, 2 * 1024 * 1024
"""What the hub remembers, so that whoever was away for a moment reads nothing again."""
CHUNK_BYTES = 64 * 1024
PACE_S = 0.02
"""Pause after a full chunk: three megabytes a second at most, which a reading client keeps up with,
and time for those who wait for other answers."""
IDLE_S = 30.0
"""How long a feed is followed without subscribers."""
SLOW = b": you read too slowly; connect again with the id of the last event\n\n"
STOPPED = b": the service stops; connect again with the id of the last event\n\n"
WAITING = b": the source does not answer now\n\n"
log = structlog.get_logger()


class Gone(Exception):
    """What comes after a position can no longer be read; the text says why."""


class Stretch(NamedTuple):
    """Entries in a row, in the order of their parts."""

    entries: Sequence[Entry]
    position: Position
    """Behind the last of them, or further if there are no others."""


class Feed(Protocol):
    """A source of changes. It is started before anything else, and may be started again."""

    letter: str
    """Names it in ids."""
    kept_s: float | None
    """How old an id may be, in seconds, so that nothing after it can be missing; None: any age."""

    @property
    def source(self) -> str:
        """Which log or store it is: eight hexadecimal digits, known once it is started."""
        ...

    async def start(self) -> Position:
        """Connect; where the next entries come. Raises Retry or Fatal."""
        ...

    async def stop(self) -> None:
        """Disconnect, within a bounded time."""
        ...

    async def end(self) -> Position:
        """Where the next entries come. Raises Retry."""
        ...

    def follow(self, position: Position) -> AsyncGenerator[Stretch, None]:
        """Entries behind a position as they come, without end. Raises Gone, Retry or Fatal."""
        ...

    async def read(self, position: Position, until: Position) -> Stretch:
        """Some of the entries behind a position, none behind `until`; the position advances unless
        it is there. Raises Gone, Retry or Fatal."""
        ...


class Fanout:
    """Gives one feed to any number of subscribers. Used on one event loop."""

    def __init__(
        self,
        feed: Feed,
        now_s: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`now_s` is the wall clock; `pause` waits for so many seconds."""
        self.feed = feed
        self.now_s = now_s
        self.pause = pause
        self.position: Position = ()
        self._live: dict[str, set[Subscription]] = defaultdict(set)
        self._open: set[Subscription] = set()
        self._recent: deque[Entry] = deque()
        self._recent_bytes = 0
        self._base: Position = ()
        """Everything behind it, up to `position`, is among the recent entries."""
        self._tasks: list[asyncio.Task[None]] = []
        self._starting = asyncio.Lock()
        self._resting: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()

    def __len__(self) -> int:
        return len(self._open)

    async def subscribe(self, realm: str, last_id: str = "") -> Subscription:
        """A stream of a realm's changes from now on, or behind the event of an id.

        Raises:
            InvalidInput: no id of this feed.
            Retry: the source does not answer now.
            Fatal: it cannot be read.
        """
        resumed = read_id(last_id, self.feed.letter) if last_id else None
        async with self._starting:
            await self._started()
            subscription = Subscription(self, realm, resumed)
            self._open.add(subscription)
            return subscription

    def gone(self, subscription: Subscription) -> None:
        """A subscriber has left; may be called again."""
        self._open.discard(subscription)
        mine = self._live.get(subscription.realm)
        if mine is not None:
            mine.discard(subscription)
            if not mine:
                del self._live[subscription.realm]
        if not self._open:
            asyncio.get_running_loop().call_later(IDLE_S, self._rest)

    async def close(self) -> None:
        """End all streams and stop reading."""
        for subscription in list(self._open):
            subscription.end(STOPPED)
        self._moved.set()
        async with self._starting:
            await self._stopped()

    def resume_id(self, position: Position) -> str:
        """The id of an event behind which a position is."""
        minute = int(self.now_s() // MINUTE_S)
        return ResumeId(self.feed.letter, self.feed.source, minute, position).written()

    def join(self, subscription: Subscription, position: Position) -> list[Entry] | None:
        """Let a subscriber have what comes from now on.

        Returns what it lacks of the recent entries; None if it lacks more, or is ahead of us.
        """
        if not (reaches(position, self._base) and reaches(self.position, position)):
            return None
        self._live[subscription.realm].add(subscription)
        return [entry for entry in self._recent if behind(position, entry)]

    async def moved(self) -> None:
        """Until the next entries have come, or a heartbeat is due."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._moved.wait(), HEARTBEAT_S)

    async def _started(self) -> None:
        if self._tasks and not self._tasks[0].done():
            return
        await self._stopped()
        self._begin(await self.feed.start())
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._beat())]

    def _begin(self, position: Position) -> None:
        self.position = self._base = position
        self._recent.clear()
        self._recent_bytes = 0

    def _rest(self) -> None:
        if not self._open and self._tasks and self._resting is None:
            self._resting = asyncio.create_task(self._rested())

    async def _rested(self) -> None:
        async with self._starting:
            self._resting = None
            if not self._open:
                await self._stopped()

    async def _stopped(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.feed.stop()

    async def _run(self) -> None:
        """Follow the feed, for as long as there are subscribers."""
        waits = pauses()
        try:
            while True:
                try:
                    async with aclosing(self.feed.follow(self.position)) as stretches:
                        async for stretch in stretches:
                            await self._publish(stretch)
                            waits = pauses()
                except Gone as error:
                    self._begin(await self._restarted())
                    self._tell_all(reset(str(error), self.resume_id(self.position)))
                except C360Error as error:
                    log.warning("feed_waits", feed=self.feed.letter, error=str(error))
                    await self.pause(next(waits))
        except Exception as error:
            log.error("feed_ended", feed=self.feed.letter, error=str(error), exc_info=True)
            for subscription in list(self._open):
                subscription.end(WAITING)

    async def _restarted(self) -> Position:
        for pause_s in pauses():
            try:
                return await self.feed.start()
            except Retry as error:
                log.warning("feed_waits", feed=self.feed.letter, error=str(error))
                await self.pause(pause_s)
        raise AssertionError("pauses never end")

    async def _beat(self) -> None:
        while True:
            await self.pause(HEARTBEAT_S)
            self._tell_all(heartbeat(self.resume_id(self.position)))

    def _tell_all(self, data: bytes) -> None:
        for mine in list(self._live.values()):
            for subscription in list(mine):
                subscription.offer(data)

    async def _publish(self, stretch: Stretch) -> None:
        """Give entries to the subscribers of their realms, in chunks."""
        texts: dict[str, list[bytes]] = defaultdict(list)
        size = 0
        for entry in stretch.entries:
            self.position = after(self.position, entry)
            self._remember(entry)
            if entry.realm in self._live:
                texts[entry.realm].append(event(entry, self.resume_id(self.position)))
                size += len(entry.data)
            if size >= CHUNK_BYTES:
                self._offer(texts)
                texts, size = defaultdict(list), 0
                await self.pause(PACE_S)
        self._offer(texts)
        self.position = stretch.position
        self._moved.set()
        self._moved = asyncio.Event()

    def _offer(self, texts: dict[str, list[bytes]]) -> None:
        for realm, mine in texts.items():
            data = b"".join(mine)
            for subscription in list(self._live.get(realm, ())):
                subscription.offer(data)

    def _remember(self, entry: Entry) -> None:
        self._recent.append(entry)
        self._recent_bytes += len(entry.data)
        while len(self._recent) > RECENT_ENTRIES_MAX or self._recent_bytes > RECENT_BYTES_MAX:
            oldest = self._recent.popleft()
            self._recent_bytes -= len(oldest.data)
            self._base = after(self._base, oldest)


class Subscription:
    """One stream of events. Read `events` to its end, or call `close`."""

    def __init__(self, hub: Fanout, realm: str, resumed: ResumeId | None) -> None:
        self.realm = realm
        self._hub = hub
        self._resumed = resumed
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._filled = asyncio.Event()
        self._last_words: bytes | None = None

    def offer(self, data: bytes) -> None:
        """Something to send. Does not wait: one that is too far behind is let go."""
        if self._last_words is not None:
            return
        if self._queue and self._queued + len(data) > QUEUE_BYTES_MAX:
            self.end(SLOW)
            return
        self._queue.append(data)
        self._queued += len(data)
        self._filled.set()

    def end(self, last_words: bytes) -> None:
        """End the stream, with a comment behind what is queued."""
        if self._last_words is None:
            self._last_words = last_words
        self._hub.gone(self)
        self._filled.set()

    def close(self) -> None:
        """The subscriber has left; may be called again."""
        self.end(b"")
        self._queue.clear()

    async def events(self) -> AsyncGenerator[bytes, None]:
        """The bytes of the stream: whole events and comments, as they come."""
        try:
            async with aclosing(self._opening()) as opening:
                async for data in opening:
                    yield data
                    if self._last_words is not None:
                        break
            while self._queue or self._last_words is None:
                if not self._queue:
                    self._filled.clear()
                    await self._filled.wait()
                    continue
                data = self._queue.popleft()
                self._queued -= len(data)
                yield data
            if self._last_words:
                yield self._last_words
        finally:
            self.close()

    async def _opening(self) -> AsyncGenerator[bytes, None]:
        """Everything until the stream is one with all others."""
        hub = self._hub
        yield b"retry: %d\n\n" % RETRY_MS
        if self._resumed is None:
            yield self._at_the_end("")
            return
        try:
            async with aclosing(self._caught_up(_checked(hub, self._resumed))) as missed:
                async for data in missed:
                    yield data
        except Gone as error:
            yield self._at_the_end(str(error))

    def _at_the_end(self, why: str) -> bytes:
        """Join where the hub is; `why` if that leaves something out."""
        position = self._hub.position
        self._hub.join(self, position)
        text = self._hub.resume_id(position)
        return reset(why, text) if why else heartbeat(text)

    async def _caught_up(self, position: Position) -> AsyncGenerator[bytes, None]:
        """What came since a position, up to where the hub is."""
        hub, feed = self._hub, self._hub.feed
        said_s = hub.now_s()
        while (lacking := hub.join(self, position)) is None:
            try:
                if reaches(position, hub.position):
                    if not reaches(await feed.end(), position):
                        raise Gone("the id is of changes that are not there (any more)")
                    await hub.moved()
                    stretch = Stretch((), position)
                else:
                    stretch = await feed.read(position, hub.position)
            except Retry:
                yield WAITING
                await self._rested()
                continue
            for data in self._told(position, stretch.entries):
                said_s = hub.now_s()
                yield data
            position = stretch.position
            if hub.now_s() - said_s >= HEARTBEAT_S:
                said_s = hub.now_s()
                yield heartbeat(hub.resume_id(position))
        for data in self._told(position, lacking):
            yield data
        if not lacking:
            yield heartbeat(hub.resume_id(position))

    async def _rested(self) -> None:
        """Until a heartbeat is due, or the stream ends."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._filled.wait(), HEARTBEAT_S)

    def _told(self, position: Position, entries: Iterable[Entry]) -> Iterable[bytes]:
        """Entries of this realm as events, in chunks, with ids of our own."""
        texts: list[bytes] = []
        size = 0
        for entry in entries:
            position = after(position, entry)
            if entry.realm == self.realm:
                texts.append(event(entry, self._hub.resume_id(position)))
                size += len(texts[-1])
            if size >= CHUNK_BYTES:
                yield b"".join(texts)
                texts, size = [], 0
        if texts:
            yield b"".join(texts)


def _checked(hub: Fanout, resumed: ResumeId) -> Position:
    """The position to go on from. Raises Gone."""
    feed = hub.feed
    if resumed.source != feed.source or len(resumed.position) != len(hub.position):
        raise Gone("the id is of another log or store")
    age_s = hub.now_s() - resumed.minute * MINUTE_S
    if feed.kept_s is not None and age_s > feed.kept_s:
        raise Gone(f"the id is older than {feed.kept_s / 3600:.0f} hours")
    return resumed.position


def event(entry: Entry, event_id: str) -> bytes:
    """An entry as it is sent."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (
        event_id.encode(), entry.event.encode(), entry.data,
    )  # fmt: skip


def heartbeat(event_id: str) -> bytes:
    """A comment, and an id without an event: clients resume behind it, and tell nobody."""
    return b":\nid: %b\n\n" % event_id.encode()


def reset(why: str, event_id: str) -> bytes:
    """An event that says: changes are missing here."""
    data = StreamReset(reason=why).model_dump_json().encode()
    return b"id: %b\nevent: reset\ndata: %b\n\n" % (event_id.encode(), data)

"""The hub of a feed: everybody gets everything of their realm once, however they come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from random import Random

import pytest

from services.api import feeds
from services.api.feed_positions import ID_CHARS_MAX, FeedMark, ResumeId, read_id
from services.api.feeds import HEARTBEAT_S, QUEUE_BYTES_MAX, Fanout, Subscription
from services.api.memory_feed import MemoryFeed
from services.runtime.errors import InvalidInput, Retry
from tests.sse import EventReader, SentEvent

DEADLINE_S = 20
NOW_S = 1_800_000_000.0


class Hours:
    """A clock that goes when the test says so."""

    def __init__(self) -> None:
        self.now_s = NOW_S
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    async def pause(self, seconds: float) -> None:
        """Short pauses are none."""
        woken = asyncio.Event()
        if seconds < 1:
            await asyncio.sleep(0)
            return
        self._sleepers.append((self.now_s + seconds, woken))
        await woken.wait()

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds
        due = [one for one in self._sleepers if one[0] <= self.now_s]
        self._sleepers = [one for one in self._sleepers if one not in due]
        for _, woken in due:
            woken.set()


class Bench:
    """A feed, its hub, and a clock."""

    def __init__(self, parts: int = 1) -> None:
        self.feed = MemoryFeed(parts)
        self.hours = Hours()
        self.hub = self.new_hub()

    def new_hub(self) -> Fanout:
        """A hub of another process."""
        return Fanout(self.feed, lambda: self.hours.now_s, self.hours.pause)

    def append(self, *numbers: int, realm: str = "one", part: int = 0) -> None:
        """Changes that say a number."""
        for number in numbers:
            self.feed.append(realm, b"%d" % number, part)


class Client:
    """Reads a subscription in the background."""

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.reader = EventReader()
        self._task = asyncio.create_task(self._read())
        self._read_some = asyncio.Event()

    async def _read(self) -> None:
        async for data in self.subscription.events():
            self.reader.feed(data)
            self._read_some.set()
        self._read_some.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until a condition holds."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self._read_some.clear()
                await self._read_some.wait()

    async def got(self, count: int) -> list[SentEvent]:
        """So many events."""
        await self.until(lambda: len(self.reader.events) >= count)
        return self.reader.events

    @property
    def numbers(self) -> list[int]:
        """What the changes said."""
        return [one.data for one in self.reader.events if one.name == "change"]

    async def ended(self) -> None:
        """Until the stream ends."""
        async with asyncio.timeout(DEADLINE_S):
            await self._task

    async def leave(self) -> str:
        """Go; the id of the last event."""
        self.subscription.close()
        await self.ended()
        return self.reader.last_id


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A bench with one part; its hub is closed at the end."""
    made = Bench()
    yield made
    await made.hub.close()


async def joined(hub: Fanout, realm: str = "one", last_id: str = "") -> Client:
    """A client whose stream has begun."""
    client = Client(await hub.subscribe(realm, last_id))
    await client.until(lambda: bool(client.reader.last_id))
    return client


async def test_changes_come_to_their_realm_as_they_happen(bench: Bench) -> None:
    """Each once, in order, with what was before the subscription left out."""
    bench.append(1, 2)
    one, other = await joined(bench.hub), await joined(bench.hub, "other")
    bench.append(3)
    bench.append(4, realm="other")
    bench.append(5)
    await one.got(2)
    await other.got(1)
    assert (one.numbers, other.numbers) == ([3, 5], [4])


@pytest.mark.parametrize("seed", range(20))
async def test_whoever_resumes_misses_nothing_and_gets_nothing_twice(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At whatever event the connection broke, here or at another process, while changes go on."""
    random = Random(seed)
    monkeypatch.setattr(feeds, "RECENT_ENTRIES_MAX", random.choice((1, 7, 2_000)))
    bench = Bench(parts=random.choice((1, 3)))
    hubs = [bench.hub, bench.new_hub()]
    said: list[int] = []
    parts: dict[int, list[int]] = {}

    def changes() -> None:
        for _ in range(random.randrange(1, 300)):
            number, part = len(said), random.randrange(len(bench.feed._parts))
            mine = random.random() < 0.5
            bench.append(number if mine else -1, realm="one" if mine else "other", part=part)
            if mine:
                said.append(number)
                parts.setdefault(part, []).append(number)

    client = await joined(hubs[0])
    got: list[int] = []
    for _ in range(8):
        changes()
        await client.got(1)
        changes()
        last_id = await client.leave()
        got += client.numbers
        changes()
        client = await joined(random.choice(hubs), last_id=last_id)
    changes()
    await client.got(len(said) - len(got))
    got += client.numbers
    assert sorted(got) == said
    for mine in parts.values():
        assert [number for number in got if number in set(mine)] == mine
    await client.leave()
    for hub in hubs:
        await hub.close()


async def test_whoever_was_away_for_a_moment_reads_nothing_again(bench: Bench) -> None:
    """The hub remembers the latest changes."""
    client = await joined(bench.hub)
    bench.append(1, 2, 3)
    first = (await client.got(3))[0].id
    await client.leave()
    again = await joined(bench.hub, last_id=first)
    await again.got(2)
    assert again.numbers == [2, 3]
    assert bench.feed.reads == 0


async def test_who_does_not_read_is_let_go_and_resumes(bench: Bench) -> None:
    """With a comment, behind what was waiting; the others get everything meanwhile."""
    slow, quick = await bench.hub.subscribe("one"), await joined(bench.hub)
    events, reader = slow.events(), EventReader()
    while not reader.last_id:
        reader.feed(await anext(events))
    size = QUEUE_BYTES_MAX // 4
    for number in range(6):
        bench.feed.append("one", b"%d%s" % (number, b" " * size))
        await quick.got(number + 1)
    assert quick.numbers == list(range(6))
    assert len(bench.hub) == 1
    async for data in events:
        reader.feed(data)
    assert "too slowly" in reader.comments[-1]
    before = [one.data for one in reader.events]
    assert before == list(range(len(before)))
    assert len(before) < 6
    again = await joined(bench.hub, last_id=reader.last_id)
    await again.got(6 - len(before))
    assert before + again.numbers == list(range(6))


async def _id_at(bench: Bench) -> str:
    client = await joined(bench.hub)
    bench.append(1)
    await client.got(1)
    return await client.leave()


@pytest.mark.parametrize("why", ["forgotten", "another source", "other parts", "old", "ahead"])
async def test_what_can_no_longer_be_read_is_told(why: str, bench: Bench) -> None:
    """`reset`, then everything from now on; its id can be resumed."""
    last_id = await _id_at(bench)
    bench.append(*range(2, 3_000))
    found = read_id(last_id, "m")
    if why == "forgotten":
        bench.feed.forget()
    elif why == "another source":
        last_id = found._replace(source="ffffffff").written()
    elif why == "other parts":
        last_id = found._replace(position=found.position * 2).written()
    elif why == "old":
        bench.feed.kept_s = 3600.0
        bench.hours.pass_by(2 * 3600)
    else:
        last_id = found._replace(position=(FeedMark(9_999),)).written()
    hub = bench.new_hub()
    client = await joined(hub, last_id=last_id)
    [told] = await client.got(1)
    assert told.name == "reset"
    assert told.data["reason"]
    bench.append(3_000)
    await client.got(2)
    assert client.numbers == [3_000]
    again = await joined(hub, last_id=told.id)
    await again.got(1)
    assert again.numbers == [3_000]
    await hub.close()


async def test_a_log_that_forgets_resets_everybody(bench: Bench) -> None:
    """Also those who are connected: something may be missing between two of their events."""
    client = await joined(bench.hub)
    bench.feed.append("one", b"1")
    bench.feed.forget()
    [told] = await client.got(1)
    assert told.name == "reset"
    bench.append(2)
    await client.got(2)
    assert client.numbers == [2]


@pytest.mark.parametrize("text", [
    "x", "m1", "m1.00000000.1", "m1.00000000.1.", "p1.00000000.1.1", "m1.0000000g.1.1",
    "m1.00000000.1.1_", "m1.00000000.1.-1", "m1.00000000.1.1\n", "m1.00000000.1.1_" + "a" * 65,
    "m1.00000000.1" + ".1" * ID_CHARS_MAX, "m1.00000000.1.11111111111111111", "é",
])  # fmt: skip
async def test_what_is_no_id_is_refused(text: str, bench: Bench) -> None:
    """Before the stream begins."""
    with pytest.raises(InvalidInput):
        await bench.hub.subscribe("one", text)


def test_ids_say_what_was_written() -> None:
    """A position of any number of parts, with keys and without."""
    for position in (
        (FeedMark(0),),
        (FeedMark(2**64 - 1, "a-0"), FeedMark(7, "~")),
        (FeedMark(1),) * 50,
    ):
        found = ResumeId("m", "0123abcd", 30_000_000, position)
        assert read_id(found.written(), "m") == found


async def test_a_heartbeat_moves_the_id(bench: Bench) -> None:
    """So whoever heard nothing for long resumes where nothing has to be skipped."""
    client = await joined(bench.hub)
    before = client.reader.last_id
    bench.append(*range(5), realm="other")
    watcher = await joined(bench.hub, "other")
    bench.append(5, realm="other")
    await watcher.until(lambda: 5 in watcher.numbers)
    bench.hours.pass_by(HEARTBEAT_S)
    await client.until(lambda: client.reader.last_id != before)
    assert client.reader.events == []
    assert read_id(client.reader.last_id, "m").position == (FeedMark(6),)


async def test_a_source_that_is_away(bench: Bench) -> None:
    """No stream begins; one that has begun stays open and goes on."""
    bench.feed.fault = Retry("away")
    with pytest.raises(Retry):
        await bench.hub.subscribe("one")
    bench.feed.fault = None
    client = await joined(bench.hub)
    bench.append(1)
    await client.got(1)
    bench.feed.fault = Retry("away")
    bench.append(2)
    await asyncio.sleep(0)
    bench.feed.fault = None
    while len(client.numbers) < 2:
        bench.hours.pass_by(60)
        await asyncio.sleep(0)
    assert client.numbers == [1, 2]


async def test_the_end_of_the_service_ends_all_streams(bench: Bench) -> None:
    """With a comment, wherever each of them is; the feed is no longer followed."""
    last_id = await _id_at(bench)
    client, idle = await joined(bench.hub, last_id=last_id), await joined(bench.hub, "other")
    await bench.hub.close()
    for one in (client, idle):
        await one.ended()
        assert "stops" in one.reader.comments[-1]
    assert len(bench.hub) == 0
    assert not bench.feed.is_started


async def test_a_thousand_subscribers_share_one_reading(bench: Bench) -> None:
    """The feed is read once, and all of them wait with the same bytes."""
    subscriptions = [await bench.hub.subscribe("one") for _ in range(1_000)]
    streams = [one.events() for one in subscriptions]
    for stream in streams:
        for _ in range(2):
            await anext(stream)
    bench.append(7)
    found = {id(await anext(stream)) for stream in streams}
    assert len(found) == 1
    assert bench.feed.reads == 0
    for stream in streams:
        await stream.aclose()
    assert len(bench.hub) == 0

"""The feeds of topics, against real brokers: resumed by offsets, without gap or repetition."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator

import orjson
import pytest

from devtools.kafka import Cluster
from schemas.incident import AnyIncident
from services.api import feeds
from services.api.feed_positions import FeedMark, read_id
from services.api.feeds import Fanout, Feed
from services.api.log_feeds import KEPT_S, LogFeed, alert_log
from services.consistency.alerts import ALERTS_TOPIC, alert
from services.runtime.errors import Retry
from services.stream.ports import Outgoing
from services.stream.producer import Producer
from tests.kafka import kafka_settings, renew_catalogue
from tests.sse import EventReader, SentEvent

DEADLINE_S = 60
INCIDENT = {
    "kind": "price_mismatch", "subject": {"type": "product", "market": "DE", "sku": "1"},
    "channel": "shop", "location": "", "state": "open", "severity": "low", "cause": "unknown",
    "since": "2026-01-01T00:00:00Z", "due_at": "2026-01-01T01:00:00Z", "details": {"words": "ä\n"},
}  # fmt: skip


def incident(number: int, realm: str = "one") -> Outgoing:
    """The record of an incident that is a number."""
    named = {"incident_id": f"{number:032x}", "realm": realm, **INCIDENT}
    return alert(AnyIncident.model_validate(named), number)


@pytest.fixture
async def outbox(kafka: str) -> AsyncIterator[Producer]:
    """A producer; every topic is empty."""
    await renew_catalogue(kafka)
    producer = Producer(kafka_settings(kafka))
    yield producer
    await producer.stop()


@pytest.fixture
async def feed(kafka: str, outbox: Producer) -> AsyncIterator[LogFeed]:
    """The feed of incidents, started."""
    made = alert_log(kafka_settings(kafka))
    await made.start()
    yield made
    await made.stop()


async def heard(hub: Fanout, last_id: str, count: int, realm: str = "one") -> list[SentEvent]:
    """So many events of a new stream, which is left then."""
    reader = EventReader()
    subscription = await hub.subscribe(realm, last_id)
    async with asyncio.timeout(DEADLINE_S):
        events = subscription.events()
        while len(reader.events) < count:
            reader.feed(await anext(events))
        await events.aclose()
    return reader.events


def numbers(events: list[SentEvent]) -> list[int]:
    """What the incidents say."""
    return [one.data["row_version"] for one in events]


async def test_every_id_can_be_resumed(
    kafka: str, outbox: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live, from the hub's memory, from the log, and at another process: the rest comes once."""
    monkeypatch.setattr(feeds, "RECENT_ENTRIES_MAX", 50)
    hubs = [Fanout(alert_log(kafka_settings(kafka))) for _ in range(2)]
    streams = [(await hub.subscribe("one")).events() for hub in hubs]
    opening = [await anext(stream) + await anext(stream) for stream in streams]
    sending = asyncio.create_task(_send(outbox, 300))
    reader = EventReader()
    reader.feed(opening[0])
    first = reader.last_id
    async with asyncio.timeout(DEADLINE_S):
        while len(reader.events) < 300:
            reader.feed(await anext(streams[0]))
    await sending
    live = reader.events
    assert sorted(numbers(live)) == list(range(300))
    assert live[0].name == "incident"
    assert live[0].data["details"] == {"words": "ä\n"}
    for hub in hubs:
        again = await heard(hub, first, 300)
        assert sorted(numbers(again)) == list(range(300))
        for place in (0, 150, 290, 298):
            rest = await heard(hub, live[place].id, 299 - place)
            assert sorted(numbers(rest)) == sorted(numbers(live[place + 1 :]))
            rest = await heard(hub, again[place].id, 299 - place)
            assert sorted(numbers(rest)) == sorted(numbers(again[place + 1 :]))
    for stream, hub in zip(streams, hubs, strict=True):
        await stream.aclose()
        await hub.close()


async def _send(outbox: Producer, count: int) -> None:
    for start in range(0, count, 20):
        mine = [incident(number) for number in range(start, start + 20)]
        await outbox.send_all([*mine, *(incident(number, "other") for number in range(30))])


async def test_tombstones_and_what_is_no_record(outbox: Producer, feed: LogFeed) -> None:
    """A tombstone is told as removed; garbage is left out, and everything behind it comes."""
    start = await feed.end()
    key = b"one\x1f0007"
    pretty = orjson.dumps(orjson.loads(incident(2).value or b""), option=orjson.OPT_INDENT_2)
    await outbox.send_all([Outgoing(ALERTS_TOPIC, value, key, 3) for value in (
        b"", b"{", b"[]", b"7", b'{"realm": 7}', b"\xff", None, pretty,
    )])  # fmt: skip
    stretch = await feed.read(start, await feed.end())
    removed, said = stretch.entries
    assert (removed.event, removed.realm) == ("removed", "one")
    assert orjson.loads(removed.data) == {"realm": "one", "incident_id": "0007"}
    assert b"\n" not in said.data
    assert orjson.loads(said.data)["row_version"] == 2
    assert said.mark == FeedMark(8)
    assert stretch.position == await feed.end()


async def test_a_log_that_was_made_again_resets(
    kafka: str, outbox: Producer, feed: LogFeed
) -> None:
    """An id beyond its end belongs to what is gone; the stream goes on from now on."""
    hub = Fanout(feed)
    await outbox.send_all([incident(number) for number in range(50)])
    last_id = (await heard(hub, await _start(hub, feed), 50))[-1].id
    await hub.close()
    await renew_catalogue(kafka)
    hub = Fanout(alert_log(kafka_settings(kafka)))
    [told] = await heard(hub, last_id, 1)
    assert told.name == "reset"
    old = read_id(told.id, "i")
    old = old._replace(minute=old.minute - int(KEPT_S // 60) - 2)
    assert [one.name for one in await heard(hub, old.written(), 1)] == ["reset"]
    await hub.close()


async def _start(hub: Fanout, feed: LogFeed) -> str:
    """The id of the beginning of the log."""
    await feed.start()
    return hub.resume_id(tuple(FeedMark(0) for _ in await feed.end()))


async def test_leaving_while_it_connects(feed: LogFeed) -> None:
    """Whenever a reader leaves, no connection stays open behind it."""
    position = await feed.end()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        for steps in range(0, 400, 8):
            stream = feed.follow(position)
            following = asyncio.ensure_future(anext(stream))
            for _ in range(steps):
                await asyncio.sleep(0)
            following.cancel()
            await asyncio.wait([following])
            await stream.aclose()
        gc.collect()
    assert [str(one.message) for one in told] == []


async def test_no_broker_answers() -> None:
    """Then no stream begins: try again."""
    feed: Feed = alert_log(kafka_settings("127.0.0.1:1"))
    with pytest.raises(Retry):
        await Fanout(feed).subscribe("one")


async def test_a_stream_outlives_its_broker() -> None:
    """It stays open while the broker is away, and goes on where it was."""
    with Cluster() as cluster:
        servers = cluster.bootstrap_servers
        await renew_catalogue(servers)
        outbox, hub = Producer(kafka_settings(servers)), Fanout(alert_log(kafka_settings(servers)))
        reader, events = EventReader(), (await hub.subscribe("one")).events()

        async def until(count: int) -> None:
            async with asyncio.timeout(DEADLINE_S):
                while len(reader.events) < count:
                    reader.feed(await anext(events))

        reader.feed(await anext(events) + await anext(events))
        await outbox.send_all([incident(1), incident(2)])
        await until(2)
        await asyncio.to_thread(cluster.kill, 0)
        await asyncio.to_thread(cluster.start, 0)
        await outbox.send_all([incident(3)])
        await until(3)
        assert sorted(numbers(reader.events)) == [1, 2, 3]
        await events.aclose()
        await hub.close()
        await outbox.stop()

"""The ticker: every partition learns how far event time has come, and from records only."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import pytest

from schemas.records import OfferRecordAdapter, TickRecord
from schemas.watermark import Watermark
from services.consistency.adapters.memory import MemoryStore
from services.consistency.ticker import Ticker
from services.runtime.errors import Retry
from services.stream.ports import Outgoing
from services.stream.watermarks import MemoryWatermarks

from .market import hour

T = TypeVar("T")


async def here(work: Callable[..., T], /, *arguments: Any) -> T:
    """Runs blocking work at once."""
    return work(*arguments)


class Sent:
    """Keeps ticks by partition; refuses some calls after a part of their records."""

    def __init__(self) -> None:
        self.ticks: dict[int, list[tuple[str, datetime]]] = {}
        self.accepts: int | None = None

    async def send_all(self, records: Sequence[Outgoing]) -> None:
        """See the port."""
        for record in records[: self.accepts]:
            tick = OfferRecordAdapter.validate_json(record.value or b"")
            assert isinstance(tick, TickRecord)
            assert (record.topic, record.key) == ("c360.offers", tick.realm.encode())
            assert record.partition is not None
            of_partition = self.ticks.setdefault(record.partition, [])
            of_partition.append((tick.realm, tick.reached_at))
        if self.accepts is not None:
            raise Retry("not now")

    def take(self) -> list[tuple[str, datetime]]:
        """The ticks since the last call, which every partition got in the same order."""
        by_partition, self.ticks = self.ticks, {}
        if not by_partition:
            return []
        assert sorted(by_partition) == [0, 1, 2]
        assert by_partition[0] == by_partition[1] == by_partition[2]
        return by_partition[0]


class Shop:
    """Marks, a store of ticks, an outbox, and the ticker between them."""

    def __init__(self) -> None:
        self.clock = hour(0)
        self.marks = MemoryWatermarks(lambda: self.clock)
        self.store = MemoryStore(3)
        self.sent = Sent()
        self.restart()

    def restart(self) -> None:
        """A ticker that has just started."""
        self._ticker = Ticker(self.marks, self.store, self.sent, here, 3)

    def mark(self, channel: str, occurred: float, received: float, realm: str = "default") -> None:
        """What ingest says after a batch."""
        self.marks.write([Watermark.of(realm, channel, hour(occurred), hour(received))])

    async def at(self, clock: float) -> list[tuple[str, datetime]]:
        """Tick when the store's clock shows this hour; what was sent."""
        self.clock = hour(clock)
        await self._ticker.tick()
        return self.sent.take()


async def test_the_slowest_channel_sets_the_tick() -> None:
    """A tick is sent to every partition when the time of a realm has advanced, and only then."""
    shop = Shop()
    assert await shop.at(5) == []
    shop.mark("shop", 5, 6)
    shop.mark("pos", 3, 6)
    assert await shop.at(6) == [("default", hour(3))]
    assert await shop.at(6.1) == []
    shop.mark("pos", 4, 6.1)
    assert await shop.at(6.2) == [("default", hour(4))]


async def test_realms_have_their_own_time() -> None:
    """A silent realm and a busy one do not wait for each other."""
    shop = Shop()
    shop.mark("shop", 5, 6)
    shop.mark("shop", 2, 6, realm="other")
    assert sorted(await shop.at(6)) == [("default", hour(5)), ("other", hour(2))]
    shop.mark("shop", 3, 6.1, realm="other")
    assert await shop.at(6.2) == [("other", hour(3))]


async def test_an_idle_channel_goes_with_the_clock() -> None:
    """After an hour of silence a quiet night opens what is due."""
    shop = Shop()
    shop.mark("shop", 5, 6)
    assert await shop.at(6.9) == [("default", hour(5))]
    assert await shop.at(7) == [("default", hour(7))]


async def test_an_event_from_the_future_counts_as_its_receipt() -> None:
    """One future-dated event moves no other channel, and its own no further than its arrival."""
    shop = Shop()
    shop.mark("shop", 29, 6)
    assert await shop.at(6.5) == [("default", hour(6))]
    shop.mark("pos", 5, 6.5)
    assert await shop.at(6.6) == []


async def test_the_clock_decides_nothing_but_idleness() -> None:
    """Whatever the clock shows: while no channel is idle the ticks are the same."""
    rng = random.Random(1)
    for _ in range(100):
        ahead, exact = Shop(), Shop()
        received = 0.0
        for _ in range(20):
            received += rng.random()
            channels = rng.sample(["shop", "app", "pos"], k=rng.randint(1, 3))
            for channel in ("shop", "app", "pos") if received < 1 else channels:
                occurred = received + rng.uniform(-30, 24)
                for one in (ahead, exact):
                    one.mark(channel, occurred, received)
            for channel in ("shop", "app", "pos"):  # nobody is silent, with old events though
                for one in (ahead, exact):
                    one.mark(channel, -30, received)
            assert await ahead.at(received + 0.99) == await exact.at(received)


@pytest.mark.parametrize("accepts", range(4))
async def test_a_tick_that_was_not_acknowledged_is_sent_again(accepts: int) -> None:
    """Some partitions may have got it; all of them get it with the next call."""
    shop = Shop()
    shop.mark("shop", 5, 6)
    shop.sent.accepts = accepts
    with pytest.raises(Retry):
        await shop.at(6)
    shop.sent.accepts, shop.sent.ticks = None, {}
    assert await shop.at(6) == [("default", hour(5))]


async def test_after_a_restart_time_goes_on() -> None:
    """The latest judged tick is said once more, for some partition may lack it; never less."""
    shop = Shop()
    shop.mark("shop", 5, 6)
    await shop.at(8)
    shop.store.write_tick("default", hour(8), partition=2)
    shop.mark("shop", 7, 8.1)
    shop.restart()
    assert await shop.at(8.2) == [("default", hour(8))]
    assert await shop.at(8.3) == []
    shop.mark("shop", 8.4, 8.4)
    assert await shop.at(8.4) == [("default", hour(8.4))]


async def test_marks_in_any_order_and_number() -> None:
    """Marks may be written twice and late: the latest counts."""
    rng = random.Random(2)
    for _ in range(50):
        marks = [(rng.uniform(0, 9), rng.uniform(9, 9.5)) for _ in range(6)]
        shop, other = Shop(), Shop()
        for mark in marks:
            shop.mark("shop", *mark)
        for mark in rng.sample([*marks, *marks], k=12):
            other.mark("shop", *mark)
        assert await shop.at(9.6) == await other.at(9.6)

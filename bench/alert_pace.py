"""Prices at a steady rate to the workers' topics, and how long their alerts take.

`python -m bench.alert_pace fill PRODUCTS PLACES` publishes all prices straight into the store, as
ingest would leave them; `… pace PRODUCTS PLACES RATE SECONDS SEED` sends and listens.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer

from bench.children import Result, answer
from bench.judging import fill
from bench.percentiles import percentile
from bench.worker_job import job_settings
from services.consistency.alerts import ALERTS_TOPIC
from services.intake.publish import route
from services.runtime.settings import Settings
from services.store.database import open_server
from services.stream.connection import connection
from services.stream.producer import Producer

TICK_S = 0.02
WARM_UP_S = 15.0
"""Until consumers, books and caches are there, nothing wrong is said."""
GIVE_UP_S = 60.0
WRONG_ONE_IN = 100
LISTED_BEFORE = timedelta(days=1)
"""The prices in the store are so old."""
FETCH_MS = 20
RIGHT, WRONG = "10.00", "12.00"


class Price(NamedTuple):
    """A price that is due to be said."""

    sku: str
    channel: str
    store: str
    price: str


MARKERS = (Price("other", "email", "", RIGHT), Price("other", "pos", "", RIGHT))
"""Prices of a product that nobody compares with; only their time matters."""


def prices(products: int, places: int, count: int, warm_up: int, rng: random.Random) -> list[Price]:
    """In turn in a mailing and at a till, of products that are each named once; some mailings are
    wrong. The first `warm_up` are right."""
    named = rng.sample(range(products), min(products, count))
    store, found = f"s-{places - 1}", list[Price]()
    for number, product in enumerate(named):
        sku = f"p-{product}"
        if number % 2:
            found.append(Price(sku, "pos", store, RIGHT))
            continue
        is_wrong = number >= warm_up and rng.randrange(WRONG_ONE_IN // 2) == 0
        found.append(Price(sku, "email", "", WRONG if is_wrong else RIGHT))
    return found


def written(price: Price, number: int, at: datetime) -> bytes:
    """The event that says it."""
    return orjson.dumps(
        {
            "event_id": f"pace-{number}",
            "occurred_at": at.isoformat(timespec="milliseconds"),
            "channel": price.channel,
            "type": "offer.published",
            "source": {"system": "bench", "store": price.store},
            "body": {"sku": price.sku, "price": price.price, "location": price.store},
        }
    )


class Listener:
    """Reads the alerts from now on: when the first of each product came that is open."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = AIOKafkaConsumer(
            ALERTS_TOPIC,
            **connection(settings),
            auto_offset_reset="latest",
            enable_auto_commit=False,
        )
        self.seen_s: dict[str, float] = {}

    async def start(self) -> None:
        """From the present end of every partition on."""
        await self._consumer.start()
        for partition in self._consumer.assignment():
            await self._consumer.position(partition)

    async def listen(self) -> None:
        """Until it is cancelled."""
        while True:
            batches = await self._consumer.getmany(timeout_ms=FETCH_MS)
            now_s = time.monotonic()
            for record in (one for batch in batches.values() for one in batch):
                alert = orjson.loads(record.value)
                if alert["state"] == "open":
                    self.seen_s.setdefault(alert["subject"]["sku"], now_s)

    async def stop(self) -> None:
        """Leave."""
        await self._consumer.stop()


async def run(settings: Settings, said: list[Price], rate: int) -> Result:
    """Say all of them at the rate; how long the alerts of the wrong ones took."""
    producer, listener = Producer(settings), Listener(settings)
    await producer.start()
    await listener.start()
    listening = asyncio.create_task(listener.listen())
    begun_s = time.monotonic()
    late_s = await _send(producer, said, rate, begun_s)
    due_s = {
        price.sku: begun_s + number / rate
        for number, price in enumerate(said)
        if price.price == WRONG
    }
    numbers, end_s = itertools.count(len(said)), time.monotonic() + GIVE_UP_S
    while not due_s.keys() <= listener.seen_s.keys() and time.monotonic() < end_s:
        # Event time goes on only while something is said: what came last would not be judged.
        now = datetime.now(UTC)
        await producer.send_all([route(written(one, next(numbers), now)) for one in MARKERS])
        await asyncio.sleep(1 / rate * len(MARKERS))
    listening.cancel()
    await listener.stop()
    await producer.stop()
    took = sorted(
        (listener.seen_s[sku] - due) * 1000 for sku, due in due_s.items() if sku in listener.seen_s
    )
    return {
        "events": len(said),
        "rate": rate,
        "seconds": round(len(said) / rate, 1),
        "wrong": len(due_s),
        "never_seen": len(due_s) - len(took),
        "others": len(listener.seen_s.keys() - due_s.keys()),
        "tick_s": settings.tick_interval_s,
        "sender_late_ms_max": round(late_s * 1000, 1),
        **{f"p{percent}_ms": round(percentile(took, percent), 1) for percent in (50, 99)},
        "max_ms": round(took[-1], 1),
    }


async def _send(producer: Producer, said: list[Price], rate: int, begun_s: float) -> float:
    """Send what is due, every tick; how late the latest was. Ends when all are acknowledged."""
    sent, latest_s, begun_at = 0, 0.0, datetime.now(UTC)
    async with asyncio.TaskGroup() as deliveries:
        while sent < len(said):
            now_s = time.monotonic() - begun_s
            due = min(len(said), int(now_s * rate))
            if due > sent:
                latest_s = max(latest_s, now_s - sent / rate)
                records = [
                    route(written(said[n], n, begun_at + timedelta(seconds=n / rate)))
                    for n in range(sent, due)
                ]
                deliveries.create_task(producer.send_all(records))
                sent = due
            await asyncio.sleep(TICK_S)
    return latest_s


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    filling, pacing = commands.add_parser("fill"), commands.add_parser("pace")
    for one in (filling, pacing):
        one.add_argument("products", type=int)
        one.add_argument("places", type=int)
    pacing.add_argument("rate", type=int)
    pacing.add_argument("seconds", type=float)
    pacing.add_argument("seed", type=int)
    given, settings = parser.parse_args(), job_settings()
    if given.command == "fill":
        fill(open_server(settings), given.products, given.places, datetime.now(UTC) - LISTED_BEFORE)
        answer({})
        return
    count, warm_up = int(given.rate * given.seconds), int(given.rate * WARM_UP_S)
    rng = random.Random(given.seed)
    said = prices(given.products, given.places, count, min(warm_up, count // 2), rng)
    answer(asyncio.run(run(settings, said, given.rate)))


if __name__ == "__main__":
    main()

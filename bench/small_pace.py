"""A few events a second to the workers' topics, and how long each takes until a query sees it.

The clock of an event starts when it is due. Looking takes place every few hundredths of a second,
which is in the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import time
from contextlib import suppress

import orjson

from bench.children import Result, answer
from bench.percentiles import percentile
from bench.small_events import events
from bench.worker_job import job_settings
from bench.worker_pace import GIVE_UP_S, LOOK_S, Freshness
from services.intake.publish import route
from services.store.database import open_server
from services.stream.producer import Producer


async def run(rate: float, seconds: float) -> Result:
    """Send at the rate; the freshness of all events after the first few seconds."""
    settings = job_settings()
    producer, freshness = Producer(settings), Freshness(open_server(settings))
    await producer.start()
    source = events(secrets.token_hex(3), random.Random(secrets.randbits(32)))
    begun_s, count = time.monotonic(), int(rate * seconds)
    sent = asyncio.Event()
    looking = asyncio.create_task(_look(freshness, sent))
    for number in range(count):
        due_s = begun_s + number / rate
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        event = next(source)
        freshness.expect({event["event_id"]: due_s})
        await producer.send_all([route(orjson.dumps(event))])
    ended_s = time.monotonic()
    sent.set()
    with suppress(TimeoutError):
        await asyncio.wait_for(looking, GIVE_UP_S)
    await producer.stop()
    found = sorted(freshness.found_ms)
    return {
        "events": count,
        "seconds": round(ended_s - begun_s, 1),
        "never_seen": len(freshness),
        **{f"p{percent}_ms": round(percentile(found, percent), 1) for percent in (50, 99)},
        "max_ms": round(found[-1], 1),
    }


async def _look(freshness: Freshness, sent: asyncio.Event) -> None:
    """Until all are sent and seen."""
    while len(freshness) or not sent.is_set():
        await asyncio.to_thread(freshness.look)
        await asyncio.sleep(LOOK_S)


def main() -> None:
    """`python -m bench.small_pace RATE SECONDS`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rate", type=float)
    parser.add_argument("seconds", type=float)
    given = parser.parse_args()
    answer(asyncio.run(run(given.rate, given.seconds)))


if __name__ == "__main__":
    main()

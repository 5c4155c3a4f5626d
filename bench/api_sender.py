"""The live stream beside the requests: batches of events at a steady pace, over one connection.

Runs until its standard input ends, then prints what it sent. The customers are those of
bench/live_customers.py; the first of them have an event about every second.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import orjson

from bench.api_load import Target, read_answer, request_of
from bench.children import Result, answer, cpu_s
from bench.live_customers import LIVE_CUSTOMERS, live_cookie
from bench.percentiles import percentile

BATCHES_PER_S = 4
OFTEN = 5
"""Customers of whom an event comes about every second, one a batch."""


def batch(run: str, number: int, events: int, chance: random.Random) -> bytes:
    """The body of one request. `run` names the run: a store that is kept has events of others."""
    customers = [number % OFTEN, *(chance.randrange(LIVE_CUSTOMERS) for _ in range(events - 1))]
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return orjson.dumps(
        {
            "batch": [
                {
                    "event_id": f"stream-{run}-{number}-{place}",
                    "occurred_at": now,
                    "channel": "shop",
                    "type": "page.viewed",
                    "identifiers": [{"type": "cookie", "value": live_cookie(customer)}],
                    "source": {"system": "webshop"},
                    "body": {"url": "https://shop.example/", "title": "Startseite"},
                }
                for place, customer in enumerate(customers)
            ]
        }
    )


async def send(target: Target, headers: dict[str, str], rate: int, stop: asyncio.Event) -> Result:
    """Send so many events a second; how many, how late, and how long each batch took."""
    reader, writer = await asyncio.open_connection(*target)
    chance, statuses, took_ms, late_s = random.Random(1), Counter[int](), [0.0], 0.0
    run, begun_s, number = secrets.token_hex(4), time.monotonic(), 0
    while not stop.is_set():
        due_s = begun_s + number / BATCHES_PER_S
        wait_s = due_s - time.monotonic()
        late_s = max(late_s, -wait_s)
        await asyncio.sleep(max(0.0, wait_s))
        body = batch(run, number, rate // BATCHES_PER_S, chance)
        sent_s = time.perf_counter()
        writer.write(request_of(target, "POST", "/v1/touchpoints", headers, body))
        status, _ = await read_answer(reader)
        took_ms.append((time.perf_counter() - sent_s) * 1000)
        statuses[status] += 1
        number += 1
    writer.close()
    took_ms.sort()
    seconds = time.monotonic() - begun_s
    return {
        "events_per_second": round(statuses[200] * (rate // BATCHES_PER_S) / seconds, 1),
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "batch_p50_ms": round(percentile(took_ms, 50), 1),
        "batch_p99_ms": round(percentile(took_ms, 99), 1),
        "late_s_max": round(late_s, 2),
        "cpu_share": round(cpu_s() / seconds, 3),
    }


async def _until_told(asked: Result) -> Result:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), stop.set)
    return await send(Target(asked["host"], asked["port"]), asked["headers"], asked["rate"], stop)


def main() -> None:
    """`python -m bench.api_sender FILE`: as a JSON file describes it; one line of JSON."""
    answer(asyncio.run(_until_told(json.loads(Path(sys.argv[1]).read_bytes()))))


if __name__ == "__main__":
    main()

"""A steady stream to the workers' topics, and how long its events take until a query sees them.

The clock of an event starts when it is due, not when its sender got round to it, so that a pause of
the sender counts as well. Looking takes place every few hundredths of a second, which is in the
figures, too.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from datetime import UTC, datetime
from itertools import islice

from bench.children import Result, answer
from bench.percentiles import percentile
from bench.worker_job import Job, job_settings
from services.ingest.core.decode import event_hash
from services.ingest.core.outcome import Accepted, Intake
from services.ingest.lines import Line
from services.intake.files import read_lines
from services.intake.publish import route, size_of
from services.runtime.settings import Settings
from services.store.database import Database
from services.stream.producer import Producer

BYTES_MAX = 32 * 1024
TICK_S = 0.02
LOOK_S = 0.05
SAMPLED = 40
"""One event in so many is looked for."""
WARM_UP_S = 5.0
GIVE_UP_S = 60.0
SEEN_SQL = "SELECT event_id FROM event_ids WHERE realm = 'default' AND event_hash IN ({hashes})"


class Freshness:
    """Events on their way, and how long those that arrived took."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, float] = {}
        self.found_ms: list[float] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def expect(self, due_s: dict[str, float]) -> None:
        """Look for these from now on: when each was due, by event id."""
        self._waiting.update(due_s)

    def look(self) -> None:
        """Ask the store which of them are there. Blocks."""
        waiting = dict(self._waiting)
        if not waiting:
            return
        hashes = ",".join(str(event_hash(event_id)) for event_id in waiting)
        rows = self._database.rows(SEEN_SQL.format(hashes=hashes))
        now_s = time.monotonic()
        for (event_id,) in rows:
            due_s = self._waiting.pop(event_id, None)
            if due_s is not None:
                self.found_ms.append((now_s - due_s) * 1000)


async def run(settings: Settings, lines: list[Line], rate: int) -> Result:
    """Send all lines at the rate; the freshness of those looked for."""
    job, producer = Job(settings), Producer(settings)
    samples = _samples(job, lines, rate)
    await producer.start()
    freshness = Freshness(job.database)
    begun_s = time.monotonic()
    sending = asyncio.create_task(_send(producer, lines, rate, begun_s, freshness, samples))
    while not sending.done() or (len(freshness) and _left_s(begun_s, len(lines), rate) > 0):
        await asyncio.to_thread(freshness.look)
        await asyncio.sleep(LOOK_S)
    late_s = await sending
    await producer.stop()
    found = sorted(freshness.found_ms)
    return {
        "events": len(lines),
        "rate": rate,
        "seconds": round(len(lines) / rate, 1),
        "sampled": len(found) + len(freshness),
        "never_seen": len(freshness),
        "sender_late_ms_max": round(late_s * 1000, 1),
        **{f"p{percent}_ms": round(percentile(found, percent), 1) for percent in (50, 99)},
        "max_ms": round(found[-1], 1),
    }


def _samples(job: Job, lines: list[Line], rate: int) -> dict[int, str]:
    """Event ids of those looked for, by their place: accepted ones, for others are never seen."""
    found: dict[int, str] = {}
    first = int(min(WARM_UP_S * rate, len(lines) / 2))
    for place in range(first, len(lines), SAMPLED):
        outcome = job.core.process(lines[place].content, datetime.now(UTC), Intake.SERVER)
        if isinstance(outcome, Accepted):
            found[place] = outcome.event_id
    return found


def _left_s(begun_s: float, events: int, rate: int) -> float:
    return begun_s + events / rate + GIVE_UP_S - time.monotonic()


async def _send(
    producer: Producer,
    lines: list[Line],
    rate: int,
    begun_s: float,
    freshness: Freshness,
    samples: dict[int, str],
) -> float:
    """Send what is due, every tick; how late the latest was. Ends when all are acknowledged."""
    sent, latest_s = 0, 0.0
    async with asyncio.TaskGroup() as deliveries:
        while sent < len(lines):
            now_s = time.monotonic() - begun_s
            due = min(len(lines), int(now_s * rate))
            if due > sent:
                latest_s = max(latest_s, now_s - sent / rate)
                part = range(sent, due)
                freshness.expect({samples[n]: begun_s + n / rate for n in part if n in samples})
                records = [route(lines[n].content) for n in part]
                deliveries.create_task(producer.send_all(records))
                sent = due
            await asyncio.sleep(TICK_S)
    return latest_s


def good_lines(file: str, count: int) -> list[Line]:
    """Lines that any topic takes, each event once."""
    wanted: dict[str, Line] = {}
    for line in read_lines(file):
        record = route(line.content)
        if record.key is not None and size_of(record) <= BYTES_MAX:
            wanted.setdefault(record.key.decode(), line)
    return list(islice(wanted.values(), count))


def main() -> None:
    """`python -m bench.worker_pace FILE RATE SECONDS`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("rate", type=int)
    parser.add_argument("seconds", type=float)
    given = parser.parse_args()
    lines = good_lines(given.file, int(given.rate * given.seconds))
    answer(asyncio.run(run(job_settings(), lines, given.rate)))


if __name__ == "__main__":
    main()

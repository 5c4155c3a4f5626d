"""A steady stream into Kafka, and how far each kind of worker has come, at every moment.

`SteadyStream` sends lines at a fixed rate; `ProgressWatch` looks at the store often enough to say
for how long nothing was finished. Both are threads that end with their context.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from statistics import median

from aiokafka import AIOKafkaProducer

from tests.background import Background
from tests.chaos.harm import topic_of
from tests.e2e.distributed import SERVICES, Distributed

WAVE_S = 0.1
LOOK_S = 0.05
JOIN_DEADLINE_S = 120
REACHED_SQL = """
SELECT (SELECT max(received_at) FROM touchpoints),
    (SELECT sum(version) FROM log_positions FINAL WHERE topic = 'c360.edges/finished'),
    (SELECT sum(version) FROM log_positions FINAL WHERE topic = 'c360.offers/finished')
"""
"""What changes with every finished batch of ingest, identity and consistency."""


class SteadyStream(Background):
    """Sends lines to their topics, `per_s` of them a second; the rest at once when it is left."""

    def __init__(self, servers: str, lines: Sequence[bytes], per_s: int) -> None:
        super().__init__("stream", JOIN_DEADLINE_S)
        self._servers = servers
        self._lines = lines
        self._wave = max(1, round(per_s * WAVE_S))

    def work(self) -> None:
        """See Background."""
        asyncio.run(self._send_all())

    async def _send_all(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self._servers, acks="all")
        await producer.start()
        try:
            for start in range(0, len(self._lines), self._wave):
                wave = self._lines[start : start + self._wave]
                sent = [await producer.send(topic_of(one), one, key=_key_of(one)) for one in wave]
                await asyncio.gather(*sent)
                if not self.leaving.is_set():
                    await asyncio.sleep(WAVE_S)
        finally:
            await producer.stop()


def _key_of(line: bytes) -> bytes:
    """The event's id: its repetition follows it."""
    with suppress(ValueError, TypeError, KeyError):
        return str(json.loads(line)["event_id"]).encode()
    return b"unreadable"


class ProgressWatch(Background):
    """When each kind of worker finished a batch."""

    def __init__(self, run: Distributed) -> None:
        super().__init__("watch", JOIN_DEADLINE_S)
        self._run = run
        self._moved: dict[str, list[float]] = {service: [] for service in SERVICES}

    def work(self) -> None:
        """See Background."""
        client = self._run.endpoint.client(database=self._run.database)
        before: Sequence[object] = (None,) * len(SERVICES)
        try:
            while not self.leaving.wait(LOOK_S):
                [reached] = client.query(REACHED_SQL).result_rows
                now = time.monotonic()
                for service, old, new in zip(SERVICES, before, reached, strict=True):
                    if old != new:
                        self._moved[service].append(now)
                before = reached
        finally:
            client.close()

    def moved_since(self, service: str, moment: float) -> bool:
        """Whether batches were finished after a moment."""
        return bool(self._moved[service]) and self._moved[service][-1] > moment

    def pauses(self, service: str, since: float, until: float) -> list[float]:
        """Seconds between two finished batches, of those that reach into the time given."""
        moments = [*self._moved[service]]
        return [b - a for a, b in pairwise(moments) if b >= since and a <= until]

    def usual_s(self, service: str, since: float, until: float) -> float:
        """The median of these pauses."""
        return median(self.pauses(service, since, until))

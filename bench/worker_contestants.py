"""The contestants of the workers' benchmark that run in our own environment, one per process.

`ours` is the ingest worker itself. `bare` is the least that a consumer with these models can do:
aiokafka's `getmany` and pydantic, and nothing kept. `faust-…` does our full work in a plain Faust
agent: `faust-packed` hands everything to our own batch functions and differs from us in its host
alone, `faust-take` stores in batches and sends event by event, `faust-single` does all of it event
by event. A Faust agent as people write it waits for no delivery, and Faust commits when it likes:
its clock ends earlier than ours, before either.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import faust
from aiokafka import AIOKafkaConsumer
from faust.contrib.asgi import faust_app_running
from pydantic import ValidationError

from bench.worker_job import TOPIC, Job, Race, Received, job_settings, tell
from schemas.touchpoint import Touchpoint, TouchpointAdapter
from services.ingest import main as ingest
from services.ingest.adapters.kafka import KafkaSource
from services.ingest.core.derived_records import derive, edge_records, watermarks
from services.ingest.core.outcome import NO_CORRECTIONS, Accepted
from services.ingest.core.sent_edges import SentEdges
from services.ingest.stage import Stored
from services.ingest.worker import EDGES_TOPIC
from services.runtime.process import tune_garbage_collector
from services.runtime.settings import Settings
from services.stream.claim_records import OFFERS_TOPIC, claim_records
from services.stream.connection import connection
from services.stream.dead_letters import dead_letter
from services.stream.ports import Delivery, Outgoing, Partition
from services.stream.watermarks import ClickHouseWatermarks

FETCH_RECORDS = 1_000
FETCH_MS = 1_000
GATE_POLL_S = 0.01
WITHIN_S = 5.0
"""So long a batch may take to fill up; no contestant's shall be cut short by it."""
FETCH_BYTES_PER_PARTITION = 1024 * 1024


def run_ours(race: Race, settings: Settings, gate: Path) -> None:
    """The worker as `c360 worker ingest` runs it, with a clock on its source; ends by SIGTERM.

    It says how many partitions it holds, and reads them once the gate, a file, is there.
    """

    class Watched(KafkaSource):
        def __init__(self, settings: Settings, _topics: object, *rest: Any) -> None:
            super().__init__(settings, [TOPIC], *rest)
            self._held = self._expected = 0

        async def _may_read(self) -> bool:
            if self._expected:
                return True
            held = self._consumer.assignment()
            self._consumer.pause(*held)
            if len(held) != self._held:
                self._held = len(held)
                tell({"held": self._held})
            if not held or not await asyncio.to_thread(gate.exists):
                await asyncio.sleep(GATE_POLL_S)
                return False
            self._expected = sum((await self._consumer.end_offsets(held)).values())
            race.expect(self._expected)
            self._consumer.resume(*held)
            return True

        async def fetch(self, records_max: int, timeout_s: float) -> list[Delivery]:
            if not await self._may_read():
                return []
            got = await super().fetch(records_max, timeout_s)
            if got:
                race.began()
            return got

        async def commit(self, offsets: Mapping[Partition, int]) -> None:
            before = dict(self._committed)
            await super().commit(offsets)
            race.finished(sum(end - before.get(one, 0) for one, end in offsets.items()))

    with patch.object(ingest, "KafkaSource", Watched):
        asyncio.run(ingest.run(settings))


async def run_bare(race: Race, settings: Settings, batch: int) -> None:
    """Read and validate; the models of a batch live until it ends, as they do in the worker."""
    consumer = AIOKafkaConsumer(
        TOPIC,
        **connection(settings),
        group_id=f"{settings.kafka_group_prefix}-bare",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
        fetch_max_bytes=settings.worker_batch_bytes_max,
        max_partition_fetch_bytes=FETCH_BYTES_PER_PARTITION,
    )
    await consumer.start()
    tune_garbage_collector()
    models: list[Touchpoint] = []
    count = 0
    while not race.is_over:
        got = await consumer.getmany(timeout_ms=FETCH_MS, max_records=FETCH_RECORDS)
        if got:
            race.began()
        for records in got.values():
            count += len(records)
            models += _validated([record.value for record in records])
        if count >= batch or not got:
            race.finished(count)
            models, count = [], 0
    await consumer.stop()


def _validated(lines: Sequence[bytes]) -> list[Touchpoint]:
    models: list[Touchpoint] = []
    for line in lines:
        try:
            models.append(TouchpointAdapter.validate_json(line))
        except ValidationError:
            continue
    return models


class FaustWork:
    """Our full work, called by a Faust agent.

    Args:
        packed: derived records of a whole batch at once; otherwise for each event by itself.
    """

    def __init__(self, app: faust.App, settings: Settings, race: Race, packed: bool) -> None:
        self._job = Job(settings)
        self._watermarks = ClickHouseWatermarks(self._job.database)
        self._sent = SentEdges()
        self._race = race
        self._packed = packed
        self._topics = {
            name: app.topic(name, key_serializer="raw", value_serializer="raw")
            for name in (EDGES_TOPIC, OFFERS_TOPIC, "c360.rejected")
        }

    async def __call__(self, events: Sequence[Any]) -> None:
        """Decode, store, derive and send."""
        self._race.began()
        received = [Received(one.value, round(one.message.timestamp * 1000)) for one in events]
        decoded = self._job.decode(received)
        stored: Stored = await asyncio.to_thread(self._job.store, decoded)
        for position, reject in stored.refused:
            message = events[position].message
            delivery = Delivery(
                message.topic, message.partition, message.offset,
                received[position].timestamp_ms, message.value, message.key,
            )  # fmt: skip
            await self._send(dead_letter(delivery, *reject))
        for part in [stored.fresh] if self._packed else [[one] for one in stored.fresh]:
            await self._send_derived(part)
        await asyncio.to_thread(self._watermarks.write, watermarks(stored.fresh))
        if self._race.finished(len(events)):
            os._exit(0)  # stopping Faust in order takes seconds that nobody measures

    async def _send_derived(self, events: Sequence[Accepted]) -> None:
        for realm, derived in derive(events, NO_CORRECTIONS, self._sent).items():
            for edges in edge_records(realm, derived):
                value = edges.model_dump_json().encode()
                await self._send(Outgoing(EDGES_TOPIC, value, key=realm.encode()))
            for claims in claim_records(realm, derived.claims):
                await self._send(claims)
            self._sent.acknowledged(realm, derived.edges)

    async def _send(self, record: Outgoing) -> None:
        await self._topics[record.topic].send(
            key=record.key,
            value=record.value,
            partition=record.partition,
            headers=list(record.headers),
        )


async def run_faust(race: Race, settings: Settings, batch: int, how: str) -> None:
    """A Faust app with one agent; `how` is `packed`, `take` or `single`."""
    app = faust.App(
        f"{settings.kafka_group_prefix}-faust",
        broker=f"kafka://{settings.kafka_bootstrap_servers}",
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=1.0,
        producer_acks=-1,
        producer_linger=0.005,
        stream_buffer_maxsize=2 * batch,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        store="memory://",
        worker_redirect_stdouts=False,
        autodiscover=False,
    )
    work = FaustWork(app, settings, race, packed=how == "packed")

    async def agent(stream: Any) -> None:
        if how == "single":
            async for event in stream.events():
                await work([event])
        else:
            async for events in stream.take_events(batch, within=WITHIN_S):
                await work(events)

    topic = app.topic(
        TOPIC, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )
    app.agent(topic, name="bench", concurrency=1)(agent)
    tune_garbage_collector()
    async with faust_app_running(app, discover=False):
        await asyncio.Event().wait()


def main() -> None:
    """`python -m bench.worker_contestants CONTESTANT EVENTS BATCH [GATE]`; only ours has a gate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contestant")
    parser.add_argument("events", type=int)
    parser.add_argument("batch", type=int)
    parser.add_argument("gate", type=Path, nargs="?")
    given = parser.parse_args()
    race, settings = Race(given.contestant, given.events), job_settings()
    if given.gate is not None:
        run_ours(race, settings, given.gate)
    elif given.contestant == "bare":
        asyncio.run(run_bare(race, settings, given.batch))
    else:
        how = given.contestant.removeprefix("faust-")
        asyncio.run(run_faust(race, settings, given.batch, how))


if __name__ == "__main__":
    main()

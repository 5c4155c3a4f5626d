"""The faults of a run. Each publishes a part of the sample and is injected meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete

from schemas.topics import CATALOGUE
from tests.chaos.chaos import Chaos
from tests.chaos.harm import READ_TOPICS, send_garbage
from tests.e2e.distributed import Worker
from tests.kafka import admin_of, delete_topics

Disturbance = Callable[[Chaos], None]
BUSY_TOPIC = "touchpoints.shop"
GOES_ON_DEADLINE_S = 60
FAULTS: tuple[dict[str, Any], ...] = (
    {"code": 252, "match": "INSERT INTO .*touchpoints"},
    {"code": 241, "match": "SELECT ", "count": 3},
    {"code": 159, "match": "INSERT INTO .*touchpoints", "when": "after"},
    {"code": 159, "match": "INSERT INTO .*members", "when": "after"},
    {"code": 159, "match": "INSERT INTO .*(incident_states|timers)", "when": "after"},
    {"drop": True, "match": "INSERT INTO .*(edges|node_values)", "when": "after", "count": 2},
    {"drop": True, "match": "INSERT INTO .*(log_positions|watermarks)", "count": 2},
    {"status": 503, "match": "SELECT "},
)
"""Refused, done but the answer lost, cut off: each kind where it hurts."""


def kill(service: str) -> Disturbance:
    """SIGKILL of a worker in mid-batch."""
    return lambda chaos: chaos.feed_into(service, chaos.kill)


def kill_at_any_moment(chaos: Chaos) -> None:
    """SIGKILL of whichever worker, a few times, at moments of no design."""
    chaos.feed()
    for _ in range(3):
        time.sleep(chaos.rng.uniform(0, 2))
        chaos.kill(chaos.rng.choice(chaos.run.workers))


def terminate(service: str) -> Disturbance:
    """SIGTERM of a worker in mid-batch: it ends in order, within its grace period."""
    return lambda chaos: chaos.feed_into(service, chaos.terminate)


def scale(*services: str) -> Disturbance:
    """One worker of each service, then three, then one; each time while a part is processed."""

    def disturb(chaos: Chaos) -> None:
        def up(_worker: Worker) -> None:
            for service in (*services, *services):
                chaos.add(service)

        def down(_worker: Worker) -> None:
            leaving = [one for service in services for one in chaos.run.of(service)[:2]]
            chaos.stop(leaving)  # the eldest go, all at once

        chaos.feed_into("ingest", up)
        chaos.run.wait_ready()
        chaos.feed_into("ingest", down)

    return disturb


def restart_broker(chaos: Chaos) -> None:
    """A broker shuts down in order and comes back; then it is killed and comes back."""

    def in_order(_worker: Worker) -> None:
        chaos.cluster.stop(0)
        chaos.tally.stops += 1
        chaos.cluster.start(0)

    def at_once(_worker: Worker) -> None:
        chaos.cluster.kill(0)
        chaos.tally.kills += 1
        chaos.cluster.start(0)

    chaos.feed_into("ingest", in_order)
    chaos.feed_into("ingest", at_once)


def fail_leader(chaos: Chaos) -> None:
    """SIGKILL of the broker that leads a busy partition: work goes on without it."""

    def strike(_worker: Worker) -> None:
        leader = asyncio.run(_leader(chaos.run.servers)) - 1
        chaos.cluster.kill(leader)
        chaos.tally.kills += 1
        try:
            behind = chaos.run.lag("ingest")
            chaos.run.wait(
                lambda: 0 <= chaos.run.lag("ingest") <= behind // 2,
                "going on without a broker", GOES_ON_DEADLINE_S,
            )  # fmt: skip
        finally:
            chaos.cluster.start(leader)

    chaos.feed_into("ingest", strike)


async def _leader(servers: str) -> int:
    async with admin_of(servers) as admin:
        (topic,) = await admin.describe_topics([BUSY_TOPIC])
        return int(topic["partitions"][0]["leader"])


def store_away(seconds: float) -> Disturbance:
    """SIGKILL of the store under load; it is back after a while."""

    def disturb(chaos: Chaos) -> None:
        def strike(_worker: Worker) -> None:
            chaos.store.kill()
            chaos.tally.kills += 1
            time.sleep(seconds)
            chaos.store.start()

        chaos.feed_into("ingest", strike)

    return disturb


def store_faults(chaos: Chaos) -> None:
    """The store refuses, or executes the statement and the answer is lost."""
    for order in FAULTS:
        chaos.store.fault(**order)
    chaos.feed()


def fill_disk(chaos: Chaos) -> None:
    """No room on the store's disk, until a worker has waited for it a few times."""

    def complaints() -> int:
        return sum(one.said().count("its disk is full") for one in chaos.run.of("ingest"))

    def waited() -> bool:
        chaos.disk.fill()  # again: the store removes old parts meanwhile
        return complaints() > before + 2

    chaos.run.wait_drained()  # nobody is in a long pause for another reason
    before = complaints()
    chaos.disk.fill()
    try:
        chaos.feed()
        chaos.run.wait(waited, "waiting for room", GOES_ON_DEADLINE_S)
    finally:
        chaos.disk.free()


def poison(chaos: Chaos) -> None:
    """Garbage in every topic that a worker reads, among a part of the sample."""
    send_garbage(chaos.run.servers)
    chaos.poisoned()
    chaos.feed()


def compress(chaos: Chaos) -> None:
    """A part of the sample by producers with every compression Kafka knows."""
    chaos.feed_compressed()


def empty_topics(chaos: Chaos) -> None:
    """Retention takes everything that was processed, then the workers restart."""
    chaos.run.wait_drained()
    asyncio.run(empty_read_topics(chaos.run.servers))
    chaos.restart_all()
    chaos.feed()


async def empty_read_topics(servers: str) -> None:
    """Delete every record of the topics that workers read, as retention does."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers)
    await consumer.start()
    try:
        places = [
            TopicPartition(name, number)
            for name in READ_TOPICS
            for number in range(CATALOGUE.by_name[name].partitions)
        ]
        ends = await consumer.end_offsets(places)
    finally:
        await consumer.stop()
    async with admin_of(servers) as admin:
        await admin.delete_records({place: RecordsToDelete(end) for place, end in ends.items()})


def replay(chaos: Chaos) -> None:
    """Everything again from offset 0, in new consumer groups."""
    services = [worker.service for worker in chaos.run.workers]
    chaos.stop_all()
    chaos.run.prefix = f"{chaos.run.prefix.split('.')[0]}.{chaos.rng.randrange(10**6)}"
    for service in services:
        chaos.add(service)
    chaos.feed()


def recreate_topics(chaos: Chaos) -> None:
    """Topics deleted and made again, after what was in them is processed: offsets begin anew, and
    what is read from them later wins over what was read before."""
    chaos.run.wait_drained()
    services = [worker.service for worker in chaos.run.workers]
    chaos.stop_all()
    asyncio.run(delete_topics(chaos.run.servers, READ_TOPICS))
    chaos.run.c360("topics", "apply")
    for service in services:
        chaos.add(service)
    chaos.feed()

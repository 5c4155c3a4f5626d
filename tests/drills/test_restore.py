"""The restore drill: a backup, the store destroyed, the backup restored, the rest from Kafka.

As docs/backup.md says it, on real brokers, real workers and BACKUP and RESTORE of the real engine.
Events are sent in three parts: before the backup, after it, and while there is no store.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from devtools.kafka import Cluster
from schemas.topics import CATALOGUE
from services.runtime.errors import Retry
from tests.chaos.disturbances import empty_read_topics
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.e2e.accounts import alerts_astray, doubled, lost, profile_changes_astray
from tests.e2e.conftest import Reference, Stream
from tests.e2e.distributed import SERVICES, Distributed
from tests.e2e.runs import DEADLINE_S, c360, digest

NOT_STORED = ": stored None, told "
"""What `alerts_astray` says of an incident that was told and is not there: it was open for a
moment, after the backup, and in what was read again all its evidence came at once."""
Way = Callable[[Distributed, int], None]
"""How the ingest group comes to read again what was sent since a moment (Unix ms)."""


class Drill:
    """A store with backups, brokers, and one worker of each kind; a context manager."""

    def __init__(self, directory: Path, lines: list[bytes]) -> None:
        self.directory = directory
        self.backups = directory / "backups"
        self.parts = [lines[number::3] for number in range(3)]
        self.began_ms = 0

    def __enter__(self) -> Drill:
        with ExitStack() as stack:
            self.backups.mkdir(parents=True)
            servers = stack.enter_context(Cluster()).bootstrap_servers
            self.store = ClickHouseEndpoint(
                self.directory / "store", "--backup-dir", str(self.backups)
            )
            stack.enter_context(self.store)
            self.run = stack.enter_context(Distributed(self.directory, servers, self.store))
            self.run.prepare()
            self.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self) -> None:
        """A worker of each kind, ready."""
        for service in SERVICES:
            self.run.add(service)
        self.run.wait_ready()

    def send(self, part: int) -> None:
        """Send a part of the stream to Kafka."""
        file = self.directory / f"part-{part}.jsonl"
        file.write_bytes(b"".join(line + b"\n" for line in self.parts[part]))
        self.run.publish(file)

    def back_up(self) -> float:
        """While no worker writes, as docs/backup.md says; seconds."""
        assert set(self.run.stop_all()) == {0}
        self.began_ms = int(time.time() * 1000)
        seconds = self._command(f"BACKUP DATABASE {self.run.database} TO File('{self.file}')")
        self.start()
        return seconds

    def destroy(self) -> None:
        """The store is gone with its disk; the workers are stopped while they wait for it."""
        self.store.kill()
        shutil.rmtree(self.directory / "store")
        assert set(self.run.stop_all()) <= {0, Retry.exit_code}

    def restore(self) -> float:
        """Into a new store at the same address; seconds."""
        self.store.start()
        return self._command(f"RESTORE DATABASE {self.run.database} FROM File('{self.file}')")

    def catch_up(self) -> float:
        """Workers start and read what there is; seconds."""
        began = time.monotonic()
        self.start()
        self.run.wait_drained()
        took = time.monotonic() - began
        self.run.final_tick()
        return took

    @property
    def file(self) -> Path:
        """The backup: a directory, for chDB has no archives."""
        return self.backups / "c360"

    def _command(self, sql: str) -> float:
        client = self.store.client(database="default", send_receive_timeout=DEADLINE_S)
        began = time.monotonic()
        try:
            client.command(sql)
        finally:
            client.close()
        return time.monotonic() - began


@pytest.fixture
def drill(stream: Stream, tmp_path: Path) -> Iterator[Drill]:
    """The stage of a drill, with the sample to send."""
    with Drill(tmp_path, stream.file.read_bytes().splitlines()) as stage:
        yield stage


def new_groups(run: Distributed, _since_ms: int) -> None:
    """Another C360_KAFKA_GROUP_PREFIX: everything that Kafka still holds, once more."""
    run.prefix = f"{run.prefix}.restored"


def rewound(run: Distributed, since_ms: int) -> None:
    """What kafka-consumer-groups --reset-offsets --to-datetime does to the ingest group."""
    asyncio.run(_rewind(run.servers, f"{run.prefix}-ingest", since_ms))


async def _rewind(servers: str, group: str, since_ms: int) -> None:
    places = [
        TopicPartition(topic.name, number)
        for topic in CATALOGUE.touchpoints
        for number in range(topic.partitions)
    ]
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        times = await consumer.offsets_for_times(dict.fromkeys(places, since_ms))
        await consumer.commit(
            {place: found.offset if (found := times[place]) else ends[place] for place in places}
        )
    finally:
        await consumer.stop()


@pytest.mark.parametrize("again", [new_groups, rewound])
def test_restored_store_catches_up_from_kafka(
    drill: Drill, stream: Stream, reference: Reference, again: Way
) -> None:
    """Nothing is lost, nothing counts twice, and the digest is that of an undisturbed run."""
    drill.send(0)
    drill.run.wait_drained()
    backup_s = drill.back_up()
    drill.send(1)
    drill.run.wait_drained()
    drill.destroy()
    drill.send(2)
    restore_s = drill.restore()
    again(drill.run, drill.began_ms)
    behind = drill.run.lag("ingest")
    catch_up_s = drill.catch_up()
    assert drill.run.digest() == reference.digest
    assert not lost(drill.run, stream.file.read_bytes().splitlines())
    assert not doubled(drill.run)
    ghosts = alerts_astray(drill.run)
    assert all(NOT_STORED in one for one in ghosts), ghosts
    assert not profile_changes_astray(drill.run)
    size = sum(one.stat().st_size for one in drill.file.rglob("*") if one.is_file())
    sys.stdout.write(
        f"\n{again.__name__}: backup {size:,} bytes in {backup_s:.1f} s, restored in "
        f"{restore_s:.1f} s; {behind:,} records read again in {catch_up_s:.1f} s with the start; "
        f"{len(ghosts)} alerts told before of incidents that there are not\n"
    )


def test_what_kafka_no_longer_holds_is_lost_and_nothing_else(drill: Drill) -> None:
    """Retention has taken what came after the backup: the rest is as if that was never sent."""
    drill.send(0)
    drill.run.wait_drained()
    drill.back_up()
    drill.send(1)
    drill.run.wait_drained()
    drill.destroy()
    asyncio.run(empty_read_topics(drill.run.servers))
    drill.send(2)
    drill.restore()
    new_groups(drill.run, drill.began_ms)
    drill.catch_up()
    kept = drill.directory / "kept.jsonl"
    kept.write_bytes(b"".join(line + b"\n" for part in (0, 2) for line in drill.parts[part]))
    c360(drill.directory / "kept", "ingest", str(kept))
    assert drill.run.digest() == digest(drill.directory / "kept")


def test_without_reading_again_events_are_missing(drill: Drill, reference: Reference) -> None:
    """A restored store alone is not enough, for the ingest group has committed what was lost; it
    can be made good later."""
    drill.send(0)
    drill.run.wait_drained()
    drill.back_up()
    drill.send(1)
    drill.run.wait_drained()
    drill.destroy()
    drill.send(2)
    drill.restore()
    drill.catch_up()
    assert drill.run.digest()["facts"] != reference.digest["facts"]
    assert set(drill.run.stop_all()) == {0}
    rewound(drill.run, drill.began_ms)
    drill.catch_up()
    assert drill.run.digest() == reference.digest

"""A log in memory: topics, partitions, consumer groups, and producers whose acks get lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from services.runtime.errors import Fatal, Retry
from services.stream.connection import partition_of
from services.stream.ports import Delivery, Outgoing, Partition
from tests.simulation.chance import Chance, Fault
from tests.simulation.process import LATE_S, TIMEOUT_S, Killed, Process

SESSION_S = 1.5
"""So long after its death a member is missed."""
ZOMBIE_S = 5.0
WAIT_S = 0.5


class Broker:
    """The records of all partitions. `on_append` sees every record as it is taken in."""

    id = "log-1"

    def __init__(
        self, chance: Chance, now_ms: Callable[[], int], topics: Mapping[str, int]
    ) -> None:
        self.topics = dict(topics)
        self.records: dict[Partition, list[Delivery]] = {
            Partition(topic, number): []
            for topic, count in topics.items()
            for number in range(count)
        }
        self.begins = dict.fromkeys(self.records, 0)
        self.is_down = False
        self.on_append: Callable[[Delivery], None] = lambda _delivery: None
        self._chance = chance
        self._now_ms = now_ms

    def place(self, record: Outgoing) -> Partition:
        """The partition that a record goes to. Raises Fatal where there is none."""
        if record.key is None and record.value is None:
            raise Fatal(f"a record for {record.topic} has neither key nor value")
        count = self.topics.get(record.topic, 0)
        if not count or (record.partition or 0) >= count:
            raise Fatal(f"{record.topic} has {count} partitions, none is {record.partition}")
        if record.partition is not None:
            return Partition(record.topic, record.partition)
        if record.key is not None:
            return Partition(record.topic, partition_of(record.key, count))
        return Partition(record.topic, self._chance.rng.randrange(count))

    def append(self, record: Outgoing) -> Delivery:
        """Take a record in."""
        partition = self.place(record)
        records = self.records[partition]
        delivery = Delivery(
            *partition, len(records), self._now_ms(), record.value, record.key, record.headers
        )
        records.append(delivery)
        self.on_append(delivery)
        return delivery

    def end(self, partition: Partition) -> int:
        """Offset of the next record to come."""
        return len(self.records[partition])

    def forget(self, partition: Partition, before: int) -> None:
        """Drop the oldest records, as retention does."""
        self.begins[partition] = max(before, self.begins[partition])

    def since(self, partition: Partition, start: int, stop: int) -> list[Delivery]:
        """The records from `start` on and before `stop` that are still there."""
        return self.records[partition][max(start, self.begins[partition]) : stop]

    def all_of(self, topic: str) -> list[Delivery]:
        """Every record of a topic, partition by partition."""
        return [
            one
            for number in range(self.topics[topic])
            for one in self.records[Partition(topic, number)]
        ]


class BrokerClient:
    """The broker as one process sees it: implements `Outbox`, `Log` and `SideReader`."""

    def __init__(self, broker: Broker, process: Process, chance: Chance) -> None:
        self._broker = broker
        self._process = process
        self._chance = chance

    @property
    def id(self) -> str:
        """See the ports."""
        return self._broker.id

    async def _reach(self) -> None:
        await self._process.pause()
        if self._broker.is_down or self._chance.of_read() is Fault.REFUSED:
            await self._process.sleep(TIMEOUT_S)
            raise Retry("the broker does not answer")

    async def end(self, partition: Partition) -> int:
        """See `Log`."""
        await self._reach()
        return self._broker.end(partition)

    async def bounds(self, partition: Partition) -> tuple[int, int]:
        """See `SideReader`."""
        await self._reach()
        return self._broker.begins[partition], self._broker.end(partition)

    async def read(self, partition: Partition, start: int, stop: int) -> list[Delivery]:
        """See `SideReader`."""
        await self._reach()
        return self._broker.since(partition, start, stop)

    async def send_all(self, records: Sequence[Outgoing]) -> None:
        """See `Outbox`. The order of partitions is anybody's guess."""
        self._process.check()
        if not records:
            return
        await self._process.pause()
        if self._broker.is_down:
            await self._process.sleep(TIMEOUT_S)
            raise Retry("the broker is away")
        fault = self._chance.of_write()
        by_partition: dict[Partition, list[Outgoing]] = {}
        for record in records:
            by_partition.setdefault(self._broker.place(record), []).append(record)
        queues = list(by_partition.items())
        self._chance.rng.shuffle(queues)
        if fault is not Fault.NONE:
            topics = sorted({record.topic for record in records})
            self._process.say(f"sends {len(records)} to {', '.join(topics)}: {fault.value}")
        await self._deliver(fault, queues)
        await self._process.pause()

    async def _deliver(self, fault: Fault, queues: list[tuple[Partition, list[Outgoing]]]) -> None:
        if fault is Fault.DIES_BEFORE:
            self._process.kill()
        self._process.check()
        if fault is Fault.REFUSED:
            raise Retry("the broker refuses")
        late: list[Outgoing] = []
        for partition, queue in queues:
            sent: Sequence[Outgoing] = queue
            if fault in (Fault.PART, Fault.LATE, Fault.DIES_WITHIN):
                sent = self._chance.prefix(queue)
                late += queue[len(sent) :]
            for record in sent:
                # A record without a key gets its place once.
                self._broker.append(record._replace(partition=partition.number))
            await self._process.pause()
        if fault is Fault.LATE:
            self._arrive_late(late)
        if fault in (Fault.DIES_WITHIN, Fault.DIES_AFTER):
            self._process.kill("dies sending")
            raise Killed(self._process.name)
        if fault is not Fault.NONE:
            await self._process.sleep(TIMEOUT_S if fault is Fault.UNKNOWN else 0.0)
            raise Retry("the broker has not acknowledged")

    def _arrive_late(self, records: Sequence[Outgoing]) -> None:
        def arrive() -> None:
            self._process.say(f"{len(records)} late records arrive")
            for record in records:
                self._broker.append(record)

        delay_s = self._chance.rng.random() * LATE_S
        asyncio.get_running_loop().call_later(delay_s, arrive)


class Group:
    """A consumer group: who holds which partition, and what is committed."""

    def __init__(self, broker: Broker, chance: Chance, name: str, topics: Sequence[str]) -> None:
        self.name = name
        self.broker = broker
        self.partitions = [p for p in broker.records if p.topic in topics]
        self.committed: dict[Partition, int] = dict.fromkeys(self.partitions, 0)
        self.members: list[Member] = []
        self.generation = 0
        self.on_commit: Callable[[Partition, int], None] = lambda _partition, _offset: None
        self.before_commit: Callable[[Mapping[Partition, int]], None] = lambda _offsets: None
        self._chance = chance

    def rebalance(self) -> None:
        """Give the partitions to the members anew, by chance and evenly."""
        self.generation += 1
        self.members = [member for member in self.members if member.process.is_alive]
        shares: list[list[Partition]] = [[] for _ in self.members]
        if shares:
            order = list(self.partitions)
            self._chance.rng.shuffle(order)
            for number, partition in enumerate(order):
                shares[number % len(shares)].append(partition)
        for member, share in zip(self.members, shares, strict=True):
            member.assign(share, self.generation)

    def is_drained(self) -> bool:
        """Whether everything is committed."""
        return all(self.committed[p] == self.broker.end(p) for p in self.partitions)

    def lag(self) -> dict[Partition, int]:
        """Records behind, where there are any."""
        behind = {p: self.broker.end(p) - self.committed[p] for p in self.partitions}
        return {partition: count for partition, count in behind.items() if count}


class Member:
    """One member of a group; implements `services.ingest.worker.Source`."""

    def __init__(self, group: Group, process: Process, chance: Chance, skips: bool = False) -> None:
        self.group = group
        self.process = process
        self.generation = -1
        self.positions: dict[Partition, int] = {}
        self.on_assigned: Callable[[], None] = lambda: None
        self._chance = chance
        self._skips = skips
        self._zombie_until_s = 0.0

    def join(self) -> None:
        """Become a member; everybody's partitions are given anew."""
        self.group.members.append(self)
        self.group.rebalance()

    def leave(self) -> None:
        """Go in good order."""
        if self in self.group.members:
            self.group.members.remove(self)
            self.group.rebalance()

    def assign(self, share: list[Partition], generation: int) -> None:
        """Take over a share, from what is committed on."""
        self.generation = generation
        self.positions = {partition: self.group.committed[partition] for partition in share}
        self.process.say(f"holds {', '.join(f'{p.topic}/{p.number}' for p in share) or 'nothing'}")
        options = self._chance.options
        if self._skips and options.skip and self._chance and self.positions:
            self._skip()
        self.on_assigned()

    def _skip(self) -> None:
        """Run ahead of what was processed, as Faust's consumer may in a rebalance."""
        for partition, position in self.positions.items():
            ahead = min(self.group.broker.end(partition), position + self._chance.rng.randint(0, 2))
            if ahead > position and self._chance.rng.random() < 0.5:
                self.process.say(f"{partition.topic}/{partition.number} skips to {ahead}")
                self.positions[partition] = self.group.committed[partition] = ahead

    def become_zombie(self) -> None:
        """Be written off without knowing it."""
        if self in self.group.members and len(self.group.members) > 1:
            self.process.say("is written off, and goes on")
            now_s = asyncio.get_running_loop().time()
            self._zombie_until_s = now_s + self._chance.rng.random() * ZOMBIE_S
            self.group.members.remove(self)
            self.group.rebalance()

    def _look_around(self) -> None:
        self.process.check()
        if self not in self.group.members:
            now_s = asyncio.get_running_loop().time()
            if now_s >= self._zombie_until_s or not self._chance:
                self.process.say("sees that it was written off, and joins again")
                self.join()

    @property
    def is_current(self) -> bool:
        """Whether the broker takes its commits."""
        return self in self.group.members and self.generation == self.group.generation

    async def fetch(self, records_max: int, timeout_s: float) -> list[Delivery]:
        """See the port. Even who was written off may read."""
        await self.process.pause()
        self._look_around()
        found: list[Delivery] = []
        if not self.group.broker.is_down:
            partitions = list(self.positions)
            self._chance.rng.shuffle(partitions)
            for partition in partitions:
                left = records_max - len(found)
                count = min(left, self._chance.rng.choice((1, 2, 5, records_max)))
                start = max(self.positions[partition], self.group.broker.begins[partition])
                got = self.group.broker.since(partition, start, start + count)
                self.positions[partition] = start + len(got)
                found += got
        if not found:
            await self.process.sleep(timeout_s)
        return found

    async def wait(self) -> None:
        """See the port."""
        await self.process.sleep(WAIT_S)
        self._look_around()

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """See the port."""
        await self.process.pause()
        if self.group.broker.is_down:
            await self.process.sleep(TIMEOUT_S)
            raise Retry("the broker does not take a commit")
        fault = self._chance.of_write()
        if fault in (Fault.DIES_BEFORE, Fault.DIES_WITHIN):
            self.process.kill("dies before its commit")
        self.process.check()
        if fault in (Fault.REFUSED, Fault.PART, Fault.LATE):
            self.process.say("commit refused")
            raise Retry("the broker does not take a commit")
        self._commit(offsets)
        if fault is Fault.DIES_AFTER:
            self.process.kill("dies after its commit")
        await self.process.pause()
        if fault is Fault.UNKNOWN:
            self.process.say("commit taken, and not acknowledged")
            raise Retry("the broker does not answer")

    def _commit(self, offsets: Mapping[Partition, int]) -> None:
        if not self.is_current:
            return
        for partition, offset in offsets.items():
            if partition in self.positions:
                self.group.on_commit(partition, offset)
                self.group.committed[partition] = offset

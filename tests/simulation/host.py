"""Hosts a deciding worker as services/stream/faust_host.py does, with Faust's bad habits.

The same loop: take a batch, process it until it is durable, acknowledge in order. What is
acknowledged is committed from time to time, and after a rebalance the group may stand further on
than anything that was processed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from services.runtime.errors import Fatal, Retry
from services.runtime.metrics import Metrics
from services.runtime.retry import until_done
from services.stream.ports import Delivery, Partition
from tests.simulation.broker import Member
from tests.simulation.process import Process

COMMIT_EVERY_S = 0.7
LOOK_EVERY_S = 1.5


class MemoryHost:
    """Runs one worker on one membership."""

    def __init__(
        self,
        member: Member,
        process: Process,
        worker: Callable[[Sequence[Delivery]], Awaitable[None]],
        catch_up: Callable[[dict[Partition, int]], Awaitable[None]],
        metrics: Metrics,
        batch_max: int,
        on_ack: Callable[[Delivery], None],
    ) -> None:
        self._member = member
        self._process = process
        self._worker = worker
        self._catch_up = catch_up
        self._metrics = metrics
        self._batch_max = batch_max
        self._on_ack = on_ack
        self._acknowledged: dict[Partition, int] = {}
        self._stopping = asyncio.Event()
        self._in_hand = False

    def stop(self) -> None:
        """Finish the batch in hand, commit, and end."""
        self._stopping.set()

    def gives_way(self) -> bool:
        """Whether the process is asked to stop: what is in hand comes again."""
        return self._stopping.is_set()

    def assigned(self) -> None:
        """Forget what was acknowledged of partitions held before."""
        self._acknowledged.clear()

    async def run(self) -> None:
        """Work until stopped; raises what ends the process."""
        looking = asyncio.get_running_loop().create_task(self._look())
        try:
            await self._work()
        finally:
            looking.cancel()

    async def _work(self) -> None:
        commits_at = 0.0
        while not self._stopping.is_set():
            batch = await self._member.fetch(self._batch_max, 0.4)
            if batch:
                self._in_hand = True
                await self._finish(batch, self._member.generation)
                self._in_hand = False
            now_s = asyncio.get_running_loop().time()
            if now_s >= commits_at:
                await self._commit()
                commits_at = now_s + COMMIT_EVERY_S
        await self._commit()

    async def _look(self) -> None:
        """Catch up with the group where it ran ahead. A fault that does not pass ends the process,
        as it does in a batch."""
        while True:
            await self._process.sleep(LOOK_EVERY_S)
            committed = self._member.group.committed
            if self._in_hand:
                continue
            try:
                await self._catch_up({one: committed[one] for one in self._member.positions})
            except Retry:
                self._process.say("catches up later")
            except Fatal as error:
                self._process.kill(f"ends: {error}")

    async def _finish(self, batch: Sequence[Delivery], generation: int) -> None:
        async def attempt() -> bool:
            if self._member.generation != generation:
                return False
            try:
                await self._worker(batch)
            except Retry:
                if self.gives_way():
                    return False
                raise
            return True

        if not await until_done(attempt, "batch", self._metrics, self._process.sleep):
            return
        for delivery in batch:
            self._on_ack(delivery)
            if self._member.generation == generation:
                self._acknowledged[delivery.source] = delivery.offset + 1

    async def _commit(self) -> None:
        offsets = {
            partition: offset
            for partition, offset in self._acknowledged.items()
            if offset > self._member.group.committed[partition]
        }
        if offsets:
            try:
                await self._member.commit(offsets)
            except Retry:
                self._process.say("commits later")

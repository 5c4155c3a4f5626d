"""A process of the simulation: it can be killed at any step, and its memory is then gone.

Whatever a worker does to the world goes through here. Writes of blocking work reach the store one
by one while the worker waits for the work, so other processes act between any two of them; reads
see what the same process has written before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from services.runtime.errors import Retry
from tests.simulation.chance import Chance, Fault

LATE_S = 4.0
"""A call that was given up takes effect within this time."""
IN_DOUBT_S = 4 * LATE_S
"""A batch of writes that was given up has taken effect within this time, one after the other."""
TIMEOUT_S = 2.0
T = TypeVar("T")
Landing = Callable[[], None]


class Killed(BaseException):
    """The process is dead: nothing it does has an effect."""


class Process:
    """One incarnation of a worker process."""

    def __init__(self, name: str, chance: Chance, say: Callable[[str, str], None]) -> None:
        self.name = name
        self.is_alive = True
        self.store_is_away: Callable[[], bool] = lambda: False
        self._chance = chance
        self._say = say
        self._turn = asyncio.Lock()
        self._pending: list[Landing] = []
        self._task: asyncio.Task[Any] | None = None

    def start(self, work: Any) -> asyncio.Task[None]:
        """Run the main coroutine of the process."""
        self._task = asyncio.get_running_loop().create_task(work)
        return self._task

    def say(self, what: str) -> None:
        """Put a line into the trace."""
        self._say(self.name, what)

    def kill(self, why: str = "killed") -> None:
        """End it at once; what is on its way to the store may still arrive, in order."""
        if not self.is_alive:
            return
        self.say(why)
        self.is_alive = False
        if self._task is not None:
            self._task.cancel()
        self._abandon()

    def check(self) -> None:
        """Raises Killed in a dead process."""
        if not self.is_alive:
            raise Killed(self.name)

    async def pause(self) -> None:
        """Take as long as a step takes."""
        await asyncio.sleep(self._chance.pause_s())
        self.check()

    async def sleep(self, seconds: float) -> None:
        """Sleep as the worker asks for it."""
        await asyncio.sleep(seconds)
        self.check()

    async def offload(self, work: Callable[..., T], /, *arguments: Any) -> T:
        """Implements `services.stream.ports.Offload`: one piece of work after the other."""
        async with self._turn:
            await self.pause()
            failure: Exception | None = None
            try:
                result = work(*arguments)
            except Exception as error:
                failure = error
            while self._pending:
                await self.pause()
                if self._pending:
                    self._pending.pop(0)()
            await self.pause()
            if failure is not None:
                raise failure
            return result

    def read(self, what: str, look: Callable[[], T]) -> T:
        """Read from the store. Raises Retry."""
        self.check()
        self._land()
        fault = self._chance.of_read()
        if fault is Fault.DIES_BEFORE:
            self.kill(f"dies before reading {what}")
            raise Killed(self.name)
        if fault is Fault.REFUSED or self.store_is_away():
            self.say(f"cannot read {what}")
            raise Retry(f"{what} cannot be read")
        return look()

    def write(self, what: str, rows: Sequence[T], put: Callable[[Sequence[T]], None]) -> None:
        """Write rows to the store; they are there when the offloaded work returns. Raises Retry."""
        self.check()
        if not rows:
            return
        if self.store_is_away():
            self.say(f"cannot write {what}")
            raise Retry(f"{what} cannot be written")
        fault = self._chance.of_write()
        if fault is not Fault.NONE:
            self.say(f"{what} ({len(rows)}): {fault.value}")
        match fault:
            case Fault.NONE:
                self._pending.append(lambda: put(rows))
                return
            case Fault.UNKNOWN:
                self._pending.append(lambda: put(rows))
            case Fault.PART:
                part = self._chance.part(rows)
                self._pending.append(lambda: put(part))
            case Fault.LATE:
                self._land()  # each write is sent after the one before it is acknowledged
                self._arrive_late([lambda: put(rows)])
            case Fault.DIES_BEFORE | Fault.DIES_WITHIN | Fault.DIES_AFTER:
                self._die_writing(fault, rows, put)
        raise Retry(f"{what}: {fault.value}")

    def write_at_once(self, what: str, put: Landing) -> None:
        """Have the store carry something out; it is done when this returns. Raises Retry."""
        self.check()
        self._land()
        if self.store_is_away():
            self.say(f"cannot carry out {what}")
            raise Retry(f"{what} cannot be carried out")
        fault = self._chance.of_write()
        if fault is Fault.NONE:
            put()
            return
        self.say(f"{what}: {fault.value}")
        if fault in (Fault.UNKNOWN, Fault.LATE, Fault.DIES_AFTER):
            put()
        if fault in (Fault.DIES_BEFORE, Fault.DIES_WITHIN, Fault.DIES_AFTER):
            self.kill("dies writing")
            raise Killed(self.name)
        raise Retry(f"{what}: {fault.value}")

    def _land(self) -> None:
        """What was written before is in the store."""
        while self._pending:
            self._pending.pop(0)()

    def _die_writing(
        self, fault: Fault, rows: Sequence[T], put: Callable[[Sequence[T]], None]
    ) -> None:
        if fault is not Fault.DIES_BEFORE:
            some = rows if fault is Fault.DIES_AFTER else self._chance.part(rows)
            self._pending.append(lambda: put(some))
        self.kill("dies writing")
        raise Killed(self.name)

    def _abandon(self) -> None:
        """Of what is on its way, a first part arrives: now, or some time later."""
        arriving = list(self._chance.prefix(self._pending))
        self._pending.clear()
        if arriving:
            self._arrive_late(arriving)

    def _arrive_late(self, landings: Collection[Landing]) -> None:
        def arrive() -> None:
            self.say(f"{len(landings)} late writes arrive")
            for land in landings:
                land()

        delay_s = self._chance.rng.random() * LATE_S if self._chance.options.late else 0.0
        asyncio.get_running_loop().call_later(delay_s, arrive)

"""One run: processes on a shared world, faults for a while, then peace; in the end all holds.

Liveness: once the faults are over, the groups must be at the end of their logs in bounded time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from random import Random

import structlog

from schemas.instants import to_ms
from services.consistency.adapters.memory import MemoryStore
from services.consistency.ticker import tick_records
from services.runtime.errors import Fatal
from services.runtime.metrics import Metrics
from services.stream.ports import Delivery
from services.stream.positions import MemoryPositions
from services.stream.watermarks import MemoryWatermarks, WatermarkStore
from tests.customer_kind import map_of
from tests.simulation.broker import Broker, Group, Member
from tests.simulation.chance import Chance, Options
from tests.simulation.checks import Ledger, Violation, check_end
from tests.simulation.clock import Standstill, VirtualLoop
from tests.simulation.embedded import check_same
from tests.simulation.identity_rows import IdentityRows
from tests.simulation.process import IN_DOUBT_S, LATE_S, Killed, Process
from tests.simulation.scenario import BEGIN, POS, SHOP, TOPICS, Scenario, mixture_of
from tests.simulation.stores import FactRows

FAULTS_S = 7.0
HEALED_WITHIN_S = 240.0
RESTART_S = 1.0
SESSION_S = 1.5
Run = Callable[["World", Process], Awaitable[None]]


class World:
    """Everything that outlives a process, and what is shared by all."""

    topics: Mapping[str, int] = TOPICS

    def __init__(self, seed: int) -> None:
        self.seed = seed
        random.seed(seed)  # the jitter of retries draws from the module's own generator
        self.rng = Random(seed)
        self._clocks = Random(seed)
        self.options = Options.drawn(self.rng)
        self.chance = Chance(self.rng, self.options)
        self.loop = VirtualLoop()
        self.metrics = Metrics()
        self.broker = Broker(self.chance, lambda: to_ms(self.now()), self.topics)
        self.store_is_away = False
        self.groups = {
            name: Group(self.broker, self.chance, name, topics)
            for name, topics in (
                ("ingest", (SHOP, POS)),
                ("identity", ("c360.edges",)),
                ("consistency", ("c360.offers",)),
            )
        }
        self.failure: BaseException | None = None
        self.slots: list[Slot] = []
        self.watermarks: WatermarkStore = MemoryWatermarks(self.now)
        self._furnish()

    def _furnish(self) -> None:
        """Make what is sent, and the stores."""
        self.scenario = Scenario(self.rng, mixture_of(self.seed))
        self.identity = IdentityRows()
        self.consistency = MemoryStore(TOPICS["c360.offers"], map_of(self.identity))
        self.facts = FactRows(self.consistency)
        self.positions = MemoryPositions()
        self.ledger = Ledger(
            self.broker, self.facts, self.identity, self.consistency, self.positions
        )
        self.groups["ingest"].on_commit = self.ledger.before_commit

    def before_ack(self, delivery: Delivery) -> None:
        """What follows from a derived record is durable when it is acknowledged."""
        self.ledger.before_ack(delivery)

    def is_at_rest(self) -> bool:
        """Whether nothing is under way but records."""
        return True

    def now(self) -> datetime:
        """The wall clock of this world."""
        return BEGIN + timedelta(seconds=self.loop.time())

    def wrong_clock(self) -> Callable[[], datetime]:
        """The clock of one process, which may be days off; no result depends on it."""
        off = timedelta(hours=self._clocks.choice((0, -2, 72, 720)))
        return lambda: self.now() + off

    def say(self, who: str, what: str) -> None:
        """Add a line to the trace."""
        self.chance.trace.append(f"{self.loop.time():8.3f} {who:14} {what}")

    def fail(self, error: BaseException) -> None:
        """Remember the first violation; the run ends with it."""
        self.failure = self.failure or error

    def run(self, kinds: Mapping[str, Run]) -> None:
        """Play the whole run. Raises Violation or Standstill."""
        asyncio.set_event_loop(None)
        self.loop.set_exception_handler(self._unhandled)
        try:
            self.loop.run_until_complete(self._play(kinds))
        finally:
            for slot in self.slots:
                slot.close()
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            if left:
                self.loop.run_until_complete(asyncio.wait(left))
            self.loop.close()
        if self.failure:
            raise self.failure

    def _unhandled(self, _loop: object, context: dict[str, object]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception) and not isinstance(error, Fatal):
            self.fail(error)

    async def _play(self, kinds: Mapping[str, Run]) -> None:
        for kind, run in kinds.items():
            for number in range(getattr(self.options, kind)):
                self.slots.append(Slot(self, f"{kind}-{number}", run))
        keepers = [self.loop.create_task(slot.keep()) for slot in self.slots]
        traffic = self.loop.create_task(self._send())
        await self._trouble()
        await traffic
        self._heal()
        await self._drained("after the faults")
        await asyncio.sleep(IN_DOUBT_S)  # from now on no book is in doubt
        ticks = self._tick()
        await self._drained("after the last tick")
        if not self.failure:
            await self._check(ticks)
        for keeper in keepers:
            keeper.cancel()

    async def _check(self, ticks: Mapping[str, datetime]) -> None:
        """Everything holds at the end."""
        check_end(self.ledger, ticks)
        check_same(self.ledger, ticks, self.now())

    async def _send(self) -> None:
        """The sources send what they have; an ack may be lost, and the event then comes twice."""
        begin_s = self.loop.time()
        for at_s, record in self.scenario.sent:
            await asyncio.sleep(max(0.0, begin_s + at_s - self.loop.time()))
            self.broker.append(record)

    async def _trouble(self) -> None:
        options, rng = self.options, self.rng
        acts = [
            *[self._kill] * options.kill,
            *[self._stop] * options.stop,
            *[self._rebalance] * options.rebalance,
            *[self._write_off] * options.zombie,
            *[self._store_outage] * options.store_outage,
            *[self._broker_outage] * options.broker_outage,
        ]
        while self.loop.time() < FAULTS_S and not self.failure:
            await asyncio.sleep(rng.expovariate(2.0))
            if rng.random() < 0.5:
                self._tick()
            elif acts:
                await rng.choice(acts)()

    async def _kill(self) -> None:
        self.rng.choice(self.slots).kill()

    async def _stop(self) -> None:
        self.rng.choice(self.slots).stop()

    async def _rebalance(self) -> None:
        self.rng.choice(list(self.groups.values())).rebalance()

    async def _write_off(self) -> None:
        member = self.rng.choice(self.slots).member
        if member is not None:
            member.become_zombie()

    async def _store_outage(self) -> None:
        self.say("world", "the store goes away")
        self.store_is_away = True
        await asyncio.sleep(self.rng.random() * 3)
        self.store_is_away = False
        self.say("world", "the store is back")

    async def _broker_outage(self) -> None:
        self.say("world", "the broker goes away")
        self.broker.is_down = True
        await asyncio.sleep(self.rng.random() * 3)
        self.broker.is_down = False
        self.say("world", "the broker is back")

    def _heal(self) -> None:
        """From here on nothing fails."""
        self.say("world", "no more faults")
        self.chance.are_faults_on = False

    async def _drained(self, when: str) -> None:
        until_s = self.loop.time() + HEALED_WITHIN_S
        await asyncio.sleep(LATE_S)
        quiet = turns = 0
        while quiet < 2:
            await asyncio.sleep(1.0)
            turns += 1
            if turns % 30 == 0:
                # A commit may come too late: of an old batch, after its partition had gone
                # elsewhere and come back. The group then stands too low until it is assigned.
                for group in self.groups.values():
                    group.rebalance()
            drained = all(group.is_drained() for group in self.groups.values())
            drained = drained and self.is_at_rest()
            quiet = quiet + 1 if drained else 0
            if self.failure:
                return
            if self.loop.time() > until_s:
                behind = {name: group.lag() for name, group in self.groups.items()}
                raise Violation(f"{when}: not at the end within {HEALED_WITHIN_S} s: {behind}")

    def _tick(self) -> dict[str, datetime]:
        """A tick at the latest event of each realm, to every partition, as an operator may send."""
        ticks: dict[str, datetime] = {}
        for mark in self.watermarks.latest():
            ticks[mark.realm] = max(mark.occurred_at, ticks.get(mark.realm, mark.occurred_at))
        for realm, tick in ticks.items():
            for record in tick_records(realm, tick, self.topics["c360.offers"]):
                self.broker.append(record)
        return ticks


class Slot:
    """A place for one worker: when its process ends, the next one starts."""

    def __init__(self, world: World, name: str, run: Run) -> None:
        self.member: Member | None = None
        self.on_stop: Callable[[], None] = lambda: None
        self._world = world
        self._name = name
        self._run = run
        self._process: Process | None = None
        self._is_closed = False

    async def keep(self) -> None:
        """Start a process, wait for its end, start the next one."""
        world, incarnation = self._world, 0
        while not self._is_closed:
            incarnation += 1
            process = Process(f"{self._name}.{incarnation}", world.chance, world.say)
            process.store_is_away = lambda: world.store_is_away
            self._process = process
            process.say("starts")
            structlog.contextvars.clear_contextvars()
            await asyncio.wait({process.start(self._live(process))})
            self._judge(process)
            member, self.member = self.member, None
            await asyncio.sleep(world.rng.random() * RESTART_S)
            if member is not None and member in member.group.members:
                world.loop.call_later(world.rng.random() * SESSION_S, member.group.rebalance)

    async def _live(self, process: Process) -> None:
        await self._run(self._world, process)

    def _judge(self, process: Process) -> None:
        assert process._task is not None
        error = None if process._task.cancelled() else process._task.exception()
        if error is not None and not isinstance(error, Killed | Fatal | asyncio.CancelledError):
            self._world.fail(error)
        if process.is_alive:
            process.kill("ends" if error is None else f"ends: {error}")

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()

    def stop(self) -> None:
        """SIGTERM."""
        if self._process is not None and self._process.is_alive:
            self._process.say("is asked to stop")
            self.on_stop()

    def close(self) -> None:
        """No more starts."""
        self._is_closed = True


__all__ = ["Standstill", "World"]

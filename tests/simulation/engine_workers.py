"""The three workers on the real engine, put together as in their `main` modules; identity workers
erase people and expired events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.consistency.config import configured_rules
from services.consistency.core.doubt import LateWrites
from services.consistency.kinds import KINDS as INCIDENTS
from services.consistency.pausing import PausingErasures, keep_pausing
from services.consistency.ticker import Ticker
from services.consistency.worker import ConsistencyWorker
from services.consistency.writer import CacheBudget
from services.erasure.adapters.orders import ErasureOrders
from services.erasure.closing import OrderCloser, waiting_erasures
from services.erasure.on_server import ServerErasures
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.ports import IdentityStore
from services.identity.worker import IdentityWorker, RulesChanges
from services.identity.writer import IdentityWriter
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.config import ingest_config
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.limiter import RejectLimiter
from services.ingest.core.sent_edges import SentEdges
from services.ingest.followed_rules import FollowingCore
from services.ingest.ledger import Ledger, LedgerOfStore
from services.ingest.stage import IngestStage
from services.ingest.worker import IngestPorts, IngestWorker, Limits, Timing
from services.profiles.adapters.clickhouse import personal_types
from services.profiles.adapters.totals import register_realms
from services.retention.main import sale_writer, stored_events_core
from services.retention.on_server import ServerExpiry, waiting_cutoffs
from services.runtime.errors import Fatal, Retry
from services.runtime.retry import until_done
from services.store.event_cutoffs import EventCutoffs
from services.store.rules_in_force import FollowedRules
from services.stream.claim_records import customer_records
from services.stream.gap_recovery import GapRecovery
from services.stream.partition_ownership import DecisionPorts
from services.stream.ports import Partition
from services.stream.positions import ClickHousePositions
from services.stream.watermarks import ClickHouseWatermarks
from tests.simulation.broker import BrokerClient, Group, Member
from tests.simulation.engine_store import ProcessDatabase
from tests.simulation.process import IN_DOUBT_S, Process
from tests.simulation.workers import FIRST, enter, hosted
from tests.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.simulation.engine_world import EngineWorld

LOOK_S = 2.0
TICK_S = 4.0
T = TypeVar("T")


class Groups:
    """Implements `services.erasure.closing.WorkerGroups`."""

    def __init__(self, groups: Mapping[str, Group], client: BrokerClient) -> None:
        self._groups = groups
        self._client = client

    async def ends(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """See the port. The simulation has some of the topics only."""
        held = self._groups["ingest"].partitions
        return {one: await self._client.end(one) for one in partitions if one in held}

    async def has_passed(self, service: str, ends: Mapping[Partition, int]) -> bool:
        """See the port."""
        await self._client.end(FIRST)
        committed = self._groups[service].committed
        return all(committed[one] >= end for one, end in ends.items())

    async def has_members(self, service: str) -> bool:
        """See the port. One that is dead is a member until it is missed."""
        await self._client.end(FIRST)
        return bool(self._groups[service].members)


@asynccontextmanager
async def _beside(world: World, process: Process, *work: Awaitable[None]) -> AsyncIterator[None]:
    """Some work for as long as the worker works."""
    tasks = [world.loop.create_task(_companion(world, process, one)) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


async def _companion(world: World, process: Process, work: Awaitable[None]) -> None:
    """If it ends, the process does."""
    try:
        await work
    except Fatal as error:
        process.kill(f"ends: {error}")
    except Exception as error:
        world.fail(error)
        raise


async def _started(world: World, process: Process, make: Callable[[], T]) -> T:
    """What a start reads of the store, which may be away."""
    return await until_done(lambda: process.offload(make), "start", world.metrics, process.sleep)


async def ingest(any_world: World, process: Process) -> None:
    """As services/ingest/main.py."""
    world = cast("EngineWorld", any_world)
    rng, settings = world.rng, world.settings
    database = ProcessDatabase(world.engine, process)
    member = Member(world.groups["ingest"], process, world.chance)
    facts, ledger = ClickHouseFactStore(database), Ledger()
    await _started(world, process, lambda: ledger.refresh(facts))
    rules = await _started(world, process, lambda: FollowedRules(settings, database))
    core = EventProcessor(
        ingest_config(settings, rules.newest), ledger.erased_at, ledger.kept_since
    )
    stage = IngestStage(core, facts, from_log=True)
    worker = IngestWorker(
        stage,
        IngestPorts(
            member,
            BrokerClient(world.broker, process, world.chance),
            ClickHouseWatermarks(database),
            process.offload,
        ),
        RejectLimiter(consecutive_max=1_000, ratio_max=1.0),
        world.metrics,
        Timing(world.wrong_clock(), world.loop.time, process.sleep),
        Limits(rng.choice((2, 20)), 100_000, rng.choice((0.1, 0.4)), rng.choice((2, 10))),
        SentEdges(rng.choice((2, 100_000))),
        world.topics["c360.offers"],
        LedgerOfStore(ledger, facts),
    )
    following = FollowingCore(settings, rules, ledger, stage.use)
    enter(world, process, member, worker.stop)
    async with _beside(world, process, _follow(rules, following, process)):
        await worker.run()
    member.leave()


async def _follow(rules: FollowedRules, following: FollowingCore, process: Process) -> None:
    """As FollowingCore.keep, without threads."""
    while True:
        await process.sleep(LOOK_S)
        try:
            if await process.offload(rules.refresh):
                following.use_newest()
        except Retry:
            process.say("looks for rules later")


async def identity(any_world: World, process: Process) -> None:
    """As services/identity/main.py, services/erasure/main.py and
    services/stream/decision_worker.py."""
    world = cast("EngineWorld", any_world)
    settings = world.settings
    database = ProcessDatabase(world.engine, process)
    client = BrokerClient(world.broker, process, world.chance)
    positions = ClickHousePositions(database)
    cache_nodes_max, offers = world.rng.choice((0, 3, 100_000)), world.topics["c360.offers"]
    rules = await _started(world, process, lambda: FollowedRules(settings, database, check=False))

    def changed(realm: str) -> None:
        rules.refresh()
        types = personal_types(rules.of(realm))
        register_realms(database, {realm: settings.realms[realm]}, types)

    def writer_of(store: IdentityStore, realm: str) -> IdentityWriter:
        rules.refresh()
        rules.register([realm])
        return IdentityWriter(
            store, realm, rules.of(realm), cache_nodes_max, renewed=rules.is_renewed(realm)
        )

    worker = IdentityWorker(
        lambda: ClickHouseIdentityStore(database, sole_writer=True),
        writer_of,
        DecisionPorts(positions, client, client, process.offload),
        world.metrics,
        (lambda realm, profiles: customer_records(realm, profiles, offers))
        if INCIDENTS.about_customers
        else None,
        ServerErasures(database, world.now, write_sales=partial(sale_writer, settings)),
        RulesChanges(
            rules.store,
            changed,
            gives_way=lambda: host.gives_way(),
            nodes_per_part=world.rng.choice((2, 3, 1_000)),
        ),
        ServerExpiry(
            database,
            partial(stored_events_core, settings, database),
            gives_way=lambda: host.gives_way(),
        ),
    )
    complete = GapRecovery(worker, positions, client, process.offload, world.metrics)
    host, member = hosted(world, process, "identity", complete)
    orders, cutoffs = ErasureOrders(database), EventCutoffs(database)
    closer = OrderCloser(
        lambda: [*waiting_erasures(orders), *waiting_cutoffs(cutoffs)],
        Groups(world.groups, client),
        client,
        process.offload,
        offers,
    )
    async with _beside(world, process, closer.keep()):
        await host.run()
    member.leave()


async def consistency(any_world: World, process: Process) -> None:
    """As services/consistency/main.py and services/stream/decision_worker.py."""
    world = cast("EngineWorld", any_world)
    database = ProcessDatabase(world.engine, process)
    client = BrokerClient(world.broker, process, world.chance)
    positions = ClickHousePositions(database)
    offers = world.topics["c360.offers"]
    erasures = PausingErasures(database)
    worker = ConsistencyWorker(
        ClickHouseConsistencyStore(database, offers),
        DecisionPorts(positions, client, client, process.offload),
        configured_rules(world.settings),
        world.metrics,
        offers,
        CacheBudget(world.rng.choice((0, 60, 200_000))),
        LateWrites(IN_DOUBT_S, world.loop.time),
        erasures,
    )
    complete = GapRecovery(worker, positions, client, process.offload, world.metrics)
    host, member = hosted(world, process, "consistency", complete)
    pausing = keep_pausing(
        erasures, worker, lambda: set(member.positions), process.offload, lambda: None
    )
    async with _beside(world, process, pausing, _tick(database, process, client, member, offers)):
        await host.run()
    member.leave()


async def _tick(
    database: ProcessDatabase, process: Process, client: BrokerClient, member: Member, offers: int
) -> None:
    """Tick while this worker holds the first partition."""
    ticker: Ticker | None = None
    while True:
        await process.sleep(TICK_S)
        if FIRST not in member.positions:
            ticker = None
            continue
        if ticker is None:
            ticker = Ticker(
                ClickHouseWatermarks(database),
                ClickHouseConsistencyStore(database),
                client,
                process.offload,
                offers,
            )
        try:
            await ticker.tick()
        except Retry:
            process.say("ticks later")


KINDS = {"ingest": ingest, "identity": identity, "consistency": consistency}

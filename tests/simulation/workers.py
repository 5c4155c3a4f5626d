"""The three workers, put together as in their `main` modules, with the world as their adapters."""

from __future__ import annotations

from services.consistency.core.doubt import LateWrites
from services.consistency.ticker import Ticker
from services.consistency.worker import ConsistencyWorker
from services.consistency.writer import CacheBudget
from services.identity.ports import IdentityStore
from services.identity.worker import IdentityWorker
from services.identity.writer import IdentityWriter
from services.ingest.core.limiter import RejectLimiter
from services.ingest.core.sent_edges import SentEdges
from services.ingest.stage import IngestStage
from services.ingest.worker import IngestPorts, IngestWorker, Limits, Timing
from services.runtime.errors import Retry
from services.stream.claim_records import customer_records
from services.stream.gap_recovery import GapRecovery
from services.stream.partition_ownership import DecisionPorts
from services.stream.ports import Partition
from tests.simulation.broker import BrokerClient, Member
from tests.simulation.host import MemoryHost
from tests.simulation.process import IN_DOUBT_S, Process
from tests.simulation.scenario import TOPICS, ingest_core, price_rules, rules
from tests.simulation.stores import Consistency, Facts, IdentitySession, Positions, Watermarks
from tests.simulation.world import Slot, World

OFFERS = TOPICS["c360.offers"]
FIRST = Partition("c360.offers", 0)


async def ingest(world: World, process: Process) -> None:
    """As services/ingest/main.py."""
    rng = world.rng
    member = Member(world.groups["ingest"], process, world.chance)
    worker = IngestWorker(
        IngestStage(ingest_core(), Facts(world.facts, process), from_log=True),
        IngestPorts(
            member,
            BrokerClient(world.broker, process, world.chance),
            Watermarks(world.watermarks, process),
            process.offload,
        ),
        RejectLimiter(consecutive_max=1_000, ratio_max=1.0),
        world.metrics,
        Timing(world.wrong_clock(), world.loop.time, process.sleep),
        Limits(rng.choice((1, 3, 20)), 100_000, rng.choice((0.1, 0.4)), rng.choice((2, 10))),
        SentEdges(rng.choice((2, 100_000))),
        OFFERS,
    )
    enter(world, process, member, worker.stop)
    await worker.run()
    member.leave()


async def identity(world: World, process: Process) -> None:
    """As services/identity/main.py and services/stream/decision_worker.py."""
    client = BrokerClient(world.broker, process, world.chance)
    positions = Positions(world.positions, process)
    cache_nodes_max = world.rng.choice((0, 3, 100_000))

    def writer_of(store: IdentityStore, realm: str) -> IdentityWriter:
        return IdentityWriter(store, realm, rules(), cache_nodes_max)

    worker = IdentityWorker(
        lambda: IdentitySession(world.identity, process),
        writer_of,
        DecisionPorts(positions, client, client, process.offload),
        world.metrics,
        lambda realm, profiles: customer_records(realm, profiles, OFFERS),
    )
    complete = GapRecovery(worker, positions, client, process.offload, world.metrics)
    host, member = hosted(world, process, "identity", complete)
    await host.run()
    member.leave()


async def consistency(world: World, process: Process) -> None:
    """As services/consistency/main.py and services/stream/decision_worker.py."""
    client = BrokerClient(world.broker, process, world.chance)
    positions = Positions(world.positions, process)
    worker = ConsistencyWorker(
        Consistency(world.consistency, process),
        DecisionPorts(positions, client, client, process.offload),
        price_rules(),
        world.metrics,
        OFFERS,
        CacheBudget(world.rng.choice((0, 60, 200_000))),
        LateWrites(IN_DOUBT_S, world.loop.time),
    )
    complete = GapRecovery(worker, positions, client, process.offload, world.metrics)
    host, member = hosted(world, process, "consistency", complete)
    ticking = world.loop.create_task(_tick(world, process, client, member))
    try:
        await host.run()
    finally:
        ticking.cancel()
    member.leave()


async def _tick(world: World, process: Process, client: BrokerClient, member: Member) -> None:
    """Tick while this worker holds the first partition."""
    ticker: Ticker | None = None
    while True:
        await process.sleep(1.5)
        if FIRST not in member.positions:
            ticker = None
            continue
        if ticker is None:
            ticker = Ticker(
                Watermarks(world.watermarks, process),
                Consistency(world.consistency, process),
                client,
                process.offload,
                OFFERS,
            )
        try:
            await ticker.tick()
        except Retry:
            process.say("ticks later")


def hosted(
    world: World,
    process: Process,
    group: str,
    complete: GapRecovery,
) -> tuple[MemoryHost, Member]:
    member = Member(world.groups[group], process, world.chance, skips=True)
    batch_max = world.rng.choice((1, 3, 100))
    host = MemoryHost(
        member,
        process,
        complete.process,
        complete.catch_up,
        world.metrics,
        batch_max,
        world.before_ack,
    )

    def assigned() -> None:
        host.assigned()
        complete.reassigned()

    member.on_assigned = assigned
    enter(world, process, member, host.stop)
    return host, member


def enter(world: World, process: Process, member: Member, stop: object) -> None:
    slot: Slot = next(one for one in world.slots if one._process is process)
    slot.member = member
    assert callable(stop)
    slot.on_stop = stop
    member.join()


KINDS = {"ingest": ingest, "identity": identity, "consistency": consistency}

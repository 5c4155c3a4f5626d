"""The consistency worker: killed anywhere, redelivered anyhow, it ends where one pass would."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

import pytest

from schemas.claim import Book, Claim, PriceClaim, Statement
from schemas.incident import AnyIncident, IncidentState
from schemas.incident_action import ActionKind, IncidentAction
from schemas.instants import to_ms
from schemas.offer import Basis
from schemas.records import ActionRecord
from services.consistency.ticker import tick_records
from services.runtime.errors import Fatal, Retry
from services.stream.claim_records import action_outgoing, claim_records, partition_of_book
from services.stream.ports import Delivery, Outgoing, Partition
from services.stream.positions import EMBEDDED_GENERATION, Position, version_of
from tests.events import product_book

from .market import APPENDED_MS, BOOK, charged, claim, hour
from .offer_log import POISON, REALMS, FaultyOutbox, FaultyStore, Fuse, Item, World, story

END_H = 200
T = TypeVar("T")


async def healed(world: World, items: list[Item], until: int = END_H) -> int:
    """Run to the end and check; returns how many incidents there are."""
    await world.run(items)
    poison = {item.value or b"" for item in items if item.value in POISON}
    assert poison <= {value for _, value in world.refused()}
    return world.check(hour(until))


@pytest.mark.parametrize("log_id", ["first", "second"])
async def test_rows_of_a_recreated_log_win(log_id: str) -> None:
    """Offsets that begin anew, told by the log's id or by its end, lose against no older row."""
    for seed in range(20):
        rng = random.Random(seed)
        fuse = Fuse(rng, risk=0.02)
        world = World(rng, fuse, rng.choice([1, 3]))
        await healed(world, story(rng, world.partitions, END_H))
        world.recreate_log(log_id)
        later = story(rng, world.partitions, END_H + 50, name="later-", claims_max=4)
        await healed(world, later, END_H + 50)
        positions = world.positions.read([Partition("c360.offers", n) for n in world.log])
        generations = {one.generation for one in positions.values()}
        assert generations == {EMBEDDED_GENERATION + 2}


class CountingStore(FaultyStore):
    """Counts the queries."""

    def __init__(self, partitions: int) -> None:
        super().__init__(Fuse(random.Random(0)), partitions)
        self.queries = Counter[str]()

    def claims_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[Claim]]:
        self.queries["claims"] += 1
        return super().claims_of(books)

    def incidents_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[AnyIncident]]:
        self.queries["incidents"] += 1
        return super().incidents_of(books)

    def due_books(
        self, realm: str, now: datetime, partitions: Collection[int] | None = None
    ) -> list[Book]:
        self.queries["due"] += 1
        return super().due_books(realm, now, partitions)


def quiet_world(partitions: int = 12) -> World:
    """A world without faults whose store counts."""
    rng = random.Random(0)
    world = World(rng, Fuse(rng), partitions)
    world.store = CountingStore(partitions)
    return world


def deliver(world: World, records: Sequence[Outgoing]) -> list[Delivery]:
    """Append the records to the log; as they are delivered."""
    found: list[Delivery] = []
    for record in records:
        assert record.partition is not None
        offset = len(world.log[record.partition])
        world.log[record.partition].append(record.value)
        found.append(Delivery("c360.offers", record.partition, offset, APPENDED_MS, record.value))
    return found


def news(realm: str, said: Sequence[PriceClaim], partitions: int = 1) -> list[Outgoing]:
    """Claims, and then a tick at hour 30."""
    return [*claim_records(realm, said, partitions), *tick_records(realm, hour(30), partitions)]


def disagreeing(realm: str, sku: str) -> list[PriceClaim]:
    """The shop says another price than app and till, from hour 10 on."""
    book = product_book(sku, realm)
    said = [claim(channel, "10", 0, book=book) for channel in ("shop", "app", "pos")]
    return [*said, claim("shop", "12", 10, book=book)]


async def test_one_query_for_all_partitions() -> None:
    """A batch over twelve partitions reads claims once, incidents once, due books once a realm."""
    world = quiet_world()
    said = [one for number in range(80) for one in disagreeing("default", f"{number}")]
    world.store.write_facts(said)
    assert len({partition_of_book(one.book, 12) for one in said}) == 12
    await world.worker().process(deliver(world, news("default", said, 12)))
    assert isinstance(world.store, CountingStore)
    assert world.store.queries == {"claims": 1, "incidents": 1, "due": 1}
    assert len(world.published()) == 80


async def test_a_till_alone_is_not_judged() -> None:
    """What only one till charges waits until another channel speaks; then all of it counts."""
    world, alone = quiet_world(1), [charged("pos", "9", at) for at in (1, 2, 3)]
    world.store.write_facts(alone)
    worker = world.worker()
    await worker.process(deliver(world, news("default", alone)))
    assert world.store.due_books("default", hour(9_999)) == []
    said = [claim("shop", "10", 0)]
    world.store.write_facts(said)
    await worker.process(deliver(world, news("default", said)))
    assert [one.channel for one in world.published().values()] == ["shop"]


async def test_facts_ahead_of_their_delivery() -> None:
    """Claims that are stored before they arrive count early; their delivery changes nothing."""
    world, said = quiet_world(1), disagreeing("default", "A-1")
    world.store.write_facts(said)
    worker = world.worker()
    await worker.process(deliver(world, news("default", said[:1])))
    early = world.published()
    await worker.process(deliver(world, news("default", said[1:])))
    assert len(early) == 1
    assert world.published() == early


async def test_a_realm_knows_its_own_tick_only() -> None:
    """A tick of one realm opens nothing in another."""
    world = quiet_world(1)
    first, second = (disagreeing(realm, "A-1") for realm in REALMS)
    world.store.write_facts([*first, *second])
    records = [*claim_records("default", first, 1), *news("other", second)]
    await world.worker().process(deliver(world, records))
    assert [one.realm for one in world.published().values()] == ["other"]


async def test_what_people_do_is_published() -> None:
    """An action and the end of a mute each publish the incident in its new state, once."""
    world, said = quiet_world(1), disagreeing("default", "A-1")
    world.store.write_facts(said)
    worker = world.worker()
    await worker.process(deliver(world, news("default", said)))
    [opened] = world.published().values()
    mute = IncidentAction(
        incident_id=opened.incident_id, action=ActionKind.MUTE, by="kim", reason="known",
        until=hour(40), acted_at=hour(1),
    )  # fmt: skip
    record = action_outgoing(ActionRecord.of(said[0].book, mute), 1)
    seen = []
    for records in ([record], [record], tick_records("default", hour(39), 1),
                    tick_records("default", hour(40), 1)):  # fmt: skip
        before = len(world.outbox.sent)
        await worker.process(deliver(world, records))
        seen.append([json.loads(one.value or b"")["state"] for one in world.outbox.sent[before:]])
    assert seen == [["muted"], [], [], ["open"]]
    assert world.refused() == set()


async def test_a_tick_from_the_future_counts_as_its_append() -> None:
    """Whatever time a record claims, event time comes no further than the broker's clock: what is
    due later opens later, by an honest tick."""
    world, said = quiet_world(1), disagreeing("default", "A-1")
    world.store.write_facts(said)
    worker = world.worker()
    ahead = [*claim_records("default", said, 1), *tick_records("default", hour(50_000), 1)]
    await worker.process(at(deliver(world, ahead), hour(0.2)))
    assert world.published() == {}
    assert world.store.latest_tick("default", 0) == hour(0.2)
    await worker.process(at(deliver(world, tick_records("default", hour(30), 1)), hour(30.1)))
    assert [one.state for one in world.published().values()] == ["open"]
    assert world.store.latest_tick("default", 0) == hour(30)


async def test_an_action_from_the_future_has_not_the_last_word() -> None:
    """A command whose clock is ahead acknowledges; it can be taken back all the same."""
    world, said = quiet_world(1), disagreeing("default", "A-1")
    world.store.write_facts(said)
    worker = world.worker()
    await worker.process(deliver(world, news("default", said)))
    [opened] = world.published().values()
    states = []
    for kind, acted_h, appended_h in ((ActionKind.ACK, 50_000, 31), (ActionKind.UNACK, 32, 32)):
        done = IncidentAction(
            incident_id=opened.incident_id, action=kind, by="kim", reason="r",
            acted_at=hour(acted_h),
        )  # fmt: skip
        record = action_outgoing(ActionRecord.of(said[0].book, done), 1)
        await worker.process(at(deliver(world, [record]), hour(appended_h)))
        states.append(next(iter(world.published().values())).state)
    assert states == ["acknowledged", "open"]


def at(deliveries: Sequence[Delivery], appended_at: datetime) -> list[Delivery]:
    """The same records, appended then."""
    return [one._replace(timestamp_ms=to_ms(appended_at)) for one in deliveries]


async def test_unknown_kinds_are_refused() -> None:
    """A record of a kind of incident that a newer version has is a dead letter; nothing stops."""
    world, said = quiet_world(1), disagreeing("default", "A-1")
    world.store.write_facts(said)
    action = IncidentAction(
        incident_id="0" * 32, action=ActionKind.ACK, by="kim", reason="known", acted_at=hour(1)
    )
    book = said[0].book._replace(kind="of_another_version")
    statement = Statement(book, hour(1), "e", 0, 0, "shop", "", "", Basis.PUBLISHED, "1")
    strange = [
        action_outgoing(ActionRecord.of(book, action), 1),
        *claim_records("default", [statement], 1),
    ]
    await world.worker().process(deliver(world, [*strange, *news("default", said)]))
    assert {value for _, value in world.refused()} == {one.value for one in strange}
    assert len(world.published()) == 1


async def test_in_doubt_is_said_again_but_not_counted_again() -> None:
    """A batch that was done before is published once more; the counter knows nothing changed."""
    world, said = quiet_world(1), disagreeing("default", "A-1")
    world.store.write_facts(said)
    batch = deliver(world, news("default", said))
    await world.worker().process(batch)
    await world.worker().process(batch)
    assert len([one for one in world.outbox.sent if one.topic == "c360.alerts"]) == 2
    labels = {"kind": "price_mismatch", "state": IncidentState.OPEN.value}
    registry = world.metrics.registry
    assert registry.get_sample_value("c360_incident_changes_total", labels) == 1


async def test_another_holder_goes_on_during_the_takeover() -> None:
    """Its position is not taken for one beyond the end of a log that was made anew; and who sees
    another one writing ends."""
    world, said = quiet_world(1), disagreeing("default", "A-1")
    world.store.write_facts(said)
    batch = deliver(world, news("default", said))
    place, worker, end_of = batch[0].source, world.worker(), world.end

    async def end(partition: Partition) -> int:
        found = await end_of(partition)
        (later,) = deliver(world, tick_records("default", hour(31), 1))
        world.positions.note({partition: Position(world.id, EMBEDDED_GENERATION + 1, later.offset)})
        return found

    world.end = end  # type: ignore[method-assign]
    world.positions.note({place: Position(world.id, EMBEDDED_GENERATION + 1, batch[0].offset)})
    with pytest.raises(Fatal, match="another worker has processed it"):
        await worker.process(batch)
    noted = world.positions.read([place]).get(place)
    assert noted is not None
    assert noted.generation == EMBEDDED_GENERATION + 1


async def test_reassigned_while_writing() -> None:
    """What the writers believed is not published; the same batch, taken over anew, is."""
    world, said = quiet_world(1), disagreeing("default", "A-1")
    world.store.write_facts(said)
    worker, calls = world.worker(), count()

    async def offload(work: Callable[..., T], /, *arguments: Any) -> T:
        result = work(*arguments)
        if next(calls) == 1:  # taken over, then written
            worker.reassigned()
        return result

    worker._offload = offload
    batch = deliver(world, news("default", said))
    with pytest.raises(Retry, match="reassigned meanwhile"):
        await worker.process(batch)
    assert world.store.incidents_of([BOOK])
    assert world.outbox.sent == []
    await worker.process(batch)
    assert len(world.published()) == 1


async def test_reassigned_while_sending() -> None:
    """A batch that is being published is finished; nothing in memory is believed afterwards."""
    world, said = quiet_world(1), disagreeing("default", "A-1")
    world.store.write_facts(said)
    worker, outbox = world.worker(), world.outbox

    class Interrupting(FaultyOutbox):
        async def send_all(self, records: Sequence[Outgoing]) -> None:
            worker.reassigned()
            await outbox.send_all(records)

    worker._outbox = Interrupting(world.fuse)
    await worker.process(deliver(world, news("default", said)))
    assert worker._held == {}
    assert len(world.published()) == 1


async def test_cancelled_while_sending() -> None:
    """What a cancelled batch has written is in doubt, and published when the batch comes again."""
    world, said = quiet_world(1), disagreeing("default", "A-1")
    world.store.write_facts(said)
    worker, outbox, sending = world.worker(), world.outbox, asyncio.Event()

    class Hanging(FaultyOutbox):
        async def send_all(self, records: Sequence[Outgoing]) -> None:
            sending.set()
            await asyncio.Event().wait()

    worker._outbox = Hanging(world.fuse)
    batch = deliver(world, news("default", said))
    task = asyncio.create_task(worker.process(batch))
    await sending.wait()
    assert world.store.incidents_of([BOOK])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    worker._outbox = outbox
    await worker.process(batch)
    assert len(world.published()) == 1


class LateStore(FaultyStore):
    """The first write of incidents times out, and reaches the store when it is let."""

    def __init__(self) -> None:
        super().__init__(Fuse(random.Random(0)), 1)
        self.held: list[tuple[int, Sequence[AnyIncident]]] = []
        self.is_up = False

    def write_incidents(self, incidents: Sequence[AnyIncident], version: int) -> None:
        """See the port."""
        if not self.is_up:
            self.is_up = True
            self.held.append((version, incidents))
            raise Retry("timed out")
        super().write_incidents(incidents, version)

    def land(self) -> None:
        """The write of long ago."""
        for version, incidents in self.held:
            super().write_incidents(incidents, version)


@pytest.mark.parametrize("evidence", [claim("shop", "10", 12), claim("shop", "10.5", 10.5)])
async def test_a_write_given_up_that_lands_late(evidence: PriceClaim) -> None:
    """It says what was believed before; the next word on the book sets it right."""
    world, store, said = quiet_world(1), LateStore(), disagreeing("default", "A-1")
    world.store = store
    worker = world.worker()
    store.write_facts(said)
    batch = deliver(world, news("default", said))
    with pytest.raises(Retry):
        await worker.process(batch)
    store.write_facts([evidence])
    await worker.process(batch)
    store.land()
    assert store.incidents_of([BOOK])[BOOK][0].state is IncidentState.OPEN
    world.claims = [*said, evidence]
    await worker.process(deliver(world, news("default", [evidence])))
    world.check(hour(30))


async def test_a_partition_is_judged_as_far_as_its_own_ticks() -> None:
    """After a restart a partition goes on from its own tick, however far the others are."""
    world = quiet_world(2)
    said = [one for number in range(9) for one in disagreeing("default", f"{number}")]
    world.store.write_facts(said)
    claims, ticks = claim_records("default", said, 2), tick_records("default", hour(30), 2)
    await world.worker().process(deliver(world, [*claims[:1], ticks[claims[0].partition or 0]]))
    opened = len(world.published())
    await world.worker().process(deliver(world, claims[1:]))
    assert len(world.published()) == opened
    await world.worker().process(deliver(world, [ticks[claims[1].partition or 0]]))
    assert 0 < opened < len(world.published()) == 9


async def test_rows_carry_generation_and_offset() -> None:
    """The version of a row is that of the last record of its batch."""
    world, said = quiet_world(1), disagreeing("default", "A-1")
    world.store.write_facts(said)
    await world.worker().process(deliver(world, news("default", said)))
    versions = {version for version, _ in world.store._incidents[BOOK].values()}
    assert versions == {version_of(EMBEDDED_GENERATION + 1, 1)}

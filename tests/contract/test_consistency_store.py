"""What consistency workers share on ClickHouse: books by partition, ticks, watermarks."""

from __future__ import annotations

import random
import time

import pytest

from schemas.claim import PriceClaim
from schemas.incident import IncidentState
from schemas.incident_action import ActionKind, IncidentAction
from schemas.instants import from_ms, to_ms
from schemas.watermark import Watermark
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.consistency.adapters.memory import MemoryStore
from services.consistency.core.doubt import LateWrites
from services.consistency.ports import GatheredWrites
from services.consistency.ticker import tick_records
from services.consistency.worker import ConsistencyWorker
from services.runtime.metrics import Metrics
from services.store.database import Database
from services.stream.claim_records import claim_records, partition_of_book
from services.stream.partition_ownership import DecisionPorts
from services.stream.ports import Delivery
from services.stream.positions import ClickHousePositions
from services.stream.watermarks import ClickHouseWatermarks, MemoryWatermarks
from tests.events import product_book
from tests.unit.consistency.market import APPENDED_MS, BOOK, RULES, charged, claim, hour, only
from tests.unit.consistency.offer_log import FaultyOutbox, Fuse, World

pytestmark = pytest.mark.any_store(always=True)
Store = ClickHouseConsistencyStore | MemoryStore
BOOKS = [product_book(f"ä{n}", realm) for realm in ("default", "other") for n in range(40)]
MUTE = IncidentAction(
    incident_id="0" * 32, action=ActionKind.MUTE, by="kim", reason="known", until=hour(9),
    acted_at=hour(1),
)  # fmt: skip
ACK = MUTE.model_copy(update={"action": ActionKind.ACK, "until": None})


def write_facts(database: Database, claims: list[PriceClaim]) -> None:
    """Rows of `price_claims` as the view makes them of events with one claim each."""
    names = (
        "realm", "market", "sku", "event_id", "version", "occurred_at", "channel", "location",
        "basis", "price", "currency",
    )  # fmt: skip
    rows = [
        (
            one.book.realm, *one.book.subject.parts, one.event_id, one.version,
            to_ms(one.occurred_at), one.channel, one.location, one.basis, one.price, one.currency,
        )
        for one in claims
    ]  # fmt: skip
    database.insert_rows("price_claims", names, rows)


@pytest.fixture(params=["ClickHouse", "memory"])
def store(request: pytest.FixtureRequest, database: Database) -> Store:
    """An empty store of four partitions."""
    if request.param == "memory":
        return MemoryStore(4)
    return ClickHouseConsistencyStore(database, 4)


def test_due_books_of_some_partitions(store: Store) -> None:
    """Each partition's due books are those that the log keeps in it."""
    store.write_due({book: hour(n % 3) for n, book in enumerate(BOOKS)}, 1)
    due = [book for n, book in enumerate(BOOKS) if n % 3 < 2 and book.realm == "default"]
    assert set(store.due_books("default", hour(1))) == set(due)
    for partitions in ([0], [1, 2], [3], []):
        mine = {book for book in due if partition_of_book(book, 4) in partitions}
        assert set(store.due_books("default", hour(1), partitions)) == mine


def test_due_times_of_a_higher_version_count(store: Store) -> None:
    """A row under a lower version, written later, changes nothing; one of the same version does."""
    for version, due in ((5, hour(9)), (4, hour(1)), (5, None)):
        store.write_due({BOOK: due}, version)
        assert (BOOK in store.due_books("default", hour(9))) is (due is not None)


def test_actions_are_kept_once_and_for_good(store: Store) -> None:
    """Every action of every book, however often it is written; none replaces another."""
    third = MUTE.model_copy(update={"by": "lee"})
    other = product_book("other")
    for version, actions in enumerate(
        ({BOOK: [MUTE]}, {BOOK: [MUTE, ACK], other: [ACK]}, {BOOK: [third]})
    ):
        store.write_actions(actions, version)
    found = store.actions_of([BOOK, other, product_book("none")])
    assert {book: set(mine) for book, mine in found.items()} == {
        BOOK: {MUTE, ACK, third},
        other: {ACK},
    }
    assert sorted(map(len, found.values())) == [1, 3]


def test_each_partition_has_its_tick(store: Store) -> None:
    """The latest of all counts where no partition is named, and for nobody else."""
    store.write_tick("default", hour(5), 0)
    store.write_tick("default", hour(7), 2)
    store.write_tick("default2", hour(9), 0)
    latest = [store.latest_tick("default", number) for number in (0, 1, 2, None)]
    assert latest == [hour(5), None, hour(7), hour(7)]
    store.write_tick("default", hour(6))
    latest = [store.latest_tick("default", number) for number in (0, 1, 2, None)]
    assert latest == [hour(6), hour(6), hour(7), hour(7)]


def test_gathered_writes_are_all_of_them(store: Store) -> None:
    """Each row under its own version: what stands under a higher one remains."""
    first, second, other = BOOKS[:3]
    one = only([claim("shop", "10", 0), claim("app", "12", 0)], 30)
    two = one.model_copy(update={"incident_id": "2" * 32})
    resolved = two.model_copy(update={"state": IncidentState.RESOLVED})
    store.write_incidents([resolved], 6)
    store.write_due({second: hour(3)}, 6)
    store.write_gathered(GatheredWrites())
    store.write_gathered(
        GatheredWrites(
            ticks={("default", 0): hour(5), ("default", 2): hour(7), ("other", 0): hour(2)},
            due=[(3, {first: hour(1), second: None}), (7, {other: hour(2)})],
            actions=[(3, {first: [MUTE]}), (7, {other: [ACK, MUTE]})],
            incidents=[(7, [one]), (3, [two])],
        )
    )
    assert [store.latest_tick("default", number) for number in range(3)] == [hour(5), None, hour(7)]
    assert store.latest_tick("other") == hour(2)
    assert set(store.due_books("default", hour(9))) == {first, second, other}
    acted = store.actions_of(BOOKS)
    assert {book: set(mine) for book, mine in acted.items()} == {first: {MUTE}, other: {ACK, MUTE}}
    stored = {kept.incident_id: kept for kept in store.incidents_of([BOOK])[BOOK]}
    assert stored == {one.incident_id: one, two.incident_id: resolved}


def test_comparable_books_of_some_partitions(database: Database) -> None:
    """Books of one channel are known as such, and their claims can be read."""
    lone = [charged("pos", "9", 1, book=book, event_id=f"p-{book}") for book in BOOKS]
    spoken = [claim("shop", "10", 1, book=one, event_id=f"s-{one}") for one in BOOKS[:9]]
    write_facts(database, [*lone, *spoken])
    store, mine = ClickHouseConsistencyStore(database, 4), {0, 3}
    comparable = store.comparable_books(mine)
    more = [one._replace(event_id=f"again-{one.event_id}") for one in lone]
    heard = {one.book for one in comparable.filter(more)}
    within = {book for book in BOOKS if partition_of_book(book, 4) in mine}
    assert heard & within == set(BOOKS[:9]) & within
    assert set(store.claims_of(BOOKS)) >= within


def test_watermarks_keep_the_latest_times(database: Database) -> None:
    """Marks in any order and number: the latest count, and no time beyond its receipt."""
    stores = ClickHouseWatermarks(database), MemoryWatermarks()
    rng = random.Random(1)
    channels = [("a", "shop"), ("a", "app"), ("b", "shop"), ("b", "app")]
    marks = [
        Watermark.of(*rng.choice(channels), *(from_ms(rng.randint(0, 9_999)) for _ in "12"))
        for _ in range(60)
    ]
    for one in stores:
        one.write([])
        for start in range(0, 60, 7):
            one.write(marks[start : start + 7])
        one.write(marks[:5])
    found = sorted(stores[0].latest())
    assert found == sorted(stores[1].latest())
    assert len(found) == 4
    assert all(isinstance(one, Watermark) and one.occurred_at <= one.received_at for one in found)


async def test_a_worker_on_the_real_store(database: Database) -> None:
    """Claims and ticks become incidents; a successor repeats what is in doubt, keeps it due, and
    goes on."""
    rng = random.Random(0)
    world = World(rng, Fuse(rng), 2)
    outbox = FaultyOutbox(world.fuse)

    def worker() -> ConsistencyWorker:
        return ConsistencyWorker(
            ClickHouseConsistencyStore(database, 2),
            DecisionPorts(ClickHousePositions(database), world, outbox, world.offload),
            RULES, Metrics(), 2, late=LateWrites(3_600.0, time.monotonic),
        )  # fmt: skip

    books = [product_book(f"{n}") for n in range(6)]
    said = [
        claim(channel, "10", 0, book=book, event_id=f"{channel}-{book.subject}")
        for book in books
        for channel in ("shop", "app", "pos")
    ]
    wrong = [claim("shop", "12", 10, book=book, event_id=f"w-{book.subject}") for book in books]
    write_facts(database, [*said, *wrong])
    first = [*claim_records("default", said, 2), *claim_records("default", wrong, 2)]
    records = [*first, *tick_records("default", hour(11), 2), *tick_records("default", hour(30), 2)]
    for record in records:
        world.log[record.partition or 0].append(record.value)
    batch = [
        Delivery("c360.offers", number, offset, APPENDED_MS, value)
        for number, log in world.log.items()
        for offset, value in enumerate(log)
    ]
    early = [one for one in batch if one.offset < len(world.log[one.partition]) - 1]
    await worker().process(early)
    stored = "SELECT subject, state, version FROM incident_states FINAL ORDER BY subject"
    assert {state for _, state, _ in database.rows(stored)} == {"pending"}
    sent = len(outbox.sent)
    successor = worker()
    await successor.process(early)
    assert (sent, len(outbox.sent)) == (6, 12)
    await successor.process([one for one in batch if one not in early])
    assert [row[:2] for row in database.rows(stored)] == [
        (book.subject.key, "open") for book in books
    ]
    due = ClickHouseConsistencyStore(database, 2).due_books("default", hour(30))
    assert sorted(due) == books

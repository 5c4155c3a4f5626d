"""What `services.ingest.ports.FactStore` promises: in memory, in process, and on a server.

The port has no reads for what it keeps for people (conflicts, values, rejected lines) and none for
what others make of its rows (claims), so each store says here where they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol

import pytest

from schemas.claim import Book, Claim
from schemas.identifiers import NodeId
from schemas.instants import to_ms
from schemas.reject import RejectReason
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.consistency.adapters.memory import MemoryStore
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.core.event_processor import Realm
from services.ingest.core.fact_row import FactRow
from services.ingest.core.outcome import Accepted, Intake, Reject
from services.ingest.ports import FactStore, RejectedLine, StoredEvent
from services.store.database import Database
from tests.events import RECEIVED_AT, core, event, identifier, line
from tests.simulation.stores import UNSTORABLE, FactRows, Facts

REALMS = {"default": Realm("DE", "EUR"), "other": Realm("DE", "EUR")}
CORE = core(realms=REALMS)
COOKIES = [[identifier("cookie", f"c-{n}")] for n in range(9)]
LATER = RECEIVED_AT + timedelta(minutes=1)


class World(Protocol):
    """A store, and the ways to what the port does not read."""

    def open(self) -> FactStore:
        """An adapter as a process that just started has it."""
        ...

    def claims(self, book: Book) -> set[Claim]:
        """The claims of all facts."""
        ...

    def conflicts(self) -> set[tuple[str, str, bytes]]:
        """Realm, event id and body of everything kept as a conflict."""
        ...

    def values(self) -> dict[tuple[str, NodeId], str]:
        """The value of each node of each realm."""
        ...

    def rejected(self) -> set[tuple[Any, ...]]:
        """Reason, path, message, event id, size and line of every refused line."""
        ...

    def erase(self, realm: str, node: NodeId, at_ms: int) -> None:
        """Enter a node into the ledger."""
        ...


class MemoryWorld:
    """The store of the simulation, without faults."""

    def __init__(self) -> None:
        self._claims = MemoryStore()
        self._rows = FactRows(self._claims)

    def open(self) -> FactStore:
        """See `World`."""
        return Facts(self._rows, None)

    def claims(self, book: Book) -> set[Claim]:
        """See `World`."""
        return set(self._claims.claims_of([book]).get(book, ()))

    def conflicts(self) -> set[tuple[str, str, bytes]]:
        """See `World`."""
        return self._rows.conflicts

    def values(self) -> dict[tuple[str, NodeId], str]:
        """See `World`."""
        return self._rows.values

    def rejected(self) -> set[tuple[Any, ...]]:
        """See `World`."""
        return {(*one.reject, one.raw_bytes, one.raw) for one in self._rows.rejected.values()}

    def erase(self, realm: str, node: NodeId, at_ms: int) -> None:
        """See `World`."""
        self._rows.erased[realm, node] = at_ms


class ClickHouseWorld:
    """The adapter that production uses."""

    def __init__(self, database: Database, *, sole_writer: bool = False) -> None:
        self._database = database
        self._sole_writer = sole_writer

    def open(self) -> FactStore:
        """See `World`."""
        return ClickHouseFactStore(self._database, sole_writer=self._sole_writer)

    def claims(self, book: Book) -> set[Claim]:
        """See `World`."""
        store = ClickHouseConsistencyStore(self._database)
        store.note([book])
        return set(store.claims_of([book]).get(book, ()))

    def conflicts(self) -> set[tuple[str, str, bytes]]:
        """See `World`."""
        sql = "SELECT realm, event_id, payload FROM id_conflicts FINAL"
        rows = self._database.rows(sql)
        assert len(rows) == len(set(rows))
        return {(realm, name, body.encode()) for realm, name, body in rows}

    def values(self) -> dict[tuple[str, NodeId], str]:
        """See `World`."""
        rows = self._database.rows("SELECT realm, node, value FROM node_values FINAL")
        assert len(rows) == len({row[:2] for row in rows})
        return {(realm, node.int): value for realm, node, value in rows}

    def rejected(self) -> set[tuple[Any, ...]]:
        """See `World`."""
        sql = "SELECT reason, path, message, event_id, raw_bytes, raw FROM rejected FINAL"
        rows = self._database.rows(sql)
        assert len(rows) == len(set(rows))
        return {(*row[:-1], row[-1].encode()) for row in rows}

    def erase(self, realm: str, node: NodeId, at_ms: int) -> None:
        """See `World`."""
        names = ("realm", "node", "erased_at")
        self._database.insert_rows("erasures", names, [(realm, node, at_ms)])


def accepted(fields: dict[str, Any], intake: Intake = Intake.SERVER) -> Accepted:
    """The event as ingest accepts it."""
    outcome = CORE.process(line(fields), RECEIVED_AT, intake)
    assert isinstance(outcome, Accepted)
    return outcome


def viewed(*event_ids: str, **fields: Any) -> list[Accepted]:
    """Small events with these ids."""
    return [accepted(event(event_id=one, **fields)) for one in event_ids]


def bought(*prices: str, **fields: Any) -> Accepted:
    """An order of one product for each price, every one of which is a claim."""
    lines = [
        {"sku": f"sku-{n}", "unit_price": price, "total": price} for n, price in enumerate(prices)
    ]
    body = {"order_id": "o-1", "lines": lines}
    return accepted(event("order.placed", event_id="o-1", body=body, **fields))


def unstorable(event_id: str) -> Accepted:
    """An event whose row no store takes: an amount beyond every column."""
    good = viewed(f"{UNSTORABLE}-{event_id}")[0]
    return good._replace(row=FactRow.of({**good.row, "order_value": Decimal("1e60")}))


def found(store: FactStore, events: Sequence[Accepted]) -> set[tuple[str, str, NodeId, int, int]]:
    """What the store knows of the events: realm, id, node, version, batch."""
    return {(*name, *one) for name, entries in store.known(events).items() for one in entries}


def rows(events: Iterable[Accepted], batch: int) -> set[tuple[str, str, NodeId, int, int]]:
    """What it should know of them."""
    return {(one.realm, one.event_id, one.node, one.version, batch) for one in events}


def doubted(store: FactStore, after_batch: int) -> set[StoredEvent]:
    """The events in doubt; each may come more than once."""
    return set(store.in_doubt(after_batch))


class FactStoreContract:
    """The contract, as tests. The store is empty at the start of each."""

    def test_an_empty_store(self, world: World) -> None:
        """Knows nothing, and begins with batch 0."""
        store = world.open()
        assert found(store, viewed("e-1")) == set()
        assert store.known([]) == {}
        assert (store.last_batch(), store.checkpoint(), store.erasures()) == (0, 0, {})
        assert list(store.in_doubt(0)) == []

    def test_writing_nothing_changes_nothing(self, world: World) -> None:
        """Batches may be empty."""
        store = world.open()
        assert store.write_facts([], 3) == []
        store.write_conflicts([], RECEIVED_AT)
        store.write_values([], 3)
        store.write_rejected([])
        assert (store.last_batch(), world.conflicts(), world.values()) == (0, set(), {})
        assert world.rejected() == set()

    def test_what_was_written_is_known(self, world: World) -> None:
        """By realm and event id, with its anchor, version and batch; nothing else is."""
        store = world.open()
        events = [*viewed("e-1", "e-2"), *viewed("e-1", realm="other")]
        assert store.write_facts(events, 4) == []
        for one in (store, world.open()):
            assert found(one, events) == rows(events, 4)
            assert found(one, events[2:]) == rows(events[2:], 4)
            assert found(one, viewed("e-2", realm="other") + viewed("e-3")) == set()

    def test_an_event_id_is_known_under_any_anchor(self, world: World) -> None:
        """Two clients that made the same id do not hide each other."""
        store = world.open()
        rivals = [viewed("e-1", identifiers=COOKIES[n])[0] for n in range(3)]
        for batch, one in enumerate(rivals[:2], 1):
            store.write_facts([one], batch)
        expected = rows(rivals[:1], 1) | rows(rivals[1:2], 2)
        assert found(store, [rivals[2]]) == expected

    def test_many_events_at_once(self, world: World) -> None:
        """A batch is looked up in one call, however long it is."""
        store = world.open()
        many = viewed(*(f"e-{n}" for n in range(3_000)))
        store.write_facts(many[::2], 1)
        assert found(store, many) == rows(many[::2], 1)

    def test_writing_again_changes_nothing(self, world: World) -> None:
        """A batch that comes again, after a crash and to another process, leaves the same state."""
        events = [*viewed("e-1", "e-2"), bought("9.99", "5.00")]
        refused = [
            RejectedLine(Reject(RejectReason.NOT_JSON, "", "no"), b"{", 1, RECEIVED_AT, False)
        ]
        states = []
        for _ in range(3):
            store = world.open()
            assert store.write_facts(events, 2) == []
            store.write_conflicts(events[:1], RECEIVED_AT)
            store.write_values(events, 2)
            store.write_rejected(refused)
            store.write_checkpoint(1, RECEIVED_AT)
            states.append(
                (
                    found(store, events), world.claims(events[2].claims[0].book), world.values(),
                    world.conflicts(), world.rejected(), store.last_batch(), store.checkpoint(),
                    doubted(store, 0),
                )
            )  # fmt: skip
        assert states[0] == states[1] == states[2]
        assert all(states[0])

    def test_claims_follow_within_the_write(self, world: World) -> None:
        """When it returns, the consistency workers can read what the facts claim."""
        order = bought("9.99", "5.00")
        world.open().write_facts([order, *viewed("e-1")], 1)
        assert (
            len(order.claims) == 7
        )  # an order; of each line price, that it is sold, what was paid
        for claim in order.claims:
            assert claim in world.claims(claim.book)

    def test_a_higher_version_counts(self, world: World) -> None:
        """A correction wins over its predecessor, and one that comes late changes nothing."""
        store = world.open()
        old, new = (
            bought(price, revision=revision) for revision, price in enumerate(("9.99", "8.88"), 1)
        )
        store.write_facts([old], 1)
        store.write_facts([new], 2)
        store.write_facts([old], 3)
        assert found(store, [old]) >= rows([new], 2)
        assert new.claims[0] in world.claims(new.claims[0].book)
        later = {one.payload for one in store.in_doubt(1)}
        assert later >= {new.row["payload"]}
        assert later <= {new.row["payload"], old.row["payload"]}

    def test_what_the_store_refuses_is_told_and_the_rest_is_written(self, world: World) -> None:
        """Exactly the events that no attempt can store come back, wherever they stand."""
        store = world.open()
        good = viewed(*(f"e-{n}" for n in range(7)))
        bad = [unstorable("first"), unstorable("last")]
        refused = store.write_facts([bad[0], *good, bad[1]], 1)
        assert [id(one) for one in refused] == [id(one) for one in bad]
        assert found(store, [*good, *bad]) == rows(good, 1)
        assert store.write_facts(bad, 2) == bad
        assert store.last_batch() == 1

    def test_both_bodies_of_a_conflict_are_kept(self, world: World) -> None:
        """The stored one is copied before the new one may replace it; others are not copied."""
        store = world.open()
        first, second = (
            viewed("e-1", channel=one, identifiers=COOKIES[0])[0] for one in ("shop", "app")
        )
        elsewhere = viewed("e-1", identifiers=COOKIES[1])
        store.write_facts([first, *elsewhere, *viewed("e-2"), *viewed("e-1", realm="other")], 1)
        store.write_conflicts([second], RECEIVED_AT)
        bodies = {("default", "e-1", one.row["payload"]) for one in (first, second, *elsewhere)}
        assert world.conflicts() == bodies
        store.write_facts([second], 2)
        store.write_conflicts([second], LATER)
        assert world.conflicts() == bodies

    def test_the_value_behind_each_node(self, world: World) -> None:
        """Every identifier of an event, in its realm."""
        named = [identifier("email", "Ann@Example.org"), identifier("cookie", "c-1")]
        events = [*viewed("e-1", identifiers=named), *viewed("e-2", realm="other")]
        world.open().write_values(events, 1)
        expected = {(one.realm, node.id): text for one in events for node, text in one.values}
        assert world.values() == expected
        assert sorted(expected.values()) == ["ann@example.org", "c-1", "c-1"]

    def test_refused_lines_are_kept_with_their_reasons(self, world: World) -> None:
        """One line that comes again is kept once; of a large one its size is that of the whole."""
        missing = Reject(RejectReason.INVALID_FIELD, "realm", "unknown realm", "e-1")
        large = Reject(RejectReason.TOO_LARGE, message="too large")
        lines = [
            RejectedLine(missing, "{'ü'}".encode(), 6, RECEIVED_AT, False),
            RejectedLine(large, b"[" * 100, 99_999, RECEIVED_AT, True),
        ]
        store = world.open()
        store.write_rejected(lines)
        store.write_rejected([lines[0]._replace(received_at=LATER)])
        assert world.rejected() == {(*one.reject, one.raw_bytes, one.raw) for one in lines}

    def test_the_ledger_of_erasures(self, world: World) -> None:
        """Per realm and node, in milliseconds; the latest counts."""
        world.erase("default", 2**127 + 5, to_ms(RECEIVED_AT))
        world.erase("other", 7, 1_001)
        world.erase("default", 2**127 + 5, to_ms(LATER))
        expected = {("default", 2**127 + 5): to_ms(LATER), ("other", 7): 1_001}
        assert world.open().erasures() == expected

    def test_last_batch_is_the_highest_of_all_rows(self, world: World) -> None:
        """Of facts and of checkpoints, in whatever order they came."""
        store = world.open()
        for write, expected in (
            (lambda: store.write_facts(viewed("e-1"), 7), 7),
            (lambda: store.write_facts(viewed("e-2"), 3), 7),
            (lambda: store.write_checkpoint(9, RECEIVED_AT), 9),
            (lambda: store.write_checkpoint(8, LATER), 9),
        ):
            write()
            assert store.last_batch() == world.open().last_batch() == expected

    def test_a_checkpoint_goes_on_only(self, world: World) -> None:
        """What is processed to the end stays so; facts do not move it."""
        store = world.open()
        for batch, expected in ((5, 5), (3, 5), (6, 6)):
            store.write_facts(viewed(f"e-{batch}"), batch + 10)
            store.write_checkpoint(batch, RECEIVED_AT)
            assert store.checkpoint() == world.open().checkpoint() == expected

    def test_events_in_doubt_are_those_of_later_batches(self, world: World) -> None:
        """In the order of the batches, and such that ingest makes the same of them again."""
        intakes = (Intake.SERVER, Intake.FILE, Intake.PUBLIC)
        store, batches = world.open(), [2, 9, 4]
        events = {
            batch: [accepted(event(event_id=f"{batch}-{one}"), one) for one in intakes]
            for batch in batches
        }
        for batch in batches:
            store.write_facts(events[batch], batch)
        for after, expected in ((0, [2, 4, 9]), (2, [4, 9]), (3, [4, 9]), (8, [9]), (9, [])):
            stored = list(world.open().in_doubt(after))
            again = [CORE.process(one.payload, one.received_at, one.intake) for one in stored]
            numbers = [int(one.event_id.removeprefix("public:").split("-")[0]) for one in again]
            assert numbers == [number for number in expected for _ in intakes]
            by_id = {one.event_id: one for one in again}
            assert by_id == {one.event_id: one for number in expected for one in events[number]}


class TestMemory(FactStoreContract):
    """The store of the simulation keeps to the contract."""

    @pytest.fixture
    def world(self) -> World:
        """An empty store."""
        return MemoryWorld()


@pytest.mark.any_store(always=True)
class TestClickHouse(FactStoreContract):
    """The adapter for several processes keeps to it on the engine and on a server."""

    @pytest.fixture
    def world(self, database: Database) -> World:
        """An empty store."""
        return ClickHouseWorld(database)


class TestSoleWriter(FactStoreContract):
    """So does the one that remembers what it has written itself."""

    @pytest.fixture
    def world(self, database: Database) -> World:
        """An empty store."""
        return ClickHouseWorld(database, sole_writer=True)

"""The identity store contract on ClickHouse, and the writer's whole life on the real engine."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from schemas.edge import Decision, Node, Verdict
from schemas.identifiers import NodeId, as_uuid
from schemas.placement import Placement, ProfileKind
from schemas.rules.identity import identity_rules
from services.identity.adapters import clickhouse
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.core import node_filter
from services.identity.core.model import Reason, Refusal
from services.identity.core.resolve import resolve
from services.identity.main import open_graph
from services.identity.ports import IdentityStore
from services.identity.writer import IdentityWriter
from services.runtime.errors import Retry
from services.runtime.settings import Settings
from services.store.database import Database
from tests.tiers import always
from tests.unit.identity.store_contract import A, B, C, IdentityStoreContract
from tests.unit.identity.stories import link, parts, random_story

pytestmark = pytest.mark.any_store(always=True)
STORIES = 12


class TestClickHouseIdentityStore(IdentityStoreContract):
    """The adapter that production uses keeps to the same contract as the one in memory."""

    @pytest.fixture(params=["one of several", "the sole writer", "more than it keeps"])
    def store(
        self, database: Database, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
    ) -> IdentityStore:
        """An empty store."""
        if request.param == "more than it keeps":
            monkeypatch.setattr(clickhouse, "NODES_KNOWN_MAX", 1)
        return ClickHouseIdentityStore(database, sole_writer=request.param != "one of several")


class Recording(Database):
    """A connection that remembers what it was asked."""

    def __init__(self, database: Database) -> None:
        vars(self).update(vars(database))
        self.asked: list[str] = []
        self.named: set[str] = set()
        self.answered = 0

    def rows(self, sql: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """See Database."""
        self.asked.append(sql)
        self.named |= set((parameters or {}).get("nodes", ()))
        found = super().rows(sql, parameters)
        self.answered += len(found)
        return found


def test_the_sole_writer_looks_up_what_there_can_be(database: Database) -> None:
    """Of nodes that nobody decided about, marked or refused, nothing is asked; also after a start,
    and whoever wrote before."""
    before = ClickHouseIdentityStore(database)
    before.write_decisions("r", [Decision(A, B, Verdict.SAME, "ann", "called", 5)], 1)
    before.write_refusals("r", [Refusal(A.id, B.id, Reason.UNIQUE, (), "e1")], [], 1)
    before.write_marks("r", {A.id}, 1)
    recording = Recording(database)
    store = ClickHouseIdentityStore(recording, sole_writer=True)
    reads = (store.decisions_of, store.refusals_of, store.marks_of)
    recording.asked.clear()
    for read in reads:
        assert not read("r", {C.id})
    assert not recording.asked
    for read in reads:
        assert len(read("r", {A.id, C.id})) == 1
    assert len(recording.asked) == len(reads)


def test_a_new_generation_wins_over_every_row_of_the_old(database: Database) -> None:
    """Offsets begin anew with it: rows of all kinds carry the generation above the number."""
    store = ClickHouseIdentityStore(database)
    old, new = link(A, B, 5, "e1", False), link(A, B, 4, "e2", True)
    same = Decision(A, B, Verdict.SAME, "ann", "called", 5)
    for batch, generation, edge, decision, profile in (
        (900, 1, old, same, A.id),
        (3, 2, new, same._replace(verdict=Verdict.NONE), B.id),
    ):
        version = generation << 48 | batch
        store.write_edges("r", [edge], version)
        store.write_decisions("r", [decision], version)
        store.write_marks("r", {C.id}, version)
        store.write_placements("r", {A.id: (A, Placement(profile, ProfileKind.PERSON))}, version)
    assert store.edges_of("r", {A.id}) == store.edges_of("r", {B.id}) == [new]
    assert [one.verdict for one in store.decisions_of("r", {A.id})] == [Verdict.NONE]
    assert store.placements_of("r", {A.id}) == {A.id: Placement(B.id, ProfileKind.PERSON)}
    for table, column in (("edges", "batch"), ("edges_reversed", "batch"), ("decisions", "batch"),
                          ("marks", "batch"), ("map", "version")):  # fmt: skip
        [(version,)] = database.rows(f"SELECT {column} FROM {table} FINAL")
        assert version == 2 << 48 | 3, table


def test_an_edge_is_the_row_of_the_highest_version_and_of_those_the_last(
    database: Database,
) -> None:
    """From both of its ends, whatever parts the rows are in, and whichever end is asked about."""
    store = ClickHouseIdentityStore(database)
    for table in ("edges", "edges_reversed"):
        database.command(f"SYSTEM STOP MERGES {table}")
    try:
        for version, verified, at_ms in ((2, True, 9), (1, False, 1), (3, True, 8), (3, True, 7)):
            store.write_edges("r", [link(A, B, at_ms, f"e{at_ms}", verified)], version)
        store.write_edges("r", [link(B, C, 5, "other", True)], 1)
        last, other = link(A, B, 7, "e7", True), link(B, C, 5, "other", True)
        assert store.edges_of("r", {A.id}) == [last]
        assert set(store.edges_of("r", {B.id})) == {last, other}
        assert set(store.edges_of("r", {A.id, B.id, C.id})) == {last, other}
    finally:
        for table in ("edges", "edges_reversed"):
            database.command(f"SYSTEM START MERGES {table}")
    for table in ("edges", "edges_reversed"):
        database.command(f"OPTIMIZE TABLE {table} FINAL")
    assert store.edges_of("r", {A.id}) == [last]


def stored_everywhere(store: IdentityStore, node: Callable[[], Node]) -> dict[str, list[NodeId]]:
    """A node in each place that a table has for one."""
    x, y, z = node(), node(), node()
    store.write_edges("r", [link(x, y, 5, "e", False)], 1)
    a, b = node(), node()
    store.write_decisions("other", [Decision(a, b, Verdict.NONE, "ann", "", 5)], 1)
    store.write_marks("r", {z.id}, 1)
    alone, c, d = node(), node(), node()
    store.write_placements("r", {alone.id: (alone, Placement(alone.id, ProfileKind.PERSON))}, 1)
    store.write_refusals("r", [Refusal(c.id, d.id, Reason.UNIQUE, (), "e1")], [], 1)
    return {
        "edges": [x.id, y.id], "decisions": [a.id, b.id], "marks": [z.id], "map": [alone.id],
        "refusals": [c.id, d.id],
    }  # fmt: skip


@pytest.mark.parametrize("part_bits", [24, 13])
def test_the_sole_writer_looks_up_no_node_that_was_never_written(
    database: Database, monkeypatch: pytest.MonkeyPatch, part_bits: int
) -> None:
    """Nodes in any table and realm are known, whoever wrote them and when; nearly no others."""
    monkeypatch.setattr(clickhouse, "ASKED_MIN", 0)
    monkeypatch.setattr(node_filter, "PART_BITS", part_bits)
    rng = random.Random(part_bits)

    def node() -> Node:
        return Node(rng.getrandbits(128), "card", "")

    before = [stored_everywhere(ClickHouseIdentityStore(database), node) for _ in range(5)]
    store = ClickHouseIdentityStore(database, sole_writer=True)
    own = [stored_everywhere(store, node)]
    strangers = [node().id for _ in range(1_000)]
    assert store.possibly_known("r", strangers, in_doubt=False) == strangers  # it is being read
    own.append(stored_everywhere(store, node))
    while len(store.possibly_known("r", strangers, in_doubt=False)) == len(strangers):
        own.append(stored_everywhere(store, node))
    own.append(stored_everywhere(store, node))
    assert len(store.possibly_known("r", strangers, in_doubt=False)) < 100
    for table in own[0]:
        written = [one for some in (*before, *own) for one in some[table]]
        assert list(store.possibly_known("r", written, in_doubt=False)) == written, table
    store.possibly_known("r", strangers[:500], in_doubt=True)
    assert set(store.possibly_known("r", strangers, in_doubt=False)) >= set(strangers[:500])


@pytest.mark.parametrize("part_bits", [24, 13])
def test_the_sole_writer_knows_how_many_edges_its_nodes_have_at_most(
    database: Database, monkeypatch: pytest.MonkeyPatch, part_bits: int
) -> None:
    """Edges of either grade at either end, whoever wrote them and when."""
    monkeypatch.setattr(clickhouse, "ASKED_MIN", 0)
    monkeypatch.setattr(node_filter, "PART_BITS", part_bits)
    rng = random.Random(20 + part_bits)
    centres = [Node(rng.getrandbits(128), "card", "") for _ in range(9)]
    degrees = dict(zip((one.id for one in centres), range(1, 10), strict=True))
    edges = [
        link(one, Node(rng.getrandbits(128), "email", ""), 5, "e", number % 2 == 0)
        for one in centres
        for number in range(degrees[one.id])
    ]
    ClickHouseIdentityStore(database).write_edges("r", edges[::3], 1)
    store = ClickHouseIdentityStore(database, sole_writer=True)
    assert store.bounds_of("r", degrees) == {}
    news = edges[1::3]
    while store.possibly_known("r", [rng.getrandbits(128)], in_doubt=False):
        store.write_edges("r", news, 2)
        news = []
    store.write_edges("r", edges[2::3], 3)
    bounds = store.bounds_of("r", degrees)
    assert all(bounds.get(one, 127) >= degree for one, degree in degrees.items())
    late = ClickHouseIdentityStore(database, sole_writer=True)
    while late.possibly_known("r", [rng.getrandbits(128)], in_doubt=False):
        pass
    exact = late.bounds_of("r", degrees)
    assert sum(exact[one] == degree for one, degree in degrees.items()) >= 8
    assert late.bounds_of("r", [rng.getrandbits(128)])


@pytest.mark.parametrize(
    ("cluster", "quorum", "lags"),
    [("", "", False), ("", "1", False), ("c", "", True), ("c", "1", True), ("c", "auto", False),
     ("c", "2", False)],
)  # fmt: skip
def test_on_replicas_without_a_quorum_nothing_is_taken_for_missing(
    database: Database, monkeypatch: pytest.MonkeyPatch, cluster: str, quorum: str, lags: bool
) -> None:
    """Rows that the first reads of a worker lacked, and a replica gets later, are read; with a
    quorum there are none, and the worker looks up less."""
    monkeypatch.setattr(clickhouse, "ASKED_MIN", 0)
    given = {"clickhouse_cluster": cluster, "clickhouse_insert_quorum": quorum}
    store = open_graph(Settings.model_validate(given), database)
    strangers = [random.Random(1).getrandbits(128) for _ in range(100)]
    for _ in range(2):
        store.possibly_known("r", [A.id, *strangers], in_doubt=False)
    late = ClickHouseIdentityStore(database)
    late.write_decisions("r", [Decision(A, B, Verdict.SAME, "ann", "called", 5)], 1)
    late.write_refusals("r", [Refusal(A.id, B.id, Reason.UNIQUE, (), "e1")], [], 1)
    late.write_marks("r", {A.id}, 1)
    found = [
        A.id in store.possibly_known("r", [A.id], in_doubt=False),
        *map(bool, (store.decisions_of("r", {A.id}), store.refusals_of("r", {A.id}))),
        bool(store.marks_of("r", {A.id})),
        bool(store.decisions_after(0)),
    ]
    assert found == [lags] * len(found)


class Unanswered(Database):
    """A connection over which what is inserted arrives, and the answer does not."""

    def __init__(self, database: Database) -> None:
        vars(self).update(vars(database))

    def insert(self, table: str, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
        """See Database."""
        super().insert(table, names, columns)
        raise Retry("no answer")


def test_what_was_written_without_an_answer_is_known(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The filter has it before it is written: nobody knows whether it was."""
    monkeypatch.setattr(clickhouse, "ASKED_MIN", 0)
    store = ClickHouseIdentityStore(Unanswered(database), sole_writer=True)
    for _ in range(2):
        store.possibly_known("r", {A.id}, in_doubt=False)
    ends = Node(1 << 62, "card", ""), Node(1 << 63, "email", "")
    with pytest.raises(Retry):
        store.write_edges("r", [link(*ends, 5, "e", True)], 1)
    assert len(store.edges_of("r", {ends[0].id})) == 1
    asked = [end.id for end in ends]
    assert store.possibly_known("r", asked, in_doubt=False) == asked
    assert not store.possibly_known("r", [3 << 60], in_doubt=False)


CROWD_SQL = f"""
INSERT INTO edges
SELECT 'r', toUUID('{as_uuid(1)}'), toUUID(UUIDNumToString(MD5(toString(number)))), 'device_id',
    'app', 'customer_number', 'shop', fromUnixTimestamp64Milli(toInt64(1000 + number), 'UTC'),
    toString(number), true, 1
FROM numbers(100000)
"""


def test_who_shares_an_identifier_with_a_crowd_costs_no_more(database: Database) -> None:
    """A device of 100,000 customers: none of its edges is read, and once it is known to be one,
    nothing is asked about it again, however often the writer empties its memory."""
    database.command(CROWD_SQL)
    device, alone = Node(1, "device_id", "app"), Node(2, "device_id", "app")
    recording = Recording(database)
    store = ClickHouseIdentityStore(recording, sole_writer=True)
    writer = IdentityWriter(store, "r", identity_rules(), cache_nodes_max=0)
    spent: dict[int, tuple[int, int]] = {}
    for batch in range(6):
        shared = device if batch % 2 == 0 else alone._replace(id=100 + batch)
        recording.asked.clear()
        recording.named.clear()
        recording.answered = 0
        given = [
            link(shared, Node(1000 * (batch + 1) + turn, "customer_number", "shop"), 5, "e", True)
            for turn in range(5)
        ]
        changes = writer.apply(given)
        writer.commit(changes, 2 + batch)
        assert len(changes.edges) == len(given)
        spent[batch] = len(recording.asked), recording.answered
        if batch and shared is device:
            assert f"{device.id:032x}" not in recording.named
    assert spent[0][1] < 100
    for batch in (2, 4):
        assert spent[batch] <= spent[batch + 1], spent


@pytest.mark.parametrize("seed", always({0, 1, 3}, range(STORIES)))
def test_random_story_on_the_real_engine(
    database: Database, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Incremental through ClickHouse, with a new writer for every batch, equals from scratch."""
    monkeypatch.setattr(clickhouse, "ASKED_MIN", 0)
    story = random_story(random.Random(seed))
    store = ClickHouseIdentityStore(database, sole_writer=True)
    step = max(1, len(story.items) // 4)
    for batch, start in enumerate(range(0, len(story.items), step), 1):
        edges, decisions, marks = parts(story.items[start : start + step])
        writer = IdentityWriter(store, "r", story.rules)  # nothing cached: all is read back
        writer.commit(writer.apply(edges, decisions, marks), batch)
    edges, decisions, marks = parts(story.items)
    expected = resolve(edges, decisions, marks, story.rules)
    nodes = {end.id for edge in edges for end in (edge.a, edge.b)}
    nodes |= {end.id for decision in decisions for end in (decision.a, decision.b)}
    store = ClickHouseIdentityStore(database)
    found = store.placements_of("r", nodes)
    assert found == {node: expected.placements[node] for node in found}
    assert found.keys() >= expected.placements.keys() & nodes
    assert set(store.refusals_of("r", nodes)) == set(expected.refusals)

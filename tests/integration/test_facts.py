"""The facts on the real engine: every "must" of the storage design, one test each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from schemas.edge import Node
from schemas.placement import Placement, ProfileKind
from schemas.rules.identity import identity_rules
from services.api.digest import state_digest
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.ingest.adapters.audit import StoreAudit
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.adapters.removal import FACT_TABLES_SQL
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.fact_row import COLUMNS, FactRow
from services.ingest.core.outcome import Accepted, Intake
from services.ingest.lines import Line
from services.ingest.stage import ID_CONFLICT, IngestStage, Result, Status
from services.runtime.errors import Fatal
from services.store.database import Database
from tests.events import RECEIVED_AT, core, event, identifier, line, order
from tests.unit.identity.stories import link

pytestmark = pytest.mark.any_store
EXPANDING = ("price_claims_view", "statements_view", "interactions_view")
PROJECTED = (
    "orders", "consents", "observations", "offers", "identifiers", "surveys", "interactions",
    "event_ids",
)  # fmt: skip


def accepted(fields: dict[str, Any], by: EventProcessor | None = None) -> Accepted:
    outcome = (by or core()).process(line(fields), RECEIVED_AT)
    assert isinstance(outcome, Accepted), outcome
    return outcome


def rich_events() -> list[dict[str, Any]]:
    """One event for every projected table, children included."""
    offer = {"sku": "1", "price": "2.50", "zone": "north", "valid_to": "2026-12-01T00:00:00Z"}
    answers = [{"question": "q1", "score": 9}, {"question": "q2"}]
    email = identifier("email", "anna@example.com", verified=True)
    return [
        order("o-1", "5.00", "2.0725"),
        event("consent.given", body={}, identifiers=[email]),
        event("profile.updated", body={"attributes": {"city": "Köln", "phone": None}}),
        event("offer.published", body=offer, identifiers=[]),
        event("survey.answered", body={"kind": "nps", "answers": answers}),
        event("cart.updated", body={"cart_id": "c-1", "items": [{"sku": "1"}, {"sku": "2"}]}),
    ]


def count(database: Database, table: str) -> int:
    return int(database.rows(f"SELECT count() FROM {table} FINAL")[0][0])


def ingest(
    stage: IngestStage, batch: int, *sent: dict[str, Any] | bytes, intake: Intake = Intake.FILE
) -> list[Result]:
    raw = [one if isinstance(one, bytes) else line(one) for one in sent]
    decoded = stage.decode([Line(one, len(one)) for one in raw], RECEIVED_AT, intake)
    results = stage.store(decoded, batch).results
    stage.acknowledge(batch, RECEIVED_AT)
    return results


@pytest.fixture
def store(database: Database) -> ClickHouseFactStore:
    """A fact store on an empty database."""
    return ClickHouseFactStore(database)


@pytest.fixture
def stage(store: ClickHouseFactStore) -> IngestStage:
    """An ingest stage on an empty database."""
    return IngestStage(core(), store)


def test_one_row_per_event_in_every_table(store: ClickHouseFactStore, database: Database) -> None:
    """However many children an event has, every table holds one row of it."""
    events = [accepted(fields) for fields in rich_events()]
    store.write_facts(events, 1)
    assert count(database, "touchpoints") == len(events)
    for table in PROJECTED:
        rows, ids = database.rows(f"SELECT count(), uniqExact(event_id) FROM {table}")[0]
        assert rows == ids > 0, table


def test_children_survive_the_way_through_the_views(
    store: ClickHouseFactStore, database: Database
) -> None:
    """Lines, answers and terms come out of the projected tables as they went in."""
    store.write_facts([accepted(fields) for fields in rich_events()], 1)
    [(totals,)] = database.rows("SELECT `lines.total` FROM orders FINAL")
    assert totals == [Decimal("5.0000"), Decimal("2.0725")]
    [(scores,)] = database.rows("SELECT `answers.score` FROM surveys FINAL")
    assert scores == [Decimal(9), None]
    [(names, present)] = database.rows(
        "SELECT `attrs.name`, `attrs.present` FROM observations FINAL"
    )
    assert dict(zip(names, present, strict=True)) == {"city": True, "phone": False}


def test_inserting_again_changes_nothing(store: ClickHouseFactStore, database: Database) -> None:
    """Every write is idempotent: five times the same batch, one row per event."""
    events = [accepted(fields) for fields in rich_events()]
    for batch in range(1, 6):
        store.write_facts(events, batch)
    for table in ("touchpoints", *PROJECTED):
        rows, ids = database.rows(f"SELECT count(), uniqExact(event_id) FROM {table} FINAL")[0]
        assert rows == ids, table


def test_one_of_several_writers_asks_the_store(database: Database) -> None:
    """A store that was empty when a worker came does not stay so: others write beside it."""
    mine, sole = (ClickHouseFactStore(database, sole_writer=is_sole) for is_sole in (False, True))
    [fact] = [accepted(event(event_id="e-1"))]
    ClickHouseFactStore(database).write_facts([fact], 1)
    assert mine.known([fact])
    assert not sole.known([fact])  # what a sole writer saves; another one beside it is its fault
    sole.write_facts([fact], 2)
    assert sole.known([fact])


def test_last_batch_is_a_number_without_generation(database: Database) -> None:
    """What the decision stages wrote carries the generation above the number of the batch."""
    store, graph = ClickHouseFactStore(database), ClickHouseIdentityStore(database)
    assert store.last_batch() == 0
    a, b = Node(1, "email", ""), Node(2, "cookie", "shop")
    graph.write_edges("default", [link(a, b, 5, "e-1", True)], (3 << 48) + 5)
    assert store.last_batch() == 5
    graph.write_placements(
        "default", {a.id: (a, Placement(a.id, ProfileKind.PERSON))}, (3 << 48) + 6
    )
    assert store.last_batch() == 6
    names = ("realm", "incident_id", "version")
    database.insert_rows("incident_states", names, [("default", "i", (3 << 48) + 7)])
    assert store.last_batch() == 7


@pytest.mark.parametrize("order_of_arrival", [(0, 1), (1, 0)])
def test_corrected_event_keeps_no_old_child(
    store: ClickHouseFactStore, database: Database, order_of_arrival: Sequence[int]
) -> None:
    """An event re-sent with fewer lines loses the old ones, in whatever order both arrive."""
    first = order("o-1", "5.00", "3.00", event_id="e-1")
    second = order("o-1", "5.00", event_id="e-1", revision=1)
    for batch, which in enumerate(order_of_arrival, 1):
        store.write_facts([accepted((first, second)[which])], batch)
    [(totals,)] = database.rows("SELECT `lines.total` FROM orders FINAL")
    assert totals == [Decimal("5.0000")]


def test_two_bodies_under_one_id_end_the_same_way_round(database: Database) -> None:
    """Without a revision the body hash decides, so any order of arrival gives the same row."""
    one, other = event(event_id="e", body={"url": "/a"}), event(event_id="e", body={"url": "/b"})
    kept = []
    for bodies in ((one, other), (other, one)):
        database.command("TRUNCATE TABLE touchpoints")
        store = ClickHouseFactStore(database)
        for batch, fields in enumerate(bodies, 1):
            store.write_facts([accepted(fields)], batch)
        kept.append(database.rows("SELECT payload FROM touchpoints FINAL"))
    assert kept[0] == kept[1]


def test_second_body_is_counted_and_both_are_kept(stage: IngestStage, database: Database) -> None:
    """A known event id with another body is an id conflict; neither body is lost."""
    one, other = event(event_id="e", body={"url": "/a"}), event(event_id="e", body={"url": "/b"})
    assert ingest(stage, 1, one)[0].status is Status.ACCEPTED
    [result] = ingest(stage, 2, other)
    assert (result.status, result.reason) == (Status.DUPLICATE, ID_CONFLICT)
    bodies = {row[0] for row in database.rows("SELECT payload FROM id_conflicts FINAL")}
    assert bodies == {line(one).decode(), line(other).decode()}


def test_public_key_cannot_take_over_a_known_event(stage: IngestStage, database: Database) -> None:
    """A stranger who re-sends a known event id, raised or not, adds to their own history."""
    mine = event(event_id="e", identifiers=[identifier("cookie", "mine")])
    theirs = mine | {"identifiers": [identifier("cookie", "theirs")], "revision": 7}
    ingest(stage, 1, mine)
    [result] = ingest(stage, 2, theirs, intake=Intake.PUBLIC)
    assert (result.event_id, result.status) == ("e", Status.ACCEPTED)
    [repeated] = ingest(stage, 3, mine)
    assert (repeated.status, repeated.reason) == (Status.DUPLICATE, "")
    stored = database.rows("SELECT event_id, payload FROM touchpoints FINAL ORDER BY event_id")
    assert stored == [("e", line(mine).decode()), ("public:e", line(theirs).decode())]
    assert list(StoreAudit(database).double_anchors()) == []


def test_public_key_cannot_occupy_an_event_id(stage: IngestStage, database: Database) -> None:
    """An event sent first with a public key does not stand in the way of the server's."""
    theirs = event(event_id="o-1", identifiers=[identifier("cookie", "theirs")])
    ingest(stage, 1, theirs, intake=Intake.PUBLIC)
    [result] = ingest(stage, 2, order("o-1", "5.00", event_id="o-1"))
    assert (result.status, result.reason) == (Status.ACCEPTED, "")
    again = theirs | {"revision": 3}
    [contested] = ingest(stage, 3, again, intake=Intake.PUBLIC)
    assert (contested.event_id, contested.reason) == ("o-1", ID_CONFLICT)
    assert count(database, "orders") == 1


def test_repeats_are_told_apart_within_and_across_batches(stage: IngestStage) -> None:
    """The same event twice in one batch, or again later, is a duplicate."""
    one, two = event(), event()
    statuses = [r.status for r in ingest(stage, 1, one, two, one)]
    assert statuses == [Status.ACCEPTED, Status.ACCEPTED, Status.DUPLICATE]
    resent = two | {"sent_at": "2026-11-20T09:00:30Z"}
    assert [r.status for r in ingest(stage, 2, resent)] == [Status.DUPLICATE]


def test_unacknowledged_event_is_no_duplicate(store: ClickHouseFactStore) -> None:
    """A fact whose batch was never processed to its end counts as new when it is sent again."""
    stage, fields = IngestStage(core(), store), event()
    sent = line(fields)
    stage.store(stage.decode([Line(sent, len(sent))], RECEIVED_AT), 1)  # killed before the ack
    assert [r.status for r in ingest(IngestStage(core(), store), 2, fields)] == [Status.ACCEPTED]


def test_no_time_in_any_key(database: Database) -> None:
    """Late and odd dates can stop nothing: no table is partitioned or keyed by time."""
    rows = database.rows(
        "SELECT name, partition_key, sorting_key FROM system.tables "
        "WHERE database = currentDatabase() AND name IN {names:Array(String)}",
        {"names": ["touchpoints", *PROJECTED]},
    )
    assert len(rows) == 1 + len(PROJECTED)
    for name, partition_key, sorting_key in rows:
        assert partition_key == "", name
        assert "_at" not in sorting_key, name


def test_odd_dates_do_not_stop_an_insert(store: ClickHouseFactStore, database: Database) -> None:
    """A batch over two hundred months is one insert."""
    events = [
        accepted(event(occurred_at=f"{2001 + n % 25}-{1 + n % 12:02}-15T00:00:00Z"))
        for n in range(300)
    ]
    store.write_facts(events, 1)
    assert count(database, "touchpoints") == 300


def test_views_only_project(database: Database) -> None:
    """No view of facts parses JSON or casts: a bad value could block it for ever. The one of
    interactions may, for what it cannot read is empty (tests/integration/test_interactions.py).

    The arrays that two of them expand are of one length, or the facts refuse the row before.
    Entries of the access log are made by the service, not by senders.
    """
    rows = database.rows(
        "SELECT name, as_select FROM system.tables WHERE database = currentDatabase() "
        "AND engine = 'MaterializedView' AND has(dependencies_table, '') = 0 "
        "AND name IN (SELECT concat(name, '_view') FROM system.tables) "
        "AND name != 'access_by_profile_view'"
    )
    assert len(rows) >= len(PROJECTED)
    for name, select in rows:
        expands = () if name in EXPANDING else ("ARRAY JOIN", "arrayJoin")
        parses = () if name == "interactions_view" else ("JSON",)
        for forbidden in ("CAST", "toInt", "toDecimal", *parses, *expands):
            assert forbidden.lower() not in select.lower(), (name, forbidden)


def test_facts_refuse_claims_of_unequal_columns(database: Database) -> None:
    """Before a view could fail to expand them."""
    for columns in ("`offers.sku`, `offers.market`", "`claims.kind`, `claims.subject`"):
        with pytest.raises(Fatal, match="different array sizes"):
            database.command(f"INSERT INTO touchpoints ({columns}) VALUES (['a', 'b'], ['a'])")


def test_granularity_of_node_keyed_tables(database: Database) -> None:
    """Look-ups by node read 256 rows, not 8,192."""
    rows = database.rows(
        "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase() "
        "AND name IN ('touchpoints', 'orders', 'map', 'members', 'node_values', 'edges')"
    )
    assert len(rows) == 6
    assert all("index_granularity = 256" in query for _name, query in rows)


def test_writes_are_synchronous_and_undeduplicated(database: Database) -> None:
    """An acknowledged insert is durable, and equal blocks are not dropped by the engine."""
    rows = database.rows(
        "SELECT name, toString(value) FROM system.settings "
        "WHERE name IN ('async_insert', 'wait_end_of_query', 'insert_deduplicate')"
    )
    assert dict(rows)["async_insert"] == "0"
    assert dict(rows)["insert_deduplicate"] == "0"


def test_database_is_atomic(database: Database) -> None:
    """Refreshable views fail in chDB's own default database."""
    [(engine,)] = database.rows(
        "SELECT engine FROM system.databases WHERE name = currentDatabase()"
    )
    assert engine == "Atomic"


def test_rules_and_secret_stand_with_each_fact(
    store: ClickHouseFactStore, database: Database
) -> None:
    """A fact says under which rules and which secret it was anchored."""
    store.write_facts([accepted(event())], 1)
    [row] = database.rows("SELECT rules_version, secret_generation FROM touchpoints")
    assert row == (identity_rules().version, 1)


def test_all_columns_are_written(database: Database) -> None:
    """The columns of a row and of the table are the same set, but for what the engine makes."""
    rows = database.rows(
        "SELECT name FROM system.columns WHERE database = currentDatabase() "
        "AND table = 'touchpoints' AND name != 'profile_facts'"
    )
    assert {row[0] for row in rows} == {*COLUMNS, "corrects", "batch"}


def test_audit_finds_an_event_under_two_anchors_and_keeps_the_latest_body(
    stage: IngestStage, database: Database
) -> None:
    """A write that takes effect after the correction of its event leaves a second anchor."""
    ids = [[identifier("cookie", name)] for name in ("c-1", "c-2")]
    first, second = (
        event("order.placed", event_id="e", identifiers=i, revision=n, body={"order_id": "o"})
        for n, i in enumerate(ids)
    )
    ingest(stage, 1, second)
    [(kept,)] = database.rows("SELECT toString(node) FROM touchpoints")
    late = stage.decode([Line(line(first), 1_000)], RECEIVED_AT).outcomes
    ClickHouseFactStore(database).write_facts([one for one in late if isinstance(one, Accepted)], 2)
    audit = StoreAudit(database)
    [double] = audit.double_anchors()
    assert (double.kept, len(double.others)) == (kept, 1)
    audit.keep_one_anchor([double])
    for (table,) in database.rows(FACT_TABLES_SQL):
        left = database.rows(f"SELECT toString(node) FROM {table} WHERE event_id = 'e'")
        assert {row[0] for row in left} <= {double.kept}, table
    assert list(audit.double_anchors()) == []


SAYS = {
    "orders": ("notEmpty(order_id)", order("o-1", "5.00")),
    "consents": ("notEmpty(consents.action)", event("consent.given", body={})),
    "observations": (
        "notEmpty(attrs.name)",
        event("profile.updated", body={"attributes": {"city": "Bonn"}}),
    ),
    "surveys": (
        "notEmpty(survey_kind)",
        event("survey.answered", body={"kind": "nps", "answers": [{"question": "q", "score": 9}]}),
    ),
    "interactions": ("notEmpty(type)", event("review.posted", body={"sku": "1", "rating": 5})),
    "offers": ("notEmpty(offers.sku)", order("o-2", "5.00")),
}
"""When a row of a table says something, and an event that does."""


@pytest.mark.parametrize("table", SAYS)
@pytest.mark.parametrize("revision", [0, 1])
@pytest.mark.parametrize("emptied_first", [False, True])
def test_a_correction_takes_back_what_its_event_said(
    stage: IngestStage, database: Database, table: str, revision: int, emptied_first: bool
) -> None:
    """A body that counts and says nothing leaves nothing of the other, whichever comes first."""
    says, full = SAYS[table]
    emptied = event(event_id="e", revision=revision)
    bodies = [full | {"event_id": "e"}, emptied]
    for batch, body in enumerate(reversed(bodies) if emptied_first else bodies, 1):
        ingest(stage, batch, body)
    [(type_,)] = database.rows("SELECT type FROM touchpoints FINAL")
    spoken = [row[0] for row in database.rows(f"SELECT {says} FROM {table} FINAL")]
    assert any(spoken) is (type_ == full["type"])
    assert revision == 0 or type_ == emptied["type"]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_answer_to_a_second_body_says_which_counts(
    stage: IngestStage, database: Database, reverse: bool
) -> None:
    """The message is true of what is read then, whichever body comes second."""
    bodies = [event(event_id="e", body={"url": url}) for url in ("/a", "/b")]
    first, second = reversed(bodies) if reverse else bodies
    ingest(stage, 1, first)
    [result] = ingest(stage, 2, second)
    [(payload,)] = database.rows("SELECT payload FROM touchpoints FINAL")
    assert (result.status, result.reason) == (Status.DUPLICATE, ID_CONFLICT)
    assert ("this one counts" in result.message) is (payload.encode() == line(second))


def test_a_correction_may_name_somebody_else(stage: IngestStage, database: Database) -> None:
    """The fact is then stored under the anchor of the body that counts alone, in any order."""
    for name, revisions in (("in-order", (0, 1)), ("reversed", (1, 0)), ("back", (0, 2, 1))):
        for number in revisions:
            ids = [identifier("cookie", f"c-{number}")]
            ingest(stage, 1, event(event_id=name, identifiers=ids, revision=number))
        [(found, versions)] = database.rows(
            f"SELECT count(), max(bitShiftRight(version, 32)) FROM touchpoints FINAL "
            f"WHERE event_id = '{name}'"
        )
        assert (found, versions) == (1, max(revisions)), name
    assert list(StoreAudit(database).double_anchors()) == []


def test_rejected_lines_are_kept_once_with_their_bytes(
    stage: IngestStage, database: Database
) -> None:
    """Refused lines can be listed and shown, and do not pile up when a file is read again."""
    bad = b'{"event_id": "e-9", "type": "nope"}'
    for batch in (1, 2):
        assert ingest(stage, batch, bad)[0].status is Status.REJECTED
    [kept] = StoreAudit(database).rejected(with_raw=True)
    assert (kept.raw, kept.reason, kept.event_id) == (bad.decode(), "unknown_type", "e-9")


def test_a_row_the_store_refuses_costs_nobody_else(
    store: ClickHouseFactStore, stage: IngestStage, database: Database
) -> None:
    """The one bad row is found by bisection and kept as a reject; its neighbours are written."""
    lines = [line(event()) for _ in range(7)]
    decoded = stage.decode([Line(one, len(one)) for one in lines], RECEIVED_AT)
    bad = decoded.outcomes[4]
    assert isinstance(bad, Accepted)
    # no event can say this; a bug could
    row = FactRow.of({**bad.row, "order_value": Decimal(10) ** 30})
    decoded.outcomes[4] = bad._replace(row=row)
    results = stage.store(decoded, 1).results
    assert [one.status for one in results].count(Status.ACCEPTED) == 6
    assert (results[4].status, results[4].reason) == (Status.REJECTED, "unstorable")
    assert count(database, "touchpoints") == 6
    assert StoreAudit(database).rejected_counts() == {"unstorable": 1}


def test_sum_of_the_largest_lines_fits(store: ClickHouseFactStore, database: Database) -> None:
    """No valid event can overflow a column: the largest order of the largest lines is stored."""
    totals = ["99999999999.9999"] * 300
    assert store.write_facts([accepted(order("o-1", *totals))], 1) == []
    [(value,)] = database.rows("SELECT order_value FROM orders FINAL")
    assert value == Decimal("99999999999.9999") * 300


def test_binary_rejects_are_kept(stage: IngestStage, database: Database) -> None:
    """A line that is no UTF-8 is refused and kept without stopping the batch."""
    good = event()
    results = ingest(stage, 1, b"\xff\xfe{", good)
    assert [r.status for r in results] == [Status.REJECTED, Status.ACCEPTED]
    assert StoreAudit(database).rejected_counts() == {"not_json": 1}


def test_digest_leaves_out_how_a_state_came_about(database: Database) -> None:
    """Times of receipt, batch numbers and repeats do not show in the digest; a value does."""

    class NoProfiles:
        def profiles(self, realm: str, profile_ids: list[int]) -> list[Any]:
            return []

    digests = []
    for batch, received_at in ((1, RECEIVED_AT), (7, datetime(2027, 1, 1, tzinfo=UTC))):
        database.command("TRUNCATE TABLE touchpoints")
        outcome = core().process(line(event(event_id="e")), received_at)
        assert isinstance(outcome, Accepted)
        ClickHouseFactStore(database).write_facts([outcome] * batch, batch)
        digests.append(state_digest(database, NoProfiles())["facts"])
    changed = accepted(event(event_id="e", channel="app", revision=1))
    ClickHouseFactStore(database).write_facts([changed], 9)
    assert digests[0] == digests[1] != state_digest(database, NoProfiles())["facts"]

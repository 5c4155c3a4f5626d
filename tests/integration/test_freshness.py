"""How far the data has come: watermarks, what changed since a look, and single events."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from schemas.rules.identity import identity_rules
from schemas.watermark import Watermark
from services.api.freshness import _STATEMENTS, EDGES, FreshnessReader
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.writer import IdentityWriter
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.core.outcome import Accepted, Intake
from services.ingest.lines import Line
from services.ingest.stage import IngestStage
from services.runtime.settings import Settings
from services.store.asked import FOLLOWED
from services.store.database import Database
from services.stream.connection import key_of, partition_of
from services.stream.gap_recovery import finished_position_key
from services.stream.ports import Partition
from services.stream.positions import ClickHousePositions, Position
from services.stream.watermarks import ClickHouseWatermarks
from tests.events import RECEIVED_AT, SECRET, core, event, identifier, line, order

pytestmark = pytest.mark.any_store
LOGIN = [
    identifier("email", "anna@example.com", verified=True),
    identifier("cookie", "c-1", issuer="shop"),
]
OTHER_LOGIN = [
    identifier("email", "bert@example.com", verified=True),
    identifier("cookie", "c-2", issuer="shop"),
]
STATED = [identifier("email", "anna@example.com"), identifier("cookie", "c-1", issuer="shop")]


def reader(database: Database) -> FreshnessReader:
    """A reader with the settings of the tests' events."""
    settings = Settings(identity_secret=SECRET.decode())
    return FreshnessReader(database, settings, identity_rules())


def stored(
    database: Database, batch: int, sent: dict[str, Any], intake: Intake = Intake.SERVER
) -> Accepted:
    """An event as a fact, and nothing that follows from it."""
    facts = ClickHouseFactStore(database)
    stage = IngestStage(core(), facts)
    raw = line(sent)
    [fresh] = stage.store(stage.decode([Line(raw, len(raw))], RECEIVED_AT, intake), batch).fresh
    return fresh


def mapped(
    database: Database,
    fact: Accepted,
    offset: int,
    *,
    edges_only: bool = False,
    is_finished: bool = True,
) -> None:
    """What the identity worker writes of a fact that came with the record at an offset; of its
    edges only, or all but that it is finished, as if killed in between."""
    place = Partition(EDGES.name, partition_of(key_of(fact.realm), EDGES.partitions))
    position = Position("log", 2, offset)
    positions = ClickHousePositions(database)
    positions.note({place: position})
    store = ClickHouseIdentityStore(database)
    writer = IdentityWriter(store, fact.realm, identity_rules())
    changes = writer.apply(fact.edges, in_doubt=not edges_only)
    if edges_only:
        store.write_edges(fact.realm, changes.edges, position.version)
        return
    writer.commit(changes, position.version)
    if is_finished:
        positions.note({finished_position_key(place): position})


def sees(database: Database, sent: dict[str, Any], realm: str = "default") -> bool:
    """Whether an event is visible."""
    return reader(database).is_visible(realm, sent["event_id"])


def test_an_event_of_workers_is_visible_when_the_map_follows(database: Database) -> None:
    """Neither the fact is enough, nor its edge, nor placements of a batch that is not finished; and
    it is visible in its realm only."""
    sent = event(identifiers=LOGIN)
    assert not sees(database, sent)
    fact = stored(database, 0, sent)
    assert not sees(database, sent)
    mapped(database, fact, 0, edges_only=True)
    assert not sees(database, sent)
    mapped(database, fact, 0, is_finished=False)
    assert not sees(database, sent)
    mapped(database, fact, 0)
    assert sees(database, sent)
    assert not sees(database, sent, "second")


def test_a_batch_that_another_one_outran_is_not_finished(database: Database) -> None:
    """What is finished below its version proves nothing."""
    mapped(database, stored(database, 0, event(identifiers=OTHER_LOGIN)), 3)
    sent = event(identifiers=LOGIN)
    fact = stored(database, 0, sent)
    mapped(database, fact, 4, is_finished=False)
    assert not sees(database, sent)
    mapped(database, fact, 4)
    assert sees(database, sent)


def test_a_better_grade_is_waited_for(database: Database) -> None:
    """An edge that was stated before does not make the event visible that verifies it, nor one seen
    later the event that came first."""
    mapped(database, stored(database, 0, event(identifiers=STATED)), 1)
    sent = event(identifiers=LOGIN)
    fact = stored(database, 0, sent)
    assert not sees(database, sent)
    mapped(database, fact, 2)
    assert sees(database, sent)
    earlier = event(identifiers=LOGIN, occurred_at="2026-11-01T10:00:00+01:00")
    stored(database, 0, earlier)
    assert not sees(database, earlier)


def test_a_known_edge_needs_no_new_batch(database: Database) -> None:
    """A regular customer's next event is visible as soon as it is stored: nothing follows from it
    that is not there."""
    mapped(database, stored(database, 0, event(identifiers=LOGIN)), 1)
    later = event(identifiers=LOGIN, occurred_at="2026-11-20T11:00:00+01:00")
    stored(database, 0, later)
    assert sees(database, later)


def test_a_refused_edge_is_enough(database: Database) -> None:
    """Two customer numbers of one shop never join; the event is visible all the same."""
    phone = identifier("phone", "+4930123456", verified=True)
    for number, offset in (("1", 1), ("2", 2)):
        own = identifier("customer_number", number, issuer="shop", verified=True)
        sent = event(identifiers=[own, phone])
        mapped(database, stored(database, 0, sent), offset)
    assert sees(database, sent)


def test_a_single_identifier_is_visible_at_once(database: Database) -> None:
    """Nothing follows from it."""
    sent = event(identifiers=LOGIN[1:])
    stored(database, 0, sent)
    assert sees(database, sent)


def test_an_event_of_a_public_key_stands_for_no_other(database: Database) -> None:
    """It has an id of its own: whoever guesses the id of a server's event cannot have it taken for
    visible."""
    sent = event(identifiers=LOGIN[1:])
    stored(database, 0, sent, Intake.PUBLIC)
    assert not sees(database, sent)
    assert reader(database).is_visible("default", f"public:{sent['event_id']}")


@pytest.mark.parametrize(
    ("table", "sent"),
    [
        ("orders", order("o-1", "1.00")),
        ("order_keys", order("o-1", "1.00")),
        ("order_keys", event("order.returned", body={"return_id": "r-1", "refund": "1.00"})),
        ("observations", event("profile.updated", body={"attributes": {"city": "Bonn"}})),
        ("offers", event("offer.published", body={"sku": "1", "price": "1", "currency": "EUR"})),
        ("identifiers", event()),
        ("node_values", event()),
    ],
)
def test_a_fact_without_its_projections_is_not_visible(
    database: Database, table: str, sent: dict[str, Any]
) -> None:
    """Rows of views, and values of identifiers, can be read a moment after their fact."""
    stored(database, 0, sent)
    assert sees(database, sent)
    database.command(f"DELETE FROM {table} WHERE realm = 'default'")
    assert not sees(database, sent)


def test_every_view_of_facts_is_looked_at(database: Database) -> None:
    """A new projection must not be forgotten."""
    rows = database.rows(
        "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() "
        "AND engine = 'MaterializedView' AND as_select ILIKE '%FROM%touchpoints%' "
        "AND create_table_query NOT ILIKE '%REFRESH%'"
    )
    filled = {re.findall(r" TO \w+\.(\w+)", query)[0] for (query,) in rows} - {"event_ids"}
    assert len(filled) >= 7
    text = _STATEMENTS["fact"]
    assert {name for name in filled if f"FROM {name}\n" not in text} == set()


def test_an_event_of_the_engine_is_visible_at_the_checkpoint(database: Database) -> None:
    """The batch that wrote it must be processed to its end."""
    sent = event(identifiers=LOGIN)
    stored(database, 5, sent)
    facts = ClickHouseFactStore(database)
    facts.write_checkpoint(4, RECEIVED_AT)
    assert not reader(database).is_visible("default", sent["event_id"])
    facts.write_checkpoint(5, RECEIVED_AT)
    assert reader(database).is_visible("default", sent["event_id"])


class Writing:
    """The process that writes, with two batches that are not noted."""

    settled = 5

    def reached(self) -> list[Watermark]:
        """See OwnProgress."""
        at = RECEIVED_AT + timedelta(minutes=1)
        return [Watermark("default", channel, at, at) for channel in ("app", "shop")]


def test_who_writes_knows_more_than_the_checkpoint(database: Database) -> None:
    """What this process has answered can be read, before the store has noted that it is done."""
    sent = event(identifiers=LOGIN)
    stored(database, 5, sent)
    known = [
        Watermark("default", "pos", RECEIVED_AT, RECEIVED_AT),
        Watermark("default", "shop", RECEIVED_AT, RECEIVED_AT),
    ]
    ClickHouseWatermarks(database).write(known)
    settings = Settings(identity_secret=SECRET.decode())
    mine = FreshnessReader(database, settings, identity_rules(), Writing())
    assert mine.is_visible("default", sent["event_id"])
    app, shop = Writing().reached()
    assert mine.watermarks() == [app, known[0], shop]
    stored(database, 6, event(event_id="in-hand", identifiers=LOGIN))
    assert not mine.is_visible("default", "in-hand")


WRITES: dict[str, Callable[[Database], object]] = {
    "fact": lambda database: stored(database, 1, event()),
    "map": lambda database: mapped(database, stored(database, 1, event(identifiers=LOGIN)), 1),
    "erasure": lambda database: database.insert_rows(
        "erasures", ("realm", "node", "erased_at"), [("default", 1, 0)]
    ),
}


@pytest.mark.parametrize("name", WRITES)
def test_every_write_is_seen_as_a_change(database: Database, name: str) -> None:
    """Once the rows can be read a look finds their keys, and the next look none."""
    freshness = reader(database)
    WRITES["fact"](database)
    before = freshness.changes({})
    assert before.is_all
    WRITES[name](database)
    after = freshness.changes(before.seen)
    assert after.keys
    assert not after.is_all
    assert not freshness.changes(after.seen).keys


def test_a_merge_is_no_change(database: Database) -> None:
    """Parts come and go; the answers stay."""
    for _ in range(3):
        stored(database, 1, event())
    before = reader(database).changes({})
    database.command("OPTIMIZE TABLE touchpoints FINAL")
    after = reader(database).changes(before.seen)
    assert not after.keys
    assert not after.is_all


def test_every_followed_table_is_there(database: Database) -> None:
    """A misspelt name would never show a change."""
    rows = database.rows("SELECT name FROM system.tables WHERE database = currentDatabase()")
    assert FOLLOWED.keys() <= {name for (name,) in rows}

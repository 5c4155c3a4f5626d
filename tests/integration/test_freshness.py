"""How far the data has come: watermarks, what changed since a look, and single events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas.rules.identity import identity_rules
from services.api.freshness import FreshnessReader
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.writer import IdentityWriter
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.core.outcome import Accepted, Intake
from services.ingest.lines import Line
from services.ingest.stage import IngestStage
from services.runtime.settings import Settings
from services.store.asked import FOLLOWED
from services.store.database import Database
from tests.events import RECEIVED_AT, SECRET, core, event, identifier, line

pytestmark = pytest.mark.any_store
LOGIN = [
    identifier("email", "anna@example.com", verified=True),
    identifier("cookie", "c-1", issuer="shop"),
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


def mapped(database: Database, fact: Accepted, version: int, *, edges_only: bool = False) -> None:
    """What the identity worker writes of a fact; of its edges only, as if killed in between."""
    store = ClickHouseIdentityStore(database)
    writer = IdentityWriter(store, fact.realm, identity_rules())
    changes = writer.apply(fact.edges)
    if edges_only:
        store.write_edges(fact.realm, changes.edges, version)
    else:
        writer.commit(changes, version)


def test_an_event_of_workers_is_visible_when_the_map_follows(database: Database) -> None:
    """Neither the fact nor its edge is enough: the profiles must have joined."""
    sent = event(identifiers=LOGIN)
    freshness = reader(database)
    assert not freshness.is_visible("default", sent["event_id"])
    fact = stored(database, 0, sent)
    assert not freshness.is_visible("default", sent["event_id"])
    mapped(database, fact, 1, edges_only=True)
    assert not freshness.is_visible("default", sent["event_id"])
    mapped(database, fact, 2)
    assert not freshness.is_visible("second", sent["event_id"])


def test_it_becomes_visible(database: Database) -> None:
    """With the placements of its edges, in its realm only."""
    sent = event(identifiers=LOGIN)
    mapped(database, stored(database, 0, sent), 1)
    assert reader(database).is_visible("default", sent["event_id"])
    assert not reader(database).is_visible("second", sent["event_id"])


def test_an_edge_that_joins_nobody_is_enough(database: Database) -> None:
    """What is only stated waits for its edge, and for no placement."""
    sent = event(identifiers=STATED)
    fact = stored(database, 0, sent)
    assert not reader(database).is_visible("default", sent["event_id"])
    mapped(database, fact, 1, edges_only=True)
    assert reader(database).is_visible("default", sent["event_id"])


def test_a_better_grade_is_waited_for(database: Database) -> None:
    """An edge that was stated before does not make the event visible that verifies it."""
    mapped(database, stored(database, 0, event(identifiers=STATED)), 1)
    sent = event(identifiers=LOGIN)
    fact = stored(database, 0, sent)
    assert not reader(database).is_visible("default", sent["event_id"])
    mapped(database, fact, 2)
    assert reader(database).is_visible("default", sent["event_id"])


def test_a_refused_edge_is_enough(database: Database) -> None:
    """Two customer numbers of one shop never join; the event is visible all the same."""
    phone = identifier("phone", "+4930123456", verified=True)
    for number, version in (("1", 1), ("2", 2)):
        own = identifier("customer_number", number, issuer="shop", verified=True)
        sent = event(identifiers=[own, phone])
        mapped(database, stored(database, 0, sent), version)
    assert reader(database).is_visible("default", sent["event_id"])


def test_a_single_identifier_is_visible_at_once(database: Database) -> None:
    """Nothing follows from it; also under the id that a public key's event is stored with."""
    sent = event(identifiers=LOGIN[1:])
    stored(database, 0, sent)
    assert reader(database).is_visible("default", sent["event_id"])
    other = event(identifiers=LOGIN[1:])
    stored(database, 0, other, Intake.PUBLIC)
    assert reader(database).is_visible("default", other["event_id"])


def test_an_event_of_the_engine_is_visible_at_the_checkpoint(database: Database) -> None:
    """The batch that wrote it must be processed to its end."""
    sent = event(identifiers=LOGIN)
    stored(database, 5, sent)
    facts = ClickHouseFactStore(database)
    facts.write_checkpoint(4, RECEIVED_AT)
    assert not reader(database).is_visible("default", sent["event_id"])
    facts.write_checkpoint(5, RECEIVED_AT)
    assert reader(database).is_visible("default", sent["event_id"])


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

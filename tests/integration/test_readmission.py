"""Events of public write keys stored by a version before are brought under the rules of today."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from schemas.rules.identity import identity_rules
from schemas.rules.profile import profile_rules
from services.api.digest import state_digest
from services.embedded.pipeline import Pipeline
from services.embedded.readmission import PAGE_EVENTS, Readmission
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.profiles.adapters.clickhouse import ProfileReader, personal_types
from services.profiles.adapters.totals import register_realms
from services.runtime.settings import RealmSettings
from services.store.database import Database
from tests.conftest import empty_tables
from tests.events import RECEIVED_AT, event, identifier, line, order
from tests.integration.test_recovery import Killed, pipeline
from tests.tiers import always

Json = dict[str, Any]
CUSTOMER = identifier("customer_number", "1001", issuer="shop", verified=True)
EMAIL = identifier("email", "anna@example.com", verified=True)
PHONE = identifier("phone", "+493023125010")
COOKIE, OTHER, STRANGE = (identifier("cookie", value) for value in ("anna", "ben", "stranger"))
SURVEY = {"kind": "nps", "order_id": "O-1", "answers": [{"question": "q", "score": 9}]}
SERVERS = [
    event("identity.linked", body={}, identifiers=[CUSTOMER, EMAIL, PHONE, COOKIE]),
    order("O-1", "10.00", identifiers=[CUSTOMER], event_id="o-1"),
    event(identifiers=[COOKIE, PHONE]),
]
STRANGERS = [
    event("profile.updated", body={"attributes": {"city": "Elsewhere"}}, identifiers=[PHONE]),
    event("objection.made", body={"purpose": "marketing"}, identifiers=[PHONE, STRANGE]),
    event(identifiers=[STRANGE, PHONE, identifier("session", "s-1")]),
    event(identifiers=[COOKIE, PHONE]),
    event(identifiers=[OTHER]),
    event("survey.answered", body=SURVEY, identifiers=[]),
]


@pytest.fixture
def realm(database: Database) -> Database:
    """The engine, empty, with its realm."""
    register_realms(database, {"default": RealmSettings()}, personal_types(identity_rules()))
    return database


def ingest(run: Pipeline, events: Iterable[Json], intake: Intake) -> None:
    """Process events as one batch."""
    lines = [line(one) for one in events]
    run.finish(run._stage.decode([Line(one, len(one)) for one in lines], RECEIVED_AT, intake))


def as_before(database: Database, strangers: list[Json]) -> None:
    """The store as the version before left it: public events in the form of a server's."""
    run = pipeline(database)
    ingest(run, SERVERS, Intake.SERVER)
    ingest(run, strangers, Intake.SERVER)
    ids = [one["event_id"] for one in strangers]
    database.command(
        "ALTER TABLE touchpoints UPDATE intake = 'public' WHERE event_id IN {ids:Array(String)} "
        "SETTINGS mutations_sync = 1",
        {"ids": ids},
    )


def opened(database: Database, batches_left: int = 1_000) -> Pipeline:
    """What opening the data directory does."""
    readmission = Readmission(database)
    readmission.begin()
    run = pipeline(database, batches_left)
    readmission.run(run)
    run.recover()
    return run


def digest(database: Database) -> dict[str, str]:
    """The state."""
    realms = {"default": RealmSettings()}
    reader = ProfileReader(database, realms, profile_rules(), identity_rules(), lambda: RECEIVED_AT)
    return state_digest(database, reader)


def expected(database: Database, strangers: list[Json]) -> dict[str, str]:
    """The state when the same events arrive today."""
    empty_tables(database)
    register_realms(database, {"default": RealmSettings()}, personal_types(identity_rules()))
    run = pipeline(database)
    ingest(run, SERVERS, Intake.SERVER)
    ingest(run, strangers, Intake.PUBLIC)
    return digest(database)


def test_the_state_is_as_if_they_arrived_today(realm: Database) -> None:
    """Facts, grades of edges, map and golden records; what is refused today is kept with a reason,
    and opening again changes nothing."""
    as_before(realm, STRANGERS)
    opened(realm)
    found = digest(realm)
    refused = realm.rows("SELECT reason, event_id FROM rejected FINAL")
    assert refused == [("no_usable_identifier", STRANGERS[0]["event_id"])]
    opened(realm)
    assert digest(realm) == found
    assert found == expected(realm, STRANGERS)


@pytest.mark.parametrize("batches_left", always({1}, range(3)))
def test_a_run_that_is_killed_is_completed(realm: Database, batches_left: int) -> None:
    """Whichever batch it comes to, the next start ends in the same state."""
    many = [event(identifiers=[STRANGE, PHONE]) for _ in range(PAGE_EVENTS)]
    as_before(realm, [*STRANGERS, *many])
    with pytest.raises(Killed):
        opened(realm, batches_left)
    opened(realm)
    found = digest(realm)
    assert found == expected(realm, [*STRANGERS, *many])


def test_a_store_without_them_is_left_alone(realm: Database) -> None:
    """Nothing is derived again where no public event stands under the id of a server."""
    run = pipeline(realm)
    ingest(run, SERVERS, Intake.SERVER)
    ingest(run, STRANGERS, Intake.PUBLIC)
    run.note()  # nothing is in doubt
    tables = [f"SELECT * FROM {name} ORDER BY ALL" for name in ("checkpoints", "map")]
    before = [realm.rows(sql) for sql in tables]
    opened(realm)
    assert [realm.rows(sql) for sql in tables] == before

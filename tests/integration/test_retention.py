"""What may be kept no longer is removed for good, and nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.api.actions import kafka_sink
from services.api.expiry_on_server import kafka_expiry
from services.api.ports import Access
from services.api.queries.store import (
    STORE_EXPIRED,
    STORE_REFRESH,
    STORE_REMOVE_EXPIRED,
    BoundedRequest,
    StoreRequest,
)
from services.api.read_store import access_to
from services.runtime.errors import ConfigurationError, Fatal, Retry
from services.runtime.settings import Settings, load_settings
from services.store.database import Database
from services.store.retention import RECORDS, Expired, remove_expired
from tests.events import SECRET

pytestmark = pytest.mark.any_store
NOW = datetime.now(UTC)
EVERYTHING = {f"retention_{name}_days": 30 for name in RECORDS}
VIEWS, CLICKS = "page.viewed", "email.clicked"
NOBODY = uuid.UUID(int=0)


def settings(**given: Any) -> Settings:
    """These, and those that every process needs."""
    return load_settings(identity_secret=SECRET.decode(), **given)


def access(database: Database, **given: Any) -> Access:
    """Operations under these settings."""
    read = settings(**given)
    return access_to(read, database, kafka_sink(read))


def fill(database: Database, *days: float) -> None:
    """A row of that many days ago in every table of pure age."""
    for day in days:
        at, name = NOW - timedelta(days=day), str(day)
        database.insert_rows(
            "rejected",
            ("reject_id", "reason", "event_id", "received_at", "raw"),
            [(uuid.uuid4(), "invalid_json", name, at, "{")],
        )
        database.insert_rows(
            "id_conflicts",
            ("realm", "event_id", "version", "node", "received_at", "payload"),
            [("default", name, 0, NOBODY, at, "{}")],
        )
        database.insert_rows(
            "access_log",
            ("realm", "at", "entry_id", "profile_ids"),
            [("default", at, name, [NOBODY])],
        )
        database.insert_rows(
            "insight_values",
            ("realm", "measure", "computed_at", "definition", "map_version", "result"),
            [("default", "nps", at, "nps/1", 0, "{}")],
        )


def left(database: Database) -> dict[str, int]:
    """Rows by table."""
    return {
        table: database.rows(f"SELECT count() FROM {table}")[0][0]
        for tables in RECORDS.values()
        for table in tables
    }


def test_nothing_expires_unless_it_is_set(database: Database) -> None:
    """Without a setting everything is kept, however old."""
    fill(database, 900)
    before = left(database)
    assert list(STORE_EXPIRED.run(access(database), StoreRequest())) == []
    assert list(STORE_REMOVE_EXPIRED.run(access(database), BoundedRequest())) == []
    assert left(database) == before
    assert set(before.values()) == {1}


def test_what_is_too_old_is_counted_and_removed(database: Database) -> None:
    """A look changes nothing; a removal takes what it counted, and finds nothing again."""
    fill(database, 29.9, 30.1, 90, 900)
    operations = access(database, **EVERYTHING)
    looked = list(STORE_EXPIRED.run(operations, StoreRequest()))
    assert {one.table: one.rows for one in looked} == dict.fromkeys(left(database), 3)
    assert not any(one.removed for one in looked)
    assert set(left(database).values()) == {4}
    removed = list(STORE_REMOVE_EXPIRED.run(operations, BoundedRequest()))
    assert [(one.table, one.rows, one.removed) for one in removed] == [
        (one.table, 3, True) for one in looked
    ]
    assert set(left(database).values()) == {1}
    again = list(STORE_REMOVE_EXPIRED.run(operations, BoundedRequest()))
    assert [one.rows for one in again] == [0] * len(looked)
    assert set(left(database).values()) == {1}


def test_each_record_has_its_own_time(database: Database) -> None:
    """What is not set stays."""
    fill(database, 10, 100)
    operations = access(database, retention_rejected_days=7)
    list(STORE_REMOVE_EXPIRED.run(operations, BoundedRequest()))
    counts = left(database)
    assert counts.pop("rejected") == 0
    assert set(counts.values()) == {2}


def test_events_are_counted_and_not_removed_without_a_writer(database: Database) -> None:
    """A process that does not keep the map says so, and removes all else."""
    fill(database, 100)
    operations = access(database, retention_rejected_days=7, retention_events_days={VIEWS: 30})
    [rejected, views] = STORE_EXPIRED.run(operations, StoreRequest())
    assert (rejected.table, rejected.rows, rejected.event_type) == ("rejected", 1, "")
    assert (views.table, views.rows, views.event_type) == ("touchpoints", 0, VIEWS)
    with pytest.raises(ConfigurationError, match="C360_RETENTION_EVENTS_DAYS"):
        list(STORE_REMOVE_EXPIRED.run(operations, BoundedRequest()))
    assert left(database)["rejected"] == 0


def test_events_that_are_late_keep_nothing_else(database: Database) -> None:
    """Their workers are behind: what needs no worker is removed all the same."""
    fill(database, 100)

    def late(_before: Mapping[str, datetime], _within_s: float) -> None:
        raise Retry("workers are behind")

    read = settings(**EVERYTHING, retention_events_days={VIEWS: 30})
    operations = access_to(read, database, kafka_sink(read), expire=late)
    with pytest.raises(Retry, match="workers are behind"):
        list(STORE_REMOVE_EXPIRED.run(operations, BoundedRequest()))
    assert set(left(database).values()) == {0}


def test_a_table_that_is_late_keeps_nothing_else(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store takes longer for one than the command waits: the others go, events are ordered."""
    fill(database, 100)
    ordered: list[Mapping[str, datetime]] = []

    def slow(database: Database, expired: Sequence[Expired], within_s: float) -> Iterator[Expired]:
        if expired[0].table == "rejected":
            raise Retry("rejected is late")
        return remove_expired(database, expired, within_s)

    monkeypatch.setattr("services.api.read_store.remove_expired", slow)
    read = settings(**EVERYTHING, retention_events_days={VIEWS: 30})
    expire = lambda before, _within_s: ordered.append(before)  # noqa: E731
    operations = access_to(read, database, kafka_sink(read), expire=expire)
    with pytest.raises(Retry, match="rejected is late"):
        list(STORE_REMOVE_EXPIRED.run(operations, BoundedRequest()))
    assert [list(one) for one in ordered] == [[VIEWS]]
    counts = left(database)
    assert counts.pop("rejected") == 1
    assert set(counts.values()) == {0}


def test_a_limit_that_reaches_before_1970_waits_for_nobody(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is as old, so no worker is asked, and none is waited for."""
    sent: list[object] = []
    monkeypatch.setattr(
        "services.api.expiry_on_server.send_outgoing", lambda _settings, given: sent.extend(given)
    )
    read = settings(
        kafka_bootstrap_servers="127.0.0.1:1", retention_events_days={VIEWS: 36_500, CLICKS: 30}
    )
    expire = kafka_expiry(read, database)
    operations = access_to(read, database, kafka_sink(read), expire=expire)
    with pytest.raises(Retry, match=CLICKS):
        list(STORE_REMOVE_EXPIRED.run(operations, BoundedRequest(within_s=0)))
    assert len(sent) == 1
    read = settings(kafka_bootstrap_servers="127.0.0.1:1", retention_events_days={VIEWS: 36_500})
    operations = access_to(read, database, kafka_sink(read), expire=kafka_expiry(read, database))
    [views] = STORE_REMOVE_EXPIRED.run(operations, BoundedRequest(within_s=0))
    assert (views.event_type, views.rows) == (VIEWS, 0)
    assert len(sent) == 1


def test_figures_are_recomputed_on_demand(database: Database) -> None:
    """A row for each realm, by the store's clock; an empty realm has no figures."""
    operations = access(database, realms={"default": {}, "outlet": {}})
    found = list(STORE_REFRESH.run(operations, BoundedRequest(within_s=60)))
    assert [(one.realm, one.profiles, one.refreshed_at) for one in found] == [
        ("default", 0, None), ("outlet", 0, None),
    ]  # fmt: skip
    assert all(one.took_s > 0 for one in found)


def test_figures_that_the_store_must_not_compute_are_no_success(database: Database) -> None:
    """A view that was stopped refreshes nothing when it is asked, and says nothing either."""
    database.command("SYSTEM STOP VIEW profile_totals")
    try:
        with pytest.raises(Fatal, match="START VIEW"):
            list(STORE_REFRESH.run(access(database), BoundedRequest(within_s=60)))
    finally:
        database.command("SYSTEM START VIEW profile_totals")
    assert list(STORE_REFRESH.run(access(database), BoundedRequest(within_s=60)))


def test_figures_that_cannot_be_computed_say_why(database: Database) -> None:
    """A failure is told as it happens; the next refresh is not held to it."""
    database.command("RENAME TABLE map TO map_away")
    try:
        with pytest.raises(Fatal, match="Refresh failed"):
            list(STORE_REFRESH.run(access(database), BoundedRequest(within_s=60)))
    finally:
        database.command("RENAME TABLE map_away TO map")
    assert list(STORE_REFRESH.run(access(database), BoundedRequest(within_s=60)))


def test_the_hourly_refresh_can_be_a_daily_one(database: Database) -> None:
    """As docs/retention.md says for large stores: the schedule changes, the command works."""
    database.command("ALTER TABLE profile_totals MODIFY REFRESH EVERY 1 YEAR")
    try:
        assert list(STORE_REFRESH.run(access(database), BoundedRequest(within_s=60)))
    finally:
        database.command("ALTER TABLE profile_totals MODIFY REFRESH EVERY 1 HOUR")

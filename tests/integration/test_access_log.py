"""The access log: nothing is lost or counted twice, and it answers who read whose profile."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from schemas.api.access import PURPOSE_CHARS_MAX, AccessEntry, AccessPage
from schemas.instants import from_ms, to_ms
from schemas.placement import ProfileKind
from services.api.access_log import COLUMNS, AccessLog
from services.api.ports import Access
from services.api.queries.access import ACCESS_LIST, AccessRequest
from services.api.read_store import access_to
from services.api.server import prepare_server
from services.runtime.errors import InvalidInput, NotFound, Retry
from services.runtime.settings import Settings, load_settings
from services.store.database import Database, open_server
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.e2e.runs import wait_for
from tests.events import SECRET

pytestmark = pytest.mark.any_store
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
REALMS: dict[str, Any] = {"default": {}, "other": {}}


@pytest.fixture
def access(database: Database) -> Access:
    """What operations work with."""
    settings = load_settings(identity_secret=SECRET.decode(), realms=REALMS)
    return access_to(settings, database, lambda _record: None)


def entry(**given: Any) -> AccessEntry:
    """An entry of the log."""
    fields: dict[str, Any] = {
        "at": NOW,
        "entry_id": uuid.uuid4().hex,
        "realm": "default",
        "key_id": "key000000001",
        "key_name": "desk",
        "operation": "profile_get",
        "count": 1,
        "status": 200,
    }
    return AccessEntry.model_validate({**fields, **given})


@contextmanager
def writing(database: Database, **options: Any) -> Iterator[AccessLog]:
    """A log that writes on a connection; everything is written at the end."""
    log = AccessLog(lambda: Shared(database), **options)
    log.start()
    yield log
    log.stop()
    assert not log.waiting


class Shared(Database):
    """A connection that its user does not own."""

    def __init__(self, database: Database) -> None:
        vars(self).update(vars(database))

    def close(self) -> None:
        """Leave it open."""


def page(access: Access, **given: Any) -> AccessPage:
    """A page of the log."""
    [found] = ACCESS_LIST.run(access, AccessRequest(**{"realm": "default", "limit": 500, **given}))
    return found


def everything(access: Access, limit: int, **given: Any) -> list[AccessEntry]:
    """All pages."""
    found = list[AccessEntry]()
    cursor: str | None = ""
    while cursor is not None:
        one = page(access, limit=limit, cursor=cursor, **given)
        assert len(one.entries) <= limit
        found += one.entries
        cursor = one.next_cursor
    return found


def test_entries_come_back_as_they_were_noted(database: Database, access: Access) -> None:
    """Every field, whatever a stranger writes as purpose; the latest first."""
    purposes = ["", "ticket 4711", "'; DROP TABLE access_log --", "\x00\u202e🛒\t\n", "ü" * 200]
    noted = [
        entry(at=NOW + timedelta(seconds=number), purpose=purpose, profile_ids=(uuid.uuid4(),),
              count=number, request_id=f"r{number}", status=200 + number)
        for number, purpose in enumerate(purposes)
    ]  # fmt: skip
    with writing(database) as log:
        for one in noted:
            log.note(one)
    assert page(access).entries == noted[::-1]
    assert page(access, realm="other").entries == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"purpose": "x" * (PURPOSE_CHARS_MAX + 1)},
        {"purpose": "a\ud800b"},  # UTF-8 cannot hold it
        {"key_name": "x" * 201},
        {"count": -1},
        {"entry_id": "x"},
        {"status": 0},
    ],
)
def test_what_cannot_be_stored_is_no_entry(wrong: dict[str, Any]) -> None:
    """It would hold up all entries behind it."""
    with pytest.raises(ValueError, match="validation error"):
        entry(**wrong)


def test_pages_neither_skip_nor_repeat(database: Database, access: Access) -> None:
    """Also among entries of one millisecond, and while new ones arrive."""
    rng = random.Random(12)
    noted = [entry(at=NOW + timedelta(milliseconds=rng.randrange(5))) for _ in range(60)]
    ordered = sorted(noted, key=lambda one: (one.at, one.entry_id), reverse=True)
    with writing(database) as log:
        for one in noted:
            log.note(one)
    for limit in (1, 7, 59, 60, 61):
        assert everything(access, limit) == ordered
    first = page(access, limit=20)
    with writing(database) as log:
        log.note(entry(at=NOW + timedelta(seconds=1)))
    following = page(access, limit=40, cursor=first.next_cursor)
    assert first.entries + following.entries == ordered
    assert following.next_cursor is None


def test_an_entry_that_is_sent_twice_is_one(database: Database, access: Access) -> None:
    """After a fault nobody knows whether a batch was stored, so it is sent again."""
    one = entry(profile_ids=(UUID(int=1), UUID(int=2)))
    row = [getattr(one, name) for name in COLUMNS]
    for _ in range(3):
        database.insert_rows("access_log", COLUMNS, [row])
    assert page(access).entries == [one]
    assert everything(access, 1, profile=str(UUID(int=2))) == [one]


def test_filters(database: Database, access: Access) -> None:
    """By key, and by time: from its first moment, before its last."""
    times = [NOW + timedelta(minutes=number) for number in range(6)]
    noted = [entry(at=at, key_id=f"key{number % 2}") for number, at in enumerate(times)]
    with writing(database) as log:
        for one in noted:
            log.note(one)
    assert page(access, key_id="key1").entries == [noted[5], noted[3], noted[1]]
    assert page(access, since=times[4]).entries == [noted[5], noted[4]]
    assert page(access, until=times[1]).entries == [noted[0]]
    assert everything(access, 1, since=times[2], until=times[4], key_id="key0") == [noted[2]]
    assert page(access, key_id="key").entries == []
    for wrong in (datetime(2026, 1, 1), "x" * 10):  # noqa: DTZ001
        with pytest.raises(InvalidInput):
            page(access, since=wrong)
    with pytest.raises(NotFound):
        page(access, realm="none")


def place(database: Database, version: int, **profiles: int) -> None:
    """Rows of the map: which profile holds a node; nodes are named n1, n2 …"""
    rows = [
        ("default", UUID(int=profile), UUID(int=int(name[1:])), ProfileKind.PERSON.value, version)
        for name, profile in profiles.items()
    ]
    database.insert_rows("members", ("realm", "profile", "node", "kind", "version"), rows)


def reads_of(access: Access, number: int, **given: Any) -> list[str]:
    """Purposes of the reads of a profile, the oldest first."""
    found = everything(access, 2, profile=str(UUID(int=number)), **given)
    return [one.purpose for one in found][::-1]


def test_reads_of_a_customer_follow_merges_and_splits(database: Database, access: Access) -> None:
    """Whichever id is asked for: also reads under an id that the customer had before, and those of
    a profile that held a part of them."""
    place(database, 1, n1=1, n2=2, n3=3)
    noted = [("first", 1), ("second", 2), ("stranger", 3), ("merged", 1)]
    with writing(database) as log:
        for number, (purpose, profile) in enumerate(noted):
            at = NOW + timedelta(seconds=number)
            log.note(entry(at=at, purpose=purpose, profile_ids=(UUID(int=profile),)))
    assert reads_of(access, 1) == ["first", "merged"]
    assert reads_of(access, 2) == ["second"]
    place(database, 2, n2=1)
    for number in (1, 2):
        assert reads_of(access, number) == ["first", "second", "merged"]
    assert reads_of(access, 3) == ["stranger"]
    place(database, 3, n2=2)
    assert reads_of(access, 2) == ["first", "second", "merged"]


def test_reads_of_nobody_known(database: Database, access: Access) -> None:
    """The id of an erased customer leads to the reads of it; another one to none."""
    with writing(database) as log:
        log.note(entry(purpose="before the erasure", profile_ids=(UUID(int=99),)))
    assert reads_of(access, 99) == ["before the erasure"]
    assert reads_of(access, 98) == []
    assert page(access, profile="email=nobody@example.com").entries == []


def test_cursors_are_bound_to_the_realm(database: Database, access: Access) -> None:
    """One that somebody has made or changed, or of another realm, is refused."""
    with writing(database) as log:
        for _ in range(3):
            log.note(entry())
    cursor = page(access, limit=1).next_cursor
    assert cursor is not None
    for wrong in (cursor[:-1], cursor + "A", "x", "1764244800000", "💥"):
        with pytest.raises(InvalidInput, match="cursor"):
            page(access, cursor=wrong)
    with pytest.raises(InvalidInput, match="cursor"):
        page(access, realm="other", cursor=cursor)


def test_a_large_batch_is_found_by_each_of_its_profiles(database: Database, access: Access) -> None:
    """An entry may name thousands."""
    ids = tuple(UUID(int=number) for number in range(1, 5_001))
    with writing(database) as log:
        log.note(entry(profile_ids=ids, count=5_000))
    for number in (1, 2_500, 5_000):
        [found] = page(access, profile=str(UUID(int=number))).entries
        assert len(found.profile_ids) == 5_000


@pytest.fixture(scope="module")
def frail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseEndpoint]:
    """A server that a test may kill."""
    with ClickHouseEndpoint(tmp_path_factory.mktemp("frail") / "data") as endpoint:
        yield endpoint


@pytest.fixture
def mortal(frail: ClickHouseEndpoint, tmp_path: Path) -> Settings:
    """Settings of that server, with a schema."""
    settings = load_settings(
        tmp_path, clickhouse_url=frail.url, identity_secret=SECRET.decode(), clickhouse_timeout_s=2
    )
    prepare_server(settings)
    return settings


def test_entries_wait_for_a_dead_server(frail: ClickHouseEndpoint, mortal: Settings) -> None:
    """They are written once it is back, each once; when too many wait, no more may be read."""
    opened: Callable[[], Database] = lambda: open_server(mortal)  # noqa: E731
    log = AccessLog(opened, room=50)
    log.start()
    first = entry(purpose="before")
    log.note(first)
    wait_for(lambda: not log.waiting)
    frail.kill()
    noted = [entry(at=from_ms(to_ms(NOW) + number), purpose="meanwhile") for number in range(50)]
    for one in noted:
        log.note(one)
    with pytest.raises(Retry, match="no profile can be read"):
        log.note(entry())
    with pytest.raises(Retry):
        log.note(entry(profile_ids=(UUID(int=1),)))
    frail.start()
    wait_for(lambda: not log.waiting)
    log.note(entry(at=NOW + timedelta(days=1), purpose="after"))
    log.stop()
    with pytest.raises(Retry):
        log.note(entry())
    database = open_server(mortal)
    access = access_to(mortal, database, lambda _record: None)
    found = everything(access, 500)
    assert [one.purpose for one in found] == ["after", *["meanwhile"] * 50, "before"] or (
        {one.entry_id for one in found} >= {one.entry_id for one in noted} | {first.entry_id}
        and len(found) == 52
    )
    database.close()


def test_a_server_that_is_away_at_the_start(frail: ClickHouseEndpoint, mortal: Settings) -> None:
    """The log begins without it, and connects when it is there."""
    frail.kill()
    log = AccessLog(lambda: open_server(mortal))
    log.start()
    log.note(entry(realm="other"))
    frail.start()
    wait_for(lambda: not log.waiting)
    log.stop()

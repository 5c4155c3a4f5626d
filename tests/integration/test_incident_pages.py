"""Lists of incidents: filtered and paged by the store, while incidents come and change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from schemas.api.incidents import IncidentField
from schemas.incident import AnyIncident, IncidentState, Severity
from schemas.incident_action import ActionKind, IncidentAction
from schemas.instants import written
from schemas.subject import ProductSubject
from services.api.actions import kafka_sink
from services.api.ports import Access
from services.api.queries.incidents import (
    INCIDENTS_COUNTS,
    INCIDENTS_LIST,
    INCIDENTS_PAGE,
    IncidentCountsRequest,
    IncidentsPageRequest,
    IncidentsRequest,
)
from services.api.read_store import access_to
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.runtime.errors import InvalidInput
from services.runtime.settings import load_settings
from services.store.database import Database
from tests.events import SECRET
from tests.unit.consistency.market import BOOK, MONDAY, claim, only

pytestmark = pytest.mark.any_store


@pytest.fixture
def access(database: Database) -> Access:
    """Operations on an empty store."""
    settings = load_settings(identity_secret=SECRET.decode())
    return access_to(settings, database, kafka_sink(settings))


def incident(
    number: int,
    hours: int,
    state: str = "open",
    sku: str = "A-1",
    channel: str = "shop",
    **more: object,
) -> AnyIncident:
    """A wrong price with an id of its own, that many hours after Monday."""
    claims = [claim(one, "10", 0) for one in ("shop", "app", "pos")]
    changes = {
        "incident_id": f"{number:032x}",
        "since": MONDAY + timedelta(hours=hours),
        "state": IncidentState(state),
        "subject": ProductSubject(market="DE", sku=sku),
        "channel": channel,
        **more,
    }
    return only([*claims, claim("shop", "12", 10)], 30).model_copy(update=changes)


def counted(access: Access, *by: str, **wanted: object) -> list[tuple[Any, ...]]:
    """Rows of counts: values, incidents, subjects, and numbers by severity, the worst first."""
    request = IncidentCountsRequest(**{"realm": "default", "by": by, **wanted})
    [found] = INCIDENTS_COUNTS.run(access, request)
    assert found.is_complete
    return [
        (*one.group.values(), one.incidents, one.subjects, [*one.severities.values()])
        for one in found.counts
    ]


def numbers(access: Access, **wanted: object) -> list[int]:
    """The incidents that a list holds, by number."""
    request = IncidentsRequest(**{"realm": "default", **wanted})
    return [int(one.incident_id, 16) for one in INCIDENTS_LIST.run(access, request)]


def pages(access: Access, limit: int, **wanted: object) -> Iterator[list[int]]:
    """The same page by page."""
    request = IncidentsPageRequest(**{"realm": "default", "limit": limit, **wanted})
    while True:
        [page] = INCIDENTS_PAGE.run(access, request)
        yield [int(one.incident_id, 16) for one in page.entries]
        if page.next_cursor is None:
            return
        request = request.model_copy(update={"cursor": page.next_cursor})


def test_filters(database: Database, access: Access) -> None:
    """By state, article, channel, kind and time, alone and together; the oldest first."""
    store = ClickHouseConsistencyStore(database)
    found = [
        incident(1, 9),
        incident(2, 5, sku="B-2"),
        incident(3, 7, channel="app", location="12", cause="stale_price", fault_id="f" * 16),
        incident(4, 1, state="resolved"),
        incident(5, 2, state="retracted"),
        incident(6, 5, sku="B-2", channel="pos", state="resolved"),
    ]
    store.write_incidents(found, 1)
    cases: list[tuple[dict[str, object], list[int]]] = [
        ({}, [4, 2, 6, 3, 1]),
        ({"states": ("retracted",)}, [5]),
        ({"states": ("open", "resolved"), "sku": "B-2"}, [2, 6]),
        ({"sku": "B-2", "channel": "pos"}, [6]),
        ({"channel": "app"}, [3]),
        ({"location": "12"}, [3]),
        ({"cause": "stale_price"}, [3]),
        ({"fault": "f" * 16}, [3]),
        ({"fault": "f" * 15}, []),
        ({"severities": ("critical", "low")}, []),
        ({"severities": ("critical", "high"), "location": "1"}, []),
        ({"kind": "price_mismatch", "limit": 2}, [4, 2]),
        ({"kind": "availability_mismatch"}, []),
        ({"since": (MONDAY + timedelta(hours=7)).isoformat()}, [3, 1]),
        ({"sku": "B"}, []),
    ]
    for wanted, expected in cases:
        assert numbers(access, **wanted) == expected, wanted
        bounded = {name: value for name, value in wanted.items() if name != "limit"}
        whole = [one for page in pages(access, 2, **bounded) for one in page]
        assert whole[: len(expected)] == expected, wanted
    with pytest.raises(InvalidInput, match="no kind of incidents"):
        numbers(access, kind="price")


def test_the_worst_first(database: Database, access: Access) -> None:
    """By severity, whatever began when; of equally severe ones it is not the order of time."""
    found = [
        incident(1, 1, severity=Severity.LOW),
        incident(2, 2, severity=Severity.CRITICAL),
        incident(3, 3, severity=Severity.HIGH),
        incident(4, 4, severity=Severity.CRITICAL, state="resolved"),
    ]
    ClickHouseConsistencyStore(database).write_incidents(found, 1)
    assert numbers(access, states=("open",), worst_first=True) == [2, 3, 1]
    assert numbers(access, states=("open",), worst_first=True, limit=2) == [2, 3]


def test_counts(database: Database, access: Access) -> None:
    """By one field or several: one feed that went wrong is one row, however many products."""
    store = ClickHouseConsistencyStore(database)
    store.write_incidents([incident(9, 1, channel="pos")], 1)
    feed = [
        incident(number, 7, sku=f"P-{number % 30}", cause="stale_price", severity=Severity.HIGH)
        for number in range(100, 160)
    ]
    single = incident(1, 9, channel="app", location="12", severity=Severity.CRITICAL)
    over = incident(2, 9, state="resolved", channel="app", severity=Severity.LOW)
    store.write_incidents([*feed, single, over], 2)
    store.write_incidents([incident(9, 1, state="retracted", channel="pos")], 2)
    began = written(MONDAY + timedelta(hours=7))
    other = written(MONDAY + timedelta(hours=9))
    assert counted(access, "channel", "since") == [
        ("app", other, 2, 1, [1, 0, 0, 1]),
        ("shop", began, 60, 30, [0, 60, 0, 0]),
    ]
    assert counted(access, "location", states=("open",)) == [
        ("12", 1, 1, [1, 0, 0, 0]),
        ("", 60, 30, [0, 60, 0, 0]),
    ]
    assert counted(access, "sku", sku="P-3") == [("P-3", 2, 1, [0, 2, 0, 0])]
    assert counted(access, "cause", "cause", cause="stale_price", channel="app") == []
    [whole] = INCIDENTS_COUNTS.run(
        access, IncidentCountsRequest(realm="default", by=("channel",), channel="shop")
    )
    assert [(one.first_since, one.latest_since) for one in whole.counts] == [
        (MONDAY + timedelta(hours=7), MONDAY + timedelta(hours=7))
    ]
    for wrong in ((), ("colour",), ("kind", "cause", "sku", "state")):
        with pytest.raises(InvalidInput):
            counted(access, *wrong)


def test_faults(database: Database, access: Access) -> None:
    """One row for each, the worst first, with its worst incident; of equal ones the oldest."""
    high, low = {"severity": Severity.HIGH}, {"severity": Severity.LOW}
    found = [
        incident(1, 5, fault_id="a", location="11", **low),
        incident(2, 4, fault_id="a", location="12", sku="B-2", **high),
        incident(3, 3, fault_id="a", location="12", **high),
        incident(4, 2, fault_id="a", location="11", sku="B-2", **low),
        incident(5, 1, fault_id="b", state="resolved", severity=Severity.CRITICAL),
        incident(6, 6, fault_id=""),
    ]
    ClickHouseConsistencyStore(database).write_incidents(found, 1)
    request = IncidentCountsRequest(
        realm="default", by=(IncidentField.FAULT,), states=(IncidentState.OPEN,)
    )
    [counts] = INCIDENTS_COUNTS.run(access, request)
    rows = {one.group[IncidentField.FAULT]: one for one in counts.counts}
    assert list(rows) == ["a", ""]
    assert (rows["a"].incidents, rows["a"].subjects, rows["a"].places) == (4, 2, 2)
    example = rows["a"].example
    assert (int(example.incident_id, 16), example.subject) == (3, "DE A-1")
    assert (example.channel, example.location, example.kind) == ("shop", "12", "price_mismatch")
    assert example.in_words == found[2].details.in_words()


def test_a_replaced_state_is_not_found(database: Database, access: Access) -> None:
    """What an incident was before its latest form does not count, merged or not."""
    store = ClickHouseConsistencyStore(database)
    store.write_incidents([incident(1, 1, channel="app")], 1)
    store.write_incidents([incident(1, 1, state="resolved", channel="pos")], 2)
    assert numbers(access, states=("open",)) == []
    assert numbers(access, channel="app") == []
    assert numbers(access, states=("resolved",), channel="pos") == [1]


def test_nothing_is_skipped_or_repeated_while_incidents_change(
    database: Database, access: Access
) -> None:
    """New ones arrive and shown ones are resolved between pages; actions change no place."""
    store = ClickHouseConsistencyStore(database)
    there = [incident(number, number % 5) for number in range(1, 24)]
    store.write_incidents(there, 1)
    seen: list[int] = []
    for number, page in enumerate(pages(access, 4)):
        seen += page
        version = number + 2
        resolved = [incident(one, one % 5, state="resolved") for one in page if one < 24]
        store.write_incidents([*resolved, incident(100 + number, number % 5)], version)
        entry = IncidentAction(
            incident_id=f"{number + 1:032x}",
            action=ActionKind.ACK,
            by="kim",
            reason="seen",
            acted_at=MONDAY,
        )
        store.write_actions({BOOK: [entry]}, version)
    assert len(seen) == len(set(seen))
    assert set(range(1, 24)) <= set(seen)


def test_more_than_one_query_gives_all(database: Database, access: Access) -> None:
    """A list without a limit is read in parts, and is complete."""
    store = ClickHouseConsistencyStore(database)
    store.write_incidents([incident(number, number % 7) for number in range(1, 1_202)], 1)
    assert sorted(numbers(access)) == list(range(1, 1_202))
    assert len(numbers(access, limit=700)) == 700


@pytest.mark.parametrize("odd", ["\x00", "'", "\\", "{x:String}", "\u202e"])
def test_filters_are_parameters(database: Database, access: Access, odd: str) -> None:
    """Whatever is asked for, nothing of it becomes a part of the statement."""
    ClickHouseConsistencyStore(database).write_incidents([incident(1, 1)], 1)
    assert numbers(access, sku=odd) == numbers(access, channel=odd) == []

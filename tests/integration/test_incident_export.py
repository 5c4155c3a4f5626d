"""`c360 incidents export`: whole, in the order of the pages, the same incidents field for field."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, timedelta, tzinfo
from typing import Any

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner, Result

from schemas.incident import Severity
from schemas.incident_action import ActionKind, IncidentAction
from services.api.actions import kafka_sink
from services.api.operation import Operation, Request, plain
from services.api.ports import Access
from services.api.queries.incidents import INCIDENTS_PAGE, IncidentsPageRequest
from services.api.read_store import access_to
from services.cli.incidents import app
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.runtime.settings import load_settings
from services.store.database import Database
from tests.events import SECRET
from tests.integration.test_incident_pages import incident
from tests.unit.consistency.market import BOOK, MONDAY

pytestmark = pytest.mark.any_store
HOSTILE = (
    "=1+1", "+49", "-5.00", "@SUM(A1)", "\t=1", 'a "quoted", one', "two\nlines", "a\rb", "a\r\nb",
    "\u202egnp", "Größe 42", ";x", "'", "",
)  # fmt: skip


class StoreState:
    """The state of a command line whose store is this one."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def zone(self, realm: str) -> tzinfo:
        """Times are in UTC."""
        return UTC

    @contextmanager
    def session(self) -> Iterator[StoreState]:
        """The session itself."""
        yield self

    def run(self, operation: Operation[Any, Any], request: Request) -> Iterator[BaseModel]:
        """See Session."""
        return operation.run(self._access, request)


@pytest.fixture
def state(database: Database) -> StoreState:
    """A command line on an empty store."""
    settings = load_settings(identity_secret=SECRET.decode())
    return StoreState(access_to(settings, database, kafka_sink(settings)))


def incidents(state: StoreState, *arguments: str) -> Result:
    """A command of the group, which ends well."""
    result = CliRunner().invoke(app, [*arguments], obj=state)
    assert result.exit_code == 0, result.stderr
    return result


def exported(state: StoreState, *arguments: str) -> list[dict[str, Any]]:
    """The JSON lines of an export."""
    text = incidents(state, "export", "--format", "jsonl", *arguments).stdout
    assert text.endswith("\n") or not text
    return [json.loads(line) for line in text.split("\n")[:-1]]


def rows_of(result: Result) -> list[dict[str, str]]:
    """The rows of a CSV, each with all columns."""
    rows = list(csv.DictReader(io.StringIO(result.stdout_bytes.decode(), newline="")))
    assert not any(None in row or None in row.values() for row in rows)
    return rows


def paged(state: StoreState, **wanted: object) -> Iterator[dict[str, Any]]:
    """The incidents page by page, as HTTP answers have them."""
    request = IncidentsPageRequest(**{"realm": "default", "limit": 500, **wanted})
    while True:
        [page] = state.run(INCIDENTS_PAGE, request)
        assert isinstance(page, INCIDENTS_PAGE.response)
        yield from map(plain, page.entries)
        if page.next_cursor is None:
            return
        request = request.model_copy(update={"cursor": page.next_cursor})


def test_all_that_a_filter_selects(database: Database, state: StoreState) -> None:
    """More than two pages; list, pages and both formats agree, also where many began at once."""
    store = ClickHouseConsistencyStore(database)
    critical = {"severity": Severity.CRITICAL, "channel": "pos", "location": "12"}
    found = [
        incident(number, number % 7, sku=f"A-{number}", **(critical if number % 2 else {}))
        for number in range(1, 1_202)
    ]
    retracted = [incident(number, 1, state="retracted") for number in (2_000, 2_001)]
    store.write_incidents([*found, *retracted], 1)
    whole = exported(state)
    assert len(whole) == 1_201
    assert whole == list(paged(state)) == json.loads(incidents(state, "list", "--json").stdout)
    result = incidents(state, "export")
    assert result.stderr == "exported 1201 incidents\n"
    assert [row["incident_id"] for row in rows_of(result)] == [one["incident_id"] for one in whole]
    places = [(one["since"], one["incident_id"]) for one in whole]
    assert places == sorted(places)
    began = (MONDAY + timedelta(hours=3)).isoformat()
    severe = ("--severity", "critical", "--location", "12", "--since", began)
    some = exported(state, *severe)
    assert some == list(paged(state, severities=("critical",), location="12", since=began))
    assert 300 < len(some) < 400
    assert some == json.loads(incidents(state, "list", *severe, "--json").stdout)
    for wanted, count in (
        (("--state", "retracted"), 2),
        (("--sku", "A-7"), 1),
        (("--channel", "pos", "--sku", "A-8"), 0),
        (("--kind", "told_twice"), 0),
        (("--fault", "f" * 16), 0),
        (("--cause", "nothing"), 0),
    ):
        assert len(exported(state, *wanted)) == count, wanted


def test_the_columns(database: Database, state: StoreState) -> None:
    """What it is about, both sides, the contradiction in words, and who did what last."""
    store = ClickHouseConsistencyStore(database)
    store.write_incidents([incident(7, 1, location="12", fault_id="f" * 16)], 1)
    for number, action in enumerate((ActionKind.MUTE, ActionKind.ACK)):
        at = MONDAY + timedelta(hours=number)
        entry = IncidentAction(
            incident_id=f"{7:032x}", action=action, by="kim", reason="seen; told", acted_at=at
        )
        store.write_actions({BOOK: [entry]}, number + 1)
    [row] = rows_of(incidents(state, "export"))
    [whole] = exported(state)
    same = ("incident_id", "kind", "state", "severity", "cause", "fault_id", "realm", "market",
            "sku", "channel", "location", "expected", "observed", "currency", "since", "due_at",
            "opened_at")  # fmt: skip
    assert {name: row[name] for name in same} == {name: whole[name] for name in same}
    assert (row["subject_type"], row["subject"]) == ("product", "DE A-1")
    assert (row["expected"], row["observed"]) == ("10.00", "12.00")
    assert "12" in row["contradiction"]
    assert "10" in row["contradiction"]
    assert (row["until"], row["resolved_at"], row["flapping_since"]) == ("", "", "")
    assert (row["touchpoints"], row["customers"], row["overcharged"]) == ("0", "0", "0.00")
    last = (row["last_action"], row["last_acted_at"], row["last_by"], row["last_reason"])
    assert last == ("ack", "2026-03-02T01:00:00.000Z", "kim", "seen; told")


def test_hostile_texts(database: Database, state: StoreState) -> None:
    """Each is one cell of one row that runs nothing in a spreadsheet; JSON has it exactly."""
    found = [incident(at, at, sku=f"s{at}", channel=text) for at, text in enumerate(HOSTILE, 1)]
    ClickHouseConsistencyStore(database).write_incidents(found, 1)
    assert [one["channel"] for one in exported(state)] == list(HOSTILE)
    rows = rows_of(incidents(state, "export"))
    assert [row["sku"] for row in rows] == [f"s{at}" for at in range(1, len(HOSTILE) + 1)]
    for row, text in zip(rows, HOSTILE, strict=True):
        is_formula = text.startswith(("=", "@", "\t"))
        assert row["channel"] == (f"'{text}" if is_formula else text)


def test_nothing_is_selected(state: StoreState) -> None:
    """A header without rows, or no line; and how many there are."""
    result = incidents(state, "export")
    assert (len(result.stdout.splitlines()), result.stderr) == (1, "exported 0 incidents\n")
    assert incidents(state, "export", "--format", "jsonl").stdout == ""

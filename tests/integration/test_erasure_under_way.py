"""While a person is being removed others come in, workers change, and removals take long."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.identifiers import node_id
from services.erasure.adapters.eraser import Eraser, erasure_id_of
from services.erasure.adapters.runs import ErasureRuns
from services.erasure.on_server import ServerErasures
from services.runtime.errors import Fatal, Retry
from services.store.database import Database
from tests.events import SECRET, event, identifier, line, order
from tests.integration.test_erasure import REALM, Running, assert_consistent, found_in
from tests.planted_person import EMAIL, OTHERS, PLANTED, STATED, planted_lines
from tests.tiers import always

OWNS = "of-the-owner"


@pytest.fixture
def running(database: Database) -> Running:
    """With the events of a planted person and a neighbour."""
    one = Running(database)
    one.ingest(planted_lines())
    return one


def owned() -> bytes:
    """An event of somebody whose address the person has typed."""
    who = [identifier("email", STATED, verified=True)]
    return line(event("page.viewed", event_id=OWNS, identifiers=who, body={"url": OWNS}))


@pytest.mark.parametrize("moment", ["map", "touchpoints"])
def test_the_owner_of_a_stated_address_who_comes_meanwhile_loses_nothing(
    running: Running, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Ingest goes on beside a server's removal: an event that is stored after the run was noted,
    and one right before the events go."""
    database, record = running.database, running.record(EMAIL)
    command, sent = database.command, list[str]()

    def meanwhile(sql: str, asked: Any = None) -> None:
        if asked and asked.get("table") == moment and not sent:
            sent.append("")
            [result] = running.ingest([owned()])
            sent[0] = result.status
        command(sql, asked)

    with monkeypatch.context() as patch:
        patch.setattr(database, "command", meanwhile)
        running.erase(record)
    assert sent == ["accepted"]
    gone = tuple(text for text in PLANTED if text != STATED)
    assert not found_in(database, gone)
    assert ("node_values", STATED) in found_in(database, (STATED,))
    facts = {table for table, _ in found_in(database, (OWNS,))}
    assert {"touchpoints", "identifiers", "event_ids"} <= facts
    assert_consistent(database)


@pytest.mark.parametrize("calls", always({4}, [0, 4, 9]))
def test_a_worker_that_was_evicted_removes_nothing_more(running: Running, calls: int) -> None:
    """It learns before each removal that another has taken over; that one completes the run."""
    database, record, left = running.database, running.record(EMAIL), iter(range(calls))
    sent: list[str] = []
    command = database.command

    def fence() -> None:
        if next(left, None) is None:
            sent.clear()
            raise Retry("another worker writes this partition")

    def noted(sql: str, *given: Any) -> None:
        sent.append(sql)
        command(sql, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "command", noted)
        with pytest.raises(Fatal, match="another worker"):
            Eraser(database, running.pipeline.settle, fence).erase(record)
    assert not sent
    run = ErasureRuns(database).run(REALM, erasure_id_of(record))
    assert run is not None
    assert not run.is_removed
    assert found_in(database, PLANTED)
    assert running.eraser.complete() == 1
    assert not found_in(database, PLANTED)


def test_a_removal_is_progress(running: Running) -> None:
    """Each look at what the store still removes is, or a long one would have the worker killed; and
    its statements have a connection of their own, which is closed."""
    database, record, looks = running.database, running.record(EMAIL), list[None]()
    slow = Slow(database)
    erasures = ServerErasures(
        database,
        lambda: pytest.fail("not asked"),
        lambda: looks.append(None),
        lambda: slow,  # type: ignore[arg-type, return-value]
    )
    erasures.erase(record, running.pipeline.settle, lambda: None)
    removals = [one for one in slow.commands if one.startswith("ALTER TABLE")]
    assert len(looks) >= len(removals) > 10
    assert slow.is_closed
    assert not found_in(database, PLANTED)


class Slow:
    """A second connection to the same store, which knows what it was asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.commands: list[str] = []
        self.is_closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def command(self, sql: str, *given: Any) -> None:
        """See Database."""
        self.commands.append(sql)
        self._database.command(sql, *given)

    def close(self) -> None:
        """See Database."""
        self.is_closed = True


def test_incidents_about_those_who_stay_follow_the_map(running: Running) -> None:
    """A device falls to the one who is left: what was shown there was shown to that one, who paid
    more. Judged when the facts are gone, and not before."""
    database, pipeline = running.database, running.pipeline
    mine, other = (identifier("email", one, verified=True) for one in (EMAIL, OTHERS[0]))
    device = identifier("device_id", "of-both")
    at = "2026-11-20T{}:00Z".format
    article = {"sku": "4713", "unit_price": "12.99", "total": "12.99"}
    offer = {"sku": "4713", "price": "9.99"}
    running.ingest([
        line(event("page.viewed", event_id="pair-1", identifiers=[mine, device])),
        line(event("page.viewed", event_id="pair-2", identifiers=[other, device])),
        line(event("product.viewed", channel="app", event_id="shown", identifiers=[device],
                   occurred_at=at("10:00"), body={"sku": "4713", "offer": offer})),
        line(order("paid", event_id="paid", channel="pos", identifiers=[other],
                   occurred_at=at("10:20"), body={"lines": [article]},
                   source={"system": "till", "store": "s"})),
        *(line(event("offer.published", channel=one, event_id=f"later-{one}", identifiers=[],
                     occurred_at="2026-11-21T11:00:00Z", body={"sku": "9", "price": "1.00"}))
          for one in ("app", "pos", "shop")),
    ])  # fmt: skip
    told = "SELECT count() FROM incident_states FINAL WHERE kind = 'charged_above_shown'"
    assert database.rows(told) == [(0,)]
    for table in ("edges", "edges_reversed"):
        database.command(f"DELETE FROM {table} WHERE event_id = 'pair-1'")
    shared = node_id(SECRET, REALM, "device_id", "", "of-both")
    assert not pipeline.settle(REALM, [shared], ())
    assert database.rows(told) == [(0,)]
    running.erased()
    assert database.rows(told) == [(1,)]

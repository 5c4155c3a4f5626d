"""What incidents cost customers, read from the store: each order once, by its issuer and number."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from schemas.incident import IncidentState
from services.api.actions import kafka_sink
from services.api.queries.incidents import (
    INCIDENTS_AFFECTED,
    INCIDENTS_AFFECTED_PAGE,
    INCIDENTS_LIST,
    AffectedPageRequest,
    AffectedRequest,
    IncidentsRequest,
)
from services.api.read_store import access_to
from services.consistency.adapters.reader import IncidentFilter, IncidentReader
from services.consistency.rules import consistency_rules
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.runtime.errors import InvalidInput
from services.runtime.settings import load_settings
from services.store.database import Database
from tests.events import SECRET, event, identifier, line
from tests.integration.test_recovery import pipeline

pytestmark = pytest.mark.any_store
ANNA = [identifier("customer_number", "1001", issuer="shop", verified=True)]


def receipt(till: str, at: str, **fields: Any) -> dict[str, Any]:
    """Receipt 0001 of a till of the chain, over a price that is 2.00 too high."""
    lines = [{"sku": "A", "unit_price": "12.00", "total": "12.00"}]
    return event(
        "order.placed",
        channel="pos",
        source={"system": "till", "till": till},
        occurred_at=f"2026-11-02T{at}:00Z",
        body={"order_id": "0001", "lines": lines},
        **fields,
    )


def told(database: Database, *receipts: dict[str, Any]) -> IncidentReader:
    """A reader after a price of 10.00 everywhere, and these receipts."""
    published = [
        event(
            "offer.published",
            event_id=f"p-{channel}",
            channel=channel,
            identifiers=[],
            occurred_at="2026-11-01T10:00:00Z",
            body={"sku": "A", "price": "10.00"},
        )
        for channel in ("shop", "app", "pos")
    ]
    later = [event(channel=one, occurred_at="2026-11-09T10:00:00Z") for one in ("shop", "pos")]
    run = pipeline(database)
    lines = [line(one) for one in (*published, *receipts, *later)]
    run.finish(run.decode([Line(one, len(one)) for one in lines], Intake.FILE))
    run.tick()
    return IncidentReader(database, consistency_rules(), lambda _realm, nodes: {})


def test_receipts_of_two_tills_and_a_report_that_is_repeated(database: Database) -> None:
    """Number 0001 of two tills is two orders; what a second system reports of one was paid once."""
    named, nameless = receipt("1", "10:00", identifiers=ANNA), receipt("2", "10:05", identifiers=[])
    again = receipt("1", "10:01", identifiers=ANNA)
    reader = told(database, named, nameless, again)
    [found] = reader.listed("default", IncidentFilter(frozenset(IncidentState)))
    exposure = found.model_dump()["exposure"]
    assert (exposure["touchpoints"], exposure["orders"]) == (3, 2)
    assert exposure["overcharged"] == Decimal("4.00")


def test_whom_it_concerns(database: Database) -> None:
    """The customer by her profile, a receipt without one; a line is a row, and what was reported
    twice has its money once. Pages give the same rows."""
    named = receipt("1", "10:00", identifiers=ANNA, event_id="named")
    named["body"]["lines"].append({"sku": "A", "quantity": 2, "unit_price": "13.00", "total": "26"})
    nameless = receipt("2", "10:05", identifiers=[], event_id="nameless")
    told(database, nameless, named, receipt("1", "10:01", identifiers=ANNA, event_id="again"))
    settings = load_settings(identity_secret=SECRET.decode())
    access = access_to(settings, database, kafka_sink(settings))
    [incident] = INCIDENTS_LIST.run(access, IncidentsRequest(realm="default"))
    asked = {"realm": "default", "incident_id": incident.incident_id}
    found = list(INCIDENTS_AFFECTED.run(access, AffectedRequest(**asked)))
    anna = found[0].profile_id
    assert anna is not None
    assert [
        (one.event_id, one.profile_id, one.value, str(one.quantity), str(one.difference))
        for one in found
    ] == [
        ("named", anna, "12", "1", "2.00"),
        ("named", anna, "13", "2", "6.00"),
        ("again", anna, "12", "1", "None"),
        ("nameless", None, "12", "1", "2.00"),
    ]
    paid = AffectedRequest(**asked, is_paid=True)
    assert [one.event_id for one in INCIDENTS_AFFECTED.run(access, paid)] == [
        "named", "named", "nameless",
    ]  # fmt: skip
    assert (
        sum(one.difference or 0 for one in found)
        == incident.model_dump()["exposure"]["overcharged"]
    )
    for limit in (1, 2, 3, 4):
        rows, cursor = [], ""
        while True:
            page = AffectedPageRequest(**asked, limit=limit, cursor=cursor)
            [answer] = INCIDENTS_AFFECTED_PAGE.run(access, page)
            rows += answer.entries
            if answer.next_cursor is None:
                break
            cursor = answer.next_cursor
        assert rows == found, limit
    with pytest.raises(InvalidInput, match="cursor"):
        list(INCIDENTS_AFFECTED_PAGE.run(access, AffectedPageRequest(**asked, cursor="x")))

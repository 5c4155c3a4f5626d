"""What incidents cost customers, read from the store: each order once, by its issuer and number."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from schemas.incident import IncidentState
from services.consistency.adapters.reader import IncidentFilter, IncidentReader
from services.consistency.rules import consistency_rules
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.store.database import Database
from tests.events import event, identifier, line
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


def test_receipts_of_two_tills_and_a_report_that_is_repeated(database: Database) -> None:
    """Number 0001 of two tills is two orders; what a second system reports of one was paid once."""
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
    named, nameless = receipt("1", "10:00", identifiers=ANNA), receipt("2", "10:05", identifiers=[])
    again = receipt("1", "10:01", identifiers=ANNA)
    later = [event(channel=one, occurred_at="2026-11-09T10:00:00Z") for one in ("shop", "pos")]
    run = pipeline(database)
    lines = [line(one) for one in (*published, named, nameless, again, *later)]
    run.finish(run.decode([Line(one, len(one)) for one in lines], Intake.FILE))
    run.tick()
    reader = IncidentReader(database, consistency_rules(), lambda _realm, nodes: {})
    [found] = reader.listed("default", IncidentFilter(frozenset(IncidentState)))
    exposure = found.model_dump()["exposure"]
    assert (exposure["touchpoints"], exposure["orders"]) == (3, 2)
    assert exposure["overcharged"] == Decimal("4.00")

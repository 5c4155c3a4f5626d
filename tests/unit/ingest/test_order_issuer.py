"""Who assigned an order number: the event says so, the configuration, or the till."""

from __future__ import annotations

from typing import Any

import pytest

from services.ingest.core.outcome import Accepted
from tests.events import RECEIVED_AT, core, event, line, order

TILL = {"system": "till-backend", "store": "12", "till": "3"}


def issuer(fields: dict[str, Any], **configured: str) -> Any:
    """The issuer of the order as it is stored."""
    by = core(source_issuers=configured)
    outcome = by.process(line(fields), RECEIVED_AT)
    assert isinstance(outcome, Accepted), outcome
    return outcome.row["order_issuer"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (TILL, "till-backend/12/3"),
        (TILL | {"till": "4"}, "till-backend/12/4"),
        (TILL | {"store": "13"}, "till-backend/13/3"),
        ({"system": "till-backend", "store": "12"}, "till-backend/12"),
        ({"system": "till-backend"}, ""),
        ({"system": "till-backend", "store": "X"}, "till-backend/X"),
        (TILL | {"store": "1/2", "till": "3%"}, "till-backend/1%2F2/3%25"),
    ],
)
def test_a_receipt_number_counts_within_its_till(source: dict[str, str], expected: str) -> None:
    """Number 0001 of two tills is two receipts, also when they are cancelled or returned."""
    body = {"order_id": "0001"}
    kinds = ("order.cancelled", "order.returned", "order.status_changed")
    reports = [order("0001", "5.00", channel="pos", source=source)]
    for kind in kinds:
        more = {"status": "shipped"} if kind == "order.status_changed" else {}
        reports.append(event(kind, channel="pos", source=source, body=body | more))
    assert {issuer(report) for report in reports} == {expected}


def test_no_two_tills_have_one_issuer() -> None:
    """Whatever their names are made of, and whichever of them is missing."""
    names = ("", "1", "2", "1/2", "/", "1%2F2")
    sources = [
        {"system": system, "store": store, "till": till}
        for system in ("", "s", "s/1")
        for store in names
        for till in names
        if store or till
    ]
    found = [issuer(order("1", "5.00", channel="pos", source=source)) for source in sources]
    assert len(set(found)) == len(sources)


def test_the_event_and_the_configuration_say_otherwise() -> None:
    """A till that reports an order of the shop names the shop; numbers of a chain may be unique."""
    receipt = order("0001", "5.00", channel="pos", source=TILL)
    assert issuer(receipt, **{"till-backend": "chain"}) == "chain"
    named = order("0001", "5.00", channel="pos", source=TILL, body={"issuer": "shop"})
    assert issuer(named, **{"till-backend": "chain"}) == "shop"


def test_other_channels_have_one_issuer() -> None:
    """Order numbers of a web shop do not depend on where the request came from."""
    assert issuer(order("0001", "5.00", channel="shop", source=TILL)) == ""

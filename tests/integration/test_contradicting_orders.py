"""Contradicting reports of one order are found in the store, by the profiles that hold them now."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.identifiers import node_id
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.profiles.adapters import order_conflicts
from services.profiles.adapters.order_conflicts import OrderConflictReader
from services.profiles.core.order_conflicts import Contradiction, OrderConflict
from services.store.database import Database
from tests.events import RECEIVED_AT, SECRET, identifier, line, order
from tests.integration.test_recovery import pipeline
from tests.profile_store import REALMS, Store

pytestmark = pytest.mark.any_store
ANNA, BEN = ([identifier("customer_number", name, verified=True)] for name in ("anna", "ben"))
CARD = [identifier("loyalty_card", "card", verified=True)]
Json = dict[str, Any]


def conflicts(database: Database, *sent: Json) -> list[OrderConflict]:
    """Those among the events."""
    run = pipeline(database)
    lines = [line(one) for one in sent]
    run.finish(run._stage.decode([Line(one, len(one)) for one in lines], RECEIVED_AT, Intake.FILE))
    reader = Store(database).reader
    zones = {name: ZoneInfo("Europe/Berlin") for name in REALMS}
    return list(OrderConflictReader(database, zones, reader.resolve).conflicts("default"))


def test_two_receipts_under_one_number(database: Database) -> None:
    """The report that counts comes first; orders reported once or twice alike are not listed."""
    first = order("0001", "10.00", identifiers=ANNA, occurred_at="2026-03-02T10:00:00Z")
    other = order("0001", "90.00", identifiers=BEN, occurred_at="2026-03-03T10:00:00Z")
    same = order("0002", "5.00", identifiers=ANNA)
    [found] = conflicts(database, other, first, same, same | {"event_id": "again"}, order("3", "1"))
    assert (found.issuer, found.order_id) == ("", "0001")
    assert found.differs == [Contradiction.CUSTOMER, Contradiction.AMOUNT, Contradiction.DAY]
    assert [one.event_id for one in found.reports] == [first["event_id"], other["event_id"]]
    anna = node_id(SECRET, "default", "customer_number", "", "anna")
    assert found.reports[0].customer == anna


def test_one_person_is_no_contradiction(database: Database) -> None:
    """The shop knows the customer number, the till the card of the same person."""
    both = order("0009", "1.00", identifiers=ANNA + CARD)
    shop, till = (order("0001", "10.00", identifiers=who) for who in (ANNA, CARD))
    assert conflicts(database, shop, till) != []
    assert conflicts(database, both) == []


def test_corrected_void_and_synthetic_reports_do_not_count(database: Database) -> None:
    """A revision replaces its report; a void receipt and a test journey are no orders."""
    one = order("0001", "10.00", identifiers=ANNA)
    void = order("0001", "3.00", identifiers=BEN, body={"receipt_kind": "void"})
    test = order("0001", "4.00", identifiers=BEN, source={"system": "t", "synthetic": True})
    assert conflicts(database, one, void, test) == []
    wrong = order("0001", "7.00", identifiers=ANNA)
    right = order("0001", "10.00", identifiers=ANNA, event_id=wrong["event_id"], revision=1)
    assert len(conflicts(database, wrong)) == 1
    assert conflicts(database, right) == []


def test_what_cannot_be_taken_off_an_order(database: Database) -> None:
    """More than it was worth, or another currency: listed with the cancellations and returns."""
    sold = [order(number, "10.00", identifiers=ANNA) for number in ("1", "2", "3", "4")]

    def part(number: str, total: str, type_: str = "order.cancelled", **more: str) -> Json:
        lines = {"lines": [{"sku": "s", "total": total}]}
        body = {"order_id": number, **lines, **more}
        return order(number, total, identifiers=BEN) | {"type": type_, "body": body}

    over = part("1", "6"), part("1", "-5")
    foreign = part("2", "1", currency="CHF"), part("3", "1", "order.returned", currency="CHF")
    found = conflicts(database, *over, *foreign, *sold, part("4", "9.99"), part("9", "1"))
    assert [(one.order_id, one.differs) for one in found] == [
        ("1", [Contradiction.CANCELLED]),
        ("2", [Contradiction.CURRENCY]),
        ("3", [Contradiction.CURRENCY]),
    ]
    reports = [(one.action, one.currency) for one in found[0].reports]
    assert reports == [("placed", "EUR"), ("cancelled", ""), ("cancelled", "")]
    assert [one.amount for one in found[0].reports] == [Decimal(10), Decimal(6), Decimal(5)]


def test_a_number_of_another_issuer(database: Database) -> None:
    """A cancellation or return that names an order only others have takes nothing off, and is
    listed; not where the order is its own, or where nobody has the number."""
    till = {"system": "till", "store": "1", "till": "1"}
    sold = [order(number, "10.00", channel="pos", source=till) for number in ("1", "2", "3")]

    def back(number: str, type_: str, **fields: Any) -> Json:
        return order(number, **fields) | {"type": type_, "body": {"order_id": number}}

    by_phone = back("1", "order.cancelled", channel="phone", source={"system": "erp"})
    elsewhere = back("2", "order.returned", channel="pos", source=till | {"till": "2"})
    found = conflicts(
        database,
        *sold,
        by_phone,
        elsewhere,
        back("3", "order.cancelled", channel="pos", source=till),
        back("4", "order.cancelled", channel="phone"),
    )
    assert [(one.issuer, one.order_id, one.differs) for one in found] == [
        ("", "1", [Contradiction.ISSUER]),
        ("till/1/2", "2", [Contradiction.ISSUER]),
    ]
    assert [[one.event_id for one in each.reports] for each in found] == [
        [by_phone["event_id"]],
        [elsewhere["event_id"]],
    ]


def test_returns_under_one_number(database: Database) -> None:
    """Of two orders, or of two amounts; a report that leaves the order or amount out contradicts
    nothing, nor does one that repeats another."""

    def back(return_id: str, number: str, refund: str) -> Json:
        body = {"order_id": number, "return_id": return_id}
        body |= {"refund": refund} if refund else {}
        return order("", identifiers=ANNA) | {"type": "order.returned", "body": body}

    found = conflicts(
        database, *(order(number, "10.00", identifiers=ANNA) for number in ("A", "B")),
        back("R1", "A", "5"), back("R1", "B", "5"),
        back("R2", "A", "5"), back("R2", "A", "7"),
        back("R3", "A", "5"), back("R3", "", "5"), back("R3", "A", ""), back("R3", "A", "5.00"),
    )  # fmt: skip
    assert [(one.order_id, one.differs) for one in found] == [("A", [Contradiction.RETURN])] * 2
    assert [len(one.reports) for one in found] == [2, 2]
    assert {one.action for each in found for one in each.reports} == {"returned"}


def test_page_by_page(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many conflicts are read completely, in the order of issuer and number."""
    monkeypatch.setattr(order_conflicts, "PAGE_ORDERS", 2)
    numbers = [f"{number:04}" for number in range(7)]
    sent = [
        order(number, price, identifiers=ANNA, body={"issuer": issuer})
        for number in numbers for price in ("1", "2") for issuer in ("a", "b")
    ]  # fmt: skip
    found = [(one.issuer, one.order_id) for one in conflicts(database, *sent)]
    assert found == [(issuer, number) for issuer in ("a", "b") for number in numbers]

"""What cancellations take back, as a function of the reports; the store is tried in
tests/integration/test_cancelled_orders.py."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from schemas.claim import Book, PriceClaim
from schemas.events.orders import OrderCancelled, OrderLine, OrderPlaced
from schemas.offer import Basis
from schemas.subject import Subject
from services.consistency.core.cancelled_orders import (
    UNDONE_WITHIN,
    WHOLE,
    ReportedOrder,
    TakenBack,
    is_taken_back,
    taken_back,
)
from services.consistency.core.order_lines import lines_left
from services.consistency.kinds import KINDS

AT = datetime(2026, 3, 4, 9, tzinfo=UTC)


def of(sku: str, price: str, quantity: int = 1, **fields: Any) -> OrderLine:
    """A line of an order."""
    total = Decimal(price) * quantity
    values = {"sku": sku, "unit_price": price, "quantity": quantity, "total": total} | fields
    return OrderLine.model_validate(values)


def sold(event_id: str, *lines: OrderLine, at: datetime = AT, **fields: Any) -> ReportedOrder:
    """A receipt."""
    body = OrderPlaced.model_validate({"order_id": event_id, "lines": list(lines)} | fields)
    return ReportedOrder(event_id, at, "shop", body, "till")


def cancelled(number: str, *lines: OrderLine, issuer: str = "shop") -> ReportedOrder:
    """A cancellation."""
    body = OrderCancelled(order_id=number, lines=list(lines))
    return ReportedOrder(f"c-{number}-{len(lines)}", AT, issuer, body)


def test_the_issuer_is_part_of_the_name() -> None:
    """Number 1 of another till is another receipt."""
    receipt = sold("1", of("A", "9.99"))
    assert taken_back([receipt, cancelled("1", issuer="other")]) == {}
    assert taken_back([receipt, cancelled("1")]) == {"1": WHOLE}


@pytest.mark.parametrize(
    ("back", "gone"),
    [
        ([of("A", "5", 2)], {("A", 5)}),
        ([of("A", "5")], set()),
        ([of("A", "5"), of("A", "5")], {("A", 5)}),
        ([of("A", "5", -2)], {("A", 5)}),
        ([of("B", "7")], {("B", 7)}),
        ([of("B", "3")], {("B", 3)}),
        ([of("B", "1", unit_price=None)], {("B", 3)}),
        ([of("", "0", line_id="2")], {("B", 3)}),
        ([of("", "0", gtin="4006381333931")], {("C", 4)}),
        ([of("D", "9")], set()),
    ],
)
def test_some_lines(back: list[OrderLine], gone: set[tuple[str, int]]) -> None:
    """By article and quantity, of several lines the likeliest; what is left still claims."""
    receipt = sold(
        "1", of("A", "5", 2), of("B", "3", line_id="2"), of("B", "7", line_id="3"),
        of("C", "4", gtin="4006381333931"),
    )  # fmt: skip
    [found] = taken_back([receipt, cancelled("1", *back)]).values()
    assert not found.is_whole
    assert sorted(found.sold) == sorted((sku, Decimal(price)) for sku, price in gone)


@pytest.mark.parametrize(
    ("later", "is_undone"),
    [
        (timedelta(0), True),
        (UNDONE_WITHIN, True),
        (UNDONE_WITHIN + timedelta(milliseconds=1), False),
        (-timedelta(milliseconds=1), False),
    ],
)
def test_undone_line_by_line(later: timedelta, is_undone: bool) -> None:
    """Only within the hour, at the same till and with the same lines in any order."""
    lines = [of("A", "5", 2), of("B", "3")]
    back = [of("B", "-3", unit_price="3"), of("A", "5", -2)]
    receipt = sold("1", *lines)
    void = sold("2", *lines[::-1], at=AT + later, receipt_kind="void")
    negative = sold("2", *back, at=AT + later)
    for undoing in (void, negative):
        assert (taken_back([undoing, receipt]) == {"1": WHOLE}) is is_undone
        assert taken_back([undoing._replace(till="other"), receipt]) == {}
        assert taken_back([undoing, sold("1", *lines, of("C", "1"))]) == {}


def test_only_what_was_charged_is_taken_back() -> None:
    """Not what was published by an event of that id, nor what kinds without sales heard."""
    subject = Subject.product("DE", "A")
    head = (AT, "1", 0, 0, "pos", "", "")
    book, other = (Book("default", kind, subject) for kind in ("price_mismatch", "told_twice"))
    charged = PriceClaim(book, *head, Basis.CHARGED, Decimal(5), "EUR")
    back = {"1": WHOLE}
    assert is_taken_back(charged, back, KINDS)
    assert not is_taken_back(charged._replace(basis=Basis.PUBLISHED), back, KINDS)
    assert not is_taken_back(charged._replace(book=other), back, KINDS)
    assert not is_taken_back(charged._replace(event_id="2"), back, KINDS)
    part = {"1": TakenBack(is_whole=False, sold=frozenset({("A", Decimal("5.00"))}))}
    assert is_taken_back(charged, part, KINDS)
    assert not is_taken_back(charged._replace(price=Decimal(6)), part, KINDS)


@pytest.mark.parametrize("seed", range(30))
def test_as_if_piece_by_piece(seed: int) -> None:
    """With one line an article, what is left is what a count of single pieces leaves; the order of
    reports changes nothing."""
    rng = random.Random(seed)
    lines = [of(sku, "5", rng.randint(1, 3)) for sku in "ABC"]
    backs = [[of(rng.choice("ABCD"), "5", rng.randint(1, 2))] for _ in range(rng.randint(1, 5))]
    pieces = [line.sku for line in lines for _ in range(int(line.quantity))]
    for back in backs:
        for _ in range(int(back[0].quantity)):
            if back[0].sku in pieces:
                pieces.remove(back[0].sku)
    left = lines_left(lines, [line for back in backs for line in back])
    assert {line.sku for line in left} == set(pieces)
    reports = [sold("1", *lines)]
    reports += [cancelled("1", *back)._replace(event_id=f"c{n}") for n, back in enumerate(backs)]
    wanted = frozenset((sku, Decimal(5)) for sku in set("ABC").difference(pieces))
    for _ in range(5):
        rng.shuffle(reports)
        assert taken_back(reports) == {"1": TakenBack(is_whole=False, sold=wanted)}

"""Orders, returns and revenue: each counted once, for one owner."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from schemas.identifiers import RECORD_TYPE
from services.profiles.core.facts import OrderRow
from services.profiles.core.purchases import LedgerEntry, add_up, settle

START = datetime(2026, 1, 1, tzinfo=UTC)
ANNA, BERT, TILL = 1, 2, 3


def report(
    action: str, node: int, value: str = "0", minute: int = 0, **more: str | bool
) -> OrderRow:
    """A report of order A1 by the shop; a till's names nobody."""
    return OrderRow(
        node=node,
        event_id=str(more.get("event_id", f"{action}-{node}-{minute}")),
        occurred_at=START + timedelta(minutes=minute),
        anchor_type=RECORD_TYPE if node == TILL else "email",
        action=action,
        issuer=str(more.get("issuer", "shop")),
        order_id=str(more.get("order_id", "A1")),
        return_id=str(more.get("return_id", "R1" if action == "returned" else "")),
        currency=str(more.get("currency", "EUR")),
        value=Decimal(value),
        is_whole=bool(more.get("is_whole", False)),
    )


def settled(*rows: OrderRow) -> set[LedgerEntry]:
    """All entries, as a set."""
    return set(settle(rows))


@pytest.mark.parametrize(
    ("rows", "owner"),
    [
        # the earliest report, then the smaller event id
        ([report("placed", BERT, minute=2), report("placed", ANNA, minute=1)], ANNA),
        ([report("placed", BERT, event_id="a"), report("placed", ANNA, event_id="b")], BERT),
        # a report that names somebody beats an earlier one that does not
        ([report("placed", TILL, minute=1), report("placed", ANNA, minute=9)], ANNA),
        ([report("placed", TILL, minute=1)], TILL),
    ],
)
def test_owner_of_an_order(rows: list[OrderRow], owner: int) -> None:
    """However many systems report an order, it is one order of one owner."""
    [entry] = settled(*rows)
    assert (entry.owner, entry.orders) == (owner, 1)


def test_value_of_the_owning_report() -> None:
    """Revenue is the value of the report that owns the order, not the sum of the reports."""
    rows = report("placed", ANNA, "20"), report("placed", TILL, "25", 5)
    assert settled(*rows) == {LedgerEntry(ANNA, "EUR", orders=1, revenue=Decimal(20))}


def test_cancelled_whole() -> None:
    """A cancelled order is a cancellation, once, with no revenue."""
    rows = [report("placed", ANNA, "20"), report("cancelled", TILL, is_whole=True)]
    rows.append(report("cancelled", BERT, minute=3, is_whole=True))
    assert settled(*rows) == {LedgerEntry(ANNA, "EUR", cancellations=1)}


@pytest.mark.parametrize(
    ("off", "currency", "revenue"),
    [
        ("8", "CHF", "12"),
        ("8", "", "12"),  # in the currency of the order
        ("80", "CHF", "0"),  # reported twice, it must not turn the sale into a loss
        ("8", "EUR", "20"),  # nothing to subtract in another currency
    ],
)
def test_cancelled_lines(off: str, currency: str, revenue: str) -> None:
    """Cancelled lines reduce the revenue of an order that stays."""
    part = report("cancelled", BERT, off, currency=currency)
    [entry] = settled(report("placed", ANNA, "20", currency="CHF"), part)
    assert entry == LedgerEntry(ANNA, "CHF", orders=1, revenue=Decimal(revenue))


@pytest.mark.parametrize(
    ("said", "sold_in", "order_id", "expected"),
    [
        ("", "CHF", "A1", "CHF"),
        ("EUR", "CHF", "A1", "EUR"),
        ("", "CHF", "A2", ""),  # that order is unknown
        ("CHF", "EUR", "", "CHF"),
    ],
)
def test_currency_of_a_return(said: str, sold_in: str, order_id: str, expected: str) -> None:
    """A return that states none is in the currency of its order, once that is known."""
    back = report("returned", BERT, "5", 1, currency=said, order_id=order_id)
    found = settled(report("placed", ANNA, "20", currency=sold_in), back)
    assert [one.currency for one in found if one.returns] == [expected]


def test_without_an_order_the_currency_is_the_realms() -> None:
    """A return of which nothing says the currency is added to those in the realm's."""
    found = add_up(settled(report("returned", ANNA, "5", currency="")), "EUR")
    assert (found.returned, found.returned_other_currencies) == (Decimal(5), {})


def test_cancellation_of_an_unknown_order() -> None:
    """It is the canceller's own; cancelled lines of an unknown order say nothing."""
    whole = report("cancelled", BERT, is_whole=True)
    assert settled(whole) == {LedgerEntry(BERT, "EUR", cancellations=1)}
    again = report("cancelled", ANNA, minute=5, is_whole=True)
    assert settled(again, whole) == {LedgerEntry(BERT, "EUR", cancellations=1)}  # the earlier one
    assert settled(report("cancelled", BERT, "5")) == set()


def test_return_follows_its_order() -> None:
    """A nameless till return is the buyer's; another issuer's order of that number is not it."""
    back = report("returned", TILL, "8", 9)
    assert LedgerEntry(ANNA, "EUR", returns=1, returned=Decimal(8)) in settled(
        back, report("placed", ANNA, "20")
    )
    assert LedgerEntry(TILL, "EUR", returns=1, returned=Decimal(8)) in settled(
        back, report("placed", ANNA, "20", issuer="erp")
    )


def test_return_counts_once() -> None:
    """One return reported twice counts once, by the report that names the order."""
    rows = [
        report("placed", ANNA, "20"),
        report("returned", BERT, "7", 1, order_id=""),
        report("returned", TILL, "8", 2),
    ]
    assert settled(*rows) - settled(rows[0]) == {
        LedgerEntry(ANNA, "EUR", returns=1, returned=Decimal(8))
    }


def test_currencies_are_never_added() -> None:
    """Money of other currencies is listed beside the realm's; counts are counts."""
    entries = [
        LedgerEntry(ANNA, "EUR", orders=1, revenue=Decimal(20)),
        LedgerEntry(ANNA, "USD", orders=1, revenue=Decimal(5)),
        LedgerEntry(ANNA, "USD", returns=1, returned=Decimal(2)),
        LedgerEntry(ANNA, "EUR", returns=1, returned=Decimal(3)),
    ]
    found = add_up(entries, "EUR")
    assert (found.orders, found.returns) == (2, 2)
    assert (found.revenue, found.returned) == (Decimal(20), Decimal(3))
    assert found.other_currencies == {"USD": Decimal(5)}
    assert found.returned_other_currencies == {"USD": Decimal(2)}


@pytest.mark.parametrize("seed", range(20))
def test_order_and_repetition_do_not_matter(seed: int) -> None:
    """Any order of the reports, each any number of times, settles in the same way."""
    draw = random.Random(seed)
    rows = [
        report(
            draw.choice(["placed", "cancelled", "returned"]),
            draw.choice([ANNA, BERT, TILL]),
            str(draw.randrange(9)),
            draw.randrange(3),
            event_id=f"e{number}",
            order_id=draw.choice(["A1", "A2", ""]) if number % 2 else "A1",
            currency=draw.choice(["EUR", "CHF", ""]) if number % 3 else "EUR",
            return_id=draw.choice(["R1", "R2"]),
            is_whole=draw.random() < 0.3,
        )
        for number in range(12)
    ]
    again = rows + draw.choices(rows, k=6)
    draw.shuffle(again)
    assert sorted(settle(again)) == sorted(settle(rows))


def test_the_figures_of_a_profile_are_the_sums_of_its_entries() -> None:
    """Every figure adds up; money in the realm's currency, revenue in others beside it."""
    entries = [
        LedgerEntry(ANNA, "EUR", orders=1, revenue=Decimal(20)),
        LedgerEntry(ANNA, "EUR", orders=1, revenue=Decimal(5)),
        LedgerEntry(ANNA, "CHF", orders=1, revenue=Decimal(3)),
        LedgerEntry(ANNA, "CHF", orders=1, revenue=Decimal(4)),
        LedgerEntry(ANNA, "EUR", returns=1, returned=Decimal(2)),
        LedgerEntry(ANNA, "EUR", returns=1, returned=Decimal(1)),
        LedgerEntry(ANNA, "CHF", returns=1, returned=Decimal(9)),
        LedgerEntry(ANNA, "EUR", cancellations=1),
        LedgerEntry(ANNA, "EUR", cancellations=1),
    ]
    others, returned = {"CHF": Decimal(7)}, {"CHF": Decimal(9)}
    assert add_up(entries, "EUR") == (4, 3, 2, Decimal(25), Decimal(3), others, returned)
    assert add_up([], "EUR") == (0, 0, 0, Decimal(0), Decimal(0), {}, {})

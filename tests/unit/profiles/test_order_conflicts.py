"""Which reports of one order contradict each other, and which do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.profiles.core.order_conflicts import (
    Contradiction,
    OrderReport,
    contradictions,
    differences,
)

BERLIN = ZoneInfo("Europe/Berlin")
MORNING = datetime(2026, 3, 2, 9, tzinfo=UTC)
ONE = OrderReport("e", MORNING, "pos", "12", 1, "EUR", Decimal("10.00"))
CUSTOMER, STORE, AMOUNT, DAY, CURRENCY, CANCELLED, _ISSUER, _RETURN = Contradiction


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"customer": 2}, [CUSTOMER]),
        ({"customer": None}, []),
        ({"store": "13"}, [STORE]),
        ({"store": ""}, []),
        ({"amount": Decimal("10.0")}, []),
        ({"amount": Decimal("10.01")}, [AMOUNT]),
        ({"currency": "CHF"}, [AMOUNT]),
        ({"occurred_at": MORNING + timedelta(hours=5)}, []),
        ({"occurred_at": MORNING + timedelta(hours=14, minutes=30)}, [DAY]),  # 23:30 UTC
        ({"occurred_at": MORNING + timedelta(days=3), "channel": "shop"}, []),  # collected later
        ({"customer": 2, "store": "13", "amount": Decimal(9)}, [CUSTOMER, STORE, AMOUNT]),
    ],
)
def test_two_reports(change: dict[str, Any], expected: list[Contradiction]) -> None:
    """Each part alone, in any order; what a report does not say contradicts nothing."""
    other = ONE._replace(event_id="f", **change)
    assert differences([ONE, other], BERLIN) == differences([other, ONE], BERLIN) == expected
    assert contradictions([ONE, other], BERLIN) == expected


def test_one_report_is_no_conflict() -> None:
    """Nor are many equal ones."""
    assert differences([ONE] * 3, BERLIN) == []


def later(
    action: str, amount: str | None, currency: str = "EUR", event_id: str = "f"
) -> OrderReport:
    """A cancellation or return of the order, days later, at another store."""
    return ONE._replace(
        event_id=event_id,
        occurred_at=MORNING + timedelta(days=3),
        store="13",
        customer=2,
        currency=currency,
        amount=None if amount is None else Decimal(amount),
        action=action,
    )


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([later("cancelled", "10.00")], []),
        ([later("cancelled", "10.01")], [CANCELLED]),
        ([later("cancelled", "6"), later("cancelled", "6", "", "g")], [CANCELLED]),
        ([later("cancelled", "6"), later("cancelled", "6", "CHF", "g")], [CURRENCY]),
        ([later("cancelled", "16"), later("cancelled", None, "CHF", "g")], []),
        ([later("cancelled", None)], []),
        ([later("cancelled", "2", "")], []),
        ([later("cancelled", "0", "CHF")], []),
        ([later("returned", "16")], []),
        ([later("returned", "16", "")], []),
        ([later("returned", "1", "CHF")], [CURRENCY]),
        ([later("returned", "1", "CHF"), later("cancelled", None, "", "g")], [CURRENCY]),
    ],
)
def test_what_cannot_be_taken_off(
    reports: list[OrderReport], expected: list[Contradiction]
) -> None:
    """Too much, or another currency; of an order that nobody reported, nothing is known."""
    assert differences([ONE, *reports], BERLIN) == expected
    assert differences(reports, BERLIN) == []
    assert contradictions([ONE, *reports], BERLIN) == expected
    assert contradictions(reports, BERLIN) == [Contradiction.ISSUER]

"""Which reports of one order contradict each other, and which do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.profiles.core.order_conflicts import Contradiction, OrderReport, differences

BERLIN = ZoneInfo("Europe/Berlin")
MORNING = datetime(2026, 3, 2, 9, tzinfo=UTC)
ONE = OrderReport("e", MORNING, "pos", "12", 1, "EUR", Decimal("10.00"))
CUSTOMER, STORE, AMOUNT, DAY = Contradiction


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


def test_one_report_is_no_conflict() -> None:
    """Nor are many equal ones."""
    assert differences([ONE] * 3, BERLIN) == []

"""What an order, a return and a cancellation are worth, where sign, total and lines contradict."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from services.ingest.core.outcome import Accepted, HintReason
from tests.events import RECEIVED_AT, core, event, line


def accepted(type_: str, body: dict[str, Any]) -> Accepted:
    outcome = core().process(line(event(type_, body={"order_id": "o"} | body)), RECEIVED_AT)
    assert isinstance(outcome, Accepted), outcome
    return outcome


def lines(*totals: str, **fields: str) -> list[dict[str, str]]:
    return [{"sku": f"s-{n}", "total": total} | fields for n, total in enumerate(totals)]


SHIPPING = {"sku": "", "kind": "shipping", "total": "5.00"}


@pytest.mark.parametrize(
    ("gross", "sold", "value", "has_hint"),
    [
        ("90.00", lines("60.00", "40.00"), "90", True),
        ("100.00", lines("60.00", "40.00"), "100", False),
        (None, lines("60.00", "40.00"), "100", False),
        ("90.00", [], "90", False),
        ("0.00", lines("60.00"), "0", True),
        ("110.00", lines("60.00", "40.00"), "100", True),
        ("-10.00", lines("60.00"), "60", True),
        ("95.00", [*lines("60.00", "40.00"), SHIPPING], "100", True),
        ("105.00", [*lines("60.00", "40.00"), SHIPPING], "100", False),
        ("90.00", lines("60.00", "40.00", seller="other"), "0", True),
        ("-20.00", lines("-20.00"), "-20", False),
    ],
)
def test_total_and_lines_of_an_order(
    gross: str | None, sold: list[dict[str, str]], value: str, has_hint: bool
) -> None:
    """A lower total is a discount where all lines are own; a contradiction is said."""
    body: dict[str, Any] = {"lines": sold} | ({} if gross is None else {"gross": gross})
    outcome = accepted("order.placed", body)
    assert outcome.row["order_value"] == Decimal(value)
    assert isinstance(outcome.row["order_value"], Decimal)
    found = [hint.reason for hint in outcome.hints]
    assert found == ([HintReason.TOTAL_CONTRADICTS] if has_hint else [])


@pytest.mark.parametrize(
    ("type_", "body", "currency"),
    [
        ("order.placed", {"lines": lines("1")}, "EUR"),
        ("order.placed", {"lines": lines("1"), "currency": "CHF"}, "CHF"),
        ("order.cancelled", {"lines": lines("1")}, ""),
        ("order.cancelled", {"lines": lines("1"), "currency": "CHF"}, "CHF"),
        ("order.cancelled", {}, "EUR"),  # no amount
        ("order.returned", {"lines": lines("1")}, ""),
        ("order.returned", {"refund": "1"}, ""),
        ("order.returned", {"refund": "1", "currency": "CHF"}, "CHF"),
        ("order.returned", {"refund": "1", "order_id": ""}, "EUR"),
    ],
)
def test_what_comes_back_is_in_the_currency_of_its_order(
    type_: str, body: dict[str, Any], currency: str
) -> None:
    """Only the order knows it; where none is named, the realm's is meant."""
    assert accepted(type_, body).row["order_currency"] == currency


@pytest.mark.parametrize("type_", ["order.returned", "order.cancelled"])
@pytest.mark.parametrize(
    ("back", "value"),
    [
        (lines("20.00"), "20"),
        (lines("-20.00"), "20"),
        (lines("-20.00", "-5.00"), "25"),
        (lines("-20.00", "0.00"), "20"),
        (lines("20.00", "-5.00"), "15"),
        (lines("-20.00", seller="other"), "0"),
        ([*lines("-20.00"), {"sku": "", "kind": "shipping", "total": "5.00"}], "20"),
    ],
)
def test_lines_that_come_back_have_either_sign(
    type_: str, back: list[dict[str, str]], value: str
) -> None:
    """Sources tell of returned goods with a plus or with a minus; both mean the same."""
    assert accepted(type_, {"lines": back}).row["order_value"] == Decimal(value)

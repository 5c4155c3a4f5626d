"""Amounts are written with the digits of their currency."""

from __future__ import annotations

from decimal import Decimal

import pytest

from schemas.currency import DIGITS, Priced, digits_of, written_money


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("12.5", "EUR", "12.50"),
        ("12.5000", "EUR", "12.50"),
        ("0", "EUR", "0.00"),
        ("-0.3", "EUR", "-0.30"),
        ("0.1234", "EUR", "0.1234"),
        ("0.1230", "EUR", "0.123"),
        ("1250.0000", "JPY", "1250"),
        ("0.0000", "JPY", "0"),
        ("12.50", "JPY", "12.5"),  # never rounded
        ("12.5", "KWD", "12.500"),
        ("1.2345", "KWD", "1.2345"),
        ("0", "KWD", "0.000"),
        ("1", "CLF", "1.0000"),
        ("7", "", "7.00"),
        ("7", "XYZ", "7.00"),
    ],
)
def test_written_form(amount: str, currency: str, written: str) -> None:
    """One form for equal amounts, exact, never in scientific notation."""
    assert str(written_money(Decimal(amount), currency)) == written


def test_digits() -> None:
    """Those of ISO 4217; two where it is not listed."""
    assert [digits_of(one) for one in ("EUR", "JPY", "KWD", "CLF", "")] == [2, 0, 3, 4, 2]
    assert all(len(name) == 3 and name.isupper() for name in DIGITS)


class Bill(Priced):
    """A model of this test."""

    total: Decimal
    tip: Decimal | None
    currency: str
    others: dict[str, Decimal]
    notes: dict[str, str]


def test_amounts_of_a_model() -> None:
    """Its own currency for its fields, the name for the amounts of a map; all else stays."""
    others = {"KWD": Decimal(1), "EUR": Decimal(2)}
    bill = Bill(total=Decimal("5.0"), tip=None, currency="JPY", others=others, notes={"a": "b"})
    assert bill.model_dump(mode="json") == {
        "total": "5",
        "tip": None,
        "currency": "JPY",
        "others": {"KWD": "1.000", "EUR": "2.00"},
        "notes": {"a": "b"},
    }

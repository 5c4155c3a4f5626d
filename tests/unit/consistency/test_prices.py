"""Single prices: what may be compared, what is equal, which is right, how bad a difference is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from schemas.incident import Severity
from schemas.offer import SaleKind, TaxMode
from services.consistency.core.expectation import expected_of
from services.consistency.core.places import EVERYWHERE, Place, place_of
from services.consistency.kinds.price_mismatch import PriceComparison
from services.consistency.scenario import check_scenario

from .market import claim, price_rules, rules

PRICES = PriceComparison(price_rules())


@pytest.mark.parametrize(
    "fields",
    [
        {"seller": "somebody else"},  # a third party's price on the marketplace
        {"sale_kind": SaleKind.CLEARANCE},
        {"sale_kind": SaleKind.SHORT_DATED},
        {"sale_kind": SaleKind.DYNAMIC},
        {"sale_kind": SaleKind.PERSONAL},  # a customer's own price
    ],
)
def test_some_prices_are_never_compared(fields: dict[str, Any]) -> None:
    """Other sellers' prices and special kinds of sale have no terms to compare under."""
    assert PRICES.terms(claim("shop", "10", 0, **fields)) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"currency": "CHF"},
        {"tax_mode": TaxMode.NET},
        {"unit": "kg"},  # weighed goods are priced by the kilogram
        {"pack_content": Decimal(500)},
        {"pack_unit": "g"},
        {"variant": "XL"},
        {"condition": "used"},
        {"customer_group": "staff"},
    ],
)
def test_prices_on_other_terms_are_not_comparable(fields: dict[str, Any]) -> None:
    """Each part of the terms alone keeps two prices apart."""
    assert PRICES.terms(claim("shop", "10", 0, **fields)) != PRICES.terms(claim("shop", "10", 0))


@pytest.mark.parametrize(
    ("content", "unit"),
    [("500", "g"), ("0.500", "KG"), ("500", "gr."), ("500000", "mg"), ("0.5", "Kilogram")],
)
def test_equal_packs_are_equal_in_any_unit(content: str, unit: str) -> None:
    """500 g, however it is spelled, is compared with half a kilogram, and shown as that."""
    half = PRICES.terms(claim("erp", "10", 0, pack_content=Decimal("0.5"), pack_unit="kg"))
    other = PRICES.terms(claim("shop", "10", 0, pack_content=Decimal(content), pack_unit=unit))
    assert other == half
    assert other is not None
    assert PRICES.identity(other)[3:5] == ("0.5", "kg")


@pytest.mark.parametrize(
    ("content", "unit"), [("500", "ml"), ("5", "g"), ("500", "kg"), ("500", ""), ("500", "sheets")]
)
def test_other_packs_are_not(content: str, unit: str) -> None:
    """Another content, or one that cannot be converted, keeps two prices apart."""
    half = PRICES.terms(claim("erp", "10", 0, pack_content=Decimal("0.5"), pack_unit="kg"))
    other = PRICES.terms(claim("shop", "10", 0, pack_content=Decimal(content), pack_unit=unit))
    assert other != half


def test_an_unknown_unit_is_compared_as_spelled() -> None:
    """But for capitals: 80 Sheets are 80 sheets."""
    one, other = (
        PRICES.terms(claim("shop", "10", 0, pack_content=Decimal(80), pack_unit=unit))
        for unit in ("Sheets", "sheets")
    )
    assert one == other


def test_equal_pack_contents_are_equal_however_written() -> None:
    """500 and 500.0 grams are the same pack."""
    one, other = (claim("shop", "10", 0, pack_content=Decimal(c)) for c in ("500", "500.0"))
    assert PRICES.terms(one) == PRICES.terms(other)


@pytest.mark.parametrize(
    ("fields", "place", "label"),
    [
        ({}, EVERYWHERE, ""),
        ({"zone": "north"}, Place(1, "north"), "zone:north"),
        ({"location": "S1"}, Place(2, "S1"), "S1"),
        ({"location": "S1", "zone": "north"}, Place(2, "S1"), "S1"),
    ],
)
def test_the_place_of_a_price(fields: dict[str, Any], place: Place, label: str) -> None:
    """A store stands before its zone, a zone before the whole channel."""
    found = place_of(claim("pos", "10", 0, **fields))
    assert (found, found.label) == (place, label)


@pytest.mark.parametrize(
    ("price", "expected", "equal"),
    [
        ("10.00", "10.00", True),
        ("1.01", "1.00", True),  # a cent is within the absolute tolerance
        ("1.02", "1.00", False),
        ("10.05", "10.00", True),  # half a percent
        ("10.06", "10.00", False),
        ("9.95", "10.00", True),
        ("9.94", "10.00", False),
        ("0.02", "0.00", False),
    ],
)
def test_tolerance(price: str, expected: str, equal: bool) -> None:
    """The larger of the absolute and the percent tolerance decides, both ways."""
    assert PRICES.agrees(Decimal(price), Decimal(expected)) is equal


@pytest.mark.parametrize(
    ("prices", "mode", "right"),
    [
        (["10", "10", "12"], "majority", "10"),
        (["12", "12", "10"], "majority", "12"),
        (["12", "10"], "majority", "10"),  # a tie goes to the lowest
        (["12", "11", "10"], "majority", "10"),  # and so does no majority
        (["12", "12", "10", "10"], "majority", "10"),
        (["12", "12", "11", "10"], "majority", "10"),  # half of the votes are no majority
        (["12", "12", "10"], "lowest", "10"),
        (["10.00", "10.01", "9"], "majority", "10.00"),  # within the tolerance they agree
        (["10.00", "10.01", "10.01"], "majority", "10.01"),
        (["0", "0", "5"], "majority", "0"),
    ],
)
def test_right_price_without_a_reference(prices: list[str], mode: str, right: str) -> None:
    """The strict majority is right, else the lowest price; or always the lowest."""
    votes = [claim(f"c{number}", price, 0) for number, price in enumerate(prices)]
    comparison = PriceComparison(price_rules(rules(right_price=mode)))
    expected = expected_of(comparison, votes)
    assert expected is not None
    assert expected.value == Decimal(right)
    supporting = {claim.channel for claim in expected.supporting_claims}
    assert supporting == {one.channel for one in votes if PRICES.agrees(one.price, expected.value)}


def test_details_name_the_unusual_terms_only() -> None:
    """Currency apart, terms that everybody has are not repeated."""
    terms = PRICES.terms(claim("shop", "10", 0, unit="kg", pack_content=Decimal("0.50")))
    assert terms is not None
    details = PRICES.details(terms, Decimal(12), Decimal(10))
    assert (details.currency, details.terms) == ("EUR", {"unit": "kg", "pack_content": "0.5"})


def test_nothing_is_right_without_votes() -> None:
    """Nobody's price is nobody's expectation."""
    assert expected_of(PRICES, []) is None


@pytest.mark.parametrize(
    ("observed", "severity"),
    [
        ("12.01", Severity.CRITICAL),  # more than 120 % of the expected price
        ("12.00", Severity.HIGH),
        ("10.21", Severity.HIGH),
        ("10.20", Severity.LOW),  # within 2 %
        ("9.80", Severity.LOW),
        ("9.79", Severity.MEDIUM),
        ("5.00", Severity.MEDIUM),
        ("4.99", Severity.HIGH),  # less than half
    ],
)
def test_severity(observed: str, severity: Severity) -> None:
    """An overcharge is worse than an undercharge, and a gross error one degree worse."""
    assert PRICES.severity(Decimal(observed), Decimal(10)) is severity


def test_any_charge_for_what_is_free_is_gross() -> None:
    """An expected price of zero divides nothing."""
    assert PRICES.severity(Decimal(1), Decimal(0)) is Severity.CRITICAL


@pytest.mark.parametrize(
    ("said", "incidents"),
    [
        ('availability = "discontinued"', ""),
        ('availability = "discontinued"\nprice = 2.49', ""),
        ('availability = "out_of_stock"\nprice = 2.49', '{ channel = "shop", state = "open" }'),
        (
            'availability = "discontinued"\nprice = 2.49\nvalid_from = 2026-04-01T00:00:00Z',
            '{ channel = "shop", state = "open" }',
        ),
        (
            'availability = "discontinued"\nprice = 2.49\nbasis = "displayed"',
            '{ channel = "shop", state = "open" }',
        ),
    ],
)
def test_a_discontinued_offer_withdraws_the_price(said: str, incidents: str) -> None:
    """Of what is published and no longer sold nothing is compared, with or without a price."""
    offer = '[[offer]]\nat = 2026-03-0{}T00:00:00Z\nchannel = "{}"\nsku = "4711"\n'
    text = (
        '[rules]\nreference_channels = ["erp"]\n'
        + f"{offer.format(1, 'erp')}price = 2.49\n{offer.format(1, 'shop')}price = 2.49\n"
        + f"{offer.format(2, 'shop')}{said}\n{offer.format(5, 'erp')}price = 1.99\n"
        + f"[[expect]]\nat = 2026-03-07T00:00:00Z\nincidents = [{incidents}]\n"
    )
    assert check_scenario(text).differences == []

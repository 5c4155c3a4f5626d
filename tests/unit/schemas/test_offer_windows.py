"""Offers: a product is named, a window has an end after its start, a price is not negative."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.offer import Availability, Basis, Offer, SaleKind, TaxMode

NOON = "2026-04-01T12:00:00+02:00"


@pytest.mark.parametrize("product", [{"sku": "A1"}, {"gtin": "4006381333931"}, {"sku": 77}])
def test_offer_names_a_product(product: dict[str, Any]) -> None:
    """An article number or a GTIN is enough."""
    offer = Offer.model_validate(product)
    assert offer.sku or offer.gtin


@pytest.mark.parametrize("product", [{}, {"sku": ""}, {"sku": "  ", "gtin": ""}, {"title": "Tea"}])
def test_offer_of_nothing_is_refused(product: dict[str, Any]) -> None:
    """An offer that names no product can be compared with none."""
    with pytest.raises(ValidationError, match="sku or a gtin"):
        Offer.model_validate(product)


@pytest.mark.parametrize(
    "window",
    [
        {},
        {"valid_from": NOON},
        {"valid_to": NOON},
        {"valid_from": NOON, "valid_to": "2026-04-01T12:00:00.001+02:00"},
        {"valid_from": NOON, "valid_to": "2026-04-01T10:00:01Z"},  # one second later, in UTC
    ],
)
def test_window_may_be_open_at_either_end(window: dict[str, str]) -> None:
    """A window has a start, an end, both or neither."""
    offer = Offer.model_validate({"sku": "A1", **window})
    assert (offer.valid_from is not None) == ("valid_from" in window)
    assert (offer.valid_to is not None) == ("valid_to" in window)


@pytest.mark.parametrize(
    "valid_to",
    [
        "2026-04-01T11:59:59+02:00",  # before its start
        NOON,  # at its start: the end is exclusive, so nothing would be valid
        "2026-04-01T10:00:00Z",  # the same moment, written in another zone
        "2026-04-01T13:00:00+04:00",  # later by the clock on the wall, earlier in truth
    ],
)
def test_window_must_end_after_it_starts(valid_to: str) -> None:
    """Windows are compared as moments, not as texts."""
    with pytest.raises(ValidationError, match="valid_to"):
        Offer.model_validate({"sku": "A1", "valid_from": NOON, "valid_to": valid_to})


@pytest.mark.parametrize("field", ["valid_from", "valid_to"])
def test_window_needs_zones(field: str) -> None:
    """Midnight without a zone is a different moment in every store."""
    with pytest.raises(ValidationError):
        Offer.model_validate({"sku": "A1", field: "2026-04-01T00:00:00"})


@pytest.mark.parametrize("price", ["-0.01", -1, "1.23456", "free"])
def test_price_is_an_amount_from_zero(price: Any) -> None:
    """No price is below zero, and none is rounded."""
    with pytest.raises(ValidationError):
        Offer.model_validate({"sku": "A1", "price": price})


def test_defaults_are_those_of_a_plain_shelf_price() -> None:
    """Who says nothing else offers one new piece to everybody, tax included."""
    offer = Offer(sku="A1")
    assert (offer.tax_mode, offer.unit, offer.condition) == (TaxMode.GROSS, "piece", "new")
    assert (offer.sale_kind, offer.customer_group, offer.seller) == (SaleKind.REGULAR, "", "")
    assert (offer.price, offer.currency, offer.basis, offer.availability) == (None,) * 4


def test_offer_reads_its_words() -> None:
    """Kinds, basis and availability are closed sets of words."""
    words = {"sale_kind": "promotion", "basis": "displayed", "availability": "limited"}
    offer = Offer.model_validate({"sku": "A1", "valid_from": NOON, **words})
    assert (offer.sale_kind, offer.basis) == (SaleKind.PROMOTION, Basis.DISPLAYED)
    assert offer.availability is Availability.LIMITED
    assert offer.valid_from == datetime(2026, 4, 1, 10, tzinfo=UTC)
    for name in words:
        with pytest.raises(ValidationError):
            Offer.model_validate({"sku": "A1", name: "sometimes"})

"""An offer: the statement of one channel about one product at one time.

The same value is published in a feed, displayed to a customer or charged on a receipt; `basis`
says which. The channel is that of the event which contains the offer.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, model_validator

from schemas.base import (
    Code,
    Contract,
    Currency,
    Instant,
    Money,
    NonNegativeMoney,
    OptionalCode,
    Percentage,
    Quantity,
    Title,
)
from schemas.scalars import Whole, Written


class Basis(StrEnum):
    """How the channel made the statement."""

    PUBLISHED = "published"
    DISPLAYED = "displayed"
    CHARGED = "charged"


PUBLISHED, DISPLAYED, CHARGED = Basis.PUBLISHED, Basis.DISPLAYED, Basis.CHARGED
"""For what is asked of every claim: on Python 3.11 an attribute of an enum takes 0.1 µs."""


class SaleKind(StrEnum):
    """Kind of sale. Only `regular` and `promotion` prices are compared across channels."""

    REGULAR = "regular"
    PROMOTION = "promotion"
    CLEARANCE = "clearance"
    SHORT_DATED = "short_dated"
    DYNAMIC = "dynamic"
    PERSONAL = "personal"


class TaxMode(StrEnum):
    """Whether the price includes tax."""

    GROSS = "gross"
    NET = "net"


class Availability(StrEnum):
    """Availability according to the channel."""

    IN_STOCK = "in_stock"
    LIMITED = "limited"
    OUT_OF_STOCK = "out_of_stock"
    PREORDER = "preorder"
    DISCONTINUED = "discontinued"


class Offer(Contract):
    """One statement about one product. `sku` or `gtin` is needed."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": [name], "properties": {name: {"minLength": 1}}}
                for name in ("sku", "gtin")
            ]
        }
    )

    sku: OptionalCode = ""
    """The retailer's article number. Offers are compared by it, or by `gtin` if it is empty."""
    gtin: OptionalCode = ""
    """Global trade item number, in any notation: EAN-8, UPC, EAN-13, or 14 digits."""
    market: Annotated[str, Written(16)] = ""
    """Sales market; empty means the realm's region (DE)."""
    location: OptionalCode = ""
    """Store id for which this holds; empty on a till event means `source.store`, elsewhere
    "the whole channel"."""
    zone: OptionalCode = ""
    """Price zone. A store without an offer of its own follows the offer of its zone."""
    price: NonNegativeMoney | None = None
    """Price of one `unit` before deposit, coupons and personal discounts."""
    former_price: NonNegativeMoney | None = None
    """The retailer's own former price that the offer names to announce a reduction (struck through,
    "was"), in the terms of `price`; empty means that none is announced."""
    reduction_percent: Percentage | None = None
    """The reduction that the offer announces in percent, as it is shown: 20 for "-20 %"."""
    recommended_price: NonNegativeMoney | None = None
    """The manufacturer's recommended price (UVP, MSRP), if the offer is compared with it. It is no
    former price; with it, `reduction_percent` says how far `price` is below it."""
    currency: Currency | None = None
    """Empty means the realm's currency."""
    tax_mode: TaxMode = TaxMode.GROSS
    unit: OptionalCode = "piece"
    """The unit of the price: piece, kg, l, m …"""
    pack_content: Quantity | None = None
    """Content of the pack, in `pack_unit`."""
    pack_unit: OptionalCode = ""
    unit_price: NonNegativeMoney | None = None
    """Unit price (Grundpreis) as the channel shows it, for `unit_price_quantity` of
    `unit_price_unit`."""
    unit_price_quantity: Quantity | None = None
    """What the unit price is for; empty means one."""
    unit_price_unit: OptionalCode = ""
    """Unit of the unit price: kg, g, l, ml, m, piece …"""
    deposit: Money | None = None
    """Deposit on top of the price (Pfand); never compared."""
    variant: OptionalCode = ""
    """Size or colour, where one sku covers several."""
    availability: Availability | None = None
    stock: Quantity | None = None
    title: Title = ""
    valid_from: Instant | None = None
    """Start of the price's validity; empty means the event's `occurred_at`."""
    valid_to: Instant | None = None
    """End of the price's validity (exclusive); empty means until a newer offer replaces it."""
    promotion: OptionalCode = ""
    """Id of the promotion behind this price."""
    sale_kind: SaleKind = SaleKind.REGULAR
    customer_group: OptionalCode = ""
    """Empty for everybody; a loyalty, staff or business group otherwise (compared only within)."""
    seller: OptionalCode = ""
    """Third-party seller on a marketplace; empty for the retailer's own offer."""
    condition: OptionalCode = "new"
    price_list_id: OptionalCode = ""
    """The price list, feed or promotion list that the offer is part of."""
    price_list_edition: OptionalCode = ""
    """Number or date of the edition of this list, the same in all offers of one edition. What an
    edition says of a product replaces what the list's earlier editions said of it. That an edition
    has no more offers than these is said by `price_list.completed`."""
    campaign: OptionalCode = ""
    basis: Basis | None = None
    """Empty means the default of the event type: published, displayed or charged."""

    @model_validator(mode="after")
    def _names_a_product(self) -> Self:
        if not (self.sku or self.gtin):
            raise ValueError("an offer needs a sku or a gtin")
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            raise ValueError("valid_to must be later than valid_from")
        return self


class PriceListCompleted(Contract):
    """An edition of a price list is complete: the channel no longer offers under this list what
    earlier editions named and this one does not. Sent behind the offers of the edition."""

    price_list_id: Code
    """The list, as its offers name it."""
    price_list_edition: Code
    """The edition, as its offers name it."""
    offers: Annotated[int, Whole(1, 2**53 - 1)]
    """How many events with an offer the edition has, in all markets and places. As long as fewer
    have come, nothing is withdrawn."""
    valid_from: Instant | None = None
    """From when on what the edition leaves out is over; empty or earlier means `occurred_at`."""

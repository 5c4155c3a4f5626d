"""Orders, receipts, cancellations and returns.

A POS receipt is an order on channel `pos`. An order counts once per realm, issuer and order id,
however many systems report it.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.base import (
    Code,
    Contract,
    Count,
    Currency,
    Instant,
    Money,
    NonNegativeMoney,
    OptionalCode,
    Quantity,
    Rate,
    Title,
)
from schemas.offer import SaleKind, TaxMode
from schemas.scalars import Written


class LineKind(StrEnum):
    """Only `product` and `service` lines of the retailer's own are revenue."""

    PRODUCT = "product"
    SERVICE = "service"
    SHIPPING = "shipping"
    DEPOSIT = "deposit"
    GIFT_CARD = "gift_card"
    FEE = "fee"
    DONATION = "donation"


class DiscountKind(StrEnum):
    """`promotion` changes the shelf price; every other kind is the customer's own advantage."""

    PROMOTION = "promotion"
    COUPON = "coupon"
    LOYALTY = "loyalty"
    PERSONAL = "personal"
    STAFF = "staff"
    QUANTITY = "quantity"
    OTHER = "other"


class Discount(Contract):
    """One reduction of a line, as a positive amount for the whole line."""

    kind: DiscountKind = DiscountKind.OTHER
    amount: NonNegativeMoney
    code: OptionalCode = ""
    promotion: OptionalCode = ""


class OrderLine(Contract):
    """One line of an order or receipt."""

    line_id: OptionalCode = ""
    sku: OptionalCode = ""
    gtin: OptionalCode = ""
    title: Title = ""
    category: OptionalCode = ""
    kind: LineKind = LineKind.PRODUCT
    quantity: Quantity = Decimal(1)
    unit: OptionalCode = "piece"
    unit_price: Money | None = None
    """Price of one unit before the discounts of this line."""
    tax_mode: TaxMode | None = None
    """Whether `unit_price` includes tax; empty means as on the order."""
    variant: OptionalCode = ""
    """Size or colour, where one sku covers several; empty means unknown."""
    pack_content: Quantity | None = None
    """Content of the pack, in `pack_unit`; empty means unknown."""
    pack_unit: OptionalCode = ""
    condition: OptionalCode = "new"
    customer_group: OptionalCode = ""
    """For whom this price is: a loyalty, staff or business group; empty means as on the order."""
    market: Annotated[str, Written(16)] = ""
    """Sales market of this price; empty means as on the order."""
    price_location: OptionalCode = ""
    """Store whose price this is, `*` for the price of no store; empty means as on the order."""
    discounts: Annotated[list[Discount], Field(max_length=20)] = Field(default=[])
    total: Money
    """What the line costs after its discounts, tax included."""
    tax_rate: Rate | None = None
    seller: OptionalCode = ""
    """Third-party seller; such a line is not the retailer's revenue."""
    sale_kind: SaleKind = SaleKind.REGULAR
    promotion: OptionalCode = ""
    price_list_id: OptionalCode = ""
    cost: Money | None = None
    """What the goods or the work of the whole line cost the retailer, without tax, in the currency
    of the order. Never shown to customers, and no price."""
    margin: Money | None = None
    """What the whole line contributes after its discounts, without tax, in the currency of the
    order; empty means it follows from `cost`, if that is known. Never shown to customers."""


class Fulfilment(StrEnum):
    """How the goods reach the customer."""

    DELIVERY = "delivery"
    CLICK_AND_COLLECT = "click_and_collect"
    CLICK_AND_RESERVE = "click_and_reserve"
    STORE = "store"


class ReceiptKind(StrEnum):
    """DSFinV-K receipt kinds in short; only `sale` counts."""

    SALE = "sale"
    VOID = "void"
    TRAINING = "training"
    ABORTED = "aborted"
    OTHER = "other"


class OrderPlaced(Contract):
    """An order was placed, or a receipt was printed."""

    order_id: Code
    issuer: OptionalCode = ""
    """Whose order number it is. Empty means the source's configured issuer, on channel `pos` else
    its system, store and till, if it names a store or a till."""
    currency: Currency | None = None
    """Empty means the realm's currency."""
    lines: Annotated[list[OrderLine], Field(max_length=500)] = Field(default=[])
    gross: Money | None = None
    """Total including everything. Counts where there are no lines, and where it tells of a discount
    on the whole order: below the sum of the lines, all of them own products or services."""
    receipt_kind: ReceiptKind = ReceiptKind.SALE
    voids: OptionalCode = ""
    """Number of the receipt that a receipt of kind `void` takes back as a whole (DSFinV-K: the
    reference of a void), of the same issuer. Empty means the number of this one."""
    tax_mode: TaxMode | None = None
    """Whether the lines' `unit_price` includes tax; empty means it does."""
    customer_group: OptionalCode = ""
    """For whom the prices are: a loyalty, staff or business group; empty for everybody."""
    market: Annotated[str, Written(16)] = ""
    """Sales market; empty means the realm's region (DE)."""
    price_location: OptionalCode = ""
    """Store whose prices these are, if it is not the one that sold (click & collect in the web shop
    at the price of a store); `*` for the prices of no store (ordered in a store at the price of the
    web shop). Empty means `source.store` for a till or kiosk, elsewhere no store."""
    fulfilment: Fulfilment | None = None
    payment: OptionalCode = ""
    vouchers: Annotated[list[Code], Field(max_length=20)] = Field(default=[])
    promised_at: Instant | None = None
    """Until when the customer was promised to have the goods, or to be able to collect them."""


class OrderStatusChanged(Contract):
    """The order moved on: paid, shipped, delivered, ready for collection …"""

    order_id: Code
    issuer: OptionalCode = ""
    status: Code


class OrderCancelled(Contract):
    """Cancelled before shipment (Storno). Without lines the whole order is cancelled. What its
    lines claimed about prices is taken back."""

    order_id: Code
    issuer: OptionalCode = ""
    currency: Currency | None = None
    """Empty means that of the order."""
    lines: Annotated[list[OrderLine], Field(max_length=500)] = Field(default=[])
    reason: Title = ""


class OrderReturned(Contract):
    """Goods came back (Widerruf, Retoure), through any channel, wholly or in part."""

    order_id: OptionalCode = ""
    """The order it belongs to; may be unknown, and may arrive before the order does."""
    issuer: OptionalCode = ""
    return_id: OptionalCode = ""
    """A return counts once per issuer and return id; empty means the event id."""
    currency: Currency | None = None
    """Empty means that of the order; without a known order, the realm's."""
    lines: Annotated[list[OrderLine], Field(max_length=500)] = Field(default=[])
    """What came back; amounts of either sign, if all have the same."""
    refund: NonNegativeMoney | None = None
    """Amount given back. Used only where there are no lines."""
    reason: Title = ""


class VoucherIssued(Contract):
    """A voucher was given to somebody."""

    code: Code
    value: Money | None = None
    currency: Currency | None = None
    promotion: OptionalCode = ""
    valid_to: Instant | None = None


class VoucherRedeemed(Contract):
    """A voucher was used."""

    code: Code
    order_id: OptionalCode = ""
    campaign: OptionalCode = ""
    value: Money | None = None
    currency: Currency | None = None


class TillClosed(Contract):
    """The closing of a till (Kassenabschluss, Z-Bon): what it counted since the one before. The
    store is `source.store`."""

    till: Code
    """Id of the till, as `source.till` of its receipts."""
    number: Code
    """Number of the closing (DSFinV-K: Z_NR); of two events with one number the latest counts."""
    receipts: Count
    """How many receipts it counts, without voids, training and aborted ones."""
    gross: Money
    """Total of these receipts, tax and everything else included, less what was given back."""
    currency: Currency | None = None
    """Empty means the realm's currency."""
    opened_at: Instant | None = None
    """Begin of its period. Without it the closing is compared with nothing."""
    closed_at: Instant | None = None
    """End of its period (DSFinV-K: Z_ERSTELLUNG); empty means `occurred_at`."""


class DayClosed(Contract):
    """The day total of a shop or of another channel without tills: its orders of one business day
    in one currency. One event for each currency."""

    date: Annotated[str, Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    """The business day in the realm's time zone, as 2026-03-02: from midnight to midnight."""
    orders: Count
    """How many orders were placed on this day in this currency."""
    gross: Money
    """Their total, tax, shipping and everything else included. What was cancelled or given back may
    be in both figures or not."""
    currency: Currency | None = None
    """Empty means the realm's currency."""

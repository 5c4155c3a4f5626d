"""Offers to claims: the prices in an event, in comparable form.

A charged price is the shelf price: `unit_price` less the promotion discounts of the line. Coupons,
loyalty and personal discounts are the customer's own and never make a claim.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from schemas.claim import Book, Claim
from schemas.events.browsing import CartUpdated, ProductViewed
from schemas.events.orders import DiscountKind, LineKind, OrderLine, OrderPlaced, ReceiptKind
from schemas.instants import from_ms, to_ms
from schemas.offer import Basis, Offer, SaleKind
from services.ingest.core.outcome import Context, Intake

CENT_HUNDREDTH = Decimal("0.0001")
PRICE_LIMIT = Decimal(10) ** 11
"""Above the highest price that a contract allows."""
YEAR_OPEN_END = 2200
"""Windows that end later (9999-12-31) are open."""
STORE_CHANNELS = frozenset({"pos", "kiosk"})
PRODUCT, NO_SALE = LineKind.PRODUCT, Decimal(0)
COMPARED_SALES = frozenset({SaleKind.REGULAR, SaleKind.PROMOTION})


def claims(context: Context, region: str, currency: str) -> list[tuple[Claim, Decimal]]:
    """All price claims of one event, each with the quantity sold at that price (0: none sold)."""
    body = context.event.body
    if context.event.source.synthetic or context.intake is Intake.PUBLIC:
        return []  # neither a test journey nor a public key may open or resolve an incident
    if isinstance(body, Offer):
        offers = [(body, Basis.PUBLISHED)]
    elif isinstance(body, ProductViewed):
        offers = [(body.offer, Basis.DISPLAYED)] if body.offer else []
    elif isinstance(body, CartUpdated):
        offers = [(item.offer, Basis.DISPLAYED) for item in body.items if item.offer]
    elif isinstance(body, OrderPlaced):
        return _charged(context, body, region, currency)
    else:
        return []
    said = (offer for offer in offers if offer[0].price is not None)
    return [
        (_of_offer(context, offer, basis, ordinal, region, currency), NO_SALE)
        for ordinal, (offer, basis) in enumerate(said)
    ]


def _of_offer(
    context: Context, offer: Offer, basis: Basis, ordinal: int, region: str, currency: str
) -> Claim:
    event = context.event
    at_store = event.channel in STORE_CHANNELS and not offer.zone
    assert offer.price is not None
    return Claim(
        book=Book(event.realm, offer.market or region, offer.sku or offer.gtin),
        occurred_at=context.occurred_at,
        event_id=event.event_id,
        ordinal=ordinal,
        version=context.version,
        channel=event.channel,
        location=offer.location or (event.source.store if at_store else ""),
        zone=offer.zone,
        basis=offer.basis or basis,
        price=offer.price,
        currency=offer.currency or currency,
        tax_mode=offer.tax_mode,
        unit=offer.unit,
        pack_content=offer.pack_content,
        pack_unit=offer.pack_unit,
        variant=offer.variant,
        condition=offer.condition,
        seller=offer.seller,
        customer_group=offer.customer_group,
        sale_kind=offer.sale_kind,
        promotion=offer.promotion,
        price_list_id=offer.price_list_id,
        valid_from=_bound(offer.valid_from),
        valid_to=_bound(offer.valid_to),
    )


def _charged(
    context: Context, order: OrderPlaced, region: str, currency: str
) -> list[tuple[Claim, Decimal]]:
    if order.receipt_kind is not ReceiptKind.SALE:
        return []
    event = context.event
    location = event.source.store if event.channel in STORE_CHANNELS else ""
    head = (context.occurred_at, event.event_id)
    return [
        (
            Claim(
                Book(event.realm, region, line.sku or line.gtin),
                *head,
                ordinal,
                context.version,
                event.channel,
                location,
                "",
                Basis.CHARGED,
                price,
                order.currency or currency,
                unit=line.unit,
                sale_kind=line.sale_kind,
                promotion=line.promotion,
                price_list_id=line.price_list_id,
            ),
            line.quantity,
        )
        for ordinal, (line, price) in enumerate(_priced(order))
    ]


def _priced(order: OrderPlaced) -> Iterator[tuple[OrderLine, Decimal]]:
    """The lines that prove a shelf price, with that price."""
    for line in order.lines:
        if not line.unit_price or line.kind is not PRODUCT or line.seller:
            continue  # an item given away is no evidence of the shelf price
        if line.quantity > 0 and line.sale_kind in COMPARED_SALES and (line.sku or line.gtin):
            price = _shelf_price(line)
            if NO_SALE < price < PRICE_LIMIT:  # a discount above the price leaves no price
                yield line, price


def _shelf_price(line: OrderLine) -> Decimal:
    assert line.unit_price is not None
    if not line.discounts:
        return line.unit_price
    off = sum((d.amount for d in line.discounts if d.kind is DiscountKind.PROMOTION), Decimal(0))
    return (line.unit_price - off / line.quantity).quantize(CENT_HUNDREDTH)


def _bound(instant: datetime | None) -> datetime | None:
    if instant is None or instant.year >= YEAR_OPEN_END:
        return None
    return from_ms(to_ms(instant))

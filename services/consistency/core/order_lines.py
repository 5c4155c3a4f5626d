"""Lines of an order: which are left when others take some of them back, and their prices. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from schemas.events.orders import DiscountKind, OrderLine
from services.consistency.core.gtin import one_form

NOTHING, ONE = Decimal(0), Decimal(1)
CENT_HUNDREDTH = Decimal("0.0001")


def is_negative(line: OrderLine) -> bool:
    """Whether it takes something back on the receipt itself (Sofortstorno, or a return)."""
    return line.quantity < NOTHING or line.total < NOTHING


def lines_left(
    lines: Sequence[OrderLine], back: Iterable[OrderLine], *, at_same_price: bool = False
) -> list[OrderLine]:
    """The lines of which something is left, each whole; `back` has amounts of either sign.

    What is taken back is that of the line with the same number and price first, then of any line of
    the same article; with `at_same_price` of lines at that price only.
    """
    left = [abs(line.quantity) for line in lines]
    for one in back:
        quantity = abs(one.quantity)
        alike = [
            index
            for index, line in enumerate(lines)
            if _is_same_article(line, one)
            and not (at_same_price and line.unit_price != one.unit_price)
        ]
        for index in sorted(alike, key=lambda index: _likeness(lines[index], one)):
            taken = min(left[index], quantity)
            left[index] -= taken
            quantity -= taken
    return [line for line, quantity in zip(lines, left, strict=True) if quantity > NOTHING]


def _is_same_article(line: OrderLine, other: OrderLine) -> bool:
    """By article number, else by GTIN, else by the number of the line."""
    if line.sku and other.sku:
        return line.sku == other.sku
    if line.gtin and other.gtin:
        return one_form(line.gtin) == one_form(other.gtin)
    return bool(line.line_id) and line.line_id == other.line_id


def _likeness(line: OrderLine, other: OrderLine) -> tuple[bool, bool, bool]:
    """The likeliest first."""
    return (
        line.line_id != other.line_id,
        line.unit_price != other.unit_price,
        abs(line.total) != abs(other.total),
    )


def shelf_price(line: OrderLine) -> Decimal:
    """The unit price less the promotions of the line, which must have a unit price."""
    assert line.unit_price is not None
    if not line.discounts:
        return line.unit_price
    off = sum(d.amount for d in line.discounts if d.kind is DiscountKind.PROMOTION)
    return (line.unit_price - off / line.quantity).quantize(CENT_HUNDREDTH)


def paid_price(line: OrderLine, shelf: Decimal | None = None) -> Decimal:
    """What one was paid for, after the customer's own discounts; at most the price of the shelf,
    which may be given."""
    price = shelf_price(line) if shelf is None else shelf
    paid = line.total if line.quantity == ONE else line.total / line.quantity
    return price if paid >= price else paid.quantize(CENT_HUNDREDTH)


def is_multi_buy(line: OrderLine) -> bool:
    """Whether a promotion took off the price of whole units, while others were paid for."""
    unit_price, quantity = line.unit_price, line.quantity
    if not unit_price or quantity != quantity.to_integral_value():
        return False
    return any(
        discount.kind is DiscountKind.PROMOTION
        and NOTHING < discount.amount < unit_price * quantity
        and discount.amount % unit_price == NOTHING
        for discount in line.discounts
    )


def line_prices(line: OrderLine) -> set[Decimal]:
    """The prices that a line may claim: that of the shelf, and what was paid for one."""
    if not line.unit_price or not line.quantity:
        return set()
    return {shelf_price(line), paid_price(line)}

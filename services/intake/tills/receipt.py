"""A receipt of a till as any format reads it, and the touchpoints that it becomes.

What was sold is an order on channel `pos`; goods that came back are a return of the receipt that
sold them, if it is named. Empties (Pfand) are no return, and vouchers no goods. A void, a training
or an aborted receipt stays what it is, and counts nowhere. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

import orjson

from schemas.faults import Fault
from schemas.reject import RejectReason
from services.intake.amounts import ZERO, plain, shares, step_of
from services.intake.fields import NotTaken
from services.intake.shops.message import Json, digest, given, identifier, touchpoint
from services.intake.tills.values import code, rounded

TILL = "pos"
SALE, VOID, TRAINING, ABORTED, OTHER = "sale", "void", "training", "aborted", "other"
GOODS = frozenset({"product", "service"})
PARTED = "/"
"""Between the parts of the number of a receipt."""
UNIT = "piece"
HALF_A_CENT = Decimal("0.005")
UNITS = {
    "": UNIT, "st": UNIT, "stk": UNIT, "stück": UNIT, "stueck": UNIT, "pcs": UNIT, "pc": UNIT,
    "ea": UNIT, "each": UNIT, "stuk": UNIT, "liter": "l", "litre": "l", "ltr": "l", "lt": "l",
    "kilogramm": "kg", "kilogram": "kg", "gramm": "g", "gram": "g", "meter": "m",
}  # fmt: skip
"""Words for units, in lower case and without a full stop; every other word is a unit of its own."""


class TillPlace(NamedTuple):
    """Where a receipt was printed."""

    system: str
    """The format; `source.system` of the touchpoints."""
    store: str
    till: str
    device: str = ""
    """The terminal at which it was typed, if it is not the till."""

    @property
    def issuer(self) -> str:
        """Who numbers the receipts: the tills of a store, whose numbers name the till."""
        return "/".join(one for one in (self.system, self.store) if one)


class SoldGoods(NamedTuple):
    """One line of a receipt. What takes something back has a negative total and quantity."""

    total: Decimal
    """After its discounts, tax included."""
    quantity: Decimal = Decimal(1)
    kind: str = "product"
    unit: str = UNIT
    unit_price: Decimal | None = None
    """Before the discounts, tax included."""
    discount: Decimal = ZERO
    """Of the whole line; a positive amount also where something is taken back."""
    surcharge: Decimal = ZERO
    line_id: str = ""
    sku: str = ""
    gtin: str = ""
    title: str = ""
    category: str = ""
    tax_rate: Decimal | None = None
    """A share."""
    seller: str = ""
    voids: bool = False
    """It takes back an earlier line of the same receipt, which was mistyped."""
    of_order: str = ""
    """Number of the receipt that sold what came back."""
    of_issuer: str = ""
    promotion: str = ""


class TillReceipt(NamedTuple):
    """A receipt."""

    place: TillPlace
    number: str
    """Unique among the tills of a store, for ever."""
    at: str
    """When it was printed, with its zone."""
    currency: str
    """Empty: that of the realm."""
    lines: Sequence[SoldGoods]
    kind: str = SALE
    voids: str = ""
    """Number of the receipt that one of kind `void` takes back."""
    voids_issuer: str = ""
    returns: str = ""
    """Number of the receipt that sold what came back, where its line does not say."""
    returns_issuer: str = ""
    gross: Decimal | None = None
    """Of a receipt without lines."""
    persons: Sequence[Json] = ()
    payments: Sequence[str] = ()
    vouchers: Sequence[str] = ()
    customer_group: str = ""
    agent: str = ""

    @property
    def issuer(self) -> str:
        """Whose number it is."""
        return self.place.issuer


def touchpoints_of(receipt: TillReceipt) -> list[bytes]:
    """The touchpoints of a receipt. Raises NotTaken."""
    if receipt.kind != SALE or not receipt.lines:
        kind = OTHER if receipt.kind == SALE else receipt.kind
        return [_uncounted(receipt, kind)]
    lines, cancelled = without_voided(receipt.lines, names_another=bool(receipt.returns))
    back = [one for one in lines if one.kind in GOODS and _takes_back(one)]
    sold = [one for one in lines if not (one.kind in GOODS and _takes_back(one))]
    if not lines and not cancelled:  # all of it was taken back before it was printed
        return [_uncounted(receipt._replace(gross=ZERO, lines=()), ABORTED)]
    if all(map(_takes_back, sold)):  # only empties: no purchase
        back, sold = [*back, *sold], []
    found = [_placed(receipt, sold)] if sold else []
    return found + list(_returned(receipt, back)) + list(_cancelled(receipt, cancelled))


def refusal_of(system: str, persons: Sequence[Json], at: str) -> bytes:
    """Whom a receipt names that becomes no touchpoint, as a touchpoint says so."""
    line: Json = {"source": {"system": system}, "identifiers": list(persons)}
    return orjson.dumps(line | given(occurred_at=at))


def fault_of(error: Exception) -> Fault:
    """Why a receipt becomes no touchpoint. One on which the code fails costs no other."""
    if isinstance(error, NotTaken):
        return error.fault
    if isinstance(error, ArithmeticError):
        return Fault(RejectReason.INVALID_FIELD, "", "amounts out of bounds")
    return Fault(RejectReason.UNPROCESSABLE, "", f"{type(error).__name__}; please report it")


def customer(number: str, issuer: str = "") -> list[Json]:
    """A customer by the number that was presented at the till."""
    return [identifier("customer_number", number, issuer, verified=True)] if number else []


def loyalty_card(number: str) -> list[Json]:
    """The same by a card."""
    return [identifier("loyalty_card", number, verified=True)] if number else []


def unit_of(word: str) -> str:
    """The unit of a quantity as the contract writes it."""
    plain_word = word.strip().rstrip(".").lower()
    return UNITS.get(plain_word, plain_word)


def receipt_number(till: str, closing: str, receipt: str) -> str:
    """The number of a receipt among all of its store: no two joined numbers are the same. Raises
    NotTaken if it is too long."""
    parts = [till, closing, receipt] if closing else [till, receipt] if till else [receipt]
    return code(PARTED.join(one.replace("%", "%25").replace(PARTED, "%2F") for one in parts),
                "receipt")  # fmt: skip


def with_discount(
    lines: Sequence[SoldGoods], amount: Decimal, currency: str, rate: Decimal | None = None
) -> list[SoldGoods]:
    """The lines after a discount on all of them: each bears its share, and all make it up. It is
    taken off goods of its tax rate, if there are any; a negative one off what is taken back.
    Raises NotTaken if there is nothing it could be taken off."""
    bearing = [one.kind in GOODS and one.total * amount > 0 for one in lines]
    alike = [one.tax_rate == rate and is_so for one, is_so in zip(lines, bearing, strict=True)]
    for chosen in (alike, bearing):
        weights = [
            abs(one.total) if is_so else ZERO for one, is_so in zip(lines, chosen, strict=True)
        ]
        if sum(weights) >= abs(amount):
            break
    else:
        raise NotTaken("discount", "the receipt has no goods of which so much could be taken off")
    parts = shares(amount, weights, step_of(currency))
    return [
        one._replace(total=one.total - part, discount=one.discount + abs(part)) if part else one
        for one, part in zip(lines, parts, strict=True)
    ]


def priced(line: SoldGoods, price: Decimal | None) -> SoldGoods:
    """The line with the price of one unit, as far as price, quantity and total agree: the stated
    one is that before the discounts, or that after them."""
    if price is None or not line.quantity:
        return line
    before = abs(line.total) + line.discount - line.surcharge
    if abs(abs(price * line.quantity) - before) <= HALF_A_CENT:
        return line._replace(unit_price=abs(price))
    exact = before / abs(line.quantity)
    if line.discount and abs(abs(price * line.quantity) - abs(line.total)) <= HALF_A_CENT:
        return line._replace(unit_price=rounded(exact) if rounded(exact) == exact else None)
    return line


def _takes_back(line: SoldGoods) -> bool:
    return line.total < 0 or line.quantity < 0


def without_voided(
    lines: Iterable[SoldGoods], *, names_another: bool
) -> tuple[list[SoldGoods], list[SoldGoods]]:
    """The lines that are left of those that later ones took back, and lines that void those of
    another receipt, if this one names it. Raises NotTaken for one that takes back what nobody
    sold."""
    left: list[SoldGoods] = []
    cancelled: list[SoldGoods] = []
    for one in lines:
        if not one.voids:
            left.append(one)
            continue
        place = next((n for n in reversed(range(len(left))) if _is_voided(left[n], one)), None)
        if place is None:
            if not (one.of_order or names_another):
                raise NotTaken("lines", "a line takes back what no line before it sold")
            cancelled.append(one)
            continue
        rest = left[place]
        total, quantity = rest.total + one.total, rest.quantity + one.quantity
        discount = max(ZERO, rest.discount - one.discount)
        left[place] = rest._replace(total=total, quantity=quantity, discount=discount)
        if not quantity:
            if total:
                raise NotTaken("lines", "a line takes back another amount than was sold")
            del left[place]
    return left, cancelled


def _is_voided(line: SoldGoods, by: SoldGoods) -> bool:
    """Whether one may take back the other: the same thing, and at least as much of it."""
    same = (line.kind, line.sku, line.gtin, line.tax_rate) == (
        by.kind,
        by.sku,
        by.gtin,
        by.tax_rate,
    )
    if not (line.sku or line.gtin):
        same = same and line.title == by.title
    enough = abs(line.quantity) >= abs(by.quantity) and abs(line.total) >= abs(by.total)
    opposite = line.total * by.total <= 0 and line.quantity * by.quantity < 0
    return same and enough and opposite


def _uncounted(receipt: TillReceipt, kind: str) -> bytes:
    """A receipt that is no sale: whoever stands on it bought nothing."""
    lines = [_line(one) for one in receipt.lines]
    body: Json = {**_head(receipt), "receipt_kind": kind}
    if lines:
        body["lines"] = lines
    elif receipt.gross is not None:
        body["gross"] = plain(receipt.gross, "gross")
    if kind == VOID and receipt.voids:
        body |= {"voids": receipt.voids, "issuer": receipt.voids_issuer or receipt.issuer}
    return _touchpoint(receipt, "order.placed", "", body, ())


def _placed(receipt: TillReceipt, lines: Sequence[SoldGoods]) -> bytes:
    body: Json = {
        **_head(receipt),
        "lines": [_line(one) for one in lines],
        "fulfilment": "store",
        **given(payment="+".join(receipt.payments)[:100], customer_group=receipt.customer_group),
    }
    if receipt.vouchers:
        body["vouchers"] = list(receipt.vouchers)
    numbered = [identifier("order_number", receipt.number, receipt.issuer)]
    persons = [*receipt.persons, *numbered] if receipt.persons else []
    return _touchpoint(receipt, "order.placed", "", body, persons)


def _returned(receipt: TillReceipt, lines: Sequence[SoldGoods]) -> Iterator[bytes]:
    """A return for each receipt that sold something of it."""
    first = next((one for one in lines if one.kind in GOODS), None)
    if first is not None:  # empties beside goods come back with them
        lines = [
            one
            if one.kind in GOODS or one.of_order
            else one._replace(of_order=first.of_order, of_issuer=first.of_issuer)
            for one in lines
        ]
    origins = list(dict.fromkeys((one.of_issuer, one.of_order) for one in lines))
    for place, (of_issuer, of_order) in enumerate(origins):
        mine = [one for one in lines if (one.of_issuer, one.of_order) == (of_issuer, of_order)]
        order = of_order or receipt.returns
        issuer = (of_issuer if of_order else receipt.returns_issuer) or receipt.issuer
        part = f"-{place + 1}" if place else ""
        body: Json = {
            "issuer": issuer,
            "return_id": f"{receipt.number}{part}",
            **given(currency=receipt.currency),
            "lines": [
                _line(one._replace(total=abs(one.total), quantity=abs(one.quantity)))
                for one in mine
            ],
            **given(order_id=order),
        }
        numbered = [identifier("order_number", order, issuer)] if order else []
        persons = [*receipt.persons, *numbered]
        yield _touchpoint(receipt, "order.returned", f"return{part}", body, persons)


def _cancelled(receipt: TillReceipt, lines: Sequence[SoldGoods]) -> Iterator[bytes]:
    """What was voided later of another receipt, which is no return: nothing came back."""
    origins = list(
        dict.fromkeys(
            (one.of_order, one.of_issuer)
            if one.of_order
            else (receipt.returns, receipt.returns_issuer)
            for one in lines
        )
    )
    for place, (order, of_issuer) in enumerate(origins):
        mine = [one for one in lines if (one.of_order or receipt.returns) == order]
        issuer, part = of_issuer or receipt.issuer, f"-{place + 1}" if place else ""
        body: Json = {
            "order_id": order,
            "issuer": issuer,
            **given(currency=receipt.currency),
            "lines": [
                _line(one._replace(total=abs(one.total), quantity=abs(one.quantity)))
                for one in mine
            ],
        }
        persons = [*receipt.persons, identifier("order_number", order, issuer)]
        yield _touchpoint(receipt, "order.cancelled", f"cancelled{part}", body, persons)


def _head(receipt: TillReceipt) -> Json:
    head = {"order_id": receipt.number, "issuer": receipt.issuer}
    return head | given(currency=receipt.currency)


def _line(line: SoldGoods) -> Json:
    found: Json = given(
        line_id=line.line_id, sku=line.sku, gtin=line.gtin, title=line.title,
        category=line.category, seller=line.seller, promotion=line.promotion,
    )  # fmt: skip
    if line.kind != "product":
        found["kind"] = line.kind
    found["quantity"] = plain(rounded(line.quantity), "quantity")
    if line.unit != UNIT:
        found["unit"] = line.unit
    if line.unit_price is not None:
        found["unit_price"] = plain(line.unit_price, "unit_price")
    if line.discount:
        kind = "promotion" if line.promotion else "other"
        found["discounts"] = [{"kind": kind, "amount": plain(line.discount, "discount")}]
    found["total"] = plain(line.total, "total")
    if line.tax_rate is not None:
        found["tax_rate"] = plain(rounded(line.tax_rate), "tax_rate")
    return found


def _touchpoint(
    receipt: TillReceipt, type_name: str, part: str, body: Json, persons: Sequence[Json]
) -> bytes:
    place = receipt.place
    return touchpoint(
        type_name,
        f"{place.system}-{digest(place.store, place.till, receipt.number, part)}",
        receipt.at,
        body,
        persons,
        system=place.system,
        channel=TILL,
        store=place.store,
        till=place.till,
        device=place.device,
        agent=receipt.agent,
    )

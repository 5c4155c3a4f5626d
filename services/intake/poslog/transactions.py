"""One transaction of a POSLog as a receipt.

Vendors differ in whether an extended amount is before or after the discounts of its line, with the
tax or without it, and whether discounts on the whole are in the lines. All together must make up
the total, and the reading that does so is the one that is meant. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import product
from typing import NamedTuple

from schemas.reject import RejectReason
from services.intake.amounts import ZERO, shares, step_of
from services.intake.fields import REQUIRED, NotTaken
from services.intake.shops.message import Json
from services.intake.tills.receipt import (
    ABORTED,
    SALE,
    TRAINING,
    VOID,
    SoldGoods,
    TillPlace,
    TillReceipt,
    customer,
    loyalty_card,
    priced,
    receipt_number,
    unit_of,
    with_discount,
)
from services.intake.tills.values import code, instant, label, money, number, rounded
from services.intake.tills.xml import XmlNode

SYSTEM = "poslog"
STORE = ("BusinessUnit/UnitID", "RetailStoreID", "UnitID")
STATUSES = {
    "": SALE, "totaled": SALE, "finished": SALE, "delivered": SALE, "tendered": SALE,
    "completed": SALE, "voided": ABORTED, "postvoided": VOID, "suspended": ABORTED,
    "suspendedretrieved": ABORTED, "suspendeddeleted": ABORTED, "failed": ABORTED,
    "incomplete": ABORTED, "cancelled": ABORTED, "canceled": ABORTED,
}  # fmt: skip
"""`TransactionStatus`, in lower case. What is suspended is sold by the transaction that resumes
it; one that is voided was never finished, and one that voids another says so."""
ITEM_TYPES = {
    "": "product", "stock": "product", "item": "product", "merchandise": "product",
    "itemcollection": "product", "weighted": "product", "bulk": "product",
    "service": "service", "alteration": "service", "warranty": "service",
    "deposit": "deposit", "bottledeposit": "deposit", "depositrefund": "deposit",
    "giftcard": "gift_card", "giftcertificate": "gift_card", "storedvalue": "gift_card",
    "fee": "fee", "donation": "donation", "charity": "donation", "shipping": "shipping",
}  # fmt: skip
"""`ItemType` of a line, in lower case."""
SELLING = ("Sale", "SaleForDelivery", "SaleForPickup")
RETURNING = ("Return", "ReturnForDelivery", "ReturnForPickup")
BESIDE = frozenset(
    {
        "Tender", "Tax", "Discount", "Rounding", "LoyaltyReward", "AgeRestriction",
        "ElectronicSignature", "CardActivation", "CRMCustomVariable", "ItemNotFound",
        "ItemRestriction", "LoyaltyMembership", "Customer", "Coupon",
    }
)  # fmt: skip
"""What a line of a transaction may be that sells nothing."""
OF_LINE = frozenset({"SequenceNumber", "BeginDateTime", "EndDateTime", "Description"})
GTINS = frozenset({"ean", "ean13", "ean8", "upc", "upca", "upce", "gtin", "gtin13", "gtin14"})
VOIDING = frozenset({"postvoid", "postvoided", "void", "voided", "voidedtransaction"})
"""`ReasonCode` of a link to the transaction that is voided."""
TRAININGS = frozenset({"training", "trainingmode", "trainingtransaction"})
NAMES = frozenset(
    {
        "Name", "FirstName", "LastName", "FullName", "Address", "AddressLine", "EMail", "Email",
        "Telephone", "TelephoneNumber", "Phone", "TaxCertificate", "AccountNumber", "CardNumber",
    }
)  # fmt: skip
"""Elements that may name somebody of whom there is no number."""
GRAND, CENT = "TransactionGrandAmount", Decimal("0.01")
HUNDRED = Decimal(100)


class LoggedLine(NamedTuple):
    """A line, and the amounts by which the total is made up."""

    goods: SoldGoods
    """With its extended amount as the total."""
    tax: Decimal


def without_goods(node: XmlNode) -> str:
    """What a transaction is on which nothing is sold or comes back; empty if something is."""
    found = node.all("RetailTransaction")
    retail = found[0] if found else None
    if retail is None:
        kinds = [one.name for one in node.nodes if one.name.endswith("Transaction")]
        return kinds[0] if kinds else "Transaction of no kind"
    lines = retail.all("LineItem")
    if (
        len(found) > 1
        or _is_paid(retail)
        or any(one.first(*SELLING, *RETURNING) is not None for one in lines)
    ):
        return ""
    others = [inner.name for one in lines for inner in one.nodes]
    if any(name not in BESIDE and name not in OF_LINE for name in others):
        return ""
    return "RetailTransaction without goods"


def _is_paid(retail: XmlNode) -> bool:
    """Whether money changed hands, as far as it can be read: then it was for something."""
    try:
        return bool(_total(retail))
    except NotTaken:
        return True


def persons_of(node: XmlNode) -> list[Json]:
    """The customer of a transaction, by number and card. Raises NotTaken."""
    found: list[Json] = []
    for one in node.within():
        inside: list[Json] = []
        if one.name == "Customer":
            inside = customer(code(one.said("CustomerID"), "CustomerID"))
        elif one.name in ("LoyaltyAccount", "LoyaltyMembership"):
            number_ = one.said("LoyaltyAccountID", "LoyaltyCardID", "CustomerLoyaltyAccountID")
            inside = loyalty_card(code(number_, "LoyaltyAccountID"))
        found += [person for person in inside if person not in found]
    return found


def names_somebody(node: XmlNode) -> bool:
    """Whether it has a name or an address, of whomever it is."""
    return any(one.name in NAMES for one in node.within())


def receipt_of(node: XmlNode, head: Mapping[str, str]) -> TillReceipt:
    """A transaction; `head` is what the log says once for all. Raises NotTaken."""
    retail = node.only("RetailTransaction")
    if retail is None:
        raise NotTaken("RetailTransaction", REQUIRED)
    place, kind = _place(node, head), _kind(node, retail)
    links = retail.all("TransactionLink") + node.all("TransactionLink")
    voided = [one for one in links if _folded(one.attributes.get("ReasonCode", "")) in VOIDING]
    if kind == SALE and voided:
        kind = VOID
    if kind == VOID and len(voided) > 1:
        raise NotTaken("TransactionLink", "takes back several transactions")
    origin = ("", "")
    if kind == VOID and voided:
        origin = _linked(voided[0], place)
    elif kind == SALE and len(links) == 1:
        origin = _linked(links[0], place)
    currency = _currency(node, retail)
    at = node.said("EndDateTime", "BeginDateTime") or retail.said("ReceiptDateTime")
    if not at:
        raise NotTaken("EndDateTime", REQUIRED)
    tenders = [one for line in _lines(retail) for one in line.all("Tender")]
    return TillReceipt(
        place,
        _number(node, place.till, "Transaction"),
        instant(at, "EndDateTime"),
        currency,
        _goods(retail, place, currency) if kind in (SALE, VOID) else [],
        kind,
        voids=origin[0] if kind == VOID else "",
        voids_issuer=origin[1] if kind == VOID else "",
        returns=origin[0] if kind == SALE else "",
        returns_issuer=origin[1] if kind == SALE else "",
        persons=persons_of(node),
        payments=list(dict.fromkeys(filter(None, map(_payment, tenders)))),
        agent=code(node.said("OperatorID"), "OperatorID"),
    )


def _folded(text: str) -> str:
    return "".join(one for one in text.casefold() if one.isalnum())


def _place(node: XmlNode, head: Mapping[str, str]) -> TillPlace:
    store = node.said(*STORE) or head.get("RetailStoreID", "").strip()
    till = node.said("WorkstationID")
    if not store or not till:
        raise NotTaken("RetailStoreID" if not store else "WorkstationID", REQUIRED)
    return TillPlace(SYSTEM, code(store, "RetailStoreID"), code(till, "WorkstationID"))


def _number(node: XmlNode, till: str, path: str) -> str:
    """Till, business day and number, by which transactions are told apart for ever."""
    day, sequence = node.said("BusinessDayDate")[:10], node.said("SequenceNumber")
    if not sequence or not day:
        raise NotTaken(f"{path}.{'BusinessDayDate' if sequence else 'SequenceNumber'}", REQUIRED)
    return receipt_number(till, day, sequence)


def _linked(link: XmlNode, place: TillPlace) -> tuple[str, str]:
    """Number and issuer of another transaction; empty if the link does not name one. Raises
    NotTaken."""
    if not link.said("SequenceNumber") or not link.said("BusinessDayDate"):
        return "", ""
    till = code(link.said("WorkstationID") or place.till, "WorkstationID")
    store = code(link.said(*STORE) or place.store, "RetailStoreID")
    return _number(link, till, "TransactionLink"), place._replace(store=store).issuer


def _kind(node: XmlNode, retail: XmlNode) -> str:
    both = (node, retail)
    if any(one.flag("TrainingModeFlag") or _type(one) in TRAININGS for one in both):
        return TRAINING
    if any(one.flag("CancelFlag") or one.flag("VoidFlag") for one in both):
        return ABORTED
    stated = retail.attributes.get("TransactionStatus") or node.attributes.get("TransactionStatus")
    kind = STATUSES.get(_folded(stated or ""))
    if kind is None:
        raise NotTaken("TransactionStatus", "is no status", RejectReason.UNKNOWN_TYPE)
    is_suspended = any(one.flag("SuspendedFlag") for one in both)
    return ABORTED if kind == SALE and is_suspended else kind


def _type(node: XmlNode) -> str:
    return _folded(
        node.attributes.get("TypeCode", "") or node.attributes.get("TransactionType", "")
    )


def _currency(node: XmlNode, retail: XmlNode) -> str:
    text = (node.said("CurrencyCode") or retail.said("CurrencyCode")).upper()
    if text and not (len(text) == 3 and text.isascii() and text.isalpha()):
        raise NotTaken("CurrencyCode", "must be a currency of three letters (ISO 4217)")
    return text


def _lines(retail: XmlNode) -> Iterator[XmlNode]:
    """The lines but those that were voided within the transaction."""
    return (
        one
        for one in retail.all("LineItem")
        if not any(_is_voided(part) for part in (one, *one.nodes))
    )


def _is_voided(part: XmlNode) -> bool:
    """Whether a line, or what it sells, was taken back before the end."""
    return part.flag("VoidFlag") or part.flag("CancelFlag")


def _payment(tender: XmlNode) -> str:
    return label(tender.attributes.get("TenderType") or tender.said("TenderID"), 40)


def _goods(retail: XmlNode, place: TillPlace, currency: str) -> list[SoldGoods]:
    """What was sold and came back, each with what it cost in the end. Raises NotTaken."""
    lines: list[LoggedLine] = []
    off = rounding = ZERO
    for one in _lines(retail):
        inside = [inner for inner in one.nodes if inner.name not in OF_LINE]
        for inner in inside:
            if inner.name in SELLING or inner.name in RETURNING:
                lines.append(_line(one, inner, place))
            elif inner.name == "Discount":
                off += abs(_amount(inner, "Amount"))
            elif inner.name == "Rounding":
                rounding += _amount(inner, "Amount")
            elif inner.name not in BESIDE:
                raise NotTaken("LineItem", f"has an element {inner.name[:40]!r}, which is not read")
    taxes = _taxes(retail, lines, currency)
    total = _total(retail)
    readings = list(_readings(lines, taxes, off, currency, rounding))
    for tolerance in (ZERO, CENT):
        found = [
            goods
            for made, meant, goods in readings
            if total is None or any(abs(made - one) <= tolerance for one in _meant(total, meant))
        ]
        if found:
            worth = {tuple(one.total for one in goods) for goods in found}
            if total is not None and len(worth) > 1:
                raise NotTaken("Total", "can be made up in more than one way")
            return found[0]
    raise NotTaken("Total", "is not what the lines make up")


def _readings(
    lines: Sequence[LoggedLine],
    taxes: Sequence[Decimal],
    off: Decimal,
    currency: str,
    rounding: Decimal,
) -> Iterator[tuple[Decimal, list[SoldGoods], list[SoldGoods]]]:
    """What the lines make up in each reading, the lines of it, and these with what was taken off
    the whole."""
    for is_before, is_net, is_off in product((False, True), (False, True), (False, True)):
        if (is_off and not off) or (is_net and not any(taxes)):
            continue
        found = [
            one.goods._replace(total=_worth(one.goods, tax if is_net else ZERO, is_before))
            for one, tax in zip(lines, taxes, strict=True)
        ]
        made = sum((one.total for one in found), rounding) - (off if is_off else ZERO)
        goods = [_with_price(one, tax, is_net) for one, tax in zip(found, taxes, strict=True)]
        with suppress(NotTaken):  # another reading may do
            yield made, found, with_discount(goods, off, currency) if is_off else goods


def _meant(total: Decimal, lines: Sequence[SoldGoods]) -> tuple[Decimal, ...]:
    """A total without a sign, too, where all of it came back."""
    return (total, -total) if all(one.total < 0 for one in lines) else (total,)


def _worth(goods: SoldGoods, tax: Decimal, is_before: bool) -> Decimal:
    sign = -1 if goods.total < 0 else 1
    return goods.total - (sign * goods.discount if is_before else ZERO) + tax


def _with_price(goods: SoldGoods, tax: Decimal, is_net: bool) -> SoldGoods:
    """A price that is stated without the tax is none of the shelf."""
    price = None if is_net and tax else goods.unit_price
    return priced(goods._replace(unit_price=None), price)


def _line(line: XmlNode, item: XmlNode, place: TillPlace) -> LoggedLine:
    """A line as it is written. Raises NotTaken."""
    kind = ITEM_TYPES.get(_folded(item.attributes.get("ItemType", "")))
    if kind is None:
        raise NotTaken("ItemType", "is no type of a line", RejectReason.UNKNOWN_TYPE)
    sign = -1 if item.name in RETURNING else 1
    quantity = _number_of(item, "Quantity", "1")
    amount = _amount(item, "ExtendedAmount")
    if sign < 0 or (
        kind == "deposit" and _folded(item.attributes.get("ItemType", "")) == "depositrefund"
    ):
        quantity, amount = -abs(quantity), -abs(amount)
    taxes = item.all("Tax")
    tax = sum((_amount(one, "Amount") for one in taxes if one.said("Amount")), ZERO)
    rates = {_number_of(one, "Percent", "0") for one in taxes if one.said("Percent")}
    link = item.first("TransactionLink", "ReturnTransactionLink")
    order, issuer = _linked(link, place) if link is not None else ("", "")
    identity = item.first("POSIdentity")
    is_gtin = identity is not None and _folded(identity.attributes.get("POSIDType", "")) in GTINS
    unit = item.first("Quantity")
    goods = SoldGoods(
        amount,
        quantity,
        kind,
        unit_of(unit.attributes.get("UnitOfMeasureCode", "") if unit is not None else ""),
        unit_price=_price(item),
        discount=_discount(item),
        line_id=code(line.said("SequenceNumber"), "LineItem.SequenceNumber"),
        sku=code(item.said("ItemID"), "ItemID"),
        gtin=code(item.said("POSIdentity/POSItemID", "GTIN") if is_gtin else item.said("GTIN"),
                  "POSItemID"),
        title=label(item.said("Description")),
        category=label(item.said("MerchandiseHierarchy"), 100),
        tax_rate=rates.pop() / HUNDRED if len(rates) == 1 else None,
        of_order=order,
        of_issuer=issuer,
    )  # fmt: skip
    return LoggedLine(goods, -abs(tax) if sign < 0 else tax)


def _amount(node: XmlNode, name: str) -> Decimal:
    found = node.only(name)
    text = "" if found is None else found.text
    if not text:
        raise NotTaken(f"{node.name}.{name}", REQUIRED)
    return money(text, f"{node.name}.{name}", ".")


def _number_of(node: XmlNode, name: str, usual: str) -> Decimal:
    found = node.only(name)
    text = "" if found is None else found.text
    return number(text or usual, f"{node.name}.{name}", ".")


def _price(item: XmlNode) -> Decimal | None:
    """Of one unit: that before the discounts, if both are stated."""
    text = item.said("RegularSalesUnitPrice", "ActualSalesUnitPrice")
    return money(text, f"{item.name}.RegularSalesUnitPrice", ".") if text else None


def _discount(item: XmlNode) -> Decimal:
    """Of the whole line, as a positive amount."""
    stated = item.said("ExtendedDiscountAmount")
    if stated:
        return abs(money(stated, f"{item.name}.ExtendedDiscountAmount", "."))
    off = ZERO
    for one in item.all("RetailPriceModifier"):
        amount = one.first("Amount")
        if amount is not None and not one.flag("VoidFlag"):
            value = abs(_amount(one, "Amount"))
            adds = _folded(amount.attributes.get("Action", "")) in ("add", "increase")
            off += -value if adds else value
    return max(ZERO, off)


def _taxes(retail: XmlNode, lines: Sequence[LoggedLine], currency: str) -> list[Decimal]:
    """The tax of each line: its own, or its share of that of the transaction."""
    own = [one.tax for one in lines]
    if any(own):
        return own
    nodes = [one for line in _lines(retail) for one in line.all("Tax")] + retail.all("Tax")
    whole = sum((_amount(one, "Amount") for one in nodes if one.said("Amount")), ZERO)
    weights = [abs(one.goods.total) for one in lines]
    if not whole or not any(weights):
        return [ZERO] * len(lines)
    return [rounded(one) for one in shares(whole, weights, step_of(currency))]


def _total(retail: XmlNode) -> Decimal | None:
    """What was to be paid: as stated, else what was paid; None if neither is."""
    stated = [one for one in retail.all("Total") if one.attributes.get("TotalType") == GRAND]
    if stated:
        return money(stated[-1].text, "Total", ".")
    paid = [one for line in _lines(retail) for one in line.all("Tender") if one.said("Amount")]
    if not paid:
        return None
    amounts = ZERO
    for one in paid:
        sign = -1 if _folded(one.attributes.get("TypeCode", "")) in ("refund", "return") else 1
        change = one.said("TenderChange/Amount")
        amounts += sign * abs(_amount(one, "Amount")) if sign < 0 else _amount(one, "Amount")
        amounts -= abs(money(change, "TenderChange.Amount", ".")) if change else ZERO
    return amounts

"""One receipt of DSFinV-K: its head, lines, amounts, payments and references as touchpoints.

What a line is, the kind of its business case says (GV_TYP). Some are goods; others are how goods
were paid, or move cash. All together must make up the total of the receipt. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from schemas.reject import RejectReason
from services.intake.amounts import ZERO
from services.intake.dsfinvk.master import ClosingData
from services.intake.fields import REQUIRED, NotTaken
from services.intake.shops.message import Json
from services.intake.tills.receipt import (
    ABORTED,
    OTHER,
    SALE,
    TRAINING,
    VOID,
    SoldGoods,
    TillReceipt,
    customer,
    priced,
    receipt_number,
    unit_of,
    with_discount,
    without_voided,
)
from services.intake.tills.values import code, instant, label, money, number, rounded

Row = dict[str, str]
BON_TYPES = {
    "beleg": SALE, "avtransfer": OTHER, "avbestellung": OTHER, "avtraining": TRAINING,
    "avbelegstorno": VOID, "avbelegabbruch": ABORTED, "avsachbezug": OTHER, "avsonstige": OTHER,
    "avrechnung": OTHER,
}  # fmt: skip
LINES: Mapping[str, str] = {
    "umsatz": "product", "pfand": "deposit", "pfandrueckzahlung": "deposit",
    "mehrzweckgutscheinkauf": "gift_card", "einzweckgutscheinkauf": "gift_card",
    "aufschlag": "fee", "trinkgeldag": "fee", "trinkgeldan": "fee",
}  # fmt: skip
"""Business cases that are lines, and the kind of line each of them is."""
DISCOUNT = "rabatt"
VOUCHERS = frozenset({"mehrzweckgutscheineinloesung", "einzweckgutscheineinloesung"})
PAID_BY = VOUCHERS | {"zuschussecht", "zuschussunecht", "forderungsentstehung",
                      "anzahlungsaufloesung"}  # fmt: skip
"""Those that say how goods were paid: by a voucher, by somebody else, later, or before."""
CASH = frozenset(
    {
        "anzahlungseinstellung", "forderungsaufloesung", "anfangsbestand", "privateinlage",
        "privatentnahme", "geldtransit", "lohnzahlung", "einzahlung", "auszahlung",
        "differenzsollist",
    }
)  # fmt: skip
"""Those that sell nothing: money is paid in, out or ahead, or an old claim is settled."""
SOLD = frozenset({*LINES, DISCOUNT})
ROUNDED = Decimal("0.02")
"""How far lines of five decimals may be from a total of two."""
CONSUMERS = frozenset({"", "kunde", "endkunde", "privatkunde", "privat", "verbraucher"})
NONE_PAID = "keine"
STORNO = {"1": True, "true": True, "0": False, "false": False, "": False}
WALK_IN = frozenset(
    {
        "laufkunde", "laufkundschaft", "barverkauf", "barkunde", "bar-verkauf", "sammelkunde",
        "diverse", "diverser", "einmalkunde", "unbekannt", "anonym", "gast", "kunde", "cpd",
    }
)  # fmt: skip
"""What tills call everybody who has no number; their number for them is nobody's."""


class ReceiptRows(NamedTuple):
    """All that an export says of one receipt."""

    head: Row
    lines: Sequence[Row]
    amounts: Sequence[Row]
    """Of the lines, by tax."""
    prices: Sequence[Row]
    """How prices came about: discounts and surcharges of lines."""
    payments: Sequence[Row]
    references: Sequence[Row]


class Reference(NamedTuple):
    """Another receipt that one names."""

    line: str
    """Number of the line that names it; empty: the receipt as a whole."""
    order: str
    issuer: str


def folded(name: str) -> str:
    """The name of a kind, however its letters are written."""
    return name.strip().casefold().translate({ord("ö"): "oe", ord("ü"): "ue", ord("ä"): "ae"})


def kind_of(head: Row) -> str:
    """The kind of a receipt. Raises NotTaken for a type that the specification does not have."""
    kind = BON_TYPES.get(folded(head["BON_TYP"]))
    if kind is None:
        raise NotTaken("BON_TYP", "is no type of receipt", RejectReason.UNKNOWN_TYPE)
    return VOID if kind == SALE and is_reversed(head, "BON_STORNO") else kind


def is_reversed(row: Row, name: str) -> bool:
    """Whether a receipt or a line says that it takes another one back. Raises NotTaken for what is
    neither yes nor no."""
    found = STORNO.get(row.get(name, "").strip().lower())
    if found is None:
        raise NotTaken(name, "must be 0 or 1")
    return found


def is_walk_in(head: Row) -> bool:
    """Whether the receipt names everybody who has no number."""
    return folded(head.get("KUNDE_NAME", "")) in WALK_IN


def persons_of(head: Row) -> list[Json]:
    """The customer of a receipt by number, if it is one of somebody. Raises NotTaken."""
    if is_walk_in(head):
        return []
    return customer(code(head.get("KUNDE_ID", ""), "KUNDE_ID"))


def without_goods(rows: ReceiptRows) -> str:
    """What a receipt is about on which nothing is sold; empty if something is. Raises NotTaken."""
    if not rows.lines:
        if (rows.head.get("UMS_BRUTTO") or "0").strip("0,.- "):
            raise NotTaken("BON_ID", "has a total, and no lines")
        return "receipt without lines"
    cases = [folded(one["GV_TYP"]) for one in rows.lines]
    nothing_sold = all(case in CASH or case in PAID_BY for case in cases)
    return f"receipt of {label(rows.lines[0]['GV_TYP'], 40)}" if nothing_sold else ""


def receipt_of(
    rows: ReceiptRows, of_closing: ClosingData, stores: Mapping[str, str]
) -> TillReceipt:
    """A receipt; `stores` are those of all tills of the export. Raises NotTaken."""
    head, decimal = rows.head, of_closing.decimal
    references = _references(rows, of_closing, stores)
    kind, names = kind_of(head), [one["POS_ZEILE"] for one in rows.lines]
    if len(set(names)) < len(names):
        raise NotTaken("POS_ZEILE", "two lines of the receipt have this number")
    if kind == VOID:  # it takes back the whole, whichever of its lines says of which receipt
        references = [one._replace(line="") for one in references]
    of_whole = list(
        dict.fromkeys((one.order, one.issuer) for one in references if one.line not in names)
    )
    if kind == VOID and len(of_whole) > 1:
        raise NotTaken("REF_BON_ID", "takes back several receipts")
    named = of_whole[0] if len(of_whole) == 1 else ("", "")
    by_line: dict[str, Reference] = {}
    for one in references:
        if one.line in names and by_line.setdefault(one.line, one) != one:
            raise NotTaken("REF_BON_ID", "a line names several receipts")
    lines: list[SoldGoods] = []
    if kind in (SALE, VOID):
        found = [_line(rows, row, of_closing, by_line) for row in rows.lines]
        lines = _made_up(rows, found, of_closing, names_another=bool(named[0]) and kind == SALE)
    at = head.get("BON_ENDE") or head.get("BON_START") or ""
    if not at:
        raise NotTaken("BON_ENDE", REQUIRED)
    is_void = kind == VOID
    return TillReceipt(
        of_closing.place._replace(device=code(head.get("TERMINAL_ID", ""), "TERMINAL_ID")),
        of_closing.receipt(head["BON_ID"]),
        instant(at, "BON_ENDE"),
        of_closing.currency,
        lines,
        kind,
        voids=named[0] if is_void else "",
        voids_issuer=named[1] if is_void else "",
        returns="" if is_void else named[0],
        returns_issuer="" if is_void else named[1],
        gross=money(head["UMS_BRUTTO"], "UMS_BRUTTO", decimal) if head.get("UMS_BRUTTO") else None,
        persons=persons_of(head),
        payments=_payments(rows, of_closing),
        vouchers=_vouchers(rows),
        customer_group=_group(head),
        agent=code(head.get("BEDIENER_ID", ""), "BEDIENER_ID"),
    )


def _line(
    rows: ReceiptRows, row: Row, of_closing: ClosingData, references: Mapping[str, Reference]
) -> tuple[str, SoldGoods]:
    """A line with its business case. Raises NotTaken."""
    case, decimal, name = folded(row["GV_TYP"]), of_closing.decimal, row["POS_ZEILE"]
    if case not in SOLD and case not in PAID_BY and case not in CASH:
        raise NotTaken("GV_TYP", "is no business case", RejectReason.UNKNOWN_TYPE)
    amounts = [one for one in rows.amounts if one["POS_ZEILE"] == name]
    if not amounts:
        raise NotTaken("POS_BRUTTO", "a line has no amount in lines_vat.csv")
    keys = list(dict.fromkeys(one["UST_SCHLUESSEL"] for one in amounts))
    total = sum((_gross(one, "POS", decimal) for one in amounts), ZERO)
    prices = [one for one in rows.prices if one["POS_ZEILE"] == name]
    agency = row.get("AGENTUR_ID", "")
    origin = references.get(name)
    line = SoldGoods(
        total,
        number(row["MENGE"] or "1", "MENGE", decimal),
        LINES.get(case, "product"),
        unit_of(row.get("EINHEIT", "")),
        discount=abs(_priced(prices, "discount", decimal)),
        surcharge=abs(_priced(prices, "extra_amount", decimal)),
        line_id=code(name, "POS_ZEILE"),
        sku=code(row.get("ART_NR", ""), "ART_NR"),
        gtin=code(row.get("GTIN", ""), "GTIN"),
        title=label(row.get("ARTIKELTEXT") or row.get("GV_NAME", "")),
        category=label(row.get("WARENGR") or row.get("WARENGR_ID", ""), 100),
        tax_rate=of_closing.rates.get(keys[0]) if len(keys) == 1 else None,
        seller=of_closing.agencies.get(agency, agency) if agency.strip("0") else "",
        voids=is_reversed(row, "P_STORNO"),
        of_order=origin.order if origin else "",
        of_issuer=origin.issuer if origin else "",
    )
    price = row.get("STK_BR")
    return case, priced(line, money(price, "STK_BR", decimal)) if price else line


def _gross(row: Row, prefix: str, decimal: str) -> Decimal:
    """The amount of a row: gross, or net and tax where only these are counted. Raises NotTaken."""
    name = f"{prefix}_BRUTTO"
    gross = money(row[name], name, decimal) if row[name] else ZERO
    if gross:
        return gross
    parts = [f"{prefix}_NETTO", f"{prefix}_UST"]
    said = [number(row[one], one, decimal) for one in parts if row.get(one)]
    if not said and not row[name]:
        raise NotTaken(name, REQUIRED)
    return rounded(sum(said, ZERO))


def _priced(prices: Sequence[Row], kind: str, decimal: str) -> Decimal:
    mine = (one for one in prices if one["TYP"].strip().lower() == kind)
    return sum((_gross(one, "PF", decimal) for one in mine), ZERO)


def _made_up(
    rows: ReceiptRows,
    lines: Sequence[tuple[str, SoldGoods]],
    of_closing: ClosingData,
    *,
    names_another: bool,
) -> list[SoldGoods]:
    """The goods after the discounts of the whole receipt, which no line bears that was taken back.
    Raises NotTaken where all lines do not make up its total: some tills count in it only what is
    turnover."""
    if rows.head.get("UMS_BRUTTO"):
        stated = money(rows.head["UMS_BRUTTO"], "UMS_BRUTTO", of_closing.decimal)
        sums = (
            sum((line.total for case, line in lines if case in counted), ZERO)
            for counted in (SOLD | PAID_BY | CASH, SOLD | PAID_BY, SOLD, {"umsatz", DISCOUNT})
        )
        if all(abs(one - stated) > ROUNDED for one in sums):
            raise NotTaken("UMS_BRUTTO", "is not what the lines make up")
    goods = [line for case, line in lines if case in LINES]
    off: dict[Decimal | None, Decimal] = {}
    for case, line in lines:
        if case == DISCOUNT:
            off[line.tax_rate] = off.get(line.tax_rate, ZERO) - line.total
    if not any(off.values()):
        return goods
    goods, cancelled = without_voided(goods, names_another=names_another)
    for rate, amount in off.items():
        if amount:
            goods = with_discount(goods, amount, of_closing.currency, rate)
    return [*goods, *cancelled]


def _payments(rows: ReceiptRows, of_closing: ClosingData) -> list[str]:
    """How it was paid, each way once; with the currency if it is another one."""
    found = []
    for one in rows.payments:
        kind, currency = one["ZAHLART_TYP"], one.get("ZAHLWAEH_CODE", "")
        if folded(kind) != NONE_PAID:
            is_foreign = currency and currency != of_closing.currency
            found.append(f"{kind} {currency}" if is_foreign else kind)
    return list(dict.fromkeys(found))


def _vouchers(rows: ReceiptRows) -> list[str]:
    """Numbers of the vouchers by which it was paid."""
    used = (one for one in rows.lines if folded(one["GV_TYP"]) in VOUCHERS)
    numbers = [code(one.get("GUTSCHEIN_NR", ""), "GUTSCHEIN_NR") for one in used]
    return list(dict.fromkeys(filter(None, numbers)))[:20]


def _group(head: Row) -> str:
    """For whom the prices of the receipt are, if not for everybody."""
    kind = label(head.get("KUNDE_TYP", ""), 100)
    return "" if folded(kind) in CONSUMERS else kind


def _references(
    rows: ReceiptRows, of_closing: ClosingData, stores: Mapping[str, str]
) -> list[Reference]:
    """The receipts that this one names; what it names in other systems is none."""
    found = []
    for one in rows.references:
        bon = one["REF_BON_ID"]
        if not bon or folded(one["REF_TYP"]).startswith("extern"):
            continue
        till = one.get("REF_Z_KASSE_ID") or of_closing.place.till
        closing = one.get("REF_Z_NR") or of_closing.number
        store = of_closing.place.store
        if till != of_closing.place.till:
            store = stores.get(till, store)
        order = receipt_number(till, closing_number(closing, of_closing.decimal), bon)
        issuer = of_closing.place._replace(store=store).issuer
        found.append(Reference(one.get("POS_ZEILE", ""), order, issuer))
    return found


def closing_number(text: str, decimal: str) -> str:
    """The number of a closing without what sets its thousands apart. Raises NotTaken."""
    found = number(text, "Z_NR", decimal)
    if found != found.to_integral_value():
        raise NotTaken("Z_NR", "must be a whole number")
    return f"{int(found)}"

"""Receipts in a plain table, one row for each line of a receipt.

The rows of a receipt may stand anywhere. They are taken together or not at all: one row that cannot
be read costs its receipt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import BinaryIO, NamedTuple

from schemas.faults import Fault
from schemas.touchpoint import IDENTIFIERS_MAX
from services.intake.amounts import ZERO
from services.intake.fields import REQUIRED, NotTaken
from services.intake.format import FilePart, Refused, UnreadableFile
from services.intake.shops.message import Json
from services.intake.tables.numbers import DecimalSign, NoNumber, parts_of
from services.intake.tills.columns import LINE_KINDS, OF_RECEIPT, RECEIPT_KINDS, columns_of
from services.intake.tills.keyed_rows import KeyedRow, KeyedRows, require_few
from services.intake.tills.receipt import (
    PARTED,
    SoldGoods,
    TillPlace,
    TillReceipt,
    customer,
    fault_of,
    loyalty_card,
    priced,
    receipt_number,
    refusal_of,
    touchpoints_of,
    unit_of,
)
from services.intake.tills.table import (
    Dialect,
    TableRecord,
    named_values,
    records,
    text_lines,
    values_of,
)
from services.intake.tills.values import code, instant, label, money, number

SYSTEM = "receipts"
SEPARATOR = "\x1f"
NUMBERED_BY = ("store", "till", "closing", "receipt")
PRINTED_WITHIN = timedelta(hours=12)
"""Rows of one receipt are not further apart; of two receipts with one number they are."""
HUNDRED = Decimal(100)
NUMBERS = ("total", "unit price", "discount", "quantity", "tax rate")
CUT_OFF = "ends within a line: it was cut off. If it is whole, end its last line with a line break"
Row = dict[str, str]


class ReceiptTable(NamedTuple):
    """How one table is written."""

    head: str
    """Its first record, as it is written."""
    head_lines: int
    """Lines up to that record, it included."""
    columns: list[str]
    dialect: Dialect
    decimal: str = ""
    """The sign before the decimals of its numbers; empty if none of them says which it is."""

    def row(self, values: Sequence[str]) -> Row:
        """The values of a record; of a record with too many or too few no row. Raises NotTaken."""
        if any(value.strip() for value in values[len(self.columns) :]):
            raise NotTaken("", "a row has more values than the table has columns")
        if len(values) < len(self.columns):
            raise NotTaken("", "a row has fewer values than the table has columns")
        return named_values(self.columns, values)


def read_table(stream: BinaryIO) -> Iterator[FilePart]:
    """The touchpoints of a table. Raises UnreadableFile before the first, if it does not hold
    together."""
    lines = text_lines(stream)
    head_lines, first = next(
        ((number, one) for number, one in enumerate(lines, 1) if one.strip()), (0, "")
    )
    if not first:
        raise UnreadableFile("is empty: it holds no receipt")
    dialect = Dialect(max(";\t,|", key=first.count))
    head = next(records([first], dialect), None)
    if head is None:
        raise UnreadableFile("is no table of receipts: it has no column 'receipt'")
    table = ReceiptTable(first, head_lines, columns_of(head.values), dialect)
    signs = set[DecimalSign]()
    with KeyedRows() as kept:
        kept.add("rows", _keyed(table, records(lines, dialect), signs))
        kept.arrange()
        table = table._replace(decimal=_decimal(signs))
        for key in kept.keys("rows"):
            yield from _parts(table, kept.of("rows", key))


def _decimal(signs: set[DecimalSign]) -> str:
    """The sign before the decimals in a table, by all its numbers. Raises UnreadableFile if they
    contradict each other."""
    if signs >= {DecimalSign.POINT, DecimalSign.COMMA}:
        raise UnreadableFile("has decimal points and decimal commas: export it in one notation")
    return "," if DecimalSign.COMMA in signs else "." if DecimalSign.POINT in signs else ""


def _keyed(
    table: ReceiptTable, found: Iterable[TableRecord], signs: set[DecimalSign]
) -> Iterator[tuple[str, KeyedRow]]:
    """The records by their receipts; how their numbers are written is noted in `signs`."""
    for one in found:
        if not one.text.endswith(("\n", "\r")):
            raise UnreadableFile(CUT_OFF)
        row = named_values(table.columns, one.values)
        for name in NUMBERS:
            with suppress(NoNumber):  # it is refused where it is read
                signs.add(parts_of(row.get(name, "")).sign)
        yield SEPARATOR.join(row.get(name, "") for name in NUMBERED_BY), one.row


def _parts(table: ReceiptTable, rows: Sequence[KeyedRow]) -> Iterator[FilePart]:
    place = f"line {rows[0].number + table.head_lines}"
    named: list[Json] | None = None
    at = ""
    try:
        require_few(rows)
        plain = [table.row(values_of(one, table.dialect)) for one in rows]
        named = _persons(plain)
        at = _at(plain)
        whole = _of_receipt(plain)
        for one in touchpoints_of(_receipt(whole, plain, named, at, table.decimal)):
            yield FilePart(place, one)
    except Exception as error:
        yield FilePart(place, _refused(table, rows, fault_of(error), named, at))


def _refused(
    table: ReceiptTable, rows: Sequence[KeyedRow], fault: Fault, named: list[Json] | None, at: str
) -> Refused:
    """With the rows as they are written; without them if nobody can tell whom they name."""
    if named is None or len(named) > IDENTIFIERS_MAX:
        return Refused(b"", fault)
    text = table.head + "".join(one.text for one in rows)
    return Refused(text.encode(), fault, refusal_of(SYSTEM, named, at))


def _of_receipt(rows: Sequence[Row]) -> Row:
    """What is said of the receipt as a whole. Raises NotTaken where rows contradict each other."""
    whole: Row = {}
    for name in OF_RECEIPT:
        said = list(dict.fromkeys(one[name] for one in rows if one.get(name)))
        if len(said) > 1 and name not in ("time", "clock"):
            raise NotTaken(name, "rows of one receipt contradict each other")
        whole[name] = said[0] if said else ""
    return whole


def _at(rows: Sequence[Row]) -> str:
    """The latest time of its rows."""
    said = [instant(one["time"], "time", one.get("clock", "")) for one in rows if one.get("time")]
    if not said:
        raise NotTaken("time", REQUIRED)
    times = [datetime.fromisoformat(one) for one in (min(said), max(said))]
    if times[1] - times[0] > PRINTED_WITHIN:
        raise NotTaken("time", "rows of one receipt are half a day apart: if numbers begin again, "
                       "give the closing, too")  # fmt: skip
    return max(said)


def _persons(rows: Sequence[Row]) -> list[Json]:
    """Whom the rows name: one customer and card, unless they contradict each other."""
    found: list[Json] = []
    for one in rows:
        found += customer(code(one.get("customer", ""), "customer"))
        found += loyalty_card(code(one.get("card", ""), "card"))
    return [one for place, one in enumerate(found) if one not in found[:place]]


def _other(whole: Row, said: str, name: str) -> str:
    """The number of another receipt: of the same till and closing, unless it names them."""
    if not said or (PARTED in said and said.partition(PARTED)[0] == whole["till"]):
        return code(said, name)
    return receipt_number(whole["till"], whole["closing"], said)


def _receipt(
    whole: Row, rows: Sequence[Row], persons: list[Json], at: str, decimal: str
) -> TillReceipt:
    if not whole["receipt"]:
        raise NotTaken("receipt", REQUIRED)
    kind = RECEIPT_KINDS.get(whole["kind"].casefold())
    if kind is None:
        raise NotTaken("kind", f"must be one of {', '.join(sorted(set(RECEIPT_KINDS.values())))}")
    currency = whole["currency"].upper()
    if currency and not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise NotTaken("currency", "must be a currency of three letters (ISO 4217)")
    payments = [part.strip() for one in rows for part in one.get("payment", "").split("+")]
    return TillReceipt(
        TillPlace(SYSTEM, code(whole["store"], "store"), code(whole["till"], "till")),
        receipt_number(whole["till"], whole["closing"], whole["receipt"]),
        at,
        currency,
        [_line(whole, one, decimal) for one in rows],
        kind,
        voids=_other(whole, whole["voids"], "voids"),
        persons=persons,
        payments=list(dict.fromkeys(filter(None, payments))),
        agent=code(whole["cashier"], "cashier"),
    )


def _line(whole: Row, row: Row, decimal: str) -> SoldGoods:
    kind = LINE_KINDS.get(row.get("line kind", "").casefold())
    if kind is None:
        raise NotTaken("line kind", f"must be one of {', '.join(sorted(set(LINE_KINDS.values())))}")
    if not row.get("total"):
        raise NotTaken("total", REQUIRED)
    discount, price = row.get("discount"), row.get("unit price")
    line = SoldGoods(
        money(row["total"], "total", decimal),
        number(row.get("quantity") or "1", "quantity", decimal),
        kind,
        unit_of(row.get("unit", "")),
        discount=abs(money(discount, "discount", decimal)) if discount else ZERO,
        line_id=code(row.get("line", ""), "line"),
        sku=code(row.get("sku", ""), "sku"),
        gtin=code(row.get("gtin", ""), "gtin"),
        title=label(row.get("title", "")),
        category=label(row.get("category", ""), 100),
        tax_rate=_rate(row.get("tax rate", ""), decimal),
        of_order=_other(whole, row.get("original", ""), "original"),
    )
    return priced(line, money(price, "unit price", decimal)) if price else line


def _rate(text: str, decimal: str) -> Decimal | None:
    if not text:
        return None
    rate = number(text.rstrip("% "), "tax rate", decimal) / HUNDRED
    if not 0 <= rate <= 1:
        raise NotTaken("tax rate", "must be a percentage")
    return rate

"""An export of DSFinV-K: its tables joined to receipts, its closings, and what belongs to neither.

All rows of a receipt are taken together, in whatever order the tables are. A closing is reported
with its own totals, so that receipts that are missing, or were refused, are found.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from schemas.faults import Fault
from schemas.reject import RejectReason
from services.intake.amounts import ZERO, plain
from services.intake.dsfinvk.archive import ExportFiles, UnpackedFiles, packed
from services.intake.dsfinvk.index import OF_RECEIPT, ExportTable, tables_of
from services.intake.dsfinvk.master import (
    KEY_NAMES,
    SYSTEM,
    ClosingData,
    ClosingTables,
    key_of,
)
from services.intake.dsfinvk.receipt import (
    SOLD,
    STORNO,
    ReceiptRows,
    Row,
    folded,
    is_walk_in,
    kind_of,
    persons_of,
    receipt_of,
    without_goods,
)
from services.intake.fields import NotTaken
from services.intake.format import FilePart, Ignored, Refused
from services.intake.shops.message import Json, digest, given, touchpoint
from services.intake.tills.keyed_rows import KeyedRow, KeyedRows, require_few
from services.intake.tills.receipt import (
    SALE,
    TILL,
    VOID,
    TillReceipt,
    fault_of,
    refusal_of,
    touchpoints_of,
)
from services.intake.tills.table import named_values, values_of

HEADS = "transactions.csv"
COUNTED = "beleg"
"""Receipts of all other types are no part of the totals of a closing."""
DETAILS = ("lines.csv", "lines_vat.csv", "itemamounts.csv", "datapayment.csv", "references.csv")
SEPARATOR = "\x1f"
NAMELESS = ("KUNDE_NAME", "KUNDE_STRASSE", "KUNDE_USTID", "BON_NOTIZ")
"""Fields that may name somebody of whom there is no number: nobody can tell whom."""
STAFF = "BEDIENER_NAME"
"""Not kept either."""


def read_archive(stream: BinaryIO) -> Iterator[FilePart]:
    """The touchpoints of an export in a ZIP archive. Raises UnreadableFile."""
    with packed(stream) as files:
        yield from _export(files)


def read_unpacked(directory: Path) -> Iterator[FilePart]:
    """The same of an export that was unpacked."""
    yield from _export(UnpackedFiles(directory))


def _export(files: ExportFiles) -> Iterator[FilePart]:
    tables = tables_of(files)
    master = ClosingTables(files, tables)
    with KeyedRows() as kept:
        for name in (HEADS, *DETAILS):
            if name in tables:
                kept.add(name, _keyed(files, tables[name]))
        kept.arrange()
        for key in kept.keys(HEADS):
            yield from Joined(tables, master, kept, key).parts()
        for name in DETAILS:
            yield from _lost(name, kept)
    for of_closing in master.closings.values():
        yield _closed(of_closing)


def _keyed(files: ExportFiles, table: ExportTable) -> Iterator[tuple[str, KeyedRow]]:
    names = (*KEY_NAMES, OF_RECEIPT[-1])
    for record in table.records(files):
        row = table.row(record)
        yield SEPARATOR.join(row.get(name, "") for name in names), record.row


def _lost(name: str, kept: KeyedRows) -> Iterator[FilePart]:
    """Rows of a table that belong to no receipt, as one refusal: there may be as many as rows."""
    first, count = 0, 0
    for _, number in kept.without(name, HEADS):
        first, count = first or number, count + 1
    if count:
        message = f"rows of {count:,} receipts that {HEADS} does not have"
        fault = Fault(RejectReason.INVALID_FIELD, "BON_ID", message)
        yield FilePart(f"{name}, line {first}", Refused(b"", fault))


class Joined:
    """All rows of one receipt."""

    def __init__(
        self, tables: Mapping[str, ExportTable], master: ClosingTables, kept: KeyedRows, key: str
    ) -> None:
        self._tables, self._master = tables, master
        self._heads = kept.of(HEADS, key)
        self._details = {name: _once(kept.of(name, key)) for name in DETAILS if name in tables}
        self._head = self._rows(HEADS, self._heads)[0]

    def parts(self) -> Iterator[FilePart]:
        """What becomes of it."""
        head = self._head
        place = f"receipt {head['Z_KASSE_ID']}/{head['Z_NR']}/{head['BON_ID']}"
        of_closing = self._master.closings.get(key_of(head))
        receipt: TillReceipt | None = None
        fault: Fault | None = None
        found: list[bytes] = []
        try:
            require_few(self._heads, *self._details.values())
            if len({one.text for one in self._heads}) > 1:
                raise NotTaken("BON_ID", "two receipts have this number")
            if of_closing is None:
                raise NotTaken("Z_NR", "is no closing of cashpointclosing.csv")
            rows, kind = self._receipt_rows(), kind_of(head)
            if kind == SALE and (why := without_goods(rows)):
                yield FilePart(place, Ignored(why))
                return
            receipt = receipt_of(rows, of_closing, self._master.stores)
            found = touchpoints_of(receipt)
        except Exception as error:
            fault = fault_of(error)
        if of_closing is not None:
            self._count(of_closing, receipt)
        if fault is not None:
            yield FilePart(place, self._refused(fault, receipt.at if receipt else ""))
        for one in found:
            yield FilePart(place, one)

    def _rows(self, name: str, rows: list[KeyedRow]) -> list[Row]:
        table = self._tables[name]
        return [named_values(table.columns, values_of(one, table.dialect)) for one in rows]

    def _receipt_rows(self) -> ReceiptRows:
        found = {name: self._rows(name, rows) for name, rows in self._details.items()}
        return ReceiptRows(self._head, *(found.get(name, []) for name in DETAILS))

    def _count(self, of_closing: ClosingData, receipt: TillReceipt | None) -> None:
        """What the closing counts: sales, also those that were refused."""
        if folded(self._head["BON_TYP"]) != COUNTED:
            return
        if receipt is not None and receipt.kind == VOID:
            taken = sum((one.total for one in receipt.lines), ZERO)
            of_closing.voided += max(ZERO, -taken)
        elif not STORNO.get(self._head["BON_STORNO"].strip().lower(), False):
            of_closing.receipts += 1
            if receipt is not None:
                of_closing.opened_at = min(of_closing.opened_at or receipt.at, receipt.at)

    def _refused(self, fault: Fault, at: str) -> Refused:
        """With its rows, table by table, as they are written but for the cashier; without them if
        nobody can tell whom they name."""
        try:
            persons = persons_of(self._head)
        except NotTaken:
            return Refused(b"", fault)
        names_somebody = any(self._head.get(name) for name in NAMELESS)
        if not persons and names_somebody and not is_walk_in(self._head):
            return Refused(b"", fault)
        head = dict(self._head)
        if STAFF in head:
            head[STAFF] = ""
        text = f"{HEADS}\n{_written(self._tables[HEADS], head)}"
        for name, rows in self._details.items():
            text += f"{name}\n" + "".join(one.text for one in rows) if rows else ""
        return Refused(text.encode(), fault, refusal_of(SYSTEM, persons, at))


def _once(rows: list[KeyedRow]) -> list[KeyedRow]:
    """Rows without those that stand again: a closing may be in an export twice."""
    return list({one.text: one for one in reversed(rows)}.values())[::-1]


def _written(table: ExportTable, row: Row) -> str:
    to = io.StringIO()
    csv.writer(to, delimiter=table.dialect.delimiter, lineterminator="\n").writerow(row.values())
    return to.getvalue()


def _closed(of_closing: ClosingData) -> FilePart:
    """A closing with its own totals, as far as it has any."""
    place, number = of_closing.place, of_closing.number
    where = f"closing {place.till}/{number}"
    if not of_closing.totals:
        return FilePart(where, Ignored("closing without totals (businesscases.csv)"))
    total = sum((one for case, one in of_closing.totals if folded(case) in SOLD), Decimal(0))
    body: Json = {
        "till": place.till,
        "number": number,
        "receipts": of_closing.receipts,
        "gross": plain(total + of_closing.voided, "Z_UMS_BRUTTO"),
        "closed_at": of_closing.closed_at,
        **given(currency=of_closing.currency, opened_at=of_closing.opened_at),
    }
    return FilePart(
        where,
        touchpoint(
            "till.closed",
            f"{SYSTEM}-{digest(place.store, place.till, number, 'closed')}",
            of_closing.closed_at,
            body,
            system=SYSTEM,
            channel=TILL,
            store=place.store,
            till=place.till,
        ),
    )

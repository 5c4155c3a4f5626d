"""`index.xml`: which tables an export has, how they are written, and what their columns are.

Its form is that of GDPdU (gdpdu-01-09-2004.dtd). Tables are known by their names in the
specification, or by those of their files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import NamedTuple

from services.intake.dsfinvk.archive import INDEX, INDEX_BYTES_MAX, ExportFiles
from services.intake.format import UnreadableFile
from services.intake.tills.table import Dialect, TableRecord, named_values, records, text_lines
from services.intake.tills.xml import XmlNode, document_of

ENCODINGS = {
    "UTF8": "", "ANSI": "", "OEM": "cp850", "UTF16": "utf-16", "Macintosh": "mac_roman",
}  # fmt: skip
"""Indices say ANSI of tables in UTF-8, too; which of both a line is, it says itself."""
KEY = ("Z_KASSE_ID", "Z_NR")
OF_RECEIPT = (*KEY, "BON_ID")
OF_LINE = (*OF_RECEIPT, "POS_ZEILE")


class TableKind(NamedTuple):
    """A table of the specification that is read."""

    name: str
    """Of its file."""
    said: str
    """In the specification."""
    columns: tuple[str, ...]
    """Without which it says nothing."""
    is_needed: bool = False


TABLES = (
    TableKind("transactions.csv", "Bonkopf", (*OF_RECEIPT, "BON_TYP", "BON_STORNO"), True),
    TableKind("lines.csv", "Bonpos", (*OF_LINE, "GV_TYP", "MENGE"), True),
    TableKind("lines_vat.csv", "Bonpos_USt", (*OF_LINE, "UST_SCHLUESSEL", "POS_BRUTTO"), True),
    TableKind("itemamounts.csv", "Bonpos_Preisfindung", (*OF_LINE, "TYP", "PF_BRUTTO")),
    TableKind("datapayment.csv", "Bonkopf_Zahlarten", (*OF_RECEIPT, "ZAHLART_TYP")),
    TableKind("references.csv", "Bon_Referenzen", (*OF_RECEIPT, "REF_TYP", "REF_BON_ID")),
    TableKind("cashpointclosing.csv", "Stamm_Abschluss", (*KEY, "Z_ERSTELLUNG"), True),
    TableKind("location.csv", "Stamm_Orte", (*KEY, "LOC_NAME")),
    TableKind("cashregister.csv", "Stamm_Kassen", (*KEY, "KASSE_BASISWAEH_CODE")),
    TableKind("vat.csv", "Stamm_USt", (*KEY, "UST_SCHLUESSEL", "UST_SATZ")),
    TableKind("pa.csv", "Stamm_Agenturen", (*KEY, "AGENTUR_ID")),
    TableKind("businesscases.csv", "Z_GV_Typ", (*KEY, "GV_TYP", "Z_UMS_BRUTTO")),
)
UNREAD = (
    "subitems.csv", "transactions_vat.csv", "allocation_groups.csv", "transactions_tse.csv",
    "slaves.csv", "tse.csv", "payment.csv", "cash_per_currency.csv",
)  # fmt: skip
"""Tables of the specification that say nothing of customers, or nothing that others do not."""
_KNOWN = {
    name: kind
    for kind in TABLES
    for name in (kind.name, kind.name.removesuffix(".csv"), kind.said.lower(),
                 f"{kind.said.lower()}.csv")
}  # fmt: skip


class ExportTable(NamedTuple):
    """One table of an export."""

    kind: TableKind
    file: str
    columns: list[str]
    dialect: Dialect
    encoding: str
    decimal: str
    from_record: int
    """The first record that is one of the table, from 1."""

    def records(self, files: ExportFiles) -> Iterator[TableRecord]:
        """Its records, without the names of the columns. Raises UnreadableFile."""
        with closing(files.open(self.file)) as stream:
            found = records(text_lines(stream, self.encoding), self.dialect)
            for place, one in enumerate(found, 1):
                is_head = place == 1 and one.values[: len(self.columns)] == self.columns
                if place == 1 and not is_head and set(one.values) == set(self.columns):
                    raise UnreadableFile(
                        f"contradicts itself: {self.kind.name} has its columns in another order "
                        f"than {INDEX} says"
                    )
                if place < self.from_record or is_head:
                    continue
                if len(one.values) != len(self.columns):
                    raise UnreadableFile(
                        f"is damaged: line {one.number} of {self.kind.name} has "
                        f"{len(one.values)} values, and {INDEX} names {len(self.columns)}"
                    )
                if not files.is_checked and not one.text.endswith(("\n", "\r")):
                    raise UnreadableFile(f"was cut off: {self.kind.name} ends within a line")
                yield one

    def row(self, record: TableRecord) -> dict[str, str]:
        """The values of a record by the names of their columns."""
        return named_values(self.columns, record.values)


def tables_of(files: ExportFiles) -> Mapping[str, ExportTable]:
    """The tables of an export by the names of their kinds. Raises UnreadableFile."""
    size = files.size(INDEX) or 0
    if size > INDEX_BYTES_MAX:
        raise UnreadableFile(f"has a larger {INDEX} than any export needs")
    with closing(files.open(INDEX)) as stream:
        content = stream.read(INDEX_BYTES_MAX)
    try:
        root = document_of(content)
    except ValueError as error:
        raise UnreadableFile(f"has no {INDEX} that can be read ({error})") from error
    found: dict[str, ExportTable] = {}
    for media in root.all("Media"):
        for node in media.all("Table"):
            file = node.said("URL")
            kind = _KNOWN.get(file.lower()) or _KNOWN.get(node.said("Name").lower())
            if kind is not None:
                if kind.name in found:
                    raise UnreadableFile(f"names {kind.name} twice in its {INDEX}")
                found[kind.name] = _table(kind, file, node, files)
    for kind in TABLES:
        if kind.is_needed and kind.name not in found:
            raise UnreadableFile(f"is no export of DSFinV-K: its {INDEX} names no {kind.name}")
    return found


def _table(kind: TableKind, file: str, node: XmlNode, files: ExportFiles) -> ExportTable:
    if "/" in file or "\\" in file or files.size(file) is None:
        raise UnreadableFile(f"lacks {kind.name}, which its {INDEX} names")
    written = node.first("VariableLength")
    if written is None:
        raise UnreadableFile(f"has no columns of {kind.name} in its {INDEX}")
    columns = [one.said("Name") for one in written.all("VariablePrimaryKey", "VariableColumn")]
    missing = [name for name in kind.columns if name not in columns]
    if missing or len(set(columns)) < len(columns):
        what = f"no column {missing[0]}" if missing else "a column twice"
        raise UnreadableFile(f"has {what} in {kind.name}")
    encoding = next((ENCODINGS[one.name] for one in node.nodes if one.name in ENCODINGS), "")
    if not encoding and node.first("UTF7") is not None:
        raise UnreadableFile(f"has {kind.name} in UTF-7: export it in UTF-8")
    quote = _sign(written, "TextEncapsulator", '"')
    return ExportTable(
        kind,
        file,
        columns,
        Dialect(_sign(written, "ColumnDelimiter", ";"), quote),
        encoding,
        _sign(node, "DecimalSymbol", ","),
        _from_record(node),
    )


def _sign(node: XmlNode, name: str, usual: str) -> str:
    """One sign, which may be a blank."""
    found = node.first(name)
    text = "".join(found.parts) if found is not None else ""
    return text[:1] if len(text) == 1 else text.strip()[:1] or usual


def _from_record(node: XmlNode) -> int:
    text = node.said("Range/From")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1

"""The columns of receipts in a plain table: their names in English and German, and their words.

The page of the format has the same list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.intake.format import UnreadableFile


class TableColumn(NamedTuple):
    """One column."""

    name: str
    others: tuple[str, ...]
    """Other names that it may have."""
    says: str
    """What it says, for the reference."""
    of_receipt: bool = False
    """It is the same in all rows of a receipt, or empty in all but one."""
    is_required: bool = False


COLUMNS = (
    TableColumn(
        "receipt", ("receipt number", "bonnummer", "bon-nr", "belegnummer"),
        "number of the receipt; unique for ever with store, till and closing", True, True,
    ),
    TableColumn(
        "time", ("timestamp", "zeit", "zeitpunkt", "datum", "date"),
        "when it was printed: `2026-03-02T17:24:00`, `02.03.2026 17:24`; German time unless it has "
        "a zone", True, True,
    ),
    TableColumn("clock", ("uhrzeit",), "time of the day, where `time` has only the day", True),
    TableColumn("store", ("filiale", "markt"), "id of the store", True),
    TableColumn("till", ("register", "kasse", "kassennummer"), "id of the till", True),
    TableColumn(
        "closing", ("z-nr", "z-bon", "kassenabschluss"),
        "number of the closing; needed where receipt numbers begin again", True,
    ),
    TableColumn(
        "kind", ("receipt kind", "bonart", "belegart"),
        "`sale` (Verkauf), `void` (Storno), `training`, `aborted` (Abbruch), `other` (Sonstiges); "
        "empty is a sale", True,
    ),
    TableColumn("voids", ("storniert",), "of a void: the receipt that it takes back", True),
    TableColumn("original", ("originalbon", "ursprungsbon"), "receipt that sold what came back"),
    TableColumn("customer", ("customer number", "kundennummer"), "number of the customer", True),
    TableColumn("card", ("loyalty card", "kundenkarte"), "number of the loyalty card", True),
    TableColumn("cashier", ("kassierer", "bediener"), "pseudonym of the cashier", True),
    TableColumn("currency", ("währung",), "ISO 4217; empty is that of the realm", True),
    TableColumn("payment", ("zahlart", "zahlungsart"), "how it was paid; of several the rows, or "
                "joined by `+`"),
    TableColumn("line", ("position", "zeile"), "number of the line"),
    TableColumn("sku", ("article", "artikel", "artikelnummer"), "article number"),
    TableColumn("gtin", ("ean",), "GTIN"),
    TableColumn("title", ("description", "bezeichnung", "artikeltext"), "what it is"),
    TableColumn("category", ("warengruppe",), "category"),
    TableColumn(
        "line kind", ("positionsart",),
        "`product` (Ware), `service` (Dienstleistung), `deposit` (Pfand, Leergut), `gift_card` "
        "(Gutschein), `fee` (Gebühr), `donation` (Spende), `shipping` (Versand); empty: product",
    ),
    TableColumn("quantity", ("menge", "anzahl"), "pieces, kilograms …; negative if it came back; "
                "empty is one"),
    TableColumn("unit", ("einheit",), "unit of the quantity; empty is a piece"),
    TableColumn("unit price", ("price", "preis", "einzelpreis"), "of one unit, before discounts, "
                "tax included"),
    TableColumn("discount", ("rabatt", "nachlass"), "of the whole line, as a positive amount"),
    TableColumn("total", ("amount", "betrag", "summe"), "of the line after its discounts, tax "
                "included; negative if it came back", is_required=True),
    TableColumn("tax rate", ("steuersatz", "mwst"), "in per cent, as `19` or `7 %`"),
)  # fmt: skip
RECEIPT_KINDS = {
    "": "sale", "sale": "sale", "verkauf": "sale", "beleg": "sale", "void": "void",
    "storno": "void", "training": "training", "aborted": "aborted", "abbruch": "aborted",
    "other": "other", "sonstiges": "other",
}  # fmt: skip
LINE_KINDS = {
    "": "product", "product": "product", "ware": "product", "service": "service",
    "dienstleistung": "service", "deposit": "deposit", "pfand": "deposit", "leergut": "deposit",
    "gift_card": "gift_card", "gutschein": "gift_card", "fee": "fee", "gebühr": "fee",
    "donation": "donation", "spende": "donation", "shipping": "shipping", "versand": "shipping",
}  # fmt: skip


def _folded(name: str) -> str:
    return "".join(one for one in name.casefold() if one.isalnum())


KNOWN: Mapping[str, str] = {
    _folded(name): column.name for column in COLUMNS for name in (column.name, *column.others)
} | {"waehrung": "currency"}
OF_RECEIPT = tuple(column.name for column in COLUMNS if column.of_receipt)


def columns_of(head: Sequence[str]) -> list[str]:
    """The columns of a table by its first record. Raises UnreadableFile for one that nothing reads:
    a column that is misspelt is not to be missed."""
    found = [KNOWN.get(_folded(name), "") for name in head]
    for name, column in zip(head, found, strict=True):
        if not column and name.strip():
            shown = " ".join(name.split())[:40]
            raise UnreadableFile(f"has a column {shown!r}, which this format does not read: "
                             "rename it, or take it out")  # fmt: skip
    doubled = [one for place, one in enumerate(found) if one and one in found[:place]]
    if doubled:
        raise UnreadableFile(f"has two columns for {doubled[0]!r}")
    missing = [one.name for one in COLUMNS if one.is_required and one.name not in found]
    if missing:
        raise UnreadableFile(f"is no table of receipts: it has no column {missing[0]!r}")
    return found

"""What an export says once for each closing: store, currency, tax rates, agencies and totals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from services.intake.dsfinvk.archive import ExportFiles
from services.intake.dsfinvk.index import ExportTable
from services.intake.fields import NotTaken
from services.intake.format import UnreadableFile
from services.intake.tills.receipt import TillPlace, receipt_number
from services.intake.tills.values import code, instant, label, money, number

SYSTEM = "dsfinvk"
CLOSINGS_MAX = 50_000
"""Of one export: what they say once is kept in memory."""
HUNDRED = Decimal(100)
Value = TypeVar("Value")
ClosingKey = tuple[str, ...]
"""Till, number and time of a closing, as they are written."""
KEY_NAMES = ("Z_KASSE_ID", "Z_NR", "Z_ERSTELLUNG")


@dataclass(slots=True)
class ClosingData:
    """A closing (Kassenabschluss), and what its receipts have in common."""

    place: TillPlace
    number: str
    closed_at: str
    decimal: str
    """The decimal sign of the export."""
    currency: str = ""
    """Empty: that of the realm."""
    rates: dict[str, Decimal] = field(default_factory=dict)
    """Tax rates as shares, by their keys."""
    agencies: dict[str, str] = field(default_factory=dict)
    """Names of those for whom something is sold, by their ids."""
    totals: list[tuple[str, Decimal]] = field(default_factory=list)
    """Its own totals, by business case."""
    receipts: int = 0
    """How many sales were found of it."""
    voided: Decimal = Decimal(0)
    """What its voids take back, as a positive amount."""
    opened_at: str = ""
    """When the first of its sales was printed."""

    def receipt(self, bon: str) -> str:
        """The number of one of its receipts. Raises NotTaken."""
        return receipt_number(self.place.till, self.number, bon)


class ClosingTables:
    """The closings of an export. Raises UnreadableFile."""

    def __init__(self, files: ExportFiles, tables: Mapping[str, ExportTable]) -> None:
        self._files, self._tables = files, tables
        self.closings: dict[ClosingKey, ClosingData] = {}
        self._begun: dict[tuple[str, str], ClosingKey] = {}
        """Closings by what their receipts are numbered by."""
        self.stores: dict[str, str] = {}
        """Stores by the ids of their tills."""
        for row, decimal in self._rows("cashpointclosing.csv"):
            self._add(row, decimal)
        for of_closing, row, _ in self._known("location.csv"):
            store = label(row["LOC_NAME"], 60)
            of_closing.place = of_closing.place._replace(store=store)
            self.stores[of_closing.place.till] = store
        for of_closing, row, _ in self._known("cashregister.csv"):
            of_closing.currency = _currency(row["KASSE_BASISWAEH_CODE"])
        for of_closing, row, decimal in self._known("vat.csv"):
            rate = _read("vat.csv", number, row["UST_SATZ"] or "0", "UST_SATZ", decimal)
            of_closing.rates[row["UST_SCHLUESSEL"]] = rate / HUNDRED
        for of_closing, row, _ in self._known("pa.csv"):
            name = label(row.get("AGENTUR_NAME") or row["AGENTUR_ID"], 100)
            of_closing.agencies[row["AGENTUR_ID"]] = name
        seen = set[tuple[str, ...]]()  # a closing may be in an export twice
        for of_closing, row, decimal in self._known("businesscases.csv"):
            if (said := tuple(row.values())) in seen:
                continue
            seen.add(said)
            total = _read("businesscases.csv", money, row["Z_UMS_BRUTTO"] or "0",
                          "Z_UMS_BRUTTO", decimal)  # fmt: skip
            of_closing.totals.append((row["GV_TYP"], total))

    def _add(self, row: Mapping[str, str], decimal: str) -> None:
        if len(self.closings) >= CLOSINGS_MAX:
            raise UnreadableFile(f"has more than {CLOSINGS_MAX:,} closings: export fewer at once")
        till = _read("cashpointclosing.csv", code, row["Z_KASSE_ID"], "Z_KASSE_ID")
        name = _read("cashpointclosing.csv", number, row["Z_NR"], "Z_NR", decimal)
        at = _read("cashpointclosing.csv", instant, row["Z_ERSTELLUNG"], "Z_ERSTELLUNG")
        place = TillPlace(SYSTEM, "", till)
        self.closings[key_of(row)] = ClosingData(place, f"{name:f}", at, decimal)
        if self._begun.setdefault((till, f"{name:f}"), key_of(row)) != key_of(row):
            raise UnreadableFile(
                f"has two closings {name:f} of the till {till}: its numbers have begun again, and "
                "receipts of both would have the same ones. Give the till another id from then on"
            )

    def _rows(self, name: str) -> Iterator[tuple[dict[str, str], str]]:
        table = self._tables.get(name)
        for record in table.records(self._files) if table else ():
            assert table is not None
            yield table.row(record), table.decimal

    def _known(self, name: str) -> Iterator[tuple[ClosingData, dict[str, str], str]]:
        """Rows of a table, each with its closing."""
        for row, decimal in self._rows(name):
            of_closing = self.closings.get(key_of(row))
            if of_closing is None:
                raise UnreadableFile(f"has a row in {name} of a closing that it does not have")
            yield of_closing, row, decimal


def key_of(row: Mapping[str, str]) -> ClosingKey:
    """The closing of a row."""
    return tuple(row.get(name, "") for name in KEY_NAMES)


def counted(totals: Iterable[tuple[str, Decimal]], cases: frozenset[str]) -> Decimal:
    """The sum of a closing's totals of some business cases."""
    return sum((amount for case, amount in totals if case in cases), Decimal(0))


def _currency(text: str) -> str:
    plain = text.strip().upper()
    if plain and not (len(plain) == 3 and plain.isascii() and plain.isalpha()):
        raise UnreadableFile("has a currency in cashregister.csv that is none")
    return plain


def _read(table: str, reader: Callable[..., Value], *given: str) -> Value:
    """A value of a table about closings: where it is damaged, nothing of the export is read."""
    try:
        return reader(*given)
    except NotTaken as refusal:
        message = f"is damaged: {refusal.fault.path} of {table} {refusal.fault.message}"
        raise UnreadableFile(message) from refusal

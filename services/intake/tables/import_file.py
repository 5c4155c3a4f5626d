"""A file laid under a map: what kind of file it is, what was found out, and the events of its rows.

It is read several times: as a whole to decide how it is meant, then row by row. Nothing of a file
that cannot be decided is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

import orjson

from schemas.faults import Fault
from schemas.import_map import IdenticalRows
from schemas.touchpoint import DEFAULT_REALM
from services.ingest.lines import KEPT_BYTES_MAX, InputError, Line
from services.intake.fields import NotTaken
from services.intake.tables.encoding import encoding_of
from services.intake.tables.examination import Decisions, examined
from services.intake.tables.feed import ProductFeed, is_markup
from services.intake.tables.groups import Together, together
from services.intake.tables.json_rows import JsonRows
from services.intake.tables.keys import MetKeys, digest
from services.intake.tables.layout import (
    CheckedMap,
    Layout,
    NoLayout,
    WrongMap,
    fitted,
    layout_of,
    recognised,
)
from services.intake.tables.opened import TableFile
from services.intake.tables.parquet import PARQUET, ParquetTable
from services.intake.tables.table import HEAD_ROWS, Table, TableRow
from services.intake.tables.text_table import TextTable
from services.intake.tables.translation import RealmDefaults, Translator
from services.intake.tables.workbook import Workbook, is_workbook
from services.runtime.errors import ConfigurationError
from services.runtime.settings.realms import RealmSettings

OBJECT = re.compile(rb"(?:\xef\xbb\xbf)?\s*[{\[]\s*[\"{}\]]")
REFUSED = {
    b"\xd0\xcf\x11\xe0": "an old or a protected Excel file; save it as .xlsx without a password",
    b"%PDF": "a PDF document",
    b"{\\rtf": "a text document",
    b"SQLite format 3": "an SQLite database; export its tables as CSV",
    b"\x28\xb5\x2f\xfd": "packed by Zstandard; unpack it",
    b"BZh": "packed by bzip2; unpack it",
    b"\xfd7zXZ": "packed by xz; unpack it",
}


class TakenRows(NamedTuple):
    """Rows of one event, and its line for ingest."""

    rows: Sequence[TableRow]
    line: Line


class ImportFile:
    """One file under one map."""

    def __init__(
        self,
        name: str,
        checked: CheckedMap,
        realms: Mapping[str, RealmSettings],
        advance: Callable[[int], None] = lambda count: None,
    ) -> None:
        """Reads the whole file to decide how it is meant; `advance` hears of its rows.

        Raises:
            InputError: it cannot be read, or the map does not fit it.
            ConfigurationError: the realm of the map is not configured.
        """
        self.checked, self._realm = checked, _realm_of(checked, realms)
        self.file = TableFile(name)
        self.table = table_of(self.file, checked)
        try:
            first = [] if self.table.has_names else list(islice(self.table.rows(), HEAD_ROWS))
            self.layout: Layout = layout_of(checked, first, self.table.names())
            self.decided: Decisions = examined(self.layout, self._rows(), advance)
            self.table.check(self.layout.header)
        except NoLayout as error:
            raise InputError(f"{self.file.name} {error}") from error
        try:
            self.translator = Translator(self.layout, self.decided, self._realm)
        except WrongMap as error:
            raise ConfigurationError(str(error)) from error

    def _rows(self) -> Iterator[TableRow]:
        return fitted(self.table.rows(), self.layout, is_padded=self.table.is_padded)

    def found(self) -> dict[str, str]:
        """What was found out, for people, and how."""
        map_ = self.checked.map
        zone = map_.time_zone or f"{self._realm.zone.key} (of the realm)"
        header = {"header": f"row {self.layout.header}"} if self.layout.header else {}
        return {
            "file": self.table.kind,
            **self.table.found(),
            **header,
            **self.decided.found,
            "time zone": zone,
            "rows": f"{self.decided.rows:,}",
        }

    def first(self, count: int) -> list[TableRow]:
        """The first rows that hold something."""
        return list(islice((row for one in self._events() for row in one.rows), count))

    def _events(self) -> Iterator[Together]:
        return together(self.layout, self._rows(), self.translator.is_total)

    def lines(self, after: int = 0) -> Iterator[TakenRows]:
        """Every event behind the row of that number, with its rows. Raises InputError."""
        with MetKeys() as met:
            each = self.checked.map.identical_rows is IdenticalRows.EACH
            for one in self._events():
                is_done = one.rows[-1].number <= after
                if is_done and not each:
                    continue
                taken = TakenRows(one.rows, self._line(one, met if each else None))
                if not is_done:
                    yield taken

    def _line(self, one: Together, met: MetKeys | None) -> Line:
        place = self.place(one.rows)
        try:
            if one.fault is not None:
                return self._refused(one.rows, one.fault, place)
            event = self.translator.event(one.rows)
            nth = met.meet(digest(event)) if met is not None else 1
            content = orjson.dumps(self.translator.identified(event, nth))
            return Line(content[:KEPT_BYTES_MAX], len(content), None, place)
        except NotTaken as error:
            return self._refused(one.rows, error.fault, place)

    def _refused(self, rows: Sequence[TableRow], fault: Fault, place: str) -> Line:
        content, named = self.translator.refused(rows, fault)
        return Line(content[:KEPT_BYTES_MAX], len(content), fault, place, named=named)

    def place(self, rows: Sequence[TableRow]) -> str:
        """Where rows stand, for messages."""
        first, last = rows[0].number, rows[-1].number
        numbers = f"row {first}" if first == last else f"rows {first} to {last}"
        return f"{self.file.name}, {numbers}"


def _realm_of(checked: CheckedMap, realms: Mapping[str, RealmSettings]) -> RealmDefaults:
    name = str(checked.map.constants.get("realm", DEFAULT_REALM))
    known = realms.get(name)
    if known is None:
        raise ConfigurationError(f"there is no realm {name!r}; there are {', '.join(realms)}")
    return RealmDefaults(ZoneInfo(known.time_zone), known.currency)


def table_of(file: TableFile, checked: CheckedMap) -> Table:
    """The file as a table, by what its head shows. Raises InputError."""
    if not file.head.strip():
        raise InputError(f"{file.name} is empty: it holds no rows")
    map_ = checked.map
    for magic, what in REFUSED.items():
        if file.head.startswith(magic):
            raise InputError(f"{file.name} is {what}")
    if is_workbook(file):
        return Workbook(file, map_.sheet)
    if file.head.startswith(PARQUET):
        return ParquetTable(file)
    if OBJECT.match(file.head):
        return JsonRows(file)
    if is_markup(file):
        return ProductFeed(file, map_.element)
    return TextTable(
        file, encoding_of(file, map_.encoding), map_.delimiter, partial(recognised, checked)
    )

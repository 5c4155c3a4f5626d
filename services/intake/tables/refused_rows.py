"""The file of refused rows: as they stood, with the reason, to be mended and imported again.

It begins with the number of the row and the reason, two columns that no import reads; the header
and the cells follow. It holds personal data as the file does that it comes from, so only its owner
may read it.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.ingest.lines import InputError
from services.intake.tables.layout import Layout
from services.intake.tables.numbers import DecimalSign
from services.intake.tables.table import OWN_COLUMNS, Cell, TableRow, UnreadableCell, shown

FORMULA = re.compile(r"[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
FILES_MAX = 1_000
BYTE_ORDER_MARK = "\ufeff"
"""By it a spreadsheet knows the encoding."""


def free_name(source: Path) -> Path:
    """A name beside the source that no file has: one that is being mended is never overwritten."""
    stem = source.name.removesuffix(".gz").rsplit(".", 1)[0]
    for number in range(1, FILES_MAX):
        more = f"-{number}" if number > 1 else ""
        found = source.with_name(f"{stem}.errors{more}.csv")
        if not found.exists():
            return found
    raise InputError(f"there are {FILES_MAX} files of refused rows beside {source}; remove some")


class RefusedRows:
    """Writes the file; it is there once a row was refused."""

    def __init__(
        self,
        path: Path,
        layout: Layout,
        delimiter: str,
        signs: Mapping[int, DecimalSign],
        size: int = 0,
        *,
        is_padded: bool = False,
    ) -> None:
        """
        Args:
            size: how much of the file an import that goes on has written for sure; what is behind
                it is written again.
            is_padded: rows lack the empty cells at their ends, which a text file needs.
        """
        self._width = len(layout.names) if is_padded else 0
        self.path, self.rows = path, 0
        self.is_point_written = False
        """Numbers were written with a point, of which the file itself says nothing."""
        self._layout, self._delimiter, self._signs = layout, delimiter, signs
        self.size, self._waiting = size, io.StringIO()
        self._writer = csv.writer(self._waiting, delimiter=delimiter, lineterminator="\r\n")

    def require_writable(self) -> None:
        """Raises InputError before anything is read, rather than in the middle."""
        folder = self.path.absolute().parent
        if not os.access(folder, os.W_OK):
            raise InputError(
                f"refused rows cannot be written to {folder}; name another file by --errors"
            )

    def add(self, rows: Iterable[TableRow], reason: str) -> None:
        """Rows of one event. They are in the file after `flush`."""
        for row in rows:
            self.rows += 1
            self._writer.writerow([row.number, reason, *self._cells(row)])

    def _cells(self, row: TableRow) -> list[str]:
        ignored = self._layout.ignored
        missing = self._width - len(row.cells)
        return [
            self._written(cell, place)
            for place, cell in enumerate([*row.cells, *[None] * missing])
            if place not in ignored
        ]

    def _written(self, cell: Cell, place: int) -> str:
        if cell is None or isinstance(cell, UnreadableCell):
            return shown(cell)
        if isinstance(cell, bool):
            return str(cell).lower()
        if isinstance(cell, float | int | Decimal):
            text = f"{Decimal(repr(cell)) if isinstance(cell, float) else Decimal(cell):f}"
            text = text.removesuffix(".0")
            return self._with_sign(text, place) if "." in text else text
        if isinstance(cell, datetime) and cell.time() == time() and cell.tzinfo is None:
            cell = cell.date()  # a workbook has no days of their own
        text = cell.isoformat() if isinstance(cell, date) else cell
        return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text

    def _with_sign(self, number: str, place: int) -> str:
        """With the decimal sign of its column, else with that of all others, so that what is said
        of the whole file holds for it."""
        common = set(self._signs.values()) or {DecimalSign.POINT}
        sign = self._signs.get(place, next(iter(common)) if len(common) == 1 else DecimalSign.POINT)
        if not self._signs:
            self.is_point_written = True
        return number.replace(".", ",") if sign is DecimalSign.COMMA else number

    def flush(self) -> int:
        """Write what was added so that it outlives the process; the size of the file. Raises
        InputError."""
        text = self._waiting.getvalue()
        if not text:
            return self.size
        self._waiting.seek(0)
        self._waiting.truncate()
        try:
            flags = os.O_CREAT | os.O_RDWR
            with open(os.open(self.path, flags, 0o600), "r+b") as file:
                if self.size == 0:
                    text = BYTE_ORDER_MARK + self._header() + text
                file.truncate(self.size)
                file.seek(self.size)
                file.write(text.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
                self.size = file.tell()
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {error.strerror}") from error
        return self.size

    def _header(self) -> str:
        head = io.StringIO()
        ignored = self._layout.ignored
        names = [name for place, name in enumerate(self._layout.names) if place not in ignored]
        writer = csv.writer(head, delimiter=self._delimiter, lineterminator="\r\n")
        writer.writerow([*OWN_COLUMNS, *names])
        return head.getvalue()


def settings_of(signs: Mapping[int, Any], orders: Mapping[int, Any]) -> Sequence[str]:
    """What was decided by the whole file, and must be said of a part of it."""
    found = []
    for name, decided in (("decimals", signs), ("dates", orders)):
        said = {str(one) for one in decided.values()}
        if len(said) == 1:
            found.append(f"{name}={said.pop()}")
    return found

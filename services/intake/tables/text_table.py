"""CSV, TSV and their like: the delimiter by the columns that the map asks for, and the records.

A record that has more or fewer cells than the header is a row with a fault: most likely a quote or
a delimiter went wrong, and cells would stand under other columns. Memory is bounded by the longest
cell that is allowed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from itertools import islice
from typing import IO, cast

from services.ingest.lines import InputError
from services.intake.tables.encoding import Encoding
from services.intake.tables.opened import TableFile
from services.intake.tables.table import (
    CELL_CHARS_MAX,
    HEAD_ROWS,
    ROW_CELLS_MAX,
    TableRow,
    text_cell,
)

DELIMITERS = {";": "semicolon", ",": "comma", "\t": "tab", "|": "bar"}
LINE_CHARS_MAX = 4 * CELL_CHARS_MAX
STATED = re.compile(r"(?i)sep=(.)\r?\n?")
"""What a spreadsheet writes, or asks for, as the first line."""
Recognised = Callable[[list[TableRow]], int]
"""How many columns of a map the first rows name."""


class TextTable:
    """Implements Table for a text file."""

    has_names = False
    is_padded = False

    def __init__(
        self, file: TableFile, encoding: Encoding, delimiter: str, recognised: Recognised
    ) -> None:
        """`delimiter` is one character or "auto". Raises InputError."""
        self._file, self._encoding = file, encoding
        self._first, stated = self._statement()
        self._delimiter, self._how = delimiter, "the map says so"
        if delimiter == "auto":
            self._delimiter, self._how = stated, "its first line says so"
        if not self._delimiter:
            self._delimiter, self._how = self._by_columns(recognised)
        self.kind = "TSV" if self._delimiter == "\t" else "CSV"

    def _statement(self) -> tuple[int, str]:
        """How many lines are no rows, and the delimiter that they state."""
        with self._file.read() as stream, closing(self._lines(stream)) as lines:
            found = STATED.fullmatch(next(lines, ""))
        return (1, found[1]) if found else (0, "")

    def _by_columns(self, recognised: Recognised) -> tuple[str, str]:
        scores = {}
        for delimiter in DELIMITERS:
            rows: list[TableRow] = []
            with suppress(InputError):  # not to be cut in this way
                rows += islice(self._rows(delimiter), HEAD_ROWS)
            scores[delimiter] = (recognised(rows), max((len(row.cells) for row in rows), default=0))
        best = max(scores, key=lambda one: scores[one], default=",")
        return best, "the header has most known columns by it"

    def found(self) -> dict[str, str]:
        """See Table."""
        name = DELIMITERS.get(self._delimiter, self._delimiter)
        return {
            "encoding": f"{self._encoding.name} ({self._encoding.how})",
            "delimiter": f"{name} ({self._how})",
        }

    @property
    def delimiter(self) -> str:
        """What separates cells."""
        return self._delimiter

    def names(self) -> list[str]:
        """See Table."""
        return []

    def rows(self) -> Iterator[TableRow]:
        """See Table."""
        return self._rows(self._delimiter)

    def check(self, header: int) -> None:
        """See Table."""

    def _rows(self, delimiter: str) -> Iterator[TableRow]:
        csv.field_size_limit(CELL_CHARS_MAX)
        with self._file.read() as stream, closing(self._lines(stream)) as lines:
            records = csv.reader(islice(lines, self._first, None), delimiter=delimiter, strict=True)
            number = 0
            while True:
                try:
                    record = next(records, None)
                except csv.Error as error:
                    raise InputError(
                        f"{self._file.name}, row {number + 1} (line {records.line_num}): {error}"
                    ) from error
                if record is None:
                    return
                number += 1
                if len(record) > ROW_CELLS_MAX:
                    yield TableRow(number, (), f"has {len(record)} cells, at most {ROW_CELLS_MAX}")
                else:
                    yield TableRow(number, tuple(map(text_cell, record)))

    def _lines(self, stream: IO[bytes]) -> Generator[str, None, None]:
        name = self._file.name
        buffer = cast(io.BufferedReader, stream)
        text = io.TextIOWrapper(buffer, self._encoding.name, errors="strict", newline="")
        try:
            number = 0
            while line := text.readline(LINE_CHARS_MAX):
                number += 1
                if len(line) == LINE_CHARS_MAX:
                    raise InputError(f"{name}, line {number}: over {LINE_CHARS_MAX} characters")
                if "\0" in line:
                    raise InputError(f"{name}, line {number}: a zero character, so it is no text")
                yield line
        except UnicodeError as error:  # it was another file when its encoding was found
            raise InputError(f"{name} is not in {self._encoding.name}: {error}") from error
        finally:
            text.detach()

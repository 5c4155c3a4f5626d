"""JSON lines as a table: an object is a row, its fields are columns; `customer.email` lies within.

Numbers keep every digit. A list is no cell; one that the map reads is refused with its row.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from decimal import Decimal
from io import BufferedReader
from typing import Any, NoReturn, cast

from services.ingest.lines import InputError
from services.intake.files import split_lines
from services.intake.tables.opened import TableFile
from services.intake.tables.table import (
    CELL_CHARS_MAX,
    ROW_CELLS_MAX,
    Cell,
    TableRow,
    UnreadableCell,
    text_cell,
)

LINE_BYTES_MAX = 1 << 20
DIGITS_MAX = 40
A_LIST = "is a list, where one value is expected"
NO_OBJECT = "is no JSON object"


class JsonRows:
    """Implements Table for a file of JSON lines."""

    kind = "JSON lines"
    has_names = True
    is_padded = True

    def __init__(self, file: TableFile) -> None:
        """Reads it once for the names of its fields. Raises InputError."""
        self._file = file
        if file.head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
            raise InputError(
                f"{file.name} is a JSON list; write each object on a line of its own, as by "
                "'jq -c .[]'"
            )
        names: dict[str, None] = {}
        for _, row in self._objects():
            names.update(dict.fromkeys(row if isinstance(row, dict) else ()))
            if len(names) > ROW_CELLS_MAX:
                raise InputError(f"{file.name} has over {ROW_CELLS_MAX} different fields")
        if not names:
            raise InputError(f"{file.name} holds no JSON objects, one on each line")
        self._names = list(names)

    def found(self) -> dict[str, str]:
        """See Table."""
        return {"fields": f"{len(self._names)}"}

    def names(self) -> list[str]:
        """See Table."""
        return self._names

    def check(self, header: int) -> None:
        """See Table."""

    def rows(self) -> Iterator[TableRow]:
        """See Table."""
        for number, row in self._objects():
            if isinstance(row, str):
                yield TableRow(number, (), row)
            else:
                yield TableRow(number, tuple(row.get(name) for name in self._names))

    def _objects(self) -> Generator[tuple[int, dict[str, Cell] | str], None, None]:
        """The number of each line, and its fields or why it has none."""
        with self._file.read() as stream:
            for number, line in split_lines(cast(BufferedReader, stream), LINE_BYTES_MAX):
                if line.size > len(line.content) or line.size >= LINE_BYTES_MAX:
                    yield number, f"has over {LINE_BYTES_MAX} bytes"
                    continue
                yield number, _object(line.content)


def _object(content: bytes) -> dict[str, Cell] | str:
    try:
        plain = json.loads(
            content.decode(), parse_float=_number, parse_int=_number, parse_constant=_refuse
        )
    except UnicodeDecodeError:
        return "is not UTF-8"
    except (ValueError, RecursionError, ArithmeticError):
        return NO_OBJECT
    if not isinstance(plain, dict):
        return NO_OBJECT
    found: dict[str, Cell] = {}
    try:
        _flatten(plain, "", found)
    except RecursionError:
        return NO_OBJECT
    return found if len(found) <= ROW_CELLS_MAX else f"has over {ROW_CELLS_MAX} fields"


def _number(text: str) -> Decimal | UnreadableCell:
    """A number whose digits can be written out; the exponent of a short one may be enormous."""
    number = Decimal(text) if len(text) <= DIGITS_MAX else Decimal("nan")
    if number.is_nan() or abs(number.adjusted()) > DIGITS_MAX:
        return UnreadableCell(text[:CELL_CHARS_MAX], "has more digits than any number here")
    return number


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def _flatten(plain: dict[str, Any], prefix: str, found: dict[str, Cell]) -> None:
    for name, value in plain.items():
        if isinstance(value, dict):
            _flatten(value, f"{prefix}{name}.", found)
        elif isinstance(value, list):
            found[prefix + name] = UnreadableCell(
                json.dumps(value, ensure_ascii=False, default=str)[:CELL_CHARS_MAX], A_LIST
            )
        else:
            found[prefix + name] = text_cell(value) if isinstance(value, str) else value

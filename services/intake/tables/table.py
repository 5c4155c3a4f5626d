"""What every kind of file is read as: named columns, and rows of cells.

A cell of a text file is text; other files know numbers, times and booleans. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from schemas.attributes import NO_VALUES
from schemas.letter_case import lower_case

ROW_CELLS_MAX = 2_000
HEAD_ROWS = 30
"""Among so many first rows the header is looked for."""
CELL_CHARS_MAX = 128 * 1024
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
NO_NAME = re.compile(r"[\W_]+")
KEPT_AS_TEXT = re.compile(r"='?\"(.*)\"|'([=+\-@\t\r\uff1d\uff0b\uff0d\uff20].*)", re.DOTALL)
"""How exports keep a spreadsheet from taking a cell for a number or a formula."""
NO_VALUE_CHARS_MAX = max(map(len, NO_VALUES))
OWN_COLUMNS = ("c360_row", "c360_error")
"""What a file of refused rows has beside theirs; ignored when it is read."""


class UnreadableCell(NamedTuple):
    """A cell that has no value, and why."""

    text: str
    """As it stands there."""
    reason: str


Cell = str | int | float | Decimal | bool | datetime | date | UnreadableCell | None


class TableRow(NamedTuple):
    """One row. `fault` says why it cannot be read as one."""

    number: int
    """As a spreadsheet counts, from 1."""
    cells: tuple[Cell, ...]
    fault: str = ""


class Table(Protocol):
    """A file that was opened. It may be read several times and is the same each time."""

    kind: str
    """What file it is, for people: `CSV`, `Excel`."""
    has_names: bool
    """Whether it names its columns itself; else one of its first rows is the header."""

    is_padded: bool
    """Whether cells at the end of a row may be missing because nothing stands in them."""

    def found(self) -> dict[str, str]:
        """What was found out about the file, and how."""
        ...

    def names(self) -> list[str]:
        """Names of its columns, if it names them."""
        ...

    def rows(self) -> Iterator[TableRow]:
        """Every row, a header among them. Raises InputError where the file is damaged."""
        ...

    def check(self, header: int) -> None:
        """To be called when all rows were read: raises InputError for what only the end of the file
        says of the rows from the header on."""
        ...


def plain_name(name: str) -> str:
    """A name of a column without what does not matter in it: `E-Mail` is `email`."""
    return NO_NAME.sub("", lower_case(name).translate(UMLAUTS).replace("ß", "ss"))


def text_cell(text: str) -> Cell:
    """A cell of a text file; None if nothing stands in it."""
    text = text.strip()
    if not text:
        return None
    if text[0] in "='" and (kept := KEPT_AS_TEXT.fullmatch(text)):
        text = (kept[1] if kept[1] is not None else kept[2]).strip()
    return (text.replace("\r\n", "\n") if "\r" in text else text) or None


def is_no_value(text: str, more: frozenset[str]) -> bool:
    """Whether a program wrote it for nothing at all."""
    if len(text) > NO_VALUE_CHARS_MAX and not more:
        return False
    lowered = text.lower()
    return lowered in NO_VALUES or lowered in more


def is_empty(row: TableRow) -> bool:
    """Whether nothing stands in any cell."""
    return not row.fault and all(cell is None for cell in row.cells)


def shown(cell: Cell) -> str:
    """A cell as text, as it stands in the file."""
    if isinstance(cell, UnreadableCell):
        return cell.text
    return "" if cell is None else str(cell)

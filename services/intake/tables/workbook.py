"""Excel workbooks (.xlsx), row by row: what a cell shows, unless digits of it are lost.

Formulas are not computed: the value that was stored with one counts, and one without a value is
refused with its row. A cell that was merged with others stands for rows that it is not part of, so
a table with such cells is refused. openpyxl is an optional library (extra `files`).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

from services.ingest.lines import InputError
from services.intake.tables.opened import TableFile
from services.intake.tables.table import (
    CELL_CHARS_MAX,
    HEAD_ROWS,
    ROW_CELLS_MAX,
    Cell,
    TableRow,
    UnreadableCell,
    text_cell,
)
from services.runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from openpyxl.worksheet._reader import WorkSheetParser

MAIN, STRINGS = "xl/workbook.xml", "xl/sharedStrings.xml"
STRINGS_BYTES_MAX = 256 << 20
"""Texts of a workbook stand in one table, which is held in memory."""
SHEET_BYTES_MAX = 4 << 30
PART_BYTES_MAX = 32 << 20
"""Of other parts, such as styles, which are read as wholes."""
ROWS_MAX, COLUMNS_MAX = 1_048_576, 16_384
"""As in Excel."""
ZEROS = re.compile(r"0{2,20}")
"""A format that shows numbers with zeros before them, as those of postal codes."""
NO_VALUE = "is a formula without a value; open the file in Excel and save it"
TEXT_TYPES = frozenset({"s", "str", "inlineStr"})


class Workbook:
    """Implements Table for a sheet of a workbook."""

    kind = "Excel"
    has_names = False
    is_padded = True

    def __init__(self, file: TableFile, sheet: str) -> None:
        """`sheet` is empty for the only one that is visible and holds something.

        Raises:
            InputError: it is no workbook, or has several such sheets.
            ConfigurationError: openpyxl is not installed.
        """
        self._file = file
        self._merged: list[Any] = []
        with self._opened() as book:
            visible = [one for one in book.worksheets if one.sheet_state == "visible"]
            self._hidden = len(book.worksheets) - len(visible)
            self._sheet = sheet or self._only([one.title for one in visible])
            if self._sheet not in (titles := [one.title for one in book.worksheets]):
                raise InputError(f"{file.name} has no sheet {self._sheet!r}; it has {titles}")

    def _only(self, titles: list[str]) -> str:
        filled = [title for title in titles if any(self._head(title))]
        if len(filled) == 1:
            return filled[0]
        if not filled:
            raise InputError(f"{self._file.name} is empty: no visible sheet holds a row")
        raise InputError(
            f"{self._file.name} has several sheets: {', '.join(map(repr, filled))}; say which by "
            "--set sheet=NAME"
        )

    def _head(self, title: str) -> Iterator[bool]:
        with closing(self._rows(title)) as rows:
            for row in islice(rows, HEAD_ROWS):
                yield any(cell is not None for cell in row.cells)

    def found(self) -> dict[str, str]:
        """See Table."""
        hidden = f" ({self._hidden} hidden)" if self._hidden else ""
        return {"sheet": f"{self._sheet}{hidden}"}

    def names(self) -> list[str]:
        """See Table."""
        return []

    def rows(self) -> Iterator[TableRow]:
        """See Table."""
        return self._rows(self._sheet)

    def check(self, header: int) -> None:
        """See Table."""
        for one in self._merged:
            if one.max_row >= header:
                raise InputError(
                    f"{self._file.name} has merged cells ({one.coord}) in its table; take them "
                    "apart, so that each row says what it means"
                )

    def _rows(self, title: str) -> Generator[TableRow, None, None]:
        with self._opened() as book:
            try:
                yield from self._cells(book, title)
            except InputError:
                raise
            except Exception as error:  # whatever a damaged workbook makes a library raise
                raise InputError(
                    f"{self._file.name} is a damaged workbook ({type(error).__name__})"
                ) from error

    def _cells(self, book: Any, title: str) -> Iterator[TableRow]:
        sheet = book[title]
        formats = _formats(book)
        with book._archive.open(sheet._worksheet_path) as source:
            parser = _parser()(
                source,
                sheet._shared_strings,
                data_only=True,
                epoch=book.epoch,
                date_formats=book._date_formats,
                timedelta_formats=book._timedelta_formats,
            )
            last = 0
            for number, cells in parser.parse():
                if not last < number <= ROWS_MAX:
                    raise InputError(f"{self._file.name} has rows in no order (row {number})")
                last = number
                yield _row(number, cells, formats)
            self._merged = list(parser.merged_cells.mergeCell) if parser.merged_cells else []

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        load = _library()
        try:
            _require_bounded(self._file)
            book = load(self._file.path, read_only=True, data_only=True, keep_links=False)
        except InputError:
            raise
        except Exception as error:  # as above
            raise InputError(
                f"{self._file.name} is a damaged workbook ({type(error).__name__})"
            ) from error
        try:
            yield book
        finally:
            book.close()


def is_workbook(file: TableFile) -> bool:
    """Whether it is a ZIP archive with the parts of one. Raises InputError for other archives."""
    if not file.head.startswith(b"PK\x03\x04"):
        return False
    try:
        with ZipFile(file.path) as archive:
            names = set(archive.namelist())
    except (BadZipFile, OSError, ValueError) as error:
        raise InputError(f"{file.name} is a damaged ZIP archive or workbook") from error
    if MAIN in names:
        return True
    if "content.xml" in names:
        raise InputError(f"{file.name} is an OpenDocument table; save it as .xlsx or CSV")
    raise InputError(f"{file.name} is a ZIP archive; unpack it")


def _library() -> Any:
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise ConfigurationError(
            "Excel files need a library that is not installed: pip install 'customer360[files]'"
        ) from error
    return load_workbook


def _require_bounded(file: TableFile) -> None:
    with ZipFile(file.path) as archive:
        for one in archive.infolist():
            if one.file_size > _bytes_max(one.filename):
                raise InputError(f"{file.name} is too large for a workbook; save it as CSV")


def _bytes_max(part: str) -> int:
    if part.startswith(("xl/worksheets/sheet", "xl/media/")):  # pictures are not opened
        return SHEET_BYTES_MAX
    return STRINGS_BYTES_MAX if part == STRINGS else PART_BYTES_MAX


def _parser() -> type[WorkSheetParser]:
    """The parser of openpyxl that also says where a formula has no value.

    The library itself gives such a cell as an empty one.
    """
    from openpyxl.worksheet._reader import FORMULA_TAG, WorkSheetParser

    class Parser(WorkSheetParser):  # type: ignore[misc]
        def parse_cell(self, element: Any) -> Any:
            cell = super().parse_cell(element)
            if cell["value"] is None and element.find(FORMULA_TAG) is not None:
                cell["data_type"] = "f"
            return cell

    return Parser


def _formats(book: Any) -> dict[int, int]:
    """How many digits a style shows at least, where it shows zeros before a number."""
    from openpyxl.styles.numbers import BUILTIN_FORMATS, BUILTIN_FORMATS_MAX_SIZE

    found = {}
    for place, style in enumerate(book._cell_styles):
        number = style.numFmtId
        if number < BUILTIN_FORMATS_MAX_SIZE:
            text = BUILTIN_FORMATS.get(number, "")
        else:
            text = book._number_formats[number - BUILTIN_FORMATS_MAX_SIZE]
        if ZEROS.fullmatch(text):
            found[place] = len(text)
    return found


def _row(number: int, cells: list[dict[str, Any]], formats: dict[int, int]) -> TableRow:
    width = max((one["column"] for one in cells), default=0)
    if width > COLUMNS_MAX:
        return TableRow(number, (), "has more cells than a workbook may have")
    found: list[Cell] = [None] * width
    for one in cells:
        found[one["column"] - 1] = _cell(one, formats)
    while found and found[-1] is None:
        found.pop()
    if len(found) > ROW_CELLS_MAX:
        return TableRow(number, (), f"has {len(found)} cells, at most {ROW_CELLS_MAX}")
    return TableRow(number, tuple(found))


def _cell(one: dict[str, Any], formats: dict[int, int]) -> Cell:
    value, kind = one["value"], one["data_type"]
    if kind == "f":
        return UnreadableCell("", NO_VALUE)
    if value is None:
        return None
    if kind == "e":
        return UnreadableCell(str(value), "is an error of the spreadsheet")
    if isinstance(value, str):
        if len(value) > CELL_CHARS_MAX:
            return UnreadableCell("", f"has over {CELL_CHARS_MAX} characters")
        return text_cell(value)
    if isinstance(value, bool | date | datetime):
        return value
    if isinstance(value, int | float):
        digits = formats.get(one["style_id"])
        return f"{int(value):0{digits}d}" if digits and value == int(value) else value
    return text_cell(str(value))  # a time of day, or a duration

"""CSV for spreadsheets: whatever a value holds, a cell is a value and no formula."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TextIO

FORMULA = re.compile(r"^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""Wide signs, too: a spreadsheet with an Asian input method takes them for the narrow ones."""
NUMBER = re.compile(r"^[+-]?\d+(\.\d+)?$")


def write_csv_rows(
    rows: Iterable[Mapping[str, Any]],
    names: Sequence[str],
    stream: TextIO,
    shown: Callable[[str], str] = str,
) -> int:
    """CSV with a header line, lists are joined by a blank; how many rows there are.

    A cell that a spreadsheet would take for a formula begins with an apostrophe. `shown` is done to
    each text. Raises OSError.
    """
    writer = csv.writer(_LineFeeds(stream), lineterminator="\r\n")
    count = 0
    writer.writerow(names)
    for count, row in enumerate(rows, 1):  # noqa: B007 - the last is the number of all
        writer.writerow([_harmless(cell_of(row.get(name)), shown) for name in names])
    return count


def cell_of(value: Any) -> Any:
    """A value of a document in one cell."""
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value


class _LineFeeds:
    """Ends each line that is written with a line feed.

    The writer itself ends them with both characters, for it quotes only a cell that holds one of
    its line end, and a bare carriage return breaks a row, too.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        """One line with its end, as a csv.writer writes it."""
        self._stream.write(line.removesuffix("\r\n") + "\n")


def _harmless(cell: Any, shown: Callable[[str], str]) -> Any:
    if isinstance(cell, str):
        cell = shown(cell)
        if FORMULA.match(cell) and not NUMBER.match(cell):
            return f"'{cell}"
    return cell

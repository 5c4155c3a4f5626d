"""What commands print: JSON and CSV for programs, tables for people, progress on terminals only."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

Row = dict[str, Any]
PAPER_WIDTH = 170
"""Width of a table that is written to a file or a pipe."""
ROWS_SHOWN = 15
ISO_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
out = Console(highlight=False, width=None if sys.stdout.isatty() else PAPER_WIDTH)
err = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """One JSON document, indented on a terminal."""
    option = orjson.OPT_INDENT_2 if sys.stdout.isatty() else 0
    sys.stdout.write(orjson.dumps(value, option=option).decode() + "\n")


def print_csv(rows: Iterable[Row], names: Sequence[str]) -> None:
    """CSV with a header line, lists are joined by a blank."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in names])


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value


def print_table(
    title: str, rows: Sequence[Row], names: Sequence[str], rows_max: int | None = None
) -> None:
    """A text table, with times to the minute; beyond `rows_max` it says how many more."""
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows[:rows_max]:
        table.add_row(*(_shown(row.get(name)) for name in names))
    out.print(table)
    if rows_max is not None and len(rows) > rows_max:
        out.print(f"… and {len(rows) - rows_max} more (--json shows all)")


def _shown(value: Any) -> str:
    text = str(_cell(value))
    return text[:16].replace("T", " ") if ISO_TIME.match(text) else text


class Bar:
    """A progress bar, silent unless standard error is a terminal."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, count: int) -> None:
        """Add to what is done."""
        self._progress.advance(self._task, count)

    def set(self, done: int, total: int | None = None) -> None:
        """Set what is done, and the total."""
        self._progress.update(self._task, completed=done, total=total)


@contextmanager
def progress_bar(text: str, total: int | None = None) -> Iterator[Bar]:
    """A bar on standard error for the time of the with block."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=err, disable=not sys.stderr.isatty(), transient=True
    ) as progress:
        yield Bar(progress, progress.add_task(text, total=total))

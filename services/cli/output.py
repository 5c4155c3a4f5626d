"""What commands print: JSON and CSV for programs, text for people, progress on terminals only.

Values come from anybody: whatever is printed as text has its control and direction characters
escaped, and CSV cells that a spreadsheet would take for a formula are quoted.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

Row = dict[str, Any]
ROWS_SHOWN = 15
GAP = 2
CELL_CHARS = 40
"""A code longer than this is folded; a text with blanks may be narrower, down to the next."""
TEXT_CHARS = 20
UNSAFE = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
"""Control characters but for the line feed, characters that turn or hide text, surrogates."""
FORMULA = re.compile(r"^[=+\-@\t\r]")
NUMBER = re.compile(r"^[+-]?\d+(\.\d+)?$")
SHOWN_TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d[+-]")
ISO_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")


def visible(text: str) -> str:
    """A text whose control and direction characters are escaped, as \\x1b or \\u202e."""
    return UNSAFE.sub(lambda found: ascii(found[0])[1:-1], text)


class SafeConsole(Console):
    """Prints no control character that came with a value."""

    def print(self, *objects: Any, **options: Any) -> None:
        """See Console; texts are made visible first."""
        super().print(*(visible(o) if isinstance(o, str) else o for o in objects), **options)


out = SafeConsole(highlight=False)
err = SafeConsole(stderr=True, highlight=False)


def shown(value: Any) -> str:
    """A value within a text with markup: neither its brackets nor its signs mean anything."""
    return escape(visible(str(value)))


def print_json(value: Any) -> None:
    """One JSON document, indented on a terminal."""
    if not sys.stdout.isatty():
        sys.stdout.write(orjson.dumps(value).decode() + "\n")
        return
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    sys.stdout.write(UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def print_csv(rows: Iterable[Row], names: Sequence[str]) -> None:
    """CSV with a header line, lists are joined by a blank.

    A cell that a spreadsheet would take for a formula begins with an apostrophe.
    """
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_harmless(_cell(row.get(name))) for name in names])


def _harmless(cell: Any) -> Any:
    if isinstance(cell, str) and sys.stdout.isatty():
        cell = visible(cell)
    if not isinstance(cell, str) or not FORMULA.match(cell) or NUMBER.match(cell):
        return cell
    return f"'{cell}"


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value


def local_time(text: str, zone: tzinfo = UTC) -> str:
    """A written time to the minute, in a zone and with its offset; any other text unchanged."""
    if not ISO_TIME.match(text):
        return text
    instant = datetime.fromisoformat(text).astimezone(zone)
    return instant.isoformat(sep=" ", timespec="minutes")


def print_table(
    title: str,
    rows: Sequence[Row],
    names: Sequence[str],
    rows_max: int | None = None,
    *,
    zone: tzinfo = UTC,
    spare: Sequence[str] = (),
) -> None:
    """A text table with times to the minute; beyond `rows_max` it says how many more.

    Args:
        zone: times are shown in it, with its offset.
        spare: columns that a narrow terminal does without, the first one first.
    """
    cells = [
        {name: local_time(str(_cell(row.get(name))), zone) for name in names}
        for row in rows[:rows_max]
    ]
    kept, dropped = _fitting(cells, names, spare)
    table = Table(
        title=Text(visible(title)),
        title_justify="left",
        header_style="bold",
        box=None,
        pad_edge=False,
    )
    table.padding = (0, GAP, 0, 0)
    for name, width in _widths(cells, kept).items():
        table.add_column(name.replace("_", " "), overflow="fold", width=width)
    for row in cells:
        table.add_row(*(Text(visible(row[name])) for name in kept))
    out.print(table)
    if rows_max is not None and len(rows) > rows_max:
        out.print(f"… and {len(rows) - rows_max} more (--json shows all)")
    if dropped:
        names_of = ", ".join(name.replace("_", " ") for name in dropped)
        out.print(f"(no room for: {names_of}; a wider terminal or --json shows them)")


def _width(cells: Sequence[dict[str, str]], name: str) -> tuple[int, int]:
    """The width that a column needs at least, and the one that it would like to have."""
    texts = [visible(row[name]) for row in cells]
    natural = max([len(name), *map(len, texts)])
    has_words = any(len(text) > TEXT_CHARS and " " in text for text in texts) and not any(
        SHOWN_TIME.match(text) for text in texts
    )
    least = max(TEXT_CHARS, len(name)) if has_words else CELL_CHARS
    return min(natural, least), natural


def _widths(cells: Sequence[dict[str, str]], names: Sequence[str]) -> dict[str, int]:
    """The room of the terminal: to each column what it needs, the rest to those with long texts."""
    wanted = {name: _width(cells, name) for name in names}
    room = out.width - GAP * (len(names) - 1) - sum(least for least, _ in wanted.values())
    widths: dict[str, int] = {}
    for name, (least, natural) in wanted.items():
        more = min(max(room, 0), natural - least)
        widths[name], room = least + more, room - more
    return widths


def _fitting(
    cells: Sequence[dict[str, str]], names: Sequence[str], spare: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The columns that fit the width of the terminal, and those that do not."""
    kept, dropped = list(names), list[str]()
    for name in (one for one in spare if one in names):
        needed = sum(_width(cells, one)[0] + GAP for one in kept) - GAP
        if needed <= out.width:
            break
        kept.remove(name)
        dropped.append(name)
    return kept, dropped


def print_record(row: Row, zone: tzinfo = UTC, indent: int = 0) -> None:
    """Fields below each other; a nested one is indented, lists are joined by commas."""
    width = max((len(name) for name in row), default=0)
    for name, value in row.items():
        head = f"{' ' * indent}{name.replace('_', ' '):<{width}}"
        if isinstance(value, dict):
            out.print(head.rstrip(), markup=False)
            print_record(value, zone, indent + 2)
        elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
            out.print(head.rstrip(), markup=False)
            for one in value:
                print_record(one, zone, indent + 2)
        else:
            text = f"{head}  {_written_value(value, zone)}".rstrip()
            out.print(text, markup=False, soft_wrap=True)


def _written_value(value: Any, zone: tzinfo) -> str:
    if isinstance(value, list):
        sides = [_written_value(one, zone) for one in value]
        return ("; " if any(isinstance(one, list) for one in value) else ", ").join(sides)
    return local_time(str(_cell(value)), zone)


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

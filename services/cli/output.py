"""What commands print: JSON and CSV for programs, text for people, progress on terminals only.

Values come from anybody: whatever is printed as text has its control and direction characters
escaped, and CSV cells that a spreadsheet would take for a formula are quoted.
"""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Any, TextIO
from unicodedata import category

import orjson
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from services.runtime.csv_rows import cell_of, write_csv_rows
from services.runtime.errors import C360Error

Row = dict[str, Any]
ROWS_SHOWN = 15
GAP = 2
CELL_CHARS = 40
"""A code longer than this is folded; a text with blanks may be narrower, down to the next."""
TEXT_CHARS = 20
KEPT = "\n\u200c\u200d"
"""Shown although not printable: line feeds, and the joiners of Persian, Hindi and emoji."""
SHOWN_TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d[+-]")
ISO_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")


def visible(text: str) -> str:
    """A text whose control, direction and invisible characters are escaped, as \\x1b or \\u202e."""
    if text.isprintable():
        return text
    return "".join(one if _is_shown(one) else ascii(one)[1:-1] for one in text)


def one_line(value: Any) -> str:
    """A value as text that stays on its line: a line break in it could pose as output of ours."""
    return visible(str(value)).replace("\n", "\\n")


def _is_shown(sign: str) -> bool:
    """Blanks of any width are shown; so are characters newer than this Python's tables."""
    return sign.isprintable() or sign in KEPT or category(sign) in ("Zs", "Cn", "Co")


class TableFormat(StrEnum):
    """How lists are printed."""

    CSV = "csv"
    JSON = "json"
    TABLE = "table"


class OutputFailed(C360Error):
    """Standard output takes nothing more, as on a full disk."""

    exit_code = 74

    @classmethod
    def of(cls, error: OSError, where: str = "the output") -> OutputFailed:
        """The error as people read it."""
        return cls(f"{where} cannot be written: {error.strerror}")


@contextmanager
def writing() -> Iterator[None]:
    """Raises OutputFailed for errors of standard output, but for a reader who has gone away."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        raise OutputFailed.of(error) from error


class SafeConsole(Console):
    """Prints texts as they are: no control character and no markup that came with a value counts.

    What is to stand out is a `Text`, made by `bold`.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """See Console; texts are made visible first. Raises OutputFailed."""
        with writing():
            super().print(*(visible(o) if isinstance(o, str) else o for o in objects), **options)


class MessageConsole(SafeConsole):
    """Standard error: without room or a reader a message is lost, and the command goes on."""

    def print(self, *objects: Any, **options: Any) -> None:
        """See SafeConsole; raises nothing."""
        with suppress(OSError, OutputFailed):
            super().print(*objects, **options)

    def on_broken_pipe(self) -> None:
        """See Console, which would end the process."""
        raise BrokenPipeError


out = SafeConsole(highlight=False, emoji=False, markup=False)
err = MessageConsole(stderr=True, highlight=False, emoji=False, markup=False)


def bold(text: str, style: str = "bold") -> Text:
    """A text that stands out on a terminal, in a style of rich."""
    return Text(visible(text), style)


def print_json(value: Any) -> None:
    """One JSON document, indented on a terminal."""
    if not sys.stdout.isatty():
        print_line(orjson.dumps(value).decode())
        return
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    print_line("".join(one if _is_shown(one) else _in_json(one) for one in text))


def print_line(text: str) -> None:
    """A line for programs, as it is. Raises OutputFailed."""
    with writing():
        sys.stdout.write(text + "\n")


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Standard output for the time of the with block, all written at its end.

    Raises OutputFailed.
    """
    with writing():
        yield sys.stdout
        sys.stdout.flush()


def write_json_lines(rows: Iterable[Row], stream: TextIO) -> int:
    """A JSON object per line; how many they are. Raises OSError."""
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - the last is the number of all
        text = orjson.dumps(row).decode()
        if stream.isatty():
            text = "".join(one if _is_shown(one) else _in_json(one) for one in text)
        stream.write(text + "\n")
    return count


def _in_json(sign: str) -> str:
    """An escaped character of a JSON text."""
    units = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def print_csv(rows: Iterable[Row], names: Sequence[str]) -> None:
    """The same on standard output. Raises OutputFailed."""
    with writing():
        write_csv(rows, names, sys.stdout)


def write_csv(rows: Iterable[Row], names: Sequence[str], stream: TextIO) -> int:
    """CSV as services.runtime.csv_rows writes it; on a terminal nothing of it is invisible. Raises
    OSError."""
    return write_csv_rows(rows, names, stream, visible if stream.isatty() else str)


def local_time(text: str, zone: tzinfo = UTC) -> str:
    """A written time to the minute, in a zone and with its offset; any other text unchanged.

    Also one that only looks like a time: values come from anybody.
    """
    if not ISO_TIME.match(text):
        return text
    try:
        instant = datetime.fromisoformat(text).astimezone(zone)
    except (ValueError, OverflowError):
        return text
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

    A terminal that is too narrow for it gets the rows as records.

    Args:
        zone: times are shown in it, with its offset.
        spare: columns that a narrow terminal does without, the first one first.
    """
    cells = [
        {name: local_time(one_line(cell_of(row.get(name))), zone) for name in names}
        for row in rows[:rows_max]
    ]
    kept, dropped = _fitting(cells, names, spare)
    if cells and _needed(cells, kept) > out.width:
        _print_rows(title, cells, names)
        kept, dropped = list(names), []
    else:
        _print_columns(title, cells, kept)
    if rows_max is not None and len(rows) > rows_max:
        out.print(f"… and {len(rows) - rows_max} more (--json shows all)")
    if dropped:
        names_of = ", ".join(name.replace("_", " ") for name in dropped)
        out.print(f"(no room for: {names_of}; a wider terminal or --json shows them)")


def _print_rows(title: str, cells: Sequence[dict[str, str]], names: Sequence[str]) -> None:
    """Rows below each other, for a terminal that is too narrow for their columns."""
    if title:
        out.print(title)
    for row in cells:
        print_record({name: row[name] for name in names if row[name]}, indent=2)
        out.print()


def _print_columns(title: str, cells: Sequence[dict[str, str]], kept: Sequence[str]) -> None:
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
        table.add_row(*(Text(row[name]) for name in kept))
    out.print(table)


def _width(cells: Sequence[dict[str, str]], name: str) -> tuple[int, int]:
    """The width that a column needs at least, and the one that it would like to have."""
    texts = [row[name] for row in cells]
    natural = max([len(name), *map(cell_len, texts)])
    has_words = any(cell_len(text) > TEXT_CHARS and " " in text for text in texts) and not any(
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


def _needed(cells: Sequence[dict[str, str]], names: Sequence[str]) -> int:
    """The width of a table with these columns at least."""
    return sum(_width(cells, one)[0] + GAP for one in names) - GAP


def _fitting(
    cells: Sequence[dict[str, str]], names: Sequence[str], spare: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The columns that fit the width of the terminal, and those that do not."""
    kept, dropped = list(names), list[str]()
    for name in (one for one in spare if one in names):
        if _needed(cells, kept) <= out.width:
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
            out.print(head.rstrip())
            print_record(value, zone, indent + 2)
        elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
            out.print(head.rstrip())
            for one in value:
                print_record(one, zone, indent + 2)
        else:
            text = f"{head}  {_written_value(value, zone)}".rstrip()
            out.print(text, soft_wrap=True)


def _written_value(value: Any, zone: tzinfo) -> str:
    if isinstance(value, list):
        sides = [_written_value(one, zone) for one in value]
        return ("; " if any(isinstance(one, list) for one in value) else ", ").join(sides)
    return local_time(one_line(cell_of(value)), zone)


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
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:,.0f}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=err, disable=not sys.stderr.isatty(), transient=True
    ) as progress:
        yield Bar(progress, progress.add_task(text, total=total))

"""The first reading of a table, as a whole: what decides how its numbers and dates are meant.

A column that says nothing of itself follows the others, if they agree; what nothing decides is
refused before anything of the file is taken. So are groups whose rows do not stand together.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from schemas.import_map import AUTO, ColumnSource, DateOrder, Decimals
from services.intake.tables.keys import MetKeys, digest
from services.intake.tables.layout import BoundField, Layout, NoLayout
from services.intake.tables.numbers import WHOLE_AS_FLOAT, DecimalSign, NoNumber, parts_of
from services.intake.tables.table import Cell, TableRow, is_empty, is_no_value, shown
from services.intake.tables.targets import NUMBERS, TIMES, CellKind
from services.intake.tables.times import NoTime, PartOrder, order_of
from services.intake.tables.values import extracted

SAY_DECIMALS = "--set decimals=comma or --set decimals=point"
SAY_DATES = "--set dates=day_first or --set dates=month_first"


class Decisions(NamedTuple):
    """What holds for the file as a whole."""

    rows: int
    """Rows with something in them, without the header."""
    last: int
    """Number of the last of them."""
    signs: Mapping[int, DecimalSign]
    """By column, of those in which it matters."""
    orders: Mapping[int, DateOrder]
    """By column, of those in which it matters."""
    events: int
    """How many events its rows are, at most."""
    whole: frozenset[int]
    """Columns of codes that all are written as 4711.0."""
    found: Mapping[str, str]
    """How it was decided, for people."""


@dataclass
class _Evidence:
    """Where a column first says what, by the number of the row."""

    name: str
    first: dict[StrEnum, int] = field(default_factory=dict)

    def note(self, said: StrEnum, row: int) -> None:
        self.first.setdefault(said, row)


def is_header_again(row: TableRow, layout: Layout) -> bool:
    """Whether the header stands there once more, as in files that were joined."""
    first = next(iter(row.cells), None)
    return shown(first) == layout.names[0] and tuple(map(shown, row.cells)) == layout.names


def examined(
    layout: Layout, rows: Iterable[TableRow], advance: Callable[[int], None] = lambda count: None
) -> Decisions:
    """Read all rows once. Raises NoLayout, and InputError as rows does."""
    numbers = {column: _Evidence(layout.names[column]) for column in _columns(layout, NUMBERS)}
    dates = {column: _Evidence(layout.names[column]) for column in _columns(layout, TIMES)}
    codes = dict.fromkeys(_columns(layout, {CellKind.CODE}), True)
    floats = set[int]()
    looks = _looks(layout)
    words = frozenset(map(str.lower, layout.checked.map.no_value))
    count = last = noted = 0
    with _Groups(layout) as groups:
        for row in rows:
            if row.number <= layout.header or is_empty(row):
                continue
            count, last = count + 1, row.number
            if count - noted >= 1000:
                advance(count - noted)
                noted = count
            if row.fault or is_header_again(row, layout):
                continue
            for column, source in looks:
                cell = row.cells[column] if column < len(row.cells) else None
                if not isinstance(cell, str) or is_no_value(cell, words):
                    continue
                if column in codes:
                    if WHOLE_AS_FLOAT.fullmatch(cell):
                        floats.add(column)
                    else:
                        codes[column] = False
                if column in numbers or column in dates:
                    _note(extracted(cell, source), column, row.number, numbers, dates)
            groups.note(row)
    map_ = layout.checked.map
    signs, how_signs = _signs(numbers, map_.decimals)
    orders, how_orders = _orders(dates, map_.dates)
    whole = frozenset(column for column in floats if codes[column])
    found = {"decimals": how_signs, "dates": how_orders}
    if whole:
        names = ", ".join(repr(layout.names[column]) for column in sorted(whole))
        found["whole numbers"] = f"all of {names} end in .0, which is left off"
    events = groups.count if map_.group_by else count
    return Decisions(
        count, last, signs, orders, events, whole, {k: v for k, v in found.items() if v}
    )


def _columns(layout: Layout, kinds: Iterable[CellKind]) -> list[int]:
    wanted = frozenset(kinds)
    return [
        column
        for one in layout.fields
        if one.target.kind in wanted and not one.source.is_listed and one.source.form is None
        for column in one.columns
    ]


def _looks(layout: Layout) -> list[tuple[int, ColumnSource]]:
    kinds = NUMBERS | TIMES | {CellKind.CODE}
    return [
        (column, one.source)
        for one in layout.fields
        if one.target.kind in kinds and not one.source.is_listed and one.source.form is None
        for column in one.columns
    ]


def _note(
    cell: Cell,
    column: int,
    row: int,
    numbers: Mapping[int, _Evidence],
    dates: Mapping[int, _Evidence],
) -> None:
    """Note what a cell says; one that cannot be read is refused with its row, later."""
    if not isinstance(cell, str):
        return
    if column in numbers:
        with contextlib.suppress(NoNumber):
            numbers[column].note(parts_of(cell).sign, row)
    if column in dates:
        with contextlib.suppress(NoTime):
            dates[column].note(order_of(cell), row)


def _signs(
    columns: Mapping[int, _Evidence], stated: Decimals
) -> tuple[dict[int, DecimalSign], str]:
    if stated != AUTO:
        return dict.fromkeys(columns, DecimalSign(stated)), f"{stated} (the map says so)"
    found, how = _decided(
        columns,
        (DecimalSign.POINT, DecimalSign.COMMA),
        DecimalSign.EITHER,
        "a number",
        SAY_DECIMALS,
        "decimal ",
    )
    return {column: DecimalSign(said) for column, said in found.items()}, how


def _orders(
    columns: Mapping[int, _Evidence], stated: DateOrder
) -> tuple[dict[int, DateOrder], str]:
    if stated != AUTO:
        return dict.fromkeys(columns, stated), f"{stated} (the map says so)"
    found, how = _decided(
        columns,
        (PartOrder.DAY_FIRST, PartOrder.MONTH_FIRST),
        PartOrder.EITHER,
        "a date",
        SAY_DATES,
        "",
    )
    return {column: DateOrder(said) for column, said in found.items()}, how


def _decided(
    columns: Mapping[int, _Evidence],
    choices: tuple[StrEnum, StrEnum],
    either: StrEnum,
    noun: str,
    advice: str,
    prefix: str,
) -> tuple[dict[int, StrEnum], str]:
    """What each column says; one that may mean both follows the others, if they agree."""
    found: dict[int, StrEnum] = {}
    for column, evidence in columns.items():
        said = [one for one in choices if one in evidence.first]
        if len(said) == 2:
            places = " and ".join(
                f"{prefix}{one.replace('_', ' ')} in row {evidence.first[one]}" for one in said
            )
            raise NoLayout(
                f"has in column {evidence.name!r} {places}; say which is meant: {advice}"
            )
        if said:
            found[column] = said[0]
    common = set(found.values())
    how = [
        f"{prefix}{said.replace('_', ' ')} ({_where(columns, found, said)})"
        for said in choices
        if said in common
    ]
    for column, evidence in columns.items():
        if column in found or either not in evidence.first:
            continue
        if len(common) != 1:
            raise NoLayout(
                f"has in column {evidence.name!r} only what can be read in two ways, as in row "
                f"{evidence.first[either]}, and nothing else of it decides {noun}; say it: {advice}"
            )
        found[column] = next(iter(common))
        how.append(f"column {evidence.name!r} follows the others")
    return found, "; ".join(how)


def _where(columns: Mapping[int, _Evidence], found: Mapping[int, StrEnum], said: StrEnum) -> str:
    column = next(one for one, what in found.items() if what is said)
    return f"by column {columns[column].name!r}, row {columns[column].first[said]}"


class _Groups(MetKeys):
    """Finds groups whose rows do not stand together: half of one would be taken for all of it."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        by = layout.checked.map.group_by
        self._fields = [one for one in layout.fields if one.target.name in by]
        self._last: bytes | None = None
        self.count = 0

    def note(self, row: TableRow) -> None:
        """The next row. Raises NoLayout."""
        if not self._fields:
            return
        key = key_of(self._fields, row)
        if key is None or (now := digest(key)) == self._last:
            return
        self._last = now
        self.count += 1
        if self.meet(now) > 1:
            names = ", ".join(one.target.name for one in self._fields)
            raise NoLayout(
                f"has rows of one event that do not stand together: row {row.number} belongs to an "
                f"earlier one by {names}. Sort the file by this column"
            )


def key_of(fields: Iterable[BoundField], row: TableRow) -> list[str] | None:
    """What rows of one group have in common, as it stands there; None if something is missing."""
    found = []
    for one in fields:
        cells = [row.cells[column] for column in one.columns if column < len(row.cells)]
        cell = next((cell for cell in cells if cell is not None), None)
        if cell is None:
            return None
        found.append(shown(cell))
    return found

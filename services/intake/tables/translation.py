"""Rows as touchpoints: one row, or the rows of a group, become one event or are refused as a whole.

Pure: the same rows under the same map always become the same event, with the same id. No message
quotes a cell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from schemas.faults import Fault
from schemas.import_map import ColumnSource
from schemas.letter_case import lower_case
from schemas.reject import RejectReason
from schemas.touchpoint import EVENT_TYPES
from services.intake.fields import REQUIRED, NotTaken
from services.intake.tables.examination import Decisions
from services.intake.tables.layout import BoundField, Layout, WrongMap
from services.intake.tables.numbers import DecimalSign
from services.intake.tables.table import Cell, TableRow, is_no_value, shown
from services.intake.tables.targets import (
    EACH,
    IDENTIFIERS,
    SOURCE,
    TIMES,
    VALUE,
    Step,
    TargetField,
)
from services.intake.tables.times import Reckoning
from services.intake.tables.values import Manner, Value, extracted, value_of

Json = dict[str, Any]
ID_CHARS = 32
ROWS_MAX = 500
"""Of one group, as an order has lines."""
AFTER_TOTAL = " :=.,0123456789"
"""As in `Summe: 1.250`."""
CURRENCY = "body.currency"
SAYS_WHO = ("occurred_at", "realm", "type", "channel")


class RealmDefaults(NamedTuple):
    """What the installation says of a realm."""

    zone: ZoneInfo
    currency: str


class Seen(NamedTuple):
    """What became of one field of a row, for a look at it."""

    column: str
    cell: Cell
    target: TargetField
    value: Any
    fault: str = ""


class _Read(NamedTuple):
    field: BoundField
    column: int
    value: Value


class Translator:
    """Translates the rows of one file."""

    def __init__(self, layout: Layout, decided: Decisions, realm: RealmDefaults) -> None:
        map_ = layout.checked.map
        self._layout, self._decided, self._realm = layout, decided, realm
        self._map = map_
        self._no_value = frozenset(map(str.lower, map_.no_value))
        self._totals = frozenset(map(lower_case, map_.total_row))
        zone = ZoneInfo(map_.time_zone) if map_.time_zone else realm.zone
        self._manners = {
            column: self._manner(column, zone) for one in layout.fields for column in one.columns
        }
        reckoning = Reckoning(zone, map_.dates, map_.two_digit_years_from, map_.clock_change)
        self._constants = [
            (target, _constant(target, map_.constants[name], Manner(reckoning)))
            for name, target in layout.checked.constants.items()
        ]

    def _manner(self, column: int, zone: ZoneInfo) -> Manner:
        map_, decided = self._map, self._decided
        order = decided.orders.get(column, map_.dates)
        reckoning = Reckoning(zone, order, map_.two_digit_years_from, map_.clock_change)
        sign = decided.signs.get(column, DecimalSign.POINT)
        return Manner(reckoning, sign, column in decided.whole)

    def event(self, rows: Sequence[TableRow]) -> Json:
        """The touchpoint of a row, or of the rows of a group, without its id if that follows from
        what it says. Raises NotTaken."""
        for row in rows:
            self._require_whole(row)
        if len(rows) > ROWS_MAX:
            raise NotTaken("", f"has more than {ROWS_MAX} rows", RejectReason.TOO_LARGE)
        made = _Made()
        for place, row in enumerate(rows):
            for read in self._reads(row):
                made.put(read, place, self._layout.names[read.column], row.number)
        for target, value in self._constants:
            made.put_constant(target, value)
        event = made.event(self._map.type)
        self._require_fields(event)
        _require_currency(made, event, self._realm.currency)
        return event

    def _require_whole(self, row: TableRow) -> None:
        if row.fault:
            raise NotTaken("", row.fault)
        if self.is_total(row):
            raise NotTaken("", "is the total of the file, not a row of it (total_row)")

    def is_total(self, row: TableRow) -> bool:
        """Whether it is the last row, and begins as a total does."""
        if row.number != self._decided.last:
            return False
        first = next((cell for cell in row.cells if cell is not None), None)
        return isinstance(first, str) and lower_case(first.rstrip(AFTER_TOTAL)) in self._totals

    def _reads(self, row: TableRow) -> Iterator[_Read]:
        for one in self._layout.fields:
            column, cell = self._cell(one, row)
            if cell is not None:
                yield _Read(one, column, self._value(one, column, cell))
            elif one.source.required:
                raise NotTaken(one.target.name, self._said(one.columns[0], "is empty"))
            elif one.target.is_attribute and self._map.empty_removes:
                yield _Read(one, one.columns[0], Value(None))

    def _cell(self, one: BoundField, row: TableRow) -> tuple[int, Cell]:
        """The first of its columns in which something stands."""
        if one.only_with and all(self._bare(row, column) is None for column in one.only_with):
            return -1, None
        for column in one.columns:
            cell = self._bare(row, column)
            if cell is not None:
                if (found := extracted(cell, one.source)) is None:
                    message = self._said(column, "does not have the form of the pattern")
                    raise NotTaken(one.target.name, message)
                return column, found
        return -1, None

    def _bare(self, row: TableRow, column: int) -> Cell:
        cell = row.cells[column] if column < len(row.cells) else None
        return None if isinstance(cell, str) and is_no_value(cell, self._no_value) else cell

    def _value(self, one: BoundField, column: int, cell: Cell) -> Value:
        try:
            return value_of(cell, one.target, one.source, self._manners[column])
        except NotTaken as error:
            raise NotTaken(one.target.name, self._said(column, error.fault.message)) from error

    def _said(self, column: int, what: str) -> str:
        return f"column {self._layout.names[column]!r} {what}"

    def _require_fields(self, event: Json) -> None:
        for name in ("type", "occurred_at", "channel"):
            if name not in event:
                raise NotTaken(name, REQUIRED)
        if not event.get(IDENTIFIERS) and not EVENT_TYPES[event["type"]].anonymous:
            raise NotTaken(IDENTIFIERS, "no column that names the customer is filled",
                           RejectReason.NO_USABLE_IDENTIFIER)  # fmt: skip

    def identified(self, event: Json, nth: int = 1) -> Json:
        """The event with its id; `nth` counts events that say the same."""
        if "event_id" in event:
            return event
        map_ = self._map
        said: Any = event
        if map_.event_id:
            said = [_at(event, name) for name in map_.event_id]
            if None in said:
                name = map_.event_id[said.index(None)]
                raise NotTaken(name, "is empty, and the id follows from it")
            said = [event["type"], event.get(SOURCE), *said]
        text = orjson.dumps([said, nth] if nth > 1 else [said], option=orjson.OPT_SORT_KEYS)
        event_id = f"file-{hashlib.sha256(text).hexdigest()[:ID_CHARS]}"
        return {"event_id": event_id, **event}

    def refused(self, rows: Sequence[TableRow], fault: Fault) -> tuple[bytes, bytes]:
        """Rows that become no touchpoint, as JSON, and whom they name; both empty if that cannot
        be known, because they may then be of somebody of whom nothing is kept."""
        named = self._named(rows)
        if named is None:
            return b"", b""
        plain = [self.plain(row) for row in rows[:ROWS_MAX]]
        return orjson.dumps(plain[0] if len(plain) == 1 else plain), orjson.dumps(named)

    def plain(self, row: TableRow) -> Json:
        """A row by the names of its columns."""
        return {
            name: cell if isinstance(cell, bool | None) else shown(cell)
            for name, cell in zip(self._layout.names, row.cells, strict=False)
            if cell is not None and name
        }

    def _named(self, rows: Sequence[TableRow]) -> Json | None:
        made = _Made()
        for row in rows:
            if row.fault:
                return None
            for one in self._layout.fields:
                says_who = one.target.steps[0] in (IDENTIFIERS, SOURCE)
                if not says_who and one.target.name not in SAYS_WHO:
                    continue
                try:
                    column, cell = self._cell(one, row)
                    if cell is not None:
                        made.put(_Read(one, column, self._value(one, column, cell)), 0, "", 0)
                except NotTaken:
                    if says_who:
                        return None
        for target, value in self._constants:
            if target.steps[0] in (IDENTIFIERS, SOURCE) or target.name in SAYS_WHO:
                made.put_constant(target, value)
        return made.event(self._map.type)

    def seen(self, row: TableRow) -> Iterator[Seen]:
        """Every field of a row beside the cell that it comes from."""
        for one in self._layout.fields:
            column = next(
                (c for c in one.columns if c < len(row.cells) and row.cells[c] is not None),
                one.columns[0],
            )
            cell = row.cells[column] if column < len(row.cells) else None
            name = self._layout.names[column]
            try:
                found, plain = self._cell(one, row)
                value = None if plain is None else self._value(one, found, plain).plain
                yield Seen(name, cell, one.target, value)
            except NotTaken as error:
                yield Seen(name, cell, one.target, None, error.fault.message)


def _constant(target: TargetField, value: Any, manner: Manner) -> Any:
    """A constant as the contract writes it: of a time only the day may be said."""
    if target.kind not in TIMES:
        return value
    try:
        return value_of(str(value), target, ColumnSource(names=["-"]), manner).plain
    except NotTaken as error:
        raise WrongMap(f"the constant {target.name} {error.fault.message}") from error


class _Made:
    """An event in the making: values by the steps that lead to them."""

    def __init__(self) -> None:
        self._values: dict[tuple[Step, ...], Any] = {}
        self._rows: dict[tuple[Step, ...], int] = {}
        self._constants: list[tuple[tuple[Step, ...], Any]] = []
        self.marks: dict[str, str] = {}
        """Currencies that stand at numbers, by field."""

    def put(self, read: _Read, place: int, column: str, row: int) -> None:
        target, value = read.field.target, read.value
        steps = tuple(place if step == EACH else step for step in target.steps)
        if steps in self._values and self._values[steps] != value.plain:
            raise NotTaken(
                target.name,
                f"column {column!r} says in row {row} something else than in row "
                f"{self._rows[steps]} of the same event",
            )
        self._values[steps], self._rows[steps] = value.plain, row
        if value.mark:
            self.marks[target.name] = value.mark

    def put_constant(self, target: TargetField, value: Any) -> None:
        self._constants.append((target.steps, value))

    def event(self, type_: str) -> Json:
        """What was put, as JSON; constants fill what no column says."""
        values = dict(self._values)
        for steps, value in self._constants:
            for full in self._meant(steps):
                values.setdefault(full, value)
        event: Json = {"type": type_} if type_ else {}
        for steps, value in values.items():
            inner: Any = event
            for step in steps[:-1]:
                inner = inner.setdefault(step, {})
            inner[steps[-1]] = value
        identifiers = event.pop(IDENTIFIERS, {})
        event = {name: _with_lists(value) for name, value in event.items()}
        found = [{"type": name, **said} for name, said in identifiers.items() if VALUE in said]
        return {**event, IDENTIFIERS: found} if found else event

    def _meant(self, steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
        """The places of a constant: of a list only those in which a column says something."""
        cut = next(
            (i for i, step in enumerate(steps) if step == EACH or isinstance(step, int)), None
        )
        if cut is None:
            yield steps
            return
        for place in {one[cut] for one in self._values if one[:cut] == steps[:cut]}:
            if steps[cut] in (EACH, place):
                yield (*steps[:cut], place, *steps[cut + 1 :])


def _with_lists(value: Any) -> Any:
    """Places of a list become the list, in their order."""
    if not isinstance(value, dict):
        return value
    inner = {name: _with_lists(one) for name, one in value.items()}
    if inner and all(isinstance(name, int) for name in inner):
        return [inner[name] for name in sorted(inner)]
    return inner


def _at(event: Json, name: str) -> Any:
    if name.startswith(f"{IDENTIFIERS}."):
        _, type_, *_ = name.split(".")
        found = [one["value"] for one in event.get(IDENTIFIERS, []) if one["type"] == type_]
        return found[0] if found else None
    value: Any = event
    for step in name.split("."):
        if isinstance(value, list):
            value = value[int(step)] if step.isdigit() and int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _require_currency(made: _Made, event: Json, of_realm: str) -> None:
    expected = _at(event, CURRENCY) or of_realm
    for name, mark in made.marks.items():
        if mark != expected:
            raise NotTaken(name, f"is in {mark}, and the currency of the event is another one")

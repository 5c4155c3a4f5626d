"""A cell as the value of a field, or why it is none. Nothing is guessed, rounded or cut. Pure.

No message quotes a cell: it may name a person.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from schemas.import_map import ColumnSource
from schemas.letter_case import lower_case
from services.intake.fields import NotTaken, amount_of
from services.intake.tables.numbers import (
    SHORTENED,
    WHOLE_AS_FLOAT,
    DecimalSign,
    NoNumber,
    number_of,
)
from services.intake.tables.table import Cell, UnreadableCell
from services.intake.tables.targets import NUMBERS, CellKind, TargetField
from services.intake.tables.times import (
    NoTime,
    Reckoning,
    day_of,
    in_zone,
    time_of,
    time_of_number,
)

TRUE = frozenset({"true", "yes", "y", "ja", "j", "1", "x", "wahr", "on", "oui", "si", "✓"})
FALSE = frozenset({"false", "no", "n", "nein", "0", "falsch", "off", "non"})
HUNDRED = Decimal(100)
WHOLE_MAX = 10**15
"""Spreadsheets keep fifteen digits of a number."""
CHOICES_SHOWN = 12


class Value(NamedTuple):
    """What a cell says."""

    plain: Any
    """As JSON."""
    mark: str = ""
    """The currency that stands at a number."""


class Manner(NamedTuple):
    """How the cells of one column are read."""

    reckoning: Reckoning
    sign: DecimalSign = DecimalSign.POINT
    is_whole: bool = False
    """All of its numbers are whole, and written as 4711.0."""


def value_of(cell: Cell, target: TargetField, source: ColumnSource, manner: Manner) -> Value:
    """The value of a cell in which something stands. Raises NotTaken."""
    if type(cell) is str and target.is_plain and not source.is_listed:  # most cells
        if "+" not in cell and not manner.is_whole:
            return Value(cell)
    elif isinstance(cell, UnreadableCell):
        raise NotTaken(target.name, cell.reason)
    try:
        if source.is_listed:
            return Value(_listed(cell, source))
        if target.kind in NUMBERS:
            return _number(cell, target, manner)
        if target.kind is CellKind.FLAG:
            return Value(_flag(cell))
        if target.kind is CellKind.TIME:
            return Value(_time(cell, source, manner.reckoning))
        if target.kind is CellKind.DAY:
            return Value(_day(cell, source, manner.reckoning).isoformat())
        return Value(_text(cell, target, manner))
    except (NoNumber, NoTime, _Unfit) as error:
        raise NotTaken(target.name, str(error)) from error
    except (OverflowError, ValueError) as error:
        raise NotTaken(target.name, "is beyond what can be read") from error


def extracted(cell: Cell, source: ColumnSource) -> Cell:
    """What the pattern finds in a text; None if it finds nothing there."""
    if not source.pattern or not isinstance(cell, str):
        return cell
    found = re.search(source.pattern, cell)
    return (found[1] or "").strip() or None if found else None


def _listed(cell: Cell, source: ColumnSource) -> Any:
    word = lower_case(str(cell) if not isinstance(cell, float) else _digits(cell))
    for known, value in source.values.items():
        if lower_case(known) == word:
            return value
    if source.otherwise is None:
        raise _Unfit("is none of the words that the map lists")
    return source.otherwise


class _Unfit(ValueError):
    """A cell that is not what its field takes."""


def _number(cell: Cell, target: TargetField, manner: Manner) -> Value:
    mark, is_percent = "", False
    if isinstance(cell, str):
        number, written = number_of(cell, manner.sign)
        mark, is_percent = written.mark, written.is_percent
    elif isinstance(cell, (bool, date)):
        raise _Unfit("is no number")
    elif isinstance(cell, Decimal):
        number = cell
    else:
        number = amount_of(cell, target.name)
    if not number.is_finite() or abs(number) >= WHOLE_MAX:
        raise _Unfit("is larger than any amount")
    if target.kind is CellKind.SHARE and (is_percent or number > 1):
        number /= HUNDRED
    elif is_percent and target.kind is not CellKind.PERCENT:
        raise _Unfit("is a percentage")
    if target.kind is CellKind.WHOLE:
        if number != number.to_integral_value():
            raise _Unfit("is no whole number")
        return Value(int(number), mark)
    return Value(f"{number.normalize():f}", mark)  # whether 1.50 or 1.5 depends on the kind of file


def _flag(cell: Cell) -> bool:
    if isinstance(cell, bool):
        return cell
    word = lower_case(_digits(cell) if isinstance(cell, float) else str(cell))
    if word not in TRUE | FALSE:
        raise _Unfit("is neither yes nor no; list its words by `values`")
    return word in TRUE


def _time(cell: Cell, source: ColumnSource, reckoning: Reckoning) -> str:
    if isinstance(cell, datetime):
        found = cell if cell.tzinfo is not None else in_zone(cell, reckoning)
    elif isinstance(cell, date):
        found = time_of(cell.isoformat(), reckoning, end_of_day=source.end_of_day)
    elif source.form is not None:
        number = _digits(cell) if isinstance(cell, float) else str(cell)
        found = time_of_number(number, source.form, reckoning)
    elif isinstance(cell, str):
        found = time_of(cell, reckoning, end_of_day=source.end_of_day)
    else:
        raise _Unfit("is a number, where a time is expected; say its form")
    if isinstance(cell, datetime) and cell.tzinfo is None and source.end_of_day:
        is_day = cell.time() == cell.time().min
        found = time_of(cell.date().isoformat(), reckoning, end_of_day=True) if is_day else found
    return found.isoformat()


def _day(cell: Cell, source: ColumnSource, reckoning: Reckoning) -> date:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if source.form is not None:
        number = _digits(cell) if isinstance(cell, float) else str(cell)
        return time_of_number(number, source.form, reckoning).astimezone(reckoning.zone).date()
    if not isinstance(cell, str):
        raise _Unfit("is a number, where a day is expected; say its form")
    return day_of(cell, reckoning)


def _text(cell: Cell, target: TargetField, manner: Manner) -> str:
    is_code = target.kind is CellKind.CODE
    if isinstance(cell, str):
        if is_code and SHORTENED.fullmatch(cell):
            raise _Unfit("was shortened by a spreadsheet; its last digits are lost")
        text = cell[:-2] if manner.is_whole and WHOLE_AS_FLOAT.fullmatch(cell) else cell
    elif isinstance(cell, bool):
        if is_code:
            raise _Unfit("is yes or no, where a name or number is expected")
        text = str(cell).lower()
    elif isinstance(cell, (datetime, date)):
        text = cell.isoformat()
    else:
        text = _digits(cell, is_code=is_code)
    if target.choices:
        word = lower_case(text)
        if word not in target.choices:
            shown = ", ".join(target.choices[:CHOICES_SHOWN])
            raise _Unfit(f"is none of {shown}; list its words by `values`")
        return word
    return text


def _digits(cell: Any, *, is_code: bool = False) -> str:
    """The digits of a number; of a code that was kept as one only if none can be lost."""
    number = cell if isinstance(cell, Decimal) else Decimal(repr(cell))
    if not number.is_finite():
        raise _Unfit("is no number")
    if number == number.to_integral_value():
        if isinstance(cell, float) and abs(cell) >= WHOLE_MAX:
            raise _Unfit("has more digits than a number of a spreadsheet keeps")
        return f"{int(number)}"
    if is_code:
        raise _Unfit("is a number with decimals, where a name or number is expected")
    return f"{number:f}"

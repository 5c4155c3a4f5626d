"""What a measure is: a name, a definition, the rows it needs, and a pure function of them.

A measure is one module in services/measures/catalogue/ that exports `MEASURE`, and the statements
beside it that make its rows. The store counts, so that there are few rows however many customers
there are; the function makes figures of the counts. It reads no clock and no store, and gives the
same answer for rows in any order.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar, get_args, get_type_hints
from zoneinfo import ZoneInfo

from schemas.rules.insights import InsightRules
from services.measures.core.population import GROUP_MIN, Population, hidden
from services.measures.core.result import Cell, Flag, Interval
from services.measures.core.window import Window

Inputs = TypeVar("Inputs", bound=NamedTuple)
"""The rows of a measure: a field for each statement, of its name, with a sequence of its rows."""


class MeasureContext(NamedTuple):
    """What a computation may depend on beside its rows."""

    window: Window
    zone: ZoneInfo
    """Time zone of the realm: days are its days."""
    currency: str
    """Currency of the realm; money in others is not added to it."""
    rules: InsightRules
    """What the retailer has set."""


VALUE = "value"
"""In the place of the name of a count: the value itself, with its interval."""


class Betrayal(NamedTuple):
    """A count, or the value, from which a cell follows if the cell is suppressed."""

    figure: str
    """Name of the count, or VALUE."""
    key: str
    """Of the cell. That a count of the same name and number betrays it need not be said."""


class Figures(NamedTuple):
    """What a measure computes. Too small groups are suppressed by `shown`, not by the measure."""

    n: int | None
    """Customers; null once suppressed."""
    value: float | None
    unit: str
    interval: Interval | None
    counts: dict[str, int]
    breakdown: Sequence[Cell]
    flags: Sequence[Flag] = ()
    betrayals: Sequence[Betrayal] = ()
    is_about_others: bool = False
    """Whether cells are about others than the value, so that each is shown or not by itself."""

    def published(self) -> dict[str, Any]:
        """The fields that a result has."""
        return {name: one for name, one in self._asdict().items() if name not in _UNPUBLISHED}


_UNPUBLISHED = ("betrayals", "is_about_others")


@dataclass(frozen=True)
class Measure(Generic[Inputs]):
    """One measure."""

    name: str
    version: int
    """Goes up when the definition changes, so that old and new figures are not compared."""
    title: str
    """What it says, in one line."""
    population: Population
    inputs: type[Inputs]
    compute: Callable[[Inputs, MeasureContext], Figures]
    parameters: Callable[[MeasureContext], Mapping[str, Any]] = field(default=lambda _: {})
    """What its statements ask for beside realm, population, window and time zone."""
    is_of_members: bool = True
    """Whether it may be asked of a segment: what everybody costs, or is sent, is of no segment."""
    levels: str = ""
    """Of a score of single customers, the dimension of the breakdown that counts them by its
    levels, or the count of those who are chosen. Its first statement says whose rows it
    counts."""

    @property
    def definition(self) -> str:
        """Name and version."""
        return f"{self.name}/{self.version}"

    @property
    def meaning(self) -> str:
        """What the module of the measure says of it, a paragraph a line."""
        text = inspect.getdoc(sys.modules[self.inputs.__module__]) or self.title
        return "\n".join(" ".join(one.split()) for one in text.split("\n\n"))

    @property
    def rows(self) -> Mapping[str, type[Any]]:
        """What a row of each statement is, by its name."""
        hints = get_type_hints(self.inputs)
        return {name: get_args(hints[name])[0] for name in self.inputs._fields}


AnyMeasure = Measure[Any]


def shown(figures: Figures) -> tuple[Figures, list[Flag]]:
    """The figures with whatever is about too few customers suppressed, and the flags."""
    cells = list(figures.breakdown)
    for dimension in {cell.by for cell in cells}:
        places = [place for place, cell in enumerate(cells) if cell.by == dimension]
        for among in hidden([cells[place].n or 0 for place in places]):
            cell = cells[places[among]]
            cells[places[among]] = Cell(
                by=cell.by, key=cell.key, unit=cell.unit, flags=[Flag.SUPPRESSED]
            )
    if (figures.n or 0) >= GROUP_MIN:
        return _discreet(figures, cells), list(figures.flags)
    kept = cells if figures.is_about_others else []
    nothing = figures._replace(n=None, value=None, interval=None, counts={}, breakdown=kept)
    return nothing._replace(flags=()), [Flag.SUPPRESSED]


def _discreet(figures: Figures, cells: Sequence[Cell]) -> Figures:
    """The figures with these cells, without the counts that say what is suppressed in them; that a
    group is about nobody may be said."""
    suppressed = {
        (was.key.lower(), was.n)
        for was, now in zip(figures.breakdown, cells, strict=True)
        if was.n and Flag.SUPPRESSED in now.flags
    }
    keys = {key for key, _ in suppressed}
    silent = {one.figure for one in figures.betrayals if one.key.lower() in keys}
    silent |= {name for name, many in figures.counts.items() if (name, many) in suppressed}
    counts = {name: many for name, many in figures.counts.items() if name not in silent}
    found = figures._replace(breakdown=cells, counts=counts)
    return found._replace(value=None, interval=None) if VALUE in silent else found

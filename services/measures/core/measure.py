"""What a measure is: a name, a definition, the rows it needs, and a pure function of them.

A measure is one module in services/measures/catalogue/ that exports `MEASURE`, and the statement
beside it that makes its rows. The function reads no clock and no store, and gives the same answer
for rows in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from services.measures.core.population import GROUP_MIN, Population, hidden
from services.measures.core.result import Cell, Flag, Interval
from services.measures.core.window import Window

Row = TypeVar("Row")


class MeasureContext(NamedTuple):
    """What a computation may depend on beside its rows."""

    window: Window
    zone: ZoneInfo
    """Time zone of the realm: days are its days."""
    currency: str
    """Currency of the realm; money in others is not added to it."""


class Figures(NamedTuple):
    """What a measure computes. Too small groups are suppressed by `shown`, not by the measure."""

    n: int | None
    """Customers; null once suppressed."""
    value: float | None
    unit: str
    interval: Interval | None
    counts: dict[str, int]
    breakdown: Sequence[Cell]


@dataclass(frozen=True)
class Measure(Generic[Row]):
    """One measure."""

    name: str
    version: int
    """Goes up when the definition changes, so that old and new figures are not compared."""
    title: str
    """What it says, in one line."""
    population: Population
    row: Callable[..., Row]
    """Makes a row of the columns that the statement names."""
    compute: Callable[[Sequence[Row], MeasureContext], Figures]

    @property
    def definition(self) -> str:
        """Name and version."""
        return f"{self.name}/{self.version}"


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
        return figures._replace(breakdown=cells), []
    nothing = figures._replace(n=None, value=None, interval=None, counts={}, breakdown=[])
    return nothing, [Flag.SUPPRESSED]

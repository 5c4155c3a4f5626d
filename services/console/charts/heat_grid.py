"""Rows by columns: the darker a cell, the larger its value; the value stands in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import svg
from markupsafe import Markup

from services.console.charts.elements import figure, label, name

LEFT, TOP, RIGHT = 120, 30, 8
COLUMN, ROW = 52, 26
SHADES = 5
"""Steps of darkness; more are not told apart."""


class HeatCell(NamedTuple):
    """One cell."""

    value: float
    is_unfinished: bool = False
    """Whether its time is not over: it is hatched."""


def heat_grid(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Mapping[tuple[str, str], HeatCell],
    title: str,
    written: Callable[[float], str],
) -> Markup:
    """The figure; a cell that is not there is empty."""
    width, height = LEFT + COLUMN * len(columns) + RIGHT, TOP + ROW * len(rows) + 8
    most = max((one.value for one in cells.values()), default=0.0)
    parts: list[svg.Element] = [
        label(LEFT + COLUMN * (place + 0.5), TOP - 9, column, "small", "middle")
        for place, column in enumerate(columns)
    ]
    for line, row in enumerate(rows):
        y = TOP + ROW * line
        parts.append(label(LEFT - 8, y + 18, row, "small", "end"))
        for place, column in enumerate(columns):
            cell = cells.get((row, column))
            if cell is not None:
                parts += _drawn(cell, LEFT + COLUMN * place, y, most, f"{row} · {column}", written)
    said = "; ".join(
        f"{row}: "
        + ", ".join(
            f"{column} {written(cells[row, column].value)}"
            for column in columns
            if (row, column) in cells
        )
        for row in rows
    )
    return figure(width, height, title, said, parts)


def _drawn(
    cell: HeatCell, x: float, y: float, most: float, where: str, written: Callable[[float], str]
) -> list[svg.Element]:
    shade = min(SHADES - 1, int(SHADES * cell.value / most)) if most > 0 else 0
    classes = ["heat", f"heat-{shade}", *(["unfinished"] if cell.is_unfinished else [])]
    told = name(f"{where}: {written(cell.value)}")
    box = svg.Rect(
        x=x + 1, y=y + 1, width=COLUMN - 2, height=ROW - 2, class_=classes, elements=[told]
    )
    number = label(x + COLUMN / 2, y + 18, written(cell.value), "in-heat", f"on-{shade}", "middle")
    return [box, number]

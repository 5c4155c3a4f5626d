"""Several figures over the same months: a line each, with its name at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import svg
from markupsafe import Markup

from services.console.charts.elements import figure, label, name
from services.console.charts.scales import LinearScale, covering

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 60, 150, 16, 32
MARKS = 4
RADIUS = 3.5
LABEL_HEIGHT = 16
"""Names at the ends of lines are that far from each other at least."""
KINDS = 4
"""Looks of lines in console.css."""


class NamedLine(NamedTuple):
    """One figure."""

    name: str
    values: Sequence[float | None]
    """One for each month; None where it is not known or not shown: the line has a gap."""


def lines(
    drawn: Sequence[NamedLine],
    months: Sequence[str],
    title: str,
    written: Callable[[float], str],
    base: float | None = None,
) -> Markup:
    """The figure of two months at least and four lines at most; every line has a value. `base` is
    a value that all are compared with."""
    across = LinearScale(0, len(months) - 1, LEFT, WIDTH - RIGHT)
    known = [one for line in drawn for one in line.values if one is not None]
    up = covering([*known, *([] if base is None else [base])], HEIGHT - BOTTOM, TOP)
    parts: list[svg.Element] = []
    for mark in up.marks(MARKS):
        y = up.at(mark)
        parts.append(svg.Line(x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_=["grid"]))
        parts.append(label(LEFT - 8, y + 4, written(mark), "small", "end"))
    if base is not None:
        y = up.at(base)
        parts.append(svg.Line(x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_=["grid", "strong"]))
    for place, line in enumerate(drawn):
        parts += _line(line, months, across, up, f"kind-{place % KINDS}", written)
    ends = [up.at(next(one for one in reversed(line.values) if one is not None)) for line in drawn]
    for line, y in zip(drawn, _apart(ends), strict=True):
        parts.append(label(WIDTH - RIGHT + 10, y + 4, line.name))
    parts += [
        label(LEFT, HEIGHT - 8, months[0], "small"),
        label(WIDTH - RIGHT, HEIGHT - 8, months[-1], "small", "end"),
    ]
    said = "; ".join(f"{line.name}: {_said(line, months, written)}" for line in drawn)
    return figure(WIDTH, HEIGHT, title, said, parts)


def _line(
    line: NamedLine, months: Sequence[str], across: LinearScale, up: LinearScale, kind: str,
    written: Callable[[float], str],
) -> Iterator[svg.Element]:  # fmt: skip
    for run in _runs(line.values):
        points = [svg.Point(across.at(place), up.at(value)) for place, value in run]
        yield svg.Polyline(points=points, class_=["line", kind])
        for place, value in run:
            told = name(f"{line.name}, {months[place]}: {written(value)}")
            yield svg.Circle(
                cx=across.at(place), cy=up.at(value), r=RADIUS, class_=["dot", kind],
                elements=[told],
            )  # fmt: skip


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """What stands beside each other, without the gaps."""
    found: list[list[tuple[int, float]]] = [[]]
    for place, value in enumerate(values):
        if value is not None:
            found[-1].append((place, value))
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def _apart(places: Sequence[float]) -> list[float]:
    """The same places, in their order, moved so that no text lies on another one."""
    moved = list(places)
    order = sorted(range(len(places)), key=lambda one: places[one])
    for above, below in pairwise(order):
        moved[below] = max(moved[below], moved[above] + LABEL_HEIGHT)
    bottom: float = HEIGHT - BOTTOM
    for one in reversed(order):
        moved[one] = min(moved[one], bottom)
        bottom = moved[one] - LABEL_HEIGHT
    return moved


def _said(line: NamedLine, months: Sequence[str], written: Callable[[float], str]) -> str:
    known = [
        f"{month} {written(value)}"
        for month, value in zip(months, line.values, strict=True)
        if value is not None
    ]
    return ", ".join(known)

"""One figure over time, with its interval as a band."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import svg
from markupsafe import Markup

from services.console.charts.elements import figure, label, name
from services.console.charts.scales import LinearScale, covering, seconds

WIDTH, HEIGHT = 760, 200
LEFT, RIGHT, TOP, BOTTOM = 80, 20, 14, 30
MARKS = 3
RADIUS = 3.5


class TrendPoint(NamedTuple):
    """A value at a time."""

    at: datetime
    value: float
    low: float | None = None
    high: float | None = None


def trend(
    points: Sequence[TrendPoint],
    title: str,
    written: Callable[[float], str],
    day: Callable[[datetime], str],
) -> Markup:
    """The figure of two points at least, in the order of time."""
    first, last = points[0].at, points[-1].at
    across = LinearScale(
        seconds(first), max(seconds(last), seconds(first) + 1), LEFT, WIDTH - RIGHT
    )
    ends = [one for point in points for one in point[1:] if one is not None]
    up = covering(ends, HEIGHT - BOTTOM, TOP)
    parts: list[svg.Element] = []
    for mark in up.marks(MARKS):
        y = up.at(mark)
        parts.append(svg.Line(x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_=["grid"]))
        parts.append(label(LEFT - 8, y + 4, written(mark), "small", "end"))
    banded = [one for one in points if one.low is not None and one.high is not None]
    if len(banded) > 1:
        upper = [svg.Point(across.at(seconds(one.at)), up.at(one.high or 0)) for one in banded]
        lower = [svg.Point(across.at(seconds(one.at)), up.at(one.low or 0)) for one in banded]
        parts.append(svg.Polygon(points=[*upper, *reversed(lower)], class_=["band"]))
    places = [(across.at(seconds(one.at)), up.at(one.value)) for one in points]
    parts.append(svg.Polyline(points=[svg.Point(x, y) for x, y in places], class_=["line", "main"]))
    for one, (x, y) in zip(points, places, strict=True):
        told = name(f"{day(one.at)}: {written(one.value)}")
        parts.append(svg.Circle(cx=x, cy=y, r=RADIUS, class_=["dot"], elements=[told]))
    parts += [
        label(LEFT, HEIGHT - 8, day(first), "small"),
        label(WIDTH - RIGHT, HEIGHT - 8, day(last), "small", "end"),
    ]
    said = f"{day(first)}: {written(points[0].value)}, {day(last)}: {written(points[-1].value)}"
    return figure(WIDTH, HEIGHT, title, said, parts)

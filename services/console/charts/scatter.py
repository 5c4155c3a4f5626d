"""Things by two figures: a point each, in four named quarters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import NamedTuple

import svg
from markupsafe import Markup

from services.console.charts.elements import figure, label, name
from services.console.charts.scales import LinearScale

WIDTH, HEIGHT = 640, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 24, 20, 44
RADIUS_MIN, RADIUS_MAX = 5.0, 14.0


class ScatterPoint(NamedTuple):
    """One thing."""

    name: str
    x: float
    y: float
    n: int
    """Answers that it rests on: its area grows with them."""
    low: float | None = None
    """Lower end of the interval of `y`."""
    high: float | None = None
    is_urgent: bool = False


class ScatterAxis(NamedTuple):
    """One of the two figures."""

    title: str
    low: float
    high: float
    middle: float
    """Where the quarters meet."""
    written: Callable[[float], str]


def scatter(
    points: Sequence[ScatterPoint],
    across: ScatterAxis,
    up: ScatterAxis,
    quarters: Sequence[str],
    title: str,
) -> Markup:
    """The figure; names of quarters: left above, right above, left below, right below."""
    horizontal = LinearScale(across.low, across.high, LEFT, WIDTH - RIGHT)
    vertical = LinearScale(up.low, up.high, HEIGHT - BOTTOM, TOP)
    x, y = horizontal.at(across.middle), vertical.at(up.middle)
    parts: list[svg.Element] = [
        svg.Rect(
            x=LEFT, y=TOP, width=WIDTH - LEFT - RIGHT, height=HEIGHT - TOP - BOTTOM,
            class_=["frame-line"],
        ),
        svg.Line(x1=x, x2=x, y1=TOP, y2=HEIGHT - BOTTOM, class_=["grid", "strong"]),
        svg.Line(x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_=["grid", "strong"]),
    ]  # fmt: skip
    for place, quarter in enumerate(quarters):
        is_right, is_below = place % 2 == 1, place >= len(quarters) // 2
        at = WIDTH - RIGHT - 8 if is_right else LEFT + 8
        height = HEIGHT - BOTTOM - 8 if is_below else TOP + 18
        parts.append(label(at, height, quarter, "quarter", "end" if is_right else "start"))
    for mark in horizontal.marks(5):
        parts.append(
            label(horizontal.at(mark), HEIGHT - 26, across.written(mark), "small", "middle")
        )
    for mark in vertical.marks(5):
        parts.append(label(LEFT - 8, vertical.at(mark) + 4, up.written(mark), "small", "end"))
    parts.append(label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, across.title, "middle"))
    parts.append(label(4, 13, up.title, "start"))
    most = max((point.n for point in points), default=1)
    for point in points:
        parts += _drawn(point, horizontal, vertical, most, across.written, up.written)
    said = ", ".join(f"{one.name}: {across.written(one.x)}, {up.written(one.y)}" for one in points)
    return figure(WIDTH, HEIGHT, title, said, parts)


def _drawn(
    point: ScatterPoint, across: LinearScale, up: LinearScale, most: int,
    x_written: Callable[[float], str], y_written: Callable[[float], str],
) -> list[svg.Element]:  # fmt: skip
    x, y = across.at(point.x), up.at(point.y)
    radius = round(RADIUS_MIN + (RADIUS_MAX - RADIUS_MIN) * sqrt(point.n / max(most, 1)), 1)
    told = f"{point.name}: {x_written(point.x)}, {y_written(point.y)}, n = {point.n}"
    found: list[svg.Element] = []
    if point.low is not None and point.high is not None:
        found.append(
            svg.Line(x1=x, x2=x, y1=up.at(point.low), y2=up.at(point.high), class_=["whisker"])
        )
    found.append(
        svg.Circle(
            cx=x, cy=y, r=radius, elements=[name(told)],
            class_=["bubble", *(["urgent"] if point.is_urgent else [])],
        )
    )  # fmt: skip
    is_right = x > (LEFT + WIDTH - RIGHT) / 2
    at = x - radius - 4 if is_right else x + radius + 4
    found.append(label(at, y + 4, point.name, "end" if is_right else "start"))
    return found

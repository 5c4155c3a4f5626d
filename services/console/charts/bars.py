"""Groups beside each other: a bar each, from zero, with its interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import svg
from markupsafe import Markup

from services.console.charts.elements import figure, label, name
from services.console.charts.scales import covering

WIDTH, ROW, HEAD, FOOT = 760, 26, 8, 28
LEFT, RIGHT = 210, 90
BAR = 15
MARKS = 4
CHARS_MAX = 30
"""Of a label beside a bar; the whole one is its title."""


class GroupBar(NamedTuple):
    """One group."""

    name: str
    value: float
    low: float | None = None
    """Lower end of the interval."""
    high: float | None = None


def bars(groups: Sequence[GroupBar], title: str, written: Callable[[float], str]) -> Markup:
    """The figure, in the order of the groups; `written` writes values with their unit."""
    ends = [one for bar in groups for one in (bar.value, bar.low, bar.high) if one is not None]
    across = covering(ends, LEFT, WIDTH - RIGHT, zero=True)
    height = HEAD + ROW * len(groups) + FOOT
    parts: list[svg.Element] = []
    for mark in across.marks(MARKS):
        x = across.at(mark)
        parts.append(svg.Line(x1=x, x2=x, y1=HEAD, y2=height - FOOT, class_=["grid"]))
        parts.append(label(x, height - 8, written(mark), "small", "middle"))
    zero = across.at(0)
    for place, bar in enumerate(groups):
        middle = HEAD + ROW * place + ROW / 2
        end = across.at(bar.value)
        told = [name(f"{bar.name}: {written(bar.value)}")]
        parts += [
            label(LEFT - 8, middle + 4, _cut(bar.name), "end"),
            svg.Rect(
                x=min(zero, end), y=middle - BAR / 2, width=round(abs(end - zero), 1), height=BAR,
                class_=["bar"], elements=[*told],
            ),
            *_whisker(bar, across.at, middle),
            label(WIDTH - RIGHT + 8, middle + 4, written(bar.value), "value"),
        ]  # fmt: skip
    said = ", ".join(f"{bar.name}: {written(bar.value)}" for bar in groups)
    return figure(WIDTH, height, title, said, parts)


def _whisker(bar: GroupBar, at: Callable[[float], float], y: float) -> list[svg.Element]:
    if bar.low is None or bar.high is None:
        return []
    low, high = at(bar.low), at(bar.high)
    return [
        svg.Line(x1=low, x2=high, y1=y, y2=y, class_=["whisker"]),
        *(svg.Line(x1=x, x2=x, y1=y - 4, y2=y + 4, class_=["whisker"]) for x in (low, high)),
    ]


def _cut(text: str) -> str:
    return text if len(text) <= CHARS_MAX else f"{text[: CHARS_MAX - 1]}…"

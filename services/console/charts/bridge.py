"""From one number to another one: what was lost on the way, and what was won."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import svg
from markupsafe import Markup

from services.console.charts.elements import figure, label, name
from services.console.charts.scales import LinearScale

WIDTH, HEIGHT = 760, 280
LEFT, RIGHT, TOP, BOTTOM = 70, 16, 28, 32
MARKS = 4
COLUMN = 0.62
"""Part of its place that a column fills."""


class BridgeStep(NamedTuple):
    """What is added, or taken away where it is negative."""

    name: str
    change: int


class _Column(NamedTuple):
    name: str
    begin: int
    end: int
    text: str
    look: str


def bridge(
    before: BridgeStep,
    steps: Sequence[BridgeStep],
    after: str,
    title: str,
    written: Callable[[float], str],
) -> Markup:
    """The figure: `before` is where it begins, and `after` names where it ends."""
    levels = [before.change]
    for step in steps:
        levels.append(levels[-1] + step.change)
    up = LinearScale(0, max(*levels, 1) * 1.05, HEIGHT - BOTTOM, TOP)
    room = (WIDTH - LEFT - RIGHT) / (len(steps) + 2)
    parts: list[svg.Element] = []
    for mark in (one for one in up.marks(MARKS) if one.is_integer()):
        y = up.at(mark)
        parts.append(svg.Line(x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_=["grid"]))
        parts.append(label(LEFT - 8, y + 4, written(mark), "small", "end"))
    columns = [
        _Column(before.name, 0, levels[0], written(levels[0]), "bar"),
        *(
            _Column(step.name, begin, end, _signed(step.change, written), _look(step))
            for step, (begin, end) in zip(steps, pairwise(levels), strict=True)
        ),
        _Column(after, 0, levels[-1], written(levels[-1]), "bar"),
    ]
    for place, (what, begin, end, text, look) in enumerate(columns):
        middle = LEFT + room * (place + 0.5)
        top = up.at(max(begin, end))
        height = round(up.at(min(begin, end)) - top, 1)
        parts += [
            svg.Rect(
                x=round(middle - room * COLUMN / 2, 1), y=top, width=round(room * COLUMN, 1),
                height=height, class_=[look], elements=[name(f"{what}: {text}")],
            ),
            label(middle, top - 7, text, "middle"),
            label(middle, HEIGHT - 10, what, "small", "middle"),
        ]  # fmt: skip
        if place < len(columns) - 1:
            y, x = up.at(end), round(middle + room * COLUMN / 2, 1)
            across = round(x + room * (1 - COLUMN), 1)
            parts.append(svg.Line(x1=x, x2=across, y1=y, y2=y, class_=["grid", "strong"]))
    said = ", ".join(f"{what}: {text}" for what, _, _, text, _ in columns)
    return figure(WIDTH, HEIGHT, title, said, parts)


def _signed(change: int, written: Callable[[float], str]) -> str:
    sign = "+" if change > 0 else "−" if change < 0 else ""
    return f"{sign}{written(abs(change))}"


def _look(step: BridgeStep) -> str:
    return "loss" if step.change < 0 else "gain"

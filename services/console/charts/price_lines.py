"""What a price should have been, what it was, and who met it, over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import svg
from markupsafe import Markup

from services.console.charts.elements import figure, label, name
from services.console.charts.scales import LinearScale, covering, seconds

WIDTH, HEIGHT = 760, 260
LEFT, RIGHT, TOP, BOTTOM = 72, 16, 22, 34
MARKS = 4
RADIUS = 4
SHORTEST = timedelta(hours=1)


class PriceMet(NamedTuple):
    """Somebody met the price."""

    at: datetime
    price: float
    was_paid: bool
    """Whether it was paid, or only shown."""


class PriceStory(NamedTuple):
    """An incident of a price."""

    expected: float
    observed: float
    since: datetime
    """When the deviation began."""
    due_at: datetime
    """When the grace ended."""
    until: datetime
    """When it ended; of one that lasts, now."""
    is_over: bool
    met: Sequence[PriceMet] = ()


def price_lines(
    story: PriceStory, price: Callable[[float], str], moment: Callable[[datetime], str],
    words: Callable[[str], str],
) -> Markup:  # fmt: skip
    """The figure. `price` and `moment` write marks; `words` gives `title`, `expected`, `observed`
    and `grace`."""
    lasted = max(story.until - story.since, SHORTEST)
    first, last = story.since - lasted / 6, max(story.until, story.due_at) + lasted / 6
    across = LinearScale(seconds(first), seconds(last), LEFT, WIDTH - RIGHT)
    prices = [story.expected, story.observed, *(one.price for one in story.met)]
    up = covering(prices, HEIGHT - BOTTOM, TOP)
    begin, end = across.at(seconds(story.since)), across.at(seconds(story.until))
    parts: list[svg.Element] = [*_axis(up, price)]
    if story.due_at > story.since:
        due = across.at(seconds(story.due_at))
        shaded = svg.Rect(
            x=begin, y=TOP, width=round(due - begin, 1), height=HEIGHT - TOP - BOTTOM,
            class_=["grace"], elements=[name(f"{words('grace')}: {moment(story.due_at)}")],
        )  # fmt: skip
        parts += [shaded, label(begin + 4, TOP - 4, words("grace"), "small")]
    expected, observed = up.at(story.expected), up.at(story.observed)
    parts += [
        svg.Line(x1=LEFT, x2=WIDTH - RIGHT, y1=expected, y2=expected, class_=["line", "expected"]),
        svg.Polyline(
            points=_steps(begin, end, expected, observed, story.is_over),
            class_=["line", "observed"],
        ),
        *(_point(one, across, up, price, moment) for one in story.met),
        label(begin, HEIGHT - 12, moment(story.since), "small", "middle"),
        label(end, HEIGHT - 12, moment(story.until), "small", "middle"),
    ]
    span = f"{moment(story.since)} – {moment(story.until)}"
    told = ", ".join(
        f"{words(one)} {price(value)}"
        for one, value in (("expected", story.expected), ("observed", story.observed))
    )
    return figure(WIDTH, HEIGHT, words("title"), f"{told}, {span}", parts)


def _steps(
    begin: float, end: float, expected: float, observed: float, is_over: bool
) -> list[svg.Point]:
    """Up at the beginning, along, and down where it is over."""
    points = [(LEFT, expected), (begin, expected), (begin, observed), (end, observed)]
    points += [(end, expected), (WIDTH - RIGHT, expected)] if is_over else []
    return [svg.Point(x, y) for x, y in points]


def _axis(up: LinearScale, price: Callable[[float], str]) -> list[svg.Element]:
    found: list[svg.Element] = []
    for value in up.marks(MARKS):
        y = up.at(value)
        found.append(svg.Line(x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_=["grid"]))
        found.append(label(LEFT - 6, y + 4, price(value), "small", "end"))
    return found


def _point(
    one: PriceMet, across: LinearScale, up: LinearScale, price: Callable[[float], str],
    moment: Callable[[datetime], str],
) -> svg.Element:  # fmt: skip
    told = name(f"{moment(one.at)}: {price(one.price)}")
    return svg.Circle(
        cx=across.at(seconds(one.at)), cy=up.at(one.price), r=RADIUS, elements=[told],
        class_=["point", "paid" if one.was_paid else "shown"],
    )  # fmt: skip

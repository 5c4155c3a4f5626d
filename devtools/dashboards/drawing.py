"""Draws a dashboard as SVG from the answers to its queries, for the docs.

It keeps Grafana's grid, units and thresholds and little else: what it makes is a picture of
answers, no picture of Grafana, and says so at its foot. It asks nobody and reads no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

COLUMN, UNIT, GAP, FOOT = 50, 30, 6, 28
"""Pixels of the grid."""
PALETTE = ("#56a64b", "#f2cc0c", "#3274d9", "#ff780a", "#a352cc", "#e02f44", "#37872d", "#8ab8ff")
COLORS = {"green": "#56a64b", "yellow": "#e0b400", "red": "#e02f44", "blue": "#3274d9"}
INK, PALE, GROUND, CARD = "#24292e", "#6a737d", "#f4f5f5", "#ffffff"
NAMES_MAX, LINES_MAX, ROWS_MAX = 6, 12, 8
DAY_S = 24 * 3600
DAYS_FROM_S = 2 * DAY_S
LETTER = 5.6
"""Width of a letter of the small type, roughly."""
Answers = Mapping[tuple[int, str], Sequence["Curve"]]
"""By number of the panel and letter of the query."""


class Curve(NamedTuple):
    """One series of an answer: what it is called, and (time, value) of its points."""

    name: str
    points: Sequence[tuple[float, float]]

    @property
    def last(self) -> float:
        """Its latest value."""
        return self.points[-1][1]


class Box(NamedTuple):
    """A rectangle in pixels."""

    x: float
    y: float
    w: float
    h: float


def drawn(board: Mapping[str, Any], answers: Answers, foot: str) -> str:
    """The picture of a dashboard; `foot` says where the answers come from."""
    units = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    width, height = 24 * COLUMN, (units + 1) * UNIT + FOOT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="Helvetica, Arial, sans-serif" font-size="10" fill="{INK}">',
        f'<rect width="{width}" height="{height}" fill="{GROUND}"/>',
        _text(GAP, 20, board["title"], size=15, weight="bold"),
    ]
    for panel in board["panels"]:
        parts += _panel(panel, answers)
    return "\n".join([*parts, _text(GAP, height - 10, foot, color=PALE), "</svg>", ""])


def written(value: float, unit: str, decimals: int | None = None) -> str:
    """A number with its unit, short; `decimals` for plain numbers."""
    if unit == "percentunit":
        return f"{100 * value:.3g} %" if value < 0.9995 else f"{100 * value:.4g} %"
    if unit == "s" and value >= DAYS_FROM_S:
        return f"{value / DAY_S:,.0f} days"
    if unit == "s":
        return f"{1000 * value:.0f} ms" if abs(value) < 1 else f"{value:,.3g} s"
    if unit == "bytes":
        return f"{value / 2**20:.1f} MiB" if value >= 2**20 else f"{value / 2**10:.1f} KiB"
    is_whole = decimals == 0 or abs(value) >= 1000 or value == int(value)
    number = f"{value:,.0f}" if is_whole else f"{value:.3g}"
    return f"{number} /s" if unit in ("cps", "eps", "reqps") else number


def color_at(value: float, steps: Sequence[Mapping[str, Any]]) -> str:
    """The color of the highest threshold that a value reaches."""
    reached = [one["color"] for one in steps if one["value"] is None or value >= one["value"]]
    return COLORS[reached[-1]]


def _panel(panel: Mapping[str, Any], answers: Answers) -> Iterator[str]:
    place = panel["gridPos"]
    box = Box(
        place["x"] * COLUMN + GAP / 2,
        (place["y"] + 1) * UNIT + GAP / 2,
        place["w"] * COLUMN - GAP,
        place["h"] * UNIT - GAP,
    )
    if panel["type"] == "row":
        yield _text(box.x + 2, box.y + 18, panel["title"], size=12, weight="bold")
        return
    yield f'<rect {_at(box)} rx="3" fill="{CARD}" stroke="#d8dadf"/>'
    curves = [one for query in panel["targets"] for one in answers[panel["id"], query["refId"]]]
    inner = Box(box.x + 8, box.y + 22, box.w - 16, box.h - 28)
    if not curves:
        yield _text(box.x + box.w / 2, box.y + box.h / 2, "no data", color=PALE, anchor="middle")
    elif panel["type"] == "stat":
        yield from _stat(panel, curves[0], box)
    elif panel["type"] == "timeseries":
        yield from _lines(panel, curves, inner)
    else:
        yield from _bars(panel, curves, inner)
    color = CARD if panel["type"] == "stat" and curves else INK
    yield _text(box.x + 8, box.y + 15, panel["title"], size=11, weight="bold", color=color)


def _stat(panel: Mapping[str, Any], curve: Curve, box: Box) -> Iterator[str]:
    defaults = panel["fieldConfig"]["defaults"]
    color = color_at(curve.last, defaults["thresholds"]["steps"])
    yield f'<rect {_at(box)} rx="3" fill="{color}"/>'
    shown = written(curve.last, defaults["unit"], defaults.get("decimals"))
    y = box.y + box.h / 2 + 18
    yield _text(box.x + box.w / 2, y, shown, size=26, weight="bold", color=CARD, anchor="middle")


def _lines(panel: Mapping[str, Any], curves: Sequence[Curve], box: Box) -> Iterator[str]:
    """The curves with the largest values; the legend names some of them."""
    shown = sorted(curves, key=lambda one: -max(value for _, value in one.points))[:LINES_MAX]
    unit = panel["fieldConfig"]["defaults"]["unit"]
    names = min(len(shown), NAMES_MAX)
    plot = Box(box.x + 46, box.y + 8, box.w - 52, box.h - 13 * ((names + 1) // 2) - 14)
    times = [at for one in shown for at, _ in one.points]
    start, span = min(times), max(times) - min(times) or 1
    top = max(value for one in shown for _, value in one.points) or 1
    for part in (0.0, 0.5, 1.0):
        y = plot.y + plot.h * (1 - part)
        yield f'<path d="M{plot.x:.0f} {y:.1f}h{plot.w:.0f}" stroke="#e4e7ea"/>'
        label = written(top * part, unit)
        yield _text(plot.x - 4, y + 4, label, size=9, color=PALE, anchor="end")
    for number, one in enumerate(shown):
        path = " ".join(
            f"{plot.x + plot.w * (at - start) / span:.0f},"
            f"{plot.y + plot.h * (1 - max(0.0, value) / top):.1f}"
            for at, value in one.points
        )
        color = PALETTE[number % len(PALETTE)]
        yield f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.4"/>'
    for number, one in enumerate(shown[:names]):
        x = box.x + (number % 2) * box.w / 2
        y = plot.y + plot.h + 17 + 13 * (number // 2)
        value = written(one.last, unit)
        color = PALETTE[number % len(PALETTE)]
        yield f'<path d="M{x:.0f} {y - 3:.0f}h10" stroke="{color}" stroke-width="3"/>'
        yield _text(x + 14, y, f"{_fit(one.name, box.w / 2 - 30 - LETTER * len(value))} {value}")


def _bars(panel: Mapping[str, Any], curves: Sequence[Curve], box: Box) -> Iterator[str]:
    """Names and values under each other; a bar for each."""
    defaults = panel["fieldConfig"]["defaults"]
    shown = sorted(curves, key=lambda one: -one.last)[:ROWS_MAX]
    top = max(one.last for one in shown) or 1
    step = min(26.0, box.h / len(shown))
    for number, one in enumerate(shown):
        y = box.y + step * number
        color = color_at(one.last, defaults["thresholds"]["steps"])
        bar = Box(box.x, y + 13, max(1.0, box.w * one.last / top), max(3.0, step - 19))
        value = written(one.last, defaults["unit"], defaults.get("decimals"))
        yield _text(box.x, y + 10, _fit(one.name, box.w - 10 - LETTER * len(value)))
        yield _text(box.x + box.w, y + 10, value, anchor="end")
        yield f'<rect {_at(bar)} fill="{color}"/>'


def _fit(name: str, width: float) -> str:
    """A name, cut to a width."""
    letters = max(4, int(width / LETTER))
    return name if len(name) <= letters else f"{name[: letters - 1]}…"


def _at(box: Box) -> str:
    return f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.w:.1f}" height="{box.h:.1f}"'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 10,
    weight: str = "normal",
    color: str = INK,
    anchor: str = "start",
) -> str:
    style = f'font-size="{size}" font-weight="{weight}" fill="{color}" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'

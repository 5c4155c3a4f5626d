"""Which figure shows which dimensions of a measure; all others are bars."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from markupsafe import Markup

from services.console.charts.bars import GroupBar, bars
from services.console.charts.bridge import BridgeStep, bridge
from services.console.charts.heat_grid import HeatCell, heat_grid
from services.console.charts.lines import NamedLine, lines
from services.console.charts.scatter import ScatterAxis, ScatterPoint, scatter
from services.console.charts.trend import TrendPoint, trend
from services.console.visit import Visit
from services.measures.core.population import GROUP_MIN

BARS_MAX = 24
"""Groups of one dimension that are drawn; the table has all."""
MONTH = re.compile(r"^\d{4}-(0[1-9]|1[0-2])$")
COHORT = re.compile(r"^(\d{4}-\d\d)\+(\d+)$")
FROM = "from_"
ENOUGH = 2
MUST_BE = "must_be"
BALANCE = ("start", "lost", "new", "returned", "end")
"""Counts of customers: the last one is what the others lead to."""
INDEXES = ("push_index", "activity_index", "weight_index", "friction_index")
INDEX_BASE = 100.0
UNFINISHED = "incomplete_window"
Cells = dict[str, list[dict[str, Any]]]


class MeasureFigure(NamedTuple):
    """A figure over some dimensions of a measure."""

    drawn: Markup
    dimensions: frozenset[str]
    """These need no bars of their own."""


def special_figures(
    visit: Visit, measure: str, cells: Cells, counts: Mapping[str, int]
) -> list[MeasureFigure]:
    """The figures that a measure has beside bars."""
    makers = [*([SPECIAL[measure]] if measure in SPECIAL else []), _matrix]
    made = [*(make(visit, cells) for make in makers), _bridge(visit, counts)]
    return [one for one in made if one is not None]


def figure_of(visit: Visit, by: str, rows: list[dict[str, Any]]) -> Markup | None:
    """Bars of the groups of one dimension, a line of months, or cohorts by month; none where there
    is nothing to compare."""
    known = [row for row in rows if row["value"] is not None]
    units = {row["unit"] for row in known}
    if len(known) < ENOUGH or len(units) != 1:
        return None
    [unit] = units
    title = visit.word("by", by)

    def written(value: float) -> str:
        return visit.value(value, unit)

    if all(COHORT.match(row["key"]) for row in known):
        return _cohorts(visit, known, title)
    if all(MONTH.match(row["key"]) for row in known):
        points = [
            TrendPoint(visit.formats.noon(f"{row['key']}-01"), row["value"], *ends_of(row))
            for row in sorted(known, key=lambda row: str(row["key"]))
        ]
        return trend(points, title, written, visit.formats.month)
    drawn = [
        GroupBar(visit.word(by, row["key"]), row["value"], *ends_of(row))
        for row in known[:BARS_MAX]
    ]
    return bars(drawn, title, written)


def _cohorts(visit: Visit, rows: list[dict[str, Any]], title: str) -> Markup:
    """Customers by the month of their first purchase, and the months after it."""
    cells: dict[tuple[str, str], HeatCell] = {}
    for row in rows:
        found = COHORT.match(row["key"])
        assert found is not None
        is_unfinished = UNFINISHED in row["flags"]
        cells[found[1], f"+{found[2]}"] = HeatCell(row["value"], is_unfinished)
    months = sorted({cohort for cohort, _ in cells})
    after = sorted({month for _, month in cells}, key=lambda one: int(one[1:]))
    return heat_grid(months, after, cells, title, lambda value: visit.formats.percent(value, 0))


def _matrix(visit: Visit, cells: Cells) -> MeasureFigure | None:
    """From which channel to which: dimensions `from_CHANNEL`."""
    rows = sorted(by for by in cells if by.startswith(FROM))
    named = {by: visit.word("channel", by.removeprefix(FROM)) for by in rows}
    found = {
        (named[by], visit.word("channel", row["key"])): HeatCell(row["value"])
        for by in rows
        for row in cells[by]
        if row["value"] is not None
    }
    if len(rows) < ENOUGH or not found:
        return None
    columns = sorted({column for _, column in found})
    title = visit.text("measures.matrix")
    drawn = heat_grid(
        [named[by] for by in rows], columns, found, title,
        lambda value: visit.formats.percent(value, 0),
    )  # fmt: skip
    return MeasureFigure(drawn, frozenset(rows))


def _kano(visit: Visit, cells: Cells) -> MeasureFigure | None:
    """How much a feature satisfies where it is there, and dissatisfies where it is not (Berger and
    others, 1993)."""
    better, worse = _values(cells, "better"), _values(cells, "worse")
    must_be = {
        row["key"].rpartition(": ")[0]
        for row in cells.get("category", [])
        if row["key"].endswith(f": {MUST_BE}")
    }
    points = [
        ScatterPoint(key, -worse[key][0], better[key][0], better[key][1], is_urgent=key in must_be)
        for key in better
        if key in worse
    ]
    if not points:
        return None

    def written(value: float) -> str:
        return visit.formats.number(value, 2)

    across = ScatterAxis(visit.text("kano.worse"), 0, 1, 0.5, written)
    up = ScatterAxis(visit.text("kano.better"), 0, 1, 0.5, written)
    quarters = [
        visit.text(f"kano.{one}") for one in ("attractive", "performance", "indifferent", "must_be")
    ]
    drawn = scatter(points, across, up, quarters, visit.text("measure.kano"))
    return MeasureFigure(drawn, frozenset({"better", "worse"}))


def _drivers(visit: Visit, cells: Cells) -> MeasureFigure | None:
    """Importance by performance (Martilla and James, 1977), with intervals of the importance."""
    importance, performance = _values(cells, "importance"), _values(cells, "performance")
    ends = {row["key"]: ends_of(row) for row in cells.get("importance", [])}
    keys = [key for key in importance if key in performance]
    if len(keys) < ENOUGH:
        return None
    points = [
        ScatterPoint(key, performance[key][0], importance[key][0], importance[key][1], *ends[key])
        for key in keys
    ]
    xs, ys = [one.x for one in points], [one.y for one in points]
    tops = [one.high or one.y for one in points]
    room = (max(xs) - min(xs)) * 0.15 or 1.0
    across = ScatterAxis(
        visit.text("word.performance"), min(xs) - room, max(xs) + room, _median(xs),
        lambda value: visit.formats.number(value, 1),
    )  # fmt: skip
    up = ScatterAxis(
        visit.text("word.importance"), 0, max(tops) * 1.1 or 1.0, _median(ys),
        lambda value: visit.formats.percent(value, 0),
    )  # fmt: skip
    quarters = [
        visit.text(f"drivers.{one}") for one in ("improve_first", "keep", "low", "overkill")
    ]
    drawn = scatter(points, across, up, quarters, visit.text("measure.drivers"))
    return MeasureFigure(drawn, frozenset({"importance", "performance"}))


def _flywheel(visit: Visit, cells: Cells) -> MeasureFigure | None:
    """Speed, weight and friction on one scale, on which the first three months are 100."""
    found = {by: _values(cells, by) for by in INDEXES}
    known = {by: values for by, values in found.items() if values}
    months = sorted({row["key"] for by in known for row in cells[by]})
    if len(months) < ENOUGH:
        return None
    drawn = [
        NamedLine(
            visit.word("by", by.removesuffix("_index")),
            [values[month][0] if month in values else None for month in months],
        )
        for by, values in known.items()
    ]
    formats = visit.formats
    named = [formats.month(formats.noon(f"{month}-01")) for month in months]
    title = visit.text("flywheel.lines")
    figure = lines(drawn, named, title, lambda value: formats.number(value, 1), INDEX_BASE)
    return MeasureFigure(figure, frozenset(known))


def _bridge(visit: Visit, counts: Mapping[str, int]) -> MeasureFigure | None:
    """From the customers of the beginning to those of the end, where a measure counts both and no
    group is too small to be shown."""
    if not all(name in counts for name in BALANCE) or not counts["start"] + counts["end"]:
        return None
    if any(0 < counts[name] < GROUP_MIN for name in BALANCE):
        return None
    start, lost, *won, end = BALANCE
    steps = [
        BridgeStep(visit.word("count", lost), -counts[lost]),
        *(BridgeStep(visit.word("count", name), counts[name]) for name in won),
    ]
    begin = BridgeStep(visit.word("count", start), counts[start])
    title = visit.text("measures.bridge")
    drawn = bridge(
        begin, steps, visit.word("count", end), title,
        lambda value: visit.formats.number(value, 0),
    )  # fmt: skip
    return MeasureFigure(drawn, frozenset())


SPECIAL: Mapping[str, Callable[[Visit, Cells], MeasureFigure | None]] = {
    "kano": _kano,
    "drivers": _drivers,
    "flywheel": _flywheel,
}


def _values(cells: Cells, by: str) -> dict[str, tuple[float, int]]:
    return {
        row["key"]: (row["value"], row["n"] or 0)
        for row in cells.get(by, [])
        if row["value"] is not None
    }


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def ends_of(result: Mapping[str, Any]) -> tuple[float, float] | tuple[()]:
    """The ends of the interval of a figure, if it has one."""
    interval = result["interval"]
    return (interval["low"], interval["high"]) if interval else ()

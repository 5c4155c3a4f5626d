"""Figures of measures: which one shows what, where values stand, and what is empty."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, cast
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from schemas.api.permission import Language
from services.console.charts.bars import GroupBar, bars
from services.console.charts.bridge import BridgeStep, bridge
from services.console.charts.heat_grid import HeatCell, heat_grid
from services.console.charts.lines import HEIGHT, NamedLine, lines
from services.console.formats import Formats
from services.console.pages.measure_figures import Cells, figure_of, special_figures
from services.console.pages.measures import grouped
from services.console.texts import has_text, text
from services.console.visit import Visit

HOSTILE = "<script>alert(1)</script>"


class Reader:
    """Somebody who reads figures in English, in place of a request."""

    formats = Formats(Language.ENGLISH, ZoneInfo("Europe/Berlin"))

    def text(self, key: str, **values: Any) -> str:
        """See Visit."""
        return text(Language.ENGLISH, key, **values)

    def word(self, prefix: str, value: Any) -> str:
        """See Visit."""
        key = f"{prefix}.{value}"
        return self.text(key) if has_text(Language.ENGLISH, key) else str(value)

    def value(self, value: Any, unit: str) -> str:
        """See Visit."""
        return self.formats.value(value, unit)


READER = cast(Visit, Reader())


def cell(
    by: str, key: str, value: float | None, unit: str = "share", **more: Any
) -> dict[str, Any]:
    """A cell of a breakdown as the API gives it."""
    return {
        "by": by, "key": key, "value": value, "unit": unit, "n": 10, "interval": None, "flags": [],
        **more,
    }  # fmt: skip


def parsed(figure: str | None) -> ElementTree.Element:
    """The elements of a figure, of which there must be one."""
    assert figure is not None
    return ElementTree.fromstring(figure)


def of_class(figure: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    """The elements of a class."""
    return [one for one in figure.iter() if name in one.get("class", "").split()]


def test_bars_begin_at_zero_and_have_intervals() -> None:
    """A negative bar goes to the left; twice the value is twice as long."""
    drawn = parsed(
        bars([GroupBar(HOSTILE, 2.0, 1.0, 3.0), GroupBar("b", 4.0), GroupBar("c", -2.0)], "t", str)
    )
    first, second, third = of_class(drawn, "bar")
    width = [float(one.get("width", "")) for one in (first, second, third)]
    assert width[1] == pytest.approx(2 * width[0], abs=0.2)
    assert width[2] == pytest.approx(width[0], abs=0.2)
    assert float(third.get("x", "")) + width[2] == pytest.approx(float(first.get("x", "")), abs=0.2)
    assert len(of_class(drawn, "whisker")) == 3
    assert not [one for one in drawn.iter() if one.tag.endswith("script")]


def test_darker_is_more_and_what_is_not_over_is_marked() -> None:
    """Five shades; an empty place has no cell."""
    cells = {("a", "1"): HeatCell(1.0), ("a", "2"): HeatCell(0.0, is_unfinished=True)}
    drawn = parsed(heat_grid(["a", "b"], ["1", "2"], cells, "t", str))
    boxes = of_class(drawn, "heat")
    assert [one.get("class") for one in boxes] == ["heat heat-4", "heat heat-0 unfinished"]
    parsed(heat_grid(["a"], ["1"], {("a", "1"): HeatCell(0.0)}, "t", str))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([cell("channel", "app", 0.2), cell("channel", "shop", 0.4)], "bar"),
        ([cell("month", "2026-01", 0.2), cell("month", "2026-02", 0.4)], "dot"),
        ([cell("cohort", "2026-01+1", 0.2), cell("cohort", "2026-02+1", 0.4)], "heat"),
    ],
)
def test_the_figure_fits_what_is_compared(cells: list[dict[str, Any]], expected: str) -> None:
    """Groups are bars, months a line, cohorts a grid."""
    drawn = parsed(figure_of(READER, "channel", cells))
    assert len(of_class(drawn, expected)) == 2


@pytest.mark.parametrize(
    "cells",
    [
        [],
        [cell("channel", "app", 0.2)],
        [cell("channel", "app", 0.2), cell("channel", "shop", None, flags=["suppressed"])],
        [cell("channel", "app", 0.2), cell("channel", "shop", 3.0, "points")],
    ],
)
def test_nothing_is_drawn_where_nothing_can_be_compared(cells: list[dict[str, Any]]) -> None:
    """Too few groups, and different units."""
    assert figure_of(READER, "channel", cells) is None


def test_kano_features_stand_by_what_they_do() -> None:
    """A delight stands left above, a must-be right below and is marked."""
    cells = grouped(
        [
            cell("better", "chat", 0.9, ""), cell("worse", "chat", -0.1, ""),
            cell("better", "returns", 0.1, ""), cell("worse", "returns", -0.8, ""),
            cell("category", "returns: must_be", 0.5), cell("category", "chat: attractive", 0.6),
        ]
    )  # fmt: skip
    [found] = special_figures(READER, "kano", cells, {})
    assert found.dimensions == {"better", "worse"}
    chat, returns = of_class(parsed(found.drawn), "bubble")
    assert float(chat.get("cx", "")) < float(returns.get("cx", ""))
    assert float(chat.get("cy", "")) < float(returns.get("cy", ""))
    assert "urgent" in returns.get("class", "")
    assert "urgent" not in chat.get("class", "")


def test_drivers_have_intervals() -> None:
    """Importance upwards, performance across."""
    interval = {"low": 0.1, "high": 0.5, "level": 0.95}
    cells = grouped(
        [
            cell("importance", "price", 0.3, interval=interval),
            cell("importance", "choice", 0.7, interval=interval),
            cell("performance", "price", 3.0, "points"),
            cell("performance", "choice", 4.0, "points"),
        ]
    )  # fmt: skip
    [found] = special_figures(READER, "drivers", cells, {})
    price, choice = of_class(parsed(found.drawn), "bubble")
    assert float(choice.get("cy", "")) < float(price.get("cy", ""))
    assert float(price.get("cx", "")) < float(choice.get("cx", ""))
    assert len(of_class(parsed(found.drawn), "whisker")) == 2


def test_moves_between_channels_are_a_grid() -> None:
    """Whatever the measure; hidden cells are empty."""
    cells = grouped(
        [cell("from_app", "shop", 0.4), cell("from_shop", "app", 0.2), cell("from_shop", "x", None)]
    )
    [found] = special_figures(READER, "paths", cells, {})
    assert found.dimensions == {"from_app", "from_shop"}
    assert len(of_class(parsed(found.drawn), "heat")) == 2


@pytest.mark.parametrize("measure", ["kano", "drivers", "nps"])
def test_without_answers_there_is_no_figure(measure: str) -> None:
    """Nothing was asked, or all of it is hidden."""
    empty: Cells = {}
    assert special_figures(READER, measure, empty, {}) == []
    hidden = grouped([cell("better", "chat", None, ""), cell("importance", "price", None)])
    assert special_figures(READER, measure, hidden, {}) == []


def test_a_line_has_gaps_where_nothing_is_known() -> None:
    """Nothing is drawn across a month without a value; every value has its point."""
    drawn = parsed(
        lines([NamedLine(HOSTILE, [1.0, 2.0, None, 4.0])], ["a", "b", "c", "d"], "t", str, 1.0)
    )
    runs = of_class(drawn, "line")
    assert [len(one.get("points", "").split()) for one in runs] == [2, 1]
    first, second, fourth = of_class(drawn, "dot")
    x = [float(one.get("cx", "")) for one in (first, second, fourth)]
    assert x[2] - x[0] == pytest.approx(3 * (x[1] - x[0]), abs=0.2)
    y = [float(one.get("cy", "")) for one in (first, second, fourth)]
    assert y[0] - y[2] == pytest.approx(3 * (y[0] - y[1]), abs=0.2)
    assert not [one for one in drawn.iter() if one.tag.endswith("script")]


def test_names_at_the_ends_of_lines_do_not_lie_on_each_other() -> None:
    """Lines that end at the same value, also at the bottom of the figure."""
    names = ["push", "activity", "weight", "friction"]
    drawn = parsed(
        lines([NamedLine(one, [500.0, 1.0]) for one in names], ["a", "b"], "t", str, 100.0)
    )
    heights = sorted(float(one.get("y", "")) for one in drawn.iter() if one.text in names)
    assert len(heights) == 4
    assert all(high - low >= 15.9 for low, high in pairwise(heights))
    assert heights[-1] < HEIGHT


def test_a_bridge_leads_from_the_beginning_to_the_end() -> None:
    """100 customers, 40 lost, 20 new, 10 returned: the columns hang where the former one ended."""
    steps = [BridgeStep("lost", -40), BridgeStep(HOSTILE, 20), BridgeStep("returned", 10)]
    drawn = parsed(bridge(BridgeStep("start", 100), steps, "end", "t", lambda one: f"{one:.0f}"))
    start, end = of_class(drawn, "bar")
    [lost], [new, returned] = of_class(drawn, "loss"), of_class(drawn, "gain")

    def span(one: ElementTree.Element) -> tuple[float, float]:
        top = float(one.get("y", ""))
        return top, top + float(one.get("height", ""))

    assert span(lost)[0] == span(start)[0]
    assert span(new)[1] == pytest.approx(span(lost)[1], abs=0.2)
    assert span(returned)[1] == pytest.approx(span(new)[0], abs=0.2)
    assert span(end)[0] == pytest.approx(span(returned)[0], abs=0.2)
    assert float(end.get("height", "")) == pytest.approx(
        0.9 * float(start.get("height", "")), abs=0.2
    )
    assert not [one for one in drawn.iter() if one.tag.endswith("script")]


def test_a_bridge_of_few_customers_has_whole_numbers_on_its_axis() -> None:
    """There is no half customer."""
    drawn = parsed(bridge(BridgeStep("start", 2), [BridgeStep("lost", -1)], "end", "t", str))
    marks = [one.text for one in of_class(drawn, "end") if one.text]
    assert marks == ["0.0", "1.0", "2.0"]


@pytest.mark.parametrize("base", [100.0, 103.0])
def test_what_all_are_compared_with_is_a_line(base: float) -> None:
    """Also where no mark of the axis is."""
    drawn = parsed(lines([NamedLine("a", [90.0, 120.0])], ["a", "b"], "t", str, base))
    [line] = of_class(drawn, "strong")
    assert line.get("y1") == line.get("y2")


@pytest.mark.parametrize("measure", ["retention_rate", "churn_rate"])
def test_a_balance_of_customers_is_a_bridge(measure: str) -> None:
    """Whatever the measure; not where there were no customers, or counts are hidden or small."""
    counts = {"start": 100, "kept": 60, "lost": 40, "new": 20, "returned": 10, "end": 90}
    [found] = special_figures(READER, measure, {}, counts)
    assert len(of_class(parsed(found.drawn), "gain")) == 2
    texts = [one.text for one in parsed(found.drawn).iter() if one.text]
    assert {"100", "−40", "+20", "+10", "90"} <= set(texts)
    assert special_figures(READER, measure, {}, dict.fromkeys(counts, 0)) == []
    assert special_figures(READER, measure, {}, {"start": 100, "kept": 60}) == []
    assert special_figures(READER, measure, {}, {**counts, "returned": 4, "end": 84}) == []
    assert len(special_figures(READER, measure, {}, {**counts, "returned": 0, "end": 80})) == 1


def test_the_flywheel_is_lines_on_one_scale() -> None:
    """A line for each index that is known; their parts stay figures of their own."""
    cells = grouped(
        [
            cell("weight", "2026-01", 0.5),
            cell("weight_index", "2026-01", 100.0, ""), cell("weight_index", "2026-02", 150.0, ""),
            cell("push_index", "2026-01", 100.0, ""), cell("push_index", "2026-02", None, ""),
            cell("friction_index", "2026-01", None, ""),
        ]
    )  # fmt: skip
    [found] = special_figures(READER, "flywheel", cells, {})
    assert found.dimensions == {"push_index", "weight_index"}
    drawn = parsed(found.drawn)
    assert len(of_class(drawn, "line")) == 2
    assert len(of_class(drawn, "dot")) == 3
    [description] = [one.text for one in drawn.iter() if one.tag.endswith("desc")]
    assert description is not None
    assert "weight: Jan 2026 100, Feb 2026 150" in description
    assert special_figures(READER, "flywheel", grouped([cell("push_index", "a", 1.0)]), {}) == []

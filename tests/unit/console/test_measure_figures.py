"""Figures of measures: which one shows what, where values stand, and what is empty."""

from __future__ import annotations

from typing import Any, cast
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from schemas.api.permission import Language
from services.console.charts.bars import GroupBar, bars
from services.console.charts.heat_grid import HeatCell, heat_grid
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
    [found] = special_figures(READER, "kano", cells)
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
    [found] = special_figures(READER, "drivers", cells)
    price, choice = of_class(parsed(found.drawn), "bubble")
    assert float(choice.get("cy", "")) < float(price.get("cy", ""))
    assert float(price.get("cx", "")) < float(choice.get("cx", ""))
    assert len(of_class(parsed(found.drawn), "whisker")) == 2


def test_moves_between_channels_are_a_grid() -> None:
    """Whatever the measure; hidden cells are empty."""
    cells = grouped(
        [cell("from_app", "shop", 0.4), cell("from_shop", "app", 0.2), cell("from_shop", "x", None)]
    )
    [found] = special_figures(READER, "paths", cells)
    assert found.dimensions == {"from_app", "from_shop"}
    assert len(of_class(parsed(found.drawn), "heat")) == 2


@pytest.mark.parametrize("measure", ["kano", "drivers", "nps"])
def test_without_answers_there_is_no_figure(measure: str) -> None:
    """Nothing was asked, or all of it is hidden."""
    empty: Cells = {}
    assert special_figures(READER, measure, empty) == []
    hidden = grouped([cell("better", "chat", None, ""), cell("importance", "price", None)])
    assert special_figures(READER, measure, hidden) == []

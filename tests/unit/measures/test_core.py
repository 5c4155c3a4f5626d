"""What all measures share: windows, intervals, groups too small to show, and the catalogue."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.measures.adapters.fragments import FRAGMENTS
from services.measures.catalogue import FOLDER, MEASURES
from services.measures.core.intervals import wilson
from services.measures.core.measure import VALUE, Betrayal, Figures, shown
from services.measures.core.population import GROUP_MIN, hidden
from services.measures.core.result import Cell, Flag, Interval, MeasureResult, Span
from services.measures.core.window import window_of

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)  # the next day in Berlin
ROOT = Path(__file__).parents[3]


def test_wilson_interval() -> None:
    """34 of 50 is 68 %, 54.2 to 79.2 %; the ends of a share of nobody or all are exact."""
    low, high = wilson(34, 50)
    assert (round(low, 3), round(high, 3)) == (0.542, 0.792)
    assert (wilson(0, 7).low, wilson(10, 10).high) == (0, 1)  # where rounding misses them
    assert 0 < wilson(7, 7).low < wilson(70, 70).low < 1


def test_a_window_has_whole_days_of_the_realm() -> None:
    """Without an end it ends with yesterday in the realm's zone, through summer time."""
    start, end = window_of(None, None, BERLIN, NOW)
    assert (end.date(), start.date()) == (date(2026, 3, 3), date(2025, 3, 3))
    start, end = window_of(date(2026, 3, 29), date(2026, 3, 30), BERLIN, NOW)
    assert end.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=23)


def test_an_empty_window_is_refused() -> None:
    """A window that ends where it begins holds nothing."""
    with pytest.raises(ValueError, match="is empty"):
        window_of(date(2026, 3, 1), date(2026, 3, 1), BERLIN, NOW)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([5, 6, 7], set()),
        ([4, 6, 7], {0, 1}),  # the one would follow by subtraction
        ([7, 4, 5], {1, 2}),
        ([4, 3, 9, 8], {0, 1, 3}),  # the four may include the three
        ([3, 3], {0, 1}),
        ([60, 1, 38, 1], {1, 2, 3}),  # two single persons, and nobody knows of how many
        ([0, 6, 0], {0, 2}),  # about nobody: there is nothing to subtract
        ([0, 6, 4, 7], {0, 1, 2}),
        ([4], {0}),
        ([], set()),
    ],
)
def test_small_groups_are_hidden(sizes: list[int], expected: set[int]) -> None:
    """Groups below the minimum, and one above it if any of them is of somebody."""
    assert hidden(sizes) == expected


def test_suppressed_figures_say_nothing() -> None:
    """Too few customers: neither the value, nor how many, nor a breakdown of it."""
    cell = Cell(by="a", key="x", n=GROUP_MIN, value=1, unit="share")
    interval = Interval(low=0.1, high=0.9, level=0.95)
    few = Figures(GROUP_MIN - 1, 0.5, "share", interval, {"buyers": 4}, [cell])
    figures, flags = shown(few)
    assert flags == [Flag.SUPPRESSED]
    assert figures == Figures(None, None, "share", None, {}, [])
    enough, flags = shown(few._replace(n=GROUP_MIN))
    assert (enough.value, flags, list(enough.breakdown)) == (0.5, [], [cell])


def test_cells_are_hidden_by_dimension() -> None:
    """The groups of one dimension are no complement of another's."""
    cells = [
        Cell(by=by, key=key, n=n, value=1, unit="share")
        for by, key, n in (
            ("a", "x", 9),
            ("b", "x", 9),
            ("b", "y", 4),
            ("b", "z", 20),
            ("c", "x", 4),
        )
    ]
    figures, _ = shown(Figures(50, 0.5, "share", None, {}, cells))
    assert [cell.value for cell in figures.breakdown] == [1, None, None, 1, None]
    assert figures.breakdown[1].n is None
    assert figures.breakdown[2].flags == [Flag.SUPPRESSED]


def test_counts_do_not_say_what_cells_do_not() -> None:
    """A count goes with the cell of its name, and with the cell that it betrays; so does the value.
    That nobody is in a group may be said."""
    cells = [
        Cell(by="a", key=key, n=n, value=1, unit="share")
        for key, n in (("A", 4), ("B", 9), ("C", 20), ("none", 0))
    ]
    counts = {"a": 4, "b": 9, "c": 20, "none": 0, "all": 33}
    other = {"A": 9}
    interval = Interval(low=0.1, high=0.9, level=0.95)
    figures = Figures(33, 0.5, "share", interval, counts, cells)
    assert shown(figures)[0].counts == {"c": 20, "none": 0, "all": 33}
    assert shown(figures)[0].value == 0.5
    assert shown(figures._replace(counts=other))[0].counts == other  # it counts something else
    told = shown(figures._replace(betrayals=[Betrayal("all", "B"), Betrayal(VALUE, "A")]))[0]
    assert (told.counts, told.value, told.interval) == ({"c": 20, "none": 0}, None, None)
    kept = shown(figures._replace(betrayals=[Betrayal("all", "C"), Betrayal(VALUE, "C")]))[0]
    assert (kept.counts["all"], kept.value) == (33, 0.5)


def test_cells_about_others_stand_by_themselves() -> None:
    """Too few for the value are not too few for them."""
    cells = [Cell(by="a", key=str(n), n=n, value=1, unit="share") for n in (30, 20, 4)]
    few = Figures(1, 1.0, "share", None, {"one": 1}, cells, is_about_others=True)
    figures, flags = shown(few)
    assert (figures.n, figures.value, figures.counts, flags) == (None, None, {}, [Flag.SUPPRESSED])
    assert [one.n for one in figures.breakdown] == [30, None, None]


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_is_complete(name: str) -> None:
    """Each has its statement, its page and its test beside it."""
    assert (FOLDER / f"{name}.sql").is_file()
    assert (ROOT / "docs" / "measures" / f"{name}.md").is_file()
    assert (ROOT / "tests" / "unit" / "measures" / f"test_{name}.py").is_file()


def test_a_result_survives_its_json_form() -> None:
    """What a running c360 sends is what the command reads; `from` has its documented name."""
    span = Span.model_validate({"from": NOW, "until": NOW})
    result = MeasureResult(
        measure="m", definition="m/1", realm="r", population="persons", unit="share",
        window=span, as_of=NOW,
    )  # fmt: skip
    text = result.model_dump_json()
    assert '"from":' in text
    assert MeasureResult.model_validate_json(text) == result


@pytest.mark.parametrize("name", FRAGMENTS)
def test_every_fragment_is_used(name: str) -> None:
    """What no measure begins with would rot."""
    texts = [file.read_text("utf-8") for file in FOLDER.glob("*.sql")]
    assert any(f"-- CTEs of {name} --" in text for text in texts)

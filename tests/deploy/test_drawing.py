"""Pictures of dashboards: well-formed, with the numbers of the answers, and labelled as drawn."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from devtools.dashboards import Board
from devtools.dashboards.board import Height, Row
from devtools.dashboards.drawing import Curve, color_at, drawn, written
from devtools.dashboards.panel import Query, Steps, Unit, bars, lines, stat
from tests.deploy.reading import boards

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
FOOT = "From answers."
BOARD = Board(
    "small",
    "Small",
    "For this test.",
    (
        Row(
            "All kinds",
            Height.USUAL,
            (
                stat("Share", Unit.SHARE, "a", "A share.", Steps(0.9, 0.5, falling=True)),
                lines("Course", Unit.SECONDS, [Query("b", "b")], "A course.", Steps(1, 2), width=8),
                bars("Kinds", Unit.NUMBER, Query("c", "{{kind}}"), "Kinds."),
                stat("Silent", Unit.NUMBER, "d", "Nothing."),
            ),
        ),
    ),
)


def texts(picture: str) -> list[str]:
    """What is written in a picture."""
    return [one.text or "" for one in ElementTree.fromstring(picture).iter() if one.text]


def test_a_picture_has_the_numbers_of_the_answers() -> None:
    """Latest values with their units, names of series, and `no data` where there is none."""
    answers = {
        (2, "A"): [Curve("share", [(1.0, 0.7), (2.0, 0.25)])],
        (3, "A"): [Curve("<half>", [(1.0, 0.5), (2.0, 0.2)])],
        (4, "A"): [Curve("few", [(2.0, 3.0)]), Curve("many", [(2.0, 1234.0)])],
        (5, "A"): [],
    }
    picture = drawn(BOARD.json(), answers, FOOT)
    found = texts(picture)
    assert {"Small", "All kinds", "Share", "25 %", "<half> 200 ms", FOOT} <= set(found)
    assert [one for one in found if one in ("few", "many", "1,234", "3")] == [
        "many",
        "1,234",
        "few",
        "3",
    ]
    assert found.count("no data") == 1


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.99962, "percentunit", "99.96 %"),
        (1.0, "percentunit", "100 %"),
        (0.0421, "s", "42 ms"),
        (12.34, "s", "12.3 s"),
        (400_000.0, "s", "5 days"),
        (0.5, "reqps", "0.5 /s"),
        (12_345.6, "short", "12,346"),
        (3 * 2**20, "bytes", "3.0 MiB"),
        (512.0, "bytes", "0.5 KiB"),
    ],
)
def test_numbers_have_their_unit(value: float, unit: str, text: str) -> None:
    """Short, and never rounded up to what is promised."""
    assert written(value, unit) == text


@pytest.mark.parametrize(
    ("steps", "colors"),
    [
        (Steps(1, 2), ["green", "yellow", "red"]),  # 0.5, 1, 2
        (Steps(2, 1, falling=True), ["red", "yellow", "green"]),
        (Steps(alarm=1), ["green", "red", "red"]),
        (Steps(alarm=1, falling=True), ["red", "green", "green"]),
        (Steps(), ["blue", "blue", "blue"]),
    ],
)
def test_colors_follow_the_thresholds(steps: Steps, colors: list[str]) -> None:
    """A threshold counts from its value on, whichever side is the bad one."""
    known = steps.json()["steps"]
    names = {color_at(step["value"] or 0, [step]): step["color"] for step in known}
    assert [names[color_at(value, known)] for value in (0.5, 1, 2)] == colors


@pytest.mark.parametrize("name", boards())
def test_the_docs_have_a_picture_of_each(name: str) -> None:
    """It says at its foot that it is drawn from answers, and shows every panel with data."""
    board, found = boards()[name], texts((PICTURES / f"{name}.svg").read_text("utf-8"))
    assert {panel["title"] for panel in board["panels"]} <= set(found)
    assert "no data" not in found
    assert any("No screenshot of Grafana" in one for one in found)

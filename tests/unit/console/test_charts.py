"""Figures: where values stand, and that no text of anybody becomes markup."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from services.console.charts.price_lines import PriceMet, PriceStory, price_lines
from services.console.charts.scales import LinearScale, covering, round_values

SINCE = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOSTILE = '<script>alert("1")</script>&'


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (0, 10, 5, [0, 2, 4, 6, 8, 10]),
        (1.9, 2.6, 4, [2.0, 2.2, 2.4, 2.6]),
        (-1, 1, 4, [-1, -0.5, 0, 0.5, 1]),
        (0, 0.003, 3, [0, 0.001, 0.002, 0.003]),
    ],
)
def test_marks_are_round(low: float, high: float, count: int, expected: list[float]) -> None:
    """As people count."""
    assert round_values(low, high, count) == pytest.approx(expected)


def test_a_scale_is_a_straight_line() -> None:
    """Upwards in a figure is towards smaller numbers."""
    up = LinearScale(0, 10, 200, 0)
    assert [up.at(value) for value in (0, 5, 10)] == [200, 100, 0]
    for values in ([], [3.0], [0.0], [-2.0, 5.0]):
        scale = covering(values, 0, 100)
        assert scale.low < scale.high
        assert all(0 <= scale.at(value) <= 100 for value in values)
    assert covering([0.2, 0.5], 0, 100, zero=True).low == 0


def test_the_price_stands_where_it_was() -> None:
    """The observed line rises at the beginning and falls at the end; what lasts does not fall."""
    until = SINCE + timedelta(days=2)
    story = PriceStory(2.0, 3.0, SINCE, SINCE + timedelta(hours=6), until, is_over=True,
                       met=[PriceMet(SINCE + timedelta(days=1), 3.0, was_paid=True)])  # fmt: skip
    drawn = _drawn(story)
    [line] = [one for one in drawn.iter() if "observed" in one.get("class", "")]
    points = [tuple(map(float, one.split(","))) for one in line.get("points", "").split()]
    assert len(points) == 6
    assert points[0][1] == points[1][1] == points[5][1] > points[2][1] == points[3][1]
    [grace] = [one for one in drawn.iter() if one.get("class") == "grace"]
    lasted = points[3][0] - points[2][0]
    assert float(grace.get("width", "")) == pytest.approx(lasted / 8, abs=0.2)
    [met] = [one for one in drawn.iter() if "point" in one.get("class", "")]
    assert float(met.get("cx", "")) == pytest.approx((points[2][0] + points[3][0]) / 2, abs=0.2)
    assert float(met.get("cy", "")) == points[2][1]
    lasting = _drawn(story._replace(is_over=False))
    [line] = [one for one in lasting.iter() if "observed" in one.get("class", "")]
    assert len(line.get("points", "").split()) == 4


STORY = PriceStory(2.0, 3.0, SINCE, SINCE + timedelta(hours=1), SINCE, is_over=False)


@pytest.mark.parametrize(
    "story", [STORY, STORY._replace(due_at=SINCE), STORY._replace(observed=2.0, is_over=True)]
)
def test_a_figure_of_anything_can_be_drawn(story: PriceStory) -> None:
    """Also without grace, of no length, and of no difference; texts are escaped."""
    drawn = _drawn(story)
    assert drawn.get("role") == "img"
    assert not [one for one in drawn.iter() if one.tag.endswith("script")]
    assert drawn[0].text == f"title {HOSTILE}"


def _drawn(story: PriceStory) -> ElementTree.Element:
    made = price_lines(
        story,
        lambda price: f"{price} {HOSTILE}",
        lambda moment: f"{moment} {HOSTILE}",
        lambda word: f"{word} {HOSTILE}",
    )
    return ElementTree.fromstring(made)

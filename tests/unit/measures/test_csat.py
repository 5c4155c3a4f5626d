"""Customer satisfaction: the worked example, and means of questions on one scale."""

from __future__ import annotations

from services.measures.catalogue import csat
from services.measures.catalogue.csat import SatisfactionAnswers, SatisfactionGroup
from services.measures.core.result import Flag
from tests.unit.measures.contexts import CONTEXT


def test_satisfied_customers() -> None:
    """34 of 50 in the two best boxes: 68 %, from 54.2 to 79.2 %."""
    rows = SatisfactionAnswers([SatisfactionGroup("", "", 50, 50, 34, 2, 1, 190.0, 750.0)])
    found = csat.compute(rows, CONTEXT)
    assert (found.n, found.value) == (50, 0.68)
    assert found.interval is not None
    assert (round(found.interval.low, 3), round(found.interval.high, 3)) == (0.542, 0.792)
    assert found.counts == {"answers": 50, "top_two": 34, "invalid": 2}


def test_the_mean_of_a_question_is_on_one_scale() -> None:
    """On several it has none; the share of the best boxes has."""
    one = SatisfactionGroup("question", "a", 4, 4, 3, 0, 1, 16.0, 66.0)
    mixed = one._replace(key="b", scales=2)
    cells = csat.compute(SatisfactionAnswers([one, mixed]), CONTEXT).breakdown
    assert [(cell.by, cell.key, cell.value, cell.flags) for cell in cells] == [
        ("question", "a", 0.75, []),
        ("question", "b", 0.75, [Flag.MIXED_SCALE]),
        ("mean", "a", 4.0, []),
        ("mean", "b", None, [Flag.MIXED_SCALE]),
    ]

"""What was got against what was expected: the worked example and its interval."""

from __future__ import annotations

from services.measures.catalogue import disconfirmation
from services.measures.catalogue.disconfirmation import ExpectationGroup, Expectations
from tests.unit.measures.contexts import CONTEXT

EXPECTED, GIVEN = (4, 5, 3, 4, 5, 4), (5, 4, 3, 2, 5, 5)


def differences(times: int) -> ExpectationGroup:
    """The pairs of the worked example so many times."""
    found = [given - expected for expected, given in zip(EXPECTED, GIVEN, strict=True)] * times
    better, same, worse = (
        sum((one > 0) - (one < 0) == sign for one in found) for sign in (1, 0, -1)
    )
    n, squares = len(found), sum(one * one for one in found)
    return ExpectationGroup("", "", n, better, same, worse, 0, 1, sum(found), squares)


def test_what_was_expected() -> None:
    """+1, -1, 0, -2, 0, +1: mean -0.17, two of each sign; an interval from thirty pairs on."""
    found = disconfirmation.compute(Expectations([differences(1)]), CONTEXT)
    assert found.value is not None
    assert (round(found.value, 2), found.interval) == (-0.17, None)
    assert found.counts == {"positive": 2, "confirmed": 2, "negative": 2, "invalid": 0}
    assert [(cell.key, cell.value) for cell in found.breakdown] == [
        ("positive", 1 / 3), ("confirmed", 1 / 3), ("negative", 1 / 3),
    ]  # fmt: skip
    many = disconfirmation.compute(Expectations([differences(5)]), CONTEXT)
    assert many.interval is not None
    # Standard deviation 1.0854, t of 29 degrees 2.0452: 0.4053 on either side.
    assert round(many.interval.high - many.interval.low, 3) == 0.811

"""Silent customers: the rule for one, its reasons, and what became of those of a year before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.measures.catalogue.silent import Silences, SilentGroup, compute
from services.measures.core.deeds import Deed
from services.measures.core.silence import CustomerDeeds, silence
from tests.unit.measures.contexts import BERLIN, CONTEXT

NOW = datetime(2026, 4, 1, tzinfo=UTC)


def deeds(*days: float, name: str = "e", what: str = "shop") -> list[Deed]:
    """One so many days ago, each with an event of its own."""
    return [Deed(NOW - timedelta(days=day), f"{name}{day}", what) for day in days]


ORDERS = deeds(300, 200, 30, name="o")
QUIET = CustomerDeeds(ORDERS, [], deeds(400, 390, 300, 250, 200, 120, 100, 95) + deeds(30))
"""Eight acts in a year, two in a quarter; one in the last."""


def test_a_silent_customer() -> None:
    """Half as active as before, and never heard; the reasons name what was bought and done."""
    found = silence(QUIET, NOW, BERLIN, 365)
    assert (found.is_judged, found.is_silent, found.activity) == (True, True, 0.5)
    assert [one.what for one in found.grounds] == [
        "3 purchase occasions", "activity of the last 90 days is 50 % of before",
        "nothing said for 365 days",
    ]  # fmt: skip
    assert found.grounds[0].event_ids == ("o30", "o200", "o300")
    assert found.grounds[1].event_ids == ("e30",)


@pytest.mark.parametrize(
    ("change", "judged"),
    [
        ({"voices": deeds(364)}, True),
        ({"acts": [*QUIET.acts, *deeds(20)]}, True),
        ({"acts": deeds(30)}, True),
        ({"orders": deeds(30, name="o")}, False),
        ({"orders": deeds(700, 366, name="o")}, False),
        ({"orders": deeds(160, 140, 120, 100, name="o")}, False),
    ],
    ids=["complained", "as active", "new", "one order", "no customer", "leaving"],
)
def test_who_is_not_silent(change: dict[str, list[Deed]], judged: bool) -> None:
    """Who said something, does as much as before, or is no customer that could be silent."""
    found = silence(QUIET._replace(**change), NOW, BERLIN, 365)
    assert (found.is_judged, found.is_silent, [*found.grounds]) == (judged, False, [])


def test_places_of_a_day_are_no_gap() -> None:
    """Shop and store on each of three days are six occasions and two gaps: nobody leaves by them.
    With a gap more the median is that of the days, and not 0."""
    twice = [one._replace(what=where) for one in deeds(160, 130, 100) for where in ("shop", "pos")]
    assert silence(QUIET._replace(orders=twice), NOW, BERLIN, 365).is_judged
    more = [*twice, *deeds(70, 69)]
    assert silence(QUIET._replace(orders=more), NOW, BERLIN, 365).is_judged


def test_what_is_long_ago_or_ahead() -> None:
    """A complaint of more than a year ago is no voice, nor is what lies ahead."""
    past = QUIET._replace(voices=deeds(366, -1))
    assert silence(past, NOW, BERLIN, 365).is_silent
    assert silence(QUIET, NOW, BERLIN, 365) == silence(
        CustomerDeeds(ORDERS[::-1], [], [*QUIET.acts][::-1]), NOW, BERLIN, 365
    )


def test_what_became_of_them() -> None:
    """56 of 70 silent ones of last year were lost, 48 of 80 others: 20 points."""
    groups = [
        SilentGroup(False, True, 30, 0), SilentGroup(False, False, 90, 0),
        SilentGroup(True, True, 70, 56), SilentGroup(True, False, 80, 48),
    ]  # fmt: skip
    found = compute(Silences(groups), CONTEXT)
    assert (found.n, found.value) == (120, 0.25)
    assert found.counts == {"customers": 120, "silent": 30}
    cells = {(one.by, one.key): one for one in found.breakdown}
    assert cells["lost_within_a_year", "silent"].value == 0.8
    difference = cells["difference", "lost_within_a_year"]
    assert difference.value == pytest.approx(0.2)
    assert difference.interval is not None
    assert difference.interval.low == pytest.approx(0.0524, abs=5e-5)


def test_without_a_year_before() -> None:
    """There is no difference then, nor one of too few."""
    for groups in ([], [SilentGroup(True, True, 4, 1), SilentGroup(True, False, 80, 48)]):
        cells = compute(Silences(groups), CONTEXT).breakdown
        assert [one.by for one in cells] == ["lost_within_a_year"] * 2

"""Who is leaving and why: states by own gaps, reasons by points, counts of groups."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest

from services.measures.catalogue.leaving import LeavingGroup, LeavingRows, compute
from services.measures.core.leaving_customers import (
    WEIGHTS,
    CustomerLife,
    DaySpent,
    LeavingReason,
    LeavingState,
    SignSeen,
    leaving,
    reasons_of,
)
from services.measures.core.leaving_customers import (
    LeavingSign as Sign,
)
from services.measures.core.measure import shown
from tests.unit.measures.contexts import CONTEXT

LAST = date(2026, 3, 1)
GAPS = (28, 35, 31, 26)


def life(
    *gaps: int, spent: tuple[float, ...] = (), signs: tuple[SignSeen, ...] = ()
) -> CustomerLife:
    """A customer with these gaps between purchases, the last one on LAST."""
    days = [LAST - timedelta(days=sum(gaps[n:])) for n in range(len(gaps) + 1)]
    money = spent or (20.0,) * len(days)
    bought = [DaySpent(day, one) for day, one in zip(days, money, strict=True)]
    return CustomerLife(bought, None, is_customer=True, is_bound=False, signs=signs)


def after(days: int) -> date:
    """So many days after the last purchase."""
    return LAST + timedelta(days=days)


def test_the_published_gaps() -> None:
    """Gaps of 28, 35, 31 and 26 days have a median of 29.5; after 95 days without a purchase a
    customer is 3.22 gaps overdue, and leaving."""
    found = leaving(life(*GAPS), after(95))
    assert found.overdue == pytest.approx(3.22, abs=0.005)
    assert found.state is LeavingState.LEAVING
    assert found.reasons == [LeavingReason.UNKNOWN]


@pytest.mark.parametrize(
    ("days", "state"),
    [
        (29, LeavingState.ACTIVE),
        (44, LeavingState.ACTIVE),  # 1.49 gaps
        (45, LeavingState.SLIPPING),
        (73, LeavingState.SLIPPING),  # 2.47 gaps
        (74, LeavingState.LEAVING),
    ],
)
def test_states_of_a_regular(days: int, state: LeavingState) -> None:
    """From active over slipping to leaving as days pass."""
    assert leaving(life(*GAPS), after(days)).state is state


def test_who_has_few_gaps_is_judged_by_those_of_others() -> None:
    """Two gaps are not enough; without others' nothing is known."""
    few = life(20, 20)
    assert leaving(few, after(95)).state is LeavingState.UNKNOWN
    few = few._replace(category_gap_days=60.0)
    assert leaving(few, after(95)).state is LeavingState.SLIPPING
    own = life(20, 20, 20)._replace(category_gap_days=600.0)
    assert leaving(own, after(95)).state is LeavingState.LEAVING


def test_contracts_bind_and_customers_are_lost() -> None:
    """Whoever is bound does not leave by now; whoever is no customer has left."""
    one = life(*GAPS)
    assert leaving(one._replace(is_bound=True), after(95)).state is LeavingState.BOUND
    assert leaving(one._replace(is_customer=False), after(400)).state is LeavingState.LOST
    nothing = CustomerLife([], None, is_customer=True, is_bound=False, signs=())
    assert leaving(nothing, LAST).state is LeavingState.UNKNOWN


def test_decline_before_the_gaps_grow() -> None:
    """Who spends 10 where it was 20 declines, though still on time."""
    steady, less = life(30, 30, 30, 30), life(30, 30, 30, 30, spent=(20, 20, 20, 10, 10))
    assert not leaving(steady, after(1)).declines
    found = leaving(less, after(1))
    assert found.state is LeavingState.ACTIVE
    assert found.declines
    few = life(30, 30, spent=(20, 20, 1))._replace(category_gap_days=30.0)
    assert not leaving(few, after(1)).declines


def test_reasons_by_points() -> None:
    """The highest sum of two points or more; equal ones are both named; one point is no reason."""
    assert reasons_of([]) == reasons_of([Sign.UNSUBSCRIBED]) == [LeavingReason.UNKNOWN]
    assert reasons_of([Sign.DETRACTOR, Sign.LATE_ANSWER]) == [LeavingReason.DISSATISFACTION]
    assert reasons_of([Sign.LATE_ANSWER, Sign.PASSED_ON, Sign.DETRACTOR]) == [LeavingReason.SERVICE]
    assert reasons_of([Sign.POOR_RATING, Sign.LOOKED_IN_VAIN]) == [
        LeavingReason.DISSATISFACTION, LeavingReason.PRICE,
    ]  # fmt: skip
    assert reasons_of([Sign.LATE_ANSWER] * 9 + [Sign.DETRACTOR]) == [LeavingReason.DISSATISFACTION]


def test_points_as_they_are_defined() -> None:
    """Every sign has its reason and its points."""
    points = {
        LeavingReason.DISSATISFACTION: [3, 2, 2, 1],
        LeavingReason.SERVICE: [3, 3, 2, 2],
        LeavingReason.PRICE: [3, 2, 1],
        LeavingReason.CHANGED_NEED: [2, 2, 1],
    }
    for reason, wanted in points.items():
        found = [WEIGHTS[one].points for one in Sign if WEIGHTS[one].reason is reason]
        assert found == wanted, reason


def test_evidence_with_its_events() -> None:
    """A reason names its latest events, of 180 days before the last purchase at the earliest."""
    told = [SignSeen(after(n), Sign.TOLD_AGAIN, f"t{n}") for n in range(7)]
    old = SignSeen(after(-181), Sign.DETRACTOR, "old")
    found = leaving(life(*GAPS, signs=(*told, old)), after(95))
    assert found.reasons == [LeavingReason.SERVICE]
    assert [(one.points, one.what) for one in found.because] == [(3, Sign.TOLD_AGAIN)]
    assert found.because[0].event_ids == ["t6", "t5", "t4", "t3", "t2"]
    just = SignSeen(after(-180), Sign.DETRACTOR, "just")
    found = leaving(life(*GAPS, signs=(just,)), after(95))
    assert found.reasons == [LeavingReason.DISSATISFACTION]


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_what_is_known_does_not_matter(seed: int) -> None:
    """Shuffled days and signs give the same."""
    draw = random.Random(seed)
    signs = [
        SignSeen(after(draw.randrange(-300, 90)), draw.choice(list(Sign)), f"e{n}")
        for n in range(12)
    ]
    one = life(*(draw.randrange(1, 60) for _ in range(5)), signs=tuple(signs))
    mixed = one._replace(
        days=draw.sample(list(one.days), len(one.days)), signs=draw.sample(signs, len(signs))
    )
    assert leaving(mixed, after(90)) == leaving(one, after(90))


def test_groups_of_customers() -> None:
    """States in shares of the customers, reasons in shares of those who slip or leave."""
    rows = LeavingRows([
        LeavingGroup(True, False, 10, True, ["detractor"], 50),
        LeavingGroup(True, False, 15, False, ["late_answer"], 10),
        LeavingGroup(True, False, 25, False, ["detractor", "unsubscribed"], 20),
        LeavingGroup(True, False, 32, False, [], 10),
        LeavingGroup(True, True, 99, False, [], 6),
        LeavingGroup(True, False, None, False, [], 4),
        LeavingGroup(False, False, 100, False, ["detractor"], 30),
    ])  # fmt: skip
    found = compute(rows, CONTEXT)
    assert (found.n, found.value) == (100, 0.3)
    assert found.counts == {
        "active": 50, "slipping": 10, "leaving": 30, "lost": 30, "bound": 6, "unknown": 4,
        "customers": 100, "declining": 50,
    }  # fmt: skip
    cells = {(one.by, one.key): (one.n, one.value) for one in found.breakdown}
    assert cells["state", "slipping"] == (10, 0.1)
    assert cells["reason", "dissatisfaction"] == (20, 0.5)
    assert cells["reason", "service"] == (10, 0.25)
    assert cells["reason", "unknown"] == (10, 0.25)
    assert cells["sign", "detractor"] == (20, 0.5)
    assert not any(by == "state" and key == "lost" for by, key in cells)


def test_nobody_ever_bought() -> None:
    """Then the share is undefined."""
    found = compute(LeavingRows([]), CONTEXT)
    assert (found.n, found.value) == (0, None)


def test_few_who_were_lost_or_decline_are_no_count() -> None:
    """Nor few who are leaving, whom the value would say."""
    rows = [
        LeavingGroup(is_customer, False, tenths, declines, (), persons)
        for is_customer, tenths, declines, persons in (
            (True, 10, False, 50), (True, 10, True, 2), (False, 90, False, 3),
            (True, 30, False, 4), (True, 20, False, 9),
        )
    ]  # fmt: skip
    figures, _ = shown(compute(LeavingRows(rows), CONTEXT))
    assert figures.value is None
    assert not {"lost", "declining", "leaving", "slipping"} & {*figures.counts}
    assert (figures.counts["active"], figures.counts["customers"]) == (52, 65)

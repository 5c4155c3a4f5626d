"""What is due: the gaps of one customer, the end of one contract, and to how many customers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from services.measures.catalogue.due import DueGroup, DueRows, ExpectedPurchases, ItemDue, compute
from services.measures.core.coming_due import (
    ContractTerms,
    DayOfBuying,
    DueState,
    renewal,
    replenishment,
    runs,
)
from tests.unit.measures.contexts import CONTEXT

LAST = date(2026, 3, 1)
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def bought(*gaps: int, quantities: tuple[float, ...] = ()) -> list[DayOfBuying]:
    """Days of buying with these gaps, the last one LAST."""
    days = [LAST - timedelta(days=sum(gaps[n:])) for n in range(len(gaps) + 1)]
    many = quantities or (1.0,) * len(days)
    return [
        DayOfBuying(day, one, f"e{n}") for n, (day, one) in enumerate(zip(days, many, strict=True))
    ]


def test_the_published_gaps() -> None:
    """Gaps of 30, 33 and 27 days: due 30 days after the last purchase, give or take 3."""
    found = replenishment(bought(30, 33, 27), LAST)
    assert found is not None
    assert (found.in_days, found.spread_days, found.gap_days) == (30, 3, 30)
    assert found.event_ids == ["e3", "e2", "e1", "e0"]


def test_a_larger_last_purchase_lasts_longer() -> None:
    """Twice of what is usual lasts for twice the time; a quantity of nothing says nothing."""
    found = replenishment(bought(30, 33, 27, quantities=(1, 1, 1, 2)), LAST)
    assert found is not None
    assert found.in_days == 60
    found = replenishment(bought(30, 33, 27, quantities=(1, 1, 1, 0)), LAST)
    assert found is not None
    assert found.in_days == 30


def test_two_days_are_no_habit() -> None:
    """Only who bought on three days has one; the order in which they are told does not matter."""
    assert replenishment(bought(30), LAST) is None
    days = bought(30, 33, 27)
    assert replenishment(days[::-1], LAST) == replenishment(days, LAST)


@pytest.mark.parametrize(
    ("days_after", "state"),
    [
        (0, DueState.DUE),  # 30 days less 3 are less than 30
        (33, DueState.DUE),  # the last day of its window
        (34, DueState.MISSED),
        (60, DueState.MISSED),
        (61, DueState.LAPSED),  # more than one gap behind
    ],
)
def test_states_of_a_habit(days_after: int, state: DueState) -> None:
    """As days pass without a purchase."""
    found = replenishment(bought(30, 33, 27), LAST + timedelta(days=days_after))
    assert found is not None
    assert found.state is state


def test_what_is_due_later() -> None:
    """A habit of half a year is not due within 30 days of a purchase."""
    found = replenishment(bought(180, 190, 180), LAST)
    assert found is not None
    assert found.state is DueState.LATER


def step(
    days: int, until: int | None, notice: int | None = None, *, is_end: bool = False
) -> ContractTerms:
    """A step of a contract, with days from NOW on."""

    def then(number: int | None) -> datetime | None:
        return None if number is None else NOW + timedelta(days=number)

    at = NOW + timedelta(days=days)
    return ContractTerms(at, f"c{days}", is_end, then(until), then(notice))


def test_the_end_of_a_contract() -> None:
    """Due within 90 days; a renewal moves it, an end that somebody chose takes it away."""
    began = step(-300, 20, -10)
    found = renewal([began], NOW)
    assert found is not None
    assert (found.in_days, found.notice_until, found.event_id) == (20, None, "c-300")
    assert renewal([step(-40, 385), began], NOW) is None
    ended = [began, step(-5, 20, is_end=True)]
    assert renewal(ended, NOW) is None
    assert runs(ended, NOW)
    assert not runs([began, step(-5, None, is_end=True)], NOW)
    assert not runs([step(-300, -1)], NOW)
    assert renewal([step(-300, -1)], NOW) is None
    assert runs([step(-300, None)], NOW)
    assert renewal([step(-300, None)], NOW) is None


def test_notice_may_still_be_given() -> None:
    """Until its day."""
    found = renewal([step(-300, 40, 10)], NOW)
    assert found is not None
    assert found.notice_until == NOW + timedelta(days=10)


def test_customers_for_whom_something_is_due() -> None:
    """Goods and contracts of one customer count once; how often expectations came true."""
    rows = DueRows(
        [
            DueGroup(True, False, True, True, False, 10),
            DueGroup(True, False, False, False, False, 20),
            DueGroup(False, False, False, True, True, 7),
            DueGroup(False, True, False, False, False, 8),
        ],
        [ItemDue("sku", "filter", 40, 25, 5), ItemDue("sku", "beans", 9, 3, 0)],
        [ExpectedPurchases("sku", 30, 10, 60, 30)],
    )
    found = compute(rows, CONTEXT)
    assert (found.n, found.value) == (45, 30)
    assert found.counts == {
        "goods": 30, "missed": 8, "contract_soon": 10, "contract_ahead": 17, "notice_soon": 7,
        "persons": 45,
    }  # fmt: skip
    cells = {(one.by, one.key): (one.n, one.value) for one in found.breakdown}
    assert cells == {
        ("sku", "filter"): (40, 25), ("hit", "sku"): (30, 0.6), ("late", "sku"): (30, 0.3),
    }  # fmt: skip


def test_nobody_buys_again() -> None:
    """Then nothing is due."""
    found = compute(DueRows([], [], []), CONTEXT)
    assert (found.n, found.value, list(found.breakdown)) == (0, 0, [])


def test_what_is_due_to_few_is_no_count() -> None:
    """As no article is shown that few need."""
    rows = DueRows(
        [
            DueGroup(True, False, True, False, False, 3),
            DueGroup(True, True, False, False, False, 9),
        ],
        [],
        [],
    )
    assert compute(rows, CONTEXT).counts == {
        "goods": 12, "missed": 9, "contract_ahead": 0, "notice_soon": 0, "persons": 12,
    }  # fmt: skip

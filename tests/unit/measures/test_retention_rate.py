"""Retention rate: the worked examples, and customers who are neither kept nor lost."""

from __future__ import annotations

import pytest

from services.measures.catalogue.retention_rate import compute
from services.measures.core.customers import CustomerGroup, CustomerGroups
from tests.unit.measures.contexts import CONTEXT


def customers(kept: int, lost: int, new: int, returned: int, new_and_lost: int) -> CustomerGroups:
    """As the store counts them; besides, some who never were customers in the window."""
    return CustomerGroups([
        CustomerGroup(at_start=True, at_end=True, is_new=False, persons=kept),
        CustomerGroup(at_start=True, at_end=False, is_new=False, persons=lost),
        CustomerGroup(at_start=False, at_end=True, is_new=True, persons=new),
        CustomerGroup(at_start=False, at_end=True, is_new=False, persons=returned),
        CustomerGroup(at_start=False, at_end=False, is_new=True, persons=new_and_lost),
        CustomerGroup(at_start=False, at_end=False, is_new=False, persons=1_000),
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("returned", "kept", "value", "classic"), [(10, 150, 0.75, 0.8), (0, 160, 0.8, 0.8)]
)
def test_worked_examples(returned: int, kept: int, value: float, classic: float) -> None:
    """200 at the beginning, 30 new ones, 190 at the end: who comes back was not kept."""
    found = compute(customers(kept, 200 - kept, 30, returned, 4), CONTEXT)
    assert (found.n, found.value) == (200, value)
    assert found.counts == {
        "start": 200, "kept": kept, "lost": 200 - kept, "new": 30, "returned": returned,
        "end": 190, "new_and_lost": 4,
    }  # fmt: skip
    [cell] = found.breakdown
    assert (cell.key, cell.value) == ("classic", classic)


def test_nobody_was_a_customer() -> None:
    """With new ones only, the rate is undefined."""
    found = compute(customers(0, 0, 30, 2, 0), CONTEXT)
    assert (found.n, found.value, found.interval) == (0, None, None)
    assert found.breakdown[0].value is None

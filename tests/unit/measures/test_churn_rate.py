"""Churn rate: what is lost beside what is kept, and the same loss in a year."""

from __future__ import annotations

from datetime import datetime

import pytest

from services.measures.catalogue import churn_rate, retention_rate
from services.measures.core.window import Window
from tests.unit.measures.contexts import BERLIN, CONTEXT
from tests.unit.measures.test_retention_rate import customers


def test_worked_example() -> None:
    """50 of 200 are lost: 25 %; with what was kept that is all of them."""
    rows = customers(150, 50, 30, 10, 4)
    found, kept = churn_rate.compute(rows, CONTEXT), retention_rate.compute(rows, CONTEXT)
    assert (found.n, found.value, kept.value) == (200, 0.25, 0.75)
    assert found.counts == kept.counts


def test_a_loss_over_years() -> None:
    """Half of all in five years is 12.9 % a year."""
    five = Window(datetime(2021, 3, 1, tzinfo=BERLIN), datetime(2026, 3, 1, tzinfo=BERLIN))
    found = churn_rate.compute(customers(100, 100, 0, 0, 0), CONTEXT._replace(window=five))
    [yearly] = found.breakdown
    assert yearly.value == pytest.approx(0.129, abs=0.0005)


def test_nobody_was_a_customer() -> None:
    """Nothing to lose: undefined, and so is the year."""
    found = churn_rate.compute(customers(0, 0, 5, 0, 0), CONTEXT)
    assert (found.value, found.breakdown[0].value) == (None, None)

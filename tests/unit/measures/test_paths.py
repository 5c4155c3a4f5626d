"""Paths: shares of journeys, their conversion and time, and steps between channels."""

from __future__ import annotations

import pytest

from services.measures.catalogue.paths import (
    ChannelStep,
    PathFigure,
    WalkedPath,
    WalkedPaths,
    compute,
)
from tests.unit.measures.contexts import CONTEXT

DAY_S = 86_400
PATHS = [
    WalkedPath(False, ["email", "shop"], 30, 40, 10, 20 * DAY_S, 40),
    WalkedPath(False, ["shop"], 50, 60, 30, 30 * DAY_S, 0),
    WalkedPath(True, [], 70, 100, 40, 50 * DAY_S, 40),
]
STEPS = [ChannelStep("email", "shop", 30, 30), ChannelStep("email", "pos", 8, 10)]


def test_which_way_customers_go() -> None:
    """40 of 100 journeys end in an order; those by mail take two days on the mean, others one."""
    figures = [PathFigure("online_before_store", 20, 25, 10)]
    found = compute(WalkedPaths(PATHS, STEPS, figures), CONTEXT)
    assert (found.n, found.value) == (70, 0.4)
    assert found.counts == {"journeys": 100, "orders": 40}
    cells = {(one.by, one.key): one.value for one in found.breakdown}
    assert cells == {
        ("figure", "changed_channel"): 0.4, ("figure", "online_before_store"): 0.4,
        ("path", "shop"): 0.6, ("path_conversion", "shop"): 0.5, ("path_time", "shop"): DAY_S,
        ("path", "email > shop"): 0.4, ("path_conversion", "email > shop"): 0.25,
        ("path_time", "email > shop"): 2 * DAY_S,
        ("from_email", "pos"): 0.25, ("from_email", "shop"): 0.75,
    }  # fmt: skip


def test_the_order_of_rows_makes_no_difference() -> None:
    """Nor do paths without an order have a time."""
    found = compute(WalkedPaths(PATHS, STEPS, []), CONTEXT)
    assert found == compute(WalkedPaths(PATHS[::-1], STEPS[::-1], []), CONTEXT)
    none = [PATHS[0]._replace(orders=0, seconds=0)]
    cells = {one.by: one.value for one in compute(WalkedPaths(none, [], []), CONTEXT).breakdown}
    assert cells["path_time"] is None
    assert cells["path_conversion"] == pytest.approx(0)
    assert compute(WalkedPaths([], [], []), CONTEXT).value is None

"""Channel preference: whose is known, and how clear it is."""

from __future__ import annotations

import pytest

from services.measures.catalogue.channel_preference import (
    ACTING,
    BUYING,
    SERVICE,
    Preferences,
    PreferringGroup,
    compute,
)
from tests.unit.measures.contexts import CONTEXT

ROWS = Preferences([
    PreferringGroup("all", "pos", False, 40, 20_000_000),
    PreferringGroup("all", "shop", False, 20, 18_000_000),
    PreferringGroup("all", "phone", True, 20, 2_000_000),
    PreferringGroup("all", "", False, 20, 20_000_000),
    PreferringGroup("buying", "pos", False, 9, 9_000_000),
    PreferringGroup("buying", "", False, 90, 9_000_000),
])  # fmt: skip


def test_who_prefers_what() -> None:
    """80 of 100 have a known preference, 20 of them said so: half of the 80 prefer the till."""
    found = compute(ROWS, CONTEXT)
    assert (found.n, found.value) == (100, 0.8)
    assert found.counts == {"persons": 100, "known": 80, "stated": 20}
    values = {(one.by, one.key): one.value for one in found.breakdown}
    assert values == {
        ("channel", "pos"): 0.5, ("channel", "shop"): 0.25, ("channel", "phone"): 0.25,
        ("part", "pos"): pytest.approx(0.5), ("part", "shop"): pytest.approx(0.9),
        ("buying", "pos"): 1,
    }  # fmt: skip


def test_types_of_touchpoints() -> None:
    """What customers do and can be answered counts; to be mailed at does not."""
    assert {*BUYING, *SERVICE} <= {*ACTING}
    assert not {"email.sent", "page.viewed", "offer.published", "profile.updated"} & {*ACTING}


def test_nobody() -> None:
    """Then the share is undefined."""
    found = compute(Preferences([]), CONTEXT)
    assert (found.n, found.value, found.breakdown) == (0, None, [])

"""Rates of keys, on a clock of our own."""

from __future__ import annotations

import pytest

from services.api import rates
from services.api.rates import BURST_S, RateLimits


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_burst_then_the_rate() -> None:
    """A full bucket at once; afterwards one request for each token that comes."""
    clock = Clock()
    limits = RateLimits(10, clock)
    taken = [limits.take("a") for _ in range(21)]
    assert [one.is_allowed for one in taken] == [True] * 20 + [False]
    assert (taken[0].quota, taken[0].remaining) == (int(10 * BURST_S), 19)
    assert taken[-1].reset_s == 1
    clock.now_s = 0.1
    assert limits.take("a").is_allowed
    assert not limits.take("a").is_allowed


def test_nobody_pays_for_another() -> None:
    """Each key has a bucket, and a key with a rate of its own another size."""
    limits = RateLimits(1, Clock())
    assert [limits.take("a").is_allowed for _ in range(3)] == [True, True, False]
    assert limits.take("b").is_allowed
    assert limits.take("c", 100.0).quota == 200
    assert limits.take("d", 0.01).is_allowed
    assert limits.take("d", 0.01).reset_s == 100


def test_a_bucket_never_holds_more_than_its_size() -> None:
    """Whoever was away for long may send no more at once than anybody."""
    clock = Clock()
    limits = RateLimits(1, clock)
    limits.take("a")
    clock.now_s = 1e9
    assert [limits.take("a").is_allowed for _ in range(3)] == [True, True, False]


def test_keys_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many keys come, the buckets stay bounded; those used last are kept."""
    monkeypatch.setattr(rates, "BUCKETS_MAX", 3)
    limits = RateLimits(0.5, Clock())
    for key in ("a", "b", "c", "a", "d"):
        limits.take(key)
    assert not limits.take("a").is_allowed
    assert limits.take("b").is_allowed

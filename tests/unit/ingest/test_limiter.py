"""The limiter distinguishes bad events from an outage."""

from __future__ import annotations

from random import Random

from services.ingest.core.limiter import RejectLimiter


def test_few_bad_events_go_on() -> None:
    """A source with one bad event in ten never stops the worker."""
    limiter = RejectLimiter(5, 0.5, window_events=100)
    assert limiter.count((0, number % 10 == 0) for number in range(10_000)) is None


def test_too_many_in_a_row_of_one_partition_stop() -> None:
    """Six refused in a row are one too many; good events of another partition are no excuse."""
    limiter = RejectLimiter(5, 1.0, window_events=1000)
    mixed = [event for _ in range(6) for event in ((("t", 0), True), (("t", 1), False))]
    assert limiter.count(mixed[:10]) is None
    fault = limiter.count(mixed[10:])
    assert fault is not None
    assert "6 events in a row" in fault


def test_good_event_ends_the_row() -> None:
    """Five refused, one good, five refused: no row of six."""
    limiter = RejectLimiter(5, 1.0, window_events=1000)
    row = [(0, True)] * 5
    assert limiter.count([*row, (0, False), *row]) is None


def test_share_counts_once_the_window_is_full() -> None:
    """Two bad events of three are many only when enough were seen; then the share slides."""
    limiter = RejectLimiter(1000, 0.5, window_events=90)
    two_of_three = [(0, number % 3 != 0) for number in range(90)]
    assert limiter.count(two_of_three[:89]) is None
    assert "67%" in (limiter.count(two_of_three[89:]) or "")
    assert limiter.count([(0, False)] * 90) is None


def test_the_share_is_that_of_the_latest_events() -> None:
    """Half of them may be bad, one more may not, however long the worker has been running."""
    rng, limiter = Random(5), RejectLimiter(1000, 0.5, window_events=8)
    seen: list[bool] = []
    for _ in range(2_000):
        seen.append(rng.random() < 0.5)
        is_fault = limiter.count([(0, seen[-1])]) is not None
        assert is_fault is (len(seen) >= 8 and sum(seen[-8:]) > 4)

"""Watermarks: how far event time has come, and what cannot move it."""

from __future__ import annotations

import random

from services.consistency.core.ticks import Watermarks

from .market import hour


def test_the_slowest_channel_sets_the_tick() -> None:
    """The tick is the minimum of what the channels have reached."""
    marks = Watermarks()
    marks.observe("shop", hour(5), hour(6))
    marks.observe("pos", hour(3), hour(6))
    assert marks.tick(hour(6)) == hour(3)
    marks.observe("pos", hour(4), hour(6))
    assert marks.tick(hour(6)) == hour(4)


def test_a_quiet_night_goes_with_the_clock() -> None:
    """A channel silent for an hour of the clock no longer holds the time back."""
    marks = Watermarks()
    marks.observe("shop", hour(5), hour(6))
    assert marks.tick(hour(6.9)) == hour(5)
    assert marks.tick(hour(7)) == hour(7)


def test_one_future_dated_event_moves_nothing_else() -> None:
    """It counts as its arrival, and the other channels still hold the time back."""
    marks = Watermarks()
    marks.observe("pos", hour(3), hour(6))
    marks.observe("shop", hour(29), hour(6))
    assert marks.tick(hour(6)) == hour(3)
    marks.observe("pos", hour(6), hour(6.1))
    assert marks.tick(hour(6.2)) == hour(6)


def test_the_tick_never_goes_back() -> None:
    """A channel that appears with old events moves nothing back."""
    marks = Watermarks()
    marks.observe("shop", hour(5), hour(6))
    assert marks.tick(hour(6)) == hour(5)
    marks.observe("pos", hour(1), hour(6))
    assert marks.tick(hour(6)) == hour(5)


def test_before_the_first_event_there_is_no_tick() -> None:
    """A clock alone says nothing of event time."""
    assert Watermarks().tick(hour(5)) is None


def test_marks_can_be_carried_over() -> None:
    """Watermarks made of another's marks go on where it stood."""
    first = Watermarks()
    first.observe("shop", hour(5), hour(6))
    first.observe("pos", hour(4), hour(6))
    first.tick(hour(6))
    second = Watermarks(marks=first.marks, latest=first.latest)
    assert second.tick(hour(6)) == hour(4)


def test_ticks_are_monotone_and_never_beyond_the_clock() -> None:
    """Whatever events come in whatever order, a tick is between the last one and the clock."""
    rng = random.Random(3)
    for _ in range(300):
        marks, clock, last = Watermarks(), 0.0, hour(-1_000)
        for _ in range(30):
            clock += rng.random()
            occurred = hour(clock + rng.uniform(-30, 24))
            marks.observe(rng.choice(["shop", "app", "pos"]), occurred, hour(clock))
            tick = marks.tick(hour(clock))
            assert tick is not None
            assert last <= tick <= hour(clock)
            last = tick

"""The event clock: how far event time has come, and what cannot move it."""

from __future__ import annotations

import random
from datetime import datetime

from schemas.watermark import Watermark
from services.consistency.core.event_clock import EventClock

from .market import hour


def seen(channel: str, occurred_at: datetime, received_at: datetime) -> Watermark:
    """The watermark of one event."""
    return Watermark.of("default", channel, occurred_at, received_at)


def test_the_slowest_channel_sets_the_tick() -> None:
    """The tick is the minimum of what the channels have reached."""
    event_clock = EventClock()
    event_clock.observe(seen("shop", hour(5), hour(6)))
    event_clock.observe(seen("pos", hour(3), hour(6)))
    assert event_clock.tick(hour(6)) == hour(3)
    event_clock.observe(seen("pos", hour(4), hour(6)))
    assert event_clock.tick(hour(6)) == hour(4)


def test_a_quiet_night_goes_with_the_clock() -> None:
    """A channel silent for an hour of the clock no longer holds the time back."""
    event_clock = EventClock()
    event_clock.observe(seen("shop", hour(5), hour(6)))
    assert event_clock.tick(hour(6.9)) == hour(5)
    assert event_clock.tick(hour(7)) == hour(7)


def test_one_future_dated_event_moves_nothing_else() -> None:
    """It counts as its arrival, and the other channels still hold the time back."""
    event_clock = EventClock()
    event_clock.observe(seen("pos", hour(3), hour(6)))
    event_clock.observe(seen("shop", hour(29), hour(6)))
    assert event_clock.tick(hour(6)) == hour(3)
    event_clock.observe(seen("pos", hour(6), hour(6.1)))
    assert event_clock.tick(hour(6.2)) == hour(6)


def test_the_tick_never_goes_back() -> None:
    """A channel that appears with old events moves nothing back."""
    event_clock = EventClock()
    event_clock.observe(seen("shop", hour(5), hour(6)))
    assert event_clock.tick(hour(6)) == hour(5)
    event_clock.observe(seen("pos", hour(1), hour(6)))
    assert event_clock.tick(hour(6)) == hour(5)


def test_before_the_first_event_there_is_no_tick() -> None:
    """A clock alone says nothing of event time."""
    assert EventClock().tick(hour(5)) is None


def test_a_successor_goes_on_from_the_latest_tick() -> None:
    """What was reached stays reached, whatever is observed again."""
    event_clock = EventClock(latest=hour(5))
    event_clock.observe(seen("pos", hour(4), hour(6)))
    assert event_clock.tick(hour(6)) == hour(5)


def test_a_stream_goes_as_far_as_its_latest_event() -> None:
    """Without a clock the latest event of any channel counts, and none at all is none."""
    event_clock = EventClock()
    assert event_clock.stream_time is None
    for channel, at in (("shop", 5), ("pos", 3)):
        event_clock.observe(seen(channel, hour(at), hour(6)))
    assert event_clock.stream_time == hour(5)


def test_a_late_event_takes_nothing_back() -> None:
    """A channel stands where its latest event was, whatever arrives after it."""
    event_clock = EventClock()
    for at in (5, 3):
        event_clock.observe(seen("shop", hour(at), hour(6)))
    assert event_clock.stream_time == hour(5)


def test_ticks_are_monotone_and_never_beyond_the_clock() -> None:
    """Whatever events come in whatever order, a tick is between the last one and the clock."""
    rng = random.Random(3)
    for _ in range(300):
        event_clock, clock, last = EventClock(), 0.0, hour(-1_000)
        for _ in range(30):
            clock += rng.random()
            occurred = hour(clock + rng.uniform(-30, 24))
            channel = rng.choice(["shop", "app", "pos"])
            event_clock.observe(seen(channel, occurred, hour(clock)))
            tick = event_clock.tick(hour(clock))
            assert tick is not None
            assert last <= tick <= hour(clock)
            last = tick

"""Waiting for what the store does by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from services.runtime.errors import Fatal, Retry
from services.store.waiting import wait_until


class Hours:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.slept.append(seconds)
        self.now_s += seconds

    def wait(self, is_done: Callable[[], bool], within_s: float) -> None:
        """Wait on this clock."""
        wait_until(is_done, within_s, "not yet", self.sleep, lambda: self.now_s)


def test_it_asks_until_it_is_done() -> None:
    """Pauses grow, and it ends with the first yes."""
    hours, answers = Hours(), iter([False, False, False, True])
    hours.wait(lambda: next(answers), 60)
    assert list(answers) == []
    assert len(hours.slept) == 3
    assert 0 < hours.now_s < 0.2, "an erasure waits dozens of times for what takes milliseconds"


def test_a_store_that_is_away_is_asked_again_after_a_pause() -> None:
    """A Retry of the question is no end, and is never asked again at once."""
    hours, asked = Hours(), 0

    def is_done() -> bool:
        nonlocal asked
        asked += 1
        if hours.now_s < 100:
            raise Retry("away")
        return True

    hours.wait(is_done, 3_600)
    assert len(hours.slept) == asked - 1
    assert min(hours.slept) > 0
    assert asked < 30


@pytest.mark.parametrize(("is_away", "text"), [(False, "not yet"), (True, "away")])
def test_it_ends_in_time(is_away: bool, text: str) -> None:
    """After the time it says what was not done, or that the store does not answer."""
    hours = Hours()

    def is_done() -> bool:
        if is_away:
            raise Retry("away")
        return False

    with pytest.raises(Retry, match=text):
        hours.wait(is_done, 90)
    assert hours.now_s == pytest.approx(90)


def test_a_failure_ends_it_at_once() -> None:
    """What no repetition mends is raised as it is."""
    hours = Hours()

    def is_done() -> bool:
        raise Fatal("broken")

    with pytest.raises(Fatal, match="broken"):
        hours.wait(is_done, 90)
    assert hours.slept == []

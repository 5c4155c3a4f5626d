"""The age of the oldest waiting record follows from the ends of the log that were seen."""

from __future__ import annotations

from services.stream.ports import Partition
from services.stream.waiting_since import NOTES_MAX, WaitingSince

ONE, OTHER = Partition("t", 0), Partition("t", 1)


def test_a_record_waits_since_the_look_that_saw_it_first() -> None:
    """Processing up to an older end leaves the younger record, with its own time."""
    waiting = WaitingSince()
    waiting.see(ONE, 10, 10, 0)
    assert waiting.age_s(5) == 0
    waiting.see(ONE, 10, 12, 10)
    waiting.see(ONE, 10, 15, 20)
    assert waiting.age_s(25) == 15
    waiting.see(ONE, 11, 15, 25)
    assert waiting.age_s(25) == 15, "the record at 11 was there at 10"
    waiting.see(ONE, 12, 15, 26)
    assert waiting.age_s(30) == 10
    waiting.see(ONE, 15, 15, 31)
    assert waiting.age_s(40) == 0


def test_the_age_grows_while_nobody_looks() -> None:
    """The oldest of all partitions counts, also when the log does not answer any more."""
    waiting = WaitingSince()
    waiting.see(ONE, 0, 1, 100)
    waiting.see(OTHER, 0, 1, 50)
    assert waiting.age_s(1_000) == 950
    waiting.keep([ONE])
    assert waiting.age_s(1_000) == 900
    waiting.keep([])
    assert waiting.age_s(1_000) == 0


def test_notes_are_bounded() -> None:
    """Hours behind, with a look every two seconds: the oldest stays, and memory does not grow."""
    waiting = WaitingSince()
    for look in range(10 * NOTES_MAX):
        waiting.see(ONE, 0, look + 1, 2.0 * look)
    assert len(waiting._notes[ONE]) <= NOTES_MAX
    assert waiting.age_s(20.0 * NOTES_MAX) == 20.0 * NOTES_MAX
    waiting.see(ONE, 5 * NOTES_MAX, 10 * NOTES_MAX, 20.0 * NOTES_MAX)
    assert 0 < waiting.age_s(20.0 * NOTES_MAX) <= 10.0 * NOTES_MAX


def test_looks_in_quick_succession_share_a_note() -> None:
    """A commit every few milliseconds makes no note of its own, and the earlier time counts."""
    waiting = WaitingSince()
    for look in range(100):
        waiting.see(ONE, 0, look + 1, look / 200)
    assert len(waiting._notes[ONE]) == 1
    waiting.see(ONE, 50, 100, 1)
    assert waiting.age_s(2) == 2

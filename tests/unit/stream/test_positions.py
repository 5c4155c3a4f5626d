"""Positions: what is in doubt after a takeover, and which rows win."""

from __future__ import annotations

from services.stream.ports import Partition
from services.stream.positions import MemoryPositions, Position, taken_over, version_of


def test_versions_grow_with_offsets_and_generations() -> None:
    """A later record wins over an earlier one, and any record over all of an older generation."""
    versions = [version_of(1, 2**40), version_of(2, -1), version_of(2, 0), version_of(2, 1)]
    assert versions == sorted(set(versions))


def test_takeover_of_the_same_log_keeps_the_generation() -> None:
    """What the predecessor noted is in doubt for its successor."""
    stored = Position("c", 4, 17)
    assert taken_over(stored, "c", 18) == stored


def test_first_holder_is_above_the_embedded_engine() -> None:
    """Rows that the embedded engine wrote before must lose."""
    assert taken_over(None, "c", 0) == Position("c", 2, -1)


def test_offsets_that_begin_anew_raise_the_generation() -> None:
    """Another cluster, or a topic made again that is shorter than what was noted."""
    assert taken_over(Position("c", 4, 17), "d", 100) == Position("d", 5, -1)
    assert taken_over(Position("c", 4, 17), "c", 17) == Position("c", 5, -1)


def test_position_never_goes_back() -> None:
    """A late writer's note does not undo that of its successor."""
    positions, partition = MemoryPositions(), Partition("t", 0)
    positions.note({partition: Position("c", 4, 17)})
    positions.note({partition: Position("c", 4, 9)})
    assert positions.read([partition]).get(partition) == Position("c", 4, 17)

"""How long the oldest record of a log that is not processed yet has been waiting.

The end of a partition is noted with the time of the look: what lay before it then has been there
since then at least. So nothing is read to know its age, and the age grows also while nothing moves.
The times are this process's own; what waited before its first look counts from that look.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from services.stream.ports import Partition

SPACING_S = 1.0
"""Ends that were seen within this time count as seen at the first of them."""
NOTES_MAX = 600


class WaitingSince:
    """Notes of the ends of partitions. One thread at a time."""

    def __init__(self) -> None:
        self._notes: dict[Partition, deque[tuple[int, float]]] = {}

    def see(self, partition: Partition, done: int, end: int, now_s: float) -> None:
        """The partition ends before offset `end` now, and is processed up to before `done`."""
        notes = self._notes.setdefault(partition, deque())
        while notes and notes[0][0] <= done:
            notes.popleft()
        if end <= done or (notes and end <= notes[-1][0]):
            return
        if notes and now_s - notes[-1][1] < SPACING_S:
            notes[-1] = (end, notes[-1][1])
            return
        notes.append((end, now_s))
        if len(notes) > NOTES_MAX:
            self._notes[partition] = deque(list(notes)[::2])

    def keep(self, held: Collection[Partition]) -> None:
        """Forget all other partitions."""
        for gone in self._notes.keys() - set(held):
            del self._notes[gone]

    def age_s(self, now_s: float) -> float:
        """Age of the oldest record that waits, at least; 0 if none does."""
        oldest = [notes[0][1] for notes in self._notes.values() if notes]
        return max(0.0, now_s - min(oldest)) if oldest else 0.0

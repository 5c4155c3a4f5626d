"""Plays a story to the incremental writer: in batches, with crashes, and with fresh starts.

A crash writes any subset of the rows of the batch in flight. The next writer starts from what is
stored and applies every batch again that was not acknowledged, in doubt, and cut differently.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from random import Random
from typing import TypeVar

from schemas.edge import Decision, Edge
from schemas.identifiers import NodeId
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.core.model import Refusal, merged
from services.identity.core.resolve import Resolution, resolve
from services.identity.ports import Placed
from services.identity.writer import IdentityWriter
from tests.unit.identity.stories import Story, chunk, parts

REALM = "r"
T = TypeVar("T")


class LossyStore(MemoryIdentityStore):
    """Keeps only a random share of what is written while `kept` is below 1."""

    def __init__(self, rng: Random) -> None:
        super().__init__()
        self._rng = rng
        self.kept = 1.0

    def _some(self, rows: Collection[T]) -> list[T]:
        return [row for row in rows if self._rng.random() < self.kept]

    def write_edges(self, realm: str, edges: Sequence[Edge], version: int = 0) -> None:
        super().write_edges(realm, self._some(edges))

    def write_decisions(self, realm: str, decisions: Sequence[Decision], version: int = 0) -> None:
        super().write_decisions(realm, self._some(decisions))

    def write_marks(self, realm: str, marks: Collection[NodeId], version: int = 0) -> None:
        super().write_marks(realm, self._some(marks))

    def write_placements(
        self, realm: str, placements: Mapping[NodeId, Placed], version: int = 0
    ) -> None:
        super().write_placements(realm, {n: placements[n] for n in self._some(placements)})

    def write_refusals(
        self,
        realm: str,
        appeared: Sequence[Refusal],
        vanished: Sequence[Refusal],
        version: int = 0,
    ) -> None:
        super().write_refusals(realm, self._some(appeared), self._some(vanished))


class Replay:
    """One run of a story; afterwards `store` holds the result, `issued` every profile id given."""

    def __init__(self, story: Story, rng: Random, crash_rate: float = 0.0) -> None:
        self.story = story
        self.store = LossyStore(rng)
        self.issued: set[NodeId] = set()
        self._rng = rng
        self._crash_rate = crash_rate
        self._size = rng.choice((1, 2, 3, 7, len(story.items)))
        self._cache = rng.choice((0, 3, 500_000))

    def run(self) -> None:
        """Apply everything and acknowledge everything."""
        rng, items = self._rng, self.story.items
        writer, position, acknowledged, doubtful = self._start(0), 0, 0, 0
        while position < len(items):
            batch = chunk(items, position, self._size)
            crash = rng.random() < self._crash_rate
            self._apply(writer, batch, in_doubt=position < doubtful, crash=crash)
            if crash:
                doubtful = max(doubtful, position + len(batch))
                position = acknowledged
                self._size = rng.choice((1, 2, 3, 7, len(items)))
                writer = self._start(doubtful - acknowledged)
                continue
            position += len(batch)
            doubtful = max(doubtful, position) if self._crash_rate else 0
            if not self._crash_rate or rng.random() < 0.7:
                acknowledged = position

    def _start(self, in_doubt_max: int) -> IdentityWriter:
        return IdentityWriter(
            self.store, REALM, self.story.rules, self._cache, in_doubt_edges_max=in_doubt_max
        )

    def _apply(
        self,
        writer: IdentityWriter,
        batch: list[Edge | Decision | NodeId],
        in_doubt: bool,
        crash: bool,
    ) -> None:
        edges, decisions, marks = parts(batch)
        changes = writer.apply(edges, decisions, marks, in_doubt=in_doubt)
        self.issued |= {placement.profile for _, placement in changes.placements.values()}
        self.store.kept = self._rng.random() if crash else 1.0
        writer.commit(changes, 1)
        self.store.kept = 1.0

    def expected(self) -> Resolution:
        """The map from scratch, over everything that was ever sent."""
        edges, decisions, marks = parts(self.story.items)
        return resolve(edges, decisions, marks, self.story.rules)

    def check(self) -> None:
        """The incremental result is the result from scratch, and every id given out resolves."""
        edges, _, _ = parts(self.story.items)
        expected = self.expected()
        placements = self.store.all_placements(REALM)
        assert placements == expected.placements
        assert tuple(self.store.all_refusals(REALM)) == expected.refusals
        assert {(e.a.id, e.b.id): e for e in self.store.all_edges(REALM)} == merged(edges)
        for profile in self.issued | {p.profile for p in placements.values()}:
            holder = placements[profile].profile
            assert placements[holder].profile == holder

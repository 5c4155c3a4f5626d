"""The identity store contract on ClickHouse, and the writer's whole life on the real engine."""

from __future__ import annotations

import random

import pytest

from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.core.resolve import resolve
from services.identity.core.writer import IdentityWriter
from services.identity.ports import IdentityStore
from services.runtime.clickhouse import Database
from tests.unit.identity.store_contract import IdentityStoreContract
from tests.unit.identity.stories import parts, random_story

STORIES = 12


class CountingStore(ClickHouseIdentityStore):
    """Each write is a batch of its own, as the pipeline numbers them."""

    def _version(self) -> int:
        self._batch += 1
        return super()._version()


class TestClickHouseIdentityStore(IdentityStoreContract):
    """The adapter that production uses keeps to the same contract as the one in memory."""

    @pytest.fixture
    def store(self, database: Database) -> IdentityStore:
        """An empty store."""
        return CountingStore(database)


@pytest.mark.parametrize("seed", range(STORIES))
def test_random_story_on_the_real_engine(database: Database, seed: int) -> None:
    """Incremental through ClickHouse, with a new writer for every batch, equals from scratch."""
    story = random_story(random.Random(seed))
    store = ClickHouseIdentityStore(database)
    step = max(1, len(story.items) // 4)
    for batch, start in enumerate(range(0, len(story.items), step), 1):
        edges, decisions, marks = parts(story.items[start : start + step])
        store.at(batch)
        writer = IdentityWriter(store, "r", story.rules)  # nothing cached: all is read back
        writer.commit(writer.apply(edges, decisions, marks))
    edges, decisions, marks = parts(story.items)
    expected = resolve(edges, decisions, marks, story.rules)
    nodes = {end.id for edge in edges for end in (edge.a, edge.b)}
    nodes |= {end.id for decision in decisions for end in (decision.a, decision.b)}
    found = store.placements_of("r", nodes)
    assert found == {node: expected.placements[node] for node in found}
    assert found.keys() >= expected.placements.keys() & nodes
    assert set(store.refusals_of("r", nodes)) == set(expected.refusals)

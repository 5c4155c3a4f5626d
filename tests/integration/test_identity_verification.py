"""The check of the stored map on the real store: what it reads, what it finds, what it prints."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from schemas.placement import Placement
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.verification import Verified, WrongPlacement, WrongRefusal, differences
from services.identity.writer import IdentityWriter
from services.store.database import Database
from tests.unit.identity.replay import REALM
from tests.unit.identity.stories import Story, parts, random_story

pytestmark = pytest.mark.any_store


def written(database: Database, story: Story) -> tuple[ClickHouseIdentityStore, Any]:
    """The same story in the store and in memory."""
    stores: list[Any] = [ClickHouseIdentityStore(database), MemoryIdentityStore()]
    for store in stores:
        writer = IdentityWriter(store, REALM, story.rules)
        for version, start in enumerate(range(0, len(story.items), 7), 1):
            changes = writer.apply(*parts(story.items[start : start + 7]))
            writer.commit(changes, version)
    return stores[0], stores[1]


@pytest.mark.parametrize("seed", [9, 27])
def test_every_node_is_given_once(database: Database, seed: int) -> None:
    """Whatever the limit; those of another realm are not among them."""
    store, memory = written(database, random_story(Random(seed)))
    [expected] = memory.nodes(REALM, 10_000)
    for limit in (1, 3, 10_000):
        pages = list(store.nodes(REALM, limit))
        assert all(0 < len(page) <= limit for page in pages)
        given = [(node.id, node.type) for page in pages for node in page]
        assert sorted(given) == sorted((node.id, node.type) for node in expected)
    assert list(store.nodes("another", 10)) == []


@pytest.mark.parametrize("seed", [9, 27])
def test_it_finds_what_differs(database: Database, seed: int) -> None:
    """Nothing at first; then the rows that somebody spoiled."""
    story = random_story(Random(seed))
    _, memory = written(database, story)

    def found() -> list[WrongPlacement | WrongRefusal]:
        store = ClickHouseIdentityStore(database)
        return list(differences(store, REALM, story.rules, Verified(), 20, lambda _: None))

    assert found() == []
    store = ClickHouseIdentityStore(database)
    [nodes] = memory.nodes(REALM, 10_000)
    node = next(one for one in nodes if one.id in memory.all_placements(REALM))
    right = memory.all_placements(REALM)[node.id]
    wrong = Placement(nodes[-1].id + 1, right.kind)
    store.write_placements(REALM, {node.id: (node, wrong)}, 1_000)
    refusal = memory.all_refusals(REALM)[0]
    store.write_refusals(REALM, [], [refusal], 1_000)
    told = [(one.ends, one.stored, one.expected) for one in found()]
    assert ((node.id,), wrong, right) in told
    assert (refusal.key[:2], None, refusal) in told

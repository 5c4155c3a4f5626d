"""The check of the stored map finds every row that does not follow from the graph, and no other."""

from __future__ import annotations

from random import Random

import pytest

from schemas.edge import Node
from schemas.identifiers import NodeId
from schemas.placement import Placement, ProfileKind
from schemas.rules.identity import IdentityRules
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.core.model import Reason
from services.identity.verification import (
    LOOKS,
    Difference,
    Verified,
    WrongPlacement,
    WrongRefusal,
    differences,
)
from tests.tiers import always
from tests.unit.identity.replay import REALM, Replay
from tests.unit.identity.stories import random_story

SEEDS = range(150)


def played(seed: int) -> tuple[MemoryIdentityStore, Replay]:
    """A store as a story leaves it."""
    rng = Random(seed)
    replay = Replay(random_story(rng), rng, crash_rate=0.25 if seed % 2 else 0.0)
    replay.run()
    return replay.store, replay


def verified(
    store: MemoryIdentityStore, rules: IdentityRules, size: int = 1_000
) -> tuple[list[Difference], Verified]:
    """The differences, and what was looked at."""
    told = Verified()
    return list(differences(store, REALM, rules, told, size, pause=lambda _: None)), told


@pytest.mark.parametrize("size", always({3}, [1, 3, 1_000]))
def test_a_right_map_has_no_difference(size: int) -> None:
    """After any story, in parts of any size; each node is looked at once."""
    for seed in SEEDS:
        store, replay = played(seed)
        found, told = verified(store, replay.story.rules, size)
        assert found == [], f"seed {seed}"
        assert told.nodes == sum(map(len, store.nodes(REALM, 10))), f"seed {seed}"
        assert told.unsettled == 0, f"seed {seed}"


def spoiled(rng: Random, store: MemoryIdentityStore) -> NodeId | tuple[NodeId, NodeId] | None:
    """Spoil one row: the node of it, or the ends of a refusal."""
    placements, refusals = store.all_placements(REALM), store.all_refusals(REALM)
    rows = store._realms[REALM]
    node = rng.choice(sorted(placements))
    match rng.randrange(6):
        case 0:
            del rows.placements[node]
        case 1:
            rows.placements[node] = Placement(rng.choice(sorted(placements)), placements[node].kind)
        case 2:
            rows.placements[node] = Placement(placements[node].profile, rng.choice([*ProfileKind]))
        case 3:
            stray = Node(10**9, "email", "")
            store.write_placements(REALM, {stray.id: (stray, placements[node])})
            return stray.id
        case 4 if refusals:
            gone = rng.choice(refusals)
            store.write_refusals(REALM, [], [gone])
            return gone.key[:2]
        case 5 if refusals:
            one = rng.choice(refusals)
            changed = one._replace(reason=rng.choice([Reason.UNIQUE, Reason.HUB]))
            store.write_refusals(REALM, [changed], [one])
            return None if changed == one else one.key[:2]
        case _:
            return None
    return None if rows.placements.get(node) == placements[node] else node


@pytest.mark.parametrize("size", always({1}, [1, 1_000]))
def test_a_spoiled_row_is_found(size: int) -> None:
    """Whatever is wrong with it. Others may follow: who stands around has its row from the map."""
    kinds = set[tuple[type, bool]]()
    for seed in SEEDS:
        store, replay = played(seed)
        if not store.all_placements(REALM):
            continue
        what = spoiled(Random(-seed), store)
        found, told = verified(store, replay.story.rules, size)
        if what is None:
            assert found == [], f"seed {seed}"
            continue
        about = [one.ends[0] if isinstance(one, WrongPlacement) else one.ends for one in found]
        assert what in about, f"seed {seed}"
        assert told.unsettled == 0
        mine = found[about.index(what)]
        kinds.add((type(mine), mine.stored is None))
    assert kinds == {
        (WrongPlacement, False), (WrongPlacement, True), (WrongRefusal, False), (WrongRefusal, True)
    }  # fmt: skip


@pytest.mark.parametrize("lands_at", [1, LOOKS - 1, LOOKS])
def test_what_is_being_written_is_no_difference(lands_at: int) -> None:
    """A row that comes before the last look is none; one that stays away is."""
    store, replay = played(3)
    rows = store._realms[REALM]
    node = min(n for n, row in rows.placements.items() if row.profile == n)
    late = {node: (rows.nodes[node], rows.placements.pop(node))}
    pauses = list[float]()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == lands_at:
            store.write_placements(REALM, late)

    told = Verified()
    found = list(differences(store, REALM, replay.story.rules, told, pause=pause))
    assert bool(found) == (lands_at == LOOKS)
    assert bool(told.unsettled) == (lands_at < LOOKS)
    assert len(pauses) == min(lands_at, LOOKS - 1)


def test_other_rules_make_another_map() -> None:
    """Rules that were changed without a rebuild are noticed."""
    changed = 0
    for seed in SEEDS:
        store, replay = played(seed)
        rules = replay.story.rules.model_copy(update={"hub_above": 1, "hub_above_personal": 1})
        found, _ = verified(store, rules)
        changed += bool(found)
    assert changed > len(SEEDS) // 2

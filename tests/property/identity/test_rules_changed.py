"""Simulated rules say exactly what `resolve` from scratch under them says, whatever changes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from random import Random
from uuid import UUID

import pytest

from schemas.edge import Node
from schemas.identifiers import NodeId, as_uuid
from schemas.placement import Placement, ProfileKind
from schemas.records import RulesRecord
from schemas.rules.identity import IdentityRules
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.core.model import type_table
from services.identity.core.resolve import Resolution, resolve
from services.identity.in_parts import Ahead, solved_parts
from services.identity.ports import IdentityStore
from services.identity.rebuild import rebuilt_parts
from services.identity.rules_change import RulesApplication
from services.identity.simulation import Simulated, WithMarks, simulate
from services.identity.stage import IdentityStage
from services.identity.verification import Verified, differences
from services.identity.writer import IdentityWriter
from services.store.rules_in_force import MemoryRules, RulesChange, ahead_of_its_record
from tests.tiers import always
from tests.unit.identity.replay import REALM, Replay
from tests.unit.identity.stories import (
    TYPES,
    Item,
    changed_rules,
    link,
    parts,
    random_decisions,
    random_edge,
    random_story,
    rules_file,
    small_rules,
)

SEEDS = range(120)
Heard = tuple[UUID | None, ProfileKind | None]
"""Of an id: into which it is merged, and its kind."""
WHOLE = 1 << 128
"""After every node."""


def played(seed: int) -> tuple[MemoryIdentityStore, Replay, IdentityRules, set[NodeId]]:
    """A store as a story leaves it, changed rules for it, and nodes that they block."""
    rng = Random(seed)
    replay = Replay(random_story(rng), rng)
    replay.run()
    rules = changed_rules(rng, replay.story.rules)
    nodes = [node.id for nodes in replay.store.nodes(REALM, 100) for node in nodes]
    blocked = {one for one in nodes if rng.random() < 0.1} if rng.random() < 0.3 else set[NodeId]()
    return replay.store, replay, rules, blocked


def from_scratch(replay: Replay, rules: IdentityRules, blocked: set[NodeId]) -> Resolution:
    """The map under the rules."""
    edges, decisions, marks = parts(replay.story.items)
    return resolve(edges, decisions, {*marks, *blocked}, rules)


@pytest.mark.parametrize("size", always({1, 4}, [1, 4, 1_000]))
@pytest.mark.parametrize("shareable_max", always({3}, [0, 3, 1_000]))
def test_parts_are_what_the_whole_is(size: int, shareable_max: int) -> None:
    """Every node is solved once, in parts of any size, with the result from scratch."""
    differing = 0
    for seed in SEEDS:
        store, replay, rules, blocked = played(seed)
        expected = from_scratch(replay, rules, blocked)
        source = WithMarks(store, blocked)
        ahead = Ahead(source, shareable_max)
        placements: dict[NodeId, Placement] = {}
        refusals = set()
        for part in solved_parts(source, REALM, type_table(rules), size, renewed=True, ahead=ahead):
            assert not placements.keys() & part.fresh.keys(), f"seed {seed}: solved twice"
            solved = part.result.placements
            placements |= {one: solved[one] for one in part.fresh if one in solved}
            refusals |= set(part.result.refusals)
        assert placements == expected.placements, f"seed {seed}"
        assert refusals == set(expected.refusals), f"seed {seed}"
        assert not len(ahead), f"seed {seed}: remembered for ever"
        differing += placements != store.all_placements(REALM)
    assert differing > len(SEEDS) // 3


Groups = dict[NodeId, set[NodeId]]


def groups_of(placements: dict[NodeId, Placement], kind: ProfileKind | None = None) -> Groups:
    """The identifiers of each profile."""
    groups: Groups = defaultdict(set)
    for node, placement in placements.items():
        if kind in (None, placement.kind):
            groups[placement.profile].add(node)
    return groups


def naive(old: dict[NodeId, Placement], new: Resolution, told: Simulated) -> Simulated:
    """The counts of a simulation by sets of whole maps, slowly."""
    befores, afters = groups_of(old), groups_of(new.placements)
    same = {(b, a) for b, x in befores.items() for a, y in afters.items() if x == y and a != b}
    renamed = {b for b, _ in same}, {a for _, a in same}
    lost, gained = Counter[NodeId](), Counter[NodeId]()
    moved = 0
    for node in old.keys() | new.placements.keys():
        before = old[node].profile if node in old else None
        after = new.placements[node].profile if node in new.placements else None
        if before == after:
            continue
        moved += before not in renamed[0]
        if before is not None and before not in renamed[0] | renamed[1]:
            lost[before] += 1
        if after is not None and after not in renamed[0] | renamed[1]:
            gained[after] += 1
    persons, people = (
        groups_of(old, ProfileKind.PERSON),
        groups_of(new.placements, ProfileKind.PERSON),
    )
    pairs = {(b, a) for b, x in persons.items() for a, y in people.items() if x & y}
    merged = Counter(a for _, a in pairs)
    split = Counter(b for b, _ in pairs)
    shared = [
        {one for one, row in rows.items() if row.kind is ProfileKind.SHARED}
        for rows in (old, new.placements)
    ]
    return Simulated(
        nodes=told.nodes,
        before=Counter(old[one].kind for one in befores),
        after=Counter(new.placements[one].kind for one in afters),
        moved=moved,
        renamed=len(same),
        merged=sum(count > 1 for count in merged.values()),
        split=sum(count > 1 for count in split.values()),
        changed=len(lost.keys() | gained.keys()),
        newly_shared=len(shared[1] - shared[0]),
        no_longer_shared=len(shared[0] - shared[1]),
        refusals_appeared=told.refusals_appeared,
        refusals_vanished=told.refusals_vanished,
        largest=told.largest,
        largest_before=told.largest_before,
        largest_after=told.largest_after,
        too_large_before=told.too_large_before,
        too_large_after=told.too_large_after,
        newly_shared_sample=sorted(shared[1] - shared[0]),
        no_longer_shared_sample=sorted(shared[0] - shared[1]),
    )


def sizes_of(told: Simulated) -> list[tuple[int, int]]:
    """The largest profile and how many are too large, before and after."""
    before = told.largest_before, told.too_large_before
    return [before, (told.largest_after, told.too_large_after)]


def naive_sizes(
    store: MemoryIdentityStore, old: dict[NodeId, Placement], new: Resolution, rules: IdentityRules
) -> list[tuple[int, int]]:
    """The same, from whole maps."""
    ends = [(one.a, one.b) for one in store.all_edges(REALM)]
    ends += [(one.a, one.b) for one in store.all_decisions(REALM)]
    types = {node.id: node.type for pair in ends for node in pair}
    limit = 50 if rules.identifiers_max is None else rules.identifiers_max
    found = []
    for rows in (old, new.placements):
        held = Counter(row.profile for one, row in rows.items() if types[one] in rules.counted)
        sizes = held.values()
        found.append((max(sizes, default=0), sum(size > limit for size in sizes)))
    return found


@pytest.mark.parametrize("size", always({2}, [2, 1_000]))
def test_the_report_says_what_whole_maps_say(size: int) -> None:
    """Counts and lists are those of both maps, compared by sets."""
    for seed in SEEDS:
        store, replay, rules, blocked = played(seed)
        old = store.all_placements(REALM)
        new = from_scratch(replay, rules, blocked)
        told = simulate(store, REALM, rules, blocked, 1_000, size)
        assert told == naive(old, new, told), f"seed {seed}"
        assert sizes_of(told) == naive_sizes(store, old, new, rules), f"seed {seed}"
        stored, wanted = (
            {(one.key, one.reason) for one in some}
            for some in (store.all_refusals(REALM), new.refusals)
        )
        assert told.refusals_appeared == Counter(reason for _, reason in wanted - stored)
        assert told.refusals_vanished == Counter(reason for _, reason in stored - wanted)
        befores, afters = groups_of(old), groups_of(new.placements)
        assert len(told.largest) == told.changed
        for one in told.largest:
            assert one.lost == len(befores[one.profile] - afters[one.profile])
            assert one.gained == len(afters[one.profile] - befores[one.profile])
            assert one.is_new == (one.profile not in old or old[one.profile].profile != one.profile)
            assert sum(some.identifiers for some in one.to) <= one.lost
            assert sum(some.identifiers for some in one.from_) <= one.gained


def test_the_same_rules_change_nothing() -> None:
    """Whatever the story."""
    for seed in range(40):
        store, replay, _, _ = played(seed)
        told = simulate(store, REALM, replay.story.rules)
        assert told.before == told.after
        assert (told.moved, told.renamed, told.merged, told.split, told.changed) == (0, 0, 0, 0, 0)
        assert (told.newly_shared, told.no_longer_shared) == (0, 0)
        assert told.refusals_appeared == told.refusals_vanished == {}
        assert told.largest == []


@pytest.mark.parametrize("size", always({3}, [1, 3, 1_000]))
def test_a_rebuilt_map_is_that_of_the_new_rules(size: int) -> None:
    """Cut off after any part and begun again, it is what `resolve` makes; so is what follows."""
    written = 0
    for seed in SEEDS:
        store, replay, rules, _ = played(seed)
        rng = Random(-seed)
        for cut in (rng.randint(1, 4), None):
            for number, part in enumerate(rebuilt_parts(store, REALM, rules, size), 1):
                writer = IdentityWriter(store, REALM, rules)
                writer.commit(part.changes, 1)
                store.remove_placements(REALM, part.gone)
                written += not part.is_right
                if number == cut:
                    break
        expected = from_scratch(replay, rules, set())
        assert store.all_placements(REALM) == expected.placements, f"seed {seed}"
        assert tuple(store.all_refusals(REALM)) == expected.refusals, f"seed {seed}"
        assert all(part.is_right for part in rebuilt_parts(store, REALM, rules, size))
        assert list(differences(store, REALM, rules, Verified(), pause=lambda _: None)) == []
        [nodes] = store.nodes(REALM, 1_000) if expected.placements else [[]]
        later = [random_edge(rng, nodes) for _ in range(5 if len(nodes) > 1 else 0)]
        writer = IdentityWriter(store, REALM, rules)
        for edge in later:
            writer.commit(writer.apply([edge]), 2)
        edges, decisions, marks = parts([*replay.story.items, *later])
        assert store.all_placements(REALM) == resolve(edges, decisions, marks, rules).placements
    assert written > len(SEEDS) // 3


def traffic(rng: Random, store: MemoryIdentityStore, rules: IdentityRules) -> list[Item]:
    """Edges, decisions and marks of nodes old and new, applied while the map is renewed."""
    nodes = [node for page in store.nodes(REALM, 1_000) for node in page]
    nodes += [Node(rng.randint(100, 120), rng.choice(TYPES), "")]
    if len({node.id for node in nodes}) < max(2, len(nodes)) or rng.random() < 0.3:
        return []
    items: list[Item] = [random_edge(rng, nodes) for _ in range(rng.randint(1, 5))]
    items += random_decisions(rng, nodes)
    if rng.random() < 0.2:
        items.append(rng.choice(nodes).id)
    writer = IdentityWriter(store, REALM, rules, renewed=True)
    for one in items:
        writer.commit(writer.apply(*parts([one]), in_doubt=rng.random() < 0.3), 1)
    return items


def require_right(
    replay: Replay, later: list[Item], store: MemoryIdentityStore, rules: IdentityRules, done: int
) -> None:
    """All rows up to a node are those of everything so far from scratch."""
    edges, decisions, marks = parts([*replay.story.items, *later])
    expected, stored = resolve(edges, decisions, marks, rules), store.all_placements(REALM)
    wrong = {
        node
        for node in expected.placements.keys() | stored.keys()
        if node <= done and expected.placements.get(node) != stored.get(node)
    }
    assert not wrong
    if done == WHOLE:
        assert tuple(store.all_refusals(REALM)) == expected.refusals


@pytest.mark.parametrize(("size", "seeds"), [(1, 300), (4, 200), (1_000, 40)])
def test_what_comes_in_during_a_rebuild_has_its_place(size: int, seeds: int) -> None:
    """Edges, decisions and marks between the parts, in doubt or not, and a process that is killed
    and goes on after the last part that it noted: what is rebuilt stays right, and at the end all
    is that of everything from scratch."""
    killed = 0
    for seed in range(seeds):
        store, replay, rules, _ = played(seed)
        rng = Random(1_000 + seed)
        later = traffic(rng, store, rules)
        place: NodeId | None = None
        is_done = False
        while not is_done:
            for part in rebuilt_parts(store, REALM, rules, size, after=place):
                IdentityWriter(store, REALM, rules).commit(part.changes, 1)
                store.remove_placements(REALM, part.gone)
                if rng.random() < 0.2:  # killed before it noted how far it is
                    killed += 1
                    break
                place = part.place
                later += traffic(rng, store, rules)
                require_right(replay, later, store, rules, place)
            else:
                is_done = True
        require_right(replay, later, store, rules, WHOLE)
    assert killed > seeds // 5


class Applied:
    """A change of rules as its worker applies it, and what followers have heard."""

    def __init__(self, store: MemoryIdentityStore, rng: Random, first: IdentityRules) -> None:
        self.store, self.rng, self.changes = store, rng, MemoryRules()
        self.heard: dict[NodeId, Heard] = {}
        self.say(store.all_placements(REALM))
        self.changes.put(RulesChange(REALM, 0, rules_file(first), "a", "r", 0, is_done=True))

    def say(self, rows: Mapping[NodeId, Placement]) -> None:
        """Followers hear of rows."""
        for node, row in rows.items():
            self.heard[node] = None if row.profile == node else as_uuid(row.profile), row.kind

    def record(self, rules: IdentityRules, number: int) -> RulesRecord:
        """That of rules, the later the higher the number."""
        text = rules_file(rules)
        return RulesRecord(realm=REALM, text=text, author="a", reason="r", decided_ms=number)

    def apply(self, record: RulesRecord, offset: int, size: int, parts: int | None = None) -> bool:
        """Whether there was anything to do. After so many parts the worker dies in the next one,
        of which some is told."""
        session = IdentityStage(self.store, self._writer)
        applying = RulesApplication(
            session, self.changes, record, offset, offset, lambda: None, size
        )
        if not applying.begin():
            return False
        while (part := applying.next_part()) is not None:
            share = 1.0 if parts != 0 else self.rng.choice((0.0, 0.5))
            for one in part.records:
                if self.rng.random() < share:
                    kind = None if one.kind is None else ProfileKind(one.kind)
                    self.heard[one.profile_id.int] = one.merged_into, kind
            if parts == 0:
                return True
            parts = None if parts is None else parts - 1
            applying.note()
            assert not applying.is_replaced()
        applying.finish()
        return True

    def _writer(self, store: IdentityStore, realm: str) -> IdentityWriter:
        change = self.changes.latest()[realm]
        return IdentityWriter(store, realm, change.rules, renewed=not change.is_done)


@pytest.mark.parametrize(("size", "seeds"), [(1, 200), (3, 200)])
def test_rules_may_be_replaced_at_any_part(size: int, seeds: int) -> None:
    """By others, by the same, more than once, and by a worker that dies again: at the end the map
    is that of the last ones from scratch, and followers have heard of every row."""
    replaced = 0
    for seed in range(seeds):
        store, replay, rules, _ = played(seed)
        rng = Random(2_000 + seed)
        applied = Applied(store, rng, replay.story.rules)
        last = applied.record(rules, 1)
        assert applied.apply(last, 1, size, rng.randint(0, 5))
        for number in range(2, rng.randint(3, 4)):
            known = applied.changes.latest()[REALM]
            replaced += not known.is_done
            rules = changed_rules(rng, replay.story.rules) if rng.random() < 0.5 else rules
            before, last = last, applied.record(rules, number)
            applied.changes.put(ahead_of_its_record(last, known))
            assert not applied.apply(before, number - 1, size), "it is given up"
            for cut in range(rng.randint(0, 2)):
                applied.apply(last, number, size, cut + rng.randint(0, 3))
        applied.apply(last, 9, size)
        assert not applied.apply(last, 9, size), "it is done"
        expected = from_scratch(replay, rules, set())
        assert store.all_placements(REALM) == expected.placements, f"seed {seed}"
        assert tuple(store.all_refusals(REALM)) == expected.refusals, f"seed {seed}"
        told = {node: applied.heard[node] for node in expected.placements}
        applied.heard = dict.fromkeys(applied.heard, (None, None))
        applied.say(expected.placements)
        assert told == {node: applied.heard[node] for node in told}, f"seed {seed}"
    assert replaced > seeds // 3


def test_a_row_of_other_rules_says_nothing_of_a_person() -> None:
    """A cookie is rebuilt and its person is not yet, when a visit makes another of the person's
    addresses the oldest: the cookie follows, though the address had that id under the old rules."""
    rules = small_rules(5, 5)
    rows = [row.model_dump() for row in rules.type]
    other = rules.model_validate(
        rules.model_dump() | {"type": [row | {"unique": row["name"] == "email"} for row in rows]}
    )
    cookie, second = Node(1, "cookie", ""), Node(20, "cookie", "")
    a, b = Node(10, "email", ""), Node(11, "email", "")
    store = MemoryIdentityStore()
    first = [link(a, b, 5, "e1", True), link(cookie, a, 5, "e2", True)]
    writer = IdentityWriter(store, REALM, other)
    writer.commit(writer.apply(first), 1)
    assert store.all_placements(REALM)[b.id].profile == b.id
    visit = link(b, second, 1, "e3", True)
    for part in rebuilt_parts(store, REALM, rules, 1):
        IdentityWriter(store, REALM, rules).commit(part.changes, 1)
        if part.place == cookie.id:
            writer = IdentityWriter(store, REALM, rules, renewed=True)
            writer.commit(writer.apply([visit]), 1)
    expected = resolve([*first, visit], [], set(), rules).placements
    assert store.all_placements(REALM) == expected
    assert expected[cookie.id].profile == b.id

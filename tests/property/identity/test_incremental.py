"""The writer's map equals `resolve` from scratch, for any order, batching and crash.

`FUZZ_RUNS` is the number of random stories of a long run, `FUZZ_SEED` the first seed: a failure
names its seed, and `FUZZ_RUNS=1 FUZZ_SEED=<seed>` plays that story again.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Sequence
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.edge import Decision, Edge, Node, Verdict
from schemas.identifiers import NodeId
from schemas.placement import Placement, ProfileKind
from schemas.rules.identity import identity_rules
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.core.model import Reason
from services.identity.core.resolve import resolve
from services.identity.writer import Changes, IdentityWriter
from tests.tiers import volumes
from tests.unit.identity.replay import REALM, Replay
from tests.unit.identity.stories import (
    QUARTER_DAY_MS,
    TYPES,
    Item,
    Story,
    link,
    random_story,
    small_rules,
)

FUZZ_RUNS = int(os.environ.get("FUZZ_RUNS", "10000"))
FUZZ_SEED = int(os.environ.get("FUZZ_SEED", "0"))

ANNA = Node(11, "customer_number", "shop")
ANNA_MAIL = Node(12, "email", "")
BEN = Node(21, "customer_number", "shop")
TABLET = Node(31, "device_id", "app")
SESSION = Node(41, "session", "shop")


def replayed(seed: int) -> Replay:
    """The story of a seed, played; every second one with crashes."""
    rng = Random(seed)
    replay = Replay(random_story(rng), rng, crash_rate=0.25 if seed % 2 else 0.0)
    replay.run()
    return replay


@pytest.mark.parametrize("runs", volumes(min(FUZZ_RUNS, 1_000), FUZZ_RUNS))
def test_incremental_equals_from_scratch_in_volume(runs: int) -> None:
    """Thousands of random stories, half of them with crashes, end as `resolve` says."""
    for seed in range(FUZZ_SEED, FUZZ_SEED + runs):
        try:
            replayed(seed).check()
        except Exception as error:
            pytest.fail(f"seed {seed}: {type(error).__name__}: {error}")


def test_the_random_stories_contain_what_they_are_meant_to() -> None:
    """Every kind of profile and every reason to refuse occurs often enough to be tested."""
    seen: Counter[str] = Counter()
    for seed in range(1_000):
        expected = replayed(seed).expected()
        seen.update({p.kind.value for p in expected.placements.values()})
        seen.update({f"{r.reason}{'' if r.event_id else ' decision'}" for r in expected.refusals})
    often = [*ProfileKind, *(reason for reason in Reason if reason is not Reason.UNLISTED)]
    edges_only = (Reason.UNIQUE, Reason.SIZE_LIMIT)
    decisions = [f"{reason} decision" for reason in Reason if reason not in edges_only]
    assert [name for name in often if seen[name] < 20] == []
    assert [name for name in decisions if seen[name] < 5] == []


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """The same histories, in a form that shrinks."""
    kinds = draw(st.lists(st.sampled_from(TYPES), min_size=4, max_size=12))
    nodes = [Node(i + 1, kind, "") for i, kind in enumerate(kinds)]
    ends = st.lists(st.sampled_from(nodes), min_size=2, max_size=2, unique=True)
    times = st.integers(0, 8).map(lambda quarter: quarter * QUARTER_DAY_MS)
    edges = st.builds(
        lambda pair, ms, event, verified: link(pair[0], pair[1], ms, event, verified),
        ends,
        times,
        st.sampled_from(("e0", "e1", "e2")),
        st.booleans(),
    )
    decided = st.builds(
        lambda pair, verdict, ms: Decision(pair[0], pair[1], verdict, "ann", "", ms),
        ends,
        st.sampled_from(list(Verdict)),
        times,
    )
    marks = st.sampled_from([node.id for node in nodes])
    items: st.SearchStrategy[Item] = st.one_of(edges, edges, edges, decided, marks)
    limits = ((3, 200), (1, 10), (1, 2, 99), (2, 99), (2, 99))
    rules = small_rules(*(draw(st.sampled_from(some)) for some in limits))
    return Story(rules, draw(st.lists(items, min_size=1, max_size=25)))


@settings(
    max_examples=400,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(story=stories(), seed=st.integers(0, 999), crashing=st.booleans())
def test_incremental_equals_from_scratch_shrinking(story: Story, seed: int, crashing: bool) -> None:
    """The same property, with a smallest counterexample when it breaks."""
    replay = Replay(story, Random(seed), crash_rate=0.3 if crashing else 0.0)
    replay.run()
    replay.check()


def fresh() -> tuple[MemoryIdentityStore, IdentityWriter]:
    """A writer on an empty store, under the packaged rules."""
    store = MemoryIdentityStore()
    return store, IdentityWriter(store, REALM, identity_rules())


def send(
    writer: IdentityWriter, edges: Sequence[Edge], decisions: Sequence[Decision] = ()
) -> Changes:
    """Apply and commit one batch."""
    changes = writer.apply(edges, decisions)
    writer.commit(changes, 1)
    return changes


def login(person: Node, other: Node, ms: int = 5) -> Edge:
    """A verified edge."""
    return link(person, other, ms, "e", True)


def test_apply_writes_nothing() -> None:
    """Only `commit` touches the store."""
    store, writer = fresh()
    changes = writer.apply([login(ANNA, ANNA_MAIL)])
    assert changes.edges == (login(ANNA, ANNA_MAIL),)
    assert changes.placements[ANNA_MAIL.id] == (ANNA_MAIL, Placement(ANNA.id, ProfileKind.PERSON))
    assert store.all_edges(REALM) == []
    assert store.all_placements(REALM) == {}


def test_a_known_edge_changes_nothing() -> None:
    """A later report of the same edge is no news."""
    _, writer = fresh()
    send(writer, [login(ANNA, ANNA_MAIL)])
    again = send(writer, [login(ANNA, ANNA_MAIL, ms=9)])
    assert (again.edges, again.placements) == ((), {})


def test_a_stated_edge_is_stored_and_joins_nobody_until_it_is_verified() -> None:
    """The better grade is an improvement of the stored edge and joins."""
    store, writer = fresh()
    stated = login(ANNA, ANNA_MAIL)._replace(verified=False)
    first = send(writer, [stated])
    assert (first.edges, first.placements) == ((stated,), {})
    second = send(writer, [login(ANNA, ANNA_MAIL, ms=9)])
    assert second.edges == (login(ANNA, ANNA_MAIL, ms=9),)
    assert store.all_placements(REALM)[ANNA_MAIL.id].profile == ANNA.id


def test_in_doubt_a_stored_edge_does_not_prove_its_map_rows() -> None:
    """The rows that a crash lost are written when the batch is applied again, in doubt."""
    store, _ = fresh()
    store.write_edges(REALM, [login(ANNA, ANNA_MAIL)])
    blind = IdentityWriter(store, REALM, identity_rules()).apply([login(ANNA, ANNA_MAIL)])
    assert blind.placements == {}
    careful = IdentityWriter(store, REALM, identity_rules())
    changes = careful.apply([login(ANNA, ANNA_MAIL)], in_doubt=True)
    assert changes.placements.keys() == {ANNA.id, ANNA_MAIL.id}


def test_a_second_batch_has_to_wait_for_the_first() -> None:
    """Two batches at once would each miss what the other does to the store."""
    _, writer = fresh()
    changes = writer.apply([login(ANNA, ANNA_MAIL)])
    with pytest.raises(RuntimeError, match="not committed"):
        writer.apply([])
    writer.commit(changes, 1)
    assert writer.apply([]).placements == {}


class FailingStore(MemoryIdentityStore):
    """Refuses to write map rows until it is `repaired`."""

    repaired = False

    def write_placements(self, realm: str, placements: object, version: int = 0) -> None:
        if not self.repaired:
            raise OSError("disk full")
        super().write_placements(realm, placements)  # type: ignore[arg-type]


def test_a_failed_commit_is_made_good_by_applying_the_batch_in_doubt() -> None:
    """The writer itself survives a store that fails half way through."""
    store = FailingStore()
    writer = IdentityWriter(store, REALM, identity_rules())
    with pytest.raises(OSError, match="disk full"):
        send(writer, [login(ANNA, ANNA_MAIL)])
    store.repaired = True
    writer.commit(writer.apply([login(ANNA, ANNA_MAIL)], in_doubt=True), 1)
    assert store.all_placements(REALM)[ANNA_MAIL.id].profile == ANNA.id


def test_merges_and_splits_are_counted() -> None:
    """A decision that joins two persons is one merge; taking it back is one split."""
    _, writer = fresh()
    same = Decision(ANNA, BEN, Verdict.SAME, "ann", "", 1)
    send(writer, [login(ANNA, ANNA_MAIL), login(BEN, SESSION)])
    joined = send(writer, [], [same])
    assert (joined.merges, joined.splits) == (1, 0)
    parted = send(writer, [], [same._replace(verdict=Verdict.NONE, decided_ms=2)])
    assert (parted.merges, parted.splits) == (0, 1)


class CountingStore(MemoryIdentityStore):
    """Counts reads of edges, and remembers of which nodes they were asked."""

    def __init__(self) -> None:
        super().__init__()
        self.edge_reads: list[set[NodeId]] = []

    def edges_of(self, realm: str, nodes: Collection[NodeId]) -> list[Edge]:
        self.edge_reads.append(set(nodes))
        return super().edges_of(realm, nodes)


def test_a_batch_is_read_hop_by_hop_and_not_node_by_node() -> None:
    """Five hundred customers with a login each cost the reads of one customer."""
    people = [Node(1000 + i, "customer_number", "shop") for i in range(500)]
    edges = [login(p, Node(p.id + 1000, "session", "shop")) for p in people]
    store = CountingStore()
    send(IdentityWriter(store, REALM, identity_rules()), edges)
    writer = IdentityWriter(store, REALM, identity_rules())
    store.edge_reads.clear()
    send(writer, [login(Node(e.a.id + 1000, "session", "shop"), TABLET) for e in edges[:100]])
    assert len(store.edge_reads) <= 3


def test_the_edges_of_a_hub_are_not_read() -> None:
    """One more receipt of a till terminal does not cost reading all the others."""
    rules = small_rules(3, 10, hub_above_ephemeral=3)
    terminal = Node(1, "cookie", "pos")
    receipts = [Node(10 + i, "order_number", "pos") for i in range(6)]
    store = CountingStore()
    send(IdentityWriter(store, REALM, rules), [login(terminal, r) for r in receipts[:5]])
    store.edge_reads.clear()
    changes = send(IdentityWriter(store, REALM, rules), [login(terminal, receipts[5])])
    assert all(terminal.id not in nodes for nodes in store.edge_reads)
    assert changes.placements.keys() == {receipts[5].id}
    expected = resolve(store.all_edges(REALM), (), (), rules)
    assert store.all_placements(REALM) == expected.placements


def test_a_decision_can_make_a_hub_less_than_one() -> None:
    """With one neighbour decided to be different it is within its limit, and joins again."""
    rules = small_rules(3, 10, hub_above_ephemeral=3)
    cookie = Node(1, "cookie", "shop")
    sessions = [Node(10 + i, "session", "shop") for i in range(4)]
    store = MemoryIdentityStore()
    send(IdentityWriter(store, REALM, rules), [login(cookie, s) for s in sessions])
    assert store.all_placements(REALM)[cookie.id].kind is ProfileKind.SHARED
    different = Decision(cookie, sessions[0], Verdict.DIFFERENT, "ann", "", 1)
    send(IdentityWriter(store, REALM, rules), [], [different])
    placements = store.all_placements(REALM)
    assert placements[cookie.id] == Placement(sessions[1].id, ProfileKind.ANONYMOUS)
    assert placements == resolve(store.all_edges(REALM), [different], (), rules).placements


def test_realms_are_apart() -> None:
    """The same identifiers in another realm are other people."""
    store, writer = fresh()
    send(writer, [login(ANNA, ANNA_MAIL)])
    other = IdentityWriter(store, "other", identity_rules())
    assert other.apply([login(ANNA_MAIL, TABLET)]).placements.keys() == {ANNA_MAIL.id, TABLET.id}

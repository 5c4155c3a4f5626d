"""A node filter never denies what was added, and most of what was not."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from schemas.edge import Node
from schemas.identifiers import NodeId
from services.identity import known_nodes
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.core import node_filter
from services.identity.core.node_filter import NodeFilter
from services.identity.known_nodes import KnownNodes
from services.runtime.errors import C360Error, Fatal, Retry
from tests.unit.identity.memory_places import CheckedNodes, MemoryPlaces
from tests.unit.identity.stories import link

IDS = st.sets(st.integers(0, (1 << 128) - 1), max_size=50)


def ids(rng: Random, count: int) -> list[NodeId]:
    """As keyed digests are."""
    return [rng.getrandbits(128) for _ in range(count)]


@given(added=IDS, others=IDS, expected=st.sampled_from((0, 1, 100_000)))
def test_what_was_added_is_never_denied(added: set[int], others: set[int], expected: int) -> None:
    """Whatever the ids, and however many were expected; in the order in which it was asked."""
    kept = NodeFilter(expected)
    kept.add(added)
    asked = [*others, *added]
    found = kept.among(asked)
    assert added <= set(found)
    assert found == [one for one in asked if one in set(found)]


def test_most_of_what_was_not_added_is_denied() -> None:
    """One in seventeen may be let through with as many as were expected, one in nine with twice."""
    rng = Random(1)
    kept, others = NodeFilter(5_000), ids(rng, 5_000)
    for most in (len(others) / 17, len(others) / 9):
        kept.add(ids(rng, 5_000))
        assert len(kept.among(others)) < 1.2 * most
    assert kept.added <= 10_000


def test_blocks_add_what_they_hold_and_take_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter filled in parts denies what one does to which the same nodes were added."""
    monkeypatch.setattr(node_filter, "PART_BITS", 14)
    rng = Random(2)
    stored, written, others = ids(rng, 3_000), ids(rng, 500), ids(rng, 3_000)
    rows = MemoryIdentityStore()
    rows.write_marks("r", stored)
    filled, whole = NodeFilter(3_000), NodeFilter(3_000)
    filled.add(written)
    whole.add([*stored, *written])
    assert filled.parts == 4
    for part in range(filled.parts):
        for first, block in MemoryPlaces(rows).places(filled.bits, part, filled.parts):
            filled.add_block(first, block)
    assert set(filled.among([*stored, *written])) == {*stored, *written}
    assert filled.among(others) == whole.among(others)


class Unreadable(MemoryPlaces):
    """Counts what it is asked; fails while `fault` is set, of a part only after a few blocks."""

    fault: C360Error | None = None
    is_counted = False
    """Whether it fails no sooner than while parts are read."""
    counts = reads = 0

    def count(self) -> int:
        """See `NodePlaces`."""
        self.counts += 1
        if self.fault is not None and not self.is_counted:
            raise self.fault
        return super().count()

    def places(self, bits: int, part: int, parts: int) -> Iterator[tuple[int, bytes]]:
        """See `NodePlaces`."""
        self.reads += 1
        for turn, block in enumerate(super().places(bits, part, parts)):
            if turn == 3 and self.fault is not None:
                raise self.fault
            yield block


def test_nothing_is_denied_before_everything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not while parts are missing, and what could not be read to its end is read anew."""
    monkeypatch.setattr(node_filter, "PART_BITS", 13)
    monkeypatch.setattr(known_nodes, "PARTS_AT_ONCE", 3)
    rng = Random(3)
    rows, stored, new = MemoryIdentityStore(), ids(rng, 3_000), ids(rng, 1_000)
    rows.write_marks("r", stored)
    source = Unreadable(rows)
    known = KnownNodes(source, asked_min=0)
    assert known.among(new, in_doubt=False) == new
    source.fault, source.is_counted = Retry("gone away"), True
    assert known.among(new, in_doubt=False) == new
    source.fault = None
    for _ in range(3):
        assert known.among(new, in_doubt=False) == new
    assert len(known.among(new, in_doubt=False)) < 100
    assert list(known.among(stored, in_doubt=False)) == stored


@pytest.mark.parametrize("fault", [Retry("too slow"), Fatal("not allowed")])
@pytest.mark.parametrize("is_counted", [False, True])
def test_a_store_that_refuses_the_filter_stops_no_writer(
    fault: C360Error, is_counted: bool
) -> None:
    """Everything is looked up then, it is asked for more and more seldom, and the log says it once;
    when it gives an answer again, there is a filter."""
    rng = Random(8)
    rows, stored, new = MemoryIdentityStore(), ids(rng, 1_000), ids(rng, 100)
    rows.write_marks("r", stored)
    source = Unreadable(rows)
    source.fault, source.is_counted = fault, is_counted
    known = KnownNodes(source, asked_min=100)
    with capture_logs() as told:
        for _ in range(100):
            assert known.among(new, in_doubt=False) == new
    assert source.counts == 6, "after 1, 3, 7, 15, 31 and 63 of them"
    assert [one["event"] for one in told] == ["known_identifiers_not_read"]
    source.fault = None
    for _ in range(27):
        assert known.among(new, in_doubt=False) == new
    assert len(known.among(new, in_doubt=False)) < 20
    assert list(known.among(stored, in_doubt=False)) == stored


def test_a_store_that_is_too_large_is_seldom_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is looked up, and it is counted once for as many nodes as a filter costs."""
    monkeypatch.setattr(known_nodes, "NODES_MAX", 1_000)
    rng = Random(9)
    rows = MemoryIdentityStore()
    rows.write_marks("r", ids(rng, 1_100))
    source = Unreadable(rows)
    known = KnownNodes(source, asked_min=50)
    for _ in range(200):
        asked = ids(rng, 5)
        assert known.among(asked, in_doubt=False) == asked
    assert (source.counts, source.reads) == (200 * 5 // 50, 0)


def test_a_filter_is_made_when_as_much_was_asked_as_it_costs() -> None:
    """Before, everything is looked up; for a large store longer than for a small one."""
    rng = Random(4)
    rows = MemoryIdentityStore()
    rows.write_marks("r", ids(rng, 4_000))
    known = KnownNodes(MemoryPlaces(rows), asked_min=5)
    for _ in range(4_000 // known_nodes.NODES_PER_KEY // 2):
        assert len(known.among(ids(rng, 2), in_doubt=False)) == 2
    assert len(known.among(ids(rng, 100), in_doubt=False)) < 20


def test_a_filter_grows_with_what_is_written() -> None:
    """After twice as many nodes it is read again, larger, and denies as much as before."""
    rng = Random(5)
    rows = MemoryIdentityStore()
    known, written = CheckedNodes(rows), list[NodeId]()
    for _ in range(60):
        batch = [Node(one, "card", "") for one in ids(rng, 500)]
        edges = [link(*pair, 1, "e", True) for pair in zip(batch[::2], batch[1::2], strict=True)]
        known.note([one.id for one in batch])
        rows.write_edges("r", edges)
        written += [one.id for one in batch]
        known.among_rows("r", [*ids(rng, 100), *rng.sample(written, 100)], in_doubt=False)
    known.denied = 0
    known.among_rows("r", ids(rng, 1_000), in_doubt=False)
    assert known.denied > 850


def test_of_every_node_no_fewer_edges_are_counted_than_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those that were stored before the filter was read, and those written while it was and since;
    of most nodes no more. Until it is read, no bound is known."""
    monkeypatch.setattr(node_filter, "PART_BITS", 14)
    monkeypatch.setattr(known_nodes, "PARTS_AT_ONCE", 1)
    rng, rows = Random(10), MemoryIdentityStore()
    nodes = [Node(one, "card", "") for one in ids(rng, 2_000)]
    known = CheckedNodes(rows)

    def write(count: int) -> None:
        pairs = [rng.sample(nodes, 2) for _ in range(count)]
        edges = [link(x, y, 1, "e", True) for x, y in pairs]
        known.note_edges([end.id for edge in edges for end in (edge.a, edge.b)])
        rows.write_edges("r", edges)

    write(4_000)
    asked = [node.id for node in nodes]
    assert known.bounds_of_rows("r", asked) == {}
    known.among_rows("r", asked, in_doubt=False)
    assert known.bounds_of_rows("r", asked) == {}, "one of four parts is read"
    while len(known.bounds_of_rows("r", asked)) < len(asked):
        write(10)
        known.among_rows("r", asked, in_doubt=False)
    write(200)
    bounds = known.bounds_of_rows("r", asked)
    degrees = rows.bounds_of("r", asked)
    assert sum(bounds[one] == degrees[one] for one in asked) > 1_200


def test_many_edges_are_any_number() -> None:
    """A counter that is full gives no bound, whether it was read or written."""
    full, half = ids(Random(11), 2)
    kept = NodeFilter(10)
    for count in (node_filter.MANY - 1, 1, 300):
        kept.count_edges([full] * count)
        assert (full in kept.bounds([full])) == (count == node_filter.MANY - 1)
    kept.count_edges([half] * 100)
    for counts, bound in ((20, 120), (6, 126), (1, None), (node_filter.MANY, None)):
        place = (half & (1 << 64) - 1) >> 64 - kept.bits + 3
        kept.add_counts(place, bytes([counts]))
        assert kept.bounds([half]).get(half) == bound


def test_of_what_was_in_doubt_no_bound_is_known() -> None:
    """An evicted worker may have written edges of it after the filter was filled."""
    rows, (mine, other) = MemoryIdentityStore(), [Node(one, "card", "") for one in (1, 1 << 63)]
    known = CheckedNodes(rows)
    rows.write_edges("r", [link(mine, other, 1, "e", True)])
    for _ in range(2):
        known.among_rows("r", [mine.id], in_doubt=False)
    assert known.bounds_of_rows("r", [mine.id, other.id]) == {mine.id: 1, other.id: 1}
    known.among_rows("r", [mine.id], in_doubt=True)
    assert known.bounds_of_rows("r", [mine.id, other.id]) == {other.id: 1}


def test_what_was_in_doubt_is_not_denied_later() -> None:
    """An evicted worker may have written of it after the filter was filled."""
    rows = MemoryIdentityStore()
    known, (mine, other) = CheckedNodes(rows), ids(Random(6), 2)
    known.among_rows("r", [mine], in_doubt=False)
    assert known.among_rows("r", [mine], in_doubt=False) == []
    assert known.among_rows("r", [mine, other], in_doubt=True) == [mine, other]
    rows.write_marks("r", [mine])  # by somebody else
    assert known.among_rows("r", [mine, other], in_doubt=False) == [mine, other]

"""The store that identity needs, read and written in whole batches.

Reads are keyed by node and take a whole frontier at once; the writer makes a few calls per batch,
never one per node. All methods block. Writes are idempotent: writing the same rows again leaves the
same state. There is one writer per realm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from schemas.edge import Decision, Edge, Node
from schemas.placement import Placement

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from schemas.api.identity import IdentityDecision, IdentityEdge, IdentityMember
    from schemas.identifiers import NodeId
    from schemas.records import ErasureRecord, RetentionRecord
    from services.identity.core.model import Refusal, TypeTable
    from services.identity.core.notices import Evidence, Notice
    from services.store.profile_map import Members
    from services.stream.ports import Outgoing

Placed = tuple[Node, Placement]


class GraphSource(Protocol):
    """The graph and map of all realms, for reading. Methods may raise the store's own errors."""

    def possibly_known(
        self, realm: str, nodes: Collection[NodeId], in_doubt: bool
    ) -> Collection[NodeId]:
        """Those of `nodes` of which there may be anything: an edge, a decision, a refusal, a mark
        or a map row. The others need not be looked up.

        In doubt all of them, from then on: somebody else may still be writing of any.
        """
        ...

    def edges_of(self, realm: str, nodes: Collection[NodeId]) -> list[Edge]:
        """Every edge, of either grade, with an end in `nodes`; merged, each pair once."""
        ...

    def nodes_above_degree(
        self, realm: str, nodes: Collection[NodeId], above: int, types: Collection[str]
    ) -> set[NodeId]:
        """Those of `nodes` with more than `above` verified edges to nodes of the given types.

        With it the writer need not read the million edges of a till terminal.
        """
        ...

    def placements_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, Placement]:
        """The map rows of `nodes`; a node without one is missing, and is its own profile."""
        ...

    def decisions_of(self, realm: str, nodes: Collection[NodeId]) -> list[Decision]:
        """The latest decision of every pair with an end in `nodes`, withdrawn ones included."""
        ...

    def marks_of(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """Those of `nodes` that are marked as permanently shared."""
        ...

    def refusals_of(self, realm: str, nodes: Collection[NodeId]) -> list[Refusal]:
        """The standing refusals with an end in `nodes`."""
        ...


class NodePlaces(Protocol):
    """Which places of a node filter (core/node_filter.py) the stored nodes have, in any realm."""

    def count(self) -> int:
        """About how many nodes there are."""
        ...

    def places(self, bits: int, part: int, parts: int) -> Iterator[tuple[int, bytes]]:
        """The places of one of the parts of a filter with so many bits, as `add_block` takes them;
        every node of which anything is stored is in one of the blocks of its part."""
        ...

    def degrees(self, bits: int, part: int, parts: int) -> Iterator[tuple[int, bytes]]:
        """The edges of the nodes of one of the parts, as `add_counts` takes them: no fewer than
        there are."""
        ...


class VerificationSource(GraphSource, Protocol):
    """The graph and map of all realms, and everything that is on either."""

    def nodes(self, realm: str, limit: int, after: NodeId | None = None) -> Iterator[list[Node]]:
        """Every node with an edge, a decision or a map row, once, at most so many at a time; only
        those that come after one in the order, if it is given."""
        ...

    def crowded(self, realm: str, table: TypeTable, at_most: int) -> list[Node]:
        """What `crowded_nodes` (core/plain.py) gives of all edges, no more than so many."""
        ...

    def doubtful(
        self,
        realm: str,
        table: TypeTable,
        isolated: Collection[NodeId],
        named: Collection[NodeId],
        at_most: int,
    ) -> set[NodeId]:
        """What `doubtful_profiles` (core/plain.py) gives, no more than so many. `named` lacks what
        is decided about, marked or refused."""
        ...

    def place_of(self, node: NodeId) -> int:
        """The place of a node in the order of `nodes`: greater for those that come later."""
        ...


class IdentityStore(VerificationSource, Protocol):
    """The stored graph and map of all realms.

    Every method may raise the store's own errors; after one, any subset may have been written, and
    the batch has to be applied again as in doubt. Writes name the version of their rows: of two
    rows of one key the higher version counts, and of two of one version the one written last.
    """

    def decisions_after(self, version: int) -> list[tuple[str, Decision]]:
        """The decisions of all realms whose rows have a higher version, with their realm."""
        ...

    def bounds_of(self, realm: str, nodes: Collection[NodeId]) -> Mapping[NodeId, int]:
        """The most edges, of either grade, that nodes may have, without looking them up; a node of
        which that is not known is missing. Asked of what `possibly_known` gave, not in doubt."""
        ...

    def types_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, str]:
        """The types of `nodes`, as their map rows name them; a node without one is missing."""
        ...

    def decided(self) -> Collection[NodeId] | None:
        """The nodes that a decision was ever about, of any realm; None if that is not in memory."""
        ...

    def an_edge_of(self, realm: str, nodes: Collection[NodeId]) -> list[Edge]:
        """One edge of each of the nodes that have any; no pair comes twice."""
        ...

    def former_profiles(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """Every profile that a map row of these nodes ever named, the latest one included.

        More may be returned: of rows that were written and replaced unseen. Slower than the other
        reads, and needed in doubt only.
        """
        ...

    def write_edges(self, realm: str, edges: Sequence[Edge], version: int) -> None:
        """Store edges in their merged form; each replaces the row of its pair."""
        ...

    def write_decisions(self, realm: str, decisions: Sequence[Decision], version: int) -> None:
        """Store decisions; each replaces the row of its pair."""
        ...

    def write_marks(self, realm: str, marks: Collection[NodeId], version: int) -> None:
        """Mark nodes as permanently shared."""
        ...

    def write_placements(
        self, realm: str, placements: Mapping[NodeId, Placed], version: int
    ) -> None:
        """Store map rows; each replaces the row of its node."""
        ...

    def remove_placements(self, realm: str, nodes: Collection[NodeId], version: int) -> None:
        """Remove the map rows of nodes of which nothing that counts is known any more, but for
        rows of a higher version."""
        ...

    def write_refusals(
        self,
        realm: str,
        appeared: Sequence[Refusal],
        vanished: Sequence[Refusal],
        version: int,
    ) -> None:
        """Remove obsolete refusals and store new ones, by `Refusal.key`.

        No key is in both.
        """
        ...


class ErasedAround(NamedTuple):
    """What was around an erased person."""

    touched: Collection[NodeId]
    """The nodes that had an edge or a decision to the person, and stay."""
    marked: Collection[NodeId]
    """Those of them that stay shared for good."""
    stated: Collection[NodeId]
    """What only the person had stated, and went, too."""


class Erasures(Protocol):
    """Erases people. All methods block, may raise the store's own errors, and may be repeated."""

    def refused_until(self, realm: str, nodes: Collection[NodeId]) -> Mapping[NodeId, int]:
        """Of those nodes that were erased, or are being erased: up to which time (Unix ms) nothing
        that is said of them counts."""
        ...

    def gone(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """Those of these nodes of which no event is stored."""
        ...

    def stated(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """Those of these nodes that somebody who was erased had stated, and nobody else by then."""
        ...

    def not_stored(self, realm: str, event_ids: Collection[str]) -> set[str]:
        """Those of these events of which nothing is stored."""
        ...

    def begin(self, record: ErasureRecord) -> None:
        """From now on nothing of the person is taken. One that was begun stays as it is."""
        ...

    def is_due(self, record: ErasureRecord) -> bool:
        """Whether everything that was under way has landed, and the rows are not yet removed, or
        those who follow were not yet told."""
        ...

    def farewells(self, record: ErasureRecord) -> list[Outgoing]:
        """The records that withdraw the incidents about the person; known only before they are
        removed."""
        ...

    def erase(
        self,
        record: ErasureRecord,
        settle: Callable[[str, Collection[NodeId], Collection[NodeId]], Collection[NodeId]],
        fence: Callable[[], None],
    ) -> ErasedAround:
        """Remove all rows. `settle` computes the map anew around nodes that lost edges, marks some
        of them, and returns those that no edge holds on the map. `fence` is called before each
        removal, and raises if another worker has taken over.

        Of an erasure whose rows are removed it returns what was around the person then.
        """
        ...

    def rewritten(self, realm: str) -> list[Outgoing]:
        """The records of incidents about others from which an erasure took what named a person."""
        ...

    def close(self, record: ErasureRecord, appended_ms: int) -> None:
        """It is complete: newer events of the person, also than the record that closed it, begin a
        new profile."""
        ...


class ExpiredRemoval(Protocol):
    """A removal of expired events. Methods block and may raise the store's own errors."""

    def next_part(self) -> bool:
        """Remove a part, or all that is left; whether anything may be left. What is to be told of
        it is to be sent before the next call."""
        ...

    def finish(self) -> None:
        """Note that it is complete: everybody was told."""
        ...


class ChangedMap(Protocol):
    """The map of a realm as its one writer changes it where rows were removed beneath it. Methods
    block, and may be repeated."""

    def write_edges(self, realm: str, edges: Sequence[Edge]) -> None:
        """Replace the rows of these edges, whatever they say."""
        ...

    def unlink(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """Compute the map anew around nodes that lost edges or their first evidence; those that no
        edge holds on it any more, whose rows are stale."""
        ...

    def regroup(self, realm: str, nodes: Collection[NodeId]) -> None:
        """The rows of these nodes, which no edge holds, are gone: each is a profile of its own."""
        ...

    def forgotten(self, realm: str, nodes: Collection[NodeId]) -> None:
        """No event names these any more, and they are not on the map."""
        ...


class EventExpiry(Protocol):
    """Removes events that are older than their type is kept. All methods block, may raise the
    store's own errors, and may be repeated."""

    def standing(self, realm: str, edges: Sequence[Edge]) -> list[Edge]:
        """The edges, but for those that rest on events which a removal has taken: they are read
        again. Until a removal that is due they stand: it gives each pair what is left."""
        ...

    def begin(self, record: RetentionRecord) -> None:
        """From now on older events are not taken. A cut-off never moves back."""
        ...

    def removal(
        self, record: RetentionRecord, around: ChangedMap, fence: Callable[[], None]
    ) -> ExpiredRemoval | None:
        """The removal of what has expired by this record; None if not everything that was under way
        has landed, if it is complete, or if the settings do not fit. `fence` is called before each
        write, and raises if another worker has taken over."""
        ...

    def gives_way(self) -> bool:
        """Whether the partitions are being assigned anew, which waits for the record in hand."""
        ...


class RulesSource(VerificationSource, Protocol):
    """What is needed to try other rules."""

    def values(self, realm: str, limit: int) -> Iterator[dict[NodeId, tuple[str, str, str]]]:
        """Type, issuer and value of every identifier, at most so many at a time."""
        ...

    def values_of(
        self, realm: str, nodes: Collection[NodeId]
    ) -> dict[NodeId, tuple[str, str, str]]:
        """Type, issuer and value of nodes."""
        ...

    def sizes_of(self, realm: str, profiles: Collection[NodeId]) -> dict[NodeId, int]:
        """How many identifiers the map has in each profile; one without any is missing."""
        ...


class NoticeSource(Protocol):
    """Reads what somebody should look at."""

    def notices(self, realm: str) -> Iterator[Notice]:
        """The notices of a realm: values by node, then persons by type."""
        ...

    def evidence(self, realm: str, notice: Notice) -> Evidence:
        """What a notice rests on: some of its events, with their senders."""
        ...


class DecisionPlace(NamedTuple):
    """Where a decision stands in a list."""

    decided_ms: int
    a: NodeId
    b: NodeId


class DecisionEffect(NamedTuple):
    """What a decision does to the map."""

    before: Members
    """The identifiers of the profiles that it concerns, as they are."""
    after: Members
    """The same identifiers with the decision."""
    refusal: Refusal | None
    """Why a decision `same` joins nobody."""


class DecisionSource(Protocol):
    """Reads what people decided about pairs of identifiers."""

    def node(self, realm: str, node: NodeId) -> Node | None:
        """An identifier that was seen, or decided about; None for any other."""
        ...

    def of_pair(self, realm: str, a: NodeId, b: NodeId) -> Decision | None:
        """The latest decision about a pair, withdrawn or not."""
        ...

    def page(
        self,
        realm: str,
        limit: int,
        after: DecisionPlace | None = ...,
        nodes: Collection[NodeId] = ...,
        verdict: str = ...,
    ) -> list[Decision]:
        """At most `limit` decisions after a place, the latest first: about any of some nodes, of
        one verdict, or all."""
        ...

    def together(self, realm: str, node: NodeId) -> set[NodeId]:
        """All identifiers of the profile that holds a node."""
        ...

    def refusals(self, realm: str, nodes: Collection[NodeId]) -> list[Refusal]:
        """The refused decisions with an end in `nodes`."""
        ...

    def values(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, tuple[str, str, str]]:
        """Type, issuer and value of nodes, as far as they are known."""
        ...

    def effect(self, realm: str, decision: Decision) -> DecisionEffect:
        """What the map would be with a decision. Reads the region that it affects."""
        ...


class Membership(NamedTuple):
    """A page of the identifiers of a profile, with the edges and decisions at them."""

    members_count: int
    """How many identifiers the profile has."""
    members: list[IdentityMember]
    edges: list[IdentityEdge]
    decisions: list[IdentityDecision]
    is_cut: bool
    """Whether there are more edges or decisions."""
    following: NodeId | None
    """The last identifier, if there are more."""


class MembershipSource(Protocol):
    """Reads the identifiers of one profile."""

    def page(self, realm: str, profile: NodeId, limit: int, after: NodeId | None) -> Membership:
        """At most `limit` identifiers after a node id, by node id: a place that never changes."""
        ...

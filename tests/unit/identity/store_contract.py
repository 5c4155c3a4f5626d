"""What every `IdentityStore` must do; subclass it with a `store` fixture per adapter.

The fixture gives a store in which the realms `r` and `other` are empty.
"""

from __future__ import annotations

from schemas.edge import Decision, Node, Verdict
from schemas.placement import Placement, ProfileKind
from services.identity.core.model import Reason, Refusal
from services.identity.ports import IdentityStore
from tests.unit.identity.stories import link

A = Node(1, "customer_number", "shop")
B = Node(2, "email", "")
C = Node(3, "cookie", "shop")
D = Node(4, "cookie", "shop")
UNSEEN = 99


class IdentityStoreContract:
    """The contract, as tests. Realms `r` and `other` are empty at the start of each."""

    def test_an_edge_is_found_from_both_ends_once(self, store: IdentityStore) -> None:
        """Asking for both ends of an edge gives it a single time, whatever its grade."""
        edges = [link(A, B, 5, "e1", True), link(B, C, 6, "e2", False)]
        store.write_edges("r", edges, 1)
        assert store.edges_of("r", {A.id}) == edges[:1]
        assert sorted(store.edges_of("r", {A.id, B.id, UNSEEN})) == edges
        assert store.edges_of("r", set()) == []

    def test_an_edge_of_each_node(self, store: IdentityStore) -> None:
        """One is enough to know a node by; a common one is given once, a lonely node none."""
        edges = [link(A, B, 5, "e1", True), link(B, C, 6, "e2", False), link(C, D, 7, "e3", True)]
        store.write_edges("r", edges, 1)
        assert store.an_edge_of("r", {A.id, UNSEEN}) == edges[:1]
        found = store.an_edge_of("r", {A.id, B.id, C.id, D.id})
        assert {end.id for edge in found for end in (edge.a, edge.b)} >= {A.id, B.id, C.id, D.id}
        assert len(found) == len(set(found)) <= 4

    def test_a_written_edge_replaces_the_one_of_its_pair(self, store: IdentityStore) -> None:
        """The merged form is made by the writer; the store keeps what it is given last."""
        store.write_edges("r", [link(A, B, 5, "e1", False)], 1)
        store.write_edges("r", [link(A, B, 7, "e2", True)], 1)
        assert store.edges_of("r", {B.id}) == [link(A, B, 7, "e2", True)]

    def test_decisions_of_a_higher_version(self, store: IdentityStore) -> None:
        """Of every realm, as far as their rows were written after a version."""
        first, second = (Decision(A, one, Verdict.SAME, "ann", "why", 5) for one in (B, C))
        store.write_decisions("r", [first], 7)
        store.write_decisions("other", [second], 8)
        assert sorted(store.decisions_after(6)) == [("other", second), ("r", first)]
        assert store.decisions_after(7) == [("other", second)]
        assert store.decisions_after(8) == []
        store.write_decisions("r", [first], 9)
        assert store.decisions_after(8) == [("r", first)]

    def test_writing_again_changes_nothing(self, store: IdentityStore) -> None:
        """Every write is idempotent."""
        refusal = Refusal(A.id, B.id, Reason.UNIQUE, (A.id, B.id), "e1")
        placed = {A.id: (A, Placement(A.id, ProfileKind.PERSON))}
        for _ in range(2):
            store.write_edges("r", [link(A, B, 5, "e1", True)], 1)
            store.write_placements("r", placed, 1)
            store.write_refusals("r", [refusal], [], 1)
        assert len(store.edges_of("r", {A.id})) == 1
        assert store.placements_of("r", {A.id}) == {A.id: Placement(A.id, ProfileKind.PERSON)}
        assert store.refusals_of("r", {A.id, B.id}) == [refusal]

    def test_the_type_that_the_map_names(self, store: IdentityStore) -> None:
        """Of what is placed in the realm, whatever its latest row says."""
        placed = {one.id: (one, Placement(A.id, ProfileKind.PERSON)) for one in (A, B)}
        store.write_placements("r", placed, 1)
        store.write_placements("r", {B.id: (B, Placement(B.id, ProfileKind.SHARED))}, 2)
        store.write_placements("other", {C.id: (C, Placement(C.id, ProfileKind.ANONYMOUS))}, 1)
        found = store.types_of("r", {A.id, B.id, C.id, UNSEEN})
        assert found == {A.id: A.type, B.id: B.type}
        assert store.types_of("r", set()) == {}

    def test_only_verified_edges_to_the_given_types_crowd_a_node(
        self, store: IdentityStore
    ) -> None:
        """Stated edges and types outside the list do not count, and the limit itself is allowed."""
        edges = [link(C, A, 1, "e", True), link(C, D, 1, "e", True), link(C, B, 1, "e", False)]
        store.write_edges("r", edges, 1)
        types = {"customer_number", "email", "cookie"}
        assert store.nodes_above_degree("r", {C.id, A.id}, 1, types) == {C.id}
        assert store.nodes_above_degree("r", {C.id}, 2, types) == set()
        assert store.nodes_above_degree("r", {C.id}, 1, {"cookie"}) == set()

    def test_a_node_without_a_map_row_is_missing(self, store: IdentityStore) -> None:
        """The default, that it is its own profile, is the reader's."""
        store.write_placements("r", {B.id: (B, Placement(A.id, ProfileKind.PERSON))}, 1)
        store.write_placements("r", {B.id: (B, Placement(B.id, ProfileKind.SHARED))}, 1)
        found = store.placements_of("r", {A.id, B.id})
        assert found == {B.id: Placement(B.id, ProfileKind.SHARED)}

    def test_a_withdrawn_decision_is_still_read(self, store: IdentityStore) -> None:
        """The latest decision of a pair is kept, even one that takes another back."""
        same = Decision(A, B, Verdict.SAME, "ann", "called", 5)
        none = same._replace(verdict=Verdict.NONE, decided_ms=6)
        store.write_decisions("r", [same], 1)
        store.write_decisions("r", [none], 1)
        assert store.decisions_of("r", {B.id}) == [none]
        assert store.decisions_of("r", {C.id}) == []

    def test_marks_stay(self, store: IdentityStore) -> None:
        """A mark is for good and is found by its node."""
        store.write_marks("r", {C.id}, 1)
        store.write_marks("r", {D.id}, 1)
        assert store.marks_of("r", {A.id, C.id, D.id}) == {C.id, D.id}

    def test_refusals_come_and_go_by_their_key(self, store: IdentityStore) -> None:
        """A refused edge and a refused decision on one pair are two; removing one leaves one."""
        edge = Refusal(A.id, B.id, Reason.UNIQUE, (A.id, B.id), "e1")
        decision = Refusal(A.id, B.id, Reason.DIFFERENT, (A.id, C.id), "")
        store.write_refusals("r", [edge, decision], [], 1)
        changed = edge._replace(event_id="e0")
        store.write_refusals("r", [changed], [decision], 1)
        assert store.refusals_of("r", {B.id}) == [changed]
        assert store.refusals_of("r", {C.id}) == []

    def test_realms_do_not_mix(self, store: IdentityStore) -> None:
        """What is written in one realm is not seen from another."""
        store.write_edges("r", [link(A, B, 5, "e1", True)], 1)
        store.write_marks("r", {A.id}, 1)
        store.write_placements("r", {A.id: (A, Placement(A.id, ProfileKind.PERSON))}, 1)
        assert store.edges_of("other", {A.id}) == []
        assert store.marks_of("other", {A.id}) == set()
        assert store.placements_of("other", {A.id}) == {}

    def test_former_profiles_are_not_forgotten(self, store: IdentityStore) -> None:
        """A profile that lost a node can still be found by it, and so can the present one."""
        for profile in (B, A):
            placed = {C.id: (C, Placement(profile.id, ProfileKind.PERSON))}
            store.write_placements("r", placed, 1 if profile is B else 2)
        store.write_placements("r", {D.id: (D, Placement(D.id, ProfileKind.ANONYMOUS))}, 2)
        assert store.former_profiles("r", {C.id, UNSEEN}) == {A.id, B.id}
        assert store.former_profiles("other", {C.id}) == set()

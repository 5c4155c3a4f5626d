"""What only adds to a profile is placed without solving it, whatever its size; the map is right.

Counted in what the store is asked for and in what is solved, never in time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from random import Random

import pytest

from schemas.edge import Decision, Edge, Node, Verdict
from schemas.identifiers import NodeId
from schemas.placement import Placement, ProfileKind
from schemas.rules.identity import identity_rules
from services.identity import writer as writer_module
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.core.model import TypeTable, type_table
from services.identity.core.resolve import Resolution, SolverInput, apart_reason, resolve, solve
from services.identity.growth import DECIDED_MAX, neighbours_max
from services.identity.writer import Changes, IdentityWriter
from tests.unit.identity.stories import TYPES, link, small_rules

REALM = "r"
RULES = small_rules(20, 10, 15, 15, 20)
NUMBER, CARD = Node(1, "customer_number", "shop"), Node(2, "card", "")
COOKIE = Node(3, "cookie", "shop")
OTHERS = 1_000


class ReadStore(MemoryIdentityStore):
    """Remembers of which nodes edges were read, and how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.read = set[NodeId]()
        self.asked = 0

    def edges_of(self, realm: str, nodes: Collection[NodeId]) -> list[Edge]:
        self.read |= set(nodes)
        self.asked += 1
        return super().edges_of(realm, nodes)


class Town:
    """A store, with all that was ever sent to it, and how much of it was solved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cache_nodes_max: int = 0) -> None:
        self.store = ReadStore()
        self.writer = IdentityWriter(self.store, REALM, RULES, cache_nodes_max)
        self.edges: list[Edge] = []
        self.decisions: list[Decision] = []
        self.solved = 0
        monkeypatch.setattr(writer_module, "solve", self._solve)

    def _solve(self, given: SolverInput, table: TypeTable) -> Resolution:
        self.solved += len(given.nodes)
        return solve(given, table)

    def send(self, *edges: Edge, decisions: Sequence[Decision] = ()) -> Changes:
        """One batch; the map is right after it."""
        self.store.read.clear()
        self.solved = 0
        changes = self.writer.apply(edges, decisions)
        self.writer.commit(changes, 1)
        self.edges += edges
        self.decisions += decisions
        expected = resolve(self.edges, self.decisions, (), RULES)
        assert self.store.all_placements(REALM) == expected.placements
        assert tuple(self.store.all_refusals(REALM)) == expected.refusals
        return changes


def edge(x: Node, y: Node, at_ms: int = 5) -> Edge:
    """A verified edge."""
    return link(x, y, at_ms, "e", True)


def visit(number: int) -> Node:
    """A session that nobody has seen."""
    return Node(OTHERS + number, "session", "shop")


def cookie(number: int) -> Node:
    """A cookie that nobody has seen."""
    return Node(2 * OTHERS + number, "cookie", "shop")


@pytest.fixture
def town(monkeypatch: pytest.MonkeyPatch) -> Town:
    """A person with a card and a cookie."""
    town = Town(monkeypatch)
    town.send(edge(NUMBER, CARD), edge(CARD, COOKIE))
    return town


@pytest.mark.parametrize("holder", [NUMBER, CARD, COOKIE])
def test_of_a_known_identifier_no_edge_is_read(town: Town, holder: Node) -> None:
    """Neither for a visit, nor for visits that lead to cookies from there."""
    changes = town.send(
        edge(holder, visit(1), 9), edge(visit(1), cookie(1), 9), edge(holder, visit(2), 9)
    )
    assert (town.store.read, town.solved) == (set(), 0)
    new = {visit(1).id, visit(2).id, cookie(1).id}
    person = Placement(NUMBER.id, ProfileKind.PERSON)
    assert {one: changes.placements[one][1] for one in new} == dict.fromkeys(new, person)


def test_what_does_more_than_add_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders come to name a hundred profiles of visitors, whose cookies are read together."""
    town = Town(monkeypatch)
    town.send(*(edge(visit(number), cookie(number)) for number in range(100)))
    town.store.asked = 0
    orders = [Node(3 * OTHERS + number, "order_number", "shop") for number in range(100)]
    changes = town.send(*(edge(cookie(number), order) for number, order in enumerate(orders)))
    assert {one.id for one in orders} <= {row.profile for _, row in changes.placements.values()}
    assert {cookie(number).id for number in range(100)} <= town.store.read
    assert town.store.asked < 10


def test_an_identifier_near_its_limit_is_read(town: Town) -> None:
    """Its limit of sessions within a day is 15; at the next one it joins nobody any more."""
    for number in range(14):
        town.send(edge(COOKIE, visit(number), 9))
        assert COOKIE.id not in town.store.read
    for number in range(14, 18):
        town.send(edge(COOKIE, visit(number), 9))
        assert COOKIE.id in town.store.read
    assert town.store.all_placements(REALM)[COOKIE.id].kind is ProfileKind.SHARED


def test_purchases_of_a_person_have_no_limit(town: Town) -> None:
    """At a personal identifier they do not count, so it is not read either."""
    for number in range(40):
        order = Node(3 * OTHERS + number, "order_number", "till")
        town.send(edge(CARD, order, 9))
        assert (town.store.read, town.solved) == (set(), 0)


def test_what_is_hung_on_and_read_all_the_same_has_its_new_edges(town: Town) -> None:
    """A person is merged into an older one in the batch in which a visit comes to its cookie."""
    other = Node(4, "card", "")
    town.send(edge(COOKIE, visit(1), 9), edge(other, NUMBER, 9), edge(CARD, visit(2), 9))
    older = Node(0, "customer_number", "shop")
    town.send(edge(older, other, 1), edge(COOKIE, visit(3), 9), edge(visit(3), cookie(3), 9))
    mail = Node(5, "email", "")
    town.send(edge(mail, other, 1), edge(COOKIE, visit(4), 9))


def test_an_identifier_that_a_person_is_named_after_may_come_to_be_another(town: Town) -> None:
    """An order of long ago makes the second number of a person older than the first."""
    mail, second = Node(6, "email", ""), Node(7, "customer_number", "erp")
    town.send(edge(mail, NUMBER), edge(mail, second, 8))
    assert town.store.all_placements(REALM)[second.id].profile == NUMBER.id
    town.send(edge(second, visit(1), 9))
    assert second.id not in town.store.read
    town.send(edge(second, visit(2), 2))
    assert town.store.all_placements(REALM)[CARD.id].profile == second.id


@pytest.mark.parametrize("cached", [0, 500_000])
def test_a_profile_of_nobody_costs_the_same_at_any_size(
    monkeypatch: pytest.MonkeyPatch, cached: int
) -> None:
    """Cookies that sessions join, in a chain and back to one of the first ones."""
    town, read = Town(monkeypatch, cached), set[int]()
    town.send(edge(cookie(0), visit(0), 0))
    for number in range(1, 60):
        town.send(
            edge(visit(number), cookie(number - 1), number),
            edge(visit(number), cookie(number), number),
        )
        read.add(len(town.store.read))
        assert town.solved == 0
        town.send(
            edge(visit(OTHERS // 2 + number), cookie(number), number),
            edge(visit(OTHERS // 2 + number), cookie(number // 2), number),
        )
        read.add(len(town.store.read))
        assert town.solved == 0
        town.send(edge(visit(number), cookie(number // 2), number))
        read.add(len(town.store.read))
        assert town.solved == 0
    assert max(read) <= 3


def test_a_person_reaches_what_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the batch in which it grows, and in a later one."""
    town = Town(monkeypatch)
    town.send(edge(cookie(0), visit(0), 0))
    town.send(edge(visit(1), cookie(0), 1), edge(visit(1), cookie(1), 1))
    town.send(
        edge(visit(2), cookie(1), 2), edge(visit(2), cookie(2), 2), edge(NUMBER, cookie(0), 2)
    )
    assert town.store.all_placements(REALM)[cookie(2).id].profile == NUMBER.id
    town.send(edge(Node(8, "customer_number", "shop"), cookie(2), 3))


def test_what_is_new_names_a_profile_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """If it is stronger, or older than what names it."""
    town = Town(monkeypatch)
    profile = cookie(0).id, cookie(1).id
    town.send(edge(cookie(0), cookie(1), 50))
    for known, new, at_ms, is_named in (
        (cookie(0), cookie(2), 60, False),
        (cookie(2), cookie(3), 40, True),
        (cookie(0), visit(1), 70, True),
        (cookie(1), visit(2), 80, False),
        (visit(2), visit(3), 65, True),
        (visit(1), cookie(4), 1, True),
    ):
        changes = town.send(edge(known, new, at_ms))
        assert (not changes.placements.keys().isdisjoint(profile)) == is_named
    phone = Node(9, "phone", "")
    town.send(edge(visit(1), phone, 90))
    assert town.store.all_placements(REALM)[cookie(2).id].profile == phone.id


@pytest.mark.parametrize("is_new", [True, False])
def test_what_was_decided_about_is_solved(monkeypatch: pytest.MonkeyPatch, is_new: bool) -> None:
    """Both identifiers of a profile keep a third one away, as soon as they are joined: by a new
    connection before the link to that one, of which the refusal then names both."""
    town = Town(monkeypatch)
    mine, yours, third = cookie(1), cookie(2), cookie(3)
    apart = [Decision(one, third, Verdict.DIFFERENT, "ann", "", 1) for one in (mine, yours)]
    joined = edge(mine, visit(1), 30), edge(visit(1), yours, 30)
    town.send(edge(mine, visit(7), 0), edge(yours, visit(8), 0), edge(visit(1), visit(6), 0))
    town.send(*joined, edge(third, visit(9), 10), edge(visit(9), yours, 20), decisions=apart)
    [refusal] = town.store.all_refusals(REALM)
    link = visit(5) if is_new else visit(1)
    town.send(edge(mine, link, 1), edge(link, yours, 1))
    assert town.store.all_refusals(REALM) != [refusal]
    assert town.solved > 0


def test_a_profile_that_many_decisions_may_concern_is_solved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To look up all that was decided about would take longer than to solve a usual profile."""
    town = Town(monkeypatch)
    town.send(edge(cookie(0), visit(0), 0), edge(cookie(1), visit(0), 0))
    many: Mapping[NodeId, None] = dict.fromkeys(range(DECIDED_MAX + 1))
    for decided, is_solved in ((list(many)[1:], False), (list(many), True), (None, True)):
        monkeypatch.setattr(town.store, "decided", lambda given=decided: given)
        number = len(town.edges)
        town.send(edge(visit(number), cookie(0), 1), edge(visit(number), cookie(1), 1))
        assert (town.solved > 0) == is_solved


@pytest.mark.parametrize("packaged", [True, False])
def test_with_as_many_neighbours_as_the_bound_allows_everything_is_joined(packaged: bool) -> None:
    """Whatever the others are, if only such are added as were asked about."""
    rules = identity_rules() if packaged else small_rules(4, 3, 2, 3, 5)
    table, rng = type_table(rules), Random(1)
    names = list(table.rank)
    shareable = [one for one in names if one not in table.personal]
    for _ in range(2_000):
        centre = Node(0, rng.choice(names), "")
        kinds = rng.sample(shareable, rng.randint(1, 2))
        most = min(neighbours_max(centre.type, kinds, table), 60)
        old = [rng.choice(names if packaged else TYPES) for _ in range(rng.randint(0, most))]
        before = [(Node(n + 1, name, ""), rng.randint(0, 9)) for n, name in enumerate(old)]
        if apart_reason(centre, before, False, table):
            continue
        added = [rng.choice(kinds) for _ in range(most - len(old))]
        after = [(Node(100 + n, name, ""), 5) for n, name in enumerate(added)]
        assert not apart_reason(centre, [*before, *after], False, table)

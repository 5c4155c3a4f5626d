"""The identifiers of a profile, page by page: each edge once, decisions, and bounds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from schemas.api.identity import IdentityEdge
from schemas.edge import Decision, Edge, Node, Verdict
from schemas.identifiers import as_uuid
from schemas.rules.identity import identity_rules
from services.identity.adapters import explanation, membership
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.adapters.explanation import Explanation
from services.identity.adapters.membership import MembershipReader
from services.identity.ports import Membership
from services.identity.writer import IdentityWriter
from services.store.database import Database
from tests.unit.identity.stories import link

pytestmark = pytest.mark.any_store
REALM = "default"
RULES = identity_rules()
ANNA, MAIL, CARD = (
    Node(11, "customer_number", "shop"),
    Node(12, "email", ""),
    Node(13, "app_user", "shop"),
)
BERT = Node(21, "customer_number", "shop")


def write(database: Database, edges: list[Edge], decisions: list[Decision] | None = None) -> None:
    """Resolve a graph and store it with its map."""
    store = ClickHouseIdentityStore(database)
    writer = IdentityWriter(store, REALM, RULES)
    writer.commit(writer.apply(edges, decisions or []), 1)


def pages(database: Database, profile: int, limit: int) -> Iterator[Membership]:
    """All pages of a profile."""
    reader, after = MembershipReader(database, RULES), None
    while True:
        page = reader.page(REALM, profile, limit, after)
        yield page
        if page.following is None:
            return
        after = page.following


def test_members_edges_and_what_is_set_aside(database: Database) -> None:
    """An edge stands once, with the rule by which it joins, or why it joins nobody."""
    stated = link(MAIL, CARD, 7, "e2", False)
    write(database, [link(ANNA, MAIL, 5, "e1", True), stated, link(ANNA, CARD, 6, "e3", True)])
    [page] = pages(database, ANNA.id, 10)
    assert [one.node_id.int for one in page.members] == [11, 12, 13]
    found = {(one.a.int, one.b.int): (one.rule, one.why) for one in page.edges}
    assert found == {
        (11, 12): ("persons", None),
        (11, 13): ("persons", None),
        (12, 13): (None, "stated"),
    }
    assert not page.is_cut


def test_decisions_and_edges_that_leave_the_profile(database: Database) -> None:
    """What was decided stands with author and reason; the other end's value does not stand."""
    apart = Decision(ANNA, BERT, Verdict.DIFFERENT, "kim", "siblings", 9)
    write(database, [link(ANNA, BERT, 5, "e1", True), link(ANNA, MAIL, 6, "e2", True)], [apart])
    [page] = pages(database, ANNA.id, 10)
    assert [one.node_id.int for one in page.members] == [11, 12]
    [decided] = page.decisions
    assert (decided.a.int, decided.b.int, decided.verdict) == (11, 21, Verdict.DIFFERENT)
    assert (decided.author, decided.reason) == ("kim", "siblings")
    leaving = [one for one in page.edges if one.why]
    assert [(one.a.int, one.b.int, one.why) for one in leaving] == [(11, 21, "decided")]
    assert [one.a.int for one in next(pages(database, BERT.id, 5)).edges] == [11]


def test_every_member_and_edge_is_on_one_page(database: Database) -> None:
    """Of a profile with many visits, also while others join between pages."""
    anna = Node(10_000, "customer_number", "shop")
    sessions = [Node(number, "session", "shop") for number in range(20_000, 20_050)]
    sessions += [Node(number, "session", "shop") for number in range(1, 30)]
    write(database, [link(anna, one, 5, f"e{one.id}", True) for one in sessions])
    members: list[int] = []
    edges: list[IdentityEdge] = []
    for number, page in enumerate(pages(database, anna.id, 9)):
        members += [one.node_id.int for one in page.members]
        edges += page.edges
        late = Node(30_000 + number if number % 2 else 50 + number, "session", "shop")
        store = ClickHouseIdentityStore(database)
        writer = IdentityWriter(store, REALM, RULES)
        writer.commit(writer.apply([link(anna, late, 6, f"late{number}", True)]), 2 + number)
    there = {anna.id, *(one.id for one in sessions)}
    assert len(members) == len(set(members))
    assert there <= set(members)
    pairs = [(one.a, one.b) for one in edges]
    assert len(pairs) == len(set(pairs))
    assert {f"e{one.id}" for one in sessions} <= {one.event_id for one in edges}


def test_of_a_value_that_everybody_uses_a_part_is_shown(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cut with a clear mark, here and in the explanation."""
    hub = Node(1, "cookie", "shop")
    write(
        database,
        [link(hub, Node(n, "customer_number", "shop"), 5, f"e{n}", True) for n in range(2, 90)],
    )
    [page] = pages(database, hub.id, 10)
    assert (len(page.edges), page.is_cut) == (88, False)
    monkeypatch.setattr(membership, "EDGES_SHOWN_MAX", 30)
    [page] = pages(database, hub.id, 10)
    assert (len(page.edges), page.is_cut) == (30, True)
    told = Explanation(database, RULES, REALM)
    whole = told.explain(1, 2)
    assert (len(whole["set_aside"]), whole["is_cut"]) == (89, False)
    monkeypatch.setattr(explanation, "ASIDES_SHOWN_MAX", 10)
    monkeypatch.setattr(explanation, "EDGES_READ_MAX", 40)
    cut = told.explain(1, 2)
    assert (len(cut["set_aside"]), cut["is_cut"]) == (10, True)


def test_an_identifier_on_its_own(database: Database) -> None:
    """It is its own profile, though the map has no row of it."""
    [page] = pages(database, 77, 10)
    assert [one.node_id for one in page.members] == [as_uuid(77)]
    assert (page.edges, page.decisions) == ([], [])

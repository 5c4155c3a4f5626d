"""Why two identifiers are one profile, shown with the evidence; and why others are not.

Every explanation is made under the map that `resolve` gives for the same edges and decisions.
"""

from __future__ import annotations

from random import Random

from schemas.edge import Decision, Edge, Node, Verdict
from schemas.identifiers import NodeId
from schemas.rules.identity import identity_rules
from services.identity.core.explain import Rule, Standing, Step, set_aside, why
from services.identity.core.model import Reason
from services.identity.core.resolve import resolve
from tests.unit.identity.stories import link, parts, random_story

ANNA = Node(11, "customer_number", "shop")
ANNA_MAIL = Node(12, "email", "")
ANNA_CARD = Node(13, "loyalty_card", "coalition")
BEN = Node(21, "customer_number", "shop")
TABLET = Node(31, "device_id", "app")
COOKIE = Node(33, "cookie", "shop")
SESSION = Node(41, "session", "shop")
RULES = identity_rules()


def edge(x: Node, y: Node, event: str, ms: int = 5, verified: bool = True) -> Edge:
    """A report of an edge."""
    return link(x, y, ms, event, verified)


def path(
    a: Node, b: Node, edges: list[Edge], decisions: list[Decision] | None = None
) -> tuple[Step, ...] | None:
    """The explanation under the map of these edges."""
    decisions = decisions or []
    placements = resolve(edges, decisions, (), RULES).placements
    return why(a.id, b.id, edges, decisions, placements, RULES)


def events(steps: tuple[Step, ...] | None) -> list[str]:
    """The events behind a path of edges."""
    assert steps is not None
    return [step.evidence.event_id for step in steps if isinstance(step.evidence, Edge)]


def test_the_path_runs_from_the_one_to_the_other_with_its_evidence() -> None:
    """A session is the customer's by a login; the mail by a registration."""
    edges = [edge(ANNA, ANNA_MAIL, "registration"), edge(ANNA, SESSION, "login")]
    steps = path(ANNA_MAIL, SESSION, edges)
    assert steps is not None
    assert [(s.source, s.target, s.rule) for s in steps] == [
        (ANNA_MAIL, ANNA, Rule.PERSONS),
        (ANNA, SESSION, Rule.NEAREST_PERSON),
    ]
    assert events(steps) == ["registration", "login"]


def test_the_shortest_path_is_taken() -> None:
    """A direct edge is better evidence than a way round."""
    edges = [
        edge(ANNA, ANNA_CARD, "x"),
        edge(ANNA_CARD, ANNA_MAIL, "y"),
        edge(ANNA, ANNA_MAIL, "z"),
    ]
    assert events(path(ANNA, ANNA_MAIL, edges)) == ["z"]


def test_of_equally_short_paths_the_one_that_joins_first_is_taken() -> None:
    """Over the card and not over the other mail, because the card is stronger."""
    other = Node(14, "email", "")
    edges = [
        edge(ANNA, other, "other", 1),
        edge(other, COOKIE, "other cookie", 1),
        edge(ANNA, ANNA_CARD, "card", 9),
        edge(ANNA_CARD, COOKIE, "card cookie", 9),
    ]
    assert events(path(ANNA, COOKIE, edges)) == ["card", "card cookie"]


def test_a_decision_taken_back_is_no_evidence() -> None:
    """A pair whose decision was withdrawn is explained by its edges, though they are more."""
    withdrawn = Decision(ANNA, ANNA_MAIL, Verdict.NONE, "ann", "", 9)
    edges = [edge(ANNA, ANNA_CARD, "x"), edge(ANNA_CARD, ANNA_MAIL, "y")]
    assert events(path(ANNA, ANNA_MAIL, edges, [withdrawn])) == ["x", "y"]


def test_stated_edges_are_no_evidence() -> None:
    """The path goes over what was verified, though a stated edge is shorter."""
    edges = [
        edge(ANNA, COOKIE, "stated", verified=False),
        edge(ANNA, SESSION, "login"),
        edge(SESSION, COOKIE, "visit"),
    ]
    edges.append(edge(ANNA, ANNA_MAIL, "typed", verified=False))
    assert events(path(ANNA, COOKIE, edges)) == ["login", "visit"]
    assert path(ANNA, ANNA_MAIL, edges) is None


def test_what_was_decided_is_no_evidence_though_the_map_does_not_follow_yet() -> None:
    """Between a decision and the map that obeys it, two of one profile have no path."""
    edges = [edge(ANNA, ANNA_MAIL, "x")]
    placements = resolve(edges, (), (), RULES).placements
    different = Decision(ANNA, ANNA_MAIL, Verdict.DIFFERENT, "ann", "", 9)
    assert why(ANNA.id, ANNA_MAIL.id, edges, [different], placements, RULES) is None


def test_two_profiles_have_no_path_and_an_identifier_with_itself_an_empty_one() -> None:
    """None and nothing are different answers."""
    edges = [edge(ANNA, TABLET, "a"), edge(BEN, TABLET, "b")]
    assert path(ANNA, BEN, edges) is None
    assert path(ANNA, ANNA, edges) == ()


def test_what_a_decision_joined_is_explained_by_it_and_not_by_a_refused_edge() -> None:
    """The edge to a second number was refused; that it is one person somebody decided."""
    same = Decision(ANNA, BEN, Verdict.SAME, "ann", "moved house", 9)
    edges = [edge(ANNA, ANNA_MAIL, "first", 1), edge(BEN, ANNA_MAIL, "refused", 2)]
    steps = path(BEN, ANNA_MAIL, edges, [same])
    assert steps is not None
    assert [(step.rule, step.evidence) for step in steps] == [
        (Rule.DECISION, same),
        (Rule.PERSONS, edges[0]),
    ]


def test_anonymous_profiles_are_explained_too() -> None:
    """Session and cookie of a visitor belong together because no person reaches them."""
    steps = path(SESSION, COOKIE, [edge(SESSION, COOKIE, "visit")])
    assert steps is not None
    assert [step.rule for step in steps] == [Rule.NOBODYS]


def test_every_two_members_of_a_profile_have_a_path_of_its_members() -> None:
    """On random stories no profile holds two that cannot be explained, and steps connect."""
    for seed in range(400):
        story = random_story(Random(seed))
        edges, decisions, marks = parts(story.items)
        placements = resolve(edges, decisions, marks, story.rules).placements
        for node, placement in placements.items():
            steps = why(placement.profile, node, edges, decisions, placements, story.rules)
            assert steps is not None, f"seed {seed}: {node}"
            walked: list[NodeId] = [placement.profile]
            for step in steps:
                assert step.source.id == walked[-1]
                walked.append(step.target.id)
            assert walked[-1] == node
            assert {placements[n].profile for n in walked} == {placement.profile}


def test_what_is_set_aside_says_why() -> None:
    """Each edge that does not join has its own reason; those that join are not listed."""
    friend = Node(14, "email", "")
    edges = [
        edge(ANNA, ANNA_MAIL, "joins", 1),
        edge(ANNA, ANNA_CARD, "stated", 2, verified=False),
        edge(ANNA, friend, "decided", 3),
        edge(ANNA, TABLET, "tablet", 4),
        edge(BEN, TABLET, "tablet too", 4),
        edge(BEN, ANNA_MAIL, "second number", 5),
        edge(ANNA, Node(51, "record", "till"), "receipt", 6),
    ]
    decisions = [Decision(ANNA, friend, Verdict.DIFFERENT, "ann", "", 1)]
    result = resolve(edges, decisions, (), RULES)

    def reasons(node: Node) -> list[tuple[str, Standing, Reason | None]]:
        asides = set_aside(node.id, edges, decisions, result.placements, result.refusals, RULES)
        return [(a.edge.event_id, a.standing, a.refusal and a.refusal.reason) for a in asides]

    assert reasons(ANNA) == [
        ("stated", Standing.STATED, None),
        ("decided", Standing.DECIDED, None),
        ("tablet", Standing.SHARED, None),
        ("receipt", Standing.UNLISTED, None),
    ]
    assert reasons(ANNA_MAIL) == [("second number", Standing.REFUSED, Reason.UNIQUE)]


def test_a_link_that_was_refused_for_size_is_refused_and_not_elsewhere() -> None:
    """The reason is told as that of two numbers is."""
    rules = RULES.model_copy(update={"identifiers_max": 2})
    edges = [edge(ANNA, ANNA_CARD, "x"), edge(ANNA_CARD, ANNA_MAIL, "y")]
    placements, refusals = resolve(edges, (), (), rules)
    [one] = set_aside(ANNA_MAIL.id, edges, (), placements, refusals, rules)
    assert one.standing is Standing.REFUSED
    assert one.refusal is not None
    assert one.refusal.reason is Reason.SIZE_LIMIT


def test_a_cookie_between_two_distances_is_elsewhere_for_the_farther_person() -> None:
    """The edge from Ben's session to Anna's cookie is evidence of nothing, and is shown."""
    edges = [
        edge(BEN, SESSION, "login"),
        edge(SESSION, COOKIE, "visit"),
        edge(ANNA, COOKIE, "mine"),
    ]
    placements = resolve(edges, (), (), RULES).placements
    asides = set_aside(SESSION.id, edges, (), placements, (), RULES)
    assert [(a.edge.event_id, a.standing) for a in asides] == [("visit", Standing.ELSEWHERE)]


def test_what_is_set_aside_is_ordered_by_time_and_then_by_pair() -> None:
    """The earliest first, whatever its ends; at one time and event the pair decides, not the
    grade."""
    record = Node(51, "record", "till")
    edges = [
        edge(ANNA, ANNA_MAIL, "late", 9, verified=False),
        edge(ANNA, record, "e", 3),
        edge(ANNA, Node(52, "cookie", "shop"), "e", 3, verified=False),
        edge(ANNA, Node(53, "cookie", "shop"), "early", 1, verified=False),
    ]
    asides = set_aside(ANNA.id, edges, (), {}, (), RULES)
    assert [aside.edge.b.id for aside in asides] == [53, record.id, 52, ANNA_MAIL.id]

"""Merging edges and decisions is a choice from a set: order and repetition cannot matter.

Hub limits are shown here as well, because they are counted on the merged edges.
"""

from __future__ import annotations

from itertools import permutations
from random import Random

import pytest

from schemas.edge import Decision, Node, Verdict
from services.identity.core.model import (
    better,
    is_hub,
    is_suspicious,
    latest,
    merged,
    type_table,
)
from tests.unit.identity.stories import link, random_decision, random_nodes, small_rules

A = Node(1, "customer_number", "shop")
B = Node(2, "email", "")
TABLE = type_table(small_rules(3, 1, 2, suspicious_above_shareable=4, hub_above_ephemeral=6))


def test_the_best_grade_wins_whatever_the_time() -> None:
    """A verified report beats an earlier stated one, and does not take its time."""
    stated, verified = link(A, B, 1, "e1", False), link(A, B, 9, "e9", True)
    assert better(stated, verified) == better(verified, stated) == verified


def test_within_a_grade_the_earliest_wins_and_the_smallest_event_breaks_ties() -> None:
    """Time first, then event id."""
    late, early = link(A, B, 5, "a", True), link(A, B, 4, "z", True)
    assert better(late, early) == early
    assert better(early, early._replace(event_id="b")).event_id == "b"


def test_the_rules_are_read_into_sets_by_type() -> None:
    """Only a type with a limit of its own has one."""
    table = type_table(small_rules(3, 1))
    assert table.personal == {"customer_number", "card", "email"}
    assert table.review_above == {"email": 2}


def test_merging_does_not_depend_on_order_repetition_or_direction() -> None:
    """Every order of the same reports, some twice and reversed, gives one edge."""
    reports = [link(A, B, t, e, v) for t, e, v in ((3, "x", True), (1, "y", False), (3, "a", True))]
    reports.append(reports[0]._replace(a=B, b=A))
    results = {merged(order + order[:2])[1, 2] for order in permutations(reports)}
    assert results == {link(A, B, 3, "a", True)}


def test_a_node_beside_itself_is_no_edge() -> None:
    """The same identifier twice in an event says nothing."""
    assert merged([link(A, A, 1, "e", True)]) == {}


def test_the_latest_decision_counts_and_a_tie_goes_to_caution() -> None:
    """Later beats earlier; at one time, different beats withdrawn beats same."""
    same = Decision(B, A, Verdict.SAME, "ann", "", 5)
    rows = [same, same._replace(verdict=Verdict.DIFFERENT), same._replace(verdict=Verdict.NONE)]
    for order in permutations(rows):
        assert latest(order)[1, 2].verdict is Verdict.DIFFERENT
    assert latest([*rows, same._replace(decided_ms=6)])[1, 2].verdict is Verdict.SAME


def test_decisions_merge_the_same_in_any_order() -> None:
    """Random decisions, shuffled and doubled, leave the same latest ones."""
    rng = Random(7)
    decisions = [random_decision(rng, random_nodes(Random(3))) for _ in range(60)]
    expected = latest(decisions)
    for _ in range(20):
        rng.shuffle(decisions)
        assert latest(decisions + decisions[:9]) == expected
    assert all(pair == (d.a.id, d.b.id) and d.a.id < d.b.id for pair, d in expected.items())


@pytest.mark.parametrize(
    ("centre", "neighbours", "expected"),
    [
        ("cookie", ["phone"] * 3, False),  # at the limit
        ("cookie", ["phone"] * 3 + ["card"], True),  # every lasting neighbour counts
        ("cookie", ["session"] * 6 + ["phone"] * 3, False),  # visits have a limit of their own
        ("cookie", ["session"] * 7, True),
        ("cookie", ["session"] * 6 + ["order_number"] * 4, True),  # a till terminal
        ("cookie", ["order_number"] * 2 + ["phone"] * 2, True),  # purchases count with the rest
        ("phone", ["order_number"] * 3, False),
        ("phone", ["order_number"] * 4, True),  # a call centre's
        ("phone", ["session"] * 4, True),  # a number typed by many
        ("order_number", ["session"] * 4, True),  # one purchase has no four visitors
        ("session", ["session"] * 4, True),  # nor one visit
        ("customer_number", ["session"] * 50, False),  # a loyal customer: visits do not count
        ("customer_number", ["phone"] * 4, True),  # too many lasting things
        ("customer_number", ["card", "email"], False),  # one personal neighbour of each type
        ("email", ["card"] * 2, True),  # an address that everybody's card is registered with
        ("cookie", ["card"] * 2, False),  # the personal limit is for personal nodes
    ],
)
def test_hubs(centre: str, neighbours: list[str], expected: bool) -> None:
    """Limits are 3 neighbours, 6 sessions at a cookie, and 1 personal one of a type at a personal
    node."""
    around = [Node(10 + i, kind, "") for i, kind in enumerate(neighbours)]
    assert is_hub(Node(1, centre, ""), around, TABLE) is expected


HOUR = 3_600_000


@pytest.mark.parametrize(
    ("centre", "neighbours", "expected"),
    [
        ("email", [("card", 0), ("card", 0), ("card", 0)], True),
        ("email", [("card", 0), ("card", 0)], False),  # at the limit
        ("email", [("card", 0), ("card", 23 * HOUR), ("card", 24 * HOUR - 1)], True),
        ("email", [("card", 0), ("card", 23 * HOUR), ("card", 24 * HOUR)], False),
        ("email", [("card", day * 24 * HOUR) for day in range(9)], False),
        (
            "email",
            [("card", 99 * HOUR), ("card", 0), ("card", 98 * HOUR), ("card", 97 * HOUR)],
            True,
        ),
        ("email", [("card", 0), ("card", 0), ("email", 0)], False),  # each type for itself
        ("email", [("phone", 0)] * 4, False),  # at the limit of what may be in several hands
        ("email", [("phone", 0)] * 5, True),  # a till card, and whoever pays
        ("email", [("session", 0)] * 50, False),  # a person comes as often as she likes
        ("cookie", [("session", 0)] * 5, True),  # a kiosk
        ("cookie", [("session", day * 24 * HOUR) for day in range(50)], False),  # a regular visitor
        ("phone", [("order_number", 0)] * 5, True),  # a call centre's
        ("cookie", [("card", 0)] * 9, False),  # joins no persons anyway
    ],
)
def test_suspicious_values(centre: str, neighbours: list[tuple[str, int]], expected: bool) -> None:
    """The limits within a day are 2 personal neighbours of a type and 4 others, in any order."""
    around = [(Node(10 + i, kind, ""), ms) for i, (kind, ms) in enumerate(neighbours)]
    assert is_suspicious(Node(1, centre, ""), around, TABLE) is expected
    assert is_suspicious(Node(1, centre, ""), around[::-1], TABLE) is expected

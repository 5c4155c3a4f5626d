"""An edge is skipped only if the broker already has one at least as good."""

from __future__ import annotations

import random

from schemas.edge import Edge, Node, rank
from services.ingest.core.sent_edges import SentEdges

A, B, C = (Node(number, "cookie", "") for number in (1, 2, 3))
LATE = Edge(A, B, 20, "e2", True)
EARLY = Edge(A, B, 10, "e1", True)
STATED = Edge(A, B, 5, "e0", False)


def test_repeat_is_dropped_and_news_are_not() -> None:
    """The same or a later report is not sent again; an earlier or better graded one is."""
    sent = SentEdges()
    sent.acknowledged("r", [LATE])
    assert sent.unsent("r", [LATE]) == []
    assert sent.unsent("r", [LATE._replace(event_id="e3")]) == []
    assert sent.unsent("r", [STATED]) == []
    assert sent.unsent("r", [EARLY]) == [EARLY]
    assert sent.unsent("r", [LATE._replace(event_id="e1")]) == [LATE._replace(event_id="e1")]


def test_what_was_not_acknowledged_is_sent_again() -> None:
    """Asking what is unsent remembers nothing."""
    sent = SentEdges()
    assert sent.unsent("r", [LATE]) == [LATE]
    assert sent.unsent("r", [LATE]) == [LATE]


def test_realms_do_not_know_each_other() -> None:
    """The same pair in another realm is another edge."""
    sent = SentEdges()
    sent.acknowledged("r", [EARLY])
    assert sent.unsent("s", [EARLY]) == [EARLY]


def test_a_batch_sends_the_best_report_of_a_pair() -> None:
    """Of several reports in one batch the one that counts is sent, once."""
    assert SentEdges().unsent("r", [LATE, STATED, EARLY, LATE]) == [EARLY]


def test_cache_is_bounded() -> None:
    """The oldest entries go; forgetting only means sending again."""
    sent = SentEdges(edges_max=2)
    edges = [Edge(A, B, 1, "a", True), Edge(A, C, 1, "b", True), Edge(B, C, 1, "c", True)]
    sent.acknowledged("r", edges)
    assert len(sent) == 2
    assert sent.unsent("r", edges) == edges[:1]


def test_the_best_report_always_gets_through() -> None:
    """Over random streams, failed sends and a tiny cache, the broker ends up with the best."""
    rng = random.Random(7)
    for _ in range(300):
        sent, broker, best = SentEdges(edges_max=1), dict[int, Edge](), dict[int, Edge]()
        left = [
            Edge(
                A, rng.choice([B, C]), rng.randrange(4), f"e{rng.randrange(4)}", rng.random() < 0.5
            )
            for _ in range(30)
        ]
        while left:
            edge = left.pop(0)
            best[edge.b.id] = min(best.get(edge.b.id, edge), edge, key=rank)
            unsent = sent.unsent("r", [edge])
            if rng.random() < 0.3:
                left.insert(rng.randrange(len(left) + 1), edge)  # the send failed: it comes again
                continue
            for one in unsent:
                broker[one.b.id] = min(broker.get(one.b.id, one), one, key=rank)
            sent.acknowledged("r", unsent)
        assert broker == best

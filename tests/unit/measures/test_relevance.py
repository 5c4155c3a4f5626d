"""Relevance: a share of the messages of which it is known what they are about."""

from __future__ import annotations

from services.measures.catalogue.relevance import Relevances, RelevantOf, compute
from tests.unit.measures.contexts import CONTEXT


def test_messages_about_nothing_known_are_in_no_share() -> None:
    """80 of 200 messages were relevant; of 50 more nobody knows what they were about."""
    rows = [
        RelevantOf("", True, 190, 80, 200, 50),
        RelevantOf("spring", False, 100, 60, 100, 0),
        RelevantOf("autumn", False, 100, 20, 100, 0),
    ]
    found = compute(Relevances(rows), CONTEXT)
    assert (found.n, found.value) == (190, 0.4)
    assert found.counts == {"persons": 190, "messages": 200, "relevant": 80, "unknown": 50}
    assert [(one.key, one.value) for one in found.breakdown] == [("autumn", 0.2), ("spring", 0.6)]


def test_no_messages() -> None:
    """Then the share is undefined."""
    found = compute(Relevances([]), CONTEXT)
    assert (found.n, found.value) == (0, None)

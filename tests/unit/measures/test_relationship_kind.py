"""Kinds of relationships: what touchpoints are, and what most of them make of a customer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.measures.catalogue.relationship_kind import RelatedGroup, Relationships, compute
from services.measures.core.measure import shown
from services.measures.core.relationship import Meeting, RelationshipKind, kind_of, relationship
from tests.unit.measures.contexts import CONTEXT

NOW = datetime(2026, 4, 1, tzinfo=UTC)
PERSONAL, ALONE = RelationshipKind.PERSONAL, RelationshipKind.SELF_SERVICE


def meetings(*kinds: RelationshipKind, agents: str = "") -> list[Meeting]:
    """One a day, the latest first, with the advisers of these letters."""
    named = [*agents.ljust(len(kinds))]
    return [
        Meeting(NOW - timedelta(days=n + 1), f"m{n}", kind, named[n].strip())
        for n, kind in enumerate(kinds)
    ]


@pytest.mark.parametrize(
    ("type_name", "channel", "author", "wanted"),
    [
        ("order.placed", "shop", "", "self_service"), ("order.placed", "pos", "", "personal"),
        ("support.contacted", "chat", "", "personal"),
        ("support.answered", "chat", "bot", "automated"),
        ("message.exchanged", "chat", "agent", "personal"),
        ("message.exchanged", "chat", "bot", "automated"),
        ("message.exchanged", "chat", "customer", None), ("review.posted", "shop", "", "community"),
        ("idea.submitted", "shop", "", "co_creation"), ("email.sent", "email", "", None),
    ],
)  # fmt: skip
def test_what_a_touchpoint_is(
    type_name: str, channel: str, author: str, wanted: str | None
) -> None:
    """By its type, its channel where that tells, and who answers."""
    assert kind_of(type_name, channel, author) == wanted


def test_most_touchpoints_decide() -> None:
    """Of the year; what is as frequent is what comes first in the list of kinds."""
    found = relationship(meetings(ALONE, ALONE, PERSONAL), NOW)
    assert found.kind is ALONE
    assert found.part == pytest.approx(2 / 3)
    assert found.grounds[0].event_ids == ("m0", "m1")
    even = meetings(ALONE, PERSONAL, ALONE, PERSONAL)
    assert relationship(even, NOW).kind is relationship(even[::-1], NOW).kind is PERSONAL
    assert relationship(meetings(ALONE, ALONE), NOW).kind is None
    assert relationship(meetings(*[ALONE] * 3), NOW + timedelta(days=364)).kind is None


@pytest.mark.parametrize(
    ("agents", "adviser"), [("aaabb", "a"), ("aabb", ""), ("aaabbb", ""), ("", ""), ("aa", "")]
)
def test_one_adviser_is_dedicated(agents: str, adviser: str) -> None:
    """Three touchpoints with the same person, and more than half of the personal ones."""
    found = relationship(meetings(*[PERSONAL] * max(3, len(agents)), agents=agents), NOW)
    assert found.agent == adviser
    assert found.kind == (RelationshipKind.DEDICATED if adviser else PERSONAL)


def test_how_many_deal_with_people() -> None:
    """30 of 100 of whom it is known."""
    rows = [
        RelatedGroup("dedicated", 10), RelatedGroup("personal", 20),
        RelatedGroup("self_service", 70), RelatedGroup("", 40),
    ]  # fmt: skip
    found = compute(Relationships(rows), CONTEXT)
    assert (found.n, found.value) == (100, 0.3)
    assert found.counts == {"persons": 140, "known": 100, "with_people": 30}
    assert [(one.key, one.value) for one in found.breakdown] == [
        ("dedicated", 0.1), ("personal", 0.2), ("self_service", 0.7),
    ]  # fmt: skip


def test_a_kind_of_few_does_not_follow() -> None:
    """Two have an adviser: the share of those who deal with people would say so."""
    rows = [
        RelatedGroup(RelationshipKind.DEDICATED, 2), RelatedGroup(RelationshipKind.PERSONAL, 30),
        RelatedGroup(RelationshipKind.AUTOMATED, 9),
    ]  # fmt: skip
    figures, _ = shown(compute(Relationships(rows), CONTEXT))
    assert (figures.value, figures.counts) == (None, {"persons": 41, "known": 41})
    rows[0] = RelatedGroup(RelationshipKind.DEDICATED, 9)
    assert shown(compute(Relationships(rows), CONTEXT))[0].value == 39 / 48

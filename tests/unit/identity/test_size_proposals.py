"""What is proposed about large persons is true of them."""

from __future__ import annotations

import pytest

from services.identity.core.notices import Evidence, Notice, NoticeKind, proposal

REFUSED = "was refused"
DECIDE = "decide"


def text(found: int, limit: int | None) -> str:
    """The proposal about a person with so many identifiers, under rules with that limit."""
    notice = Notice(NoticeKind.SIZE_LIMIT, 1, "email", "", "a@b.example", "", found, None, False)
    ends = tuple(range(1, found + 1))
    evidence = Evidence(found, (), 1, (), 1, False, ends)
    given = proposal(notice, evidence, [], limit)
    assert given.ends == ((1, found) if found > 1 else None)
    return given.text


def test_nothing_was_refused_where_rules_have_no_limit() -> None:
    """A limit that is not there cannot be raised, and kept nobody out."""
    told = text(60, None)
    assert "60 such identifiers" in told
    assert REFUSED not in told
    assert "raise" not in told
    assert "have no limit" in told


@pytest.mark.parametrize("found", [1, 2, 26, 50])
def test_of_two_that_would_be_too_large_together_it_says_so(found: int) -> None:
    """The person is within the limit: it may well be one, and a link of it was refused."""
    told = text(found, 50)
    assert told.startswith("A link of this person was refused")
    assert "Nobody has" not in told
    assert "raise identifiers_max" in told
    assert ("number 1 and number" in told) == (found > 1)


def test_above_the_limit_it_does_not_say_that_something_was_refused() -> None:
    """A decision made the person so large, or a map from before the limit."""
    told = text(51, 50)
    assert "more than identifiers_max (50)" in told
    assert "Links that would join more are refused." in told
    assert not told.startswith("A link of this person was refused")

"""The feedback loop: the worked example, nameless answers, and what nobody can say."""

from __future__ import annotations

from services.measures.catalogue.feedback_loop import (
    FeedbackLoop,
    InvitedGroup,
    LoopStep,
    RepliedGroup,
    compute,
)
from services.measures.core.measure import shown
from services.measures.core.result import Flag
from tests.unit.measures.contexts import CONTEXT


def test_the_published_example() -> None:
    """400 invited, 20 bounced, 95 answered: 25 %; ten of 40 bad ones have an action."""
    waves = [
        InvitedGroup(True, "", "", 380, 400, 380, 95, 0),
        InvitedGroup(False, "panel", "1", 380, 400, 380, 95, 0),
    ]
    found = compute(FeedbackLoop(waves, [], [LoopStep("acted", 38, 40, 10)]), CONTEXT)
    assert (found.n, found.value, found.flags) == (380, 0.25, [])
    assert found.counts == {
        "invited": 400, "bounced": 20, "answered": 95, "negative": 40, "acted": 10,
    }  # fmt: skip
    cells = {(one.by, one.key): one for one in found.breakdown}
    assert cells["figure", "acted"].value == 0.25
    assert cells["wave", "panel 1"].value == 0.25
    assert cells["figure", "thanked"].value is None


def test_nameless_answers_are_no_more_than_invitations() -> None:
    """They count for the wave to which they belong, as far as somebody was invited to it."""
    waves = [
        InvitedGroup(False, "a", "", 10, 10, 10, 2, 3),
        InvitedGroup(False, "b", "", 10, 10, 10, 1, 300),
    ]
    found = compute(FeedbackLoop(waves, [], []), CONTEXT)
    assert found.counts["answered"] == 5 + 10


def test_few_answers_are_flagged() -> None:
    """Below a tenth the others may think otherwise; without any invitation nobody knows."""
    waves = [InvitedGroup(False, "a", "", 100, 100, 100, 9, 0)]
    found = compute(FeedbackLoop(waves, [], []), CONTEXT)
    assert found.flags == [Flag.LOW_RESPONSE]
    assert [one.flags for one in found.breakdown if one.by == "wave"] == [[Flag.LOW_RESPONSE]]
    nothing = compute(FeedbackLoop([], [], []), CONTEXT)
    assert (nothing.n, nothing.value, nothing.flags) == (0, None, [])


def test_completion() -> None:
    """Answers of the questions that somebody answered in the same wave: 28 + 6 of 30 + 10."""
    replies = [RepliedGroup("a", "", 10, 10, 28, 3), RepliedGroup("b", "", 5, 5, 6, 2)]
    [cell] = [
        one for one in compute(FeedbackLoop([], replies, []), CONTEXT).breakdown
        if one.key == "completion"
    ]  # fmt: skip
    assert (cell.n, cell.value) == (10, 34 / 40)


def test_others_do_not_make_up_the_number() -> None:
    """One who was invited and answered has no rate, however many were thanked; these are shown."""
    waves = [InvitedGroup(True, "", "", 1, 1, 1, 1, 0), InvitedGroup(False, "a", "", 1, 1, 1, 1, 0)]
    rows = FeedbackLoop(waves, [], [LoopStep("thanked", 6, 6, 3), LoopStep("acted", 9, 9, 5)])
    figures, flags = shown(compute(rows, CONTEXT))
    assert (figures.n, figures.value, figures.interval, figures.counts) == (None, None, None, {})
    assert flags == [Flag.SUPPRESSED]
    seen = {(one.by, one.key): one.value for one in figures.breakdown if one.n}
    assert seen == {("figure", "thanked"): 0.5, ("figure", "acted"): 5 / 9}


def test_bad_feedback_of_few_is_no_count() -> None:
    """Two persons gave it, and something was done for one: neither is said."""
    waves = [InvitedGroup(True, "", "", 9, 9, 9, 5, 0), InvitedGroup(False, "a", "", 9, 9, 9, 5, 0)]
    figures, _ = shown(compute(FeedbackLoop(waves, [], [LoopStep("acted", 2, 2, 1)]), CONTEXT))
    assert figures.counts == {"invited": 9, "bounced": 0, "answered": 5}

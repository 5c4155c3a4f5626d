"""The feedback loop: how many of those who were asked answer, and what comes of their answers.

The response rate is the share of invitations that arrived and were answered. Beside it stands what
follows: thanks, actions on bad feedback, actions done in time, and customers who come back after a
bad experience. Each is judged when its time is over, and not before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from services.measures.core.answers import NONE, SEPARATOR
from services.measures.core.experience import experiences
from services.measures.core.intervals import share
from services.measures.core.measure import Betrayal, Figures, Measure, MeasureContext
from services.measures.core.population import RESPONDENTS
from services.measures.core.result import SHARE, Cell, Flag
from services.measures.core.shares import share_cell

LOW_RESPONSE = 0.1
THANKS_DAYS, ACTION_DAYS, RECOVERY_DAYS = 7, 30, 180
STEPS = ("acted", "done_on_time", "recovered", "thanked")


class InvitedGroup(NamedTuple):
    """Invitations to a wave of a survey, one for a person; or those to all of them."""

    is_total: bool
    survey: str
    wave: str
    persons: int
    """To whom one was sent that arrived."""
    invited: int
    arrived: int
    answered: int
    """By the invited person."""
    nameless: int
    """Answers to the same wave that name nobody."""


class RepliedGroup(NamedTuple):
    """Responses to a wave of a survey."""

    survey: str
    wave: str
    respondents: int
    responses: int
    answers: int
    """To different questions of a response."""
    questions: int
    """Which somebody answered."""


class LoopStep(NamedTuple):
    """What follows feedback."""

    step: str
    """One of STEPS."""
    persons: int
    """Of `done_on_time`, the number of actions: they may be for everybody."""
    of: int
    hits: int


class FeedbackLoop(NamedTuple):
    """What the measure is made of."""

    invitations: Sequence[InvitedGroup]
    replies: Sequence[RepliedGroup]
    steps: Sequence[LoopStep]


def compute(rows: FeedbackLoop, _context: MeasureContext) -> Figures:
    """See the module."""
    persons = sum(one.persons for one in rows.invitations if one.is_total)
    waves = sorted(one for one in rows.invitations if not one.is_total)
    invited, arrived, answered = (
        sum(found)
        for found in ([one.invited for one in waves], [one.arrived for one in waves],
                      [_answered(one) for one in waves])
    )  # fmt: skip
    steps = {one.step: one for one in rows.steps}
    nothing = LoopStep("acted", 0, 0, 0)
    acted = steps.get("acted", nothing)
    counts = {
        "invited": invited, "bounced": invited - arrived, "answered": answered,
        "negative": acted.of, "acted": acted.hits,
    }  # fmt: skip
    cells = [*_completion(rows.replies)]
    for name in STEPS:
        one = steps.get(name, nothing)
        cells.append(share_cell("figure", name, one.persons, one.hits, one.of))
    cells += [_wave_cell(one) for one in waves]
    value, interval = share(answered, arrived)
    flags = _flags(answered, arrived)
    betrayals = [Betrayal(name, "acted") for name in ("negative", "acted")]
    return Figures(
        persons, value, SHARE, interval, counts, cells, flags, betrayals, is_about_others=True
    )


def _answered(one: InvitedGroup) -> int:
    """Whose answer names nobody was invited, too, or there would be more answers than invitations:
    nobody can say who."""
    return min(one.arrived, one.answered + one.nameless)


def _flags(answered: int, arrived: int) -> list[Flag]:
    return [Flag.LOW_RESPONSE] if arrived and answered < LOW_RESPONSE * arrived else []


def _completion(replies: Sequence[RepliedGroup]) -> Iterator[Cell]:
    """Answers of all responses, of the questions that somebody answered in the same wave."""
    asked = sum(one.responses * one.questions for one in replies)
    given = sum(one.answers for one in replies)
    respondents = max((one.respondents for one in replies), default=0)
    value, _ = share(given, asked)
    yield Cell(by="figure", key="completion", n=respondents, value=value, unit=SHARE)


def _wave_cell(one: InvitedGroup) -> Cell:
    answered = _answered(one)
    value, interval = share(answered, one.arrived)
    return Cell(
        by="wave", key=f"{one.survey}{SEPARATOR}{one.wave}".strip(SEPARATOR).replace(SEPARATOR, " ")
        or NONE,
        n=one.persons, value=value, unit=SHARE, interval=interval,
        flags=_flags(answered, one.arrived),
    )  # fmt: skip


def parameters(context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    return {
        **experiences(context, "action", "message"),
        "thanks_days": THANKS_DAYS,
        "action_days": ACTION_DAYS,
        "recovery_days": RECOVERY_DAYS,
    }


MEASURE = Measure(
    "feedback_loop",
    1,
    "How many of those who were asked answer, and what comes of it",
    RESPONDENTS,
    FeedbackLoop,
    compute,
    parameters,
)

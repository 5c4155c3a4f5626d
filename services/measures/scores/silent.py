"""Whether a repeat customer has fallen silent: says nothing, and does less and less.

By the definition of the measure (core/silence.py). Who is leaving already is not judged.
"""

from __future__ import annotations

from collections.abc import Iterator

from schemas.api.insights import InsightScore, ScoreAbsence, ScoreReason
from services.measures.catalogue.silent import MEASURE
from services.measures.core.deeds import ACTS, Deed
from services.measures.core.person import PersonContext, PersonFacts, PersonScore, absent
from services.measures.core.result import SHARE
from services.measures.core.silence import (
    OCCASIONS_MIN,
    QUARTER_DAYS,
    VOICE_DAYS,
    CustomerDeeds,
    silence,
)

NAME = MEASURE.name
SILENT, NOT_SILENT = "silent", "not_silent"
TYPES = frozenset(ACTS)


def compute(facts: PersonFacts, context: PersonContext) -> Iterator[InsightScore]:
    """See the module."""
    deeds = CustomerDeeds(
        [Deed(one.at, one.event_id, one.place) for one in facts.purchases],
        facts.voices,
        [one for one in facts.deeds if one.what in TYPES],
    )
    found = silence(deeds, context.now, context.zone, context.rules.active_days)
    if not found.is_judged:
        what = (
            f"only customers with {OCCASIONS_MIN} purchase occasions who are not leaving can be "
            "silent"
        )
        yield absent(NAME, MEASURE.definition, ScoreAbsence.TOO_LITTLE, what)
        return
    reasons = [ScoreReason(what=one.what, event_ids=list(one.event_ids)) for one in found.grounds]
    yield InsightScore(
        score=NAME,
        definition=MEASURE.definition,
        value=found.activity,
        unit=SHARE,
        word=SILENT if found.is_silent else NOT_SILENT,
        reasons=reasons or [_heard(found.activity)],
    )


def _heard(activity: float | None) -> ScoreReason:
    """Why the customer is not silent."""
    if activity is None:
        return ScoreReason(what=f"nothing was done before the last {QUARTER_DAYS} days")
    what = (
        f"something was said in {VOICE_DAYS} days, or activity has not fallen: that of the last "
        f"{QUARTER_DAYS} days is {100 * activity:.0f} % of before"
    )
    return ScoreReason(what=what)


SCORE = PersonScore(MEASURE.definition, compute)

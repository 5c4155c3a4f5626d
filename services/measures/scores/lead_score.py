"""How well somebody who has not bought yet fits, and how much interest was shown: 0 to 100 points.

By the definition of the measure (core/lead_points.py). Who has bought is no lead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from schemas.api.insights import InsightScore, ScoreAbsence, ScoreReason
from services.measures.catalogue.lead_score import MEASURE
from services.measures.core.lead_points import LeadFacts, lead_score
from services.measures.core.person import PersonContext, PersonFacts, PersonScore, absent

NAME = MEASURE.name
POINTS = "points"
MAIL = "email="
WORDS: Mapping[str, str] = {
    "appointment.booked": "booked an appointment",
    "cart.updated": "put something into a cart",
    "contest.entered": "took part in a contest",
    "email.clicked": "followed a link in a mail",
    "email.complained": "called a mail spam",
    "email.unsubscribed": "unsubscribed from mails",
    "product.viewed": "looked at products",
    "quote.sent": "asked for a quote",
    "search.performed": "searched",
    "store.visited": "came to a store",
    "support.contacted": "contacted the service",
}
"""What was done, by the type of the event; others stand for themselves."""
SHOWN = ("category", "role")
"""Traits that are no attributes."""


def compute(facts: PersonFacts, context: PersonContext) -> Iterator[InsightScore]:
    """See the module."""
    if any(one.at < context.now for one in facts.purchases):
        what = "who has bought is no lead"
        yield absent(NAME, MEASURE.definition, ScoreAbsence.TOO_LITTLE, what)
        return
    mails = [one.what.removeprefix(MAIL) for one in facts.traits if one.what.startswith(MAIL)]
    traits = [one for one in facts.traits if not one.what.startswith(MAIL)]
    given = LeadFacts(traits, facts.deeds, sorted(mails))
    found = lead_score(given, context.now, context.rules.leads)
    if not any(one.event_ids for one in found.grounds):
        what = "nothing is known that brings points"
        yield absent(NAME, MEASURE.definition, ScoreAbsence.TOO_LITTLE, what)
        return
    yield InsightScore(
        score=NAME,
        definition=MEASURE.definition,
        value=found.points,
        unit=POINTS,
        word=found.grade,
        reasons=[
            ScoreReason(what=_what(one.what), points=one.points, event_ids=list(one.event_ids))
            for one in found.grounds
        ],
    )


def _what(ground: str) -> str:
    """In words. The values of attributes are not repeated."""
    name, is_trait, value = ground.partition("=")
    if not is_trait:
        return WORDS.get(ground, ground)
    return f"fits by {name} {value}" if name in SHOWN else f"fits by {name}"


SCORE = PersonScore(MEASURE.definition, compute)

"""What measures say of one customer: scores with their reasons, or the objection that forbids them.

A score names events by their ids and says the rest in words; it never holds a value of an
identifier or of an attribute, but for the channel that the customer asked for.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.base import Contract, Instant

PERSON_INSIGHTS_VERSION = 1
EVENTS_SHOWN_MAX = 5


class ScoreAbsence(StrEnum):
    """Why there is no score."""

    TOO_LITTLE = "too_little_known"
    """Too few events say anything about it."""
    NO_KEPT_ANSWER = "no_kept_answer"
    """It compares the customer with the others, and no answer of the measure is kept."""
    NOT_SHOWN = "not_in_kept_answer"
    """The kept answer of the measure lacks what the score needs: the group was too small, or no
    model fitted."""
    REFUSED = "objected_to_marketing"
    """It leads to offers, and the customer objected to marketing."""
    NOT_INSTALLED = "library_missing"
    """It needs SciPy, which is not installed."""


class ScoreReason(Contract):
    """What a score rests on."""

    what: str
    """In words."""
    points: float | None = None
    """What it contributes, of scores that are a sum."""
    event_ids: Annotated[list[str], Field(max_length=EVENTS_SHOWN_MAX)] = Field(
        default_factory=list
    )
    """The latest events that say so."""


class InsightScore(Contract):
    """What a measure says of one customer."""

    score: str
    """Its name: that of the measure, or of a part of it."""
    definition: str
    """Name and version of the measure's definition, as `channel_preference/1`."""
    value: float | None = None
    """The number; null where there is none."""
    unit: str = ""
    """Unit of the number, as of measures."""
    word: str | None = None
    """What it says in a word, as a channel or the name of a group; null where it says none."""
    at: Instant | None = None
    """The time that it names, as that of the next allowed contact; null where it names none."""
    since: Instant | None = None
    """Since when it is so, by the events; null where that is not known."""
    compared_with: Instant | None = None
    """Of a score that compares with the other customers, when these were measured."""
    absent: ScoreAbsence | None = None
    """Why there is none; null where there is one."""
    reasons: list[ScoreReason] = Field(default_factory=list)
    """What it rests on; of an absent one what is missing."""


class ProfilingObjection(Contract):
    """That the customer must not be scored."""

    reason: str
    """objected; withdrawn, as consent to profiling was; or suppressed: nothing of the customer may
    be processed."""
    event_id: str | None
    """The event that says so; null where an erasure removed it, and of a suppression."""
    occurred_at: Instant
    """When it was said."""
    kept_after_erasure: bool
    """Whether it is all that was kept when the customer was erased."""


class PersonInsights(Contract):
    """The scores of one customer, or the objection alone."""

    version: int = PERSON_INSIGHTS_VERSION
    """Version of this form."""
    profile_id: UUID
    """The customer."""
    realm: str
    """Brand or tenant."""
    as_of: Instant
    """When it was read."""
    objection: ProfilingObjection | None
    """The objection to profiling; null where there is none. With one there are no scores."""
    scores: list[InsightScore]
    """The scores, by name, those that are absent included."""

"""A change of one customer and one segment, as other systems are told of it.

Streams, webhooks and the command line carry the same document. Of people who were erased, or who
objected, it says that they left and why, and names no event.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from schemas.base import Code, Contract, RealmName
from schemas.rules.segment_conditions import SEGMENT_ID

SEGMENT_CHANGE_VERSION = 1
BECAUSE_MAX = 5


class SegmentChangeKind(StrEnum):
    """What became of a membership."""

    ENTERED = "entered"
    """The customer belongs to the segment."""
    LEFT = "left"
    """The customer no longer does."""
    RETRACTED = "retracted"
    """The customer should never have entered, by what is known now."""


class SegmentChangeReason(StrEnum):
    """Why it changed."""

    EVENT = "event"
    """Something happened, was corrected, or became known late."""
    TIME = "time"
    """Nothing but time has passed."""
    IDENTITY = "identity"
    """Profiles were merged or split."""
    DEFINITION = "definition"
    """Another definition is in force, or none any more."""
    ERASED = "erased"
    """The person was erased."""
    OBJECTION = "objection"
    """The person objected to what the segment is for."""


class SegmentChangeRecord(Contract):
    """A change of one customer and one segment.

    Of each customer and segment `entered` and the others take turns.
    """

    version: Annotated[int, Field(ge=1)] = SEGMENT_CHANGE_VERSION
    """Version of this form."""
    realm: RealmName
    """Brand or tenant."""
    segment: Annotated[str, Field(pattern=SEGMENT_ID)]
    """Id of the segment."""
    definition: Annotated[int, Field(ge=0, lt=2**32)]
    """Number of its definition."""
    profile_id: UUID
    """The profile. It may have another id by now: every id leads to the profile that holds it."""
    change: SegmentChangeKind
    """What became of the membership."""
    reason: SegmentChangeReason
    """Why."""
    at: datetime
    """Since when it is so, in event time."""
    tick: datetime
    """Up to where event time had come when it was found."""
    late: bool
    """Whether it was so at an earlier tick already, by what is known only now."""
    because: Annotated[list[Code], Field(max_length=BECAUSE_MAX)]
    """Ids of the latest events that the conditions look at; none for `erased` and `objection`."""
    supersedes: Annotated[int, Field(ge=0, lt=2**32)]
    """`sequence` of the change that this one takes back; 0 for none."""
    sequence: Annotated[int, Field(ge=1, lt=2**32)]
    """Counts the changes of this customer and segment; begins anew after an erasure."""
    into: UUID | None = None
    """The profile that holds the identifiers now, if this one was merged into it."""


EXAMPLE: dict[str, Any] = {
    "version": 1,
    "realm": "default",
    "segment": "lapsing_coffee",
    "definition": 2,
    "profile_id": "4b1f0c52-6a0e-5d0f-9a55-0f9f3a4f7a10",
    "change": "retracted",
    "reason": "event",
    "at": "2026-04-03T16:00:00.000Z",
    "tick": "2026-04-05T09:30:00.000Z",
    "late": True,
    "because": ["o-2026-4711"],
    "supersedes": 3,
    "sequence": 4,
    "into": None,
}
"""A change as it is told."""

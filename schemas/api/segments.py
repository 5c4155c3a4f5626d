"""Segments as the API gives them: which there are, who belongs to one, to which one belongs."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from schemas.base import Contract


class ListedSegment(Contract):
    """One segment."""

    segment: str
    """Its id."""
    title: str
    """What it is called."""
    purpose: str
    """What it is for."""
    channel: str | None
    """On which channel members are contacted."""
    number: int
    """Number of its definition."""
    applied_at: datetime
    """When the definition was put in force."""
    members: int | None
    """How many belong to it; null where that is hidden: fewer than five, and who asks may not read
    members."""
    as_of: datetime | None
    """Tick up to which its members are right, in event time; null on a server, whose segments are
    as of the last time that definitions were applied."""
    body: dict[str, Any]
    """The definition as a file has it."""


class SegmentMember(Contract):
    """A member of a segment."""

    profile_id: UUID
    """The profile that holds the member now."""
    since: datetime
    """Tick at which the membership was found, in event time."""
    because: list[str]
    """Ids of the latest events that the conditions look at, the latest first."""
    definition: int
    """Number of the definition."""


class ProfileSegment(Contract):
    """A segment that a customer belongs to."""

    segment: str
    """Its id."""
    title: str
    """What it is called."""
    purpose: str
    """What it is for."""
    since: datetime
    """Tick at which the membership was found, in event time."""
    because: list[str]
    """Ids of the latest events that the conditions look at, the latest first."""
    definition: int
    """Number of the definition."""

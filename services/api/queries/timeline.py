"""The operation on a customer's timeline: one page of touchpoints, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from pydantic import Field

from schemas.base import Instant
from schemas.identifiers import as_uuid
from schemas.instants import to_ms
from schemas.profile import TimelineEntry
from services.api.auth import Scope
from services.api.cursors import seal, unseal
from services.api.handles import held_by, require_event_type
from services.api.operation import Answer, Operation
from services.api.ports import Access
from services.api.queries.profiles import ProfileRequest
from services.profiles.core.timeline import NEVER_MS, TimelineFilter, TimelinePlace

TIMELINE_ENTRIES_MAX = 500
FILTER_VALUES_MAX = 50
NAME = "profile_timeline"


class TimelineRequest(ProfileRequest):
    """A page of a customer's touchpoints."""

    type: tuple[str, ...] = Field(default=(), max_length=FILTER_VALUES_MAX)
    """Only of these event types; none for all."""
    channel: tuple[str, ...] = Field(default=(), max_length=FILTER_VALUES_MAX)
    """Only on these channels; none for all."""
    since: Instant | None = None
    """Only what happened at this time or later."""
    until: Instant | None = None
    """Only what happened before this time."""
    limit: int = Field(default=50, ge=1, le=TIMELINE_ENTRIES_MAX)
    """Most entries."""
    cursor: str = ""
    """Cursor of the page before; empty for the first one."""


class TimelinePage(Answer):
    """A page of touchpoints, newest first."""

    profile_id: UUID
    """Whose they are."""
    entries: list[TimelineEntry]
    """The touchpoints."""
    next_cursor: str | None
    """Cursor of the next page; null at the end."""


def _timeline(access: Access, asked: TimelineRequest) -> Iterator[TimelinePage]:
    reads, realm = access.reads, asked.realm
    profile = held_by(reads, realm, asked.who, asked.handle, asked.identifier).profile
    for name in asked.type:
        require_event_type(name)
    wanted = TimelineFilter(
        asked.type,
        asked.channel,
        to_ms(asked.since) if asked.since else -NEVER_MS,
        to_ms(asked.until) if asked.until else NEVER_MS,
    )
    after = None
    if asked.cursor:
        after = TimelinePlace(*unseal(reads.secret(), NAME, realm, asked.cursor))
    entries, place = reads.timelines.page(realm, profile, asked.limit, after, wanted)
    following = seal(reads.secret(), NAME, realm, list(place)) if place else None
    yield TimelinePage(profile_id=as_uuid(profile), entries=entries, next_cursor=following)


PROFILE_TIMELINE = Operation(NAME, Scope.PROFILES_READ, TimelineRequest, TimelinePage, _timeline)
"""One page of a customer's touchpoints."""
OPERATIONS = (PROFILE_TIMELINE,)

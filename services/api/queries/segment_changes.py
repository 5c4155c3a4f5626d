"""The operation on changes of segments: who entered and left, in the order of being found."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from schemas.rules.segment_conditions import SEGMENT_ID
from schemas.segment_change import SegmentChangeRecord
from services.api.auth import Scope
from services.api.cursors import seal, unseal
from services.api.handles import require_realm
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access
from services.runtime.errors import InvalidInput

CHANGES_PER_PAGE_MAX = 5_000
NAME = "segments_changes"


class SegmentChangesRequest(RealmRequest):
    """A page of changes."""

    segment: str = Field(default="", pattern=f"{SEGMENT_ID}|^$")
    """Only of this segment, also of one that was removed; empty for all."""
    limit: int = Field(default=500, ge=1, le=CHANGES_PER_PAGE_MAX)
    """Most changes."""
    cursor: str = ""
    """Cursor of the page before; empty for the first one."""


class SegmentChangesPage(Answer):
    """A page of changes, the earliest found first."""

    entries: list[SegmentChangeRecord]
    """The changes."""
    next_cursor: str | None
    """Where later changes follow, also those yet to come; null before the first change."""
    has_more: bool
    """Whether there are more now."""


def _changes(access: Access, asked: SegmentChangesRequest) -> Iterator[SegmentChangesPage]:
    reads, realm = access.reads, asked.realm
    require_realm(reads, realm)
    batch, key = 0, ""
    if asked.cursor:
        batch, key, segment = unseal(reads.secret(), NAME, realm, asked.cursor)
        if segment != asked.segment:
            raise InvalidInput("cursor: it belongs to another list")
    found = reads.segment_changes.told(realm, asked.segment, (batch, key), asked.limit)
    following = asked.cursor or None
    if found:
        place = [found[-1].batch, found[-1].key, asked.segment]
        following = seal(reads.secret(), NAME, realm, place)
    yield SegmentChangesPage(
        entries=[one.record for one in found],
        next_cursor=following,
        has_more=len(found) == asked.limit,
    )


SEGMENTS_CHANGES = Operation(
    NAME, Scope.SEGMENTS_MEMBERS, SegmentChangesRequest, SegmentChangesPage, _changes
)
"""A page of who entered and left segments."""
OPERATIONS = (SEGMENTS_CHANGES,)

"""Operations on freshness: how far a realm has come, and whether one event is visible."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from schemas.api.freshness import ChannelFreshness, DataFreshness, EventVisibility
from services.api.auth import Scope
from services.api.handles import require_realm
from services.api.operation import Operation, RealmRequest
from services.api.ports import Access

EVENT_ID_CHARS_MAX = 120


class VisibilityRequest(RealmRequest):
    """One event."""

    event_id: str = Field(min_length=1, max_length=EVENT_ID_CHARS_MAX)
    """Its id."""


def _freshness(access: Access, asked: RealmRequest) -> Iterator[DataFreshness]:
    require_realm(access.reads, asked.realm)
    mine = [one for one in access.reads.freshness.watermarks() if one.realm == asked.realm]
    yield DataFreshness(
        realm=asked.realm,
        watermark=max((one.received_at for one in mine), default=None),
        channels=[
            ChannelFreshness(
                channel=one.channel, occurred_at=one.occurred_at, received_at=one.received_at
            )
            for one in mine
        ],
    )


def _visibility(access: Access, asked: VisibilityRequest) -> Iterator[EventVisibility]:
    visible = access.reads.freshness.is_visible(asked.realm, asked.event_id)
    yield EventVisibility(event_id=asked.event_id, visible=visible)


FRESHNESS_GET = Operation(
    "freshness_get", Scope.PROFILES_READ, RealmRequest, DataFreshness, _freshness
)
"""How far each channel of a realm has come."""
EVENT_VISIBILITY = Operation(
    "event_visibility", Scope.PROFILES_READ, VisibilityRequest, EventVisibility, _visibility
)
"""Whether what an event changed is in the answers."""
OPERATIONS = (FRESHNESS_GET, EVENT_VISIBILITY)

"""The timeline of a customer: every channel in one column, as of today or as of a past day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from schemas.touchpoint import EVENT_TYPES
from services.console.navigation import ROOT
from services.console.pages.profile import name_of, profile_of
from services.console.visit import Visit, Visiting, console_parts

ENTRIES = 50
CONVERSATION_TYPES = frozenset({"message.exchanged"})
"""Events that are folded while nothing else comes between."""
CONVERSATION_MIN = 3
router = APIRouter(prefix=f"{ROOT}/profiles", include_in_schema=False)


class TimelineGroup(NamedTuple):
    """One touchpoint, or those of a conversation."""

    entries: list[dict[str, Any]]
    """The latest first."""

    @property
    def is_conversation(self) -> bool:
        """Whether they are folded."""
        return len(self.entries) >= CONVERSATION_MIN


@router.get("/{profile_id}/timeline")
async def timeline(
    visit: Visiting,
    profile_id: UUID,
    channel: str = "",
    phase: str = "",
    type: str = "",
    day: str = "",
    as_of: str = "",
    cursor: str = "",
) -> Response:
    """Touchpoints, the latest first."""
    end = _end_of(visit, as_of or day)
    known_then = {"as_of": end} if as_of and end else {}
    profile = await profile_of(visit, profile_id, **known_then)
    types = [type] if type else types_of(phase)
    found = await visit.api.get(
        f"/v1/profiles/{profile_id}/timeline",
        type=types,
        channel=channel,
        until=end,
        limit=ENTRIES,
        cursor=cursor,
    )
    return visit.page(
        "profile_timeline.html",
        profile=profile,
        name=name_of(profile),
        tab="timeline",
        groups=days_of(found["data"], _zone(visit)),
        page=found["page"],
        chosen={"channel": channel, "phase": phase, "type": type, "day": day, "as_of": as_of},
        phases=sorted({one.phase.value for one in EVENT_TYPES.values()}),
        types=sorted(EVENT_TYPES),
    )


def types_of(phase: str) -> list[str]:
    """The event types of a phase of the customer's journey; none for no phase."""
    return sorted(name for name, one in EVENT_TYPES.items() if one.phase.value == phase)


def days_of(
    entries: Iterable[dict[str, Any]], zone: ZoneInfo
) -> list[tuple[date, list[TimelineGroup]]]:
    """Touchpoints by day of the realm, conversations folded."""

    def day(entry: dict[str, Any]) -> date:
        return datetime.fromisoformat(entry["occurred_at"]).astimezone(zone).date()

    return [(key, _folded(list(found))) for key, found in groupby(entries, day)]


def _folded(entries: list[dict[str, Any]]) -> list[TimelineGroup]:
    groups: list[TimelineGroup] = []
    for key, found in groupby(entries, lambda one: (one["type"], one["channel"])):
        together = list(found)
        is_folded = key[0] in CONVERSATION_TYPES and len(together) >= CONVERSATION_MIN
        groups += map(TimelineGroup, [together] if is_folded else [[one] for one in together])
    return groups


def _end_of(visit: Visit, day: str) -> str:
    """The end of a day of the realm as the API reads it; empty for no day."""
    if not day:
        return ""
    try:
        following = date.fromisoformat(day) + timedelta(days=1)
    except (ValueError, OverflowError):
        return day  # the API says what is wrong with it
    return datetime.combine(following, time(), _zone(visit)).astimezone(UTC).isoformat()


def _zone(visit: Visit) -> ZoneInfo:
    zones = console_parts(visit.request).zones
    return zones.get(visit.owner["realm"] or "", ZoneInfo("UTC"))

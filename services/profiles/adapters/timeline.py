"""The timeline of a profile, read page by page by key. Nothing is written.

A page costs two reads: which events of the profile's nodes come next, and what those events say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.identifiers import NodeId, as_uuid
from schemas.instants import to_ms
from schemas.profile import TimelineEntry
from schemas.touchpoint import EVENT_TYPES
from services.profiles.core.summary import summarise
from services.profiles.core.timeline import EVERYTHING, TimelineFilter, TimelinePlace
from services.runtime.errors import NotFound
from services.runtime.settings import RealmSettings
from services.store.database import Database, on_one_thread
from services.store.profile_map import ProfileMap
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
PAGE_SQL = _STATEMENTS["page"]
EVENTS_SQL = _STATEMENTS["events"]
FIRST = TimelinePlace(0, "")


class TimelineReader:
    """Implements `services.profiles.ports.TimelineSource`."""

    def __init__(self, database: Database, realms: Mapping[str, RealmSettings]) -> None:
        self._database = database
        self._map = ProfileMap(database)
        self._realms = realms

    def page(
        self,
        realm: str,
        profile_id: NodeId,
        limit: int,
        after: TimelinePlace | None = None,
        wanted: TimelineFilter = EVERYTHING,
    ) -> tuple[list[TimelineEntry], TimelinePlace | None]:
        """See the port."""
        if realm not in self._realms:
            raise NotFound(f"realm {realm!r} is not configured")
        place = after or FIRST
        where = {
            "realm": realm,
            "nodes": [
                str(as_uuid(one)) for one in self._map.members_of(realm, [profile_id]).holder
            ],
            "is_first": after is None,
            "ms": place.occurred_ms,
            "event": place.event_id,
            "types": list(wanted.types),
            "channels": list(wanted.channels),
            "since": wanted.since_ms,
            "until": wanted.until_ms,
            "limit": limit + 1,
        }
        rows = self._database.rows(on_one_thread(PAGE_SQL), where)
        page = rows[:limit]
        events = self._events(realm, page)
        currency = self._realms[realm].currency
        entries = [_entry(row, events[row[0]], currency) for row in page]
        if len(rows) <= limit:
            return entries, None
        return entries, TimelinePlace(to_ms(entries[-1].occurred_at), entries[-1].event_id)

    def _events(self, realm: str, page: Sequence[tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
        """Channel, type, source and payload of the events of a page, by event id."""
        if not page:
            return {}
        chosen = {(event_id, node) for event_id, node, _ in page}
        where = {
            "realm": realm,
            "nodes": sorted({str(node) for _, node in chosen}),
            "events": [event_id for event_id, _ in chosen],
        }
        rows = self._database.rows(on_one_thread(EVENTS_SQL), where)
        return {row[0]: row[2:] for row in rows if row[:2] in chosen}


def _entry(key: tuple[Any, ...], event: tuple[Any, ...], currency: str) -> TimelineEntry:
    event_id, _, occurred_at = key
    channel, type_name, source, payload = event
    known = EVENT_TYPES.get(type_name)
    return TimelineEntry(
        event_id=event_id,
        occurred_at=occurred_at,
        channel=channel,
        type=type_name,
        phase=known.phase if known else "",
        source=source,
        summary=summarise(payload.encode(), currency),
    )

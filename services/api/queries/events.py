"""Operations on stored events: the latest, all of them as they were sent, numbers by day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from pydantic import Field

from schemas.instants import to_ms
from schemas.touchpoint import PUBLIC_ID_PREFIX
from services.api.auth import Scope
from services.api.handles import require_event_type, require_realm
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access
from services.ingest.core.decode import marked

BEGINNING_MS = 0


class StatsRequest(RealmRequest):
    """Numbers of events of a realm."""

    since_ms: int = BEGINNING_MS
    """Only those that happened at or after it (Unix milliseconds)."""


class ExportRequest(StatsRequest):
    """Events of a realm."""

    type: str = ""
    """Only of this type; empty for any."""
    channel: str = ""
    """Only on this channel; empty for any."""


class EventsRequest(ExportRequest):
    """The latest events of a realm."""

    limit: int = Field(default=20, ge=1, le=10_000)
    """Most rows."""


class ListedEvent(Answer):
    """An event without its content."""

    event_id: str
    """Its id."""
    occurred_at: datetime
    """When it happened, by the source's clock."""
    channel: str
    """Where it happened."""
    type: str
    """Event type."""
    source: str
    """`source.system` of the event."""


class EventLine(Answer):
    """An event as it was sent, and with a mark if that was with a public write key."""

    event_id: str
    """Its id."""
    payload: str
    """The line."""


class DayCount(Answer):
    """Events of one channel on one day."""

    channel: str
    """Where they happened."""
    day: date
    """The day, in the realm's time zone."""
    events: int
    """How many."""


def _list(access: Access, asked: EventsRequest) -> Iterator[ListedEvent]:
    require_realm(access.reads, asked.realm)
    if asked.type:
        require_event_type(asked.type)
    chosen = (asked.realm, asked.type, asked.channel, asked.since_ms)
    for one in access.reads.events(*chosen, asked.limit):
        row = one._asdict()
        del row["payload"]
        yield ListedEvent.model_validate(row)


def _export(access: Access, asked: ExportRequest) -> Iterator[EventLine]:
    require_realm(access.reads, asked.realm)
    if asked.type:
        require_event_type(asked.type)
    chosen = (asked.realm, asked.type, asked.channel, asked.since_ms)
    after = (BEGINNING_MS, "")
    while page := access.reads.events_after(*chosen, after):
        for one in page:
            yield EventLine(event_id=one.event_id, payload=_marked(one.event_id, one.payload))
        after = (to_ms(page[-1].occurred_at), page[-1].event_id)


def _marked(event_id: str, payload: str) -> str:
    """The payload; of a public write key, with the mark that keeps it from being believed more when
    it is ingested again."""
    if not event_id.startswith(PUBLIC_ID_PREFIX):
        return payload
    return marked(payload.encode()).decode()


def _stats(access: Access, asked: StatsRequest) -> Iterator[DayCount]:
    require_realm(access.reads, asked.realm)
    for channel, day, events in access.reads.events_by_day(asked.realm, asked.since_ms):
        yield DayCount(channel=channel, day=day, events=events)


EVENTS_LIST = Operation("events_list", Scope.EVENTS_READ, EventsRequest, ListedEvent, _list)
"""The latest events, without their content."""
EVENTS_EXPORT = Operation("events_export", Scope.EVENTS_READ, ExportRequest, EventLine, _export)
"""Events as they were sent, in the order of their times."""
EVENTS_STATS = Operation("events_stats", Scope.EVENTS_READ, StatsRequest, DayCount, _stats)
"""Numbers of events by channel and day, the latest day first."""
OPERATIONS = (EVENTS_LIST, EVENTS_EXPORT, EVENTS_STATS)

"""Operations on incidents: list, show, and what people do with them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from heapq import nlargest
from typing import Annotated, Any, Union

from pydantic import Field

from schemas.api.incidents import AffectedItem, IncidentCounts, IncidentField
from schemas.base import Instant
from schemas.incident import AnyIncident, Exposure, IncidentState, Severity
from schemas.instants import to_ms
from schemas.records import ActionRecord
from services.api.actions import action_record, only_one
from services.api.auth import Scope
from services.api.cursors import seal, unseal
from services.api.handles import require_realm
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access
from services.consistency.adapters.reader import (
    BEGINNING_MS,
    FIRST,
    LISTED_STATES,
    IncidentFilter,
    IncidentPlace,
    place_of_incident,
)
from services.consistency.views import views
from services.runtime.errors import InvalidInput, NotFound

INCIDENTS_PER_PAGE_MAX = 500
GROUPS_MAX = 1_000
FIELDS_MAX = 3
PAGE, AFFECTED = "incidents_page", "incidents_affected"
VIEWS = views()
_any_view: Any = Union[tuple(VIEWS.values())]  # noqa: UP007
if len(VIEWS) > 1:
    _any_view = Annotated[_any_view, Field(discriminator="kind")]


class ChosenIncidents(RealmRequest):
    """Some incidents of a realm."""

    states: tuple[IncidentState, ...] = ()
    """Only these states; none for all but retracted."""
    sku: str = ""
    """Only of this product; empty for any."""
    channel: str = ""
    """Only on this channel; empty for any."""
    location: str = ""
    """Only at this place, a store's id or `zone:NAME`; empty for any."""
    cause: str = ""
    """Only with this likeliest cause; empty for any."""
    fault: str = ""
    """Only of this fault, by its whole id; empty for any."""
    severities: tuple[Severity, ...] = ()
    """Only of these severities; none for all."""
    kind: str = ""
    """Only of this kind; empty for any."""
    since: Instant | None = None
    """Only those that began at this time or later."""


class IncidentsRequest(ChosenIncidents):
    """A list of incidents of a realm."""

    limit: int | None = Field(default=None, ge=1)
    """Most rows; none for all."""
    worst_first: bool = False
    """By severity, then by exposure, instead of by when they began."""


class IncidentCountsRequest(ChosenIncidents):
    """Numbers of incidents of a realm."""

    by: tuple[IncidentField, ...] = Field(
        default=(IncidentField.CAUSE,), min_length=1, max_length=FIELDS_MAX
    )
    """What they are counted by."""


class IncidentsPageRequest(ChosenIncidents):
    """A page of the incidents of a realm."""

    limit: int = Field(default=50, ge=1, le=INCIDENTS_PER_PAGE_MAX)
    """Most rows."""
    cursor: str = ""
    """Cursor of the page before; empty for the first one."""


class IncidentsPage(Answer):
    """A page of incidents, the oldest first."""

    entries: list[_any_view]
    """The incidents."""
    next_cursor: str | None
    """Cursor of the next page; null at the end."""


class IncidentRequest(RealmRequest):
    """One incident."""

    incident_id: str
    """Its id, or the beginning of it."""


class AffectedRequest(IncidentRequest):
    """Whom an incident concerns."""

    is_paid: bool = False
    """Only what was paid, each order as the earliest event reports it."""


class AffectedPageRequest(AffectedRequest):
    """A page of them."""

    limit: int = Field(default=50, ge=1, le=INCIDENTS_PER_PAGE_MAX)
    """Most rows."""
    cursor: str = ""
    """Cursor of the page before; empty for the first one."""


class AffectedPage(Answer):
    """A page of those whom an incident concerns, the earliest first."""

    entries: list[AffectedItem]
    """Lines of orders, and pages that were shown."""
    next_cursor: str | None
    """Cursor of the next page; null at the end."""


class ActionRequest(RealmRequest):
    """What a person does with an incident, or with all of a fault that are not over; the limits
    are those of its record."""

    incident_id: str = ""
    """Its id, or the beginning of it; empty for those of a fault."""
    fault: str = ""
    """The whole id of the fault; empty for one incident."""
    action: str
    """ack, unack, mute or unmute."""
    by: str
    """Who does it."""
    reason: str
    """Why."""
    until: str = ""
    """When a mute ends, in event time; empty for a mute that somebody has to take back."""


def _wanted(access: Access, asked: ChosenIncidents) -> IncidentFilter:
    require_realm(access.reads, asked.realm)
    if asked.kind and asked.kind not in VIEWS:
        raise InvalidInput(f"no kind of incidents {asked.kind!r}; there are: {', '.join(VIEWS)}")
    return IncidentFilter(
        frozenset(asked.states) or LISTED_STATES,
        asked.kind,
        asked.sku,
        asked.channel,
        asked.location,
        asked.cause,
        asked.fault,
        frozenset(asked.severities),
        to_ms(asked.since) if asked.since else BEGINNING_MS,
    )


def _list(access: Access, asked: IncidentsRequest) -> Iterator[AnyIncident]:
    incidents, wanted = access.reads.incidents, _wanted(access, asked)
    if asked.worst_first:
        found = incidents.listed(asked.realm, wanted)
        yield from (
            sorted(found, key=_weight, reverse=True)
            if asked.limit is None
            else nlargest(asked.limit, found, key=_weight)
        )
    else:
        yield from incidents.listed(asked.realm, wanted, asked.limit)


def _weight(view: AnyIncident) -> tuple[int, int, Decimal, int]:
    exposure: Exposure = view.exposure  # type: ignore[attr-defined]
    money = exposure.overcharged + exposure.undercharged
    return view.severity.rank, exposure.customers, money, exposure.touchpoints


def _counts(access: Access, asked: IncidentCountsRequest) -> Iterator[IncidentCounts]:
    by = tuple(dict.fromkeys(asked.by))
    reads = access.reads.incidents
    found = reads.counts(asked.realm, by, _wanted(access, asked), GROUPS_MAX + 1)
    yield IncidentCounts(counts=found[:GROUPS_MAX], is_complete=len(found) <= GROUPS_MAX)


def _page(access: Access, asked: IncidentsPageRequest) -> Iterator[IncidentsPage]:
    reads, realm, wanted = access.reads, asked.realm, _wanted(access, asked)
    after = FIRST
    if asked.cursor:
        after = IncidentPlace(*unseal(reads.secret(), PAGE, realm, asked.cursor))
    found = list(reads.incidents.listed(realm, wanted, asked.limit + 1, after))
    entries, following = found[: asked.limit], None
    if len(found) > asked.limit:
        following = seal(reads.secret(), PAGE, realm, list(place_of_incident(entries[-1])))
    yield IncidentsPage(entries=entries, next_cursor=following)


def _show(access: Access, asked: IncidentRequest) -> Iterator[AnyIncident]:
    require_realm(access.reads, asked.realm)
    found = access.reads.incidents.find(asked.realm, asked.incident_id)
    yield only_one(found, asked.incident_id, asked.realm)


def _bare(access: Access, asked: IncidentRequest) -> AnyIncident:
    require_realm(access.reads, asked.realm)
    found = access.reads.incidents.bare(asked.realm, asked.incident_id)
    return only_one(found, asked.incident_id, asked.realm)


def _affected(access: Access, asked: AffectedRequest) -> Iterator[AffectedItem]:
    incident = _bare(access, asked)
    for item in access.reads.incidents.affected(asked.realm, incident):
        if item.difference is not None or not asked.is_paid:
            yield item


def _affected_page(access: Access, asked: AffectedPageRequest) -> Iterator[AffectedPage]:
    secret, bound = access.reads.secret(), f"{AFFECTED}\x1f{asked.incident_id}"
    first = 0
    found = list(_affected(access, asked))
    if asked.cursor:
        after_ms, after_id, lines = unseal(secret, bound, asked.realm, asked.cursor)
        places = [(to_ms(one.occurred_at), one.event_id) for one in found]
        first = bisect_left(places, (after_ms, after_id)) + lines
    entries, following = found[first : first + asked.limit], None
    if entries and len(found) > first + asked.limit:
        last = entries[-1]
        lines = sum(one.event_id == last.event_id for one in found[: first + asked.limit])
        values = [to_ms(last.occurred_at), last.event_id, lines]
        following = seal(secret, bound, asked.realm, values)
    yield AffectedPage(entries=entries, next_cursor=following)


def _act(access: Access, asked: ActionRequest) -> Iterator[ActionRecord]:
    fields = {"action": asked.action, "by": asked.by, "reason": asked.reason}
    now, until, is_known = datetime.now(UTC), asked.until or None, False
    for incidents in _acted_on(access, asked):
        records = [action_record(one, now, **fields, until=until) for one in incidents]
        access.writes.act(records)
        yield from records
        is_known = True
    if not is_known:
        raise NotFound(f"no incident of fault {asked.fault!r} in realm {asked.realm!r} lasts")


def _acted_on(access: Access, asked: ActionRequest) -> Iterator[Sequence[AnyIncident]]:
    if bool(asked.fault) == bool(asked.incident_id):
        raise InvalidInput("name one incident, or one fault")
    if asked.fault:
        require_realm(access.reads, asked.realm)
        yield from access.reads.incidents.bare_of_fault(asked.realm, asked.fault)
    else:
        one = IncidentRequest(realm=asked.realm, incident_id=asked.incident_id)
        yield [_bare(access, one)]


INCIDENTS_LIST = Operation(
    "incidents_list", Scope.INCIDENTS_READ, IncidentsRequest, _any_view, _list
)
"""Incidents with their exposure, the oldest first, or the worst."""
INCIDENTS_COUNTS = Operation(
    "incidents_counts", Scope.INCIDENTS_READ, IncidentCountsRequest, IncidentCounts, _counts
)
"""How many there are by cause, place or other fields."""
INCIDENTS_PAGE = Operation(PAGE, Scope.INCIDENTS_READ, IncidentsPageRequest, IncidentsPage, _page)
"""A page of the same."""
INCIDENTS_SHOW = Operation(
    "incidents_show", Scope.INCIDENTS_READ, IncidentRequest, _any_view, _show
)
"""One incident, by its id or an unambiguous beginning of it."""
INCIDENTS_AFFECTED = Operation(
    AFFECTED, Scope.PROFILES_READ, AffectedRequest, AffectedItem, _affected
)
"""Who saw or paid the deviation of an incident, with what it cost."""
INCIDENTS_AFFECTED_PAGE = Operation(
    "incidents_affected_page",
    Scope.PROFILES_READ,
    AffectedPageRequest,
    AffectedPage,
    _affected_page,
)
"""A page of the same."""
INCIDENTS_ACT = Operation("incidents_act", Scope.INCIDENTS_WRITE, ActionRequest, ActionRecord, _act)
"""Acknowledge or mute an incident or all of a fault, or take it back; the records that do it."""
OPERATIONS = (
    INCIDENTS_LIST, INCIDENTS_COUNTS, INCIDENTS_PAGE, INCIDENTS_SHOW, INCIDENTS_AFFECTED,
    INCIDENTS_AFFECTED_PAGE, INCIDENTS_ACT,
)  # fmt: skip

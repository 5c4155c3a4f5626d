"""Operation on incidents under other rules: what would appear, vanish and change."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.base import Instant
from schemas.incident import AnyIncident, IncidentState, Severity
from schemas.subject import SubjectRecord
from services.api.auth import Scope
from services.api.handles import require_realm
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access
from services.consistency.core.difference import ChangeOfRules, RulesDifference, RulesTally
from services.consistency.rules import ConsistencyRules
from services.consistency.simulation import Simulation
from services.runtime.errors import InvalidInput

RULES_CHARS_MAX = 1_000_000


class SimulationRequest(RealmRequest):
    """Other rules, and which incidents are of interest."""

    rules: str = Field(default="", max_length=RULES_CHARS_MAX)
    """The text of a rules file; empty for the defaults."""
    kinds: tuple[str, ...] = ()
    """Only of these kinds; none for all."""
    since: Instant | None = None
    """Only incidents that began at this time or later, or lasted until then."""


class SimulatedSide(Answer):
    """An incident under one set of rules."""

    state: IncidentState
    """Its state, with what people did."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause."""
    in_words: str
    """The contradiction in a few words."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    opened_at: datetime | None
    """When it opened."""
    until: datetime | None
    """When the deviation ended; null while it lasts."""


class SimulatedChange(Answer):
    """An incident that is not the same under both rules."""

    row: Literal["change"] = "change"
    """What this row is."""
    change: ChangeOfRules
    """Whether it appears, vanishes or changes."""
    incident_id: str
    """Its id, the same under both rules."""
    kind: str
    """Kind of the incident."""
    subject: SubjectRecord
    """What it is about."""
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    since: datetime
    """When the deviation started, in event time."""
    changed: list[str]
    """The fields that differ: state, severity, cause, details."""
    present: SimulatedSide | None
    """Under the present rules; null if it does not follow from them."""
    simulated: SimulatedSide | None
    """Under the other rules; null if it does not follow from them."""


class SimulationProgress(Answer):
    """How far it has come."""

    row: Literal["progress"] = "progress"
    books: int
    """How many books are judged."""


class SimulatedKind(Answer):
    """Numbers of incidents of one kind and cause."""

    kind: str
    """Kind of the incidents."""
    cause: str
    """Likeliest cause of the incidents."""
    present: int
    """Incidents under the present rules, past ones included."""
    simulated: int
    """Incidents under the other rules."""
    present_open: int
    """Of them, those that are open, acknowledged or muted."""
    simulated_open: int
    """The same under the other rules."""
    appears: int
    """How many follow from the other rules only."""
    vanishes: int
    """How many follow from the present rules only."""
    changes: int
    """How many differ in state, severity, cause or details."""


class SimulationSummary(Answer):
    """The last row: what was judged."""

    row: Literal["summary"] = "summary"
    """What this row is."""
    realm: str
    """Brand or tenant."""
    as_of: datetime | None
    """The tick up to which both rules judged; null if nothing was judged yet."""
    present_rules: str
    """`version` of the present rules."""
    simulated_rules: str
    """`version` of the other rules."""
    books: int
    """How many books were judged, each under both rules."""
    took_s: float
    """How long that took, in seconds."""
    by_kind: list[SimulatedKind]
    """Numbers by kind and cause."""


class SimulationReport(Answer):
    """The whole answer as one document."""

    version: int = 1
    """Version of this form."""
    changes: list[SimulatedChange]
    """The incidents that differ, book by book."""
    summary: SimulationSummary
    """What was judged."""


_ROW: Any = Annotated[
    SimulatedChange | SimulationProgress | SimulationSummary, Field(discriminator="row")
]


def _simulate(
    access: Access, asked: SimulationRequest
) -> Iterator[SimulatedChange | SimulationProgress | SimulationSummary]:
    begun = time.monotonic()
    require_realm(access.reads, asked.realm)
    present, other = access.reads.consistency_rules, _rules(asked.rules)
    unknown = [one for one in asked.kinds if one not in present.kinds]
    if unknown:
        known = ", ".join(present.kinds)
        raise InvalidInput(f"no kind of incidents {unknown[0]!r}; there are: {known}")
    simulation = Simulation(access.reads.books, asked.realm, present, other, asked.since)
    books = 0
    for judged in simulation.run(tuple(dict.fromkeys(asked.kinds)) or tuple(present.kinds)):
        yield from map(_change, judged.differences)
        books += judged.books
        yield SimulationProgress(books=books)
    yield SimulationSummary(
        realm=asked.realm,
        as_of=simulation.as_of,
        present_rules=present.version,
        simulated_rules=other.version,
        books=books,
        took_s=round(time.monotonic() - begun, 3),
        by_kind=_by_kind(simulation.tally),
    )


def _rules(text: str) -> ConsistencyRules:
    try:
        return ConsistencyRules.of(tomllib.loads(text))
    except ValueError as error:
        raise InvalidInput(f"rules: {error}") from error


def _change(difference: RulesDifference) -> SimulatedChange:
    one = difference.incident
    return SimulatedChange(
        change=difference.change,
        incident_id=one.incident_id,
        kind=one.kind,
        subject=one.subject,
        channel=one.channel,
        location=one.location,
        since=one.since,
        changed=list(difference.fields),
        present=_side(difference.present),
        simulated=_side(difference.simulated),
    )


def _side(incident: AnyIncident | None) -> SimulatedSide | None:
    if incident is None:
        return None
    return SimulatedSide(
        state=incident.state,
        severity=incident.severity,
        cause=incident.cause,
        in_words=incident.details.in_words(),
        due_at=incident.due_at,
        opened_at=incident.opened_at,
        until=incident.until,
    )


def _by_kind(tally: RulesTally) -> list[SimulatedKind]:
    return [
        SimulatedKind(
            kind=kind,
            cause=cause,
            present=one.present,
            simulated=one.simulated,
            present_open=one.present_open,
            simulated_open=one.simulated_open,
            appears=one.changes[ChangeOfRules.APPEARS],
            vanishes=one.changes[ChangeOfRules.VANISHES],
            changes=one.changes[ChangeOfRules.CHANGES],
        )
        for (kind, cause), one in sorted(tally.items())
    ]


INCIDENTS_SIMULATE = Operation(
    "incidents_simulate", Scope.INCIDENTS_READ, SimulationRequest, _ROW, _simulate
)
"""The incidents that other rules would make appear, vanish or change; a summary comes last."""
OPERATIONS = (INCIDENTS_SIMULATE,)

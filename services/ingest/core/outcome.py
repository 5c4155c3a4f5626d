"""The outcome of one line: an accepted touchpoint with its derived data, or a reject."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from schemas.claim import PriceClaim, Statement, Superseded
from schemas.edge import Edge, Node
from schemas.identifiers import NodeId
from schemas.reject import RejectReason
from schemas.touchpoint import PUBLIC_ID_PREFIX, Touchpoint
from services.ingest.core.fact_row import FactRow


class Intake(StrEnum):
    """The route of intake of an event; decides how far it is trusted."""

    FILE = "file"
    """Imported by an operator. Its `sent_at` does not show clock skew: it may be years old."""
    SERVER = "server"
    """Sent by a trusted server; clock skew is corrected."""
    PUBLIC = "public"
    """Sent with a key embedded in an app or web page: nothing is verified."""


class DropReason(StrEnum):
    """Why an identifier was dropped from an event; the event itself is accepted if it may be."""

    PLACEHOLDER = "placeholder"
    """It stands for "no value"."""
    MALFORMED = "malformed"
    """It has not the form of its type: an address without @, a number that nobody can have."""
    AMBIGUOUS = "ambiguous"
    """It may be one of two, such as a telephone number of two countries."""
    NO_DEVICE = "no_device"
    """An event of a public write key names it without naming a device."""


class Reject(NamedTuple):
    """A rejected line. `path` names the field at fault; `message` never quotes its value."""

    reason: RejectReason
    path: str = ""
    message: str = ""
    event_id: str = ""


class ResolvedIdentifier(NamedTuple):
    """An identifier of an event: its node, and its normalised value."""

    node: Node
    value: str
    verified: bool


class Identified(NamedTuple):
    """Who acted in an event."""

    identifiers: list[ResolvedIdentifier]
    """The usable ones, each once, in the event's order; possibly none."""
    anchor: ResolvedIdentifier
    """The one under which the fact is stored permanently."""
    edges: list[Edge]
    """One from the anchor to every other identifier."""
    dropped: tuple[DropReason, ...]
    """Why identifiers of the event were dropped, one by one."""


class Context(NamedTuple):
    """One event before it becomes a fact: the parsed event and the result of identification."""

    event: Touchpoint
    identified: Identified
    occurred_at: datetime
    """UTC, whole milliseconds."""
    occurred_ms: int
    version: int
    intake: Intake


class HintReason(StrEnum):
    """Why the sender of an accepted event gets a hint."""

    UNKNOWN_ATTRIBUTE = "unknown_attribute"
    UNREADABLE_ATTRIBUTE = "unreadable_attribute"
    TOTAL_CONTRADICTS = "total_contradicts_lines"


class Hint(NamedTuple):
    """Something that was kept as it is and that nobody will understand. Never quotes a value."""

    reason: HintReason
    path: str
    message: str


class Accepted(NamedTuple):
    """An accepted touchpoint: its row of `touchpoints` and the records derived from it."""

    event_id: str
    realm: str
    event_hash: int
    version: int
    node: int
    channel: str
    occurred_ms: int
    received_ms: int
    row: FactRow
    values: list[tuple[Node, str]]
    edges: list[Edge]
    claims: list[PriceClaim | Statement]
    has_attributes: bool
    """It says something of attributes."""
    has_consents: bool
    """It says something of contact permission."""
    dropped: tuple[DropReason, ...]
    """Why identifiers of the event were dropped, one by one."""
    intake: Intake
    hints: tuple[Hint, ...] = ()
    """For its sender."""
    corrects: bool = False
    """Another body of the event may be stored: every projection is written, empty ones too."""

    @property
    def sent_id(self) -> str:
        """The event id as it was sent."""
        return self.event_id.removeprefix(PUBLIC_ID_PREFIX)


class Corrections(NamedTuple):
    """What the corrected events of a batch take back, beside what they say now."""

    superseded: Sequence[Superseded] = ()
    """Books that other bodies of the events touched."""
    former: Sequence[tuple[str, NodeId]] = ()
    """Realm and anchor of bodies that named somebody else."""


NO_CORRECTIONS = Corrections()

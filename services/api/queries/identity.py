"""Operations on identities: every identifier, and why two of them are one person."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from uuid import UUID

from pydantic import Field

from schemas.base import Instant
from schemas.identifiers import as_uuid
from schemas.instants import from_ms
from services.api.auth import Scope
from services.api.handles import UNKNOWN, node_named, require_realm
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access
from services.identity.core.notices import NoticeKind
from services.runtime.errors import NotFound


class WhyRequest(RealmRequest):
    """Two identifiers."""

    a: str
    """A node id, TYPE[@ISSUER]=VALUE, or a bare e-mail address, phone number or other number."""
    b: str
    """The other one."""


class IdentifierRow(Answer):
    """One identifier with the profile that holds it."""

    realm: str
    type: str
    issuer: str
    value: str
    node_id: str
    profile_id: str
    shared: bool
    """Whether it belongs to nobody, because too many use it."""


class WhyNode(Answer):
    """One identifier."""

    node_id: str
    type: str
    issuer: str
    value: str


class _Between(Answer):
    from_: WhyNode = Field(alias="from")
    to: WhyNode


class EdgeStep(_Between):
    """A step of the path that an event proves."""

    rule: str
    event_id: str
    first_seen: str
    verified: bool


class DecisionStep(_Between):
    """A step of the path that a person decided."""

    rule: str
    author: str
    reason: str
    decided_at: str


class SetAside(_Between):
    """An edge that joins nobody, and why."""

    event_id: str
    first_seen: str
    verified: bool
    why: str
    refused_because: str | None
    blocked_by: list[WhyNode]


class Explained(Answer):
    """Why two identifiers are, or are not, one profile."""

    version: int
    realm: str
    a: WhyNode
    b: WhyNode
    profile_a: str
    profile_b: str
    same: bool
    path: list[EdgeStep | DecisionStep]
    set_aside: list[SetAside]


class NoticesRequest(RealmRequest):
    """Identifiers and persons that somebody should look at."""

    limit: int = Field(default=100, ge=1)
    """Most rows."""


class ListedNotice(Answer):
    """An identifier or a person that somebody should look at."""

    version: int = 1
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    notice: NoticeKind
    """What is unusual."""
    node_id: UUID
    """The identifier; of a person the profile id."""
    type: str
    """Its type."""
    issuer: str
    """Who assigned it; empty if nobody did."""
    value: str
    """Its normalised value."""
    counted: str
    """Type of the identifiers that were counted."""
    count: int
    """How many of them it stands for, or the person has."""
    since: Instant | None
    """When the limit of a day was exceeded first, in event time; null for the other notices."""
    shared: bool
    """Whether the identifier joins nobody."""


def _notices(access: Access, asked: NoticesRequest) -> Iterator[ListedNotice]:
    require_realm(access.reads, asked.realm)
    for one in islice(access.reads.notices.notices(asked.realm), asked.limit):
        yield ListedNotice(
            realm=asked.realm,
            notice=one.kind,
            node_id=as_uuid(one.node),
            type=one.type,
            issuer=one.issuer,
            value=one.value,
            counted=one.counted,
            count=one.found,
            since=None if one.since_ms is None else from_ms(one.since_ms),
            shared=one.is_shared,
        )


def _export(access: Access, asked: RealmRequest) -> Iterator[IdentifierRow]:
    for one in access.reads.profiles.identifiers(asked.realm):
        yield IdentifierRow(
            realm=asked.realm,
            type=one.type,
            issuer=one.issuer,
            value=one.value,
            node_id=str(as_uuid(one.node)),
            profile_id=str(as_uuid(one.profile)),
            shared=one.shared,
        )


def _why(access: Access, asked: WhyRequest) -> Iterator[Explained]:
    require_realm(access.reads, asked.realm)
    a, b = (node_named(access.reads, asked.realm, one) for one in (asked.a, asked.b))
    found = Explained.model_validate(access.reads.explain(asked.realm, a, b))
    for named, node in ((asked.a, found.a), (asked.b, found.b)):
        if not node.type:
            raise NotFound(f"{named!r} was never seen in realm {asked.realm!r}", reason=UNKNOWN)
    yield found


IDENTITY_EXPORT = Operation(
    "identity_export", Scope.PROFILES_READ, RealmRequest, IdentifierRow, _export
)
"""Every identifier with its node id and the profile that holds it."""
IDENTITY_WHY = Operation("identity_why", Scope.PROFILES_READ, WhyRequest, Explained, _why)
"""Why two identifiers are, or are not, one profile."""
IDENTITY_SUSPICIOUS = Operation(
    "identity_suspicious", Scope.PROFILES_READ, NoticesRequest, ListedNotice, _notices
)
"""Identifiers that stand for too many persons, and persons with too many identifiers."""
OPERATIONS = (IDENTITY_EXPORT, IDENTITY_WHY, IDENTITY_SUSPICIOUS)

"""Operation that hands out a segment for contact: who may be contacted at this moment, and where.

Permission is asked when a list leaves, for the purpose and channel of the segment, and stored
nowhere. Who may not be contacted is counted with the reason and not named.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from pydantic import Field

from schemas.identifiers import NodeId, as_uuid
from services.api.auth import Scope
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access, Reads
from services.api.queries.segment_members import (
    SegmentName,
    current_members,
    require_segment,
)
from services.ingest.core.permission import ADDRESS_TYPES
from services.profiles.core.consent import Permission
from services.profiles.core.consent_text import SHARED_ADDRESS
from services.runtime.errors import InvalidInput

MEMBERS_PER_PART = 500
NO_ADDRESS = "no_address"
"""Reason: nothing is known at which the person can be contacted on the channel."""


class SegmentExportRequest(RealmRequest):
    """Whom to contact, and how."""

    segment: SegmentName
    """Id of the segment."""
    channel: str | None = None
    """The channel, if not that of the definition."""


class ExportedMember(Answer):
    """A member who may be contacted."""

    row: Literal["member"] = "member"
    """What this row is."""
    profile_id: UUID
    """The profile."""
    since: datetime
    """Tick at which the membership was found, in event time."""
    address_type: str
    """Type of the address; empty on channels without one of their own."""
    address: str
    """The address with the latest permission; empty on channels without one of their own."""
    basis: str
    """Legal basis of the contact."""
    permitted_since: datetime
    """Time of the event that permits it."""


class ExportSummary(Answer):
    """The last row: how many were handed out, and why others were not."""

    row: Literal["summary"] = "summary"
    """What this row is."""
    segment: str
    """Id of the segment."""
    purpose: str
    """For which permission was asked."""
    channel: str
    """On which channel."""
    members: int
    """How many belong to the segment."""
    permitted: int
    """How many of them may be contacted."""
    not_permitted: dict[str, int]
    """How many may not, by reason."""


class _Answered(NamedTuple):
    """Permission at one address."""

    address: NodeId | None
    permission: Permission | None
    """None where several people use the address."""


def _export(
    access: Access, asked: SegmentExportRequest
) -> Iterator[ExportedMember | ExportSummary]:
    reads, realm = access.reads, asked.realm
    definition = require_segment(reads, realm, asked.segment).definition
    channel = asked.channel or definition.channel
    if channel is None:
        raise InvalidInput("channel: the segment names none, so say on which to contact")
    if channel not in reads.contact_channels:
        known = ", ".join(sorted(reads.contact_channels))
        raise InvalidInput(f"channel: not a configured one; use one of {known}")
    members = current_members(reads, realm, asked.segment)
    count, permitted, reasons = 0, 0, Counter[str]()
    while some := dict(islice(members, MEMBERS_PER_PART)):
        count += len(some)
        answers = _answers(reads, realm, list(some), channel, definition.purpose)
        chosen = {one: _best(answers.get(one, [])) for one in some}
        values = reads.permissions.values(
            realm, [one.address for one in chosen.values() if one is not None and one.address]
        )
        for profile, member in some.items():
            best = chosen[profile]
            if best is None:
                reasons[_reason(answers.get(profile, []))] += 1
                continue
            assert best.permission is not None  # one that is allowed
            assert best.permission.by is not None
            permitted += 1
            kind, value = values.get(best.address, ("", "")) if best.address else ("", "")
            yield ExportedMember(
                profile_id=as_uuid(profile),
                since=member.since,
                address_type=kind,
                address=value,
                basis=best.permission.basis,
                permitted_since=best.permission.by.occurred_at,
            )
    yield ExportSummary(
        segment=asked.segment,
        purpose=definition.purpose,
        channel=channel,
        members=count,
        permitted=permitted,
        not_permitted=dict(sorted(reasons.items())),
    )


def _answers(
    reads: Reads, realm: str, profiles: list[NodeId], channel: str, purpose: str
) -> dict[NodeId, list[_Answered]]:
    """Permission at each address of the channel, by profile; of a channel without addresses of its
    own, permission for whatever the person named."""
    found: defaultdict[NodeId, list[_Answered]] = defaultdict(list)
    wanted = ADDRESS_TYPES.get(channel)
    if wanted is None:
        for profile in profiles:
            consents = reads.permissions.of_profile(realm, profile)
            for target in consents.targets():
                if (target.channel, target.purpose) == (channel, purpose):
                    said = _Answered(target.address or None, consents.permission(target))
                    found[profile].append(said)
        return found
    holder = reads.segment_facts.holders(realm, profiles)
    values = reads.permissions.values(realm, holder)
    addresses = [node for node, (kind, _) in values.items() if kind == wanted]
    for address, standing in reads.permissions.of_addresses(realm, addresses, channel, purpose):
        found[holder[address]].append(_Answered(address, standing.permission))
    return found


def _best(answers: list[_Answered]) -> _Answered | None:
    """The address with the latest permission; None if there is none."""
    allowed = [one for one in answers if one.permission and one.permission.allowed]
    return max(allowed, key=_time, default=None)


def _reason(answers: list[_Answered]) -> str:
    """Why nobody may be contacted: by what was said last."""
    if not answers:
        return NO_ADDRESS
    last = max(answers, key=_time)
    return SHARED_ADDRESS if last.permission is None else last.permission.reason


def _time(one: _Answered) -> tuple[bool, datetime | None, NodeId]:
    by = one.permission.by if one.permission else None
    return by is not None, by.occurred_at if by else None, one.address or 0


ExportRow = Annotated[ExportedMember | ExportSummary, Field(discriminator="row")]
SEGMENTS_EXPORT = Operation(
    "segments_export", Scope.PROFILES_PII, SegmentExportRequest, ExportRow, _export
)
"""Who of a segment may be contacted, and where."""
OPERATIONS = (SEGMENTS_EXPORT,)

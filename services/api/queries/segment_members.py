"""Operations that read segments: which there are, who belongs to one, to which a customer belongs.

A stored member is shown as the profile that holds it now; of several that are one profile by now,
one is shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Annotated, NamedTuple
from uuid import UUID

from pydantic import Field

from schemas.api.segments import ListedSegment, ProfileSegment, SegmentMember
from schemas.identifiers import NodeId, as_uuid
from schemas.rules.segment_conditions import SEGMENT_ID
from schemas.rules.segment_fields import near
from services.api.auth import Scope
from services.api.cursors import seal, unseal
from services.api.handles import held_by, require_realm
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access, Reads
from services.api.queries.profiles import ProfileRequest
from services.measures.core.population import GROUP_MIN
from services.runtime.errors import InvalidInput, NotFound
from services.segments.ports import MEMBER, SegmentMembership, StoredDefinition

MEMBERS_PER_PAGE_MAX = 500
MEMBERS_PER_READ = 5_000
PAGE = "segments_page"
UNKNOWN_SEGMENT = "unknown_segment"
"""Reason of a NotFound: there is no segment with this id."""
SegmentName = Annotated[str, Field(pattern=SEGMENT_ID)]


class SegmentsRequest(RealmRequest):
    """The segments of a realm."""

    hides_small: bool = False
    """Whether sizes of fewer than five are hidden, as from everybody who may not read members."""


class SegmentRequest(RealmRequest):
    """One segment."""

    segment: SegmentName
    """Its id."""


class MembersRequest(SegmentRequest):
    """A page of the members of a segment."""

    limit: int = Field(default=50, ge=1, le=MEMBERS_PER_PAGE_MAX)
    """Most members."""
    cursor: str = ""
    """Cursor of the page before; empty for the first one."""


class MembersPage(Answer):
    """A page of the members of a segment, by the ids under which they are stored."""

    entries: list[SegmentMember]
    """The members."""
    next_cursor: str | None
    """Cursor of the next page; null at the end."""


class SegmentsOfProfile(Answer):
    """The segments that a customer belongs to."""

    profile_id: UUID
    """The customer."""
    entries: list[ProfileSegment]
    """The segments, by id."""


class _Current(NamedTuple):
    """A stored member, and who that is now."""

    stored: NodeId
    profile: NodeId
    member: SegmentMember


def _list(access: Access, asked: SegmentsRequest) -> Iterator[ListedSegment]:
    reads, realm = access.reads, asked.realm
    require_realm(reads, realm)
    sizes, evaluated = reads.segments.sizes(realm), reads.segments.evaluated(realm)
    for name, one in reads.segments.definitions(realm).items():
        size = sizes.get(name, 0)
        yield ListedSegment(
            segment=name,
            title=one.definition.title,
            purpose=one.definition.purpose,
            channel=one.definition.channel,
            number=one.number,
            applied_at=one.applied_at,
            members=None if asked.hides_small and size < GROUP_MIN else size,
            as_of=evaluated and evaluated[0],
            body=one.definition.written(),
        )


def _members(access: Access, asked: SegmentRequest) -> Iterator[SegmentMember]:
    for _, one in current_members(access.reads, asked.realm, asked.segment):
        yield one


def _page(access: Access, asked: MembersRequest) -> Iterator[MembersPage]:
    reads, realm = access.reads, asked.realm
    require_segment(reads, realm, asked.segment)
    after = 0
    if asked.cursor:
        place, segment = unseal(reads.secret(), PAGE, realm, asked.cursor)
        if segment != asked.segment:
            raise InvalidInput("cursor: it belongs to another list")
        after = UUID(place).int
    rows = list(
        islice(_current(reads, realm, asked.segment, after, asked.limit + 1), asked.limit + 1)
    )
    shown, following = rows[: asked.limit], None
    if len(rows) > asked.limit:
        place = [str(as_uuid(shown[-1].stored)), asked.segment]
        following = seal(reads.secret(), PAGE, realm, place)
    yield MembersPage(entries=[one.member for one in shown], next_cursor=following)


def _of_profile(access: Access, asked: ProfileRequest) -> Iterator[SegmentsOfProfile]:
    reads, realm = access.reads, asked.realm
    profile = held_by(reads, realm, asked.who, asked.handle, asked.identifier).profile
    definitions = reads.segments.definitions(realm)
    nodes = {profile, *reads.segment_facts.holders(realm, [profile])}
    entries: list[ProfileSegment] = []
    for name, stored in sorted(reads.segments.stored(realm, definitions, nodes).items()):
        standing = _that_counts(profile, stored, nodes)
        if standing is not None:
            known, member = definitions[name].definition, stored[standing]
            entries.append(
                ProfileSegment(
                    segment=name,
                    title=known.title,
                    purpose=known.purpose,
                    since=member.since,
                    because=list(member.because),
                    definition=member.definition,
                )
            )
    yield SegmentsOfProfile(profile_id=as_uuid(profile), entries=entries)


def current_members(
    reads: Reads, realm: str, segment: str
) -> Iterator[tuple[NodeId, SegmentMember]]:
    """The stored members, each with the profile that holds it now, once: of two that were merged
    since, the one whose id the profile has counts. Raises NotFound."""
    require_segment(reads, realm, segment)
    for one in _current(reads, realm, segment, 0, MEMBERS_PER_READ):
        yield one.profile, one.member


def _current(
    reads: Reads, realm: str, segment: str, after: NodeId, page: int
) -> Iterator[_Current]:
    """The same behind a stored id, in the order of stored ids, `page` of them read at a time."""
    for some in reads.segments.memberships(realm, segment, MEMBER, page=page, after=after):
        resolved = reads.profiles.resolve(realm, [one.profile for one in some])
        holder = {
            one.profile: resolved[one.profile].profile for one in some if one.profile in resolved
        }
        moved = {held for stored, held in holder.items() if held != stored}
        counting = _counting(reads, realm, segment, moved)
        for one in some:
            held = holder.get(one.profile)
            if held is not None and counting.get(held, one.profile) == one.profile:
                yield _Current(
                    one.profile,
                    held,
                    SegmentMember(
                        profile_id=as_uuid(held),
                        since=one.since,
                        because=list(one.because),
                        definition=one.definition,
                    ),
                )


def _counting(
    reads: Reads, realm: str, segment: str, profiles: Collection[NodeId]
) -> dict[NodeId, NodeId]:
    """Of profiles that hold several stored members, perhaps, the one that is shown."""
    if not profiles:
        return {}
    nodes: defaultdict[NodeId, set[NodeId]] = defaultdict(set)
    for node, held in reads.segment_facts.holders(realm, profiles).items():
        nodes[held].add(node)
    every = {node for some in nodes.values() for node in some}
    stored = reads.segments.stored(realm, [segment], every | set(profiles)).get(segment, {})
    found = {one: _that_counts(one, stored, nodes[one]) for one in profiles}
    return {held: one for held, one in found.items() if one is not None}


def _that_counts(
    profile: NodeId, stored: Mapping[NodeId, SegmentMembership], nodes: Collection[NodeId]
) -> NodeId | None:
    """Under which id a profile is a member: its own before others, of these always the same."""
    members = [one for one in nodes if one in stored and stored[one].state == MEMBER]
    if profile in stored and stored[profile].state == MEMBER:
        return profile
    return min(members, default=None)


def require_segment(reads: Reads, realm: str, segment: str) -> StoredDefinition:
    """The definition of a segment in force. Raises NotFound."""
    require_realm(reads, realm)
    known = reads.segments.definitions(realm)
    if segment not in known:
        hint = near(segment, known)
        raise NotFound(f"there is no segment {segment!r}{hint}", reason=UNKNOWN_SEGMENT)
    return known[segment]


SEGMENTS_LIST = Operation(
    "segments_list", Scope.SEGMENTS_READ, SegmentsRequest, ListedSegment, _list
)
"""The segments of a realm."""
SEGMENTS_MEMBERS = Operation(
    "segments_members", Scope.SEGMENTS_MEMBERS, SegmentRequest, SegmentMember, _members
)
"""Who belongs to a segment."""
SEGMENTS_PAGE = Operation(PAGE, Scope.SEGMENTS_MEMBERS, MembersRequest, MembersPage, _page)
"""A page of those who belong to a segment."""
PROFILE_SEGMENTS = Operation(
    "profile_segments", Scope.SEGMENTS_MEMBERS, ProfileRequest, SegmentsOfProfile, _of_profile
)
"""The segments that a customer belongs to."""
OPERATIONS = (SEGMENTS_LIST, SEGMENTS_MEMBERS, SEGMENTS_PAGE, PROFILE_SEGMENTS)

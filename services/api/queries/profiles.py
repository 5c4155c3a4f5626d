"""Operations on profiles: one customer, their timeline, all customers."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from schemas.base import Contract
from schemas.identifiers import NodeId
from schemas.profile import PROFILE_VERSION, Profile, ProfileScalars, TimelineEntry
from services.api.auth import Scope
from services.api.handles import node_of
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access, Reads
from services.runtime.errors import InvalidInput, NotFound

UNKNOWN_PROFILE = "unknown_profile"
"""Reason of a NotFound: nobody is known by this handle or identifier."""


class ProfileRequest(RealmRequest):
    """A customer, by one of the two."""

    handle: str = ""
    """Any profile id or node id that the customer ever had."""
    identifier: str = ""
    """TYPE[@ISSUER]=VALUE."""


class TimelineRequest(ProfileRequest):
    """A page of a customer's touchpoints."""

    limit: int = 50
    """Most entries of the page."""
    cursor: str = ""
    """The cursor that the page before ended with."""


class _Versioned(Contract):
    version: int = PROFILE_VERSION
    """Version of this output."""


class ListedProfile(ProfileScalars, _Versioned):
    """The scalars of a profile."""


class TimelinePage(Answer):
    """A page of touchpoints, newest first."""

    entries: list[TimelineEntry]
    """The touchpoints."""
    next_cursor: str | None
    """Cursor of the next page; null at the end."""


def _known(reads: Reads, realm: str, node: NodeId) -> Profile:
    try:
        return reads.profiles.profile(realm, node)
    except NotFound as error:
        raise NotFound(str(error), reason=UNKNOWN_PROFILE) from error


def _get(access: Access, asked: ProfileRequest) -> Iterator[Profile]:
    node = node_of(access.reads, asked.realm, asked.handle, asked.identifier)
    yield _known(access.reads, asked.realm, node)


def _list(access: Access, asked: RealmRequest) -> Iterator[ListedProfile]:
    for scalars in access.reads.profiles.totals(asked.realm, refresh=True).profiles:
        yield ListedProfile.model_validate(scalars.model_dump())


def _timeline(access: Access, asked: TimelineRequest) -> Iterator[TimelinePage]:
    reads, realm = access.reads, asked.realm
    node = node_of(reads, realm, asked.handle, asked.identifier)
    profile: UUID = _known(reads, realm, node).profile_id
    try:
        entries, following = reads.profiles.timeline(realm, profile.int, asked.limit, asked.cursor)
    except ValueError as error:
        raise InvalidInput(f"no such page: {error}") from error
    yield TimelinePage(entries=entries, next_cursor=following or None)


PROFILE_GET = Operation("profile_get", Scope.PROFILES_READ, ProfileRequest, Profile, _get)
"""One profile, always exact."""
PROFILE_LIST = Operation("profile_list", Scope.PROFILES_READ, RealmRequest, ListedProfile, _list)
"""The scalars of every profile, from freshly refreshed totals."""
PROFILE_TIMELINE = Operation(
    "profile_timeline", Scope.PROFILES_READ, TimelineRequest, TimelinePage, _timeline
)
"""One page of a customer's touchpoints."""
OPERATIONS = (PROFILE_GET, PROFILE_LIST, PROFILE_TIMELINE)

"""Operations on profiles: one customer, all customers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from uuid import UUID

from pydantic import Field

from schemas.base import Contract
from schemas.identifiers import NodeId
from schemas.profile import PROFILE_VERSION, AttributeValue, Profile, ProfileScalars
from services.api.auth import Scope
from services.api.handles import UNKNOWN, node_named, node_of, require_realm
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access, Reads
from services.runtime.errors import NotFound

NAME_PARTS = ("title", "first_name", "last_name")
NAMED_PER_QUERY = 500
MATCHES_MAX = 1_000
"""Nodes that a search looks at."""


class ProfileRequest(RealmRequest):
    """A customer, by one of the three."""

    who: str = ""
    """A handle, TYPE[@ISSUER]=VALUE, or a bare e-mail address, phone number or other number."""

    handle: str = ""
    """Any profile id or node id that the customer ever had."""
    identifier: str = ""
    """TYPE[@ISSUER]=VALUE."""


class ProfilesRequest(RealmRequest):
    """The profiles of a realm."""

    limit: int | None = Field(default=None, ge=1)
    """Most rows; none for all."""
    names: bool = False
    """With the names of the golden records, which takes longer."""


class SearchRequest(RealmRequest):
    """Customers by a part of what is known of them."""

    text: str = Field(min_length=2, max_length=200)
    """Part of an identifier or of an attribute, in any letter case."""
    limit: int = Field(default=20, ge=1, le=500)
    """Most rows."""


class FoundProfile(Answer):
    """A customer that a search found."""

    profile_id: UUID
    """Its profile now."""
    name: str
    """Title, first and last name of the golden record, as far as they are known."""
    kind: str
    """person, anonymous or shared."""
    matches: list[str]
    """What contains the text: identifiers as `TYPE=VALUE`, attributes as `NAME: VALUE`."""
    orders: int
    """Orders and receipts."""
    last_contact: datetime | None
    """Time of the latest touchpoint."""


class _Versioned(Contract):
    version: int = PROFILE_VERSION
    """Version of this output."""


class ListedProfile(ProfileScalars, _Versioned):
    """The scalars of a profile."""

    name: str | None = None
    """Name of the golden record, if it was asked for."""


def _node(reads: Reads, asked: ProfileRequest) -> tuple[NodeId, str]:
    """The node that a request names, and how it was named."""
    named = asked.who or asked.handle or asked.identifier
    if asked.who:
        return node_named(reads, asked.realm, asked.who), named
    return node_of(reads, asked.realm, asked.handle, asked.identifier), named


def _known(reads: Reads, asked: ProfileRequest) -> Profile:
    require_realm(reads, asked.realm)
    node, named = _node(reads, asked)
    try:
        return reads.profiles.profile(asked.realm, node)
    except NotFound as error:
        raise NotFound(
            f"nobody is known by {named!r} in realm {asked.realm!r}", reason=UNKNOWN
        ) from error


def _get(access: Access, asked: ProfileRequest) -> Iterator[Profile]:
    yield _known(access.reads, asked)


def name_of(profile: Profile) -> str:
    """Title, first and last name of the golden record, as far as they are known."""
    known = (profile.attributes.get(part) for part in NAME_PARTS)
    return " ".join(one.value for one in known if isinstance(one, AttributeValue))


def _list(access: Access, asked: ProfilesRequest) -> Iterator[ListedProfile]:
    reads = access.reads.profiles
    rows = islice(reads.totals(asked.realm, refresh=True).profiles, asked.limit)
    while part := list(islice(rows, NAMED_PER_QUERY)):
        names: dict[UUID, str] = {}
        if asked.names:
            found = reads.profiles(asked.realm, [one.profile_id.int for one in part])
            names = {one.profile_id: name_of(one) for one in found}
        for scalars in part:
            name = names.get(scalars.profile_id, "") if asked.names else None
            yield ListedProfile.model_validate({**scalars.model_dump(), "name": name})


def _search(access: Access, asked: SearchRequest) -> Iterator[FoundProfile]:
    reads, realm = access.reads, asked.realm
    require_realm(reads, realm)
    matches: dict[NodeId, list[str]] = {}
    hits = reads.containing(realm, asked.text, MATCHES_MAX)
    held = reads.profiles.resolve(realm, [node for node, _match in hits])
    for node, match in hits:
        if node in held:
            known = matches.setdefault(held[node].profile, [])
            if match not in known:
                known.append(match)
    for one in reads.profiles.profiles(realm, list(matches)[: asked.limit]):
        yield FoundProfile(
            profile_id=one.profile_id,
            name=name_of(one),
            kind=one.kind,
            matches=matches[one.profile_id.int],
            orders=one.orders,
            last_contact=one.last_contact,
        )


PROFILE_GET = Operation("profile_get", Scope.PROFILES_READ, ProfileRequest, Profile, _get)
"""One profile, always exact."""
PROFILE_LIST = Operation("profile_list", Scope.PROFILES_READ, ProfilesRequest, ListedProfile, _list)
"""The scalars of every profile, from freshly refreshed totals."""
PROFILE_SEARCH = Operation(
    "profile_search", Scope.PROFILES_READ, SearchRequest, FoundProfile, _search
)
"""Customers of whom an identifier or an attribute contains a text."""
OPERATIONS = (PROFILE_GET, PROFILE_LIST, PROFILE_SEARCH)

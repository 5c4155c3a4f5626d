"""Operations on profiles: one customer, some by their ids or identifiers, all customers."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from typing import Self
from uuid import UUID

import orjson
from pydantic import Field, model_validator

from schemas.api.profiles import (
    BATCH_IDS_MAX,
    IDENTIFIERS_MAX,
    SEARCH_ATTRIBUTES_MAX,
    SEARCH_ENTRIES_MAX,
    SEARCH_TEXT_MAX,
    SEARCH_TEXT_MIN,
    AttributeName,
    AttributeText,
    BatchEntry,
    FoundProfile,
    FoundProfiles,
    GivenIdentifier,
    IdentifiedProfile,
    IdentityTime,
    IdStatus,
)
from schemas.base import Contract, Instant
from schemas.identifiers import NodeId, as_uuid
from schemas.instants import from_ms, to_ms
from schemas.placement import ProfileKind
from schemas.profile import PROFILE_VERSION, AttributeValue, Profile, ProfileScalars
from services.api.auth import Scope
from services.api.cursors import seal, unseal
from services.api.handles import ERASED, UNKNOWN, node_named, node_of, nodes_given, require_realm
from services.api.operation import Operation, RealmRequest
from services.api.ports import Access, Reads
from services.profiles.core.masking import masked
from services.profiles.core.search import SearchHit, SearchPlace, SearchTerms, forms_of
from services.profiles.ports import ProfileSource
from services.runtime.errors import InvalidInput, NotFound

NAME_PARTS = ("title", "first_name", "last_name")
NAMED_PER_QUERY = 500
LISTED_PER_QUERY = 20_000
SEARCH = "profile_search"


class ProfileRequest(RealmRequest):
    """A customer, by one of the three."""

    who: str = ""
    """A handle, TYPE[@ISSUER]=VALUE, or a bare e-mail address, phone number or other number."""

    handle: str = ""
    """Any profile id or node id that the customer ever had."""
    identifier: str = ""
    """TYPE[@ISSUER]=VALUE."""


class ProfileGetRequest(ProfileRequest):
    """A customer, now or as of a time."""

    as_of: Instant | None = None
    """Only what occurred up to then counts; none for everything."""
    identity: IdentityTime = IdentityTime.NOW
    """With `as_of`: whose identifiers make the profile."""
    is_masked: bool = False
    """With hints in the place of values."""


class LookupRequest(RealmRequest):
    """Identifiers of a customer."""

    identifiers: tuple[GivenIdentifier, ...] = Field(min_length=1, max_length=IDENTIFIERS_MAX)
    """Identifiers that may all be of the same customer."""
    is_masked: bool = False
    """With hints in the place of values."""


class BatchRequest(RealmRequest):
    """Customers by their ids."""

    ids: tuple[UUID, ...] = Field(min_length=1, max_length=BATCH_IDS_MAX)
    """Any ids that the customers ever had."""
    is_masked: bool = False
    """With hints in the place of values."""


class ProfilesRequest(RealmRequest):
    """The profiles of a realm."""

    limit: int | None = Field(default=None, ge=1)
    """Most rows; none for all."""
    names: bool = False
    """With the names of the golden records, which takes longer."""


class SearchRequest(RealmRequest):
    """Customers by what is known of them: by a text, by attributes, or by both."""

    text: str = Field(default="", max_length=SEARCH_TEXT_MAX)
    """Part of an identifier or of an attribute that was ever reported, in any letter case."""
    attributes: dict[AttributeName, AttributeText] = Field(
        default={}, max_length=SEARCH_ATTRIBUTES_MAX
    )
    """Values of the golden record by attribute, in any letter case."""
    limit: int = Field(default=20, ge=1, le=SEARCH_ENTRIES_MAX)
    """Most rows."""
    cursor: str = ""
    """Cursor of the page before; empty for the first one."""

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.attributes and len(self.text.strip()) < SEARCH_TEXT_MIN:
            raise ValueError(f"name a text of {SEARCH_TEXT_MIN} or more characters, or attributes")
        return self


class _Versioned(Contract):
    version: int = PROFILE_VERSION
    """Version of this output."""


class ListedProfile(ProfileScalars, _Versioned):
    """The scalars of a profile."""

    name: str | None = None
    """Name of the golden record, if it was asked for."""


def _node(reads: Reads, asked: ProfileRequest) -> tuple[NodeId, str]:
    """The node that a request names, and how it was named."""
    require_realm(reads, asked.realm)
    named = asked.who or asked.handle or asked.identifier
    if asked.who:
        return node_named(reads, asked.realm, asked.who), named
    return node_of(reads, asked.realm, asked.handle, asked.identifier), named


def _get(access: Access, asked: ProfileGetRequest) -> Iterator[Profile]:
    reads, realm = access.reads, asked.realm
    if asked.as_of is None and asked.identity is IdentityTime.THEN:
        raise InvalidInput("identity: 'then' needs a time, as_of")
    node, named = _node(reads, asked)
    found = _as_of(reads, asked, node)
    if not _holds(found, node) and reads.profiles.erased(realm, [node]):
        raise NotFound(f"{named!r} was erased on request in realm {realm!r}", reason=ERASED)
    if found is None:
        raise NotFound(f"nobody is known by {named!r} in realm {realm!r}", reason=UNKNOWN)
    yield masked(found) if asked.is_masked else found


def _as_of(reads: Reads, asked: ProfileGetRequest, node: NodeId) -> Profile | None:
    """The profile that holds a node, or held it; None for an unknown node."""
    profiles, realm = reads.profiles, asked.realm
    as_of = asked.as_of and from_ms(to_ms(asked.as_of))
    if as_of is not None and asked.identity is IdentityTime.THEN:
        members, profile = reads.members_then(realm, node, as_of)
        found = profiles.grouped(realm, members, [profile], as_of)
        return found[0].model_copy(update={"requested_id": as_uuid(node)}) if found else None
    return profiles.holding(realm, [node], as_of).get(node)


def fields_of(text: str) -> frozenset[str]:
    """The fields of a profile that a list with commas names; all for an empty one.

    Raises InvalidInput for what is no field.
    """
    named = frozenset(part.strip() for part in text.split(",")) if text else frozenset(FIELDS)
    if unknown := len(named - FIELDS):
        raise InvalidInput(f"fields: {unknown} of them unknown; known are {', '.join(FIELDS)}")
    return named


FIELDS = dict.fromkeys(Profile.model_fields).keys()
"""Top-level fields of a profile, in their order."""


def _lookup(access: Access, asked: LookupRequest) -> Iterator[IdentifiedProfile]:
    reads, realm = access.reads, asked.realm
    require_realm(reads, realm)
    named = [
        (index, node)
        for index, nodes in enumerate(nodes_given(reads, realm, asked.identifiers))
        for node in nodes
    ]
    held = reads.profiles.resolve(realm, list(dict.fromkeys(node for _, node in named)))
    if any(one.kind != ProfileKind.SHARED for one in held.values()):  # what nobody's is says little
        held = {node: one for node, one in held.items() if one.kind != ProfileKind.SHARED}
    by_profile: dict[NodeId, list[tuple[int, NodeId]]] = {}
    for index, node in named:
        if node in held:
            by_profile.setdefault(held[node].profile, []).append((index, node))
    for profile, by in by_profile.items():
        found: Profile | None = None
        if len(by_profile) == 1:
            node = by[0][1]
            found = reads.profiles.holding(realm, [node]).get(node)
            found = masked(found) if found and asked.is_masked else found
        yield IdentifiedProfile(
            profile_id=as_uuid(profile),
            kind=held[by[0][1]].kind,
            identifiers=list(dict.fromkeys(index for index, _ in by)),
            profile=found,
        )


def _batch(access: Access, asked: BatchRequest) -> Iterator[BatchEntry]:
    reads, realm = access.reads.profiles, asked.realm
    require_realm(access.reads, realm)
    nodes = list(dict.fromkeys(one.int for one in asked.ids))
    found = reads.holding(realm, nodes)
    absent = [node for node in nodes if not _holds(found.get(node), node)]
    erased = reads.erased(realm, absent)
    for one in asked.ids:
        profile = None if one.int in erased else found.get(one.int)
        yield _entry(one, profile, one.int in erased, asked.is_masked)


def _holds(profile: Profile | None, node: NodeId) -> bool:
    """Whether an identifier of the profile is known by this node."""
    return profile is not None and as_uuid(node) in {one.node_id for one in profile.identifiers}


def _entry(asked: UUID, profile: Profile | None, is_erased: bool, is_masked: bool) -> BatchEntry:
    if profile is None:
        status = IdStatus.ERASED if is_erased else IdStatus.UNKNOWN
        return BatchEntry(requested_id=asked, status=status, profile=None)
    status = IdStatus.FOUND if profile.profile_id == asked else IdStatus.MERGED
    shown = masked(profile) if is_masked else profile
    return BatchEntry(requested_id=asked, status=status, profile=shown)


def name_of(profile: Profile) -> str:
    """Title, first and last name of the golden record, as far as they are known."""
    known = (profile.attributes.get(part) for part in NAME_PARTS)
    return " ".join(one.value for one in known if isinstance(one, AttributeValue))


def _list(access: Access, asked: ProfilesRequest) -> Iterator[ListedProfile]:
    reads = access.reads.profiles
    rows = islice(_customers(reads, asked.realm), asked.limit)
    while part := list(islice(rows, NAMED_PER_QUERY)):
        names: dict[UUID, str] = {}
        if asked.names:
            found = reads.profiles(asked.realm, [one.profile_id.int for one in part])
            names = {one.profile_id: name_of(one) for one in found}
        for scalars in part:
            name = names.get(scalars.profile_id, "") if asked.names else None
            yield ListedProfile.model_validate({**scalars.model_dump(), "name": name})


def _customers(reads: ProfileSource, realm: str) -> Iterator[ProfileScalars]:
    """Everybody but the invented ones."""
    rows = reads.totals(realm, refresh=True).profiles
    while part := list(islice(rows, LISTED_PER_QUERY)):
        invented = reads.invented(realm, part)
        yield from (one for one in part if one.profile_id not in invented)


def _search(access: Access, asked: SearchRequest) -> Iterator[FoundProfiles]:
    reads, realm = access.reads, asked.realm
    require_realm(reads, realm)
    rules, region = reads.profile_rules, reads.realms[realm].region
    attributes = {
        name: forms_of(name, value, rules, region) for name, value in asked.attributes.items()
    }
    question, secret = _fingerprint(asked), reads.secret()
    after, leading = None, ""
    if asked.cursor:
        rank, node, asked_before, leading = unseal(secret, SEARCH, realm, asked.cursor)
        if asked_before != question:
            raise InvalidInput("cursor: it belongs to another search")
        after = SearchPlace(rank, UUID(node).int)
    elif not asked.text:
        leading = reads.search.rarest(realm, attributes)
    hits, place = reads.search.page(
        realm, SearchTerms(asked.text, attributes, leading), asked.limit, after
    )
    following = None
    if place is not None:
        words = place.rank, str(as_uuid(place.node))
        following = seal(secret, SEARCH, realm, [*words, question, leading])
    yield FoundProfiles(entries=list(map(_found, hits)), next_cursor=following)


def _fingerprint(asked: SearchRequest) -> str:
    """Tells questions apart, so that a cursor is used for its own only."""
    question = orjson.dumps([asked.text, sorted(asked.attributes.items())])
    return sha256(question).hexdigest()[:16]


def _found(hit: SearchHit) -> FoundProfile:
    one = hit.profile
    return FoundProfile(
        profile_id=one.profile_id,
        name=name_of(one),
        kind=one.kind,
        matches=hit.matches,
        orders=one.orders,
        last_contact=one.last_contact,
    )


PROFILE_GET = Operation("profile_get", Scope.PROFILES_READ, ProfileGetRequest, Profile, _get)
"""One profile, always exact, now or as of a time."""
PROFILE_LOOKUP = Operation(
    "profile_lookup", Scope.PROFILES_READ, LookupRequest, IdentifiedProfile, _lookup
)
"""The profiles that some identifiers name; the profile itself if it is one."""
PROFILE_BATCH = Operation("profile_batch", Scope.PROFILES_READ, BatchRequest, BatchEntry, _batch)
"""What became of ids, in the order asked, each with its profile."""
PROFILE_LIST = Operation("profile_list", Scope.PROFILES_READ, ProfilesRequest, ListedProfile, _list)
"""The scalars of every profile, from freshly refreshed totals."""
PROFILE_SEARCH = Operation(SEARCH, Scope.PROFILES_PII, SearchRequest, FoundProfiles, _search)
"""A page of customers by what is known of them."""
OPERATIONS = (PROFILE_GET, PROFILE_LOOKUP, PROFILE_BATCH, PROFILE_LIST, PROFILE_SEARCH)

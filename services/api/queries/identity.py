"""Operations on identities: every identifier, and why two of them are one person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field

from schemas.api.identity import IdentityMember, ProfileIdentity
from schemas.api.pages import PageEnd
from schemas.api.permission import Language
from schemas.identifiers import NodeId, as_uuid
from schemas.placement import ProfileKind
from services.api.auth import Scope
from services.api.cursors import seal, unseal
from services.api.explained import Explained, hinted
from services.api.handles import ERASED, UNKNOWN, held_by, node_named, require_realm
from services.api.operation import Answer, Operation, RealmRequest, Request
from services.api.ports import Access, Reads
from services.api.queries.profiles import ProfileRequest
from services.api.sentences import Sentences
from services.identity.core.model import Reason
from services.identity.verification import Verified, WrongPlacement, WrongRefusal
from services.profiles.core.masking import masked_identifier
from services.runtime.errors import NotFound

MEMBERS_PER_PAGE_MAX = 500
OF_PROFILE = "profile_identity"


class WhyRequest(RealmRequest):
    """Two identifiers."""

    a: str
    """A node id, TYPE[@ISSUER]=VALUE, or a bare e-mail address, phone number or other number."""
    b: str
    """The other one."""
    is_masked: bool = False
    """Whether values are replaced by hints."""
    language: Language = Language.ENGLISH
    """Language of the sentences."""


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


class IdentityRequest(ProfileRequest):
    """A page of the identifiers of a customer."""

    limit: int = Field(default=50, ge=1, le=MEMBERS_PER_PAGE_MAX)
    """Most identifiers."""
    cursor: str = ""
    """Cursor of the page before; empty for the first one."""
    is_masked: bool = False
    """Whether values are replaced by hints."""


def _identity(access: Access, asked: IdentityRequest) -> Iterator[ProfileIdentity]:
    reads, realm = access.reads, asked.realm
    held = held_by(reads, realm, asked.who, asked.handle, asked.identifier)
    after = None
    if asked.cursor:
        [place] = unseal(reads.secret(), OF_PROFILE, realm, asked.cursor)
        after = int(place, 16)
    found = reads.memberships.page(realm, held.profile, asked.limit, after)
    following = None
    if found.following is not None:
        following = seal(reads.secret(), OF_PROFILE, realm, [f"{found.following:x}"])
    yield ProfileIdentity(
        realm=realm,
        profile_id=as_uuid(held.profile),
        kind=held.kind,
        members_count=found.members_count,
        members=[_hinted(one) for one in found.members] if asked.is_masked else found.members,
        edges=found.edges,
        decisions=found.decisions,
        is_cut=found.is_cut,
        page=PageEnd(next=following, has_more=following is not None),
    )


def _hinted(one: IdentityMember) -> IdentityMember:
    return one.model_copy(update={"value": masked_identifier(one.type, one.value)})


class VerifyRequest(Request):
    """The whole map of a realm, or of each."""

    realm: str = ""
    """Brand or tenant; empty for every one."""
    limit: int = Field(default=100, ge=0)
    """Most differences to list of a realm; all are counted."""


class WrongMapRow(Answer):
    """A row of the map that does not follow from the edges."""

    node_id: UUID
    """The identifier."""
    type: str
    """Its type."""
    stored_profile_id: UUID | None
    """The profile that the map puts it into; null without a row."""
    stored_kind: ProfileKind | None
    """What the map says that profile is."""
    expected_profile_id: UUID | None
    """The profile that the edges put it into; null if it should have no row."""
    expected_kind: ProfileKind | None
    """What that profile is."""


class WrongRefusalRow(Answer):
    """A refused edge or decision that does not follow from the edges, or is missing."""

    a: UUID
    """One identifier of it."""
    b: UUID
    """The other one."""
    stored_reason: Reason | None
    """Why it is refused; null if no refusal is stored."""
    expected_reason: Reason | None
    """Why it should be refused; null if it should not. The same as stored if other identifiers
    block it, or another event is its evidence."""


class MapVerified(Answer):
    """The stored map of a realm, compared with what its edges, decisions and marks make."""

    version: int = 1
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    nodes: int
    """Identifiers that were looked at: those with an edge, a decision or a map row."""
    unsettled: int
    """Identifiers at which a first look found a difference that was gone moments later, because
    somebody was writing the map."""
    wrong_map_rows: int
    """Map rows that differ."""
    wrong_refusals: int
    """Refusals that differ."""
    rules_being_applied: bool
    """Whether rules are still being applied: then rows differ that are not brought in line yet."""
    map_rows: list[WrongMapRow]
    """The first of them."""
    refusals: list[WrongRefusalRow]
    """The first of them."""


def _verify(access: Access, asked: VerifyRequest) -> Iterator[MapVerified]:
    if asked.realm:
        require_realm(access.reads, asked.realm)
    for realm in [asked.realm] if asked.realm else access.reads.realms:
        yield _verified(access.reads, realm, asked.limit)


def _verified(reads: Reads, realm: str, limit: int) -> MapVerified:
    told, rows, refusals = Verified(), list[WrongMapRow](), list[WrongRefusalRow]()
    is_applied = _are_applied(reads, realm)
    counted = Counter[type]()
    for one in reads.wrong_identities(realm, told):
        counted[type(one)] += 1
        if counted.total() > limit:
            continue
        if isinstance(one, WrongPlacement):
            rows.append(_wrong_row(one))
        else:
            refusals.append(_wrong_refusal(one))
    return MapVerified(
        realm=realm,
        nodes=told.nodes,
        unsettled=told.unsettled,
        wrong_map_rows=counted[WrongPlacement],
        wrong_refusals=counted[WrongRefusal],
        rules_being_applied=is_applied or _are_applied(reads, realm),
        map_rows=rows,
        refusals=refusals,
    )


def _are_applied(reads: Reads, realm: str) -> bool:
    """Whether rows of the map may still follow from other rules."""
    reads.follow_rules(at_once=True)
    change = reads.rules_in_force(realm)
    return change is not None and not change.is_done


def _wrong_row(one: WrongPlacement) -> WrongMapRow:
    stored, expected = one.stored, one.expected
    return WrongMapRow(
        node_id=as_uuid(one.node.id),
        type=one.node.type,
        stored_profile_id=stored and as_uuid(stored.profile),
        stored_kind=stored and stored.kind,
        expected_profile_id=expected and as_uuid(expected.profile),
        expected_kind=expected and expected.kind,
    )


def _wrong_refusal(one: WrongRefusal) -> WrongRefusalRow:
    a, b = one.ends
    return WrongRefusalRow(
        a=as_uuid(a),
        b=as_uuid(b),
        stored_reason=one.stored and one.stored.reason,
        expected_reason=one.expected and one.expected.reason,
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
    reads = access.reads
    require_realm(reads, asked.realm)
    zone = ZoneInfo(reads.realms[asked.realm].time_zone)
    words = Sentences(asked.language, zone, reads.identity_rules)
    a, b = _both(reads, asked, words)
    found = Explained.model_validate(
        {**reads.explain(asked.realm, a, b), "language": asked.language, "sentences": []}
    )
    strange = {
        named: bool(reads.profiles.erased(asked.realm, [node]))
        for named, node, told in ((asked.a, a, found.a), (asked.b, b, found.b))
        if not told.type
    }
    if strange:
        raise _unknown(words, asked.realm, strange)
    shown = hinted(found) if asked.is_masked else found
    yield shown.model_copy(update={"sentences": words.of(shown)})


def _both(reads: Reads, asked: WhyRequest, words: Sentences) -> list[NodeId]:
    """The nodes of the two. Raises NotFound, which says it of both if neither is known."""
    nodes, missing = list[NodeId](), dict[str, NotFound]()
    for named in (asked.a, asked.b):
        try:
            nodes.append(node_named(reads, asked.realm, named))
        except NotFound as error:
            missing[named] = error
    for fault in missing.values():
        if fault.reason != UNKNOWN:
            raise fault
    if missing:
        raise _unknown(words, asked.realm, dict.fromkeys(missing, False))
    return nodes


def _unknown(words: Sentences, realm: str, strange: dict[str, bool]) -> NotFound:
    """That identifiers are not known, each with whether it was erased."""
    is_erased = any(strange.values())
    return NotFound(words.unknown(realm, strange), reason=ERASED if is_erased else UNKNOWN)


IDENTITY_EXPORT = Operation(
    "identity_export", Scope.PROFILES_READ, RealmRequest, IdentifierRow, _export
)
"""Every identifier with its node id and the profile that holds it."""
IDENTITY_WHY = Operation("identity_why", Scope.PROFILES_READ, WhyRequest, Explained, _why)
"""Why two identifiers are, or are not, one profile."""
IDENTITY_VERIFY = Operation(
    "identity_verify", Scope.STORE_READ, VerifyRequest, MapVerified, _verify
)
"""Whether the stored map is what its edges, decisions and marks make it."""
PROFILE_IDENTITY = Operation(
    OF_PROFILE, Scope.PROFILES_READ, IdentityRequest, ProfileIdentity, _identity
)
"""A page of a customer's identifiers, with the edges and decisions at them."""
OPERATIONS = (IDENTITY_EXPORT, IDENTITY_WHY, IDENTITY_VERIFY, PROFILE_IDENTITY)

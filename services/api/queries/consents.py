"""Operations on contact permission: of one customer with the evidence, and of many addresses."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field

from schemas.api.permission import (
    AddressPermission,
    ConsentEvidence,
    ConsentWithEvidence,
    ContactAddress,
    ContactQuestion,
    Language,
)
from schemas.identifiers import (
    WHOLE_PERSON,
    BlockedIdentifier,
    InvalidIdentifier,
    NodeId,
    as_uuid,
    node_id,
    normalise,
)
from services.api.auth import Scope
from services.api.cursors import seal, unseal
from services.api.handles import held_by, require_realm
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access, Reads
from services.api.queries.profiles import ProfileRequest
from services.ingest.core.permission import ADDRESS_TYPES
from services.profiles.core.consent import ConsentRecord, Consents, Permission, Target, state_of
from services.profiles.core.consent_text import (
    INVALID_ADDRESS,
    SHARED_ADDRESS,
    UNKNOWN_ADDRESS,
    bare_sentence,
    sentence,
)
from services.profiles.core.masking import masked_identifier
from services.profiles.ports import AddressStanding
from services.runtime.errors import InvalidInput

STATES_PER_PAGE_MAX = 500
EVIDENCE_SHOWN_MAX = 50
OF_PROFILE = "profile_consents"


class ContactRequest(ContactQuestion, RealmRequest):
    """The same of a realm."""

    language: Language = Language.ENGLISH
    """Of the sentences for customers."""


class ConsentsRequest(ProfileRequest):
    """A page of the contact permissions of a customer."""

    limit: int = Field(default=50, ge=1, le=STATES_PER_PAGE_MAX)
    """Most permissions."""
    cursor: str = ""
    """Cursor of the page before; empty for the first one."""
    language: Language = Language.ENGLISH
    """Of the sentences for customers."""
    is_masked: bool = False
    """Whether addresses are replaced by hints."""


class ConsentsPage(Answer):
    """A page of contact permissions, by purpose, channel and address."""

    profile_id: UUID
    """Whose they are."""
    entries: list[ConsentWithEvidence]
    """The permissions."""
    next_cursor: str | None
    """Cursor of the next page; null at the end."""


def _contact(access: Access, asked: ContactRequest) -> Iterator[AddressPermission]:
    reads, realm = access.reads, asked.realm
    require_realm(reads, realm)
    _require_listed("channel", asked.channel, reads.contact_channels)
    _require_listed("purpose", asked.purpose, reads.purposes)
    nodes = [_node(reads, asked, one, position) for position, one in enumerate(asked.addresses)]
    readable = [node for node in nodes if node is not None]
    standings = dict(reads.permissions.of_addresses(realm, readable, asked.channel, asked.purpose))
    zone = ZoneInfo(reads.realms[realm].time_zone)
    for node in nodes:
        if node is None:
            yield _nothing(INVALID_ADDRESS, asked.language)
        elif node not in standings:
            yield _nothing(UNKNOWN_ADDRESS, asked.language)
        else:
            yield _answer(standings[node], asked.language, zone)


def _require_listed(name: str, value: str, listed: frozenset[str]) -> None:
    """Raises InvalidInput for what nobody can have agreed to: a slip must not read as a no."""
    if value not in listed:
        raise InvalidInput(f"{name}: not a configured one; use one of {', '.join(sorted(listed))}")


def _node(reads: Reads, asked: ContactRequest, one: ContactAddress, position: int) -> NodeId | None:
    """The node of an address; None for one that cannot be read, or not be used on the channel."""
    kind = reads.identity_rules.by_name.get(one.type)
    if kind is None:
        raise InvalidInput(f"addresses.{position}.type: no such identifier type")
    if one.type != ADDRESS_TYPES.get(asked.channel, one.type):
        return None
    region = reads.realms[asked.realm].region
    try:
        value = normalise(one.type, one.value, reads.identity_rules, region)
    except (InvalidIdentifier, BlockedIdentifier):
        return None
    issuer = one.issuer if kind.issued else ""
    return node_id(reads.secret(), asked.realm, one.type, issuer, value)


def _nothing(
    reason: str, language: Language, standing: AddressStanding | None = None
) -> AddressPermission:
    return AddressPermission(
        allowed=False,
        reason=reason,
        basis=None,
        event_id=None,
        occurred_at=None,
        via=None,
        text_version=None,
        kept_after_erasure=False,
        profile_id=as_uuid(standing.profile) if standing else None,
        sentence=bare_sentence(reason, language),
    )


def _answer(standing: AddressStanding, language: Language, zone: ZoneInfo) -> AddressPermission:
    permission = standing.permission
    if permission is None:
        return _nothing(SHARED_ADDRESS, language, standing)
    by = permission.by
    return AddressPermission(
        allowed=permission.allowed,
        reason=permission.reason,
        basis=permission.basis or None,
        event_id=by.event_id or None if by and not by.is_kept else None,
        occurred_at=by.occurred_at if by else None,
        via=by.via or None if by else None,
        text_version=by.text_version or None if by else None,
        kept_after_erasure=by is not None and by.is_kept,
        profile_id=as_uuid(standing.profile),
        sentence=sentence(permission, language, zone),
    )


def _consents(access: Access, asked: ConsentsRequest) -> Iterator[ConsentsPage]:
    reads, realm = access.reads, asked.realm
    profile = held_by(reads, realm, asked.who, asked.handle, asked.identifier).profile
    consents = reads.permissions.of_profile(realm, profile)
    left = [(one.purpose, one.channel, one.address) for one in consents.targets()]
    if asked.cursor:
        purpose, channel, address = unseal(reads.secret(), OF_PROFILE, realm, asked.cursor)
        left = [one for one in left if one > (purpose, channel, int(address, 16))]
    page = [Target(address, channel, purpose) for purpose, channel, address in left[: asked.limit]]
    known = {one.address for one in page} - {WHOLE_PERSON}
    values = {
        node: (kind, masked_identifier(kind, value) if asked.is_masked else value)
        for node, (kind, value) in reads.permissions.values(realm, known).items()
    }
    zone = ZoneInfo(reads.realms[realm].time_zone)
    following = None
    if len(left) > asked.limit:
        last = [page[-1].purpose, page[-1].channel, f"{page[-1].address:x}"]
        following = seal(reads.secret(), OF_PROFILE, realm, last)
    entries = [
        _entry(one, consents, values.get(one.address, ("", "")), asked.language, zone)
        for one in page
    ]
    yield ConsentsPage(profile_id=as_uuid(profile), entries=entries, next_cursor=following)


def _entry(
    target: Target, consents: Consents, named: tuple[str, str], language: Language, zone: ZoneInfo
) -> ConsentWithEvidence:
    permission: Permission = consents.permission(target)
    evidence = consents.evidence(target)
    return ConsentWithEvidence(
        **state_of(target, permission).model_dump(),
        type=named[0],
        value=named[1],
        basis=permission.basis or None,
        evidence=[_evidence(one) for one in evidence[-EVIDENCE_SHOWN_MAX:]],
        evidence_count=len(evidence),
        sentence=sentence(permission, language, zone),
    )


def _evidence(one: ConsentRecord) -> ConsentEvidence:
    return ConsentEvidence(
        action=one.action,
        event_id=one.event_id,
        occurred_at=one.occurred_at,
        via=one.via,
        source=one.source,
        basis=one.basis,
        double_opt_in=one.double_opt_in,
        text_version=one.text_version,
        kept_after_erasure=one.is_kept,
    )


CONTACT_PERMISSION = Operation(
    "contact_permission", Scope.PROFILES_READ, ContactRequest, AddressPermission, _contact
)
"""Whether addresses may be contacted, one answer for each in the same order."""
PROFILE_CONSENTS = Operation(
    OF_PROFILE, Scope.PROFILES_READ, ConsentsRequest, ConsentsPage, _consents
)
"""A page of a customer's contact permissions with the evidence."""
OPERATIONS = (CONTACT_PERMISSION, PROFILE_CONSENTS)

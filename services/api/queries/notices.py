"""The operation that lists what somebody should look at: evidence, and a proposed decision."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from uuid import UUID

from pydantic import Field

from schemas.base import Instant
from schemas.identifiers import as_uuid
from schemas.instants import from_ms
from services.api.auth import Scope
from services.api.handles import require_realm
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access
from services.identity.core.notices import (
    Evidence,
    NoticeKind,
    Proposal,
    ProposedAction,
    Sighting,
    proposal,
)
from services.profiles.core.masking import masked_identifier

SENDERS_SHOWN = 10


class NoticesRequest(RealmRequest):
    """Identifiers and persons that somebody should look at."""

    limit: int = Field(default=100, ge=1)
    """Most rows."""
    is_masked: bool = False
    """Whether values are replaced by hints."""


class EvidenceEvent(Answer):
    """An event that is evidence of a notice."""

    event_id: str
    """Its id."""
    occurred_at: Instant
    """When it happened, by its source."""
    channel: str
    """Its channel; empty if it is no longer stored."""
    system: str
    """`source.system`."""
    store: str
    """`source.store`; empty if none is named."""
    till: str
    """`source.till`; empty if none is named."""


class EvidenceSender(Answer):
    """Who reported the events of a notice."""

    channel: str
    """The channel of the events."""
    system: str
    """`source.system`."""
    store: str
    """`source.store`; empty if none is named."""
    till: str
    """`source.till`; empty if none is named."""
    events: int
    """How many of the events that were looked at."""


class NoticeEvidence(Answer):
    """What a notice rests on."""

    events: int
    """How many links or purchases there are."""
    is_cut: bool
    """Whether there are more, which were not looked at."""
    first_at: Instant | None
    """When the first one happened."""
    latest_at: Instant | None
    """When the latest one happened."""
    most_in_a_day: int
    """The most of them within 24 hours."""
    profiles: int
    """How many profiles hold the identifiers at the other ends."""
    senders: list[EvidenceSender]
    """Who reported them, most events first."""
    samples: list[EvidenceEvent]
    """The first one, the latest one and some between."""


class ProposedDecision(Answer):
    """What to do about a notice."""

    action: ProposedAction
    """The kind of decision."""
    text: str
    """In words."""
    rules: str
    """A line for the row of the type in the identity rules; empty if nothing is to be blocked, or
    values are masked."""
    pair: list[UUID]
    """Two identifiers to look at, and perhaps to decide about; empty if it is another decision."""


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
    """Type of the identifiers that were counted; empty for those of all types, or purchases."""
    count: int
    """How many of them it stands for, or the person has."""
    since: Instant | None
    """When the limit of a day was exceeded first, in event time; null for the other notices."""
    shared: bool
    """Whether the identifier joins nobody."""
    evidence: NoticeEvidence
    """The events it rests on."""
    proposal: ProposedDecision
    """What to do about it."""


def _notices(access: Access, asked: NoticesRequest) -> Iterator[ListedNotice]:
    require_realm(access.reads, asked.realm)
    source, rules = access.reads.notices, access.reads.identity_rules
    types = rules.by_name
    for one in islice(source.notices(asked.realm), asked.limit):
        evidence = source.evidence(asked.realm, one)
        blocked = types[one.type].blocked if one.type in types else []
        yield ListedNotice(
            realm=asked.realm,
            notice=one.kind,
            node_id=as_uuid(one.node),
            type=one.type,
            issuer=one.issuer,
            value=masked_identifier(one.type, one.value) if asked.is_masked else one.value,
            counted=one.counted,
            count=one.found,
            since=None if one.since_ms is None else from_ms(one.since_ms),
            shared=one.is_shared,
            evidence=_shown(evidence),
            proposal=_proposed(proposal(one, evidence, blocked, rules.identifiers_max), asked),
        )


def _shown(evidence: Evidence) -> NoticeEvidence:
    samples = [_event(one) for one in evidence.samples]
    return NoticeEvidence(
        events=evidence.events,
        is_cut=evidence.is_cut,
        first_at=samples[0].occurred_at if samples else None,
        latest_at=samples[-1].occurred_at if samples else None,
        most_in_a_day=evidence.most_in_a_day,
        profiles=evidence.profiles,
        senders=[EvidenceSender(**one._asdict()) for one in evidence.senders[:SENDERS_SHOWN]],
        samples=samples,
    )


def _event(one: Sighting) -> EvidenceEvent:
    told = one._asdict()
    return EvidenceEvent(occurred_at=from_ms(told.pop("at_ms")), **told)


def _proposed(found: Proposal, asked: NoticesRequest) -> ProposedDecision:
    return ProposedDecision(
        action=found.action,
        text=found.text,
        rules="" if asked.is_masked else found.rules,
        pair=[as_uuid(one) for one in found.ends or ()],
    )


IDENTITY_SUSPICIOUS = Operation(
    "identity_suspicious", Scope.PROFILES_READ, NoticesRequest, ListedNotice, _notices
)
"""Identifiers that stand for too many persons, and persons with too many identifiers."""
OPERATIONS = (IDENTITY_SUSPICIOUS,)

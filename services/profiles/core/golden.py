"""The golden record: all facts of one profile combined into a `schemas.profile.Profile`."""

from __future__ import annotations

from datetime import datetime

from schemas.groups import ACCOUNT, HOUSEHOLD
from schemas.identifiers import NodeId, as_uuid
from schemas.profile import (
    AttributeValue,
    Profile,
    ProfileAccount,
    ProfileHousehold,
    ProfileIdentifier,
)
from schemas.rules.profile import PREFERENCE_PREFIX, ProfileRules
from services.profiles.core.consent import permissions
from services.profiles.core.facts import ProfileFacts
from services.profiles.core.groups import GroupKey, Period, by_group, evidence, value_of
from services.profiles.core.purchases import Purchases
from services.profiles.core.survivorship import Survivor, survivors


def golden_record(
    facts: ProfileFacts,
    purchases: Purchases,
    currency: str,
    rules: ProfileRules,
    *,
    as_of: datetime,
    requested: NodeId | None = None,
) -> Profile:
    """The published form of the profile.

    `requested` is the handle asked for, if it differs from the profile's id; `as_of` the time of
    reading. Lists are in a fixed order, so equal facts give equal profiles.
    """
    attributes = survivors(facts.observations, rules, facts.region)
    contacts = facts.contacts
    return Profile(
        profile_id=as_uuid(facts.profile),
        requested_id=as_uuid(facts.profile if requested is None else requested),
        realm=facts.realm,
        kind=facts.kind,
        identifiers=_identifiers(facts),
        identifiers_count=len(facts.identifiers),
        attributes=_plain(attributes),
        preferences=_preferences(attributes),
        consents=permissions(facts.consents, rules.consent),
        accounts=_accounts(facts, as_of),
        households=_households(facts, as_of),
        orders=purchases.orders,
        returns=purchases.returns,
        cancellations=purchases.cancellations,
        revenue=purchases.revenue,
        returned=purchases.returned,
        currency=currency,
        other_currencies=purchases.other_currencies,
        returned_other_currencies=purchases.returned_other_currencies,
        first_contact=contacts.first,
        last_contact=contacts.last,
        last_active=contacts.active,
        channels=sorted(contacts.channels),
        as_of=as_of,
    )


def _identifiers(facts: ProfileFacts) -> list[ProfileIdentifier]:
    ordered = sorted(facts.identifiers, key=lambda one: (one.type, one.issuer, one.value))
    return [
        ProfileIdentifier(
            type=one.type,
            issuer=one.issuer,
            value=one.value,
            node_id=as_uuid(one.node),
            last_seen=facts.contacts.last_seen.get(one.node),
        )
        for one in ordered
    ]


def _accounts(facts: ProfileFacts, as_of: datetime) -> list[ProfileAccount]:
    return [
        ProfileAccount(
            account_id=key.number,
            issuer=key.issuer,
            name=value_of(facts.companies, key, "name"),
            roles=list(one.roles),
            job_title=one.title,
            **evidence(one, as_of),
        )
        for key, one in _memberships(facts, ACCOUNT)
    ]


def _households(facts: ProfileFacts, as_of: datetime) -> list[ProfileHousehold]:
    return [
        ProfileHousehold(
            household_id=key.number,
            issuer=key.issuer,
            relation=", ".join(one.roles),
            **evidence(one, as_of),
        )
        for key, one in _memberships(facts, HOUSEHOLD)
    ]


def _memberships(facts: ProfileFacts, kind: str) -> list[tuple[GroupKey, Period]]:
    """Those in groups of a kind, the latest first."""
    found = [
        (key, one)
        for key, several in by_group(facts.memberships, facts.companies).items()
        if key.kind == kind
        for one in several
    ]
    return sorted(found, key=lambda one: (one[1].since, one[0]), reverse=True)


def _plain(attributes: dict[str, Survivor]) -> dict[str, Survivor]:
    names = (name for name in attributes if not name.startswith(PREFERENCE_PREFIX))
    return {name: attributes[name] for name in names}


def _preferences(attributes: dict[str, Survivor]) -> dict[str, AttributeValue]:
    """`preference.channel` is called `channel` here; the rules allow no union of preferences."""
    return {
        name.removeprefix(PREFERENCE_PREFIX): value
        for name, value in attributes.items()
        if name.startswith(PREFERENCE_PREFIX) and isinstance(value, AttributeValue)
    }

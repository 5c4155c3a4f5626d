"""The golden record: all facts of one profile combined into a `schemas.profile.Profile`."""

from __future__ import annotations

from datetime import datetime

from schemas.identifiers import NodeId, as_uuid
from schemas.profile import AttributeValue, Profile, ProfileIdentifier
from schemas.rules.profile import PREFERENCE_PREFIX, ProfileRules
from services.profiles.core.consent import permissions
from services.profiles.core.facts import ProfileFacts
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

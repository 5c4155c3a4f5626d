"""The facts of one profile, as input of the core.

Every value is one deduplicated event (or one part of it) anchored at one node. The reader excludes
synthetic events: no measure counts them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from schemas.identifiers import RECORD_TYPE, NodeId
from services.profiles.core.consent import ConsentRecord
from services.profiles.core.groups import GroupKey, MembershipStatement, SaidValue


class Valued(NamedTuple):
    """An identifier of the profile: its node and the value behind it."""

    node: NodeId
    type: str
    issuer: str
    value: str


class AttributeObservation(NamedTuple):
    """One attribute value reported by one event. `present` false withdraws earlier values."""

    attribute: str
    value: str
    present: bool
    source: str
    channel: str
    event_id: str
    occurred_at: datetime


class OrderRow(NamedTuple):
    """One report of an order, cancellation or return, by any system.

    `value` is the gross total of own product and service lines in `currency`, which is empty if a
    cancellation or return leaves it to its order; `is_whole` says that it names no lines.
    """

    node: NodeId
    event_id: str
    occurred_at: datetime
    anchor_type: str
    action: str
    issuer: str
    order_id: str
    return_id: str
    currency: str
    value: Decimal
    is_whole: bool

    @property
    def is_unnamed(self) -> bool:
        """The event has no identifiers; it is anchored by its own record."""
        return self.anchor_type == RECORD_TYPE


class Contacts(NamedTuple):
    """When and where the profile was seen. `last_seen` is per node that an event names; `active` is
    the last time that the customer did something."""

    first: datetime | None
    last: datetime | None
    active: datetime | None
    channels: frozenset[str]
    last_seen: dict[NodeId, datetime]


NO_CONTACTS = Contacts(None, None, None, frozenset(), {})


class ProfileFacts(NamedTuple):
    """Everything known about one profile, except its orders (`purchases` adds them up)."""

    realm: str
    profile: NodeId
    kind: str
    identifiers: Sequence[Valued] = ()
    observations: Sequence[AttributeObservation] = ()
    consents: Sequence[ConsentRecord] = ()
    contacts: Contacts = NO_CONTACTS
    memberships: Sequence[tuple[GroupKey, MembershipStatement]] = ()
    companies: Mapping[GroupKey, Mapping[str, SaidValue]] = {}
    """What is said of the accounts of these memberships, and of those that stand for them."""
    region: str = ""
    """ISO 3166 region of the realm; reads telephone numbers without a country."""

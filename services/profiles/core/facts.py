"""The facts of one profile, as any store hands them to the core.

Every value stands for one deduplicated event (or one part of it) anchored at one node. Synthetic
events are left out by whoever reads: no measure counts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from schemas.identifiers import RECORD_TYPE, NodeId

WHOLE_PERSON: NodeId = 0
"""Address of an objection: every address of the person."""


class Valued(NamedTuple):
    """An identifier of the profile: its node and the value behind it."""

    node: NodeId
    type: str
    issuer: str
    value: str


class Observation(NamedTuple):
    """What one event said of one attribute. `present` false says "no longer so"."""

    attribute: str
    value: str
    present: bool
    source: str
    channel: str
    event_id: str
    occurred_at: datetime


class ConsentRecord(NamedTuple):
    """One step of a consent. `action` is given, confirmed, withdrawn or objection.

    `channel` and `address` say where contact is meant: empty for every channel, `WHOLE_PERSON` for
    every address. `double_opt_in` on a given consent says that it waits for its confirmation.
    """

    action: str
    purpose: str
    channel: str
    address: NodeId
    basis: str
    double_opt_in: bool
    event_id: str
    occurred_at: datetime


class OrderRow(NamedTuple):
    """One report of an order, cancellation or return, wherever it was made.

    `value` is the gross total of own product and service lines in `currency`; `is_whole` says that
    it names no lines.
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
        """The event names nobody; it is anchored by its own record."""
        return self.anchor_type == RECORD_TYPE


class Contacts(NamedTuple):
    """When and where the profile was met. `last_seen` is per node that an event stands on."""

    first: datetime | None
    last: datetime | None
    channels: frozenset[str]
    last_seen: dict[NodeId, datetime]


NO_CONTACTS = Contacts(None, None, frozenset(), {})


class ProfileFacts(NamedTuple):
    """All that is known of one profile, but for its orders (`purchases` adds them up)."""

    realm: str
    profile: NodeId
    kind: str
    identifiers: Sequence[Valued] = ()
    observations: Sequence[Observation] = ()
    consents: Sequence[ConsentRecord] = ()
    contacts: Contacts = NO_CONTACTS

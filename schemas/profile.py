"""The profile as `c360 profile get --json` prints it (Interface 1)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from pydantic import Field

from schemas.base import Contract
from schemas.currency import Priced

PROFILE_VERSION = 1


class ProfileIdentifier(Contract):
    """One identifier of a profile. `last_seen` comes from the facts that it anchors or is on."""

    type: str
    """Identifier type of the identity rules."""
    issuer: str
    """Who assigned the number; empty for e-mail and phone."""
    value: str
    """The value in its normalised form."""
    node_id: UUID
    """The identifier's own handle, which always resolves."""
    last_seen: datetime | None = None
    """Time of the latest touchpoint that names it."""


class AttributeValue(Contract):
    """The surviving value of one attribute, the event that reported it and the rule that chose."""

    value: str
    """The surviving value, in the written form of the attribute's type."""
    given: str
    """The same as its source wrote it."""
    valid: bool
    """Whether it has the form of its type. If not, `value` is what the source wrote, and survives
    only where no source reports a valid one."""
    source: str
    """`source.system` of the event that reported it."""
    channel: str
    """Channel of that event."""
    event_id: str
    """Id of that event."""
    occurred_at: datetime
    """Time of that event."""
    rule: str
    """The survivorship rule that chose it."""


class ConsentState(Contract):
    """Whether one address may be contacted on one channel for one purpose, and why."""

    address: UUID
    """Node id of the address."""
    channel: str
    """The channel of contact; empty in an objection to every channel."""
    purpose: str
    """The purpose of the contact: marketing, service …"""
    allowed: bool
    """Whether contact is permitted."""
    reason: str
    """Why it is or is not permitted."""
    event_id: str
    """The event that decided it; `erased` for an objection, withdrawal or complaint that was kept
    when the person was erased."""
    occurred_at: datetime
    """Time of that event."""


class ProfileMembership(Contract):
    """A time in which somebody belongs to a group, and the latest event that says so."""

    current: bool
    """Whether it is so at `as_of`."""
    since: datetime
    """From when on; may be in the future."""
    until: datetime | None
    """When it ends or ended; null: it goes on."""
    source: str
    """`source.system` of the event."""
    event_id: str
    """Id of the event."""
    occurred_at: datetime
    """Time of the event."""


class ProfileAccount(ProfileMembership):
    """The person as a contact of a business account; an entry for each change of roles."""

    account_id: str
    """Number of the account; of one that was merged, that of the account that stands for it."""
    issuer: str
    """Who assigned the number."""
    name: str
    """Name of the company; empty if nobody said it."""
    roles: list[str]
    """user, buyer, influencer, decider, gatekeeper or other; none if they are not known."""
    job_title: str
    """What the company calls it."""


class ProfileHousehold(ProfileMembership):
    """The person as a member of a household; its members stay persons of their own."""

    household_id: str
    """Number of the household."""
    issuer: str
    """Who assigned the number."""
    relation: str
    """What the person is in it, as the source says it; empty if it does not."""


class ProfileScalars(Contract, Priced):
    """The figures of a profile, over deduplicated facts."""

    profile_id: UUID
    """Node id of the profile's canonical identifier; one of its handles."""
    realm: str
    """Brand or tenant."""
    identifiers_count: int
    """How many identifiers belong to it."""
    orders: int
    """Orders and receipts that were not cancelled, each counted once across systems."""
    returns: int
    """Returns, each counted once."""
    cancellations: int
    """Orders that were cancelled as a whole."""
    revenue: Decimal
    """Gross totals of own product and service lines after discounts, less what was cancelled."""
    returned: Decimal
    """Value of the returned goods."""
    currency: str
    """Currency of the amounts: the realm's."""
    first_contact: datetime | None
    """Time of the first touchpoint."""
    last_contact: datetime | None
    """Time of the latest touchpoint, no matter who made it."""
    last_active: datetime | None
    """Time of the latest thing that the customer did: no mail that was sent, no open or click by a
    program."""
    channels: list[str]
    """Channels of its touchpoints, in alphabetical order."""


class Profile(ProfileScalars):
    """Everything known about one customer."""

    version: int = PROFILE_VERSION
    """Version of this output."""
    requested_id: UUID
    """The handle asked for; differs from `profile_id` if it was merged into that profile."""
    kind: str
    """person, anonymous or shared."""
    identifiers: list[ProfileIdentifier]
    """Ordered by type, issuer and value."""
    attributes: dict[str, list[AttributeValue] | AttributeValue]
    """One value each; a list where the rule is `union`."""
    preferences: dict[str, AttributeValue]
    """Attributes named `preference.…`, without that prefix."""
    consents: list[ConsentState]
    """Contact permission for every address, channel and purpose that an event named."""
    accounts: list[ProfileAccount] = Field(default=[])
    """Business accounts of which the person is or was a contact, the latest first."""
    households: list[ProfileHousehold] = Field(default=[])
    """Households to which the person belongs or belonged, the latest first."""
    other_currencies: dict[str, Decimal]
    """Revenue in other currencies; listed, never added."""
    returned_other_currencies: dict[str, Decimal]
    """Value of returned goods in other currencies; listed, never added."""
    as_of: datetime
    """When it was read."""


class TimelineEntry(Contract):
    """One touchpoint of a profile's timeline, newest first."""

    event_id: str
    """The event's own id."""
    occurred_at: datetime
    """When it happened, by the source's clock."""
    channel: str
    """Where it happened."""
    type: str
    """Event type."""
    phase: str
    """Phase of the customer's journey."""
    source: str
    """`source.system` of the event."""
    summary: str
    """What happened, in a line without personal data."""

"""Accounts and households as the API gives them: what is said of them, and who belongs to them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from schemas.base import Contract
from schemas.currency import Priced
from schemas.profile import ProfileMembership

GROUP_VERSION = 1


class MembershipStatus(StrEnum):
    """Which memberships are wanted."""

    CURRENT = "current"
    """Of persons who belong to it now."""
    FORMER = "former"
    """Of persons who do not belong to it now: they left, or are yet to come."""
    ALL = "all"
    """Of everybody."""


class AccountValue(Contract):
    """A value of an account as it was said last, and by whom."""

    value: str
    """The value; never empty."""
    source: str
    """`source.system` of the event."""
    event_id: str
    """Id of the event."""
    occurred_at: datetime
    """Time of the event."""


class ListedAccount(Contract):
    """An account in a list."""

    version: int = GROUP_VERSION
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    account_id: str
    """Number of the account."""
    issuer: str
    """Who assigned the number."""
    name: str
    """Name of the company; empty if nobody said it."""
    contacts: int
    """Persons who are contacts now."""
    former_contacts: int
    """Persons who were contacts, or are yet to be."""


class BusinessAccount(ListedAccount):
    """A business account: master data, and how many contacts it has."""

    requested_id: str
    """The number asked for; differs if that account was merged into this one by its source."""
    values: dict[str, AccountValue]
    """name, industry, vat_id, street, postal_code, city, country: as far as they are known."""
    replaces: list[str]
    """Numbers of the accounts that were merged into this one."""
    roles: dict[str, int]
    """Contacts by role; somebody with two roles counts in both."""
    as_of: datetime
    """When it was read."""


class AccountPeriod(ProfileMembership):
    """A time in which the roles of a contact were the same."""

    roles: list[str]
    """user, buyer, influencer, decider, gatekeeper or other; none if they are not known."""
    job_title: str
    """What the company calls it."""


class AccountContact(Contract):
    """A person who is or was a contact of an account."""

    version: int = GROUP_VERSION
    """Version of this form."""
    profile_id: UUID
    """The person, whoever that is now."""
    kind: str
    """person, anonymous or shared."""
    name: str
    """Name of the golden record; empty if it is not known."""
    current: bool
    """Whether the person is a contact now."""
    roles: list[str]
    """The roles now; none of somebody who is no contact now."""
    periods: list[AccountPeriod]
    """All times, the latest first."""


class HouseholdPeriod(ProfileMembership):
    """A time in which somebody was the same in a household."""

    relation: str
    """As the source says it."""


class HouseholdMember(Contract, Priced):
    """A person who belongs or belonged to a household, with the person's own figures."""

    profile_id: UUID
    """The person, whoever that is now."""
    kind: str
    """person, anonymous or shared."""
    name: str
    """Name of the golden record; empty if it is not known."""
    current: bool
    """Whether the person belongs to it now."""
    relation: str
    """What the person is in it now; empty if nobody said it."""
    orders: int
    """Orders of this person."""
    revenue: Decimal
    """Revenue of this person."""
    currency: str
    """Currency of the amounts: the realm's."""
    periods: list[HouseholdPeriod]
    """All times, the latest first."""


class HouseholdSums(Contract, Priced):
    """Sums over some members; nothing of it belongs to the household itself."""

    population: str = "persons who are members now, each with the whole history"
    """Over whom, and over which time."""
    persons: int
    """How many they are. Identifiers that several people use are no persons and are left out."""
    orders: int
    """Sum of their orders."""
    returns: int
    """Sum of their returns."""
    revenue: Decimal
    """Sum of their revenue."""
    returned: Decimal
    """Sum of what they returned."""
    currency: str
    """Currency of the amounts: the realm's. Amounts in others stand in the profiles."""


class HouseholdView(Contract):
    """A household: its members beside each other. A view; nobody is joined by it."""

    version: int = GROUP_VERSION
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    household_id: str
    """Number of the household."""
    issuer: str
    """Who assigned the number."""
    members: list[HouseholdMember]
    """Those who belong to it now first, then by their ids."""
    sums: HouseholdSums
    """Figures of the members together."""
    as_of: datetime
    """When it was read."""

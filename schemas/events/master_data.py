"""Who a customer is: links between identifiers, attributes, consents, loyalty, contracts."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.base import (
    Address,
    Code,
    Contract,
    Currency,
    Flag,
    Instant,
    NonNegativeMoney,
    OptionalCode,
    Quantity,
    Text,
    Title,
)
from schemas.scalars import Written

AttributeName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]
AttributeText = Annotated[str, Written(500, whole=False, yes_no=True)]


PURPOSES = ["marketing", "service", "transactional", "survey", "cart_reminder", "profiling"]
CONTACT_CHANNELS = [
    "email", "phone", "sms", "push", "letter", "messenger", "chat", "voice", "app", "social",
]  # fmt: skip


class LinkReason(StrEnum):
    """What proved that the identifiers of this event belong together."""

    LOGIN = "login"
    REGISTRATION = "registration"
    CARD_PRESENTED = "card_presented"
    TOKEN_PRESENTED = "token_presented"
    OTHER = "other"


class IdentityLinked(Contract):
    """Login, registration, card shown: the identifiers of the envelope are one person's."""

    reason: LinkReason = LinkReason.OTHER


class ProfileUpdated(Contract):
    """Master data as one channel knows them.

    Common attribute names: `first_name`, `last_name`, `salutation`, `birth_date`, `language`,
    `email`, `phone`, `street`, `postal_code`, `city`, `country`, `adviser`; preferences start with
    `preference.` (`preference.channel`, `preference.topics`). A null value says "no longer so".
    Numbers and booleans are kept as text.
    """

    attributes: Annotated[dict[AttributeName, AttributeText | None], Field(max_length=60)]


class LegalBasis(StrEnum):
    """The legal basis of the contact."""

    CONSENT = "consent"
    EXISTING_CUSTOMER = "existing_customer"
    LEGITIMATE_INTEREST = "legitimate_interest"
    PRESUMED_CONSENT = "presumed_consent"


class ConsentChanged(Contract):
    """A consent given, confirmed (double opt-in) or withdrawn, for one address."""

    purpose: Code = "marketing"
    """One of the configured purposes (`C360_CONSENT_PURPOSES`)."""
    channel: Code = "email"
    """The channel on which contact is allowed: a configured one (`C360_CONSENT_CHANNELS`)."""
    address: Address = ""
    """The address it is for (channels e-mail, phone, sms and voice); empty means the event's
    identifier of that kind, else its anchor. One that cannot be read is rejected, but in a
    withdrawal counts as none: a withdrawal without any address ends the consents of all addresses
    of the person."""
    text_version: OptionalCode = ""
    basis: LegalBasis = LegalBasis.CONSENT
    double_opt_in: Flag = False
    """The consent awaits (`consent.given`) or has (`consent.confirmed`) its double opt-in."""


class ObjectionMade(Contract):
    """An objection (Art. 21 GDPR): holds for the person, on all addresses."""

    purpose: Code = "marketing"
    """One of the configured purposes (`C360_CONSENT_PURPOSES`)."""
    channel: OptionalCode = ""
    """Empty means every channel."""
    reason: Title = ""


class LoyaltyChanged(Contract):
    """The loyalty account as it is now."""

    programme: OptionalCode = ""
    points_balance: Quantity | None = None
    points_change: Quantity | None = None
    tier: OptionalCode = ""


class ContractChanged(Contract):
    """A contract started, was renewed, or ended."""

    contract_id: Code
    product: OptionalCode = ""
    until: Instant | None = None
    """When it ends or ended, unless it is renewed; empty means it runs without an end."""
    reason: Title = ""
    kind: OptionalCode = ""
    """What sort of contract it is, in the words of the retailer: subscription, warranty …"""
    notice_until: Instant | None = None
    """Until when notice must be given for it to end at `until`."""
    value_per_year: NonNegativeMoney | None = None
    """What the customer pays for it in a year, tax included."""
    currency: Currency | None = None
    """Currency of `value_per_year`; empty means the realm's."""


class StorePublished(Contract):
    """The store data of one channel."""

    store: Code
    name: Title = ""
    address: Title = ""
    phone: OptionalCode = ""
    opening_hours: Annotated[dict[Code, Title], Field(max_length=30)] = Field(default={})
    holiday_hours: Annotated[dict[Code, Title], Field(max_length=60)] = Field(default={})
    note: Text = ""

"""Contact permission as the API gives it: for addresses, and for everything said by one person.

`allowed` is never true without a legal basis and the event that proves it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.base import Address, Contract
from schemas.descriptions import Described
from schemas.profile import ConsentState

ADDRESSES_MAX = 10_000
ContactWord = Annotated[str, Field(min_length=1, max_length=100)]


class Language(StrEnum):
    """The languages of sentences for customers."""

    ENGLISH = "en"
    GERMAN = "de"


class ContactAddress(Described, BaseModel):
    """An address to be contacted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    """Identifier type: email for e-mail; phone for phone, sms and voice; of other channels that
    of the identifier which the consent was given with."""
    value: Address
    """The address or number, in any notation."""
    issuer: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)] = ""
    """Who assigned the number; empty for e-mail addresses and telephone numbers."""


class ContactQuestion(Described, BaseModel):
    """Whether addresses may be contacted on a channel for a purpose."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: ContactWord
    """One of the configured channels of contact."""
    purpose: ContactWord
    """One of the configured purposes."""
    addresses: Annotated[tuple[ContactAddress, ...], Field(min_length=1, max_length=ADDRESSES_MAX)]
    """The addresses."""


class AddressPermission(Contract):
    """Whether one address may be contacted."""

    allowed: bool
    """Whether contact is permitted."""
    reason: str
    """Why it is or is not permitted."""
    basis: str | None
    """The legal basis; null where contact is not permitted."""
    event_id: str | None
    """The event that decided it; null where nothing was ever said about it, or where an erasure
    removed it."""
    occurred_at: datetime | None
    """Time of that event."""
    via: str | None
    """Channel of that event."""
    text_version: str | None
    """Which text was agreed to; null where none is named."""
    kept_after_erasure: bool
    """Whether an objection, withdrawal or complaint decided it that was kept when the person was
    erased."""
    profile_id: UUID | None
    """The person whose address it is; null for an address that nobody is known by."""
    sentence: str
    """What to tell the customer who asks."""


class ConsentEvidence(Contract):
    """One event that speaks for or against contact."""

    action: str
    """given, confirmed, withdrawn, objection, complained or bounced."""
    event_id: str
    """The event; `erased` for one that was erased with the person."""
    occurred_at: datetime
    """Its time."""
    via: str
    """Its channel."""
    source: str
    """Its `source.system`."""
    basis: str
    """The legal basis that it names; empty if it names none."""
    double_opt_in: bool
    """Whether it awaits, or has, its double opt-in."""
    text_version: str
    """Which text was agreed to; empty if it names none."""
    kept_after_erasure: bool
    """Whether it is all that was kept when the person was erased."""


class ConsentWithEvidence(ConsentState):
    """The permission for one address, channel and purpose, with everything that was said of it."""

    type: str
    """Type of the address; empty for the whole person."""
    value: str
    """The address; empty for the whole person, and where it is not known."""
    basis: str | None
    """The legal basis; null where contact is not permitted."""
    evidence: list[ConsentEvidence]
    """The events that speak for or against it, the earliest first; of many the latest."""
    evidence_count: int
    """How many there are."""
    sentence: str
    """What to tell the customer who asks."""

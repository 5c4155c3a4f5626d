"""Who belongs to whom by explicit statement: contacts of business accounts, members of households.

A statement of membership never joins persons: an account and a household are entities of their own,
and views (docs/accounts.md).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.base import Code, Contract, Flag, Instant, OptionalCode, Title

ROLES_MAX = 10
YEARS = range(1900, 2200)
"""What a store can hold."""


class AccountRole(StrEnum):
    """What a person does when the company buys."""

    USER = "user"
    """Works with what is bought."""
    BUYER = "buyer"
    """Chooses suppliers, negotiates, orders."""
    INFLUENCER = "influencer"
    """Advises: sets requirements, compares."""
    DECIDER = "decider"
    """Approves."""
    GATEKEEPER = "gatekeeper"
    """Decides who gets which information."""
    OTHER = "other"


class AccountUpdated(Contract):
    """Master data of a business account (a company), as one system knows them.

    Names no person: an event with identifiers is rejected. Each field that is given replaces what
    was said of it before, an empty text says "no longer so", and what is left out stays.
    """

    account_id: Code
    """Number of the account."""
    issuer: OptionalCode = ""
    """Who assigned the number; empty means the issuer configured for the source."""
    name: Title | None = None
    """Name of the company."""
    industry: OptionalCode | None = None
    """Industry, in words or as a code (NACE, WZ)."""
    vat_id: OptionalCode | None = None
    """VAT identification number."""
    street: Title | None = None
    """Street and house number."""
    postal_code: OptionalCode | None = None
    """Postal code."""
    city: Title | None = None
    """City."""
    country: OptionalCode | None = None
    """Country, as ISO 3166 code or in words."""
    replaced_by: OptionalCode | None = None
    """The account of the same issuer into which this one was merged by its source: what was said of
    this one then counts for that one. Empty: it stands for itself again."""


class MembershipTimes(Contract):
    """Since and until when something holds; without both, from the time of the event on."""

    since: Instant | None = None
    """From when on it is so; without it, from the time of the event. What was said before of any
    time from then on no longer counts."""
    until: Instant | None = None
    """When it ends or ended; without it, it goes on."""
    left: Flag = False
    """It is over: at `until`, else since the time of the event."""

    @model_validator(mode="after")
    def _holds_for_a_time(self) -> Self:
        for name in ("since", "until"):
            moment: datetime | None = getattr(self, name)
            if moment is not None and moment.year not in YEARS:
                raise ValueError(f"{name} is not within the years {YEARS[0]} to {YEARS[-1]}")
        if self.since is not None and self.until is not None and self.until < self.since:
            raise ValueError("until is before since")
        return self


class AccountContactChanged(MembershipTimes):
    """The person is, or no longer is, a contact of a business account, in these roles.

    It says all of the person's roles in the account. A person may be a contact of several accounts.
    """

    account_id: Code
    """Number of the account."""
    issuer: OptionalCode = ""
    """Who assigned the number; empty means the issuer configured for the source."""
    roles: Annotated[list[AccountRole], Field(max_length=ROLES_MAX)] = Field(default=[])
    """In any order; none if they are not known."""
    job_title: Title = ""
    """What the company calls it."""


class HouseholdMemberChanged(MembershipTimes):
    """The person does, or does no longer, live in a household. Nobody is merged by it.

    A household is told by a system that knows it (a contract, a family card), never guessed.
    """

    household_id: Code
    """Number of the household: no name and no address."""
    issuer: OptionalCode = ""
    """Who assigned the number; empty means the issuer configured for the source."""
    relation: OptionalCode = ""
    """What the person is in it, as the source says it: partner, child …"""

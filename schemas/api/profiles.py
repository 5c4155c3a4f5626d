"""What requests about profiles say and get, beside the profile itself (schemas/profile.py)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model
from pydantic.fields import FieldInfo
from pydantic.json_schema import SkipJsonSchema

from schemas.base import Contract
from schemas.descriptions import Described, descriptions
from schemas.profile import Profile

IDENTIFIERS_MAX = 20
"""Identifiers of one look-up."""
BATCH_IDS_MAX = 1_000
"""Ids of one batch."""
SEARCH_ATTRIBUTES_MAX = 10
"""Attributes of one search."""
SEARCH_ENTRIES_MAX = 500
"""Customers on one page of a search."""
SEARCH_TEXT_MIN, SEARCH_TEXT_MAX = 2, 200
AttributeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]
AttributeText = Annotated[str, StringConstraints(min_length=1, max_length=500)]
VALUE_CHARS_MAX, ISSUER_CHARS_MAX, TYPE_CHARS_MAX = 500, 64, 32


class IdentityTime(StrEnum):
    """Which identifiers make a profile of a past time."""

    NOW = "now"
    """Those that belong together today."""
    THEN = "then"
    """Those that belonged together at the time."""


class IdStatus(StrEnum):
    """What became of an id."""

    FOUND = "found"
    """It is that of a profile."""
    MERGED = "merged"
    """Another profile holds it now."""
    ERASED = "erased"
    """It was erased on request."""
    UNKNOWN = "unknown"
    """No profile of the realm ever had it."""


class GivenIdentifier(Described, BaseModel):
    """An identifier as a client knows it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Annotated[str, StringConstraints(min_length=1, max_length=TYPE_CHARS_MAX)] = Field(
        examples=["email"]
    )
    """Identifier type of the identity rules."""
    issuer: Annotated[str, StringConstraints(max_length=ISSUER_CHARS_MAX)] = ""
    """Who assigned the number; may be left out where only one issuer did."""
    value: Annotated[str, StringConstraints(min_length=1, max_length=VALUE_CHARS_MAX)] = Field(
        examples=["anna@example.com"]
    )
    """The value, in any notation that events may use."""


class LookupBody(Described, BaseModel):
    """A question for a customer by identifiers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    identifiers: list[GivenIdentifier] = Field(min_length=1, max_length=IDENTIFIERS_MAX)
    """Identifiers that may all be of the same customer."""


class BatchBody(Described, BaseModel):
    """A question for customers by ids."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: list[UUID] = Field(min_length=1, max_length=BATCH_IDS_MAX)
    """Any ids that the customers ever had."""


class SearchBody(Described, BaseModel):
    """A question for customers by what is known of them: by a text, by attributes, or by both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(default="", max_length=SEARCH_TEXT_MAX, examples=["berg"])
    """Part of an identifier or of an attribute that was ever reported, in any letter case."""
    attributes: dict[AttributeName, AttributeText] = Field(
        default={}, max_length=SEARCH_ATTRIBUTES_MAX, examples=[{"city": "Köln"}]
    )
    """Values of the golden record by attribute, in any letter case."""
    limit: int = Field(default=20, ge=1, le=SEARCH_ENTRIES_MAX)
    """Most customers."""
    cursor: str = Field(default="", max_length=2_000)
    """`page.next` of the page before; empty for the first page."""


class MergedProfile(Contract):
    """Where the profile of an id is now."""

    requested_id: UUID
    """The id asked for."""
    merged_into: UUID
    """The profile that holds it now."""


def _optional(name: str, field: FieldInfo) -> Any:
    kind: Any = field.annotation
    unwritten: Any = SkipJsonSchema  # the part leaves it out instead of writing null
    return kind | unwritten[None], Field(None, description=_TEXTS.get(name))


_TEXTS = descriptions(Profile)
_PARTS = {name: _optional(name, field) for name, field in Profile.model_fields.items()}
ProfilePart = create_model("ProfilePart", __doc__="Some fields of a profile.", **_PARTS)


class IdentifiedProfile(Contract):
    """A profile that identifiers name."""

    profile_id: UUID
    """Its id now."""
    kind: str
    """person, anonymous or shared."""
    identifiers: list[int]
    """Which of the given identifiers name it, counted from 0."""
    profile: Profile | None
    """The profile; null where the identifiers name several."""


class BatchEntry(Contract):
    """What became of one id of a batch."""

    requested_id: UUID
    """The id asked for."""
    status: IdStatus
    """What became of it."""
    profile: Profile | None
    """The profile that holds it; null if none does."""


class FoundProfile(Contract):
    """A customer that a search found."""

    profile_id: UUID
    """Its profile now."""
    name: str
    """Title, first and last name of the golden record, as far as they are known."""
    kind: str
    """person, anonymous or shared."""
    matches: list[str]
    """What matched: identifiers as `TYPE=VALUE`, attributes as `NAME: VALUE`."""
    orders: int
    """Orders and receipts."""
    last_contact: datetime | None
    """Time of the latest touchpoint."""


class FoundProfiles(Contract):
    """A page of customers that a search found."""

    entries: list[FoundProfile]
    """Exact matches first."""
    next_cursor: str | None
    """Cursor of the next page; null at the end."""

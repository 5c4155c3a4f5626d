"""The access log: who read whose profile, when, by which operation, and why.

An entry names profiles by their ids, which are keyed hashes; it never holds a value of a customer.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from schemas.base import Contract, RealmName
from schemas.incident_action import Millisecond

PURPOSE_CHARS_MAX = 200
PROFILES_PER_ENTRY_MAX = 10_000


Word = Annotated[str, Field(max_length=200)]


class AccessEntry(Contract):
    """One request that read profiles."""

    at: Millisecond
    """When it was answered."""
    entry_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    """Tells entries of one millisecond apart."""
    realm: RealmName
    """Realm of the profiles."""
    key_id: Word
    """The key that was used; `jwt-…` for the owner of bearer tokens."""
    key_name: Word
    """Its name then."""
    operation: Word
    """What was asked, as `profile_get`."""
    purpose: Annotated[str, Field(max_length=PURPOSE_CHARS_MAX)] = ""
    """Why, as the reader said (`X-Purpose`); empty if nothing was said."""
    profile_ids: Annotated[tuple[UUID, ...], Field(max_length=PROFILES_PER_ENTRY_MAX)] = ()
    """The profiles that were read, by the ids that they had then."""
    count: Annotated[int, Field(ge=0, lt=2**32)]
    """How many were read, also where they are too many to be listed."""
    request_id: Word = ""
    """The request, as in its answer and in the log of the service."""
    status: Annotated[int, Field(ge=100, lt=600)]
    """HTTP status of the answer."""


class AccessPage(Contract):
    """A page of the access log, the latest entries first."""

    entries: list[AccessEntry]
    """The entries."""
    next_cursor: str | None
    """Cursor of the next page; null at the end."""

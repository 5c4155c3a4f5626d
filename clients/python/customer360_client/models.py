"""Documents of the API. Generated from its OpenAPI document by `make generate`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from customer360_client._model import Model


class AccessEntry(Model):
    """One request that read profiles."""

    at: str
    """When it was answered."""
    entry_id: str
    """Tells entries of one millisecond apart."""
    realm: str
    """Realm of the profiles."""
    key_id: str
    """The key that was used; `jwt-…` for the owner of bearer tokens."""
    key_name: str
    """Its name then."""
    operation: str
    """What was asked, as `profile_get`."""
    purpose: str = ""
    """Why, as the reader said (`X-Purpose`); empty if nothing was said."""
    profile_ids: list[UUID] = Field(default_factory=list)
    """The profiles that were read, by the ids that they had then."""
    count: int
    """How many were read, also where they are too many to be listed."""
    request_id: str = ""
    """The request, as in its answer and in the log of the service."""
    status: int
    """HTTP status of the answer."""


class AccessEntryPage(Model):
    """AccessEntryPage"""

    data: list[AccessEntry]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class ChannelFreshness(Model):
    """How far one channel has come."""

    channel: str
    """The channel."""
    occurred_at: datetime
    """Latest event time; an event dated ahead of its receipt counts as of then."""
    received_at: datetime
    """Latest receipt."""


class DataFreshness(Model):
    """How far a realm has come: everything received until its watermark is in every answer."""

    realm: str
    """Brand or tenant."""
    watermark: datetime | None
    """Latest receipt of an event that was processed; null before the first."""
    channels: list[ChannelFreshness]
    """The same by channel."""


class FieldFault(Model):
    """What is wrong with one field of a request; its value is never repeated."""

    path: str
    """Where it is: `body.identifiers.0.type`, `query.limit` …"""
    message: str
    """What is wrong with it."""


class KeyOwner(Model):
    """Whom a key belongs to."""

    key_id: str
    """Names the key; no secret."""
    name: str
    """What its owner is called."""
    realm: str | None
    """The realm it may read; null for a key of the settings, which reads none."""
    scopes: list[str]
    """What it may do."""


class PageEnd(Model):
    """How a list goes on."""

    next: str | None
    """The `cursor` of the next page; null at the end of the list."""
    has_more: bool
    """Whether there is a next page."""


class ProblemBody(Model):
    """An error answer (RFC 9457). Members beside these belong to single codes."""

    type: str
    """Reference of the code's page, relative to the service."""
    code: str
    """What went wrong, for programs; the codes are a closed list."""
    title: str
    """The code in words."""
    status: int
    """The HTTP status."""
    detail: str
    """What is wrong with this request, for people."""
    request_id: str
    """The id of the request, as in the header X-Request-ID and in the log."""
    errors: list[FieldFault] = Field(default_factory=list)
    """The faults of single fields."""


class TouchpointResult(Model):
    """The result of one event."""

    event_id: str
    """The event's own id, as far as it could be read."""
    status: Literal["accepted", "duplicate", "rejected"] | str
    """`accepted`, `duplicate` or `rejected`."""
    reason: str = ""
    """Why it was rejected; `id_conflict` for a duplicate with another body."""
    path: str = ""
    """The field at fault."""
    message: str = ""
    """What is wrong with it."""


class TouchpointResults(Model):
    """One result per event, in the order of the request."""

    results: list[TouchpointResult]
    """What became of each."""

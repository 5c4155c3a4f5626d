"""The identity of a customer as the API gives it: which identifiers it has, and what joins them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from schemas.api.pages import PageEnd
from schemas.base import Contract
from schemas.descriptions import Described
from schemas.edge import Verdict
from schemas.incident_action import Reason

Named = Annotated[str, Field(min_length=1, max_length=600)]


class IdentityMember(Contract):
    """One identifier of a profile."""

    node_id: UUID
    """Its node id, which always resolves."""
    type: str
    """Identifier type; empty if only the map knows it so far."""
    issuer: str
    """Who assigned it; empty if nobody did."""
    value: str
    """Its normalised value."""


class IdentityEdge(Contract):
    """Two identifiers seen in one event. One end may belong to another profile."""

    a: UUID
    """Node id of one end."""
    a_type: str
    """Its type."""
    b: UUID
    """Node id of the other end."""
    b_type: str
    """Its type."""
    event_id: str
    """The event that names both."""
    first_seen: datetime
    """Time of the earliest such event."""
    verified: bool
    """Whether every personal identifier of the two is verified."""
    rule: str | None
    """The rule by which it joins its ends; null if it joins nobody."""
    why: str | None
    """Why it joins nobody; null if it joins its ends."""
    refused_because: str | None
    """The reason of a refusal."""
    blocked_by: list[UUID]
    """The identifiers that block a refused edge."""


class IdentityDecision(Contract):
    """What a person decided about two identifiers."""

    a: UUID
    """Node id of one."""
    b: UUID
    """Node id of the other."""
    verdict: Verdict
    """same, different, or none for a decision that was taken back."""
    author: str
    """Who decided."""
    reason: str
    """Why."""
    decided_at: datetime
    """When."""


class ProfileIdentity(Contract):
    """The identifiers of a profile, a page of them, with their edges and decisions.

    An edge between two members stands on the page of the member with the smaller node id, one that
    leaves the profile on that of its member.
    """

    version: int = 1
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    profile_id: UUID
    """The profile."""
    kind: str
    """person, anonymous or shared."""
    members_count: int
    """How many identifiers it has."""
    members: list[IdentityMember]
    """Its identifiers, by node id."""
    edges: list[IdentityEdge]
    """Edges at these identifiers, by their ends."""
    decisions: list[IdentityDecision]
    """Decisions about these identifiers."""
    is_cut: bool
    """Whether these identifiers have more edges or decisions than are shown."""
    page: PageEnd
    """The next identifiers."""


class TwoIdentifiers(Described, BaseModel):
    """Two identifiers that are, or are not, of one customer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    a: Named
    """A node id, TYPE[@ISSUER]=VALUE, or a bare e-mail address, phone number or other number."""
    b: Named
    """The other one."""


class NewDecision(Described, BaseModel):
    """What is decided about two identifiers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    a: Named
    """A node id, TYPE[@ISSUER]=VALUE, or a bare e-mail address, phone number or other number."""
    b: Named
    """The other one."""
    verdict: Verdict
    """same, different, or none to take the decision about them back."""
    reason: Reason
    """Why, in one line."""
    dry_run: bool = False
    """Only say what would happen."""
    unseen: bool = False
    """Whether an identifier may be one that no event has named yet."""


class NewAnswer(Described, BaseModel):
    """What is decided about a suggestion."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accept: bool
    """Whether the two are one customer."""
    reason: Reason
    """Why, in one line."""
    dry_run: bool = False
    """Only say what would happen."""

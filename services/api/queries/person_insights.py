"""The operation on what measures say of one customer: scores with their reasons."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.api.insights import PersonInsights
from schemas.placement import ProfileKind
from services.api.auth import Scope
from services.api.handles import held_by
from services.api.operation import Operation
from services.api.ports import Access
from services.api.queries.profiles import ProfileRequest
from services.runtime.errors import InvalidState


def _profile(access: Access, asked: ProfileRequest) -> Iterator[PersonInsights]:
    reads, realm = access.reads, asked.realm
    found = held_by(reads, realm, asked.who, asked.handle, asked.identifier)
    if found.kind != ProfileKind.PERSON:
        raise InvalidState(f"this profile is no person but {found.kind}: only persons are scored")
    yield reads.person_scores.scores(realm, found.profile)


INSIGHTS_PROFILE = Operation(
    "insights_profile", Scope.INSIGHTS_PERSON, ProfileRequest, PersonInsights, _profile
)
"""What measures say of one customer."""
OPERATIONS = (INSIGHTS_PROFILE,)

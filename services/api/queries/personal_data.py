"""Operations on everything that is held on one person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.identifiers import NodeId
from schemas.placement import ProfileKind
from services.api.auth import Scope
from services.api.handles import held_by
from services.api.operation import Answer, Operation, plain
from services.api.ports import Access, Reads
from services.api.queries.profiles import ProfileRequest
from services.profiles.ports import Resolved
from services.runtime.errors import InvalidState


class HeldData(Answer):
    """One row of what is held on a person."""

    section: str
    """What it is: `identifiers`, `events`, `consents` …"""
    table: str
    """Where it stands in the store; `profile` is computed from the others."""
    row: dict[str, Any]
    """The row by column."""


def person_meant(reads: Reads, asked: ProfileRequest) -> Resolved:
    """The profile that a request names.

    Raises:
        NotFound: nobody is known by it, or was erased.
        InvalidState: it is an identifier in the hands of several persons.
    """
    found = held_by(reads, asked.realm, asked.who, asked.handle, asked.identifier)
    if found.kind == ProfileKind.SHARED:
        raise InvalidState(
            "this identifier is shared by several persons and belongs to nobody: name one of them "
            "by an identifier of their own"
        )
    return found


def _export(access: Access, asked: ProfileRequest) -> Iterator[HeldData]:
    reads, realm = access.reads, asked.realm
    profile = person_meant(reads, asked).profile
    golden = reads.profiles.holding(realm, [profile]).get(profile)
    if golden is not None:
        yield HeldData(section="profile", table="profile", row=plain(golden))
    source = reads.personal_data
    holding = source.holding(realm, profile)
    anchors = list(dict.fromkeys(node for node, _ in holding.elsewhere))
    for one in source.held(holding, _persons(reads, realm, anchors)):
        yield HeldData(section=one.section, table=one.table, row=one.row)


def _persons(reads: Reads, realm: str, nodes: list[NodeId]) -> set[NodeId]:
    """Those that belong to a person: what is kept under them is that person's."""
    found = reads.profiles.resolve(realm, nodes)
    return {node for node, one in found.items() if one.kind == ProfileKind.PERSON}


PROFILE_EXPORT = Operation("profile_export", Scope.PROFILES_PII, ProfileRequest, HeldData, _export)
"""Everything that is held on a person, row by row with the table it stands in."""
OPERATIONS = (PROFILE_EXPORT,)

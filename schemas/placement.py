"""The profile that holds a node: the value of the profile map.

Identity decides it and writes it; profiles, incidents and measures read it. A node without a
placement is its own profile.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from schemas.identifiers import NodeId


class ProfileKind(StrEnum):
    """The kind of a profile; each `shared` identifier is a profile of its own."""

    PERSON = "person"
    ANONYMOUS = "anonymous"
    SHARED = "shared"


class Placement(NamedTuple):
    """The profile that holds a node; the id is that of the profile's canonical node."""

    profile: NodeId
    kind: ProfileKind

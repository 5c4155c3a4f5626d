"""Notices: identifiers and persons that somebody should look at.

What they are about follows from the graph and the map; nothing depends on when anybody looks.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from schemas.identifiers import NodeId


class NoticeKind(StrEnum):
    """What is unusual."""

    SUSPICIOUS_VALUE = "suspicious_value"
    """Within 24 hours the identifier came to stand for more persons than `suspicious_above`."""
    DEGREE_LIMIT = "degree_limit"
    """A personal identifier stands for more persons than `hub_above_personal`."""
    MANY_IDENTIFIERS = "many_identifiers"
    """A person has more identifiers of a type than its `review_above`."""


class Notice(NamedTuple):
    """One notice. `type`, `issuer` and `value` are those of the identifier `node`; of a person it
    is the one that gives the profile its id."""

    kind: NoticeKind
    node: NodeId
    type: str
    issuer: str
    value: str
    counted: str
    """Type of the identifiers that were counted."""
    found: int
    since_ms: int | None
    """When the limit of a day was exceeded first, in event time."""
    is_shared: bool
    """Whether the identifier joins nobody."""

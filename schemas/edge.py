"""Nodes, edges and decisions: the input of which the identity map is a pure function.

These are the records of the topic `c360.edges` and the rows of the tables `edges` and `decisions`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from schemas.identifiers import NodeId


class Node(NamedTuple):
    """One identifier, by its id; type and issuer are what the rules need."""

    id: NodeId
    type: str
    issuer: str


class Edge(NamedTuple):
    """Two identifiers seen in one event, the anchor and another; always `a.id < b.id`.

    `verified` means that every personal identifier at its ends is verified; otherwise the edge is
    stated and joins nobody. `first_seen_ms` is event time in milliseconds since 1970 (UTC).
    """

    a: Node
    b: Node
    first_seen_ms: int
    event_id: str
    verified: bool


def rank(edge: Edge) -> tuple[bool, int, str]:
    """Between two reports of one edge the smaller rank counts: best grade, then earliest time, then
    smallest event id."""
    return (not edge.verified, edge.first_seen_ms, edge.event_id)


class Verdict(StrEnum):
    """What a person decided about two identifiers; `none` withdraws an earlier decision."""

    SAME = "same"
    DIFFERENT = "different"
    NONE = "none"


class Decision(NamedTuple):
    """A person's decision about a pair; the latest per pair counts. It holds whole nodes, because
    an identifier never seen together with another one has no edge that gives its type."""

    a: Node
    b: Node
    verdict: Verdict
    author: str
    reason: str
    decided_ms: int

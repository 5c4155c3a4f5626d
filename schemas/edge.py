"""Nodes, edges and decisions: what the identity map is a pure function of.

These are the records of the topic `c360.edges` and the rows of the tables `edges` and `decisions`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from schemas.identifiers import NodeId


class Node(NamedTuple):
    """One identifier, by its id; type and issuer are what the rules ask for."""

    id: NodeId
    type: str
    issuer: str


class Edge(NamedTuple):
    """Two identifiers seen in one event, the anchor and another; always `a.id < b.id`.

    `verified` says that each personal identifier at its ends was proven; otherwise the edge is
    merely stated and joins nobody. `first_seen_ms` is event time in milliseconds since 1970 (UTC).
    """

    a: Node
    b: Node
    first_seen_ms: int
    event_id: str
    verified: bool


def rank(edge: Edge) -> tuple[bool, int, str]:
    """Of two reports of one edge the one with the smaller rank counts: the best grade first, then
    the earliest time, then the smallest event id."""
    return (not edge.verified, edge.first_seen_ms, edge.event_id)


class Verdict(StrEnum):
    """What a person decided about two identifiers; `none` withdraws an earlier decision."""

    SAME = "same"
    DIFFERENT = "different"
    NONE = "none"


class Decision(NamedTuple):
    """A person's word on one pair; the latest per pair counts. Whole nodes, for an identifier
    that was never seen beside another one has no edge that would tell its type."""

    a: Node
    b: Node
    verdict: Verdict
    author: str
    reason: str
    decided_ms: int

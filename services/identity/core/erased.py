"""What a batch says of people who were erased is left out: it was under way, or is read again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from schemas.edge import Decision, Edge
from schemas.identifiers import NodeId


def standing_edges(edges: Sequence[Edge], until: Mapping[NodeId, int]) -> list[Edge]:
    """The edges, but for those that were seen up to the erasure of one of their ends (Unix ms)."""
    return [
        edge for edge in edges if not _is_refused((edge.a.id, edge.b.id), edge.first_seen_ms, until)
    ]


def founded_edges(
    edges: Sequence[Edge], stated: Collection[NodeId], not_stored: Collection[str]
) -> list[Edge]:
    """The edges, but for those at identifiers that only an erased person had stated, which an event
    made that is not stored."""
    return [
        edge
        for edge in edges
        if edge.event_id not in not_stored or not {edge.a.id, edge.b.id}.intersection(stated)
    ]


def standing_decisions(
    decisions: Sequence[Decision], until: Mapping[NodeId, int]
) -> list[Decision]:
    """The decisions, but for those that were made up to the erasure of one of the two."""
    return [
        one for one in decisions if not _is_refused((one.a.id, one.b.id), one.decided_ms, until)
    ]


def _is_refused(nodes: Collection[NodeId], at_ms: int, until: Mapping[NodeId, int]) -> bool:
    return any(node in until and at_ms <= until[node] for node in nodes)

"""The records derived from stored events, which the decision workers read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from schemas.claim import BookEntry, Superseded
from schemas.edge import Edge
from schemas.identifiers import NodeId
from schemas.instants import from_ms
from schemas.records import EDGES_PER_RECORD_MAX, EdgesRecord
from schemas.watermark import Watermark
from services.ingest.core.outcome import Accepted, Corrections
from services.ingest.core.sent_edges import SentEdges


class Derived(NamedTuple):
    """Derived from one batch of one realm."""

    edges: list[Edge]
    attributes: list[NodeId]
    consents: list[NodeId]
    claims: list[BookEntry]
    """With the books that corrected events touched before."""


def derive(
    events: Iterable[Accepted], corrections: Corrections, sent: SentEdges
) -> dict[str, Derived]:
    """By realm: edges not yet sent in this grade, nodes with new attributes or consents, claims.

    Corrected events may have lost any of these: their anchors, former ones too, are among the
    nodes, and the books that they touched before among the claims.
    """
    entries = claims_by_realm(events := list(events), corrections.superseded)
    former: dict[str, list[NodeId]] = defaultdict(list)
    for realm, node in corrections.former:
        former[realm].append(node)
    by_realm: dict[str, list[Accepted]] = defaultdict(list)
    for event in events:
        by_realm[event.realm].append(event)
    return {
        realm: Derived(
            sent.unsent(realm, (edge for event in mine for edge in event.edges)),
            _nodes((event.node for event in mine if event.has_attributes), former[realm]),
            _nodes((event.node for event in mine if event.has_consents), former[realm]),
            entries[realm],
        )
        for realm, mine in by_realm.items()
    }


def _nodes(*parts: Iterable[NodeId]) -> list[NodeId]:
    return list(dict.fromkeys(chain(*parts)))


def claims_by_realm(
    events: Iterable[Accepted], superseded: Iterable[Superseded]
) -> dict[str, list[BookEntry]]:
    """The claims of events by realm, then the books that are to be judged again."""
    found: dict[str, list[BookEntry]] = defaultdict(list)
    for event in events:
        found[event.realm] += event.claims
    for one in superseded:
        found[one.book.realm].append(one)
    return found


def edge_records(realm: str, derived: Derived) -> list[EdgesRecord]:
    """One record per realm and batch; several only if lists exceed the size of a record."""
    size = EDGES_PER_RECORD_MAX
    longest = max(len(derived.edges), len(derived.attributes), len(derived.consents))
    return [
        EdgesRecord.of(realm, *(_slice(part, start, size) for part in derived[:3]))
        for start in range(0, longest, size)
    ]


def _slice(items: Sequence, start: int, size: int) -> Sequence:  # type: ignore[type-arg]
    return items[start : start + size]


def watermarks(events: Iterable[Accepted]) -> list[Watermark]:
    """The watermarks of a batch, one a channel: how far customers' events have come."""
    latest: dict[tuple[str, str, int], int] = {}
    for event in events:  # by receipt, too: in milliseconds, for there are thousands
        if event.row["synthetic"]:
            continue
        key, at = (event.realm, event.channel, event.received_ms), event.occurred_ms
        known = latest.get(key)
        if known is None or known < at:
            latest[key] = at
    found: dict[tuple[str, str], Watermark] = {}
    for (realm, channel, received_ms), occurred_ms in latest.items():
        one = Watermark.of(realm, channel, from_ms(occurred_ms), from_ms(received_ms))
        found[realm, channel] = one.advance(found.get((realm, channel)))
    return list(found.values())

"""The records derived from stored events, which the decision workers read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.claim import PriceClaim, Statement
from schemas.edge import Edge
from schemas.identifiers import NodeId
from schemas.records import EDGES_PER_RECORD_MAX, EdgesRecord
from services.ingest.core.fact import COLUMNS
from services.ingest.core.outcome import Accepted
from services.ingest.core.sent_edges import SentEdges

ATTRIBUTES = COLUMNS.index("attrs.name")
CONSENTS = COLUMNS.index("consents.action")


class Derived(NamedTuple):
    """Derived from one batch of one realm."""

    edges: list[Edge]
    attributes: list[NodeId]
    consents: list[NodeId]
    claims: list[PriceClaim | Statement]


def derive(events: Iterable[Accepted], sent: SentEdges) -> dict[str, Derived]:
    """By realm: edges not yet sent in this grade, nodes with new attributes or consents, claims."""
    by_realm: dict[str, list[Accepted]] = defaultdict(list)
    for event in events:
        by_realm[event.realm].append(event)
    return {
        realm: Derived(
            sent.news(realm, (edge for event in mine for edge in event.edges)),
            list(dict.fromkeys(event.node for event in mine if event.row[ATTRIBUTES])),
            list(dict.fromkeys(event.node for event in mine if event.row[CONSENTS])),
            [claim for event in mine for claim in event.claims],
        )
        for realm, mine in by_realm.items()
    }


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


class Mark(NamedTuple):
    """Watermark of one channel in a batch: its latest times, in ms since 1970 (UTC)."""

    realm: str
    channel: str
    occurred_ms: int
    received_ms: int


RECEIVED = COLUMNS.index("received_at")


def marks(events: Iterable[Accepted]) -> list[Mark]:
    """The watermarks of a batch. A claimed time later than its receipt counts as its receipt."""
    found: dict[tuple[str, str], Mark] = {}
    for event in events:
        key = (event.realm, event.channel)
        received_ms: int = event.row[RECEIVED]
        occurred_ms = min(event.occurred_ms, received_ms)
        known = found.get(key)
        if known is not None:
            occurred_ms = max(occurred_ms, known.occurred_ms)
            received_ms = max(received_ms, known.received_ms)
        found[key] = Mark(*key, occurred_ms, received_ms)
    return list(found.values())

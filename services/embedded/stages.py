"""The identity stage as the embedded pipeline runs it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from schemas.edge import Edge
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.writer import IdentityWriter
from services.ingest.core.outcome import Accepted
from services.runtime.metrics import Metrics


class IdentityStage:
    """Keeps the profile map: one writer per realm, created when its realm is first seen."""

    def __init__(
        self,
        store: ClickHouseIdentityStore,
        writer_of: Callable[[str], IdentityWriter],
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._writer_of = writer_of
        self._writers: dict[str, IdentityWriter] = {}
        self._metrics = metrics

    def process(self, events: Sequence[Accepted], batch: int, in_doubt: bool) -> None:
        """Apply and write the changes by the edges of these events. Raises as the store does."""
        edges: dict[str, list[Edge]] = defaultdict(list)
        for event in events:
            edges[event.realm].extend(event.edges)
        self._store.at(batch)
        for realm, seen in edges.items():
            writer = self._writers.get(realm) or self._writer_of(realm)
            self._writers[realm] = writer
            changes = writer.apply(seen, in_doubt=in_doubt)
            writer.commit(changes)
            self._metrics.edges.inc(len(changes.edges))
            self._metrics.merges.inc(changes.merges)
            self._metrics.splits.inc(changes.splits)
            self._metrics.refusals.inc(len(changes.refusals_appeared))

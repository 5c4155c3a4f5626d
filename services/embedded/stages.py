"""The two decision stages as the embedded pipeline runs them, one writer each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime

from schemas.claim import Claim
from schemas.edge import Edge
from schemas.instants import from_ms
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.consistency.core.ticks import Watermarks
from services.consistency.writer import ConsistencyWriter
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


class ConsistencyStage:
    """Keeps the incidents: one writer per realm, ticks from the watermarks of all channels."""

    def __init__(
        self,
        store: ClickHouseConsistencyStore,
        writer_of: Callable[[str], ConsistencyWriter],
        reached: dict[tuple[str, str], datetime],
        metrics: Metrics,
    ) -> None:
        """`reached` is the latest event time by (realm, channel) that the store holds."""
        self._store = store
        self._writer_of = writer_of
        self._writers: dict[str, ConsistencyWriter] = {}
        self._watermarks: dict[str, Watermarks] = {}
        self._stream_time: dict[str, datetime] = {}
        self._metrics = metrics
        self._voices = store.voices()
        for (realm, channel), occurred_at in reached.items():
            self._observe(realm, channel, occurred_at, occurred_at)

    def process(self, events: Sequence[Accepted], received_at: datetime, batch: int) -> None:
        """Apply the claims of these events. Raises as the store does."""
        claims: dict[str, list[Claim]] = defaultdict(list)
        latest: dict[tuple[str, str], int] = defaultdict(int)
        for event in events:
            claims[event.realm].extend(event.claims)
            channel = (event.realm, event.channel)
            latest[channel] = max(latest[channel], event.occurred_ms)
        for (realm, name), occurred_ms in latest.items():
            self._observe(realm, name, from_ms(occurred_ms), received_at)
        for realm, said in claims.items():
            compared = self._voices.matter(said)
            if compared:
                self._write(realm, compared, None, batch)
            self._store.note(claim.book for claim in said)

    def tick(self, batch: int, clock: datetime | None) -> None:
        """Judge all prices up to the watermark of each realm.

        With a clock, channels that fell silent advance with it. Without one (a file was read to
        its end) time has come as far as the latest event: a function of the events alone.
        """
        for realm, stream_time in self._stream_time.items():
            watermarks = self._watermarks[realm]
            now = watermarks.tick(clock) if clock is not None else stream_time
            if now is not None:
                self._write(realm, [], now, batch)

    def _observe(
        self, realm: str, channel: str, occurred_at: datetime, received_at: datetime
    ) -> None:
        self._watermarks.setdefault(realm, Watermarks()).observe(channel, occurred_at, received_at)
        reached = min(occurred_at, received_at)
        self._stream_time[realm] = max(self._stream_time.get(realm, reached), reached)

    def _write(self, realm: str, said: list[Claim], now: datetime | None, batch: int) -> None:
        writer = self._writers.get(realm) or self._writer_of(realm)
        self._writers[realm] = writer
        self._store.at(batch)
        for incident in writer.apply(said, now):
            self._metrics.incidents.labels(incident.kind, incident.state).inc()
        writer.commit()

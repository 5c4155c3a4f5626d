"""The consistency stage of one process that holds all books: claims and ticks become incidents.

The embedded pipeline calls it for every batch; workers do the same per partition
(services/consistency/worker.py), with the same writer and filter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from schemas.claim import Claim
from services.consistency.core.ticks import Watermarks
from services.consistency.ports import WorkerStore
from services.consistency.writer import Actions, ConsistencyWriter
from services.runtime.metrics import Metrics

Reached = Mapping[tuple[str, str], datetime]
"""Event time by (realm, channel)."""


class ConsistencyStage:
    """Keeps the incidents: one writer per realm, ticks from the watermarks of all channels."""

    def __init__(
        self,
        store: WorkerStore,
        writer_of: Callable[[str], ConsistencyWriter],
        reached: Reached,
        metrics: Metrics,
    ) -> None:
        """`reached` is the latest event time that the store holds."""
        self._store = store
        self._writer_of = writer_of
        self._writers: dict[str, ConsistencyWriter] = {}
        self._watermarks: dict[str, Watermarks] = {}
        self._stream_time: dict[str, datetime] = {}
        self._metrics = metrics
        self._comparable = store.comparable_books()
        for (realm, channel), occurred_at in reached.items():
            self._observe(realm, channel, occurred_at, occurred_at)

    def process(
        self,
        claims: Mapping[str, Sequence[Claim]],
        reached: Reached,
        received_at: datetime,
        version: int,
    ) -> None:
        """Apply a batch's claims, by realm, and its event times. Raises as the store does."""
        for (realm, channel), occurred_at in reached.items():
            self._observe(realm, channel, occurred_at, received_at)
        for realm, mine in claims.items():
            compared = self._comparable.filter(mine)
            if compared:
                self._write(realm, compared, None, version)
            self._store.note(claim.book for claim in mine)

    def tick(self, version: int, clock: datetime | None) -> None:
        """Judge everything up to the watermark of each realm.

        With a clock, channels that fell silent advance with it. Without one (a file was read to
        its end) time has come as far as the latest event: a function of the events alone.
        """
        for realm, stream_time in self._stream_time.items():
            watermarks = self._watermarks[realm]
            now = watermarks.tick(clock) if clock is not None else stream_time
            if now is not None:
                self._write(realm, [], now, version)

    def act(self, realm: str, actions: Actions, version: int) -> None:
        """Apply people's actions to the incidents. Raises as the store does."""
        self._comparable.mark(actions)
        self._write(realm, [], None, version, actions)

    def _observe(
        self, realm: str, channel: str, occurred_at: datetime, received_at: datetime
    ) -> None:
        self._watermarks.setdefault(realm, Watermarks()).observe(channel, occurred_at, received_at)
        reached = min(occurred_at, received_at)
        self._stream_time[realm] = max(self._stream_time.get(realm, reached), reached)

    def _write(
        self,
        realm: str,
        claims: Sequence[Claim],
        now: datetime | None,
        version: int,
        actions: Actions | None = None,
    ) -> None:
        writer = self._writers.get(realm) or self._writer_of(realm)
        self._writers[realm] = writer
        for incident in writer.apply(claims, now, actions):
            self._metrics.incidents.labels(incident.kind, incident.state).inc()
        writer.commit(version)

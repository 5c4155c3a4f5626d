"""The consistency stage of one process that holds all books: claims and ticks become incidents.

The embedded pipeline calls it for every batch; workers do the same per partition
(services/consistency/worker.py), with the same writer and filter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from schemas.claim import Claim
from schemas.watermark import Watermark
from services.consistency.core.event_clock import EventClock
from services.consistency.ports import WorkerStore
from services.consistency.writer import Actions, ConsistencyWriter
from services.runtime.metrics import Metrics


class ConsistencyStage:
    """Keeps the incidents: one writer per realm, ticks from the watermarks of all channels."""

    def __init__(
        self,
        store: WorkerStore,
        writer_of: Callable[[str], ConsistencyWriter],
        reached: Iterable[Watermark],
        metrics: Metrics,
    ) -> None:
        """`reached` is how far the events in the store go."""
        self._store = store
        self._writer_of = writer_of
        self._writers: dict[str, ConsistencyWriter] = {}
        self._clocks: dict[str, EventClock] = {}
        self._metrics = metrics
        self._comparable = store.comparable_books()
        self._observe(reached)

    def process(
        self,
        claims: Mapping[str, Sequence[Claim]],
        reached: Iterable[Watermark],
        version: int,
    ) -> None:
        """Apply a batch's claims, by realm, and its watermarks. Raises as the store does."""
        self._observe(reached)
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
        for realm, event_clock in self._clocks.items():
            now = event_clock.stream_time if clock is None else event_clock.tick(clock)
            if now is not None:
                self._write(realm, [], now, version)

    def act(self, realm: str, actions: Actions, version: int) -> None:
        """Apply people's actions to the incidents. Raises as the store does."""
        self._comparable.mark(actions)
        self._write(realm, [], None, version, actions)

    def _observe(self, watermarks: Iterable[Watermark]) -> None:
        for one in watermarks:
            self._clocks.setdefault(one.realm, EventClock()).observe(one)

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

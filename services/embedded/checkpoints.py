"""Up to which batch everything is processed, as the store has it: noted together for few events.

What is beyond the checkpoint is processed again by the next start, from the stored events and with
the same outcome. So a batch of few events need not be noted at once; whatever cannot be done again
comes after a note (docs/adr/0124).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from schemas.watermark import Watermark
from services.ingest.stage import IngestStage
from services.stream.watermarks import WatermarkStore

NOTED_WITHIN_S = 1.0
"""After this time the next batch is noted with those before it, or a rest without a batch."""
UNNOTED_EVENTS_MAX = 200
"""So many events at most are in doubt after a kill, besides the batch in hand."""


class Checkpoints:
    """Used by the one thread that writes; any thread may read `reached`."""

    def __init__(
        self,
        stage: IngestStage,
        watermarks: WatermarkStore,
        clock: Callable[[], datetime],
        first: Callable[[], None] = lambda: None,
    ) -> None:
        """`first` makes durable what the next start would not learn from the events that are
        acknowledged."""
        self._first = first
        self._stage = stage
        self._watermarks = watermarks
        self._clock = clock
        self._last = 0
        """The last batch that is completely processed."""
        self._events = 0
        """Events of batches that are not noted."""
        self._since: datetime | None = None
        """When the first of these batches was complete; None if all are noted."""
        self.reached: dict[tuple[str, str], Watermark] = {}
        """By realm and channel, how far these events go; replaced as a whole, never changed."""

    def advance(self, watermarks: Iterable[Watermark]) -> None:
        """Events that are being processed go so far."""
        reached = dict(self.reached)
        for one in watermarks:
            key = (one.realm, one.channel)
            reached[key] = one.advance(reached.get(key))
        self.reached = reached

    def processed(self, batch: int, events: int) -> None:
        """Everything up to this batch, which has so many events, is completely processed."""
        self._stage.processed(batch)
        self._last = batch
        self._events += events
        self._since = self._since or self._clock()

    @property
    def is_much(self) -> bool:
        """Whether no more events may be in doubt."""
        return self._events >= UNNOTED_EVENTS_MAX

    @property
    def is_due(self) -> bool:
        """Whether what is not noted has waited long enough, or is much."""
        if self._since is None:
            return False
        # Whichever way a clock was set meanwhile.
        waited_s = abs((self._clock() - self._since).total_seconds())
        return waited_s >= NOTED_WITHIN_S or self.is_much

    def note(self) -> None:
        """Note all that is processed. Raises as the store does; the next call does it then."""
        if self._since is None:
            return
        # First, for what is behind the checkpoint is not processed again.
        self._first()
        self._watermarks.write(list(self.reached.values()))
        self._stage.acknowledge(self._last, self._clock())
        self.reached = {}
        self._events, self._since = 0, None

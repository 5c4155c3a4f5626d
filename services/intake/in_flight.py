"""What all requests together may hold: bytes of bodies, and events that wait to become durable.

A body counts from its first byte to the answer and as it arrives, so an announced length reserves
nothing. Public keys, which anybody can read, get a share of either only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from schemas.api.problem import ProblemCode
from services.api.http.problems import Problem
from services.api.http.sink import Overloaded
from services.ingest.core.outcome import Intake
from services.runtime.metrics import Metrics

PUBLIC_SHARE = 0.5


class EventsInFlight:
    """Counts events that wait. Not thread-safe."""

    def __init__(self, events_max: int, metrics: Metrics) -> None:
        self._max = events_max
        self._share = int(events_max * PUBLIC_SHARE)
        self._waiting = dict.fromkeys(Intake, 0)
        self._metrics = metrics

    def take(self, events: int, intake: Intake) -> None:
        """Count more. Raises Overloaded when they do not fit; into an empty queue any number does.

        Public keys that fill their share leave the rest to servers.
        """
        public, room = self._waiting[Intake.PUBLIC], self._max
        waiting = sum(self._waiting.values()) - public + min(public, self._share)
        if intake is Intake.PUBLIC:
            waiting, room = public, self._share
        if waiting + events > room and waiting:
            raise Overloaded(f"{waiting} events wait for the writer; send again later")
        self._add(events, intake)

    def give_back(self, events: int, intake: Intake) -> None:
        """They no longer wait."""
        self._add(-events, intake)

    def _add(self, events: int, intake: Intake) -> None:
        self._waiting[intake] += events
        self._metrics.queued_events.set(sum(self._waiting.values()))


class Held:
    """What one request holds."""

    def __init__(self, memory: BytesInFlight, intake: Intake) -> None:
        self._memory = memory
        self._intake = intake
        self.size = 0

    def take(self, size: int) -> None:
        """Hold more. Raises Problem 503 when there is no memory left for it."""
        self._memory.take(size, self._intake)
        self.size += size


class BytesInFlight:
    """Counts bytes; used on the event loop only."""

    def __init__(self, bytes_max: int, metrics: Metrics) -> None:
        self._max = dict.fromkeys(Intake, bytes_max)
        self._max[Intake.PUBLIC] = int(bytes_max * PUBLIC_SHARE)
        self._by_intake = dict.fromkeys(Intake, 0)
        self._metrics = metrics

    @property
    def size(self) -> int:
        """What all requests hold."""
        return sum(self._by_intake.values())

    @contextmanager
    def held(self, intake: Intake) -> Iterator[Held]:
        """What one request holds, given back at its end."""
        held = Held(self, intake)
        try:
            yield held
        finally:
            self._add(-held.size, intake)

    def take(self, size: int, intake: Intake) -> None:
        """Count more. Raises Problem 503 when it does not fit."""
        mine = self._by_intake[intake] if intake is Intake.PUBLIC else self.size
        if mine + size > self._max[intake]:
            detail = f"{mine} bytes of requests wait for their answers; send it again later"
            raise Problem(ProblemCode.TOO_MANY_BYTES, detail, Retry_After="1")
        self._add(size, intake)

    def _add(self, size: int, intake: Intake) -> None:
        self._by_intake[intake] += size
        self._metrics.bytes_in_flight.set(self.size)

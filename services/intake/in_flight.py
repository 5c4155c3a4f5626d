"""The memory that request bodies may take, over all requests: from the first byte to the answer.

A body counts as it arrives, so an announced length reserves nothing. Public keys, which anybody can
read, get a share of the memory only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from schemas.api.problem import ProblemCode
from services.api.http.problems import Problem
from services.ingest.core.outcome import Intake
from services.runtime.metrics import Metrics

PUBLIC_SHARE = 0.5


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

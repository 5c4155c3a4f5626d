"""Where routes submit events: a queue in front of one writer, behind a Protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol

from services.api.http.problems import Problem
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.ingest.stage import Result
from services.runtime.errors import C360Error, Retry

RETRY_AFTER_S = "1"
RETRY_AFTER_FAULT_S = "5"
RESTART_S = "30"


class Overloaded(Retry):
    """Too many events are waiting for the writer; send again later."""


class IntakeSink(Protocol):
    """Accepts events. Its methods do not block; any thread may call them."""

    def submit(self, lines: Sequence[Line], intake: Intake) -> Future[list[Result]]:
        """Submit events; the future gives their results once they are durable.

        Raises:
            Overloaded: too many events are waiting; no event of this request was accepted.
            Retry: the store takes nothing now.
            Fatal: the writer has ended.
        """
        ...

    def submit_tick(self) -> Future[None]:
        """Judge up to the latest event, after everything submitted before. Raises Fatal."""
        ...

    def is_live(self) -> bool:
        """Whether the writer makes progress, or waits for what a restart would not bring."""
        ...

    def waits_for(self) -> str:
        """Why the store takes nothing now; empty while it does."""
        ...


async def write(sink: IntakeSink, lines: list[Line], intake: Intake) -> list[Result]:
    """Results of events that are durable. Raises Problem 429 or 503."""
    try:
        return await asyncio.wrap_future(sink.submit(lines, intake))
    except Overloaded as error:
        raise Problem(429, "too many events wait", str(error), Retry_After=RETRY_AFTER_S) from error
    except C360Error as error:
        raise unavailable(error) from error


def unavailable(error: C360Error) -> Problem:
    """The answer while nothing can be written: soon again for what may pass, or after a restart."""
    after = RETRY_AFTER_FAULT_S if isinstance(error, Retry) else RESTART_S
    return Problem(503, "the store cannot take events", str(error), Retry_After=after)

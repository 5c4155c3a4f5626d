"""Routes submit events, and answer with a problem when none can be taken."""

from __future__ import annotations

import asyncio

from schemas.api.problem import ProblemCode
from services.api.http.problems import Problem
from services.api.http.sink import IntakeSink, Overloaded
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.ingest.stage import Result
from services.runtime.errors import C360Error, Retry

RETRY_AFTER_S = "1"
RETRY_AFTER_FAULT_S = "5"
RESTART_S = "30"


async def write(sink: IntakeSink, lines: list[Line], intake: Intake) -> list[Result]:
    """Results of events that are durable. Raises Problem 429 or 503."""
    try:
        return await asyncio.wrap_future(sink.submit(lines, intake))
    except Overloaded as error:
        raise Problem(
            ProblemCode.TOO_MANY_EVENTS_WAIT, str(error), Retry_After=RETRY_AFTER_S
        ) from error
    except C360Error as error:
        raise unavailable(error) from error


def unavailable(error: C360Error) -> Problem:
    """The answer while nothing can be written: soon again for what may pass, or after a restart."""
    after = RETRY_AFTER_FAULT_S if isinstance(error, Retry) else RESTART_S
    return Problem(ProblemCode.UNAVAILABLE, str(error), Retry_After=after)

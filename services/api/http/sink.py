"""Where events are submitted: a queue in front of one writer, behind a Protocol.

It imports no web framework: every command loads the writer, and few of them serve.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol, TypeVar

from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.ingest.stage import Result
from services.runtime.errors import Fatal, Retry

T = TypeVar("T")


class Overloaded(Retry):
    """Too many events are waiting for the writer; send again later."""


def uncancellable() -> Future[T]:
    """A future that a sender who goes away cannot cancel: its events are stored all the same, and
    nobody could set the result."""
    answer: Future[T] = Future()
    answer.set_running_or_notify_cancel()
    return answer


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

    def is_live(self) -> bool:
        """Whether the writer makes progress, or waits for what a restart would not bring."""
        ...

    def waits_for(self) -> str:
        """Why the store takes nothing now; empty while it does."""
        ...


class TickingSink(IntakeSink, Protocol):
    """Whose process judges incidents, too."""

    def submit_tick(self) -> Future[None]:
        """Judge up to the latest event, after everything submitted before. Raises Fatal."""
        ...


class ClosedIntake:
    """An `IntakeSink` of a service that has nowhere to send events to; it only reads."""

    def __init__(self, why: str) -> None:
        self._why = why

    def submit(self, lines: Sequence[Line], intake: Intake) -> Future[list[Result]]:
        """See IntakeSink."""
        raise Fatal(self._why)

    def is_live(self) -> bool:
        """See IntakeSink."""
        return True

    def waits_for(self) -> str:
        """See IntakeSink. It waits for nothing: reading is all that it is for."""
        return ""

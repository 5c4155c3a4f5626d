"""Requests of public keys in turns, so that whoever sends much, or what is slow to read, delays
nobody else for long.

A turn takes a few events of each waiting request; how many, follows from the time that the turn
before took. Nothing here reads events or knows the store. Used on one thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from services.ingest.lines import Line
from services.ingest.stage import Result

FIRST_EVENTS = 200
LEAST_EVENTS = 50
SHARES = 4
"""A turn takes at most one in so many of its events from one request, if others wait."""
LONG_S, SHORT_S = 1.0, 0.5
"""A turn that takes longer is followed by a smaller one; one that is shorter, by a larger one."""


class HasLines(Protocol):
    """A request."""

    @property
    def lines(self) -> Sequence[Line]:
        """Its events."""
        ...


R = TypeVar("R", bound=HasLines)


class _Begun(Generic[R]):
    """A request, and the results of its events so far."""

    def __init__(self, request: R) -> None:
        self.request = request
        self.results: list[Result] = []


class Turn(NamedTuple, Generic[R]):
    """Some events of some requests, in this order."""

    parts: list[tuple[_Begun[R], Sequence[Line]]]

    @property
    def requests(self) -> list[R]:
        """The requests of which it takes some."""
        return [begun.request for begun, _ in self.parts]

    @property
    def lines(self) -> list[Line]:
        """The events of the turn."""
        return [line for _, lines in self.parts for line in lines]


class Turns(Generic[R]):
    """The waiting requests. A turn must be finished, or all be cleared, before the next one."""

    def __init__(self, events_max: int) -> None:
        """`events_max`: of a turn."""
        self._events_max = events_max
        self._events = min(FIRST_EVENTS, events_max)
        self._waiting: deque[_Begun[R]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, request: R) -> None:
        """Have a request wait for its turns."""
        self._waiting.append(_Begun(request))

    def next(self) -> Turn[R]:
        """The events of the next turn; none if no request waits."""
        parts, room = list[tuple[_Begun[R], Sequence[Line]]](), self._events
        share = max(1, room // SHARES) if len(self._waiting) > 1 else room
        for begun in self._waiting:
            at = len(begun.results)
            lines = begun.request.lines[at : at + min(share, room)]
            parts.append((begun, lines))
            room -= len(lines)
            if not room:
                break
        return Turn(parts)

    def finish(
        self, turn: Turn[R], results: Sequence[Result], took_s: float
    ) -> list[tuple[R, list[Result]]]:
        """Take the results of a turn; the requests that are complete, with all their results."""
        complete: list[tuple[R, list[Result]]] = []
        at = 0
        for begun, lines in turn.parts:
            begun.results += results[at : at + len(lines)]
            at += len(lines)
            self._waiting.popleft()
            if len(begun.results) == len(begun.request.lines):
                complete.append((begun.request, begun.results))
            else:
                self._waiting.append(begun)
        if took_s > LONG_S:
            self._events = max(min(LEAST_EVENTS, self._events_max), self._events // 2)
        elif took_s < SHORT_S:
            self._events = min(self._events_max, self._events * 2)
        return complete

    def clear(self) -> list[R]:
        """Forget all requests; those that waited."""
        requests = [begun.request for begun in self._waiting]
        self._waiting.clear()
        return requests

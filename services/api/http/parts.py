"""What the routes work with: `app.state.api` of the application.

Routes know these parts only; whether a data directory or a server is behind them, nobody here can
tell.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, cast

from fastapi import Request

from schemas.api.access import AccessEntry
from services.api.answer_cache import AnswerCache
from services.api.auth import Authenticator
from services.api.idempotency import WritesInWork
from services.api.key_looks import KeyLooks
from services.api.marks import Marks
from services.api.pool import ReadPool
from services.api.ports import Access
from services.api.rates import RateLimits
from services.runtime.metrics import Metrics
from services.runtime.settings import ApiSettings


class AccessNotes(Protocol):
    """Keeps who read whose profile."""

    def note(self, entry: AccessEntry) -> None:
        """Have an entry written. Does not block. Raises Retry when it cannot be: then the profiles
        must not be given out."""
        ...


class ApiParts(NamedTuple):
    """The parts."""

    settings: ApiSettings
    pool: ReadPool[Access]
    authenticator: Authenticator
    rates: RateLimits
    metrics: Metrics
    access_log: AccessNotes
    in_work: WritesInWork
    marks: Marks
    looks: KeyLooks
    answers: AnswerCache
    measures: ReadPool[Access]
    """Connections on which measures are computed, which take longer than other reads may."""


def api_parts(request: Request) -> ApiParts:
    """The parts of this application."""
    return cast(ApiParts, request.app.state.api)


async def parts_of(request: Request) -> ApiParts:
    """The same as a dependency. FastAPI runs one that is not `async` in a thread: every request
    would wait for one, and for the interpreter, several times."""
    return api_parts(request)

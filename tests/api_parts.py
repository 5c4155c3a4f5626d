"""The parts of an application for tests of routes, with a store or without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from schemas.api.access import AccessEntry
from services.api.answer_cache import AnswerCache
from services.api.auth import Authenticator
from services.api.http.parts import ApiParts
from services.api.idempotency import WritesInWork
from services.api.key_looks import KeyLooks
from services.api.marks import Marks
from services.api.pool import ReadPool, limits_of
from services.api.rates import RateLimits
from services.runtime.metrics import Metrics
from services.runtime.settings import Settings


class _Notes:
    """An access log that keeps nothing."""

    def note(self, entry: AccessEntry) -> None:
        """See the port."""


def _no_store() -> Any:
    raise AssertionError("no store")


def api_parts_of(
    authenticator: Authenticator,
    metrics: Metrics | None = None,
    open_reads: Callable[[], Any] = _no_store,
) -> ApiParts:
    """Parts with these keys; a read fails where there is no store."""
    settings, metrics = Settings(), metrics or Metrics()
    pool: ReadPool[Any] = ReadPool(open_reads, lambda _reads: None, limits_of(settings), metrics)
    rates = RateLimits(settings.api_rate_per_s)
    marks = Marks(cast(Any, pool))
    kept = _Notes(), WritesInWork(), marks, KeyLooks(authenticator), AnswerCache(marks, 0, metrics)
    reading = cast(Any, pool)
    return ApiParts(settings, reading, authenticator, rates, metrics, *kept, reading)

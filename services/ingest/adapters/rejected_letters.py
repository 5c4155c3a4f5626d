"""Dead letters of Kafka that a realm may see, page by page, from the latest back.

Each question opens a connection to the brokers of its own and ends it; nothing is committed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Coroutine
from typing import Any, TypeVar

from schemas.api.rejected import (
    RejectedCounts,
    RejectedLetterItem,
    RejectedReason,
    ShownRejectedLetter,
)
from services.ingest.adapters.rejected import DeadLetter, open_dead_letters
from services.ingest.core.line_realm import is_of, named_realm
from services.ingest.ports import AnyRejected, RejectedPage
from services.runtime.errors import NotFound
from services.runtime.settings import Settings
from services.stream.dead_letters import UNKNOWN_LETTER

COUNTED_MAX = 50_000
"""Letters that are counted, the latest ones; beyond it a count is not complete."""
T = TypeVar("T")


class RejectedLetterReader:
    """Implements `services.ingest.ports.RejectedSource` on `c360.rejected`; `realms` are those that
    are configured."""

    def __init__(self, settings: Settings, realms: Collection[str]) -> None:
        self._settings = settings
        self._realms = frozenset(realms)

    def page(self, realm: str, reason: str, limit: int, after: list[Any] | None) -> RejectedPage:
        """See the port."""
        return _run(self._page(realm, reason, limit, after))

    def one(self, realm: str, reject_id: str, *, with_raw: bool) -> AnyRejected:
        """See the port."""
        letter = _run(self._one(reject_id))
        if not self._may_see(realm, letter):
            raise NotFound("there is no such rejected event", reason=UNKNOWN_LETTER)
        if with_raw:
            return ShownRejectedLetter.model_validate(letter.as_json())
        return RejectedLetterItem.model_validate(letter.as_row())

    def counts(self, realm: str) -> RejectedCounts:
        """See the port."""
        return _run(self._counts(realm))

    async def _page(
        self, realm: str, reason: str, limit: int, after: list[Any] | None
    ) -> RejectedPage:
        def wanted(letter: DeadLetter) -> bool:
            return reason in ("", letter.reason) and self._may_see(realm, letter)

        bounds = None if after is None else dict(after)
        async with open_dead_letters(self._settings, self._settings.api_limit_s) as letters:
            found, passed, has_more = await letters.backwards(limit, wanted, bounds)
        rows = [RejectedLetterItem.model_validate(one.as_row()) for one in found]
        return RejectedPage(list(rows), sorted(map(list, passed.items())) if has_more else None)

    async def _one(self, reject_id: str) -> DeadLetter:
        async with open_dead_letters(self._settings, self._settings.api_limit_s) as letters:
            return await letters.get(reject_id)

    async def _counts(self, realm: str) -> RejectedCounts:
        counts: Counter[str] = Counter()

        def count(letter: DeadLetter) -> bool:
            counts[letter.reason] += self._may_see(realm, letter)
            return False

        async with open_dead_letters(self._settings, self._settings.api_limit_s) as letters:
            _, _, has_more = await letters.backwards(1, count, scanned_max=COUNTED_MAX)
        found = [
            RejectedReason(reason=name, count=number)
            for name, number in sorted(counts.items())
            if number
        ]
        return RejectedCounts(counts=found, total=counts.total(), is_complete=not has_more)

    def _may_see(self, realm: str, letter: DeadLetter) -> bool:
        named = named_realm(letter.delivery.value or b"")
        return is_of(realm, named, letter.reason, self._realms)


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)

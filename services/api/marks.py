"""The mark of the data: how far it has come, and what changed on the way, looked at every moment.

Requests that come at the same moment share one look. Whoever reads data takes the mark first, so an
answer is never older than its mark says. A mark's number lets others ask later whether a key has
got new rows since (services/store/changes.py). Used on the event loop.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import structlog

from services.api.pool import ReadPool
from services.api.ports import Access
from services.runtime.errors import ConfigurationError
from services.store.changes import ChangedKeys, SeenTables

MARK_AGE_S = 0.05
"""An answer may be out of date by so much, and by the time that looking takes."""
SOLE_WRITER_AGE_S = 1.0
"""The same where this process writes all events itself: it knows when."""
CHANGED_MAX = 200_000
"""Changed keys that are remembered; of older ones, everything counts as changed."""
log = structlog.get_logger()


class Mark(NamedTuple):
    """How far the data had come at a moment."""

    number: int
    """Of the look; it rises with every look that found changes."""
    watermarks: Mapping[str, datetime]
    """Latest receipt of a processed event, by realm."""


class _Look(NamedTuple):
    watermarks: Mapping[str, datetime]
    changes: ChangedKeys | None
    """None where the store does not let us see them."""


class Marks:
    """Gives the present mark, and knows in which look a key was seen changed."""

    def __init__(
        self,
        pool: ReadPool[Access],
        version: Callable[[], object] = lambda: None,
        age_s: float = MARK_AGE_S,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            pool: best one of its own: every request waits for a look now and then.
            version: changes whenever this process itself has written something, which its callers
                must see at once. Does not block.
            age_s: how old a look may be while the version stays.
        """
        self._pool = pool
        self._version = version
        self._age_s = age_s
        self._clock_s = clock_s
        self.is_blind = False
        """Whether the store does not let us see what changes."""
        self._mark = Mark(0, {})
        self._floor = 0
        """In this look, everything may have changed."""
        self._changed: OrderedDict[str, int] = OrderedDict()
        self._seen: SeenTables = {}
        self._looking: asyncio.Task[None] | None = None
        self._begun = self._done = 0
        """Looks that began, and the last one of them that found something out."""
        self._done_s = -math.inf
        self._done_version: object = None

    async def latest(self, *, is_strict: bool = False) -> Mark:
        """A mark that is not older than `age_s`. Raises Retry or Fatal as the pool does.

        `is_strict`: one of a look that begins after the call.
        """
        next_one = self._begun + 1
        while not (self._done >= next_one or (self._is_recent() and not is_strict)):
            if self._looking is None:
                self._begun += 1
                self._looking = asyncio.create_task(self._look(self._begun))
                self._looking.add_done_callback(heard)
            # One who goes away must not end the look of the others.
            await asyncio.shield(self._looking)
        return self._mark

    def is_unchanged(self, keys: Iterable[str], number: int) -> bool:
        """Whether nothing of these keys was seen to change after the look of that number."""
        if number < self._floor or self.is_blind:
            return False
        changed = self._changed
        return all(changed.get(key, 0) <= number for key in keys)

    def _is_recent(self) -> bool:
        is_young = self._clock_s() - self._done_s < self._age_s
        return is_young and self._version() == self._done_version

    async def _look(self, number: int) -> None:
        begun_s, version, seen = self._clock_s(), self._version(), self._seen
        try:
            found = await self._pool.run(lambda access: _looked(access, seen, self.is_blind))
        finally:
            self._looking = None
        if found.changes is None:
            self.is_blind = True
        else:
            self._note(found.changes)
        self._mark = self._mark._replace(watermarks=found.watermarks)
        self._done, self._done_s, self._done_version = number, begun_s, version

    def _note(self, changes: ChangedKeys) -> None:
        self._seen = changes.seen
        if not changes.is_all and not changes.keys:
            return
        number = self._mark.number + 1
        self._mark = self._mark._replace(number=number)
        if changes.is_all:
            self._floor = number
            self._changed.clear()
        for key in changes.keys:
            self._changed.pop(key, None)
            self._changed[key] = number
        while len(self._changed) > CHANGED_MAX:
            _, forgotten = self._changed.popitem(last=False)
            self._floor = max(self._floor, forgotten)


def heard(task: asyncio.Task[Any]) -> None:
    """An error of a task that nobody waits for any more is no news."""
    if not task.cancelled():
        task.exception()


def _looked(access: Access, seen: SeenTables, is_blind: bool) -> _Look:
    """Watermarks first: what they tell of is visible when the changes are looked for."""
    source = access.reads.freshness
    latest: dict[str, datetime] = {}
    for one in source.watermarks():
        latest[one.realm] = max(one.received_at, latest.get(one.realm, one.received_at))
    if is_blind:
        return _Look(latest, None)
    try:
        return _Look(latest, source.changes(seen))
    except ConfigurationError as error:
        log.warning("changes_not_seen", error=str(error))
        return _Look(latest, None)

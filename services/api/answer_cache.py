"""Answers that were read already and have not changed since, for whom the same is asked again.

An answer is kept with the keys that its statements asked for, and is given again as long as no row
with one of them has become visible (services/store/changes.py). Nothing is given out that was not
looked after within the last moments: when the store cannot be asked, there is no answer. Who may
have an answer is decided before; what is masked for one caller is kept apart from what is not.
Used on one event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Any, NamedTuple

import structlog

from services.runtime.errors import ConfigurationError
from services.runtime.metrics import Metrics
from services.store.changes import ChangedKeys, SeenTables

LOOK_EVERY_S = 0.05
"""An answer may be out of date by so much, and by the time that looking takes."""
AGE_MAX_S = 60.0
"""Answers say when they were read; older ones are read again."""
CHANGED_MAX = 200_000
"""Changed keys that are remembered; answers read before those that were forgotten are, too."""
KEY_BYTES, ENTRY_BYTES = 100, 1_000
"""What an entry takes besides its body, roughly."""
log = structlog.get_logger()


class ReadAnswer(NamedTuple):
    """An answer, and what it depends on."""

    body: bytes
    etag: str
    subjects: tuple[str, ...]
    """Ids of the profiles that it tells of, for the access log."""
    keys: frozenset[str] | None
    """What its statements asked for; None if that is not known, and it is not kept."""


class Watch:
    """Numbers the looks at the store, and knows in which of them a key was seen changed."""

    def __init__(
        self,
        look: Callable[[SeenTables], Awaitable[ChangedKeys]],
        version: Callable[[], object] = lambda: None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            look: the keys that changed since a look. Raises Retry or Fatal.
            version: changes whenever this process itself has written something, which its callers
                must see at once. Does not block.
        """
        self._look = look
        self._version = version
        self._clock_s = clock_s
        self.number = 0
        self.is_blind = False
        """Whether the store does not let us look."""
        self._floor = 0
        """Everything may have changed in this look."""
        self._changed: OrderedDict[str, int] = OrderedDict()
        self._seen: SeenTables = {}
        self._looking: asyncio.Task[None] | None = None
        self._begun = self._done = 0
        """Looks that began, and the last one of them that found something out."""
        self._done_s = -math.inf
        self._done_version: object = None

    async def seen(self, *, is_strict: bool = False) -> int:
        """The number of a look that is not older than a moment. Raises Retry or Fatal.

        `is_strict`: one that begins after the call.
        """
        next_one = self._begun + 1
        while not (
            self.is_blind or self._done >= next_one or (self._is_recent() and not is_strict)
        ):
            if self._looking is None:
                self._begun += 1
                self._looking = asyncio.create_task(self._next(self._begun))
                self._looking.add_done_callback(_heard)
            await asyncio.shield(self._looking)
        return self.number

    def is_unchanged(self, keys: Iterable[str], number: int) -> bool:
        """Whether nothing of these keys was seen to change after that look."""
        if number < self._floor:
            return False
        changed = self._changed
        return all(changed.get(key, 0) <= number for key in keys)

    def _is_recent(self) -> bool:
        is_young = self._clock_s() - self._done_s < LOOK_EVERY_S
        return is_young and self._version() == self._done_version

    async def _next(self, number: int) -> None:
        begun_s, version = self._clock_s(), self._version()
        try:
            self._note(await self._look(self._seen))
        except ConfigurationError as error:
            log.warning("answers_not_kept", error=str(error))
            self.is_blind = True
        finally:
            self._looking = None
        self._done, self._done_s, self._done_version = number, begun_s, version

    def _note(self, found: ChangedKeys) -> None:
        self._seen = found.seen
        if not found.is_all and not found.keys:
            return
        self.number += 1
        if found.is_all:
            self._floor = self.number
            self._changed.clear()
        for key in found.keys:
            self._changed.pop(key, None)
            self._changed[key] = self.number
        while len(self._changed) > CHANGED_MAX:
            _, number = self._changed.popitem(last=False)
            self._floor = max(self._floor, number)


class _Kept(NamedTuple):
    answer: ReadAnswer
    keys: frozenset[str]
    number: int
    read_at_s: float
    size: int


class AnswerCache:
    """Keeps answers up to a size; those used longest ago go first."""

    def __init__(
        self,
        watch: Watch,
        bytes_max: int,
        metrics: Metrics,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watch = watch
        self._bytes_max = bytes_max
        self._clock_s = clock_s
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._reading: dict[Hashable, tuple[int, asyncio.Task[ReadAnswer]]] = {}
        self._bytes = 0
        self._bytes_told = metrics.answer_cache_bytes
        self._hit, self._miss = (
            metrics.answer_cache_reads.labels(result) for result in ("hit", "miss")
        )

    async def answer(
        self,
        key: Hashable,
        read: Callable[[], Awaitable[ReadAnswer]],
        *,
        is_strict: bool = False,
    ) -> ReadAnswer:
        """The answer of this key: kept, being read for somebody else, or read now.

        Args:
            key: everything that the answer depends on but for the store: realm, operation,
                arguments, what is masked.
            is_strict: nothing may be missing that is visible now.

        Raises what reading raises, which is not kept.
        """
        if not self._bytes_max:
            return await read()
        number = await self._watch.seen(is_strict=is_strict)
        if self._watch.is_blind:
            return await read()
        kept = self._kept.get(key)
        if kept is not None and self._is_good(kept):
            self._hit.inc()
            self._kept.move_to_end(key)
            return kept.answer
        self._miss.inc()
        running = self._reading.get(key)
        if running is None or running[0] != number or is_strict:
            running = number, asyncio.create_task(self._read(key, number, read))
            self._reading[key] = running
            running[1].add_done_callback(lambda task: self._ended(key, task))
        return await asyncio.shield(running[1])

    def _is_good(self, kept: _Kept) -> bool:
        is_young = self._clock_s() - kept.read_at_s < AGE_MAX_S
        return is_young and self._watch.is_unchanged(kept.keys, kept.number)

    async def _read(
        self, key: Hashable, number: int, read: Callable[[], Awaitable[ReadAnswer]]
    ) -> ReadAnswer:
        begun_s = self._clock_s()
        answer = await read()
        self._drop(key)
        if answer.keys is not None:
            size = len(answer.body) + KEY_BYTES * len(answer.keys) + ENTRY_BYTES
            if size <= self._bytes_max:
                self._keep(key, _Kept(answer, answer.keys, number, begun_s, size))
        return answer

    def _ended(self, key: Hashable, task: asyncio.Task[ReadAnswer]) -> None:
        if self._reading.get(key, (0, None))[1] is task:
            del self._reading[key]
        _heard(task)

    def _keep(self, key: Hashable, kept: _Kept) -> None:
        self._kept[key] = kept
        self._bytes += kept.size
        while self._bytes > self._bytes_max:
            self._drop(next(iter(self._kept)))
        self._bytes_told.set(self._bytes)

    def _drop(self, key: Hashable) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= kept.size


def _heard(task: asyncio.Task[Any]) -> None:
    """An error of a task that nobody waits for any more is no news."""
    if not task.cancelled():
        task.exception()


def etag_of(content: bytes) -> str:
    """A weak validator (RFC 9110, section 8.8.1) of what an answer says, whenever it says it."""
    return f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def is_known(etag: str, if_none_match: str | None) -> bool:
    """Whether a client says that it has this version (RFC 9110, section 13.1.2)."""
    if not if_none_match:
        return False
    known = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return "*" in known or etag.removeprefix("W/") in known

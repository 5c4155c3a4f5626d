"""Answers that were read already and have not changed since, for whom the same is asked again.

An answer is kept with the keys that its statements asked for, and is given again as long as no row
with one of them has become visible (services/api/marks.py). Whoever asks has just taken a mark:
when the store cannot be asked, there is no answer. Who may have an answer is decided before; what
is masked for one caller is kept apart from what is not. Used on one event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import NamedTuple
from uuid import UUID

from services.api.marks import Marks, heard
from services.runtime.metrics import Metrics

AGE_MAX_S = 60.0
"""Answers say when they were read; older ones are read again."""
KEY_BYTES, ENTRY_BYTES = 100, 1_000
"""What an entry takes besides its body, roughly."""


class ReadAnswer(NamedTuple):
    """An answer, and what it depends on."""

    body: bytes
    etag: str
    subjects: tuple[UUID, ...]
    """Ids of the profiles that it tells of, for the access log."""
    keys: frozenset[str] | None
    """What its statements asked for; None if that is not known, and it is not kept."""


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
        marks: Marks,
        bytes_max: int,
        metrics: Metrics,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._marks = marks
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
        self, number: int, key: Hashable, read: Callable[[], Awaitable[ReadAnswer]]
    ) -> ReadAnswer:
        """The answer of this key: kept, being read for somebody else, or read now.

        Args:
            number: of a mark that the caller has just taken.
            key: everything that the answer depends on but for the store: realm, operation,
                arguments, what is masked.

        Raises what reading raises, which is not kept.
        """
        if not self._bytes_max or self._marks.is_blind:
            return await read()
        kept = self._kept.get(key)
        if kept is not None and self._is_good(kept):
            self._hit.inc()
            self._kept.move_to_end(key)
            return kept.answer
        self._miss.inc()
        running = self._reading.get(key)
        if running is None or running[0] != number:
            running = number, asyncio.create_task(self._read(key, number, read))
            self._reading[key] = running
            running[1].add_done_callback(lambda task: self._ended(key, task))
        return await asyncio.shield(running[1])

    def _is_good(self, kept: _Kept) -> bool:
        is_young = self._clock_s() - kept.read_at_s < AGE_MAX_S
        return is_young and self._marks.is_unchanged(kept.keys, kept.number)

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
        heard(task)

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


def etag_of(content: bytes) -> str:
    """A weak validator (RFC 9110, section 8.8.1) of what an answer says, whenever it says it."""
    return f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def is_known(etag: str, if_none_match: str | None) -> bool:
    """Whether a client says that it has this version (RFC 9110, section 13.1.2)."""
    if not if_none_match:
        return False
    known = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return "*" in known or etag.removeprefix("W/") in known

"""Which books a write that was given up may still change, and until when they are in doubt.

A worker that dies, loses its partition or waits no longer leaves writes that may reach the store
after everything that replaced them. They cannot be called back, only outlived: a book that they may
concern is judged again when they have certainly landed. Nothing here reads or writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from schemas.claim import Book


class LateWrites(NamedTuple):
    """How long a write that was given up may take to reach the store, and the clock for it."""

    within_s: float
    clock: Callable[[], float]
    """Monotonic seconds. It stands still from before a batch is read until the batch is judged."""


class _Wait(NamedTuple):
    """A book that was written again and waits for what may still land."""

    until_s: float
    due_at: datetime | None
    """When it next changes by time alone."""


class BooksInDoubt:
    """The books of one writer that are in doubt.

    Judged in doubt, a book is judged again twice: at the next tick, when everything is written
    under a version above that of any write given up; and at the first tick after these have landed,
    for a row that only such a write holds. In between it is judged as claims and time demand.
    """

    def __init__(self, late: LateWrites, books: Iterable[Book] = ()) -> None:
        """`books` were left in doubt by who wrote before."""
        self._late = late
        self._unwritten = set(books)
        self._waiting: dict[Book, _Wait] = {}

    def __iter__(self) -> Iterator[Book]:
        yield from self._unwritten
        yield from self._waiting

    def is_unwritten(self, book: Book) -> bool:
        """Whether the book has not been written since, under a higher version."""
        return book in self._unwritten

    def judged(self, book: Book, due_at: datetime | None, *, in_doubt: bool) -> bool:
        """Note that the book was read and judged; whether it is in doubt now.

        `due_at` is when it next changes by time alone.
        """
        wait = self._waiting.pop(book, None)
        if in_doubt:
            self._unwritten.add(book)
            return True
        now_s = self._late.clock()
        until_s = now_s if wait is None else wait.until_s
        if book in self._unwritten:
            self._unwritten.discard(book)
            until_s = now_s + self._late.within_s
        if until_s <= now_s:
            return False
        self._waiting[book] = _Wait(until_s, due_at)
        return True

    def not_yet(self, now: datetime) -> set[Book]:
        """The books that need no judgement at a tick although they are kept due for their doubt."""
        now_s = self._late.clock()
        return {
            book
            for book, wait in self._waiting.items()
            if wait.until_s > now_s and (wait.due_at is None or wait.due_at > now)
        }

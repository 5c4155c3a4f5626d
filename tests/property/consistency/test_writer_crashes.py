"""Stored incidents equal the books, whatever part of a write a crash left behind."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import pytest

from schemas.claim import Book, Claim, PriceClaim
from schemas.incident import AnyIncident
from services.consistency.adapters.memory import MemoryStore
from services.consistency.writer import CacheBudget, ConsistencyWriter
from tests.events import product_book
from tests.tiers import volumes
from tests.unit.consistency.histories import QUICK, some_claims
from tests.unit.consistency.market import hour, price_book, rules

USING = rules(**QUICK)
BOOKS = [product_book(sku) for sku in ("A-1", "B-2", "C-3")]
Batch = tuple[list[PriceClaim], datetime | None]
T = TypeVar("T")


class Crash(Exception):
    """The process died during a write."""


class CrashingStore(MemoryStore):
    """A store whose process dies in some writes, after any subset of the rows was written."""

    def __init__(self, rng: random.Random, risk: float) -> None:
        super().__init__()
        self._rng = rng
        self._risk = risk

    def write_claims(self, claims: Sequence[Claim]) -> None:
        """Write all, or a part and crash."""
        some = self._some(claims)
        super().write_claims(some)
        self._crash_unless(len(some) == len(claims))

    def write_tick(self, realm: str, now: datetime, partition: int | None = None) -> None:
        """Write, or crash before it."""
        self._crash_unless(self._rng.random() > self._risk)
        super().write_tick(realm, now, partition)

    def write_incidents(self, incidents: Sequence[AnyIncident], version: int) -> None:
        """Write all, or a part and crash."""
        some = self._some(incidents)
        super().write_incidents(some, version)
        self._crash_unless(len(some) == len(incidents))

    def write_due(self, due: Mapping[Book, datetime | None], version: int) -> None:
        """Write all, or a part and crash."""
        some = self._some(list(due))
        super().write_due({book: due[book] for book in some}, version)
        self._crash_unless(len(some) == len(due))

    def _some(self, rows: Sequence[T]) -> list[T]:
        if self._rng.random() > self._risk:
            return list(rows)
        return self._rng.sample(list(rows), k=self._rng.randint(0, len(rows)))

    def _crash_unless(self, survived: bool) -> None:
        if not survived:
            raise Crash


def some_batches(rng: random.Random) -> list[Batch]:
    """A log of claims of three products in any order, with ticks between them."""
    claims = [
        one._replace(book=book, event_id=f"{book.subject.key}-{one.event_id}")
        for book in BOOKS
        for one in some_claims(rng)
    ]
    rng.shuffle(claims)
    batches: list[Batch] = []
    now = -6
    while claims:
        size = rng.randint(0, 9)
        batch, claims = claims[:size], claims[size:]
        now += rng.randint(0, 30)
        batches.append((batch, hour(now) if rng.random() < 0.6 else None))
    batches.append(([], hour(now + rng.randint(0, 90))))
    return batches


def run_log(rng: random.Random, store: MemoryStore, batches: list[Batch]) -> int:
    """Work through the log; after a crash a new writer starts at the last acknowledged batch."""
    crashes = acknowledged = 0
    while acknowledged < len(batches):
        writer = ConsistencyWriter(store, USING, CacheBudget(rng.choice([1, 40, 2_000])))
        position = acknowledged
        try:
            while position < len(batches):
                for _ in range(rng.randint(1, 3)):  # Several batches may share one commit.
                    if position < len(batches):
                        writer.apply(*batches[position])
                        position += 1
                writer.commit(1)
                acknowledged = position
        except Crash:
            crashes += 1
    return crashes


def check_stored(store: MemoryStore, batches: list[Batch]) -> int:
    """Every stored incident equals what its book yields from scratch, or is retracted."""
    now = max(tick for _, tick in batches if tick)
    kept = 0
    for name in BOOKS:
        book = price_book(name, USING)
        book.add(one for claims, _ in batches for one in claims if one.book == name)
        book.advance(now)
        stored = {one.incident_id: one for one in store.incidents_of([name]).get(name, [])}
        current = book.incidents()
        assert {k: v for k, v in stored.items() if v.state != "retracted"} == current
        kept += len(current)
    return kept


@pytest.mark.parametrize("risk", [0.0, 0.2])
@pytest.mark.parametrize("logs", volumes(40, 300))
def test_stored_incidents_equal_the_books_whatever_crashes(risk: float, logs: int) -> None:
    """Random logs, with and without crashes that wrote any part, end as from scratch."""
    rng, crashes, kept = random.Random(99), 0, 0
    for _ in range(logs):
        store, batches = CrashingStore(rng, risk), some_batches(rng)
        crashes += run_log(rng, store, batches)
        kept += check_stored(store, batches)
    assert kept > logs
    assert (crashes > logs) is (risk > 0)

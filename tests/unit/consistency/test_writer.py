"""The writer keeps the stored incidents equal to the books, through crashes and repetition."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import pytest

from schemas.claim import Book, Claim, PriceClaim
from schemas.incident import AnyIncident, IncidentState
from services.consistency.adapters.memory import MemoryStore
from services.consistency.writer import ConsistencyWriter
from tests.events import product_book

from .market import BOOK, RULES, charged, claim, hour, price_book, rules
from .test_order import QUICK, some_claims

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
        writer = ConsistencyWriter(store, USING, cache_books_max=rng.choice([1, 2, 100]))
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
def test_stored_incidents_equal_the_books_whatever_crashes(risk: float) -> None:
    """300 random logs, with and without crashes that wrote any part, end as from scratch."""
    rng, crashes, kept = random.Random(99), 0, 0
    for _ in range(300):
        store, batches = CrashingStore(rng, risk), some_batches(rng)
        crashes += run_log(rng, store, batches)
        kept += check_stored(store, batches)
    assert kept > 300
    assert (crashes > 300) is (risk > 0)


def agreed() -> list[PriceClaim]:
    """Shop, app and pos at 10, and the shop's wrong price from hour 10 on."""
    claims = [claim(channel, "10", 0) for channel in ("shop", "app", "pos")]
    return [*claims, claim("shop", "12", 10)]


def test_a_quiet_night_opens_what_is_due() -> None:
    """A tick without any claim opens the pending incident of a book that is not loaded."""
    store = MemoryStore()
    first = ConsistencyWriter(store, RULES)
    pending = first.apply(agreed(), hour(11))
    first.commit(1)
    opened = ConsistencyWriter(store, RULES).apply([], hour(20))
    assert [one.state for one in pending + opened] == [IncidentState.PENDING, IncidentState.OPEN]


def test_a_tick_before_anything_is_due_changes_nothing() -> None:
    """Only books whose due time has come are looked at."""
    writer = ConsistencyWriter(MemoryStore(), RULES)
    writer.apply(agreed(), hour(11))
    writer.commit(1)
    assert writer.apply([], hour(13)) == []


def test_late_evidence_retracts_an_incident() -> None:
    """A claim that arrives late and heals the deviation in time disproves the incident."""
    writer = ConsistencyWriter(MemoryStore(), RULES)
    (opened,) = writer.apply(agreed(), hour(20))
    writer.commit(1)
    late = claim("shop", "10", 12)
    (retracted,) = writer.apply([late], None)
    assert (opened.state, retracted.state) == (IncidentState.OPEN, IncidentState.RETRACTED)
    assert retracted.incident_id == opened.incident_id
    assert writer.apply([late], hour(21)) == []


def test_applying_again_changes_nothing() -> None:
    """A batch that was written already yields no change, in this writer and in a new one."""
    store = MemoryStore()
    writer = ConsistencyWriter(store, RULES)
    writer.apply(agreed(), hour(20))
    writer.commit(1)
    assert writer.apply(agreed(), hour(20)) == []
    assert ConsistencyWriter(store, RULES).apply(agreed(), hour(20)) == []


def test_time_never_goes_back() -> None:
    """An earlier tick, or none, judges at the latest time that is stored."""
    store = MemoryStore()
    writer = ConsistencyWriter(store, RULES)
    writer.apply(agreed(), hour(20))
    writer.commit(1)
    restarted = ConsistencyWriter(store, RULES)
    assert restarted.apply(agreed(), hour(5)) == []
    assert restarted.now == hour(20)


def test_nothing_is_written_before_the_commit() -> None:
    """`apply` only reads."""
    store = MemoryStore()
    writer = ConsistencyWriter(store, RULES)
    writer.apply(agreed(), hour(20))
    assert (store.claims_of([BOOK]), store.incidents_of([BOOK])) == ({}, {})
    writer.commit(1)
    assert len(store.claims_of([BOOK])[BOOK]) == 4


class WritingStore(MemoryStore):
    """Remembers what was written in which order."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    def write_claims(self, claims: Sequence[Claim]) -> None:
        """See the port."""
        self.written.append("claims")

    def write_tick(self, realm: str, now: datetime, partition: int | None = None) -> None:
        """See the port."""
        self.written.append("tick")

    def write_incidents(self, incidents: Sequence[AnyIncident], version: int) -> None:
        """See the port."""
        self.written.append("incidents")

    def write_due(self, due: Mapping[Book, datetime | None], version: int) -> None:
        """See the port."""
        self.written.append("due")


def test_due_times_are_written_last_and_by_themselves() -> None:
    """Claims before the tick, the tick before incidents; due times when told so."""
    store = WritingStore()
    writer = ConsistencyWriter(store, RULES)
    writer.apply(agreed(), hour(20))
    writer.write(1)
    assert store.written == ["claims", "tick", "incidents"]
    writer.settle(1)
    assert store.written[3:] == ["due"]


def test_in_doubt_everything_of_a_book_is_said_again() -> None:
    """Unchanged and retracted incidents, too; once more when the doubt is over, then no more."""
    store = MemoryStore()
    writer = ConsistencyWriter(store, RULES)
    writer.apply(agreed(), hour(20))
    writer.commit(1)
    late = [claim("shop", "10", 12), claim("app", "13", 40)]
    writer.apply(late, hour(60))
    writer.commit(1)
    for in_doubt, told in ((True, 2), (True, 2), (False, 2), (False, 0)):
        found = writer.apply(late, hour(60), in_doubt=in_doubt)
        assert (len(found), writer.changed) == (told, [])
        writer.commit(1)


def test_a_claim_of_another_realm_is_refused() -> None:
    """There is one writer a realm; its tick says nothing of other realms."""
    foreign = charged("shop", "1", 0, book=BOOK._replace(realm="other"))
    with pytest.raises(ValueError, match="realm 'other'"):
        ConsistencyWriter(MemoryStore(), RULES).apply([foreign], None)

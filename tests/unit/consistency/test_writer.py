"""The writer keeps the stored incidents equal to the books, through crashes and repetition."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from datetime import datetime

import pytest

from schemas.claim import Book, Claim, PriceClaim, Superseded
from schemas.incident import AnyIncident, IncidentState
from schemas.subject import Subject
from services.consistency.adapters.memory import MemoryStore
from services.consistency.writer import CacheBudget, ConsistencyWriter

from .market import BOOK, RULES, charged, claim, hour


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


def test_claims_that_were_taken_back_before_they_arrive() -> None:
    """Two processes send: the word that an event proves nothing any more may come before its claims
    do, in an earlier batch. Those of a later body count."""
    writer = ConsistencyWriter(MemoryStore(), RULES)
    *right, wrong = agreed()
    writer.apply(right, hour(9))
    writer.commit(1)
    writer.apply([Superseded(BOOK, wrong.event_id, wrong.version + 1)], hour(11))
    writer.commit(2)
    assert writer.apply([wrong], hour(20)) == []
    (opened,) = writer.apply([wrong._replace(version=wrong.version + 1)], hour(21))
    assert opened.state is IncidentState.OPEN


def test_applying_again_changes_nothing() -> None:
    """A batch that was written already yields no change, in this writer and in a new one."""
    store = MemoryStore()
    writer = ConsistencyWriter(store, RULES)
    writer.apply(agreed(), hour(20))
    writer.commit(1)
    assert writer.apply(agreed(), hour(20)) == []
    assert ConsistencyWriter(store, RULES).apply(agreed(), hour(20)) == []


def test_writers_share_the_memory_of_their_process() -> None:
    """Each keeps its share of the claims, the latest books first; who ends leaves room."""
    budget = CacheBudget(24)
    books = [Book("r", BOOK.kind, Subject.product("DE", str(number))) for number in range(4)]
    claims = [claim("shop", "10", 0)._replace(book=book) for book in books]
    first = ConsistencyWriter(MemoryStore(), RULES, budget, "r")
    first.apply(claims, hour(1))
    assert (first.cached_books, first.cached_claims) == (4, 24)  # one and five for each book
    first.commit(1)
    assert first.missing(books) == []
    second = ConsistencyWriter(MemoryStore(), RULES, budget, "r")
    first.apply([], hour(2))
    first.commit(2)
    assert first.missing(books) == books[:2]
    del second
    gc.collect()
    first.apply(claims, hour(3))
    first.commit(3)
    assert first.missing(books) == []


def test_a_book_that_is_larger_than_the_memory_stays_alone() -> None:
    """It would be read again with every batch; the others are evicted."""
    writer = ConsistencyWriter(MemoryStore(), RULES, CacheBudget(1))
    other = BOOK._replace(subject=Subject.product("DE", "other"))
    writer.apply([claim("shop", "10", 0)._replace(book=other)], hour(1))
    writer.commit(1)
    writer.apply(agreed(), hour(11))
    writer.commit(2)
    assert writer.missing([BOOK, other]) == [other]


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

"""A book that a write given up may still change is judged again until such a write has landed."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence

from schemas.claim import Book, Claim, PriceClaim
from schemas.incident import AnyIncident, IncidentState
from services.consistency.adapters.memory import MemoryStore
from services.consistency.core.doubt import BooksInDoubt, LateWrites
from services.consistency.writer import ONE_PROCESS, ConsistencyWriter

from .market import BOOK, RULES, claim, hour

WITHIN_S = 10.0


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """See `LateWrites.clock`."""
        return self.now_s


class ReadStore(MemoryStore):
    """Remembers how often books were read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def claims_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[Claim]]:
        """See the port."""
        self.reads += 1
        return super().claims_of(books)


class Shop:
    """The writers of one store, one after the other, and a clock."""

    def __init__(self) -> None:
        self.store = ReadStore()
        self.clock = Clock()
        self.version = 0
        self.writer = self.successor()

    def successor(self) -> ConsistencyWriter:
        """A writer that has just taken over."""
        late = LateWrites(WITHIN_S, self.clock)
        self.writer = ConsistencyWriter(self.store, RULES, late=late)
        return self.writer

    def judged(
        self, claims: Sequence[PriceClaim], at: float | None, *, in_doubt: bool = False
    ) -> list[AnyIncident]:
        """What one batch publishes."""
        found = self.writer.apply(claims, None if at is None else hour(at), in_doubt=in_doubt)
        self.version += 1
        self.writer.commit(self.version)
        return found

    @property
    def states(self) -> list[IncidentState]:
        """Of the stored incidents."""
        return [one.state for one in self.store.incidents_of([BOOK]).get(BOOK, ())]


def phantom() -> AnyIncident:
    """An incident that does not follow from the claims of `Shop`."""
    claims = [claim(channel, "10", 0) for channel in ("shop", "app", "pos")]
    [incident] = ConsistencyWriter(MemoryStore(), RULES).apply(
        [*claims, claim("shop", "12", 10)], hour(20)
    )
    return incident


AGREED = [claim(channel, "10", 0) for channel in ("shop", "app", "pos")]


def test_a_write_that_lands_many_ticks_later_is_overruled() -> None:
    """However many ticks came before; at the first one after the time in which it can land."""
    shop = Shop()
    shop.judged(AGREED, 20, in_doubt=True)
    for at in (20, 21, 22):
        assert shop.judged([], at) == []
        shop.clock.now_s += WITHIN_S / 4
    shop.store.write_incidents([phantom()], 1)
    assert shop.judged([], 23) == []
    assert shop.states == [IncidentState.OPEN]
    shop.clock.now_s += WITHIN_S / 4
    assert [one.state for one in shop.judged([], 24)] == [IncidentState.RETRACTED]
    assert shop.states == [IncidentState.RETRACTED]
    assert BOOK not in shop.store.due_books("default", hour(24))


def test_the_doubt_outlives_who_has_it() -> None:
    """A successor finds the book due at a tick that was judged, and waits on its own clock, also if
    claims come first."""
    for claims in ([], AGREED[:1]):
        shop = Shop()
        shop.judged(AGREED, 20, in_doubt=True)
        shop.judged([], 21)
        shop.successor()
        shop.clock.now_s += 2 * WITHIN_S
        shop.successor()
        assert shop.judged(claims, 22 if not claims else None) == []
        assert BOOK in shop.store.due_books("default", hour(22))
        shop.clock.now_s += WITHIN_S / 2
        shop.judged([], 23)
        shop.store.write_incidents([phantom()], 1)
        shop.clock.now_s += WITHIN_S / 2
        assert [one.state for one in shop.judged([], 24)] == [IncidentState.RETRACTED]
        assert shop.successor().due_books(hour(25)) == set()


def test_a_late_row_of_the_same_version_loses_to_the_successor() -> None:
    """Everything in doubt is written again under a higher version, also by who took over since."""
    shop = Shop()
    said = [*AGREED, claim("shop", "12", 10)]
    [opened] = shop.judged(said, 20, in_doubt=True)
    shop.successor()
    assert shop.judged([], 21) == [opened]
    outdated = opened.model_copy(update={"state": IncidentState.RESOLVED})
    shop.store.write_incidents([outdated], 1)
    assert shop.states == [IncidentState.OPEN]


def test_waiting_costs_two_judgements() -> None:
    """At the next tick and at the end: ticks in between read nothing."""
    shop = Shop()
    shop.judged(AGREED, 20, in_doubt=True)
    reads = [shop.store.reads]
    for at in range(21, 40):
        shop.judged([], at)
        shop.clock.now_s += 1
        reads.append(shop.store.reads)
    assert reads == [reads[0], *[reads[0] + 1] * 10, *[reads[0] + 2] * 9]


def test_time_opens_an_incident_while_its_book_is_in_doubt() -> None:
    """What a book is due for by itself does not wait."""
    shop = Shop()
    shop.judged([*AGREED, claim("shop", "12", 10)], 11, in_doubt=True)
    shop.judged([], 12)
    assert shop.states == [IncidentState.PENDING]
    assert [one.state for one in shop.judged([], 20)] == [IncidentState.OPEN]
    assert BOOK in shop.store.due_books("default", hour(20))


def test_a_batch_in_doubt_begins_the_doubt_anew() -> None:
    """The time counts from the last judgement that was written under a new version."""
    shop = Shop()
    shop.judged(AGREED, 20, in_doubt=True)
    shop.judged([], 21)
    shop.clock.now_s += WITHIN_S
    shop.judged(AGREED, 21, in_doubt=True)
    shop.judged([], 22)
    shop.clock.now_s += WITHIN_S - 1
    shop.judged([], 23)
    shop.store.write_incidents([phantom()], 1)
    shop.clock.now_s += 1
    assert [one.state for one in shop.judged([], 24)] == [IncidentState.RETRACTED]


def test_no_doubt_without_late_writes() -> None:
    """Where nothing lands late, the next judgement is the last."""
    books = BooksInDoubt(ONE_PROCESS)
    assert books.judged(BOOK, None, in_doubt=True)
    assert (list(books), books.is_unwritten(BOOK)) == ([BOOK], True)
    assert not books.judged(BOOK, None, in_doubt=False)
    assert (list(books), books.is_unwritten(BOOK)) == ([], False)
    assert not books.judged(BOOK, None, in_doubt=False)


def test_a_book_that_waits_is_judged_when_it_is_due() -> None:
    """By time alone, that instant included, or when what was given up has landed."""
    clock = Clock()
    books = BooksInDoubt(LateWrites(WITHIN_S, clock), [BOOK])
    assert books.judged(BOOK, hour(30), in_doubt=False)
    assert [books.not_yet(hour(at)) for at in (29, 30)] == [{BOOK}, set()]
    clock.now_s = WITHIN_S
    assert books.not_yet(hour(29)) == set()


def test_any_late_write_is_overruled_at_last() -> None:
    """Whenever it lands, whoever dies, whatever is judged meanwhile: no phantom stays."""
    for seed in range(200):
        rng, shop, at = random.Random(seed), Shop(), 20.0
        shop.judged(AGREED, at, in_doubt=True)
        lands_s = rng.uniform(0, WITHIN_S)
        has_landed = False
        while shop.clock.now_s <= 3 * WITHIN_S:
            shop.clock.now_s += rng.expovariate(1)
            at += rng.random()
            if shop.clock.now_s > lands_s and not has_landed:
                shop.store.write_incidents([phantom()], 1)
                has_landed = True
            if shop.clock.now_s < 1.5 * WITHIN_S and rng.random() < 0.3:
                shop.successor()
            shop.judged(
                rng.sample(AGREED, rng.randint(0, 1)), at if rng.random() < 0.7 else None,
                in_doubt=shop.clock.now_s < WITHIN_S and rng.random() < 0.1,
            )  # fmt: skip
        shop.clock.now_s += WITHIN_S
        shop.judged([], at + 1)
        shop.judged([], at + 2)
        assert shop.states in ([], [IncidentState.RETRACTED]), seed

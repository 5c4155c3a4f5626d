"""Charges above an advertisement: when, where, and that nobody tells of them twice."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from schemas.claim import PriceClaim
from schemas.incident import AnyIncident, IncidentState, Severity
from schemas.incident_action import ActionKind, IncidentAction
from schemas.offer import Basis, SaleKind
from services.consistency.adapters.memory import MemoryStore
from services.consistency.core.advertised import Cause
from services.consistency.core.kind import JudgedBook, Observation
from services.consistency.core.places import place_of
from services.consistency.kinds import KINDS
from services.consistency.kinds.charged_above_advertised import KIND, NAME, claims
from services.consistency.rules import ConsistencyRules
from services.consistency.writer import ConsistencyWriter
from tests.unit.consistency.market import (
    BOOK,
    RULES,
    charged,
    claim,
    hour,
    price_rules,
    prices,
    promo,
    rules,
    shown,
)

MAIL = promo("email", "8", 0, start=24, end=192)
"""8 instead of 10 from Tuesday on, for a week."""
DAY, WEEK = 24.0, 168.0


def judged(said: Iterable[PriceClaim], now: float, using: ConsistencyRules = RULES) -> JudgedBook:
    """A book of all kinds that tell of prices, at an hour."""
    book = KINDS.judge(BOOK, using.by_kind)
    book.add(said)
    book.advance(hour(now))
    return book


def told(
    said: Iterable[PriceClaim], now: float, using: ConsistencyRules = RULES, kind: str = NAME
) -> list[AnyIncident]:
    """The incidents of one kind at an hour, in order."""
    found = (one for one in judged(said, now, using).incidents().values() if one.kind == kind)
    return sorted(found, key=lambda one: (one.since, one.channel, one.location))


def test_the_first_receipt_opens_it() -> None:
    """Without grace, at the place of the till; it names both sides, and is no less than high."""
    (one,) = told([MAIL, charged("pos", "10", 30, location="12")], 30)
    assert (one.state, one.severity, one.cause) == (
        IncidentState.OPEN,
        Severity.CRITICAL,
        Cause.UNDECIDED_PRICE,
    )
    assert (one.channel, one.location, one.since) == ("pos", "12", hour(30))
    assert (prices(one).expected, prices(one).observed) == (Decimal(8), Decimal(10))
    assert one.evidence == [["pos12-c30-10"], [MAIL.event_id]]
    assert one.details.in_words() == "10.00 charged, 8.00 EUR advertised"
    (slight,) = told([MAIL, charged("pos", "8.10", 30)], 30)
    assert slight.severity is Severity.HIGH


@pytest.mark.parametrize(
    ("at", "is_told"),
    [(23.99, False), (24, True), (191.99, True), (192, False)],
)
def test_it_binds_from_its_first_minute_until_before_its_end(at: float, is_told: bool) -> None:
    """In the moments of its window, neither before nor after."""
    assert bool(told([MAIL, charged("pos", "10", at)], 200)) is is_told


@pytest.mark.parametrize(
    ("advertised", "paid"),
    [
        ({}, {"currency": "CHF"}),
        ({"customer_group": "club"}, {}),
        ({"variant": "XS"}, {"variant": "M"}),
        ({"condition": "used"}, {}),
        ({"seller": "other"}, {}),
        ({"sale_kind": SaleKind.PERSONAL}, {}),
        ({"price": Decimal(0)}, {}),
        ({"basis": Basis.DISPLAYED}, {}),
        ({"channel": "shop"}, {}),
        ({"location": "13"}, {"location": "12"}),
        ({"zone": "north"}, {"location": "12"}),
        ({}, {"price": Decimal("8.01")}),
        ({}, {"price": Decimal("7")}),
        ({}, {"basis": Basis.DISPLAYED}),
    ],
)  # fmt: skip
def test_what_promises_nothing_to_whom(advertised: dict[str, Any], paid: dict[str, Any]) -> None:
    """Other terms, other places, no advertisement, no price, no charge."""
    said = [MAIL._replace(**advertised), charged("pos", "10", 30)._replace(**paid)]
    assert told(said, 60) == []


def test_who_charges_as_advertised_ends_it_and_who_returns_within_a_day_reopens_it() -> None:
    """The same incident; after a longer time another one."""
    said = [MAIL, charged("pos", "10", 30), charged("pos", "8", 40)]
    (one,) = told(said, 60)
    assert (one.state, one.resolved_at) == (IncidentState.RESOLVED, hour(40))
    (again,) = told([*said, charged("pos", "11", 64)], 70)
    assert (again.incident_id, again.state) == (one.incident_id, IncidentState.OPEN)
    assert prices(again).observed == 11
    assert len(told([*said, charged("pos", "11", 64.1)], 70)) == 2


def test_only_one_kind_tells_of_it() -> None:
    """From the first charge on neither the price above the mailing nor the mailing is told as a
    price mismatch; until then they are, and afterwards again."""
    quick = rules(grace_start_hours={"email": 1}, grace_end_hours={"email": 1})
    wrong_mail = [claim("shop", "10", 0), claim("app", "10", 0), MAIL]
    mismatch = "price_mismatch"
    (before,) = told(wrong_mail, 40, quick, mismatch)
    assert (before.channel, before.state) == ("email", IncidentState.OPEN)
    said = [*wrong_mail, charged("shop", "10", 50), shown("shop", "10", 55)]
    (over,) = told(said, 60, quick, mismatch)
    assert (over.channel, over.resolved_at) == ("email", hour(50))
    (one,) = told(said, 60, quick)
    assert (one.channel, one.cause) == ("shop", Cause.ADVERTISEMENT_WRONG)
    wrong_shop = [claim("shop", "10", 0), promo("erp", "8", 0, start=24, end=192), MAIL]
    listed = rules(reference_channels=["erp"])
    said = [*wrong_shop, charged("shop", "10", 50)]
    (over,) = told(said, 60, listed, mismatch)
    assert (over.channel, over.resolved_at) == ("shop", hour(50))
    (one,) = told(said, 60, listed)
    assert one.cause == Cause.ADVERTISED_PRICE_NOT_APPLIED
    (again,) = told([*said, charged("shop", "8", 60)], 120, listed, mismatch)
    assert (again.channel, again.state) == ("shop", IncidentState.OPEN)


def test_what_is_published_for_all_stores_is_one_incident() -> None:
    """Also what is only expected of all; a store with a price of its own answers for itself."""
    stores = [charged("pos", "10", 30 + n, location=str(n)) for n in (1, 2, 3)]
    (one,) = told([MAIL, claim("pos", "10", 0), *stores], 60)
    assert (one.location, len(one.evidence[0])) == ("", 3)
    listed = rules(reference_channels=["erp"], zones={"north": ["1", "2", "3"]})
    assert told([MAIL, claim("erp", "10", 0, zone="north"), *stores], 60, listed) == []
    (one,) = told([MAIL, claim("erp", "10", 0), *stores], 60, listed)
    assert (one.location, one.cause) == ("", Cause.ADVERTISEMENT_WRONG)
    (over,) = told([MAIL, claim("erp", "10", 0), *stores, claim("erp", "8", 50)], 60, listed)
    assert over.resolved_at == hour(50)
    own = [claim("pos", "10", 0, location=str(n)) for n in (1, 2, 3)]
    assert [one.location for one in told([MAIL, *own, *stores], 60)] == ["1", "2", "3"]


def test_the_price_list_makes_a_local_price_lawful() -> None:
    """Up to that price, and not for what is advertised in that very place."""
    listed = rules(reference_channels=["erp"])
    local = claim("erp", "10", 0, location="12")
    assert told([MAIL, local, charged("pos", "10", 30, location="12")], 40, listed) == []
    assert told([MAIL, local, charged("pos", "11", 30, location="12")], 40, listed)
    here = MAIL._replace(location="12")
    assert told([here, local, charged("pos", "10", 30, location="12")], 40, listed)


def test_several_receipts_may_be_asked_for() -> None:
    """Then it begins with the first of those that suffice, and nobody tells of fewer."""
    two = rules(evidence_min_observations=2)
    first, second = charged("pos", "10", 30), charged("pos", "10", 40)
    assert judged([MAIL, first], 60, two).incidents() == {}
    assert judged([MAIL, first, charged("pos", "10", 55)], 60, two).incidents() == {}
    (one,) = told([MAIL, first, second], 60, two)
    assert (one.since, one.evidence[0]) == (hour(30), [first.event_id, second.event_id])


def test_whom_it_cost_how_much() -> None:
    """Every charge above it while it lasted, times the quantity; within a place all its stores."""
    said = [MAIL, charged("pos", "10", 30), charged("pos", "8", 40), charged("pos", "10", 20)]
    (one,) = told(said, 60)
    more = [
        charged("shop", "10", 35),
        shown("pos", "10", 35),
        charged("pos", "10", 35, currency="CHF"),
    ]
    here = charged("pos", "9", 35, location="7")
    seen = [
        Observation(one, place_of(one).label, Decimal(3), 0, one.event_id)
        for one in (*said, *more, here)
    ]
    found = [(one.value, one.cost) for one in KIND.met(one, seen, price_rules())]
    assert found == [("10", Decimal(6)), ("9", Decimal(3))]
    zones = price_rules(rules(zones={"north": ["7"]}))
    north = one.model_copy(update={"location": "zone:north"})
    assert [one.value for one in KIND.met(north, seen, zones)] == ["9"]
    assert [
        one.value for one in KIND.met(one.model_copy(update={"location": "7"}), seen, zones)
    ] == ["9"]


def test_it_is_judged_with_price_mismatches() -> None:
    """Without claims and rules of its own; its incidents and the actions on them are in one book
    with those of price mismatches."""
    with pytest.raises(ValueError, match=f"{NAME}: the rules are those of price_mismatch"):
        rules(**{NAME: {"tolerance_percent": 1}})
    assert RULES.by_kind[NAME] is RULES.by_kind["price_mismatch"]
    assert claims(None) == []  # type: ignore[arg-type]
    said = [MAIL, charged("pos", "10", 30)]
    alone = KIND.judge(BOOK, price_rules())
    alone.add([*said, claim("shop", "10", 0)])
    alone.advance(hour(60))
    assert [one.kind for one in alone.incidents().values()] == [NAME]
    store = MemoryStore()
    writer = ConsistencyWriter(store, RULES)
    (one,) = (found for found in writer.apply(said, hour(40)) if found.kind == NAME)
    writer.commit(1)
    action = IncidentAction(
        incident_id=one.incident_id,
        action=ActionKind.ACK,
        by="ann",
        reason="known",
        acted_at=hour(41),
    )
    assert KINDS.book_of(one) == BOOK
    successor = ConsistencyWriter(store, RULES)
    (acked,) = successor.apply([], hour(42), {BOOK: [action]})
    assert (acked.kind, acked.state) == (NAME, IncidentState.ACKNOWLEDGED)
    successor.commit(2)
    gone = ConsistencyWriter(store, RULES)
    taken_back = said[1]._replace(version=1, price=Decimal(8))
    (retracted,) = gone.apply([taken_back], hour(43))
    assert (retracted.incident_id, retracted.state) == (one.incident_id, IncidentState.RETRACTED)


class Told(NamedTuple):
    """One incident as the oracle tells it."""

    channel: str
    since: datetime
    until: datetime | None
    expected: Decimal
    observed: Decimal
    charges: tuple[str, ...]


def history(rng: random.Random) -> list[PriceClaim]:
    """Random advertisements and charges of one week, all for the whole chain."""
    said: list[PriceClaim] = []
    for _ in range(rng.randint(1, 5)):
        at, price = rng.randint(0, 100), rng.choice(("7", "8", "9"))
        window: dict[str, Any] = {}
        if rng.random() < 0.6:
            window = {"start": at + rng.randint(-5, 30)}
            window["end"] = window["start"] + rng.randint(1, 60)
        said.append(promo(rng.choice(("email", "print")), price, at, **window))
    for _ in range(rng.randint(1, 12)):
        channel, price = rng.choice(("shop", "app")), rng.choice(("7", "8", "9", "10"))
        said.append(charged(channel, price, rng.randint(0, 200)))
    unique = {one.event_id: one for one in said}
    return list(unique.values())


SHORT = rules(max_age_without_end_days={"email": 2, "print": 3})


def advertised(said: Sequence[PriceClaim], now: datetime) -> Decimal | None:
    """By definition: of each channel what counts, of these what binds, of these the lowest."""
    counting: list[PriceClaim] = []
    for channel, days in (("email", 2), ("print", 3)):
        holding = [
            one
            for one in said
            if one.channel == channel
            and one.occurred_at <= now
            and (one.valid_from or one.occurred_at) <= now
            and (one.valid_to is None or now < one.valid_to)
        ]
        holding.sort(key=lambda one: (
            one.valid_to is not None, one.valid_from or one.occurred_at, one.occurred_at,
            one.event_id,
        ))  # fmt: skip
        best = holding[-1] if holding else None
        if best and (best.valid_to or now < best.occurred_at + timedelta(days=days)):
            counting.append(best)
    begun = [max(one.valid_from or one.occurred_at, one.occurred_at) for one in counting]
    binding = [
        one.price
        for one, begin in zip(counting, begun, strict=True)
        if one.valid_to or begin == max(begun)
    ]
    return min(binding, default=None)


def oracle(said: Sequence[PriceClaim], now: datetime) -> list[Told]:
    """The incidents by definition: instant for instant, everything looked up anew."""
    instants = {one.occurred_at for one in said}
    instants |= {at for one in said for at in (one.valid_from, one.valid_to) if at}
    instants |= {one.occurred_at + timedelta(days=days) for one in said for days in (2, 3)}
    found: list[Told] = []
    for channel in ("app", "shop"):
        mine = [one for one in said if one.channel == channel]
        current: Told | None = None
        past: list[Told] = []
        for at in sorted(instant for instant in instants if instant <= now):
            promised = advertised(said, at)
            if current and promised != current.expected:
                past.append(current._replace(until=at))
                current = None
            for one in sorted(mine, key=lambda one: one.event_id):
                if one.occurred_at != at or promised is None:
                    continue
                if one.price <= promised:
                    if current:
                        past.append(current._replace(until=at))
                    current = None
                    continue
                if current is None and past and past[-1].expected == promised:
                    until = past[-1].until
                    if until and at - until <= timedelta(hours=24):
                        current = past.pop()._replace(until=None)
                if current is None:
                    current = Told(channel, at, None, promised, one.price, ())
                current = current._replace(
                    observed=max(current.observed, one.price),
                    charges=(*current.charges, one.event_id),
                )
        found += [*past, *([current] if current else [])]
    return sorted(found)


def as_told(book: JudgedBook) -> list[Told]:
    """The incidents of a book in the oracle's form."""
    return sorted(
        Told(
            one.channel, one.since, one.until, prices(one).expected, prices(one).observed,
            tuple(one.evidence[0]),
        )
        for one in book.incidents().values()
        if one.kind == NAME
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_the_same_as_by_definition_in_any_order(seed: int) -> None:
    """Also bit by bit, with ticks in between, repetitions, and earlier bodies of the same event."""
    rng = random.Random(seed)
    said, now = history(rng), rng.randint(50, 260)
    known = [one for one in said if one.occurred_at <= hour(now)]
    expected = oracle(known, hour(now))
    assert as_told(judged(said, now, SHORT)) == expected
    shuffled = [*said, *rng.sample(said, rng.randint(0, len(said)))]
    shuffled += [one._replace(version=-1, price=Decimal(99)) for one in rng.sample(said, 1)]
    rng.shuffle(shuffled)
    book, at = KINDS.judge(BOOK, SHORT.by_kind), 0
    for one in shuffled:
        book.add([one])
        at = min(now, at + rng.randint(0, 20))
        if rng.random() < 0.5:
            book.advance(hour(at))
            book.incidents()
    book.advance(hour(now))
    assert as_told(book) == expected
    whole = judged(said, now, SHORT)
    assert book.incidents() == whole.incidents()


@pytest.mark.parametrize("seed", range(12))
def test_nothing_happens_between_due_times(seed: int) -> None:
    """Who only ticks when the book says so sees every change."""
    rng = random.Random(1000 + seed)
    book = KINDS.judge(BOOK, SHORT.by_kind)
    book.add(history(rng))
    book.advance(hour(0))
    while (due := book.next_due) is not None and due < hour(300):
        before = book.incidents()
        book.advance(due - timedelta(milliseconds=1))
        assert book.incidents() == before
        book.advance(due)

"""Published prices over time, against an oracle that only knows the written rules."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from schemas.claim import PriceClaim
from schemas.rules.consistency import Overlap
from services.consistency.core.windows import ClaimWindow, Windows, window_of

from .market import claim, hour, promo
from .rules_of_windows import not_over, the_lowest

MAX_AGE = timedelta(hours=40)


def window(one: PriceClaim, max_age: timedelta = MAX_AGE) -> ClaimWindow:
    """The window of a published price."""
    return window_of(one, one.price, one.promotion or None, max_age)


def effective(
    claims: list[PriceClaim], now: float, overlap: Overlap = Overlap.LATEST
) -> PriceClaim | None:
    """The oracle: look at every claim that nothing has ended."""
    instant, found = hour(now), []
    for one in not_over(claims, instant):
        start = one.valid_from or one.occurred_at
        known = one.occurred_at <= instant and instant < max(start, one.occurred_at) + MAX_AGE
        if known and start <= instant and (one.valid_to is None or instant < one.valid_to):
            first = one.valid_to is not None and one.promotion != ""
            found.append((first, start, one.occurred_at, one.event_id, one))
    if overlap is Overlap.LOWEST:
        found = the_lowest(found)
    return max(found)[-1] if found else None


def some_claims(rng: random.Random, in_lists: float = 0) -> list[PriceClaim]:
    """Up to twelve overlapping windows, sorted by publication, a share of them in editions of two
    price lists."""
    claims = []
    for number in range(rng.randint(1, 12)):
        at, start = rng.randint(0, 20), rng.choice([None, rng.randint(0, 24)])
        begin = at if start is None else start
        end = rng.choice([None, begin + rng.randint(1, 9), begin + rng.randint(18, 50)])
        make = rng.choice([claim, promo])
        if rng.random() < 0.1:
            start = end = at  # withdrawn
        made = make("shop", str(rng.randint(1, 4)), at, start=start, end=end)
        made = made._replace(event_id=f"e{number:02}")
        if made.promotion:
            made = made._replace(promotion=rng.choice(["P1", "P2", "P3"]))
        if rng.random() < in_lists:
            name, edition = rng.choice("LLLP"), str((at + rng.choice([0, 0, 3])) // 6)
            made = made._replace(price_list_id=name, price_list_edition=edition)
        claims.append(made)
    return sorted(claims, key=lambda one: (one.occurred_at, one.event_id))


@pytest.mark.parametrize("overlap", list(Overlap))
def test_the_price_that_counts_equals_the_oracle_on_random_windows(overlap: Overlap) -> None:
    """At every hour of 500 random price histories the same claim counts."""
    rng = random.Random(7)
    for number in range(1000):
        claims = some_claims(rng, in_lists=0.4 * (number % 3))
        windows, waiting = Windows(overlap), list(claims)
        for now in range(70):
            while waiting and waiting[0].occurred_at <= hour(now):
                windows.add(window(waiting.pop(0)), hour(now))
            assert windows.at(hour(now), hour(now)) == effective(claims, now, overlap)


def test_between_two_bounds_nothing_changes() -> None:
    """`next_change` misses no hour at which another claim begins to count."""
    rng = random.Random(8)
    for number in range(300):
        claims = some_claims(rng, in_lists=0.4 * (number % 3))
        windows = Windows()
        for one in claims:
            windows.add(window(one), one.occurred_at)
        before = effective(claims, 20)
        for now in range(21, 70):
            after = effective(claims, now)
            if after != before:
                assert windows.next_change(hour(now - 1)) == hour(now)
            before = after


@pytest.mark.parametrize(
    ("former", "newer", "kept"),
    [
        (claim("shop", "9", 0, end=30), claim("shop", "10", 30, end=99), False),  # has ended
        (claim("shop", "9", 0, end=31), claim("shop", "10", 30, end=99), True),
        (claim("shop", "9", 0), claim("shop", "10", 40, end=99), False),  # is forgotten
        (claim("shop", "9", 0), claim("shop", "10", 39, end=99), True),  # counts after it
        (claim("shop", "9", 0), claim("shop", "10", 30), False),  # a later open one replaces it
        (claim("shop", "9", 0), claim("shop", "10", 30, start=30), False),
        (claim("shop", "9", 0), claim("shop", "10", 30, start=31), True),
        (claim("shop", "9", 0), claim("shop", "10", 30, start=-9), True),  # ranks below it
    ],
)
def test_only_what_may_count_again_is_kept(
    former: PriceClaim, newer: PriceClaim, kept: bool
) -> None:
    """A channel may publish hourly for years: its windows do not pile up."""
    windows = Windows()
    for one in (former, newer):
        windows.add(window(one), one.occurred_at)
    first = windows.next_bound(hour(-0.5))
    assert (first == hour(0)) is kept


def test_a_newer_offer_replaces_an_open_promotion() -> None:
    """A promotion without an end lasts until the channel says something else."""
    windows = Windows()
    for one in (promo("shop", "8", 0), claim("shop", "10", 5)):
        windows.add(window(one), one.occurred_at)
    counting = windows.at(hour(6), hour(6))
    assert counting is not None
    assert counting == claim("shop", "10", 5)


def test_the_regular_price_counts_again_after_a_promotion() -> None:
    """A promotion with an end beats even a newer regular price, but only until its end."""
    windows = Windows()
    offers = (claim("shop", "10", 0), promo("shop", "8", 1, start=2, end=9), claim("shop", "11", 5))
    for one in offers:
        windows.add(window(one), one.occurred_at)
    assert [windows.at(hour(h), hour(h)) for h in (8, 9)] == list(offers[1:])


@pytest.mark.parametrize(
    ("published", "counts"),
    [
        ((claim("shop", "10", 5),), "10"),  # the regular price of before the promotion
        ((claim("shop", "7", 5),), "7"),  # nobody promises a promotion above the shelf
        ((claim("shop", "11", 5),), "8"),  # a raise waits for the end
        ((claim("shop", "11", 5), claim("shop", "11", 6)), "8"),  # and so do its repetitions
        ((claim("shop", "10", 5, start=6),), "8"),  # for a later hour
        ((claim("shop", "10", 1), claim("shop", "10", 5)), "8"),  # repeats itself every night
        ((claim("shop", "10", 1), claim("shop", "7", 5)), "7"),  # even so
        ((claim("shop", "10", 5), promo("shop", "8", 5, start=2, end=9)), "8"),  # in one list
    ],
)
def test_what_ends_a_promotion_early(published: tuple[PriceClaim, ...], counts: str) -> None:
    """Regular 10 from hour 0, promotion 8 from hour 2 until 9: what counts at hour 7?"""
    windows = Windows()
    offers = (claim("shop", "10", 0), promo("shop", "8", 0.5, start=2, end=9), *published)
    for one in sorted(offers, key=lambda one: one.occurred_at):
        windows.add(window(one), one.occurred_at)
    counting = windows.at(hour(7), hour(7))
    assert isinstance(counting, PriceClaim)
    assert str(counting.price) == counts


def listed(one: PriceClaim, edition: str, name: str = "L") -> PriceClaim:
    """The same price in an edition of a price list."""
    named = f"{one.event_id} {name} {edition}"
    return one._replace(price_list_id=name, price_list_edition=edition, event_id=named)


REGULAR = claim("shop", "10", 5)
MONTH = promo("shop", "8", 0, start=2, end=30)


@pytest.mark.parametrize(
    ("newer", "counts"),
    [
        ([listed(REGULAR, "2")], [None, "8", "8", "10", "10"]),  # it is left out: an hour later
        ([listed(REGULAR, "1")], [None, "8", "8", "8", "8"]),  # of the same edition
        ([listed(REGULAR, "2", "M")], [None, "8", "8", "8", "8"]),  # of another list
        ([REGULAR], [None, "8", "8", "8", "8"]),  # of no list
        ([listed(claim("shop", "10", 0), "2")], ["10", "8", "8", "8", "8"]),  # in one instant
        ([listed(claim("shop", "10", 1), "2")], [None, "10", "10", "10", "10"]),  # never begins
        ([listed(claim("shop", "10", 1.5), "2")], [None, "8", "10", "10", "10"]),  # half an hour
        ([listed(claim("shop", "10", 5, start=9), "2")], [None, "8", "8", "8", "10"]),
        (  # the first of its windows, whichever comes first
            [listed(promo("shop", "7", 5, start=9, end=20), "2"), listed(REGULAR, "2")],
            [None, "8", "8", "10", "7"],
        ),
        (  # the next edition corrects the begin
            [
                listed(claim("shop", "10", 3, start=6), "2"),
                listed(claim("shop", "11", 5, start=8), "3"),
            ],
            [None, "8", "8", "8", "11"],
        ),
        (  # what was over when it came stays over
            [
                listed(claim("shop", "10", 3, start=4, end=5), "2"),
                listed(claim("shop", "11", 6, start=9), "3"),
            ],
            [None, "8", None, None, "11"],
        ),
        ([listed(promo("shop", "8", 1, start=2, end=6), "2")], [None, "8", "8", None, None]),
    ],
)
def test_what_an_edition_replaces(newer: list[PriceClaim], counts: list[str | None]) -> None:
    """A promotion at 8 from hour 2 on, in edition 1 of a list: what counts at 0, 2, 5, 7 and 10?"""
    offers = sorted([listed(MONTH, "1"), *newer], key=lambda one: (one.occurred_at, one.event_id))
    found: list[str | None] = []
    windows = Windows()
    for at in (0, 2, 5, 7, 10):
        while offers and offers[0].occurred_at <= hour(at):
            one = offers.pop(0)
            windows.add(window(one), one.occurred_at)
        said = windows.at(hour(at), hour(at))
        found.append(str(said.price) if isinstance(said, PriceClaim) else None)
    assert found == counts


def test_the_regular_price_after_a_promotion_is_no_habit() -> None:
    """A channel that returns to its regular price after each promotion may end the next early."""
    windows = Windows()
    for one in (
        claim("shop", "10", 0), promo("shop", "8", 1, end=9), claim("shop", "10", 10),
        promo("shop", "8", 11, end=19), claim("shop", "10", 15),
    ):  # fmt: skip
        windows.add(window(one), one.occurred_at)
    assert windows.at(hour(16), hour(16)) == claim("shop", "10", 15)


def test_a_withdrawal_ends_all_that_was_said() -> None:
    """Neither the price nor a coming promotion counts any more; a newer offer does."""
    windows = Windows()
    offers = (claim("shop", "10", 0), promo("shop", "8", 1, start=9, end=19))
    for one in (*offers, claim("shop", "10", 5, start=5, end=5)):
        windows.add(window(one), one.occurred_at)
    assert [windows.at(hour(h), hour(h)) for h in (5, 10)] == [None, None]
    assert windows.next_change(hour(5)) is None
    windows.add(window(claim("shop", "11", 12)), hour(12))
    assert windows.at(hour(12), hour(12)) == claim("shop", "11", 12)


OPEN, DAY_1 = claim("shop", "10", 0), claim("shop", "12", 24, start=24, end=48)
DAY_2 = claim("shop", "12", 48, start=48, end=72)
LISTED = [one._replace(occurred_at=hour(5)) for one in (DAY_2, DAY_1)]


@pytest.mark.parametrize(
    ("published", "at", "counts"),
    [
        ((OPEN, DAY_1, DAY_2), 73, None),  # the third day is late: nothing is said
        ((OPEN, DAY_1), 49, OPEN),  # one day is a deal of the day
        ((OPEN, DAY_1, claim("shop", "12", 54, start=48, end=72)), 73, None),  # came late
        ((OPEN, DAY_1, claim("shop", "12", 54, start=54, end=78)), 79, None),  # began late
        ((OPEN, DAY_1, claim("shop", "12", 72, start=72, end=96)), 97, None),  # a day was missed
        ((OPEN, DAY_1, claim("shop", "12", 73, start=73, end=97)), 98, OPEN),  # two were
        ((OPEN, DAY_1, claim("shop", "12", 35, start=35, end=59)), 73, OPEN),  # one day, corrected
        ((OPEN, DAY_1, promo("shop", "12", 48, end=72)), 73, OPEN),  # a promotion has a price after
        ((OPEN, DAY_1, claim("shop", "12", 48, end=97)), 98, OPEN),  # more than two days
        ((OPEN, DAY_1, claim("shop", "11", 30), DAY_2), 73, "11"),  # said between the two
        # Days are published ahead, in one list and in any order: until the first the price holds.
        (
            (OPEN, DAY_2._replace(occurred_at=hour(5)), DAY_1._replace(occurred_at=hour(5))),
            23,
            OPEN,
        ),
        (
            (OPEN, DAY_2._replace(occurred_at=hour(5)), DAY_1._replace(occurred_at=hour(5))),
            73,
            None,
        ),
        ((claim("shop", "10", 0, start=60), DAY_1, DAY_2), 73, "10"),  # announced for later
        ((promo("shop", "10", 0), DAY_1, DAY_2), 73, None),  # nor does a promotion without end
        ((OPEN, DAY_1, DAY_2, claim("shop", "10", 80)), 81, "10"),  # speaks without an end again
    ],
)
def test_daily_windows_end_the_open_price_before_them(
    published: tuple[PriceClaim, ...], at: float, counts: PriceClaim | str | None
) -> None:
    """Two in a row are a feed that is renewed every day; one is a deal of the day."""
    windows = Windows()
    for one in published:
        windows.add(window(one, timedelta(days=9)), one.occurred_at)
    found = windows.at(hour(at), hour(at))
    if isinstance(counts, str):
        assert isinstance(found, PriceClaim)
        assert str(found.price) == counts
    else:
        assert found == counts


def counting_at(at: float, overlap: Overlap, *claims: PriceClaim) -> str | None:
    """The price that counts at an hour."""
    windows = Windows(overlap)
    for one in sorted(claims, key=lambda one: (one.occurred_at, one.event_id)):
        windows.add(window(one), one.occurred_at)
    found = windows.at(hour(at), hour(at))
    assert found is None or isinstance(found, PriceClaim)
    return found and str(found.price)


def test_of_overlapping_promotions_the_latest_or_the_lowest_counts() -> None:
    """The lower one to the instant of its end, then what runs on, then the regular price."""
    said = (
        claim("shop", "10", 0),
        promo("shop", "7", 1, start=2, end=8, promotion="P1"),
        promo("shop", "9", 1, start=4, end=12, promotion="P2"),
    )
    hours = (2, 4, 7.99, 8, 11.99, 12)
    lowest = [counting_at(at, Overlap.LOWEST, *said) for at in hours]
    assert lowest == ["7", "7", "7", "9", "9", "10"]
    latest = [counting_at(at, Overlap.LATEST, *said) for at in hours]
    assert latest == ["7", "9", "9", "9", "9", "10"]


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [
        ("P1", "P1", "9"),  # a correction of the promotion, not another one
        ("P1", "P2", "7"),
        ("P1", "", "7"),
        ("", "", "9"),  # promotions without an id may be one and the same
    ],
)
def test_a_promotion_that_is_said_again_is_corrected(first: str, second: str, counts: str) -> None:
    """The lowest of what several promotions say, not of all that was ever said of one."""
    window_hours: dict[str, float] = {"start": 2, "end": 9}
    windows = Windows(Overlap.LOWEST)
    for price, at, name in (("7", 0, first), ("9", 1, second)):
        one = promo("shop", price, at, promotion=name, **window_hours)
        windows.add(window_of(one, one.price, name, MAX_AGE), one.occurred_at)
    found = windows.at(hour(3), hour(3))
    assert found is not None
    assert found == promo("shop", counts, int(counts == "9"), promotion=second if counts == "9"
                          else first, **window_hours)  # fmt: skip


def test_a_regular_price_below_a_promotion_that_comes_later_is_not_the_lowest() -> None:
    """Among promotions only: a regular price counts when none of them runs."""
    said = (promo("shop", "8", 3, start=3, end=9), claim("shop", "7", 0))
    assert counting_at(5, Overlap.LOWEST, *said) == "8"

"""Guests in the book of a GTIN, against a second and simpler statement of the rules."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from schemas.claim import Claim, PriceClaim
from schemas.incident import IncidentState
from schemas.offer import Basis
from services.consistency.core.comparability import ComparableBooks
from services.consistency.core.guests import is_guest
from services.consistency.core.kind import Observation
from services.consistency.kinds.price_mismatch import GRACE_HOURS, KIND, PriceBook

from .histories import QUICK, some_claims
from .market import BOOK, charged, claim, hour, price_rules, rules, shown

RULES = price_rules(rules(**QUICK))
NO_GRACE = dict.fromkeys(GRACE_HOURS, 0)
AT_ONCE = price_rules(rules(grace_start_hours=NO_GRACE, grace_end_hours=NO_GRACE))
SKUS = ["", "", "A", "A", "A", "B"]
SAID = {"A": {"with_sku": "A"}, "B": {"with_sku": "B"}}
A, B = SAID.values()


def counting(claims: Iterable[PriceClaim]) -> list[PriceClaim]:
    """Of each event, the claims of its newest version."""
    newest: dict[str, int] = {}
    for one in claims:
        newest[one.event_id] = max(one.version, newest.get(one.event_id, 0))
    return [one for one in claims if one.version == newest[one.event_id]]


def linked(claims: list[PriceClaim], now: Any, max_age: timedelta) -> str:
    """The article number whose guests are compared, by the definition."""
    if not any(not one.with_sku for one in claims):
        return ""
    latest: dict[str, Any] = {}
    for one in sorted(claims):
        if one.with_sku:
            latest[one.with_sku] = one.occurred_at
    for sku, at in latest.items():
        others = [other for name, other in latest.items() if name != sku]
        if all(other + max_age <= now and other < at for other in others):
            return sku
    return ""


def world(rng: random.Random) -> list[PriceClaim]:
    """A crowded week in the book of a GTIN; now and then a third number."""
    skus = rng.choice([SKUS, ["", "A"], ["A", "A", "B", ""], ["A"], [""]])
    return [one._replace(with_sku=rng.choice(skus)) for one in some_claims(rng)]


@pytest.mark.parametrize("seed", range(150))
def test_guests_are_those_of_the_only_article_number(seed: int) -> None:
    """In any order, in any parts, with ticks between: as if the other guests were not there."""
    rng = random.Random(seed)
    claims = world(rng)
    ticks = sorted(rng.choices([*range(-6, 90), 100, 130, 160, 200, 250], k=rng.randint(1, 5)))
    waiting = claims * 2
    rng.shuffle(waiting)
    book = PriceBook(BOOK, RULES)
    for tick in ticks:
        size = rng.randint(0, len(waiting)) if tick != ticks[-1] else len(waiting)
        book.add(waiting[:size])
        del waiting[:size]
        book.advance(hour(tick))
        book.incidents()
    now, mine = hour(ticks[-1]), counting(claims)
    sku = linked(mine, now, RULES.published_max_age)
    alone = PriceBook(BOOK, RULES)
    alone.add([one for one in mine if one.with_sku in ("", sku)])
    alone.advance(now)
    assert book.linked_sku == sku
    assert book.incidents() == alone.incidents()
    assert alone.next_due is None or (book.next_due and book.next_due <= alone.next_due)
    for one in book.incidents().values():
        assert one.details.model_dump()["linked_sku"] == sku


@pytest.mark.parametrize("seed", range(100))
def test_what_has_one_number_only_changes_nothing(seed: int) -> None:
    """All claims of the book's own are judged as ever; guests without them tell nothing."""
    claims = some_claims(random.Random(seed))
    told = []
    for sku in ("", "A"):
        book = PriceBook(BOOK, RULES)
        book.add(one._replace(with_sku=sku) for one in claims)
        book.advance(hour(80))
        told.append(book.incidents())
        assert not sku or book.next_due is None
    assert told[1] == {}
    assert all(not one.details.model_dump()["linked_sku"] for one in told[0].values())


@pytest.mark.parametrize("seed", range(150))
def test_nothing_is_told_that_the_article_number_tells(seed: int) -> None:
    """On one side of every incident there is a claim that only the GTIN knows of."""
    rng = random.Random(seed)
    claims = counting([one._replace(with_sku=rng.choice(["", "A"])) for one in some_claims(rng)])
    own: dict[str, bool] = defaultdict(bool)
    for one in claims:
        own[one.event_id] |= not is_guest(one)
    book = PriceBook(BOOK, RULES)
    book.add(claims)
    for tick in range(0, 84, 3):
        book.advance(hour(tick))
        for told in book.incidents().values():
            deviating, supporting = told.evidence
            assert any(own[name] for name in deviating) or all(own[name] for name in supporting)


@pytest.mark.parametrize("seed", range(200))
def test_published_prices_without_a_grace(seed: int) -> None:
    """Who deviates is told, unless a guest deviates from what another guest says."""
    rng = random.Random(seed)
    channels = ["shop", "app", "pos", "erp", "fair"][: rng.randint(2, 5)]
    claims = [
        claim(channel, rng.choice(["8", "10", "12"]), number, with_sku=rng.choice(["", "A"]))
        for number, channel in enumerate(rng.choices(channels, k=rng.randint(2, 9)))
    ]
    rng.shuffle(claims)
    book = PriceBook(BOOK, AT_ONCE)
    book.add(claims)
    book.advance(hour(20))
    found = {
        one.channel
        for one in book.incidents().values()
        if one.state is IncidentState.OPEN and one.flapping_since is None
    }
    flapping = {one.channel for one in book.incidents().values() if one.flapping_since}
    said = {one.channel: one for one in sorted(claims)}
    prices = [one.price for one in said.values()]
    common = [one for one in set(prices) if prices.count(one) * 2 > len(prices)]
    expected = common[0] if common else min(prices)
    supporters = [one for one in said.values() if one.price == expected]
    wanted = {
        one.channel
        for one in said.values()
        if one.price != expected and not (one.with_sku and any(map(is_guest, supporters)))
    }
    if all(one.with_sku for one in claims) or len(said) < 2:
        wanted = set()
    assert found - flapping == wanted - flapping


@pytest.mark.parametrize("seed", range(200))
def test_what_makes_the_book_of_a_gtin_comparable(seed: int) -> None:
    """A claim of its own, and a published one or two channels, whatever came before a restart."""
    rng = random.Random(seed)
    claims: list[Claim] = [
        claim(rng.choice(["pos", "pos", "app"]), "10", number, with_sku=rng.choice(["", "A"]),
              basis=rng.choice([Basis.CHARGED, Basis.CHARGED, Basis.PUBLISHED]))
        for number in range(rng.randint(1, 5))
    ]  # fmt: skip
    books = ComparableBooks()
    for at in range(len(claims)):
        before = claims[: at + 1]
        has_own = not all(map(is_guest, before))
        several = len({one.channel for one in before}) > 1
        is_comparable = has_own and (several or any(b.basis is Basis.PUBLISHED for b in before))
        assert books.filter([claims[at]]) == ([claims[at]] if is_comparable else [])
    assert ComparableBooks().filter(claims) == (claims if is_comparable else [])


def test_a_till_goes_on_while_it_prints_both_numbers_now_and_then() -> None:
    """Lines that the article number tells of are no evidence that the till charges rightly."""
    said = [claim("erp", "10", 0, **A), charged("pos", "12", 30), charged("pos", "12", 31, **A)]
    book = PriceBook(BOOK, price_rules())
    book.add([*said, charged("pos", "12", 32)])
    book.advance(hour(40))
    [one] = book.incidents().values()
    assert one.state is IncidentState.OPEN
    assert [len(side) for side in one.evidence] == [2, 1]


def test_an_incident_is_handed_over_to_the_article_number() -> None:
    """When the shop names both numbers, the price list is contradicted in the other book."""
    book = PriceBook(BOOK, AT_ONCE)
    book.add([claim("erp", "12", 0, **A), claim("app", "10", 1)])
    book.advance(hour(2))
    [one] = book.incidents().values()
    assert (one.channel, one.state) == ("erp", IncidentState.OPEN)
    book.add([claim("shop", "10", 3, **A)])
    book.advance(hour(4))
    [one] = book.incidents().values()
    assert (one.state, one.resolved_at) == (IncidentState.RESOLVED, hour(3))


def test_who_saw_a_price_of_another_article_number_is_not_counted() -> None:
    """Of a GTIN that several article numbers have, only its own observations are."""
    seen = [shown("app", "12", 5 + n, with_sku=sku) for n, sku in enumerate(["", "A", "B"])]
    views = [Observation(one, "", Decimal(0), 1, "") for one in seen]
    published = [claim("shop", "10", 0), claim("erp", "10", 0), claim("app", "12", 0)]
    for guests, counted in (([], 1), ([seen[1]], 2), (seen[1:], 1)):
        book = PriceBook(BOOK, AT_ONCE)
        book.add([*published, *guests])
        book.advance(hour(9))
        [one] = book.incidents().values()
        assert len(KIND.met(one, views, AT_ONCE)) == counted

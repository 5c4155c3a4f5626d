"""Wrong currencies: who publishes a price only in another currency than all others."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from schemas.claim import PriceClaim
from schemas.incident import AnyIncident, IncidentState, Severity
from schemas.offer import SaleKind
from services.consistency.kinds.price_mismatch import Cause
from services.consistency.rules import ConsistencyRules

from .market import (
    BOOK,
    book_at,
    charged,
    claim,
    hour,
    price_book,
    prices,
    promo,
    rules,
    shown,
)  # fmt: skip

ERP = rules(reference_channels=["erp"])
AGREED = [claim(channel, "10", 0) for channel in ("erp", "shop", "pos")]
STORE = {"location": "S1"}
NO_GRACE: dict[str, Any] = {
    "grace_start_hours": {"default": 0, "shop": 0, "app": 0, "pos": 0},
    "grace_end_hours": {"default": 0, "shop": 0, "app": 0, "pos": 0},
    "reopen_within_hours": 0,
    "published_max_age_days": 2,
}


def francs(channel: str, price: str, at: float, **fields: Any) -> PriceClaim:
    """A published price in francs."""
    return claim(channel, price, at, currency="CHF", event_id=f"{channel}-chf-{at:g}", **fields)


def found(
    claims: Sequence[PriceClaim], now: float, using: ConsistencyRules = ERP
) -> list[AnyIncident]:
    """The incidents about currencies."""
    all_of_them = book_at(claims, now, using).values()
    return [one for one in all_of_them if one.cause == Cause.WRONG_CURRENCY]


def test_the_right_number_in_a_wrong_currency() -> None:
    """Pending for the grace of the channel, then open, with both prices and both sides."""
    claims = [*AGREED, francs("app", "10", 20)]
    (pending,) = found(claims, 23)
    (opened,) = found(claims, 24)
    assert (pending.state, pending.due_at) == (IncidentState.PENDING, hour(24))
    assert (opened.state, opened.channel, opened.since) == (IncidentState.OPEN, "app", hour(20))
    assert opened.severity is Severity.HIGH
    said = prices(opened)
    assert (said.expected, said.currency) == (Decimal("10.00"), "EUR")
    assert (said.observed, said.observed_currency) == (Decimal("10.00"), "CHF")
    assert said.in_words() == "10.00 CHF instead of 10.00 EUR"
    assert opened.evidence == [[claims[3].event_id], [AGREED[0].event_id]]


def test_it_ends_with_a_price_in_the_right_currency() -> None:
    """And is the same incident if it returns soon."""
    claims = [*AGREED, francs("app", "10", 20), claim("app", "10", 30)]
    (ended,) = found(claims, 40)
    assert (ended.state, ended.resolved_at) == (IncidentState.RESOLVED, hour(30))


def test_a_price_that_changes_wins_no_time() -> None:
    """Neither a new price of the reference nor one of the channel itself."""
    claims = [*AGREED, francs("app", "10", 20), claim("erp", "11", 22), francs("app", "11", 23)]
    assert found(claims, 24)[0].state is IncidentState.OPEN


@pytest.mark.parametrize(
    "claims",
    [
        [*AGREED, francs("app", "9", 20), claim("app", "10", 21)],  # publishes both
        [*AGREED, claim("app", "10", 20), francs("app", "10", 21)],  # one shortly after another
        [*AGREED, claim("app", "10", 0), francs("app", "9", 20)],  # a price of its own in francs
        # by turns, at equal numbers
        [*AGREED, claim("app", "10", 0), francs("app", "10", 9), claim("app", "10", 18),
         francs("app", "10", 27)],
        [*AGREED, francs("app", "10", 20, seller="dealer")],
        [*AGREED, francs("app", "10", 20, sale_kind=SaleKind.CLEARANCE)],
        [*AGREED, shown("app", "10", 20, currency="CHF")],  # a visitor may choose his currency
        [*AGREED, charged("pos", "10", 20, currency="CHF", **STORE)],
        [*AGREED, francs("pos", "10", 20, **STORE)],  # a store at the border
        [*AGREED, francs("app", "10", 20, customer_group="swiss")],  # other terms
        [*AGREED, francs("app", "10", 20), claim("app", "9", 20, variant="red")],
        [*AGREED, francs("erp", "10", 20)],  # the reference has both
        [*AGREED, claim("erp", "10", 20), francs("erp", "10", 20), francs("app", "10", 20)],
        [*AGREED, francs("app", "10", 20, end=40)],  # is over
        [*AGREED, francs("app", "10", 20), claim("app", "0", 21, start=21, end=21)],  # withdrawn
        [*AGREED, francs("app", "10", 60)],  # within the grace at the end
    ],
)  # fmt: skip
def test_what_is_no_wrong_currency(claims: list[PriceClaim]) -> None:
    """Nothing is open in doubt."""
    assert [one for one in found(claims, 63) if one.state is IncidentState.OPEN] == []


@pytest.mark.parametrize(
    "claims",
    [
        # The former price has the same number and was published much earlier.
        [*AGREED, claim("app", "10", 0), francs("app", "10", 20)],
        # The new price of the list, in the wrong currency.
        [*AGREED, claim("app", "10", 0), claim("erp", "11", 18), francs("app", "11", 20)],
        [*AGREED, francs("app", "9", 20)],
        [*AGREED, claim("app", "10", 0, end=19), francs("app", "9", 20)],
        [*AGREED, claim("erp", "10", 1, **STORE), francs("app", "10", 20, **STORE)],
    ],
)
def test_what_is_one(claims: list[PriceClaim]) -> None:
    """Only a wrong currency holds, where the reference publishes the right one."""
    assert [one.channel for one in found(claims, 63)] == ["app"]


def test_without_a_reference_all_others_must_agree() -> None:
    """Of two channels nobody knows which is right, and of three that differ neither."""
    using = rules()
    claims = [claim("pos", "10", 0), francs("app", "10", 20)]
    assert found(claims, 63, using) == []
    assert [one.channel for one in found([*claims, claim("shop", "10", 0)], 63, using)] == ["app"]
    assert found([*claims, francs("shop", "10", 0)], 63, using)[0].channel == "pos"
    assert found([*claims, claim("shop", "10", 0), francs("fair", "10", 20)], 63, using) == []


def test_what_the_rules_allow() -> None:
    """A currency that is lawful alone, and channels that are not compared."""
    claims = [*AGREED, francs("app", "10", 20)]
    assert found(claims, 63, rules(reference_channels=["erp"], lawful_currencies=["CHF"])) == []
    assert found(claims, 63, rules(reference_channels=["erp"], lawful_currencies=["USD"])) != []
    assert found(claims[:1] + claims[3:], 63, rules(may_differ=[["app", "erp"]])) == []


def effective(claims: Sequence[PriceClaim], now: float) -> dict[tuple[str, str], PriceClaim]:
    """What counts by place and currency, of the claims of one channel: the oracle."""
    latest: dict[tuple[str, str], tuple[Any, ...]] = {}
    for one in claims:
        start, end = one.valid_from or one.occurred_at, one.valid_to
        withdrawn = any(
            other.valid_to == other.valid_from is not None
            and other.location == one.location
            and (one.occurred_at, one.event_id) <= (other.occurred_at, other.event_id)
            and other.occurred_at <= hour(now)
            for other in claims
        )
        known = one.occurred_at <= hour(now) < max(start, one.occurred_at) + timedelta(hours=48)
        if known and not withdrawn and start <= hour(now) and (end is None or hour(now) < end):
            key = (one.location, one.currency)
            rank = (start, one.occurred_at, one.event_id, one)
            latest[key] = max(latest.get(key, rank), rank)
    return {key: rank[-1] for key, rank in latest.items()}


def publishes_both(claims: Sequence[PriceClaim], now: float) -> bool:
    """Whether a channel has published by turns, or two currencies in one instant."""
    said = [one for one in sorted(claims, key=by_time) if one.occurred_at <= hour(now)]
    for number, one in enumerate(said):
        before = said[:number]
        if before and before[-1].currency != one.currency:
            if before[-1].occurred_at == one.occurred_at:
                return True
            if any(other.currency == one.currency for other in before):
                return True
    return False


def by_time(one: PriceClaim) -> tuple[Any, ...]:
    """The order of claims."""
    return one.occurred_at, one.event_id


def wrong(claims: Sequence[PriceClaim], now: float, reference: str) -> set[tuple[str, str]]:
    """Channel and place of all wrong currencies now, by the written rules alone."""
    by_channel = {
        channel: [one for one in claims if one.channel == channel]
        for channel in ("erp", "shop", "app", "pos")
    }
    held = {channel: effective(own, now) for channel, own in by_channel.items()}
    found = set()
    for channel in by_channel:
        for place in ("", "S1"):
            mine = {c: one for (at, c), one in held[channel].items() if at == place}
            others = {
                other: {c: one for (at, c), one in said.items() if at == place}
                for other, said in held.items()
                if other != channel and any(at == place for at, _ in said)
            }
            if reference in others:
                others = {reference: others[reference]}
            elif len(others) < 2:
                continue
            currencies = {c for said in others.values() for c in said}
            if channel == reference or len(currencies) != 1 or not mine:
                continue
            (right,) = currencies
            newest = max(mine.values(), key=by_time)
            if newest.currency == right or (place and ("", right) in held[channel]):
                continue
            if right in mine:
                numbers = {mine[right].price, *(said[right].price for said in others.values())}
                both = publishes_both(by_channel[channel], now)
                if newest.price not in numbers or both:
                    continue
            found.add((channel, place))
    return found


def some_claims(rng: random.Random) -> list[PriceClaim]:
    """A crowded week in two currencies."""
    made = []
    for number in range(rng.randint(3, 16)):
        at, start = rng.randint(0, 30), None
        end = rng.choice([None, None, at + rng.randint(1, 20)])
        if rng.random() < 0.1:
            start = end = at  # withdrawn
        made.append(
            claim(
                rng.choice(["erp", "shop", "app", "pos"]),
                rng.choice(["10", "10", "9"]),
                at,
                start=start,
                end=end,
                currency=rng.choice(["EUR", "EUR", "EUR", "CHF"]),
                location=rng.choice(["", "", "S1"]),
                event_id=f"e{number:02}",
            )
        )
    return made


def test_what_is_open_equals_the_oracle_on_random_histories() -> None:
    """In any order of arrival, and with the ticks in between."""
    rng, seen = random.Random(11), 0
    for _ in range(150):
        claims = some_claims(rng)
        reference = rng.choice(["", "erp"])
        using = rules(**NO_GRACE, reference_channels=[reference] if reference else [])
        arriving = rng.sample(claims, len(claims))
        book = price_book(BOOK, using)
        for now in range(0, 90, rng.choice([5, 9])):
            book.add([arriving.pop() for _ in range(min(3, len(arriving)))])
            if now > 40:
                book.add(claims)
            book.advance(hour(now))
            opened = {
                (one.channel, one.location)
                for one in book.incidents().values()
                if one.cause == Cause.WRONG_CURRENCY and one.state is IncidentState.OPEN
            }
            if now > 40:
                assert opened == wrong(claims, now, reference)
                seen += len(opened)
        assert book.incidents() == book_at(claims, now, using)
    assert seen > 60


def test_a_tick_is_due_whenever_something_changes() -> None:
    """Between two due times every incident stays as it is."""
    rng = random.Random(12)
    for _ in range(60):
        claims, using = some_claims(rng), rules(reference_channels=["erp"])
        book = price_book(BOOK, using)
        book.add(claims)
        now = hour(0)
        book.advance(now)
        while (due := book.next_due) is not None and due < hour(120):
            assert due > now
            before = book.incidents()
            almost = price_book(BOOK, using)
            almost.add(claims)
            almost.advance(due - timedelta(seconds=1))
            if almost.next_due == due:
                assert almost.incidents() == before
            now = due
            book.advance(now)


def test_a_corrected_event_takes_its_currency_back() -> None:
    """A higher version replaces what a lower one said, in any order."""
    bad = francs("app", "10", 20)
    good = bad._replace(version=1, currency="EUR")
    for claims in ([*AGREED, bad, good], [good, bad, *AGREED]):
        assert found(claims, 40) == []
    book = price_book(BOOK, ERP)
    book.add([*AGREED, bad])
    book.advance(hour(40))
    assert len(book.incidents()) == 1
    book.add([good])
    assert book.incidents() == {}


def test_a_promotion_in_a_wrong_currency() -> None:
    """What channels say of a named promotion is for promotion mismatch to tell."""
    claims = [*AGREED, claim("app", "10", 0), promo("erp", "8", 30, end=90)]
    claims.append(promo("app", "8", 30, end=90, currency="CHF"))
    assert found(claims, 60) == []
    (one,) = found([*claims[:-1], claims[-1]._replace(promotion="")], 60)
    assert (one.channel, prices(one).observed_currency) == ("app", "CHF")

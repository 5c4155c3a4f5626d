"""Product content: what is compared, what a channel contradicts itself in, and what is in doubt."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from schemas.claim import Book, Claim, Statement
from schemas.incident import AnyIncident, IncidentState
from schemas.offer import Basis, Offer
from schemas.subject import Subject
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.kind import Heard
from services.consistency.core.unit_prices import UnitPrice
from services.consistency.kinds.product_content_mismatch import (
    KIND,
    NAME,
    Cause,
    ContentDetails,
    ContentRules,
    claims,
)
from tests.events import event
from tests.unit.consistency.market import hour

BOOK = Book("default", NAME, Subject.product("DE", "4711"))
RULES = ContentRules()
DAY = 24


def says(channel: str, text: str, at: float, field: str = "pack", **fields: Any) -> Statement:
    """A channel says something of a field of product 4711, at an hour."""
    name = f"{channel}-{field}-{at:g}-{text}"
    said = Statement(BOOK, hour(at), name, 0, 0, channel, "", "", Basis.PUBLISHED, text, field)
    return said._replace(**fields)


def priced(channel: str, price: str, unit_price: str, at: float, **fields: Any) -> Statement:
    """A channel says price and unit price of half a kilogram."""
    offer = Offer(
        sku="4711",
        price=Decimal(price),
        pack_content=Decimal("0.5"),
        pack_unit="kg",
        unit_price=Decimal(unit_price),
        unit_price_unit="kg",
    )
    read = UnitPrice.of_offer(offer, "EUR")
    assert read is not None
    return says(channel, read.written(), at, "unit_price", **fields)


def sorted_incidents(book: Any) -> list[AnyIncident]:
    """In a stable order."""
    return sorted(book.incidents().values(), key=lambda one: (one.since, one.incident_id))


def incidents(said: list[Statement], now: float, rules: ContentRules = RULES) -> list[AnyIncident]:
    """What follows when the latest tick is at an hour."""
    book = KIND.judge(BOOK, rules)
    book.add(said)
    book.advance(hour(now))
    return sorted_incidents(book)


def test_a_pack_that_one_channel_did_not_change() -> None:
    """Pending for a day, open, and over with the correction, under one id."""
    said = [says(channel, "0.5 kg", 0) for channel in ("shop", "app", "pos")]
    said += [says(channel, "0.45 kg", 100) for channel in ("shop", "pos")]
    assert [one.state for one in incidents(said, 123)] == [IncidentState.PENDING]
    [opened] = incidents(said, 124)
    assert (opened.channel, opened.opened_at) == ("app", hour(124))
    assert opened.cause == Cause.STALE_PRODUCT_CONTENT
    assert opened.details == ContentDetails(field="pack", expected="0.45 kg", observed="0.5 kg")
    assert opened.details.in_words() == "pack '0.5 kg' instead of '0.45 kg'"
    [over] = incidents([*said, says("app", "0.45 kg", 140)], 150)
    assert (over.incident_id, over.until) == (opened.incident_id, hour(140))
    assert KIND.met(opened, [], RULES) == []


def test_what_a_channel_says_in_two_ways_on_a_day_it_does_not_say() -> None:
    """Whichever of the two arrives first, published or seen; the next day counts again."""
    shop = says("shop", "1 kg", 0)
    two = [says("app", "1 kg", 1), says("app", "0.5 kg", 2)]
    assert incidents([shop, says("pos", "1 kg", 0), two[1]], 90) != []
    for pair in (two, two[::-1]):
        book = KIND.judge(BOOK, RULES)
        book.add([shop, says("pos", "1 kg", 0)])
        for one in pair:
            book.add([one])
            book.advance(hour(3))
            book.incidents()
        book.advance(hour(90))
        assert book.incidents() == {}
    seen = [one._replace(basis=Basis.DISPLAYED) for one in two]
    assert incidents([shop, says("pos", "1 kg", 0), *seen], 90) == []
    again = says("app", "0.5 kg", 30)
    assert [one.channel for one in incidents([shop, says("pos", "1 kg", 0), *two, again], 90)] == [
        "app"
    ]


def test_a_title_that_agrees_with_all_is_no_measure() -> None:
    """It neither deviates nor hides the contradiction of two others."""
    said = [says("app", "Kaffee", 0, "title"), says("shop", "Kaffee 500 g", 0, "title")]
    said += [says("pos", "KAFFEE 0,5 KG", 0, "title"), says("erp", "Kaffee 250 g", 0, "title")]
    assert [one.channel for one in incidents(said, 30)] == ["erp"]


def test_a_number_needs_master_data() -> None:
    """What the reference named before is right; what it names later ends the incident then."""
    said = [says("erp", "A", 0, "gtin"), says("erp", "B", 10, "gtin")]
    said += [says("shop", "A", 20, "gtin"), says("app", "C", 20, "gtin")]
    assert incidents(said, 90) == []
    by_erp = ContentRules(reference_channels=["erp"])
    [found] = incidents(said, 90, by_erp)
    assert (found.channel, found.since) == ("app", hour(20))
    assert found.details == ContentDetails(field="gtin", expected="B", observed="C")
    late = says("erp", "C", 60, "gtin")
    [over] = incidents([*said, late], 90, by_erp)
    assert (over.incident_id, over.until) == (found.incident_id, hour(60))


@pytest.mark.parametrize(
    ("unit_price", "due"),
    [("3.98", False), ("3.99", False), ("4.01", False), ("3.90", True), ("4.76", False)],
)
def test_a_unit_price_is_measured_by_price_and_pack(unit_price: str, due: bool) -> None:
    """Rounding is none, and above it may be the drained weight."""
    found = incidents([priced("shop", "1.99", unit_price, 0)], DAY)
    assert [one.state for one in found] == ([IncidentState.OPEN] if due else [])


def test_a_unit_price_that_was_right_before() -> None:
    """So the price of this pack is that of its net weight, and a higher one is wrong."""
    said = [priced("shop", "1.99", "3.98", 0), priced("shop", "1.49", "3.98", 50)]
    assert [one.state for one in incidents(said, 73)] == [IncidentState.PENDING]
    [found] = incidents(said, 74)
    assert (found.cause, found.since) == (Cause.UNIT_PRICE_CONTRADICTS_PRICE, hour(50))
    assert found.details == ContentDetails(
        field="unit_price", expected="2.98 per 1 kg", observed="3.98 per 1 kg"
    )
    over = priced("shop", "1.49", "2.98", 80)
    assert [one.until for one in incidents([*said, over], 90)] == [hour(80)]
    again = priced("shop", "1.49", "3.98", 90)  # within a day: the same incident goes on
    [reopened] = incidents([*said, over, again], 120)
    assert (reopened.incident_id, reopened.until) == (found.incident_id, None)
    assert len(reopened.evidence[0]) == 2
    assert len(incidents([*said, over, priced("shop", "1.49", "3.98", 110)], 200)) == 2


def test_a_unit_price_ends_with_its_window_or_its_age() -> None:
    """A promotion is over; a page was seen three days ago."""
    promoted = priced("shop", "1.99", "2.99", 0, valid_from=hour(0), valid_to=hour(50))
    assert [one.until for one in incidents([promoted], 60)] == [hour(50)]
    seen = priced("shop", "1.99", "2.99", 0, basis=Basis.DISPLAYED)
    assert [one.until for one in incidents([seen], 100)] == [hour(72)]


def naive(said: list[Statement], now: datetime, grace: timedelta) -> list[tuple[Any, ...]]:
    """Wrong unit prices of one channel, hour by hour: (since, until) of those that opened."""
    at, found, since = hour(0), list[tuple[Any, ...]](), None
    while at <= now:
        known = [one for one in said if one.occurred_at <= at]
        latest = max(known, key=lambda one: (one.occurred_at, one.event_id), default=None)
        is_wrong = latest is not None and "2.99" in latest.value
        if is_wrong and since is None:
            since = at
        elif not is_wrong and since is not None:
            found += [(since, at)] if at - since > grace else []
            since = None
        at += timedelta(hours=1)
    if since is not None and now - since >= grace:
        found.append((since, None))
    return found


def test_unit_prices_against_a_naive_oracle() -> None:
    """100 histories of one channel, right and wrong, without reopening."""
    rng = random.Random(11)
    rules = ContentRules(reopen_within_hours=0, grace_start_hours={"default": 6})
    for _ in range(100):
        times = sorted(rng.sample(range(80), k=rng.randint(1, 8)))
        said = [priced("shop", "1.99", rng.choice(["2.99", "3.98"]), at) for at in times]
        found = [
            (one.since, one.until)
            for one in incidents(said, 100, rules)
            if one.state is not IncidentState.PENDING
        ]
        assert found == naive(said, hour(100), timedelta(hours=6))


def some_history(rng: random.Random) -> list[Statement]:
    """Statements of all fields, channels and bases, some corrected."""
    said = []
    for number in range(rng.randint(3, 14)):
        at, channel = rng.randint(0, 15) * 8, rng.choice(["shop", "app", "pos", "erp"])
        field = rng.choice(["pack", "gtin", "title", "unit_price"])
        text = {
            "pack": rng.choice(["0.5 kg", "1 kg", ""]),
            "gtin": rng.choice(["A", "B", "C"]),
            "title": rng.choice(["Reis 1 kg", "Reis 500 g", "Reis", "REIS 0,5 KG"]),
            "unit_price": "",
        }[field]
        fields: dict[str, Any] = {
            "basis": rng.choice([Basis.PUBLISHED, Basis.PUBLISHED, Basis.DISPLAYED]),
            "event_id": f"e{number}",
        }
        if field == "unit_price":
            one = priced(channel, rng.choice(["1.99", "1.49"]), rng.choice(["3.98", "2.99"]), at)
            said.append(one._replace(**fields))
            continue
        if not text:
            fields |= {"valid_from": hour(at), "valid_to": hour(at), "basis": Basis.PUBLISHED}
        said.append(says(channel, text, at, field, **fields))
        if rng.random() < 0.2 and text:
            said.append(said[-1]._replace(version=1, value="0.5 kg" if field == "pack" else text))
    return said


def test_order_repetition_and_batches_change_nothing() -> None:
    """100 random histories, shuffled, doubled and judged step by step, give the same incidents;
    nothing changes between two times at which something is due."""
    rng = random.Random(23)
    rules = ContentRules(reference_channels=["erp"])
    for _ in range(100):
        said = some_history(rng)
        wanted = incidents(said, 200, rules)
        book = KIND.judge(BOOK, rules)
        for one in rng.sample(said * 2, k=len(said) * 2):
            book.add([one])
            if rng.random() < 0.5:
                book.advance(hour(rng.randint(0, 120)))
                book.incidents()
        book.advance(hour(200))
        assert sorted_incidents(book) == wanted


def test_the_next_due_time_is_never_too_late() -> None:
    """20 histories: ticks at due times only find what ticks at every hour find."""
    rng = random.Random(31)
    for _ in range(20):
        said = some_history(rng)
        lazy, eager = KIND.judge(BOOK, RULES), KIND.judge(BOOK, RULES)
        lazy.add(said)
        eager.add(said)
        due = lazy.next_due
        for at in range(0, 200, 8):
            while due is not None and due <= hour(at):
                lazy.advance(due)
                lazy.incidents()
                due = lazy.next_due
            eager.advance(hour(at))
            assert lazy.incidents() == eager.incidents()


def heard(body: dict[str, Any], **fields: Any) -> list[tuple[str, str]]:
    """The field and the text of each claim of an offer."""
    offer = {"sku": "4711", **body}
    values = event("offer.published", body=offer, **{"channel": "shop", **fields})
    touchpoint = TouchpointAdapter.validate_python(values)
    said = claims(Heard(touchpoint, hour(0), 0, 7, "DE", "EUR"))
    return [(one.terms, one.value) for one, _ in said]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"title": " Reis\n 500 g "}, [("title", "Reis 500 g")]),
        ({"pack_content": 500, "pack_unit": "Gramm"}, [("pack", "0.5 kg")]),
        ({"pack_content": 500}, []),  # of what?
        ({"pack_content": 0, "pack_unit": "g"}, []),
        ({"gtin": "4006381333931"}, [("gtin", "04006381333931")]),
        ({"sku": "", "gtin": "4006381333931"}, []),  # it is the product itself
        ({"title": "Reis", "seller": "other"}, []),
        ({"title": "Reis", "valid_to": "2030-01-01T00:00:00Z"}, []),
        ({"title": "Reis", "valid_to": "9999-12-31T00:00:00Z"}, [("title", "Reis")]),
        ({"title": "Reis", "variant": "M"}, [('{"field":"title","variant":"M"}', "Reis")]),
        ({"price": "1.99"}, []),
        ({"price": "1.99", "unit_price": "3.98"}, []),  # for what?
        ({"price": "1.99", "unit_price": "3", "unit_price_unit": "kg", "tax_mode": "net"}, []),
        ({"price": "1.99", "unit_price": "3", "unit_price_unit": "kg", "customer_group": "x"}, []),
        ({"price": "9", "unit_price": "3", "unit_price_unit": "kg", "sale_kind": "clearance"}, []),
        ({"price": "9", "unit_price": "0", "unit_price_unit": "kg"}, []),
        (
            {"availability": "discontinued", "title": "Reis"},
            [("title", ""), ("pack", ""), ("gtin", ""), ("unit_price", "")],
        ),
    ],
)
def test_what_an_offer_says(body: dict[str, Any], wanted: list[tuple[str, str]]) -> None:
    """Nothing of what it leaves out, or what cannot be compared."""
    assert heard(body) == wanted


def test_a_mailing_and_other_events_say_nothing() -> None:
    """What was sent cannot be corrected."""
    assert heard({"title": "Reis"}, channel="email") == []
    touchpoint = TouchpointAdapter.validate_python(event())
    assert claims(Heard(touchpoint, hour(0), 0, 7, "DE", "EUR")) == []


def test_a_statement_of_another_book_is_refused() -> None:
    """It is a fault of the caller."""
    other: Claim = says("shop", "1 kg", 0)._replace(book=BOOK._replace(realm="other"))
    with pytest.raises(ValueError, match="in the book of"):
        KIND.judge(BOOK, RULES).add([other])

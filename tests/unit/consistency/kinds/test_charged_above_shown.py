"""A purchase against what the customer was shown before: any order of claims, and by definition."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from schemas.claim import Book, Statement
from schemas.incident import AnyIncident, IncidentState
from schemas.offer import Basis
from schemas.subject import Subject
from services.consistency.core.kind import Observation
from services.consistency.core.shown_prices import ShownRules
from services.consistency.kinds.charged_above_shown import KIND, NAME
from tests.unit.consistency.market import hour

BOOK = Book("default", NAME, Subject.customer(7))
RULES = ShownRules()
SHOWN, CHARGED, BACK = Basis.DISPLAYED, Basis.CHARGED, Basis.PUBLISHED


def says(basis: Basis, price: str, minute: float, channel: str = "app", **more: Any) -> Statement:
    """A price shown or charged at a minute of noon; or an order given back."""
    order = more.pop("order", f"{channel}-{minute:g}")
    value = {"price": price, "sku": "4711", "market": "DE", "currency": "EUR", "quantity": "1"}
    if basis is SHOWN:
        value = {"price": price}
    elif basis is BACK:
        value = {"order": order}
    else:
        value["order"] = order
    name = f"{channel}-{basis[0]}{minute:g}-{price}"
    at = hour(12 + minute / 60)
    terms = "" if basis is BACK else "t"
    said = Statement(
        BOOK, at, name, 0, 0, channel, "", "", basis, orjson.dumps(value).decode(), terms
    )
    return said._replace(**more)


def found(said: Iterable[Statement], minute: float = 300) -> list[AnyIncident]:
    """What follows at a minute after noon."""
    book = KIND.judge(BOOK, RULES)
    book.add(said)
    book.advance(hour(12 + minute / 60))
    return sorted(book.incidents().values(), key=lambda one: (one.since, one.incident_id))


@pytest.mark.parametrize(
    ("shown_at", "paid_at", "is_told"),
    [(0, 60, True), (0, 60.1, False), (10, 10, True), (11, 10, False)],
)
def test_within_an_hour_before(shown_at: float, paid_at: float, is_told: bool) -> None:
    """Up to the last moment, and never afterwards."""
    said = [says(SHOWN, "9", shown_at), says(CHARGED, "12", paid_at, "pos")]
    assert bool(found(said)) is is_told


def test_the_latest_page_of_each_channel_counts() -> None:
    """Who saw the new price there knows it; another channel that shows less still contradicts."""
    said = [says(SHOWN, "9", 0), says(SHOWN, "12", 5), says(CHARGED, "12", 10, "pos")]
    assert found(said) == []
    (one,) = found([*said, says(SHOWN, "10", 3, "shop")])
    assert (one.cause, one.evidence[1]) == ("shown_elsewhere", ["shop-d3-10"])


def test_a_claim_that_comes_after_the_judgement_counts_at_the_same_time() -> None:
    """Incidents and the next due time follow from the same, which is of all claims by then."""
    book = KIND.judge(BOOK, RULES)
    book.add([says(CHARGED, "12", 10, "pos", order="R")])
    book.advance(hour(17))
    assert (book.incidents(), book.next_due) == ({}, None)
    book.add([says(SHOWN, "9", 0)])
    (one,) = book.incidents().values()
    assert one.state is IncidentState.OPEN
    book.add([says(BACK, "0", 20, order="R")])
    (one,) = book.incidents().values()
    assert (one.state, book.next_due) == (IncidentState.RESOLVED, None)


def test_given_back_or_forgotten() -> None:
    """It resolves with the return of its order, else after thirty days; and says what it cost."""
    paid = says(CHARGED, "12", 10, "pos", order="R")
    said = [says(SHOWN, "9", 0), paid]
    (one,) = found([*said, says(BACK, "0", 20, order="other")])
    assert one.state is IncidentState.OPEN
    (one,) = found([*said, says(BACK, "0", 20, order="R")])
    assert (one.state, one.resolved_at) == (IncidentState.RESOLVED, hour(12 + 20 / 60))
    (one,) = found(said, 31 * 24 * 60)
    assert one.resolved_at == paid.occurred_at + timedelta(days=30)
    seen = [Observation(claim, "", Decimal(2), 7, "R") for claim in said]
    assert [met.cost for met in KIND.met(one, seen, RULES)] == [Decimal(6)]


@pytest.mark.parametrize("seed", range(80))
def test_by_definition_in_any_order(seed: int) -> None:
    """Each charge against the latest page of each channel; bit by bit as at once."""
    rng = random.Random(seed)
    said = [
        says(
            rng.choice((SHOWN, SHOWN, CHARGED)),
            rng.choice(("9", "10", "12")),
            rng.randint(0, 120),
            rng.choice(("app", "shop")),
        )
        for _ in range(rng.randint(2, 10))
    ]
    said = list({one.event_id: one for one in said}.values())
    expected = set()
    first: dict[str, str] = {}
    for paid in sorted(said, key=lambda one: (one.occurred_at, one.event_id)):
        body = orjson.loads(paid.value)
        if (
            paid.basis is CHARGED
            and first.setdefault(body["order"], paid.event_id) == paid.event_id
        ):
            for channel in ("app", "shop"):
                pages = [
                    (one.occurred_at, one.event_id, orjson.loads(one.value)["price"])
                    for one in said
                    if (one.basis, one.channel) == (SHOWN, channel)
                    and one.occurred_at <= paid.occurred_at
                ]
                if pages:
                    at, _, price = max(pages)
                    near = paid.occurred_at - at <= timedelta(hours=1)
                    if near and Decimal(price) < Decimal(body["price"]):
                        expected.add(paid.event_id)
    whole = found(said)
    assert {one.evidence[0][0] for one in whole} == expected
    shuffled = [*said, *said[:2], said[0]._replace(version=-1)]
    rng.shuffle(shuffled)
    book = KIND.judge(BOOK, RULES)
    for number, one in enumerate(shuffled):
        book.add([one])
        book.advance(hour(12 + number / 10))
        book.incidents()
    book.advance(hour(17))
    assert sorted(book.incidents().values(), key=lambda one: (one.since, one.incident_id)) == whole


def told(said: Iterable[Statement]) -> list[tuple[Any, ...]]:
    """What follows, whatever it is told of."""
    return [(one.since, one.state, one.cause, one.evidence) for one in found(said)]


@pytest.mark.parametrize("seed", range(80))
def test_an_article_under_two_numbers(seed: int) -> None:
    """`t` is an article number, `g` its GTIN. As one article if somebody names both, and no other
    number with either of them; else what names both is what bears its article number."""
    rng = random.Random(seed)
    said = {
        one.event_id: one._replace(terms=rng.choice(("t", "g", "t g", "t g")))
        for one in (
            says(
                rng.choice((SHOWN, SHOWN, CHARGED)),
                rng.choice(("9", "10", "12")),
                rng.randint(0, 120),
                rng.choice(("app", "shop")),
                order=str(number),
            )
            for number in range(rng.randint(2, 10))
        )
    }
    both = [one for one in said.values() if one.terms == "t g"]
    other = rng.choice((None, "u g", "t h"))
    more = [] if other is None else [says(SHOWN, "99", 1, "tv", terms=other)]
    is_one = bool(both) and (other is None)
    alike = [
        one._replace(terms="t" if is_one else one.terms.partition(" ")[0]) for one in said.values()
    ]
    mixed = [*said.values(), *more]
    rng.shuffle(mixed)
    assert told(mixed) == told(alike)

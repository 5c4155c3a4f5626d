"""A book of claims: what is new to it, in which zone its times are, and when it is due."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, timedelta, timezone

import pytest

from schemas.claim import PriceClaim
from services.consistency.core.book import incident_id
from services.consistency.core.places import EVERYWHERE

from .market import BOOK, book_at, claim, hour, only, price_book, rules, shown

BERLIN = timezone(timedelta(hours=1))
ERP = rules(reference_channels=["erp"])
AGREED = [claim("erp", "10", 0), claim("shop", "10", 0)]


@pytest.fixture
def abroad(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """On a machine whose own time is not UTC."""
    monkeypatch.setenv("TZ", "IST-5:30")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def in_berlin(one: PriceClaim, *fields: str) -> PriceClaim:
    """The same claim with some of its times written in another zone."""
    times = {name: getattr(one, name) for name in fields}
    return one._replace(**{name: at and at.astimezone(BERLIN) for name, at in times.items()})


def test_a_book_says_what_was_new_to_it() -> None:
    """A claim given again, and one of a body that was corrected, are not."""
    book = price_book(BOOK)
    first, other = AGREED
    corrected = first._replace(version=1, ordinal=1)
    assert book.add([first, first, other]) == [first, other]
    assert book.add([other, corrected, first]) == [corrected]


@pytest.mark.parametrize("bounds", [{}, {"start": 12}, {"end": 40}, {"start": 12, "end": 40}])
@pytest.mark.usefixtures("abroad")
def test_incidents_tell_times_in_utc(bounds: dict[str, float]) -> None:
    """Whatever zone a claim's time or its bounds are written in, and wherever it is judged."""
    wrong = claim("shop", "12", 10, **bounds)
    wanted = only([*AGREED, wrong], 50, ERP).model_dump_json()
    for fields in (["occurred_at"], ["valid_from", "valid_to"]):
        found = only([*AGREED, in_berlin(wrong, *fields)], 50, ERP)
        assert found.model_dump_json() == wanted
        times = (found.since, found.due_at, found.opened_at, found.until)
        assert {at.tzinfo for at in times if at is not None} == {UTC}


@pytest.mark.usefixtures("abroad")
def test_the_id_of_an_incident_never_changes() -> None:
    """It is made of the begin in UTC, wherever it is computed: systems outside keep it."""
    for since in (hour(10), hour(10).astimezone(BERLIN)):
        found = incident_id(BOOK, ("EUR",), EVERYWHERE, "shop", since)
        assert found == "1d120f2e92c78799c58f785f1e7b7338"


@pytest.mark.parametrize(
    ("claims", "now", "due"),
    [
        ([claim("shop", "12", 10)], 12, 14),  # its grace ends
        ([claim("shop", "9", 0, start=90)], 12, 90),
        ([claim("shop", "12", 50)], 12, 50),  # waits for its own time
        ([claim("shop", "12", 10)], 99, 9_600),  # the list prices are forgotten after 400 days
    ],
)
def test_when_a_book_is_due(claims: list[PriceClaim], now: float, due: float) -> None:
    """The next time at which anything may change without a further claim."""
    book = price_book(BOOK, ERP)
    book.add([*AGREED, *claims])
    book.advance(hour(now))
    assert book.next_due == hour(due)


def test_a_book_is_not_due_for_what_is_past() -> None:
    """An observation that has expired changes nothing again."""
    book = price_book(BOOK)
    book.add([shown("shop", "10", 0)])
    book.advance(hour(10))
    assert book.next_due == hour(72)
    book.advance(hour(100))
    assert book.next_due is None


def test_time_never_goes_back() -> None:
    """An earlier time than the latest changes nothing."""
    claims = [*AGREED, claim("shop", "12", 10)]
    book = price_book(BOOK, ERP)
    book.add(claims)
    for now in (50, 5):
        book.advance(hour(now))
    assert book.incidents() == book_at(claims, 50, ERP)


def test_claims_of_one_instant_are_judged_together_whenever_they_come() -> None:
    """The page that already shows the reference's new price is right, though it came first."""
    page, reference = shown("shop", "12", 30), claim("erp", "12", 30)
    book = price_book(BOOK, ERP)
    book.add([*AGREED, page])
    book.advance(hour(30))
    assert [one.state for one in book.incidents().values()] == ["open"]
    book.add([reference])
    assert book.incidents() == book_at([*AGREED, reference, page], 30, ERP)
    assert [one.state for one in book.incidents().values()] == ["pending"]

"""Comparable books: which claims are judged, and those that nothing can contradict."""

from __future__ import annotations

import pytest

from schemas.claim import Book, BookEntry, Superseded
from schemas.subject import Subject
from services.consistency.core.comparability import ComparableBooks
from services.consistency.core.customers import split_claims

from .market import BOOK, charged, claim, shown

TILL, AGAIN = charged("pos", "10", 0), charged("pos", "11", 1)
CUSTOMER = Book("default", "city_mismatch", Subject.customer(7))


@pytest.mark.parametrize(
    ("claims", "comparable"),
    [
        ([TILL, AGAIN], False),  # one channel charges, and nobody publishes
        ([TILL, shown("app", "10", 1)], True),
        ([claim("shop", "10", 0)], True),  # its own customers may see something else
        ([Superseded(BOOK, "e1", 1)], True),  # may have incidents left
    ],
)
def test_what_makes_a_book_comparable(claims: list[BookEntry], comparable: bool) -> None:
    """A published claim, a second channel, or a claim that was taken back; then all count."""
    books = ComparableBooks()
    assert books.filter(claims) == (claims if comparable else [])
    assert books.filter([AGAIN]) == ([AGAIN] if comparable else [])


def test_the_channels_of_former_claims_are_known() -> None:
    """After a restart a second channel is recognised; a correction may come at any time."""
    books = ComparableBooks({BOOK: "pos"})
    assert books.filter([AGAIN]) == []
    assert books.filter([shown("app", "10", 1)]) == [shown("app", "10", 1)]
    taken_back = Superseded(BOOK, "e1", 1)
    for other in (ComparableBooks({BOOK: "pos"}), ComparableBooks()):
        assert other.filter([taken_back, TILL]) == [taken_back, TILL]


def test_a_marked_book_stays_comparable() -> None:
    """Its claims pass, and those of other books are looked at as before."""
    books = ComparableBooks()
    books.mark([BOOK])
    other = TILL._replace(book=BOOK._replace(realm="other"))
    assert books.filter([TILL, other]) == [TILL]


def test_claims_about_customers_are_set_apart() -> None:
    """They are told by their anchors; all others remain in their order."""
    about = TILL._replace(book=CUSTOMER)
    other = about._replace(book=CUSTOMER._replace(kind="other", subject=Subject.customer(9)))
    told = {CUSTOMER.kind: {7}, "other": {9}}
    assert split_claims([TILL, about, AGAIN, other, about]) == ([TILL, AGAIN], told)

"""What an observation leaves unsaid: where it is found, when there is doubt, and what stays."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from schemas.claim import PriceClaim
from schemas.offer import SaleKind
from services.consistency.core.unsaid import Coverage, Publications
from services.consistency.kinds.price_mismatch import PriceComparison, Terms

from .market import BOOK, book_at, charged, claim, hour, price_book, price_rules, rules

HALF: dict[str, Any] = {"pack_content": Decimal("0.5"), "pack_unit": "kg"}
WHOLE: dict[str, Any] = {"pack_content": Decimal(1), "pack_unit": "kg"}
STORE = {"location": "12"}
NORTH = rules(zones={"north": ["12"]})


def about(seen: PriceClaim, *published: PriceClaim, using: Any = NORTH) -> str | None:
    """The pack and variant that an observation is about; None if it is compared with nothing."""
    reading = PriceComparison(price_rules(using))
    said = Publications(reading)
    said.add(published)
    own = reading.terms(seen)
    assert own is not None
    terms = said.terms(seen, own)
    assert terms is None or isinstance(terms, Terms)
    return None if terms is None else " ".join(reading.identity(terms)[3:6]).strip()


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        ([], ""),
        ([claim("pos", "2", 0, **HALF)], "0.5 kg"),
        ([claim("pos", "2", 0, **HALF), claim("pos", "4", 0, **WHOLE)], None),
        ([claim("pos", "2", 0, **HALF), claim("pos", "2", 0)], ""),  # its own terms are published
        ([claim("pos", "2", 0, **HALF), claim("erp", "4", 0, **WHOLE)], "0.5 kg"),  # own first
        ([claim("erp", "2", 0, **HALF), claim("app", "4", 0, **WHOLE)], None),
        ([claim("erp", "2", 0, **HALF), claim("app", "2", 0, **HALF)], "0.5 kg"),
        ([claim("pos", "2", 0, **STORE, **HALF), claim("pos", "4", 0, **WHOLE)], "0.5 kg"),
        ([claim("pos", "2", 0, zone="north", **HALF), claim("pos", "4", 0, **WHOLE)], "0.5 kg"),
        ([claim("pos", "2", 0, zone="south", **HALF), claim("pos", "4", 0, **WHOLE)], "1 kg"),
        ([claim("pos", "2", 0, location="13", **HALF)], ""),
        ([claim("pos", "2", 20, **HALF)], ""),  # not known yet
        ([claim("pos", "2", 0, start=20, **HALF)], ""),  # not valid yet
        ([claim("pos", "2", 0, end=10, **HALF)], ""),  # over when the receipt is printed
        ([claim("pos", "2", 0, seller="other", **HALF)], ""),
        ([claim("pos", "2", 0, customer_group="club", **HALF)], ""),
        ([claim("pos", "2", 0, unit="kg", **HALF)], ""),
        ([claim("pos", "2", 0, variant="red")], "red"),
        ([claim("pos", "2", 0, variant="red", **HALF)], "0.5 kg red"),
        ([claim("pos", "2", 0, sale_kind=SaleKind.CLEARANCE, **HALF)], ""),
    ],
)
def test_a_receipt_is_about_the_one_thing_that_fits(
    published: list[PriceClaim], expected: str | None
) -> None:
    """Of its own channel and the nearest place first, then of others; several are a doubt."""
    assert about(charged("pos", "3", 10, **STORE), *published) == expected


def test_what_an_observation_says_is_never_changed() -> None:
    """A named pack or variant is only completed by what agrees with it."""
    seen = charged("pos", "3", 10, variant="red")
    assert about(seen, claim("pos", "2", 0, variant="blue", **HALF)) == "red"
    assert about(seen, claim("pos", "2", 0, variant="red", **HALF)) == "0.5 kg red"
    assert about(charged("pos", "3", 10, **WHOLE), claim("pos", "2", 0, **HALF)) == "1 kg"


def test_prices_of_channels_that_may_differ_say_nothing() -> None:
    """Nor does the whole chain where every store prices for itself."""
    seen = charged("pos", "3", 10, **STORE)
    erp = claim("erp", "2", 0, **HALF)
    assert about(seen, erp, using=rules(may_differ=[["pos", "erp"]])) == ""
    assert about(seen, erp, using=rules(locations_may_differ=True)) == ""


@pytest.mark.parametrize("kind", [SaleKind.CLEARANCE, SaleKind.SHORT_DATED, SaleKind.DYNAMIC])
def test_the_price_of_a_sale_that_is_not_compared_is_that_sale(kind: SaleKind) -> None:
    """If the channel itself publishes it there, for the same terms, at that time."""
    seen = charged("pos", "1", 10, **STORE)

    def sale(channel: str, price: str, at: float, **fields: Any) -> PriceClaim:
        return claim(channel, price, at, sale_kind=kind, **fields)

    assert about(seen, sale("pos", "1", 0, **STORE)) is None
    assert about(seen, sale("pos", "1", 0)) is None
    assert about(seen, sale("pos", "1.00", 0, **HALF)) is None
    for other in (
        sale("shop", "1", 0),
        sale("pos", "1.01", 0),
        sale("pos", "1", 0, location="13"),
        sale("pos", "1", 11),
        sale("pos", "1", 0, end=10),
        sale("pos", "1", 0, customer_group="staff"),
    ):
        assert about(seen, other) == ""


def test_a_newer_price_of_the_place_ends_an_open_sale() -> None:
    """One of the same instant, of another place or that is over does not; nor a named end."""
    seen = charged("pos", "1", 10, **STORE)
    sale = claim("pos", "1", 2, sale_kind=SaleKind.CLEARANCE, **STORE)
    assert about(seen, sale, claim("pos", "2", 5, **STORE)) == ""
    for regular in (
        claim("pos", "2", 2, **STORE),
        claim("pos", "2", 5),
        claim("pos", "2", 5, end=8, **STORE),
        claim("pos", "2", 5, variant="red", **STORE),
    ):
        assert about(seen, sale, claim("pos", "2", 1, **STORE), regular) is None
    ends = sale._replace(valid_to=hour(20))
    assert about(seen, ends, claim("pos", "2", 5, **STORE)) is None


def test_a_receipt_moves_when_its_list_comes_late_or_is_corrected() -> None:
    """The incident follows the claims that count: found late, lost in doubt, found again."""
    seen, half = charged("pos", "3", 40, **STORE), claim("pos", "2", 0, **STORE, **HALF)
    whole = claim("pos", "4", 1, **STORE, **WHOLE)
    book = price_book(BOOK)
    book.add([seen])
    book.advance(hour(42))
    assert book.incidents() == {}
    book.add([half])
    found = book.incidents()
    assert found == book_at([half, seen], 42)
    assert len(found) == 1
    book.add([whole])
    assert book.incidents() == {}
    book.add([whole._replace(version=1, occurred_at=hour(41))])
    assert book.incidents() == found


def test_coverage_is_the_union_of_its_intervals() -> None:
    """However they overlap, and in whatever order they are added."""
    rng = random.Random(7)
    for _ in range(200):
        spans = [(at := rng.randint(0, 20), at + rng.randint(0, 8)) for _ in range(6)]
        covered = Coverage()
        for begin, end in spans:
            covered.add(hour(begin), hour(end))
        for now in range(-1, 30):
            expected = any(begin <= now < end for begin, end in spans)
            assert covered.holds(hour(now)) is expected

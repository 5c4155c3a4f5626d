"""Why an offer is not compared: one case for each reason, and what is counted as one offer."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.claim import PriceClaim
from schemas.offer import SaleKind, TaxMode
from services.cli.coverage import IN_WORDS
from services.consistency.core.coverage import CoverageReason, CoveredOffer, ProductCoverage
from services.consistency.kinds.price_mismatch import PriceComparison, book
from tests.events import product_book
from tests.unit.consistency.market import charged, claim, hour, price_rules, rules, shown

PAGE = Path(__file__).parents[3] / "docs" / "consistency.md"
ABROAD = product_book("A-1", market="AT")


def coverage_of(claims: Sequence[PriceClaim], now: float, **overrides: Any) -> ProductCoverage:
    """The coverage of one article, as of an hour."""
    of_prices = price_rules(rules(**overrides))
    by_book: dict[Any, list[PriceClaim]] = {}
    for one in claims:
        by_book.setdefault(one.book, []).append(one)
    return ProductCoverage(
        by_book, lambda name: book(name, of_prices), PriceComparison(of_prices), hour(now)
    )


def reasons(
    claims: Sequence[PriceClaim], now: float = 10, **overrides: Any
) -> list[tuple[str, str, CoverageReason | None]]:
    """Channel, place and reason of each offer, sorted."""
    found = coverage_of(claims, now, **overrides).offers
    return sorted(((one.speaker[0], one.speaker[1].label, one.reason) for one in found), key=str)


SHOP = claim("shop", "10", 1)
REASONS: dict[str, tuple[list[PriceClaim], CoverageReason | None, dict[str, Any]]] = {
    "another price": ([claim("app", "12", 1)], None, {}),
    "nobody": ([], CoverageReason.ALONE, {}),
    "a marketplace seller only": ([claim("app", "9", 1, seller="x")], CoverageReason.ALONE, {}),
    "a clearance only": (
        [claim("app", "9", 1, sale_kind=SaleKind.CLEARANCE)],
        CoverageReason.ALONE,
        {},
    ),
    "another market": ([claim("app", "9", 1, book=ABROAD)], CoverageReason.MARKET, {}),
    "another currency": ([claim("app", "9", 1, currency="CHF")], CoverageReason.CURRENCY, {}),
    "without tax": ([claim("app", "9", 1, tax_mode=TaxMode.NET)], CoverageReason.TAX_MODE, {}),
    "by weight": ([claim("app", "9", 1, unit="kg")], CoverageReason.UNIT, {}),
    "another pack": (
        [claim("app", "9", 1, pack_content=Decimal(2), pack_unit="kg")],
        CoverageReason.PACK,
        {},
    ),
    "another variant": ([claim("app", "9", 1, variant="red")], CoverageReason.VARIANT, {}),
    "used": ([claim("app", "9", 1, condition="used")], CoverageReason.CONDITION, {}),
    "for staff": ([claim("app", "9", 1, customer_group="s")], CoverageReason.CUSTOMER_GROUP, {}),
    "for staff in francs": (
        [claim("app", "9", 1, customer_group="s", currency="CHF")],
        CoverageReason.CURRENCY,
        {},
    ),
    "for staff, and in francs": (
        [
            claim("app", "9", 1, customer_group="s"),
            claim("pos", "9", 1, currency="CHF"),
        ],
        CoverageReason.CUSTOMER_GROUP,
        {},
    ),
    "of a store": ([claim("pos", "9", 1, location="S1")], None, {}),
    "of a store that may differ": (
        [claim("pos", "9", 1, location="S1")],
        CoverageReason.PLACES_MAY_DIFFER,
        {"locations_may_differ": True},
    ),
    "of a channel that may differ": (
        [claim("app", "9", 1)],
        CoverageReason.CHANNELS_MAY_DIFFER,
        {"may_differ": [["app", "shop"]]},
    ),
    "of a mailing": ([claim("email", "9", 1)], None, {}),
    "seen once": (
        [charged("pos", "9", 2)],
        None,
        {},
    ),
    "an exception of the price list": (
        [claim("erp", "9", 1, location="S1")],
        CoverageReason.OTHER_MEASURE,
        {"reference_channels": ["erp"]},
    ),
    "withdrawn": (
        [claim("app", "9", 1), claim("app", "9", 2, start=2, end=2)],
        CoverageReason.ALONE,
        {},
    ),
}


@pytest.mark.parametrize(("others", "reason", "overrides"), REASONS.values(), ids=REASONS)
def test_the_shop_is_compared_or_not(
    others: list[PriceClaim], reason: CoverageReason | None, overrides: dict[str, Any]
) -> None:
    """By what others say; two reasons of two offers give that of the nearer one."""
    found = coverage_of([SHOP, *others], 10, **overrides).offers
    [shop] = [one for one in found if one.claim == SHOP]
    assert shop.reason is reason
    assert bool(shop.compared_with) == (reason is None)


def test_stores_are_not_compared_with_each_other() -> None:
    """Nobody speaks for the whole chain."""
    stores = [claim(name, "9", 1, location=name) for name in ("S1", "S2")]
    assert reasons(stores) == [
        ("S1", "S1", CoverageReason.OTHER_PLACE),
        ("S2", "S2", CoverageReason.OTHER_PLACE),
    ]


def test_a_channel_alone_is_compared_with_its_own_receipts() -> None:
    """And with pages: one offer, compared with itself."""
    [own] = coverage_of([SHOP, shown("shop", "11", 3)], 10).offers
    assert (own.reason, own.compared_with) == (None, (own.speaker,))


def test_few_observations() -> None:
    """The price list is compared with nothing either, as long as nothing else is."""
    found = reasons(
        [claim("erp", "9", 1), charged("pos", "9", 3)],
        reference_channels=["erp"],
        evidence_min_observations=2,
    )
    few = CoverageReason.FEW_OBSERVATIONS
    assert found == [("erp", "", few), ("pos", "", few)]


def test_an_old_mailing() -> None:
    """It contradicts nobody, and nobody contradicts it."""
    mailed = [claim("email", "9", 1), SHOP]
    old = CoverageReason.OUTDATED
    assert reasons(mailed, 30 * 24) == [("email", "", old), ("shop", "", old)]


def test_what_is_in_force_no_more() -> None:
    """One offer for each channel and place, whatever it said there before."""
    gone = [
        claim("app", "9", 1, end=5),
        claim("fair", "9", 1),
        claim("fair", "9", 2, start=2, end=2),
        claim("kiosk", "9", 1, start=400),
        charged("pos", "9", 1),
        charged("pos", "8", 2, variant="red"),
    ]
    assert reasons(gone, 100) == [
        ("app", "", CoverageReason.ENDED),
        ("fair", "", CoverageReason.WITHDRAWN),
        ("kiosk", "", CoverageReason.NOT_YET_VALID),
        ("pos", "", CoverageReason.SEEN_LONG_AGO),
    ]
    assert reasons([SHOP], 401 * 24) == [("shop", "", CoverageReason.EXPIRED)]
    assert reasons([claim("app", "9", 20)], 10) == []


def test_receipts_that_may_be_about_two_packs() -> None:
    """They are set aside; a charge of the channel's own clearance is that sale."""
    half, whole = (
        claim("erp", "9", 1, pack_content=Decimal(n), pack_unit="kg", event_id=f"p{n}")
        for n in (1, 2)
    )
    assert ("pos", "", CoverageReason.UNCLEAR_PACK) in reasons(
        [half, whole, charged("pos", "9", 3)]
    )
    clearance = claim("pos", "5", 1, sale_kind=SaleKind.CLEARANCE)
    found = reasons([clearance, charged("pos", "5", 3), SHOP])
    assert [one for one in found if one[0] == "pos"] == [
        ("pos", "", CoverageReason.KIND_OF_SALE),
        ("pos", "", CoverageReason.KIND_OF_SALE),
    ]
    after = [clearance, claim("pos", "7", 4), SHOP]
    assert reasons(after) == [("pos", "", None), ("shop", "", None)]


def test_pairs_of_one_product() -> None:
    """Compared ones without a reason; what is not in force says so on both sides."""
    claims = [
        SHOP,
        claim("app", "10", 1),
        claim("pos", "10", 1, currency="CHF"),
        claim("fair", "10", 1, end=5),
    ]
    product = coverage_of(claims, 10)
    by_channel: dict[str, CoveredOffer] = {one.claim.channel: one for one in product.offers}
    pairs = {
        channel: {other.claim.channel: reason for other, reason in product.pairs(offer)}
        for channel, offer in by_channel.items()
    }
    ended, currency = CoverageReason.ENDED, CoverageReason.CURRENCY
    assert pairs["shop"] == {"app": None, "pos": currency, "fair": ended}
    assert pairs["pos"] == {"app": currency, "shop": currency, "fair": ended}
    assert pairs["fair"] == {"app": ended, "shop": ended, "pos": ended}


def test_a_corrected_event_replaces_what_it_said() -> None:
    """As when it is judged."""
    wrong = claim("app", "9", 1)
    assert reasons([SHOP, wrong, wrong._replace(version=1, currency="CHF")]) == [
        ("app", "", CoverageReason.CURRENCY),
        ("shop", "", CoverageReason.CURRENCY),
    ]


def test_every_reason_is_explained() -> None:
    """On the command line and in the documentation."""
    page = PAGE.read_text("utf-8").partition("## Why nothing is reported")[2].partition("\n## ")[0]
    assert set(IN_WORDS) == set(CoverageReason)
    assert [one for one in CoverageReason if f"`{one}`" not in page] == []

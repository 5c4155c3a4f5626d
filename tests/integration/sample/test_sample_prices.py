"""The planted price errors are in the stream as the truth lists them, and nothing else is wrong.

Judged here by a plain reading of the published prices, without any rule engine.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from schemas.claim import PRICE_MISMATCH
from services.consistency.kinds.price_mismatch import Cause
from tests.integration.sample.conftest import Built, Row

CHANNELS = ("shop", "app", "email")
GRACE = {"shop": 4, "app": 4, "email": 24, "pos": 24}
Shelf = tuple[str, str, str]
"""(sku, location, channel)"""


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


class PriceBook:
    """What each channel published, and what it says at any time."""

    def __init__(self, built: Built) -> None:
        self.offers: dict[Shelf, list[tuple[datetime, Row]]] = defaultdict(list)
        for event in built.of("offer.published"):
            body = event["body"]
            begins = _time(body.get("valid_from", event["occurred_at"]))
            shelf = (body["sku"], body.get("location", ""), event["channel"])
            self.offers[shelf].append((begins, body))
        for offers in self.offers.values():
            offers.sort(key=lambda offer: offer[0])

    def at(self, shelf: Shelf, when: datetime) -> Decimal | None:
        """The latest price that holds: a newer one replaces, an ended one gives way."""
        holds = [
            Decimal(body["price"])
            for begins, body in self.offers.get(shelf, [])
            if begins <= when and ("valid_to" not in body or when < _time(body["valid_to"]))
        ]
        return holds[-1] if holds else None

    def turns(self, sku: str) -> list[datetime]:
        """Every moment at which a channel-wide price begins or ends."""
        found = set()
        for channel in CHANNELS:
            for begins, body in self.offers[sku, "", channel]:
                found.add(begins)
                if "valid_to" in body:
                    found.add(_time(body["valid_to"]))
        return sorted(found)


@pytest.fixture(scope="module")
def book(built: Built) -> PriceBook:
    """The published prices of the small stream."""
    return PriceBook(built)


def _says(row: Row, when: datetime) -> bool:
    """The row's time span covers the moment."""
    until = row.get("until")
    return _time(row["since"]) <= when and (until is None or when < _time(until))


def test_channels_disagree_only_where_the_truth_says_so(built: Built, book: PriceBook) -> None:
    """At every turn of a price, the one channel that deviates is a planted error or a late list."""
    known = built.truths("errors.jsonl") + built.truths("lawful.jsonl")
    by_place = defaultdict(list)
    for row in known:
        by_place[row["sku"], row["channel"], row["location"]].append(row)
    deviations = 0
    for sku in sorted({sku for sku, location, _ in book.offers if not location}):
        for when in book.turns(sku):
            prices = {channel: book.at((sku, "", channel), when) for channel in CHANNELS}
            ((usual, votes), *_) = Counter(prices.values()).most_common()
            assert votes >= 2, (sku, when)
            for channel in CHANNELS:
                if prices[channel] != usual:
                    deviations += 1
                    rows = by_place[sku, channel, ""]
                    assert any(_says(row, when) for row in rows), (sku, channel, when)
    assert deviations > 20


def test_online_errors_are_in_the_stream(built: Built, book: PriceBook) -> None:
    """From since to until the channel says the observed price and the two others the expected."""
    errors = [row for row in built.truths("errors.jsonl") if not row["location"]]
    assert len(errors) == built.report.errors["total"] - len(_store_errors(built))
    for row in errors:
        since = _time(row["since"])
        for when in (since, since + timedelta(days=3)):
            for channel in CHANNELS:
                right = row["observed" if channel == row["channel"] else "expected"]
                assert book.at((row["sku"], "", channel), when) == Decimal(right), row
        before = since - timedelta(seconds=1)
        assert len({book.at((row["sku"], "", channel), before) for channel in CHANNELS}) == 1
        if row["until"]:
            after = book.at((row["sku"], "", row["channel"]), _time(row["until"]))
            assert after == Decimal(row["expected"])


def _store_errors(built: Built) -> list[Row]:
    return [row for row in built.truths("errors.jsonl") if row["location"]]


def test_errors_outlast_every_grace(built: Built) -> None:
    """A planted error lasts clearly longer than its channel may take to follow a price."""
    for row in built.truths("errors.jsonl"):
        assert row["kind"] == PRICE_MISMATCH
        assert row["cause"] in set(Cause)
        if row["until"]:
            lasted = _time(row["until"]) - _time(row["since"])
            assert lasted > timedelta(hours=GRACE[row["channel"]])


def test_receipts_charge_what_their_store_published(built: Built, book: PriceBook) -> None:
    """A till charges its store's price, except in the planted errors and within its grace."""
    excused = _store_errors(built)
    excused += [row for row in built.truths("lawful.jsonl") if row["case"] == "late_till"]
    checked = overcharged = 0
    for event in built.of("order.placed"):
        when, store = _time(event["occurred_at"]), event["source"].get("store", "")
        for line in event["body"]["lines"]:
            shelf = (line["sku"], store, "pos")
            if "unit_price" not in line or shelf not in book.offers:
                continue
            checked += 1
            published = book.at(shelf, when)
            assert published is not None, (shelf, when)
            if abs(_charged(line) - published) > Decimal("0.01"):
                overcharged += 1
                rows = [r for r in excused if (r["sku"], r["location"]) == shelf[:2]]
                assert any(_says(row, when) for row in rows), (shelf, when)
    assert checked > 200
    assert overcharged >= 2 * len(_store_errors(built))


def _charged(line: Row) -> Decimal:
    """Unit price less the promotion's part of it."""
    discounts = line.get("discounts", [])
    promotion = sum(Decimal(d["amount"]) for d in discounts if d["kind"] == "promotion")
    return Decimal(line["unit_price"]) - promotion / Decimal(line["quantity"])


def test_product_pages_show_their_channels_price(built: Built, book: PriceBook) -> None:
    """What a visitor is shown is what that channel published, errors included."""
    shown = 0
    for event in built.of("product.viewed"):
        offer = event["body"].get("offer")
        if offer:
            shelf = (offer["sku"], "", event["channel"])
            assert Decimal(offer["price"]) == book.at(shelf, _time(event["occurred_at"]))
            shown += 1
    assert shown > 500


def test_lawful_cases_are_as_many_as_reported(built: Built) -> None:
    """lawful.jsonl lists each late list, late till and store difference that is counted."""
    listed = Counter(row["case"] for row in built.truths("lawful.jsonl"))
    cases = built.report.cases
    assert listed["late_price_list"] == cases["price_late_price_list"] > 0
    assert listed["store_price"] == cases["lawful_store_difference"] > 0
    assert listed["late_till"] == cases["late_till"]


def test_online_orders_name_no_unit_price(built: Built) -> None:
    """Prices of online baskets are some store's, so they must not speak for shop or app."""
    online = [e for e in built.of("order.placed") if e["channel"] in CHANNELS]
    assert online
    assert not any("unit_price" in line for e in online for line in e["body"]["lines"])

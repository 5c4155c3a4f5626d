"""Faults: what missed one price list is one, whatever the products, stores and order of arrival."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

from schemas.claim import PriceClaim
from schemas.incident import AnyIncident, IncidentState
from tests.events import product_book
from tests.unit.consistency.market import charged, claim, hour, price_book, promo, rules, shown

Listed = dict[str, Any]
STORES = [str(number) for number in range(11, 16)]
LISTED = rules(reference_channels=["erp"])
OLD_AT, NEW_AT, SOLD_AT, LATER = 0, 24, 60, 80
"""Hours: the former list, the new one, sales after the grace of a day, and the look at all."""


def of(sku: str, one: PriceClaim) -> PriceClaim:
    """The claim, about this product."""
    return one._replace(book=product_book(sku), event_id=f"{sku}-{one.event_id}")


def missed(sku: str, new_at: float = NEW_AT, **listed: Any) -> list[PriceClaim]:
    """A product whose new price no till has: by the list, and as charged in each store."""
    number = int(sku.rpartition("-")[2])
    old, new = f"{number % 7 + 3}.00", f"{number % 7 + 3}.49"
    ours = [claim("erp", old, OLD_AT), claim("erp", new, new_at)._replace(**listed)]
    for place, store in enumerate(STORES):
        ours += [
            charged("pos", old, SOLD_AT + place + number / 1000 + again, location=store)
            for again in (0, 1)
        ]
    return [of(sku, one) for one in ours]


def judged(claims: Iterable[PriceClaim], *looks: float) -> list[AnyIncident]:
    """What is open at the last look; each product has a book of its own."""
    by_book: dict[str, list[PriceClaim]] = {}
    for one in claims:
        by_book.setdefault(one.book.subject.parts[1], []).append(one)
    found: list[AnyIncident] = []
    for sku, mine in by_book.items():
        book = price_book(product_book(sku), LISTED)
        for at in looks or (LATER,):
            book.add(one for one in mine if one.occurred_at <= hour(at))
            book.advance(hour(at))
            book.incidents()
        found += [one for one in book.incidents().values() if one.state is IncidentState.OPEN]
    return found


def faults(incidents: Sequence[AnyIncident]) -> set[str]:
    """Their faults."""
    return {one.fault_id for one in incidents}


def test_a_missed_price_list_is_one_fault() -> None:
    """300 products in 5 stores, with the edition of the list or by the hour of its prices."""
    skus = [f"P-{number}" for number in range(300)]
    edition: Listed = {"price_list_id": "national", "price_list_edition": "11"}
    named = judged([one for sku in skus for one in missed(sku, **edition)])
    assert (len(named), len(faults(named))) == (1500, 1)
    hours = [24 + number / 600 for number in range(300)]
    unnamed = judged([o for sku, at in zip(skus, hours, strict=True) for o in missed(sku, at)])
    assert len(faults(unnamed)) == 1
    assert faults(named).isdisjoint(faults(unnamed))


def test_an_edition_that_comes_in_over_hours_is_one() -> None:
    """Its prices need not begin within one hour; without an edition they do."""
    listed: Listed = {"price_list_id": "national", "price_list_edition": "11"}
    late = [*missed("P-1", 22, **listed), *missed("P-2", 27, **listed)]
    assert len(faults(judged(late))) == 1
    listed.pop("price_list_edition")
    late = [*missed("P-1", 22, **listed), *missed("P-2", 27, **listed)]
    assert len(faults(judged(late))) == 2


def test_two_lists_are_two() -> None:
    """By their editions, or by their names, at the same time."""
    for mine, other in ((("a", "1"), ("a", "2")), (("a", "1"), ("b", "1")), (("a", ""), ("b", ""))):
        names = ("price_list_id", "price_list_edition")
        found = [
            missed(f"P-{number}", **dict[str, Any](zip(names, listed, strict=True)))
            for number, listed in enumerate((mine, other, mine))
        ]
        assert len(faults(judged(o for one in found for o in one))) == 2


def test_a_list_that_is_repeated_every_night_stays_one() -> None:
    """Which edition is the latest when a till sells decides nothing: the price came with one."""
    ours = []
    for number in range(4):
        ours += missed(f"P-{number}", price_list_id="national", price_list_edition="11")
        again = f"{number % 7 + 3}.49"
        for night in (2, 3):
            listed = claim("erp", again, 24 * night + number)._replace(
                price_list_id="national", price_list_edition=str(10 + night)
            )
            ours.append(of(f"P-{number}", listed))
    assert len(faults(judged(ours))) == 1


def test_one_wrong_price_in_many_stores_is_one() -> None:
    """The same product, channel and two prices; another price or product is another fault."""
    stores = [str(number) for number in range(300)]

    def wrong(sku: str, price: str, where: Sequence[str]) -> list[PriceClaim]:
        said = [claim("erp", "5.00", 0), claim("pos", "5.00", 0)]
        said += [charged("pos", price, at, location=store) for store in where for at in (40, 41)]
        return [of(sku, one) for one in said]

    found = judged(wrong("P-1", "7.77", stores))
    assert (len(found), len(faults(found))) == (300, 1)
    others = judged([*wrong("P-1", "7.78", stores[:2]), *wrong("P-2", "7.77", stores[:2])])
    assert len(faults([*found, *others])) == 3


def test_promotions_that_did_not_end_are_one() -> None:
    """The end of a promotion is the change that was missed, not the list of the regular price."""
    ours = []
    for number in range(3):
        for channel in ("erp", "pos"):
            regular = claim(channel, "5.00", number)._replace(
                price_list_id="national", price_list_edition=str(number)
            )
            ours += [of(f"P-{number}", regular)]
        ours += [of(f"P-{number}", promo("erp", "3.99", 5 + number, start=24, end=72))]
        ours += [of(f"P-{number}", promo("pos", "3.99", 5 + number, start=24))]
    found = judged(ours, 120)
    assert [one.cause for one in found] == ["promotion_not_ended"] * 3
    assert len(faults(found)) == 1


def test_a_fault_stays_while_an_incident_gets_worse() -> None:
    """What it shares was decided when it opened."""
    ours = [claim("erp", "5.00", 0), claim("pos", "5.00", 0)]
    ours += [charged("pos", "6.00", at, location="12") for at in (40, 41)]
    before = judged(ours, 50)
    worse = [*ours, charged("pos", "9.00", 60, location="12")]
    [after] = judged(worse, 50, 80)
    assert after.severity.rank > before[0].severity.rank or after.details != before[0].details
    assert faults(before) == {after.fault_id}


def test_arrival_and_looks_change_no_fault() -> None:
    """Whatever the order and the ticks between, the ids are the same."""
    numbers = random.Random(8)
    ours = [one for sku in ("P-1", "P-2") for one in missed(sku, price_list_id="a")]
    ours += [of("P-1", shown("app", "2.00", at)) for at in (30, 31)]
    wanted = {one.incident_id: one.fault_id for one in judged(ours)}
    assert len(wanted) >= 11
    for _ in range(20):
        mixed = numbers.sample(ours, len(ours))
        looks = sorted(numbers.uniform(0, LATER) for _ in range(3))
        found = judged(mixed, *looks, LATER)
        assert {one.incident_id: one.fault_id for one in found} == wanted

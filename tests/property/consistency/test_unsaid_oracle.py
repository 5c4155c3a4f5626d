"""What observations leave unsaid, against an oracle that reads all claims anew for each."""

from __future__ import annotations

import random
from typing import Any

import pytest

from schemas.claim import PriceClaim
from schemas.offer import Basis, SaleKind
from services.consistency.rules import ConsistencyRules
from tests.tiers import volumes
from tests.unit.consistency.market import BOOK, book_at, claim, hour, price_book, rules

HOURS = 60
QUICK = {"grace_start_hours": {"default": 1}, "grace_end_hours": {"default": 1},
         "evidence_min_percent": 0, "zones": {"north": ["1"]}}  # fmt: skip
RULE_SETS = [
    rules(**QUICK),
    rules(**QUICK, reference_channels=["erp"]),
    rules(**QUICK, may_differ=[["pos", "erp"]]),
    rules(**QUICK, published_max_age_days=1),
    rules(**QUICK, locations_may_differ=True),
]
WIDER = {("1", ""): [("1", ""), ("", "north"), ("", "")], ("", ""): [("", "")],
         ("2", ""): [("2", ""), ("", "")], ("", "north"): [("", "north"), ("", "")]}  # fmt: skip
KINDS = [SaleKind.REGULAR, SaleKind.REGULAR, SaleKind.PROMOTION, SaleKind.CLEARANCE]


def some_claims(rng: random.Random) -> list[PriceClaim]:
    """Up to 24 prices on three channels in two stores; half of the observations name no variant."""
    made = []
    for number in range(rng.randint(4, 24)):
        basis = rng.choice([Basis.PUBLISHED, Basis.PUBLISHED, Basis.CHARGED, Basis.DISPLAYED])
        at, is_published = rng.randint(0, HOURS), basis is Basis.PUBLISHED
        location, zone = rng.choice(list(WIDER)) if rng.random() < 0.6 else ("", "")
        fields: dict[str, Any] = {
            "basis": basis,
            "location": location,
            "zone": zone,
            "variant": rng.choice(["", "red", "blue"] if is_published else ["", "", "red"]),
            "sale_kind": rng.choice(KINDS) if is_published else SaleKind.REGULAR,
        }
        if is_published and rng.random() < 0.4:
            fields["start"] = at + rng.randint(-4, 8)
        if is_published and rng.random() < 0.4:
            fields["end"] = max(at, fields.get("start", at)) + rng.randint(1, 30)
        one = claim(rng.choice(["erp", "pos", "shop"]), str(rng.randint(5, 7)), at, **fields)
        made.append(one._replace(event_id=f"e{number:02}"))
    return made


def holds(one: PriceClaim, seen: PriceClaim, using: ConsistencyRules) -> bool:
    """Whether a published price is known and valid when something is observed."""
    start, now = one.valid_from or one.occurred_at, seen.occurred_at
    age = using.by_kind["price_mismatch"].published_max_age
    is_known = (
        one.basis is Basis.PUBLISHED and one.occurred_at <= now < max(start, one.occurred_at) + age
    )
    return is_known and start <= now and (one.valid_to is None or now < one.valid_to)


def begins(one: PriceClaim) -> tuple[object, object]:
    """Of two prices without an end the later one counts."""
    return one.valid_from or one.occurred_at, one.occurred_at


def meant(seen: PriceClaim, claims: list[PriceClaim], using: ConsistencyRules) -> PriceClaim | None:
    """The observation with the variant that it is about; None if there is nothing to compare."""
    price_rules = using.by_kind["price_mismatch"]
    valid = [one for one in claims if holds(one, seen, using)]
    places = WIDER[seen.location, seen.zone]
    if price_rules.locations_may_differ and seen.location:
        places = places[:-1]
    elif price_rules.locations_may_differ:
        places = places[:1]
    fitting = [one for one in valid if not seen.variant or one.variant == seen.variant]
    for sale in fitting:
        same = [one for one in valid if (one.channel, one.location, one.zone, one.variant)
                == (sale.channel, sale.location, sale.zone, sale.variant)]  # fmt: skip
        is_over = sale.valid_to is None and any(
            one.sale_kind is not SaleKind.CLEARANCE and begins(one) > begins(sale) for one in same
        )
        is_mine = sale.channel == seen.channel and (sale.location, sale.zone) in places
        is_sale = sale.sale_kind is SaleKind.CLEARANCE and sale.price == seen.price
        if is_sale and is_mine and not is_over:
            return None
    apart = {seen.channel} | {
        other
        for pair in price_rules.may_differ
        for other in pair
        if seen.channel in pair
    }  # fmt: skip
    for channels in ({seen.channel}, {"erp", "pos", "shop"} - apart):
        named = set()
        for channel in channels:
            for place in places:
                here = {
                    one.variant
                    for one in fitting
                    if one.channel == channel
                    and (one.location, one.zone) == place
                    and one.sale_kind is not SaleKind.CLEARANCE
                }
                if here:
                    named |= here
                    break
        if seen.variant in named:
            return seen
        if named:
            return seen._replace(variant=named.pop()) if len(named) == 1 else None
    return seen


def spelled_out(claims: list[PriceClaim], using: ConsistencyRules) -> list[PriceClaim]:
    """The claims as they would be if receipts named what they are about."""
    observed = [one for one in claims if one.basis is not Basis.PUBLISHED]
    told = {one.event_id: meant(one, claims, using) for one in observed}
    return [said for one in claims if (said := told.get(one.event_id, one)) is not None]


@pytest.mark.parametrize("often", volumes(200, 500))
def test_unsaid_terms_equal_the_oracle(often: int) -> None:
    """Random histories give the incidents of receipts that say what they are about."""
    rng, found, changed = random.Random(53), 0, 0
    for _ in range(often):
        claims, using = some_claims(rng), rng.choice(RULE_SETS)
        told = spelled_out(claims, using)
        incidents = book_at(claims, HOURS + 5, using)
        assert incidents == book_at(told, HOURS + 5, using)
        found += len(incidents)
        changed += told != claims
    assert found > often
    assert changed > 0.3 * often


@pytest.mark.parametrize("often", volumes(100, 250))
def test_unsaid_terms_do_not_depend_on_order(often: int) -> None:
    """Any order, repetition and correction of random histories equals one sorted pass."""
    rng = random.Random(54)
    for _ in range(often):
        claims, using = some_claims(rng), rng.choice(RULE_SETS)
        replaced = rng.sample(claims, k=rng.randint(0, 3))
        corrected = [
            one._replace(version=1, variant=rng.choice(["", "red", "blue"])) for one in replaced
        ]
        arriving = claims + corrected + rng.sample(claims, k=2)
        rng.shuffle(arriving)
        book, now = price_book(BOOK, using), 0
        while arriving:
            size = rng.randint(1, 4)
            book.add(arriving[:size])
            del arriving[:size]
            now += rng.randint(0, 8)
            book.advance(hour(now))
            if rng.random() < 0.7:
                book.incidents()
        gone = {one.event_id for one in replaced}
        final = [one for one in claims if one.event_id not in gone] + corrected
        book.advance(hour(now := max(now, HOURS)))
        again = price_book(BOOK, using)
        again.add(sorted(final, key=lambda one: one.occurred_at))
        again.advance(hour(now))
        assert book.incidents() == again.incidents()
        assert book.next_due == again.next_due


def test_time_alone_moves_no_observation() -> None:
    """What is said later changes nothing about what was observed before."""
    rng = random.Random(55)
    for _ in range(100):
        claims, using = some_claims(rng), rng.choice(RULE_SETS)
        now = rng.randint(0, HOURS)
        known = [one for one in claims if one.occurred_at <= hour(now)]
        book = price_book(BOOK, using)
        book.add(claims)
        book.advance(hour(now))
        assert book.incidents() == book_at(known, now, using)

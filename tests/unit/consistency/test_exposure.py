"""Exposure of an incident: its figures by hand, and against an oracle over random observations."""

from __future__ import annotations

import random
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, cast

import pytest

from schemas.claim import PriceClaim
from schemas.identifiers import NodeId
from schemas.incident import AnyIncident, Exposure, Incident
from schemas.offer import Basis, SaleKind, TaxMode
from services.consistency.core.exposure import exposure_of
from services.consistency.core.kind import Observation
from services.consistency.kinds.price_mismatch import PriceDetails, PriceRules, met
from tests.events import product_book
from tests.unit.consistency.market import claim, hour, only, price_rules

SHOWN, CHARGED = Basis.DISPLAYED, Basis.CHARGED
ANNA, ANNAS_PHONE, BERT, STRANGER = 1, 2, 3, 4
RULES = price_rules()
CUSTOMERS = {ANNA: ANNA, ANNAS_PHONE: ANNA, BERT: BERT}


def incident(until: float | None = 60) -> Incident[PriceDetails]:
    """The shop says 12.00 where 10.00 is right, from hour 24 until an hour."""
    claims = [claim(channel, "10.00", 0) for channel in ("app", "pos", "shop")]
    claims.append(claim("shop", "12.00", 24))
    if until is not None:
        claims.append(claim("shop", "10.00", until))
    found: Any = only(claims, 100)
    return cast(Incident[PriceDetails], found)


def exposure(
    incident: Incident[PriceDetails],
    observations: Iterable[Observation],
    persons: dict[NodeId, NodeId],
    rules: PriceRules,
) -> Exposure:
    """The figures of those who met the price of the incident."""
    return exposure_of(met(incident, observations, rules), persons, incident.details.currency)


def seen(price: str, at: float, basis: Basis = SHOWN, **fields: Any) -> Observation:
    """One price that a customer met in the shop, at an hour."""
    book = product_book(fields.pop("sku", "A-1"), market=fields.pop("market", "DE"))
    said = claim(fields.pop("channel", "shop"), price, at, basis=basis, book=book)
    said = said._replace(event_id=f"{basis}-{price}-{at:g}")
    own = {name: fields.pop(name) for name in PriceClaim._fields if name in fields}
    usual = Observation(said._replace(**own), own.get("location", ""), Decimal(1), STRANGER, "")
    return usual._replace(**fields)


def test_figures_by_hand() -> None:
    """Two paid too much, one too little, one only looked; a phone and its owner are one."""
    shown = [
        seen("12.00", 30, CHARGED, node=ANNA, order_id="o-1", quantity=Decimal(2)),
        seen("12.50", 31, CHARGED, node=ANNAS_PHONE, order_id="o-2"),
        seen("9.00", 32, CHARGED, node=BERT, order_id="o-3", quantity=Decimal("0.5")),
        seen("12.00", 33, node=STRANGER),
    ]
    assert exposure(incident(), shown, CUSTOMERS, RULES) == Exposure(
        touchpoints=4,
        customers=2,
        orders=3,
        overcharged=Decimal("6.50"),
        undercharged=Decimal("0.50"),
    )


@pytest.mark.parametrize(
    ("currency", "prices", "over"),
    [
        ("EUR", ("10.00", "12.50"), "2.50"),
        ("JPY", ("10", "12.5"), "2.5"),
        ("JPY", ("10", "12"), "2"),
        ("KWD", ("10.000", "12.500"), "2.500"),
    ],
)
def test_amounts_have_the_digits_of_their_currency(
    currency: str, prices: tuple[str, str], over: str
) -> None:
    """In the details as in the exposure, of an incident with evidence and of one without."""
    expected, observed = prices
    given = {"expected": "10.0000", "observed": observed, "currency": currency}
    details = PriceDetails.model_validate(given)
    assert str(details.expected) == expected
    found = incident().model_copy(update={"details": details})
    shown = [seen(observed, 30, CHARGED, currency=currency, node=ANNA)]
    counted = exposure(found, shown, CUSTOMERS, RULES)
    assert str(counted.overcharged) == over
    nothing = exposure(found, [], CUSTOMERS, RULES)
    zero = {"EUR": "0.00", "JPY": "0", "KWD": "0.000"}[currency]
    assert (str(nothing.overcharged), str(nothing.undercharged)) == (zero, zero)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"market": "AT"},
        {"sku": "A-2"},
        {"channel": "app"},
        {"location": "7"},
        {"currency": "CHF"},
        {"at": 23.99},  # before it began
        {"at": 60},  # the end itself no longer counts
        {"price": "10.01"},  # within the tolerance
    ],
)
def test_what_did_not_meet_it(elsewhere: dict[str, Any]) -> None:
    """Another product, place, currency or time, or a price that agrees, is no exposure."""
    one = seen(**{"price": "12.00", "at": 30, "basis": CHARGED, "node": ANNA, **elsewhere})
    assert exposure(incident(), [one], CUSTOMERS, RULES) == Exposure()


def test_the_beginning_counts() -> None:
    """A price met in the very moment the deviation began is exposure."""
    assert exposure(incident(), [seen("12.00", 24)], CUSTOMERS, RULES).touchpoints == 1


def test_it_goes_on_while_nothing_ends_it() -> None:
    """Without an end, everything since the beginning counts."""
    assert exposure(incident(None), [seen("12.00", 99)], CUSTOMERS, RULES).touchpoints == 1


def test_one_receipt_with_several_lines() -> None:
    """Lines of one event are one touchpoint and one order, but each costs its own money."""
    line = seen("12.00", 30, CHARGED, event_id="receipt", order_id="o-1")
    other = seen("13.00", 30, CHARGED, event_id="receipt", order_id="o-1")
    found = exposure(incident(), [line, other], {}, RULES)
    assert (found.touchpoints, found.orders, found.overcharged) == (1, 1, Decimal("5.00"))
    less = [seen(price, 30, CHARGED, event_id="receipt") for price in ("9.00", "8.00")]
    assert exposure(incident(), less, {}, RULES).undercharged == Decimal("3.00")


def test_one_order_reported_by_two_systems() -> None:
    """Two events of one order number are two touchpoints of one order, which was paid once, as the
    first one reports it."""
    lines = [seen(price, at, CHARGED, order_id="o-1") for at, price in ((30, "12.00"), (31, "19"))]
    for reports in (lines, lines[::-1]):
        found = exposure(incident(), reports, {}, RULES)
        assert (found.touchpoints, found.orders, found.overcharged) == (2, 1, Decimal("2.00"))


def test_one_number_of_two_tills() -> None:
    """Numbers count within their issuer: two receipts, both paid."""
    lines = [seen("12.00", at, CHARGED, order_id="1", order_issuer=f"till/{at}") for at in (30, 31)]
    found = exposure(incident(), lines, {}, RULES)
    assert (found.orders, found.overcharged) == (2, Decimal("4.00"))


def test_receipts_without_a_number_are_orders_each() -> None:
    """What has no order number is told apart by its event."""
    lines = [seen("12.00", at, CHARGED) for at in (30, 31)]
    assert exposure(incident(), lines, {}, RULES).orders == 2


def oracle(met: AnyIncident, observations: Iterable[Observation]) -> Exposure:
    """The same figures, counted one observation at a time in plain numbers of cents."""
    touchpoints = set[str]()
    orders: dict[str, list[PriceClaim]] = {}
    amounts: dict[str, list[Decimal]] = {}
    persons: set[NodeId] = set()
    over = under = Decimal(0)
    for one in observations:
        said, end = one.claim, met.until or hour(10_000)
        assert isinstance(said, PriceClaim)
        is_here = said.book == product_book("A-1") and said.channel == "shop"
        is_then = met.since <= said.occurred_at < end
        difference = said.price - Decimal("10.00")
        if not (is_here and is_then and one.location == "" and said.currency == "EUR"):
            continue
        if abs(difference) <= Decimal("0.05"):  # half a percent of 10.00
            continue
        touchpoints.add(said.event_id)
        if one.node != STRANGER:
            persons.add(ANNA if one.node == ANNAS_PHONE else one.node)
        if said.basis is CHARGED:
            key = one.order_id if one.order_id else said.event_id
            orders.setdefault(key, []).append(said)
            amounts.setdefault(key + said.event_id, []).append(difference * one.quantity)
    for key, reports in orders.items():
        reports.sort(key=lambda said: (said.occurred_at, said.event_id))
        for amount in amounts[key + reports[0].event_id]:
            over, under = over + max(amount, Decimal(0)), under + max(-amount, Decimal(0))
    return Exposure(
        touchpoints=len(touchpoints), customers=len(persons), orders=len(orders),
        overcharged=over, undercharged=under,
    )  # fmt: skip


def observations(rng: random.Random) -> list[Observation]:
    """Some thirty prices met near the incident; few events and orders, so that many repeat."""
    return [
        seen(
            rng.choice(("8.50", "9.94", "9.95", "10.00", "10.05", "10.06", "12.00", "13.99")),
            rng.choice((10, 23, 24, 25, 40, 59, 60, 61, 90)),
            rng.choice((SHOWN, CHARGED)),
            market=rng.choice(("DE", "DE", "DE", "AT")),
            channel=rng.choice(("shop", "shop", "shop", "pos")),
            location=rng.choice(("", "", "", "7")),
            currency=rng.choice(("EUR", "EUR", "EUR", "CHF")),
            quantity=Decimal(rng.choice(("1", "3", "0.25"))),
            node=rng.choice((ANNA, ANNAS_PHONE, BERT, STRANGER)),
            event_id=f"e-{rng.randrange(12)}",
            order_id=rng.choice(("", "o-1", "o-2", "o-3")),
        )
        for _ in range(30)
    ]


@pytest.mark.parametrize("until", [60, None], ids=["ended", "lasting"])
def test_equals_the_oracle(until: float | None) -> None:
    """Whatever was observed, in whatever order, the figures are those of a naive count."""
    met = incident(until)
    total = Exposure()
    for seed in range(300):
        rng = random.Random(seed)
        drawn = observations(rng)
        found = exposure(met, drawn, CUSTOMERS, RULES)
        assert found == oracle(met, drawn), seed
        assert exposure(met, rng.sample(drawn, len(drawn)), CUSTOMERS, RULES) == found, seed
        total = max(total, found, key=lambda one: one.undercharged)
    assert total.undercharged > 0
    assert total.customers > 0


@pytest.mark.parametrize(
    ("fields", "counted"),
    [
        ({}, 1),
        ({"pack_content": Decimal(500), "pack_unit": "g"}, 1),
        ({"pack_content": Decimal(1), "pack_unit": "kg"}, 0),
        ({"variant": "red"}, 0),
        ({"tax_mode": TaxMode.NET}, 0),
        ({"customer_group": "business"}, 0),
        ({"condition": "used"}, 0),
        ({"sale_kind": SaleKind.CLEARANCE}, 0),
        ({"seller": "somebody else"}, 0),
    ],
)
def test_prices_on_other_terms_concern_nobody(fields: dict[str, Any], counted: int) -> None:
    """Who bought without tax, another pack or a clearance did not meet the price of the incident;
    a receipt that names no pack did."""
    pack: dict[str, Any] = {"pack_content": Decimal("0.5"), "pack_unit": "kg"}
    claims = [claim(channel, "10.00", 0, **pack) for channel in ("app", "pos", "shop")]
    found: Any = only([*claims, claim("shop", "12.00", 24, **pack)], 100)
    shown = [seen("12.00", 30, CHARGED, node=ANNA, **fields)]
    assert exposure(found, shown, CUSTOMERS, RULES).touchpoints == counted

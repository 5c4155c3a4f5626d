"""Random histories of claims: a crowded week of few prices, few instants and many ties."""

from __future__ import annotations

import random
from decimal import Decimal

from schemas.claim import PriceClaim
from schemas.offer import Basis, SaleKind
from tests.unit.consistency.market import BOOK, hour

STEP_HOURS = 6
QUICK = {
    "max_age_hours": 30,
    "published_max_age_days": 5,
    "reopen_within_hours": 12,
    "grace_start_hours": {"shop": 6, "app": 0, "pos": 12, "default": 6},
    "grace_end_hours": {"shop": 6, "app": 12, "pos": 0, "default": 0},
    "zones": {"north": ["S1"]},
}
PLACES = [("", "")] * 5 + [("S1", ""), ("S2", ""), ("", "north")]


def some_claim(rng: random.Random, number: int) -> PriceClaim:
    """Any claim of a crowded week: few prices, few instants, many ties."""
    at = rng.randint(0, 12) * STEP_HOURS
    start = rng.choice([None, None, at + rng.randint(-3, 6) * STEP_HOURS])
    begin = at if start is None else start
    end = rng.choice([None, begin + rng.randint(1, 8) * STEP_HOURS])
    location, zone = rng.choice(PLACES)
    promoted = rng.random() < 0.3
    return PriceClaim(
        book=BOOK,
        occurred_at=hour(at),
        event_id=f"e{rng.randint(0, number)}",
        ordinal=rng.choice([0, 0, 1]),
        version=rng.choice([0, 0, 0, 1]),
        channel=rng.choice(["shop", "app", "pos", "erp", "fair"]),
        location=location,
        zone=zone,
        basis=rng.choice([Basis.PUBLISHED, Basis.PUBLISHED, Basis.DISPLAYED, Basis.CHARGED]),
        price=Decimal(rng.choice(["8", "10", "10", "10.01", "12"])),
        currency="EUR",
        customer_group=rng.choice(["", "", "", "", "staff"]),
        sale_kind=SaleKind.PROMOTION if promoted else SaleKind.REGULAR,
        promotion=f"P{number % 2}" if promoted else "",
        price_list_id=["L", "", "P", "L"][number % 4],
        price_list_edition=["", "1", str(at // 24), str((at + 6) // 24)][number % 4],
        valid_from=None if start is None else hour(start),
        valid_to=None if end is None else hour(end),
    )


def some_claims(rng: random.Random) -> list[PriceClaim]:
    """Up to 24 claims; one event, ordinal and version always says one thing."""
    claims: dict[tuple[str, int, int], PriceClaim] = {}
    for number in range(rng.randint(2, 24)):
        one = some_claim(rng, number)
        claims.setdefault((one.event_id, one.ordinal, one.version), one)
    return list(claims.values())

"""The purchases and returns that measures count are those of profiles, whatever is corrected."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from schemas.instants import to_ms
from services.measures.adapters.fragments import whole
from services.profiles.core.facts import OrderRow
from services.profiles.core.purchases import Settled, settled
from services.store.database import Database
from tests.profile_store import PEOPLE, READ_AT, REALM, Store, node, random_event

pytestmark = pytest.mark.any_store
PURCHASES = whole("WITH\n-- CTEs of purchases --\nSELECT profile, at, revenue FROM purchases")
RETURNS = whole(
    "WITH\n-- CTEs of purchases --,\n-- CTEs of returns --\nSELECT profile, at, refund FROM returns"
)
ROWS = """
SELECT node, event_id, occurred_at, anchor_type, order_action, order_issuer, order_id, return_id,
    order_currency, order_value, empty(lines.kind)
FROM orders FINAL
WHERE realm = {realm:String} AND order_counts AND NOT synthetic
    AND order_action IN ('placed', 'cancelled', 'returned')
"""
WHERE = {
    "realm": REALM, "kinds": ["person"], "from_ms": 0, "until_ms": to_ms(READ_AT),
    "zone": "Europe/Berlin", "currency": "EUR",
}  # fmt: skip
Found = Counter[tuple[UUID, datetime, Decimal]]


def corrected(draw: random.Random, first: dict[str, Any], number: int) -> dict[str, Any]:
    """Another body of an event: of any kind, about any order, under the same identifier."""
    other = random_event(draw, number) | {"revision": 1}
    return other | {"identifiers": first["identifiers"]}


def histories(draw: random.Random) -> list[list[dict[str, Any]]]:
    """Batches of events: first bodies, then corrections and repeated ones."""
    first = [random_event(draw, number) for number in range(120)]
    again = [
        corrected(draw, one, number) for number, one in enumerate(first) if draw.random() < 0.15
    ]
    again = [one for one in again if one["identifiers"] or one["type"] != "page.viewed"]
    return [first, again, draw.sample(first, 20)]


def holders(store: Store, draw: random.Random) -> dict[int, UUID]:
    """Cards and cookies by the profile that holds them, if that is a person: some are merged, some
    are of nobody."""
    nodes = {who: node(*who.split("=")) for who in PEOPLE}
    found = {one: UUID(int=one) for who, one in nodes.items() if who.startswith("loyalty")}
    for one, other in zip(PEOPLE, reversed(PEOPLE), strict=True):
        if one < other and draw.random() < 0.3:
            store.place(nodes[one], nodes[one], nodes[other])
            found |= dict.fromkeys((nodes[one], nodes[other]), UUID(int=nodes[one]))
    shared = nodes[draw.choice(PEOPLE)]
    if found.get(shared) == UUID(int=shared):
        store.place(shared, shared, kind="shared")
        del found[shared]
    return found


def of_profiles(database: Database) -> list[Settled]:
    """Orders and returns as profiles count them, from the latest body of each event."""
    rows = database.rows(ROWS, {"realm": REALM})
    return list(settled(OrderRow(one.int, *more) for one, *more in rows))


def counted(database: Database, sql: str, value: str) -> Found:
    """The rows of a fragment."""
    rows = database.records(sql, {k: v for k, v in WHERE.items() if f"{{{k}:" in sql})
    return Counter((row["profile"], row["at"], Decimal(row[value])) for row in rows)


@pytest.mark.parametrize("seed", range(12))
def test_purchases_are_those_of_profiles(database: Database, seed: int) -> None:
    """Of random reports, corrected and repeated, measures take the orders and returns that profiles
    show, with the same owner, instant and money."""
    draw, store = random.Random(seed), Store(database)
    for batch in histories(draw):
        store.take(*batch)
    held = holders(store, draw)
    found = of_profiles(database)
    best = {
        (one.best.issuer, one.best.order_id): one.best for one in found if not one.entry.returns
    }
    bought, returned = Found(), Found()
    for one in found:
        whose = best[one.order] if one.order else one.best
        if whose.is_unnamed or one.entry.owner not in held:
            continue
        who, entry = held[one.entry.owner], one.entry
        if entry.orders:
            bought[who, one.best.occurred_at, entry.revenue] += 1
        if entry.returns:
            is_own = entry.currency in ("", "EUR")
            returned[who, one.best.occurred_at, entry.returned if is_own else Decimal(0)] += 1
    assert counted(database, PURCHASES, "revenue") == bought
    assert counted(database, RETURNS, "refund") == returned
    assert bought
    assert returned

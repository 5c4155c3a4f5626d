"""Incidents of stores and zones against an oracle that walks hour by hour and keeps no state.

A price list and the tills' own list name prices for the chain, a zone of two stores, and stores.
Written from the rule: the store's price, else its zone's, else the common one; what a place takes
over from a wider one, where the same is expected, is that one's fault.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime

import pytest

from schemas.claim import PriceClaim
from tests.property.consistency.test_oracle import HOURS, Said, differ, said
from tests.tiers import volumes
from tests.unit.consistency.market import book_at, claim, hour, promo, rules

USING = rules(
    reference_channels=["erp"],
    reopen_within_hours=0,
    grace_start_hours={"pos": 5},
    grace_end_hours={"pos": 9},
    grace_percent_of_promotion=100,
    zones={"north": ["S1", "S2"]},
)
WIDER = {"": [], "zone:north": [""], "S1": ["zone:north", ""], "S2": ["zone:north", ""], "S3": [""]}
Prices = dict[tuple[str, str], list[Said | None]]
"""What a channel names for a place, hour by hour from -1 on."""
Stretch = tuple[str, datetime, datetime, datetime | None]
"""Place, since, opened, resolved."""


def place_of(one: PriceClaim) -> str:
    """The label of the place a claim is made for."""
    return one.location or (f"zone:{one.zone}" if one.zone else "")


def table(claims: Sequence[PriceClaim]) -> Prices:
    """What each channel says for each place in each hour."""
    return {
        (channel, place): [
            said([one for one in claims if place_of(one) == place], channel, now)
            for now in range(-1, HOURS + 1)
        ]
        for channel in ("erp", "pos")
        for place in WIDER
    }


def right_at(prices: Prices, place: str, now: int) -> tuple[Said, bool] | None:
    """What is right: the nearest word of the price list, else the widest of the tills' own list.

    With it: whether the tills' list is alone there, and so measured by itself.
    """
    nearest_first = [place, *WIDER[place]]
    for one in nearest_first:
        if (word := prices["erp", one][now + 1]) is not None:
            return word, False
    for one in reversed(nearest_first):
        if (word := prices["pos", one][now + 1]) is not None:
            return word, True
    return None


def is_excused(prices: Prices, place: str, now: int) -> bool:
    """The nearest wider list of the tills says the same, and the same is right there."""
    here, own = right_at(prices, place, now), prices["pos", place][now + 1]
    for one in WIDER[place]:
        word = prices["pos", one][now + 1]
        if word is not None:
            there = right_at(prices, one, now)
            assert here is not None
            assert own is not None
            assert there is not None
            return word.price == own.price and there[0].price == here[0].price
    return False


def deviates(prices: Prices, place: str, now: int) -> bool:
    """The tills' list for the place names a wrong price."""
    right, own = right_at(prices, place, now), prices["pos", place][now + 1]
    return right is not None and differ(right[0], own)


def grace(old: Said | None, new: Said) -> int:
    """Hours to follow: the end of a promotion takes longer; no promotion is outlasted."""
    return min(new.lasts, 9 if old and old.promoted and not new.promoted else 5)


def due_at(prices: Prices, place: str, now: int) -> int:
    """When a deviation that begins or changes now will be open."""
    was, right = right_at(prices, place, now - 1), right_at(prices, place, now)
    own, was_own = prices["pos", place][now + 1], prices["pos", place][now]
    assert right is not None
    assert own is not None
    if was is None or was[0].price != right[0].price:
        expected_of_others = was[0] if was and (right[1] or not was[1]) else None
        return now + grace(expected_of_others, right[0])
    if was_own is None or was_own.price != own.price:
        return now + grace(was_own, own)
    return now + grace(None, own)  # A wider place answered for it until now.


def stretches(prices: Prices, place: str) -> list[Stretch]:
    """Every deviation of the tills' list at one place that opened within HOURS."""
    found: list[Stretch] = []
    since, due, opened = None, 0, None
    for now in range(HOURS + 1):
        if not deviates(prices, place, now) or is_excused(prices, place, now):
            if since is not None and opened is not None:
                found.append((place, hour(since), hour(opened), hour(now)))
            since, opened = None, None
            continue
        was, right = right_at(prices, place, now - 1), right_at(prices, place, now)
        assert right is not None
        moved = was is None or was[0].price != right[0].price
        if since is None or (moved and opened is None):
            due = due_at(prices, place, now)
        since = now if since is None else since
        if opened is None and now >= due:
            opened = due
    if since is not None and opened is not None:
        found.append((place, hour(since), hour(opened), None))
    return found


def some_prices(rng: random.Random) -> list[PriceClaim]:
    """Lists of the chain, a zone and stores: few prices and whole hours, so that many meet."""
    claims = []
    for number in range(rng.randint(3, 18)):
        channel, at = rng.choice(["erp", "pos", "pos"]), rng.randint(0, HOURS - 20)
        place = rng.choice([{}, {}, {"zone": "north"}, *({"location": f"S{n}"} for n in (1, 2, 3))])
        start = rng.choice([None, at, at + rng.randint(0, 20)])
        begin = at if start is None else start
        end = rng.choice([None, begin + rng.randint(1, 40)])
        make = rng.choice([claim, claim, promo])
        made = make(channel, str(rng.randint(5, 7)), at, start=start, end=end, **place)
        claims.append(made._replace(event_id=f"e{number:02}"))
    return claims


@pytest.mark.parametrize("often", volumes(75, 600))
def test_incidents_of_places_equal_the_oracle(often: int) -> None:
    """Place, begin, opening and end of every incident of random histories are as written."""
    rng, opened, of_stores = random.Random(12), 0, 0
    for _ in range(often):
        claims = some_prices(rng)
        found = {
            (one.location, one.since, one.opened_at, one.resolved_at)
            for one in book_at(claims, HOURS, USING).values()
            if one.opened_at is not None and one.channel == "pos"
        }
        prices = table(claims)
        assert found == {one for place in WIDER for one in stretches(prices, place)}
        opened += len(found)
        of_stores += sum(place.startswith("S") for place, *_ in found)
    assert opened > 0.6 * often
    assert of_stores > 0.16 * often

"""Published incidents against an oracle that walks hour by hour and keeps no state of its own."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest

from schemas.claim import PriceClaim
from services.consistency.rules import ConsistencyRules
from services.consistency.scenario import overridden
from tests.tiers import volumes
from tests.unit.consistency.market import book_at, claim, hour, promo, rules
from tests.unit.consistency.rules_of_windows import not_over, the_lowest

HOURS = 120
USING = rules(
    reference_channels=["erp"],
    reopen_within_hours=0,
    grace_start_hours={"shop": 5},
    grace_end_hours={"shop": 9},
    grace_percent_of_promotion=100,
)
MAILED = overridden(USING, {"max_age_without_end_days": {"shop": 1}})
"""As if the shop could not be corrected."""
LOWEST = overridden(USING, {"overlapping_promotions": {"default": "lowest"}})
SHOP_LOWEST = overridden(USING, {"overlapping_promotions": {"shop": "lowest"}})
"""Only in the shop customers have the best of several promotions."""


class Said(NamedTuple):
    """What a channel publishes in one hour."""

    price: int
    promoted: bool
    lasts: int
    """Hours of the promotion; very many without one."""
    outdated: bool = False
    """It names no end and is a day old."""


def said(
    claims: list[PriceClaim], channel: str, now: int, using: ConsistencyRules = USING
) -> Said | None:
    """By the written rules: known, valid; a promotion with an end first, then the latest or, if the
    rules say so, the lowest promotion."""
    valid = [
        (one.valid_to is not None and one.promotion != "", one.valid_from or one.occurred_at,
         one.occurred_at, one.event_id, one)
        for one in not_over([one for one in claims if one.channel == channel], hour(now))
        if (one.valid_from or one.occurred_at) <= hour(now)
        and (one.valid_to is None or hour(now) < one.valid_to)
    ]  # fmt: skip
    if using is LOWEST or (using is SHOP_LOWEST and channel == "shop"):
        valid = the_lowest(valid)
    best = max(valid, default=None)
    if not best:
        return None
    _, start, _, _, one = best
    end = one.valid_to if one.promotion else None
    lasts = (end - start) // timedelta(hours=1) if end else 10_000
    a_day_old = hour(now) >= max(start, one.occurred_at) + timedelta(days=1)
    return Said(int(one.price), one.promotion != "", lasts, one.valid_to is None and a_day_old)


def differ(one: Said | None, other: Said | None) -> bool:
    """Whether both speak and name different prices (the test's prices are whole euros)."""
    return one is not None and other is not None and one.price != other.price


def expected_episodes(
    claims: list[PriceClaim], using: ConsistencyRules = USING
) -> list[tuple[datetime, datetime, datetime | None]]:
    """(since, opened, resolved) of every deviation of the shop that opened within HOURS.

    As if mailed: what it says without an end contradicts nobody after a day.
    """
    mailed = using is MAILED
    erp = [said(claims, "erp", now, using) for now in range(-1, HOURS + 1)]
    shop = [said(claims, "shop", now, using) for now in range(-1, HOURS + 1)]
    found: list[tuple[datetime, datetime, datetime | None]] = []
    since, due, opened = None, 0, None
    for now in range(HOURS + 1):
        right, was_right = erp[now + 1], erp[now]
        own, was_own = shop[now + 1], shop[now]
        if not differ(right, own) or (mailed and own and own.outdated):
            if since is not None and opened is not None:
                found.append((hour(since), hour(opened), hour(now)))
            since, opened = None, None
            continue
        assert right is not None
        assert own is not None
        alone = None if mailed and was_own and was_own.outdated else was_own
        before = was_right or alone  # Alone, a channel is expected to do what it says.
        moved = before is None or before.price != right.price
        if since is None or (moved and opened is None):
            old, new = (was_right, right) if moved else (was_own, own)
            due = now + min(new.lasts, 9 if old and old.promoted and not new.promoted else 5)
        since = now if since is None else since
        due = min(due, since + 2 * 9)  # twice the longer grace, however often the price moves
        if opened is None and now >= due:
            opened = due
    if since is not None and opened is not None:
        found.append((hour(since), hour(opened), None))
    return found


def some_prices(rng: random.Random) -> list[PriceClaim]:
    """A reference and a shop that publish regular prices and promotions at whole hours."""
    claims = []
    for number in range(rng.randint(2, 14)):
        channel, at = rng.choice(["erp", "shop"]), rng.randint(0, HOURS - 20)
        start = rng.choice([None, at, at + rng.randint(0, 20)])
        begin = at if start is None else start
        end = rng.choice([None, begin + rng.randint(1, 40)])
        make = rng.choice([claim, promo])
        if rng.random() < 0.1:
            start = end = at  # withdrawn
        made = make(channel, str(rng.randint(5, 7)), at, start=start, end=end)
        claims.append(made._replace(event_id=f"e{number:02}"))
        if made.promotion:
            claims[-1] = claims[-1]._replace(promotion=rng.choice(["P1", "P2"]))
    return claims


@pytest.mark.parametrize(
    "using",
    [USING, MAILED, LOWEST, SHOP_LOWEST],
    ids=["as ever", "mailed", "lowest", "lowest in the shop"],
)
@pytest.mark.parametrize("often", volumes(120, 1_000))
def test_published_incidents_equal_the_oracle(using: ConsistencyRules, often: int) -> None:
    """Begin, opening and end of every incident of random histories are as written."""
    rng, opened = random.Random(11), 0
    for _ in range(often):
        claims = some_prices(rng)
        incidents = book_at(claims, HOURS, using).values()
        found = [
            (one.since, one.opened_at, one.resolved_at)
            for one in sorted(incidents, key=lambda one: one.since)
            if one.opened_at is not None
        ]
        assert found == expected_episodes(claims, using)
        opened += len(found)
    assert opened > 0.4 * often

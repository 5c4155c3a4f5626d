"""What a channel has said, by the written rules alone: the oracle of windows.

It looks at all claims at once, whatever came before or after, and keeps no state.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise, permutations

from schemas.claim import PriceClaim


def start_of(one: PriceClaim) -> datetime:
    """When it begins to hold."""
    return one.valid_from or one.occurred_at


def begin_of(one: PriceClaim) -> datetime:
    """When it is both known and valid."""
    return max(start_of(one), one.occurred_at)


def not_over(claims: Sequence[PriceClaim], now: datetime) -> list[PriceClaim]:
    """Of the claims of one channel for one place, those known at `now` that nothing has ended.

    A lower regular price ends promotions that run. So does the regular price that was published
    last before a promotion began, unless the channel once repeated one with no promotion between.
    A withdrawal, which is valid for no time at all, ends everything before it. Two daily windows in
    a row end all prices without end published before both, from the begin of the first on. A later
    edition of a price list ends what earlier ones said, and nothing that it says itself.
    """
    known = sorted(
        (one for one in claims if one.occurred_at <= now),
        key=lambda one: (one.occurred_at, one.event_id, one.ordinal),
    )
    withdrawn = [
        n for n, one in enumerate(known) if one.valid_to and one.valid_to == one.valid_from
    ]
    standing = known[withdrawn[-1] + 1 :] if withdrawn else known
    return [
        one
        for one in _not_ended(standing)
        if not _is_renewed(one, standing, now)
        and not _is_replaced_for_good(one, standing)
        and not ((end := end_by_edition(one, standing)) and end <= now)
    ]


Valid = tuple[bool, datetime, datetime, str, PriceClaim]
"""A price that holds, behind what it is ranked by: whether it is a promotion with an end first."""


def the_lowest(valid: Sequence[Valid]) -> list[Valid]:
    """Of prices that hold: where the lowest promotion counts, those without its competitors."""
    promoted = [one for one in valid if one[0]]
    said_last = [
        one for one in promoted
        if not any(o[4].promotion == one[4].promotion and o[:4] > one[:4] for o in promoted)
    ]  # fmt: skip
    prices = [one[4].price for one in said_last]
    return [one for one in said_last if one[4].price == min(prices)] or list(valid)


def _edition(one: PriceClaim) -> tuple[str, str] | None:
    names = (one.price_list_id, one.price_list_edition)
    return names if all(names) else None


def end_by_edition(one: PriceClaim, known: Sequence[PriceClaim]) -> datetime | None:
    """When a later edition of its list ends a price, by the latest edition known: an hour after it
    was published, or when it begins. What begins no earlier than that is over at once."""
    mine, end, run, hour = _edition(one), None, list[PriceClaim](), timedelta(hours=1)
    for new in known:
        its, at = _edition(new), new.occurred_at
        if not mine or not its or mine[0] != its[0] or mine == its or at <= one.occurred_at:
            continue
        if end is not None and end <= at:
            return end
        if start_of(one) >= at + hour:
            return at
        run = [*run, new] if run and _edition(run[-1]) == its else [new]
        end = min(
            new.occurred_at + hour
            if start_of(one) > new.occurred_at
            else max(start_of(new), new.occurred_at + hour)
            for new in run
        )
    return end


def _is_replaced_for_good(one: PriceClaim, known: Sequence[PriceClaim]) -> bool:
    """Whether a price without an end that began when it was published took its place."""
    first = bool(one.promotion and one.valid_to)
    rank = (first, start_of(one), one.occurred_at, one.event_id)
    return any(
        new.valid_to is None
        and start_of(new) <= new.occurred_at
        and (False, start_of(new), new.occurred_at, new.event_id) > rank
        for new in known
        if (new.occurred_at, new.event_id) > (one.occurred_at, one.event_id)
    )


def _is_renewed(one: PriceClaim, known: Sequence[PriceClaim], now: datetime) -> bool:
    """Whether an open price has been replaced by windows that are renewed every day."""
    if one.valid_to is not None:
        return False
    daily = [
        other for other in known
        if other.valid_to is not None and not other.promotion
        and other.valid_to - start_of(other) <= timedelta(days=2)
        and one.occurred_at < other.occurred_at < other.valid_to
    ]  # fmt: skip
    return any(
        start_of(one) <= start_of(first) <= now
        and first.valid_to is not None
        and timedelta(hours=12) <= start_of(second) - start_of(first)
        and start_of(second) - first.valid_to <= timedelta(days=1)
        for first, second in permutations(daily, 2)
    )


def _not_ended(known: Sequence[PriceClaim]) -> list[PriceClaim]:
    """Those of the known ones, in order, that no regular price has ended."""
    promoted = [
        one for one in known if one.promotion and one.valid_to and one.occurred_at < one.valid_to
        and not ((end := end_by_edition(one, known)) and end < start_of(one))
    ]  # fmt: skip
    regular = [
        one for one in known
        if one.valid_to is None and not one.promotion and start_of(one) <= one.occurred_at
    ]  # fmt: skip
    over: set[str] = set()
    repeats = False
    for former, one in pairwise([None, *regular]):
        assert one is not None
        at = one.occurred_at
        is_again = former is not None and former.occurred_at < at and former.price == one.price
        if former is not None and is_again:
            between = [p for p in promoted if former.occurred_at <= begin_of(p) < at]
            repeats = repeats or not between
        for other in promoted:
            runs = start_of(other) <= at and other.occurred_at < at
            if _edition(other) is not None and _edition(other) == _edition(one):
                continue
            if runs and (one.price < other.price or (is_again and not repeats)):
                over.add(other.event_id)
    return [one for one in known if one.event_id not in over]

"""Memberships and accounts are functions of what was said, whatever order it came in.

The oracle looks at every moment for itself: of the statements that reach it, the one made last
counts. The fold must say the same at every moment, and must not say anything twice.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from schemas.groups import ACCOUNT, SUCCESSOR
from services.profiles.core.groups import (
    Description,
    GroupKey,
    MembershipStatement,
    Period,
    by_group,
    described,
    periods,
    standing,
)
from tests.tiers import volumes

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 9


def at(day: float) -> datetime:
    """A day of the test's calendar."""
    return START + day * DAY


def said(rng: random.Random, number: int) -> MembershipStatement:
    """Anything that an event may say: open, ended, over at once, planned, of equal times."""
    since = rng.randrange(DAYS)
    until = rng.choice([None, since, since + rng.randrange(1, 4)])
    roles = rng.choice([(), ("buyer",), ("decider",), ("buyer", "decider")])
    return MembershipStatement(
        roles, rng.choice(["", "CFO"]), at(since), None if until is None else at(until), "crm",
        f"e-{number}", at(rng.randrange(DAYS)),
    )  # fmt: skip


def as_it_is(
    statements: Sequence[MembershipStatement], moment: datetime
) -> tuple[tuple[str, ...], str] | None:
    """The oracle: roles and title at one moment; None for no membership."""
    reaching = [one for one in statements if one.since <= moment]
    if not reaching:
        return None
    last = max(reaching, key=lambda one: (one.occurred_at, one.event_id))
    is_over = last.until is not None and last.until <= moment
    return None if is_over else (last.roles, last.title)


def as_told(found: Sequence[Period], moment: datetime) -> tuple[tuple[str, ...], str] | None:
    """The same by the fold."""
    holding = [one for one in found if one.holds_at(moment)]
    assert len(holding) <= 1, "two at once"
    return (holding[0].roles, holding[0].title) if holding else None


@pytest.mark.parametrize("runs", volumes(1_000, 4_000))
def test_memberships_are_what_was_said_last_at_every_moment(runs: int) -> None:
    """In any order, with repetitions; and no two times that follow each other are the same."""
    rng = random.Random(1)
    for _ in range(runs):
        statements = [said(rng, number) for number in range(rng.randrange(1, 7))]
        arriving = statements + rng.sample(statements, rng.randrange(len(statements)))
        rng.shuffle(arriving)
        found = periods(arriving)
        assert found == periods(statements)
        for half_day in range(2 * DAYS + 10):
            moment = at(half_day / 2)
            assert as_told(found, moment) == as_it_is(statements, moment), (statements, moment)
        for one, following in pairwise(found):
            assert one.until is not None
            is_same = (one.roles, one.title) == (following.roles, following.title)
            assert one.until < following.since or (one.until == following.since and not is_same)


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        # leaves and comes back
        ([(1, None, "buyer"), (3, 3, ""), (6, None, "user")], [(1, 3, "buyer"), (6, None, "user")]),
        # said again every night: one time, since the first
        ([(1, None, "buyer"), (2, None, "buyer"), (3, None, "buyer")], [(1, None, "buyer")]),
        # an end that was known before
        ([(1, 4, "buyer")], [(1, 4, "buyer")]),
        # over before it began
        ([(5, 5, "")], []),
    ],
)
def test_stories(
    statements: list[tuple[int, int | None, str]], expected: list[tuple[int, int | None, str]]
) -> None:
    """Each statement is made on the day from which it holds."""
    made = [
        MembershipStatement(
            (role,), "", at(since), None if until is None else at(until), "crm", f"e-{since}",
            at(since),
        )
        for since, until, role in statements
    ]  # fmt: skip
    told = [(one.since, one.until, one.roles[0]) for one in periods(made)]
    assert told == [
        (at(since), None if until is None else at(until), role) for since, until, role in expected
    ]


def test_what_is_told_later_of_an_earlier_time_counts() -> None:
    """On day 5 it is said that she decides since day 1: the statement of day 3 is taken back."""
    early = MembershipStatement(("user",), "", at(3), None, "crm", "a", at(3))
    late = MembershipStatement(("decider",), "", at(1), None, "crm", "b", at(5))
    [only] = periods([late, early])
    assert (only.roles, only.since, only.until, only.event_id) == (("decider",), at(1), None, "b")


def key(number: str) -> GroupKey:
    """An account."""
    return GroupKey(ACCOUNT, "crm", number)


@pytest.mark.parametrize("runs", volumes(1_000, 4_000))
def test_mergers_of_accounts_are_followed_and_taken_back(runs: int) -> None:
    """Random mergers, chains and circles: all members of a circle stand for each other."""
    rng = random.Random(2)
    names = "ABCDE"
    for _ in range(runs):
        events = [
            Description(
                key(rng.choice(names)), {SUCCESSOR: rng.choice(["", *names])}, "crm", f"e-{number}",
                at(rng.randrange(4)),
            )
            for number in range(rng.randrange(8))
        ]  # fmt: skip
        found = described(rng.sample(events, len(events)))
        assert found == described(events)
        into: dict[str, str] = {}
        for one in sorted(events, key=lambda said: (said.occurred_at, said.event_id)):
            into[one.key.number] = one.fields[SUCCESSOR]
        into = {name: to for name, to in into.items() if to not in ("", name)}
        for name in names:
            seen = [name]
            while seen[-1] in into and into[seen[-1]] not in seen:
                seen.append(into[seen[-1]])
            end = seen[-1]
            if end in into:  # back to one of them
                end = min(seen[seen.index(into[end]) :])
            assert standing(key(name), found) == key(end)


def test_statements_about_merged_accounts_are_one_membership() -> None:
    """She was a contact of both: in the account that stands for them she is one, by the latest."""
    merged = described([Description(key("A"), {SUCCESSOR: "B"}, "crm", "m", at(4))])
    in_a = MembershipStatement(("user",), "", at(1), None, "crm", "a", at(1))
    in_b = MembershipStatement(("decider",), "", at(2), None, "crm", "b", at(2))
    assert by_group([(key("A"), in_a), (key("B"), in_b)], merged) == {
        key("B"): periods([in_a, in_b])
    }
    assert set(by_group([(key("A"), in_a), (key("B"), in_b)], {})) == {key("A"), key("B")}

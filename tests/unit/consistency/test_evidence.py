"""How many observations, and which share of all, say that a channel deviates."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.claim import PriceClaim
from schemas.incident import AnyIncident, IncidentState
from services.consistency.core.evidence import OBSERVATIONS_MAX
from services.consistency.rules import ConsistencyRules

from .market import book_at, charged, claim, hour, only, prices, rules, shown

BOTH = [claim(channel, "10", 0) for channel in ("erp", "shop")]


def ruled(**bounds: Any) -> ConsistencyRules:
    """The reference is right; what else is set."""
    return rules(reference_channels=["erp"], **bounds)


def views(price: str, count: int, begin: float, **fields: Any) -> list[PriceClaim]:
    """So many page views, one a minute."""
    return [
        shown("shop", price, begin + n / 60, event_id=f"{price}-{begin}-{n}", **fields)
        for n in range(count)
    ]


def incidents(claims: list[PriceClaim], using: ConsistencyRules | None = None) -> list[AnyIncident]:
    """The incidents at hour 60."""
    return list(book_at([*BOTH, *claims], 60, using or ruled()).values())


@pytest.mark.parametrize(
    ("right", "wrong", "opens"),
    [(0, 1, True), (19, 1, True), (20, 1, False), (20, 2, True), (199, 9, False), (199, 10, True)],
)
def test_a_small_share_of_observations_is_no_evidence(right: int, wrong: int, opens: bool) -> None:
    """The only view of the day counts; an old page among twenty new ones does not."""
    found = incidents([*views("10", right, 50), *views("9", wrong, 55)])
    assert bool(found) is opens


def test_a_busy_page_that_breaks_is_found_after_ten_views() -> None:
    """Only the latest observations count, so thousands of right ones delay nothing."""
    assert OBSERVATIONS_MAX == 200
    claims = [*views("10", 900, 30), *views("9", 12, 50)]
    found = only([*BOTH, *claims], 60, ruled())
    assert (found.since, found.opened_at) == (hour(50), hour(50 + 9 / 60))
    assert found.evidence[0] == [f"9-50-{n}" for n in range(12)]


def test_an_incident_begins_with_the_first_of_those_that_suffice() -> None:
    """It opens with the last of them, and tells the worst."""
    claims = [*views("10", 50, 39), *views("8", 1, 40), *views("9", 2, 50)]
    found = only([*BOTH, *claims], 60, ruled())
    assert (found.since, found.opened_at) == (hour(40), hour(50 + 1 / 60))
    assert found.evidence[0] == ["8-40-0", "9-50-0", "9-50-1"]
    assert prices(found).observed == 8


@pytest.mark.parametrize(
    "right",
    [
        views("10", 30, 10),  # longer ago than a day
        [one._replace(channel="app") for one in views("10", 30, 50)],
        [one._replace(location="S1") for one in views("10", 30, 50)],
        [charged("shop", "10", 50 + n / 60) for n in range(30)],
        [shown("shop", "10", 50, event_id="one page", ordinal=n) for n in range(30)],
    ],
    ids=["old", "another channel", "another place", "another basis", "one event"],
)
def test_what_does_not_weigh_against_an_observation(right: list[PriceClaim]) -> None:
    """Counted are events of the same channel, place and basis within a day."""
    assert [one.channel for one in incidents([*right, shown("shop", "9", 55)])] == ["shop"]


def test_what_was_right_before_a_change_does_not_weigh() -> None:
    """Nobody had seen the new price before, so the first old page after the grace counts."""
    claims = [*views("10", 300, 40), claim("erp", "9", 46), claim("shop", "9", 46)]
    assert [one.since for one in incidents([*claims, shown("shop", "10", 50)])] == [hour(50)]


def test_what_was_wrong_within_the_grace_does_not_weigh() -> None:
    """Neither for nor against: twenty pages were new, one was old in time and one too late."""
    claims = [claim("erp", "9", 46), claim("shop", "9", 46), *views("10", 30, 47)]
    claims += [*views("9", 20, 48), shown("shop", "10", 50)]
    assert incidents(claims) == []


@pytest.mark.parametrize(("wrong", "opens"), [(2, False), (3, True)])
def test_a_rule_may_ask_for_several(wrong: int, opens: bool) -> None:
    """Events, not lines: a page that shows a price twice has shown it once."""
    claims = views("9", wrong, 50)
    claims += [one._replace(ordinal=1) for one in claims]
    assert bool(incidents(claims, ruled(evidence_min_observations=3))) is opens


def test_an_old_page_keeps_no_incident_open() -> None:
    """What the shop published wrong is put right; one page among many still shows it."""
    claims = [claim("shop", "12", 20), *views("10", 30, 40), shown("shop", "12", 41)]
    claims.append(claim("shop", "10", 45))
    [found] = incidents(claims)
    assert (found.state, found.resolved_at) == (IncidentState.RESOLVED, hour(45))


def test_of_one_time_after_the_last_incident_only() -> None:
    """What made the former incident is no part of the next."""
    using = ruled(reopen_within_hours=0)
    claims = [*views("9", 2, 50), *views("10", 1, 51), *views("9", 1, 52)]
    assert [one.since for one in incidents(claims, using)] == [hour(50), hour(52)]


def test_what_a_till_takes_from_its_zone_is_no_evidence_against_the_store() -> None:
    """The zone is wrong, and the store charges that; later it has a fault of its own."""
    using = ruled(zones={"north": ["S1"]})
    claims = [claim("erp", "10", 0, zone="north"), claim("pos", "11", 0, zone="north")]
    claims += [charged("pos", price, at, location="S1") for price, at in (("11", 40), ("13", 50))]
    found = {one.location: one for one in book_at(claims, 60, using).values()}
    assert set(found) == {"zone:north", "S1"}
    assert found["S1"].since == hour(50)
    assert prices(found["S1"]).observed == 13


@pytest.mark.parametrize(
    ("right", "wrong", "accused"),
    [(30, 1, []), (30, 2, ["shop"]), (0, 1, ["shop"])],
    ids=["an old page", "two of 32", "all there is"],
)
def test_an_old_page_is_no_vote(right: int, wrong: int, accused: list[str]) -> None:
    """Of a channel that publishes nothing: the lowest of two prices is expected of the other."""
    claims = [
        one._replace(channel="app") for one in (*views("10", right, 20), *views("8", wrong, 21))
    ]
    found = book_at([claim("shop", "10", 0), *claims], 40).values()
    assert [one.channel for one in found] == accused

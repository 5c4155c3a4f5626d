"""Claims in time order: which places an instant reaches, what reopens, and the look ahead."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import pytest

from schemas.claim import PriceClaim
from schemas.incident import IncidentState
from services.consistency.core.place_states import PlaceState
from services.consistency.core.places import EVERYWHERE, Place
from services.consistency.core.timeline_fold import FORESEEN_INSTANTS_MAX
from services.consistency.kinds.price_mismatch import PriceComparison
from services.consistency.rules import ConsistencyRules

from .market import (
    book_at,
    charged,
    claim,
    hour,
    only,
    price_rules,
    prices,
    promo,
    rules,
    shown,
    states,
)

UPCOMING, OPEN, RESOLVED = IncidentState.UPCOMING, IncidentState.OPEN, IncidentState.RESOLVED
ERP = rules(reference_channels=["erp"])
ZONED = rules(zones={"north": ["S1", "south"], "south": ["S3"]})
APART = rules(locations_may_differ=True)
NORTH, STORE = {"zone": "north"}, {"location": "S1"}
AGREED = [claim(channel, "10", 0) for channel in ("erp", "shop", "app")]


def upcoming(claims: Iterable[PriceClaim], now: float, using: ConsistencyRules = ERP) -> list[str]:
    """The channels that will deviate, as foreseen at an hour."""
    found = book_at(claims, now, using).values()
    return sorted(one.channel for one in found if one.state is UPCOMING)


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        (EVERYWHERE, EVERYWHERE),
        (Place(1, "south"), Place(1, "south")),  # a store has the same name, and a zone
        (Place(2, "south"), Place(1, "north")),
        (Place(2, "S9"), Place(2, "S9")),
    ],
)
def test_the_zone_of_a_place(place: Place, zone: Place) -> None:
    """That of a store if it is listed in one; any other place is its own."""
    assert PlaceState(place, PriceComparison(price_rules(ZONED))).zone == zone


def test_a_zones_new_price_reaches_stores_heard_of_before() -> None:
    """A till that charged rightly before is wrong when it does not follow within its day."""
    claims = [claim("pos", "11", 0, **NORTH), charged("pos", "11", 5, **STORE)]
    claims += [claim("pos", "12", 50, **NORTH), charged("pos", "11", 75, **STORE)]
    found = only(claims, 80, ZONED)
    assert (found.location, found.since, prices(found).expected) == ("S1", hour(75), Decimal(12))


def test_a_new_common_price_reaches_every_place() -> None:
    """A store that keeps its price deviates from that instant on, unless it may differ."""
    claims = [*AGREED, claim("pos", "10", 0, **STORE)]
    claims += [claim(channel, "12", 50) for channel in ("erp", "shop", "app")]
    found = only(claims, 80)
    assert (found.location, found.since, found.opened_at) == ("S1", hour(50), hour(74))
    assert book_at(claims, 80, APART) == {}


def test_what_the_other_channels_of_a_zone_publish_votes_in_its_stores() -> None:
    """The app's price for the zone is the measure of a till whose channel publishes nothing."""
    claims = [claim("app", "11", 0, **NORTH), charged("pos", "13", 30, **STORE)]
    found = only(claims, 40, ZONED)
    assert (found.channel, found.location, prices(found).expected) == ("pos", "S1", Decimal(11))
    assert book_at(claims, 40) == {}


def test_an_instant_reaches_a_store_beside_another_zone() -> None:
    """A store of the north changes its price while the south publishes one."""
    claims = [claim("pos", "11", 0, **NORTH), claim("app", "11", 0, **STORE)]
    claims += [claim("app", "13", 50, **STORE), claim("pos", "9", 50, zone="south")]
    found = only(claims, 80, ZONED)
    assert (found.channel, found.location, found.opened_at) == ("app", "S1", hour(74))


def test_what_was_seen_in_a_zone_is_no_vote_in_its_stores() -> None:
    """Only what is published for the zone holds there."""
    claims = [shown("app", "13", 0, **NORTH), claim("pos", "10", 0, **STORE)]
    assert book_at(claims, 50, ZONED) == {}


def test_where_the_reference_says_nothing_the_others_vote() -> None:
    """Where stores may differ, the common price list is no measure of a store's own prices."""
    claims = [claim("erp", "10", 0), claim("pos", "12", 0, **STORE), claim("app", "13", 0, **STORE)]
    assert states(claims, 50, ERP) == [("app", OPEN), ("pos", OPEN)]
    found = only(claims, 50, rules(reference_channels=["erp"], locations_may_differ=True))
    assert (found.channel, prices(found).expected) == ("app", Decimal(12))


def test_a_newer_price_waits_for_the_end_of_a_promotion() -> None:
    """Neither as the channel's own nor as the expected one does it count before."""
    claims = [promo(channel, "8", 1, start=24, end=48) for channel in ("erp", "shop", "app")]
    claims += [*AGREED, claim("shop", "11", 30)]
    before, after = only(claims, 47, ERP), only(claims, 52, ERP)
    assert (before.state, before.since) == (UPCOMING, hour(48))
    assert (after.state, after.since) == (OPEN, hour(48))


@pytest.mark.parametrize(("back", "begins"), [(54, [10]), (54.1, [10, 54.1])])
def test_how_soon_a_deviation_reopens(back: float, begins: list[float]) -> None:
    """Up to a day after its end, that instant included, the same incident goes on."""
    claims = [*AGREED, claim("shop", "12", 10), claim("shop", "10", 30), claim("shop", "12", back)]
    found = book_at(claims, 99, ERP).values()
    assert [one.since for one in found] == [hour(begin) for begin in begins]


def test_an_observed_deviation_ends_when_its_price_becomes_the_expected_one() -> None:
    """The till was early; from then on it charges what all others say."""
    claims = [*AGREED, charged("shop", "11", 30)]
    claims += [claim(channel, "11", 40) for channel in ("erp", "shop", "app")]
    found = only(claims, 50, ERP)
    assert (found.state, found.resolved_at) == (RESOLVED, hour(40))


def test_nothing_heals_while_nothing_is_expected() -> None:
    """All price lists have ended; another receipt cannot agree with any of them."""
    listed = [claim(channel, "10", 0, end=50) for channel in ("erp", "shop", "app")]
    claims = [*listed, charged("shop", "11", 30), charged("shop", "11", 60)]
    assert only(claims, 70, ERP).state is OPEN


@pytest.mark.parametrize("elsewhere", [[], [claim("shop", "10", 25)]], ids=["here", "elsewhere"])
@pytest.mark.parametrize("at", [30, 80], ids=["soon", "after the first has aged"])
def test_a_repeated_observation_is_no_new_evidence(at: float, elsewhere: list[PriceClaim]) -> None:
    """An expectation rests on the claims that it was made of, until a vote changes there."""
    claims = [claim("shop", "10", 0, **STORE)]
    claims += [shown("app", "10", hours, **STORE) for hours in (1, 20)]
    found = only([*claims, *elsewhere, shown("shop", "12", at, **STORE)], 90, APART)
    assert found.evidence == [[f"shopS1-d{at}-12"], ["appS1-d1-10", "shopS1-p0-10"]]


def test_an_old_observation_does_not_outlive_a_price_announced() -> None:
    """Its vote ends after three days, though the channel has published a price for later."""
    claims = [claim("shop", "12", 0), shown("app", "10", 1), shown("kiosk", "10", 2)]
    claims.append(claim("app", "12", 60, start=999))
    assert only(claims, 90).resolved_at == hour(74)


def test_what_has_expired_never_votes_again() -> None:
    """A price announced by a channel whose observation is stale takes nobody back in time."""
    claims = [claim("shop", "10", 0), claim("fair", "10", 0), shown("app", "10", 0)]
    claims += [shown("kiosk", "10", 20), shown("tv", "10", 20)]
    claims += [claim("shop", "12", 95), claim("fair", "12", 95), claim("app", "12", 100, start=130)]
    assert book_at([*claims, charged("pos", "10", 118)], 118) == {}  # its day ends at 119
    assert only([*claims, charged("pos", "10", 119)], 119).channel == "pos"


def test_all_that_ends_in_an_instant_ends_before_what_is_shown_then() -> None:
    """Whatever else was due then, at whatever place."""
    elsewhere = [promo("pos", "10", 0, end=48, **STORE), promo("pos", "9", 10, end=30, **STORE)]
    ending = [promo(channel, "8", 31, end=48) for channel in ("erp", "shop", "app")]
    claims = [*AGREED, *elsewhere, *ending]
    using = rules(reference_channels=["erp"], locations_may_differ=True)
    assert book_at([*claims, shown("app", "10", 48)], 60, using) == {}
    assert states([*claims, shown("app", "10", 47)], 47, using) == [("app", OPEN)]


def test_what_deviates_already_is_not_upcoming() -> None:
    """Neither an open nor a pending deviation begins again when another window does."""
    later = claim("erp", "10", 1, start=300)
    assert states([*AGREED, later, claim("shop", "12", 10)], 12, ERP) == [("shop", "pending")]
    assert states([*AGREED, later, claim("shop", "12", 10)], 50, ERP) == [("shop", "open")]


def test_a_recurrence_is_not_upcoming() -> None:
    """What will reopen an incident is foreseen under no id of its own, nor what is about to."""
    claims = [*AGREED, claim("shop", "12", 10), claim("shop", "10", 30)]
    claims.append(claim("shop", "12", 31, start=50))
    assert states(claims, 40, ERP) == [("shop", RESOLVED)]
    assert states(claims, 50, ERP) == [("shop", RESOLVED)]
    assert states([*claims, claim("erp", "10", 40, start=90)], 50, ERP) == [("shop", RESOLVED)]
    assert upcoming([*claims[:-1], claim("shop", "12", 31, start=99)], 40) == ["shop"]


def test_what_is_upcoming_has_neither_opened_nor_ended() -> None:
    """Even if both times are foreseen."""
    [(key, found)] = book_at([*AGREED, promo("email", "7", 1, start=72, end=120)], 2, ERP).items()
    assert key == found.incident_id
    assert (found.state, found.opened_at, found.until, found.resolved_at) == (
        UPCOMING, None, None, None,
    )  # fmt: skip


@pytest.mark.parametrize("start", [72, 400])
def test_a_look_ahead_lets_no_price_age(start: float) -> None:
    """A price list that is repeated daily will count then, though what is known now would not."""
    using = rules(reference_channels=["erp"], published_max_age_days=2)
    assert upcoming([*AGREED, claim("app", "12", 1, start=start)], 2, using) == ["app"]
    own = [promo("app", "10", 0, end=start), claim("app", "12", 0)]
    assert upcoming([*AGREED[:2], *own], 2, using) == ["app"]


def test_a_look_ahead_reaches_stores() -> None:
    """With what is known there today."""
    claims = [claim("pos", "10", 0, **STORE), claim("app", "10", 0, **STORE)]
    found = only([*claims, claim("app", "12", 1, start=72, **STORE)], 2)
    assert (found.channel, found.location, found.state) == ("app", "S1", UPCOMING)


def test_how_far_a_look_ahead_goes() -> None:
    """After 200 changes it stops, and what has not opened by then is not upcoming.

    That a price is forgotten is no change then.
    """
    using = rules(reference_channels=["erp"], published_max_age_days=1)
    changes = [
        claim("erp", "10", 1, start=50 + n * 1.01, event_id=f"e{n}")
        for n in range(FORESEEN_INSTANTS_MAX - 1)
    ]
    wrong = claim("shop", "12", 1, start=500)
    assert upcoming([*AGREED, *changes[1:], wrong], 2, using) == ["shop"]
    assert upcoming([*AGREED, *changes, wrong], 2, using) == []

"""Stores and zones: their prices may differ lawfully, and are held against their own kind."""

from __future__ import annotations

from decimal import Decimal

from .market import book_at, charged, claim, hour, only, prices, rules, shown

ZONED = rules(zones={"north": ["S1", "S2"], "south": ["S3"]})
COMMON = rules(locations_may_differ=False)


def test_stores_of_different_zones_may_have_different_prices() -> None:
    """Zones, their stores and the shop all differ, and nothing is wrong."""
    claims = [claim("shop", "10", 0), claim("app", "10", 0)]
    for zone, store, price in (("north", "S1", "11"), ("south", "S3", "9")):
        claims += [claim("pos", price, 0, zone=zone), charged("pos", price, 30, location=store)]
    assert book_at(claims, 100, ZONED) == {}


def test_a_changing_till_price_without_any_offer_is_lawful() -> None:
    """A store that publishes nothing cannot contradict itself by repricing weekly."""
    claims = [claim("shop", "10", 0)]
    claims += [charged("pos", str(8 + week), 168 * week, location="S1") for week in range(5)]
    assert book_at(claims, 900, ZONED) == {}


def test_a_store_follows_its_zone() -> None:
    """A till that charges what its zone does not publish is wrong at that store."""
    claims = [claim("pos", "11", 0, zone="north"), charged("pos", "13", 30, location="S2")]
    found = only(claims, 100, ZONED)
    assert (found.location, prices(found).expected, prices(found).observed) == (
        "S2",
        Decimal(11),
        Decimal(13),
    )
    assert book_at(claims, 100) == {}


def test_a_store_that_does_what_its_zone_says_is_not_to_blame() -> None:
    """A wrong zone price is one incident of the zone, not one of every store."""
    claims = [claim(channel, "10", 0, zone="north") for channel in ("pos", "app", "shop")]
    claims += [claim("pos", "12", 5, zone="north"), charged("pos", "12", 40, location="S1")]
    assert only(claims, 100, ZONED).location == "zone:north"


def test_a_stores_own_price_stands_before_its_zones() -> None:
    """The zone's price is no measure where the store publishes one."""
    claims = [claim("pos", "11", 0, zone="north"), claim("pos", "9", 0, location="S1")]
    claims.append(charged("pos", "9", 30, location="S1"))
    assert book_at(claims, 100, ZONED) == {}


def test_a_zone_change_gives_its_stores_grace() -> None:
    """The tills of a zone have their day to follow the zone's new price."""
    claims = [claim("pos", "11", 0, zone="north"), claim("pos", "12", 50, zone="north")]
    assert book_at([*claims, charged("pos", "11", 73, location="S1")], 80, ZONED) == {}
    late = only([*claims, charged("pos", "11", 74, location="S1")], 80, ZONED)
    assert (late.opened_at, late.cause) == (hour(74), "stale_price")


def test_channels_that_speak_of_one_store_are_compared_there() -> None:
    """The shop's page of a store and the till of that store should agree."""
    claims = [claim("pos", "9", 0, location="S1"), shown("shop", "12", 30, location="S1")]
    found = only(claims, 100)
    assert (found.channel, found.location, prices(found).expected) == ("shop", "S1", Decimal(9))


def test_rules_can_hold_every_place_to_the_common_price() -> None:
    """Without the freedom to differ a store's price is measured by the channel-wide one."""
    claims = [claim("shop", "10", 0), claim("app", "10", 0), claim("pos", "12", 0, location="S1")]
    assert book_at(claims, 100) == {}
    found = only(claims, 100, COMMON)
    assert (found.location, prices(found).expected, found.opened_at) == (
        "S1",
        Decimal(10),
        hour(24),
    )
    assert only([*claims, claim("pos", "10", 60, location="S1")], 100, COMMON).until == hour(60)


def test_a_store_first_heard_of_late_gets_no_grace_for_it() -> None:
    """The common price stood for days; the first receipt of a store is measured at once."""
    claims = [claim("shop", "10", 0), claim("app", "10", 0)]
    found = only([*claims, charged("pos", "12", 90, location="S9")], 90, COMMON)
    assert found.opened_at == hour(90)


def test_without_a_common_price_a_place_is_measured_by_itself() -> None:
    """There is nothing channel-wide to hold a store to."""
    claims = [claim("pos", "12", 0, location="S1"), charged("pos", "13", 30, location="S1")]
    assert prices(only(claims, 100, COMMON)).expected == 12


def test_weighed_goods_are_not_compared_with_pieces() -> None:
    """A price by the kilogram says nothing about a piece."""
    claims = [
        claim("shop", "10", 0),
        claim("pos", "25", 0, unit="kg"),
        charged("pos", "25", 30, unit="kg"),
    ]
    assert book_at(claims, 100) == {}

"""Stores and zones: their prices may differ lawfully, and are held against their own kind."""

from __future__ import annotations

from decimal import Decimal

import pytest

from .market import book_at, charged, claim, hour, only, prices, rules, shown, states

ZONES = {"north": ["S1", "S2"], "south": ["S3"]}
ZONED = rules(zones=ZONES)
APART = rules(zones=ZONES, locations_may_differ=True)
ERP = rules(zones=ZONES, reference_channels=["erp"])
NORTH = {"zone": "north"}


def test_stores_of_different_zones_may_be_allowed_different_prices() -> None:
    """Zones, their stores and the shop all differ, and nothing is wrong."""
    claims = [claim("shop", "10", 0), claim("app", "10", 0)]
    for zone, store, price in (("north", "S1", "11"), ("south", "S3", "9")):
        claims += [claim("pos", price, 0, zone=zone), charged("pos", price, 30, location=store)]
    assert book_at(claims, 100, APART) == {}
    assert states(claims, 100, ZONED) == [("pos", "open"), ("pos", "open")]


def test_a_changing_till_price_without_any_offer_is_lawful() -> None:
    """A store that publishes nothing cannot contradict itself by repricing weekly."""
    claims = [charged("pos", str(8 + week), 168 * week, location="S1") for week in range(5)]
    assert book_at(claims, 900, ZONED) == {}
    assert book_at([*claims, claim("shop", "10", 0)], 900, APART) == {}


def test_a_store_follows_its_zone() -> None:
    """A till that charges what its zone does not publish is wrong at that store."""
    claims = [claim("pos", "11", 0, zone="north"), charged("pos", "13", 30, location="S2")]
    found = only(claims, 100, ZONED)
    assert (found.location, prices(found).expected, prices(found).observed) == (
        "S2",
        Decimal(11),
        Decimal(13),
    )
    assert book_at(claims, 100) == {}  # without zones nothing says where S2 is


def test_a_store_that_does_what_its_zone_says_is_not_to_blame() -> None:
    """A wrong zone price is one incident of the zone, not one of every store."""
    claims = [claim(channel, "10", 0, zone="north") for channel in ("pos", "app", "shop")]
    claims += [claim("pos", "12", 5, zone="north"), charged("pos", "12", 40, location="S1")]
    assert only(claims, 100, ZONED).location == "zone:north"


def test_a_store_list_is_compared_with_the_zone_list_of_its_channel() -> None:
    """The zone's price holds in its stores, unless the price list says otherwise."""
    claims = [claim("pos", "11", 0, zone="north"), claim("pos", "9", 0, location="S1")]
    claims.append(charged("pos", "9", 30, location="S1"))
    found = only(claims, 100, ZONED)
    assert (found.location, prices(found).expected) == ("S1", Decimal(11))
    assert book_at(claims, 100, APART) == {}
    assert book_at([*claims, claim("erp", "9", 0, location="S1")], 100, ERP) == {}


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


def test_every_place_is_held_to_the_common_price() -> None:
    """A store's price is measured by the channel-wide one, unless the rules keep stores apart."""
    claims = [claim("shop", "10", 0), claim("app", "10", 0), claim("pos", "12", 0, location="S1")]
    assert book_at(claims, 100, APART) == {}
    found = only(claims, 100)
    assert (found.location, prices(found).expected, found.opened_at) == (
        "S1",
        Decimal(10),
        hour(24),
    )
    assert only([*claims, claim("pos", "10", 60, location="S1")], 100).until == hour(60)


def test_a_store_first_heard_of_late_gets_no_grace_for_it() -> None:
    """The common price stood for days; the first receipt of a store is measured at once."""
    claims = [claim("shop", "10", 0), claim("app", "10", 0)]
    found = only([*claims, charged("pos", "12", 90, location="S9")], 90)
    assert found.opened_at == hour(90)


def test_without_a_common_price_a_place_is_measured_by_itself() -> None:
    """There is nothing channel-wide to hold a store to."""
    claims = [claim("pos", "12", 0, location="S1"), charged("pos", "13", 30, location="S1")]
    assert prices(only(claims, 100)).expected == 12


def test_weighed_goods_are_not_compared_with_pieces() -> None:
    """A price by the kilogram says nothing about a piece."""
    claims = [
        claim("shop", "10", 0),
        claim("pos", "25", 0, unit="kg"),
        charged("pos", "25", 30, unit="kg"),
    ]
    assert book_at(claims, 100) == {}


def test_a_store_is_held_to_the_web_shops_price_of_all_bases() -> None:
    """Published or only shown, the channel-wide price is the measure of what a till charges."""
    for web in (claim("shop", "10", 0), shown("shop", "10", 1)):
        for price, severity in (("12.50", "critical"), ("9", "medium")):
            found = only([web, charged("pos", price, 30, location="S1")], 30)
            assert (found.channel, found.location, found.severity) == ("pos", "S1", severity)


def test_a_receipt_without_a_store_is_no_measure_of_the_other_tills() -> None:
    """Only another channel, or what the tills' own channel publishes, speaks against a till."""
    claims = [charged("pos", "10", 20), charged("pos", "12", 30, location="S1")]
    assert book_at(claims, 40) == {}
    assert only([*claims, claim("pos", "10", 0)], 40).location == "S1"


def test_the_price_list_names_lawful_prices_of_places() -> None:
    """Nearest first: the store's, its zone's, the common one."""
    listed = [claim("erp", "10", 0), claim("erp", "11", 0, **NORTH)]
    listed.append(claim("erp", "12", 0, location="S2"))
    right = [("S1", "11"), ("S2", "12"), ("S3", "10"), ("S9", "10")]
    tills = [charged("pos", price, 30, location=store) for store, price in right]
    assert book_at([*listed, claim("shop", "10", 0), *tills], 40, ERP) == {}
    wrong = [charged("pos", "10", 31, location=store) for store, _ in right]
    found = book_at([*listed, claim("pos", "10", 0), *tills, *wrong], 40, ERP).values()
    assert {(one.location, prices(one).expected) for one in found} == {
        ("S1", Decimal(11)),
        ("S2", Decimal(12)),
    }


def test_a_first_reference_that_speaks_of_all_stands_before_a_second_of_the_store() -> None:
    """References are asked in their order, each for the store, its zone and the whole chain."""
    using = rules(zones=ZONES, reference_channels=["erp", "pim"])
    claims = [claim("erp", "10", 0), claim("pim", "9", 0, location="S1")]
    found = book_at([*claims, charged("pos", "9", 30, location="S1")], 40, using).values()
    assert {(one.channel, prices(one).expected) for one in found} == {
        ("pim", Decimal(10)),
        ("pos", Decimal(10)),
    }
    claims[0] = claim("erp", "10", 0, end=20)  # from then on the second is asked
    ended = [*claims, charged("pos", "9", 60, location="S1")]
    assert states(ended, 60, using) == [("pim", "resolved")]


@pytest.mark.parametrize("stores", [3, 40])
def test_one_wrong_common_price_is_one_incident(stores: int) -> None:
    """Whether the stores charge it or publish it themselves, too; correcting it ends all."""
    claims = [claim("erp", "10", 0), claim("pos", "12", 1)]
    claims += [charged("pos", "12", 40, location=f"S{n}") for n in range(stores)]
    claims += [claim("pos", "12", 2, location=f"T{n}") for n in range(stores)]
    found = only(claims, 60, ERP)
    assert (found.channel, found.location, found.since) == ("pos", "", hour(1))
    claims += [claim("pos", "10", 70)] + [
        claim("pos", "10", 71, location=f"T{n}") for n in range(stores)
    ]
    assert only(claims, 200, ERP).until == hour(70)


def test_a_store_left_behind_answers_for_itself_after_a_grace() -> None:
    """The chain corrected its price and the store's own list did not follow within its day."""
    claims = [claim("erp", "10", 0), claim("pos", "12", 1), claim("pos", "12", 2, location="S1")]
    claims.append(claim("pos", "10", 70))
    found = {one.location: one for one in book_at(claims, 200, ERP).values()}
    assert (found[""].until, found["S1"].since, found["S1"].opened_at) == (
        hour(70), hour(70), hour(94),
    )  # fmt: skip


def test_a_store_with_a_price_of_its_own_answers_for_it() -> None:
    """It publishes what the chain does, where the price list wants another."""
    claims = [claim("erp", "10", 0), claim("erp", "11", 0, location="S1"), claim("pos", "10", 0)]
    found = only([*claims, claim("pos", "10", 1, location="S1")], 60, ERP)
    assert (found.location, prices(found).expected) == ("S1", Decimal(11))
    assert book_at(claims, 60, ERP) == {}


def test_a_chain_wide_change_gives_stores_their_grace() -> None:
    """Receipts within the till's day are lawful, later ones stale."""
    claims = [claim("erp", "10", 0), claim("erp", "12", 50)]
    assert book_at([*claims, charged("pos", "10", 73, location="S1")], 80, ERP) == {}
    late = only([*claims, charged("pos", "10", 74, location="S1")], 80, ERP)
    assert (late.opened_at, late.cause) == (hour(74), "stale_price")


def test_a_store_returns_to_the_common_price_with_a_grace() -> None:
    """Its own price has ended; the till has a day to charge what all charge."""
    claims = [claim("erp", "10", 0), claim("erp", "8", 0, location="S1", end=50)]
    claims += [claim("shop", "10", 0), charged("pos", "8", 30, location="S1")]
    assert book_at([*claims, charged("pos", "8", 73, location="S1")], 80, ERP) == {}
    assert only([*claims, charged("pos", "8", 74, location="S1")], 80, ERP).since == hour(74)


def test_a_missed_chain_wide_change_of_a_store_is_foreseen() -> None:
    """The store's own list keeps the old price when the chain's next one begins."""
    claims = [claim("erp", "10", 0), claim("pos", "10", 0, location="S1")]
    claims.append(claim("erp", "12", 1, start=72))
    found = only(claims, 2, ERP)
    assert (found.state, found.location, found.since) == ("upcoming", "S1", hour(72))
    assert only([*claims, claim("erp", "10", 1, location="S2")], 2, ERP).location == "S1"
    assert book_at([*claims, claim("erp", "10", 1, location="S1")], 2, ERP) == {}


PAIR = rules(zones=ZONES, may_differ=[["pos", "shop"]])


def test_channels_that_may_differ_are_not_compared() -> None:
    """Neither chain-wide nor at a store, published or not; each with all others still."""
    claims = [claim("shop", "10", 0), claim("pos", "12", 0), charged("pos", "12", 30)]
    claims += [claim("pos", "13", 0, location="S1"), claim("pos", "12", 40, location="S1")]
    assert only(claims, 60, PAIR).location == "S1"  # its own channel says 12 for all stores
    assert book_at([*claims[:3], charged("pos", "12", 30, location="S1")], 60, PAIR) == {}
    both = [*claims[:3], claim("app", "10", 0)]
    assert states(both, 60, PAIR) == [("pos", "open")]
    assert book_at(both, 60, rules(may_differ=[["pos", "shop"], ["app", "pos"]])) == {}
    assert states(both, 60, rules(may_differ=[["shop", "app"]])) == [("pos", "open")]


def test_a_reference_that_may_differ_is_no_reference() -> None:
    """The shop's own prices are not those of the price list; the tills' are."""
    using = rules(reference_channels=["erp"], may_differ=[["erp", "shop"]])
    claims = [claim("erp", "10", 0), claim("shop", "12", 0), claim("pos", "10", 0)]
    assert states([*claims, claim("pos", "12", 1)], 60, using) == [("pos", "open")]
    found = only(claims, 60, using)  # the tills' price still speaks against the shop's
    assert (found.channel, prices(found).expected) == ("shop", Decimal(10))


def test_a_pair_names_two_channels() -> None:
    """A channel cannot differ from itself."""
    with pytest.raises(ValueError, match="may_differ: a pair names two channels"):
        rules(may_differ=[["pos", "pos"]])

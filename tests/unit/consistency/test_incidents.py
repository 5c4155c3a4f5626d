"""The rules of an incident's life by example: grace, opening, healing, cause, recurrence."""

from __future__ import annotations

from decimal import Decimal

import pytest

from schemas.claim import PriceClaim
from schemas.incident import IncidentState, Severity
from services.consistency.kinds.price_mismatch import Cause
from services.consistency.rules import ConsistencyRules
from tests.events import product_book

from .market import (
    BOOK,
    RULES,
    book_at,
    charged,
    claim,
    hour,
    only,
    price_book,
    prices,
    promo,
    rules,
    shown,
    states,
)

PENDING, OPEN, RESOLVED = IncidentState.PENDING, IncidentState.OPEN, IncidentState.RESOLVED
ERP = rules(reference_channels=["erp"])
CHANNELS = ("erp", "shop", "app", "pos")
AGREED = [claim(channel, "10", 0) for channel in CHANNELS]


def promotion(*channels: str, end: float | None = 48) -> list[PriceClaim]:
    """The promotion P1 at 8 from hour 24 on, published at hour 1."""
    return [promo(channel, "8", 1, start=24, end=end) for channel in channels]


def test_channels_that_agree_raise_nothing() -> None:
    """Equal prices, promotions and prices from tomorrow are no incident at any time."""
    claims = [*AGREED, *promotion(*CHANNELS)]
    assert [book_at(claims, now, ERP) for now in (0, 12, 24, 30, 48, 60)] == [{}] * 6


def test_a_published_deviation_opens_when_its_grace_ends() -> None:
    """It is pending before, opens at the due time itself, and carries both sides' evidence."""
    claims = [*AGREED, claim("shop", "12.50", 10)]
    pending, opened = only(claims, 13.9), only(claims, 200)
    assert (pending.state, pending.opened_at) == (PENDING, None)
    assert (opened.state, opened.opened_at, opened.due_at) == (OPEN, hour(14), hour(14))
    assert (opened.since, opened.severity) == (hour(10), Severity.CRITICAL)
    assert opened.evidence[0] == ["shop-p10-12.50"]
    assert opened.evidence[1] == ["app-p0-10", "erp-p0-10", "pos-p0-10"]
    assert pending.incident_id == opened.incident_id


@pytest.mark.parametrize(("channel", "hours"), [("app", 4), ("pos", 24), ("fair", 12)])
def test_the_grace_is_the_channels_own(channel: str, hours: int) -> None:
    """A till gets more time than the app; a channel that no row names gets the default."""
    claims = [*AGREED, claim(channel, "13", 10)]
    assert only(claims, 10 + hours - 0.1, ERP).state == PENDING
    assert only(claims, 10 + hours, ERP).state == OPEN


@pytest.mark.parametrize(("ends", "due"), [(48, 30), (72, 36), (24 + 96, 48), (None, 48)])
def test_the_grace_is_a_quarter_of_the_promotion_at_the_most(ends: float | None, due: int) -> None:
    """A till that would have a day has six hours of a one-day deal."""
    claims = [*AGREED, *promotion("erp", "shop", "app", end=ends)]
    found = only(claims, 25, ERP)
    assert (found.channel, found.state, found.due_at) == ("pos", PENDING, hour(due))
    seen = only([*claims, charged("pos", "10", due)], due, ERP)
    assert (seen.state, seen.cause) == (OPEN, Cause.PROMOTION_NOT_STARTED)


def test_who_begins_a_short_promotion_has_as_little_time() -> None:
    """The till alone sells at 8 for a day: after six hours it is no forerunner."""
    found = only([*AGREED, *promotion("pos", end=48)], 25, ERP)
    assert (found.channel, found.due_at) == ("pos", hour(30))


def test_the_end_of_a_short_promotion_has_the_whole_grace() -> None:
    """The price that follows has no end, so nothing bounds the time to return to it."""
    claims = [*AGREED, *promotion("erp", "shop", "app", end=48), *promotion("pos", end=None)]
    assert only(claims, 49, ERP).due_at == hour(72)


def test_start_and_end_have_their_own_grace() -> None:
    """With a short grace for ends only, a missed end opens sooner than a missed start."""
    using = rules(reference_channels=["erp"], grace_end_hours={"shop": 1})
    start = only([*AGREED, *promotion("erp", "app", "pos")], 26, using)
    end = only(
        [*AGREED, *promotion(*CHANNELS[:1], *CHANNELS[2:]), *promotion("shop", end=90)], 49, using
    )
    assert (start.due_at, start.cause) == (hour(28), Cause.PROMOTION_NOT_STARTED)
    assert (end.opened_at, end.cause) == (hour(49), Cause.PROMOTION_NOT_ENDED)


def test_a_deviation_healed_within_its_grace_never_was() -> None:
    """A late price list leaves no trace."""
    claims = [*AGREED, claim("erp", "12", 10), claim("app", "12", 10), claim("shop", "12", 12)]
    claims.append(claim("pos", "12", 33.9))
    assert states(claims, 13, ERP) == [("pos", PENDING)]
    assert book_at(claims, 50, ERP) == {}


def test_a_changed_observation_changes_what_is_expected() -> None:
    """A channel without a published price votes with the latest price that it showed."""
    claims = [claim("shop", "10", 0), claim("pos", "12", 0), shown("app", "10", 1)]
    assert states(claims, 1.5) == [("pos", PENDING)]
    assert states([*claims, shown("app", "12", 2)], 2.5) == [("shop", PENDING)]


def test_what_is_foreseen_keeps_the_votes_of_today() -> None:
    """An observation will have expired by then, but nothing says that the price will change."""
    claims = [claim("shop", "10", 0), claim("pos", "10", 0), shown("app", "10", 1)]
    upcoming = only([*claims, claim("pos", "9", 1, start=500)], 2)
    assert (upcoming.channel, upcoming.state) == ("pos", IncidentState.UPCOMING)


def test_the_price_of_an_ended_promotion_names_its_cause_itself() -> None:
    """A channel that keeps the promotion's price missed its end, even if it never named it."""
    price = promotion("erp")[0].price
    kept = claim("shop", f"{price}", 24, start=24, end=90)
    missed = only([*AGREED, *promotion("erp", "app", "pos"), kept], 60, ERP)
    assert (missed.channel, missed.cause) == ("shop", Cause.PROMOTION_NOT_ENDED)


def test_a_deviation_healed_at_its_due_time_never_was() -> None:
    """The last moment of the grace is still in time."""
    claims = [*AGREED, claim("shop", "12", 10), claim("shop", "10", 14)]
    assert book_at(claims, 14, ERP) == {}


def test_a_missed_end_resolves_when_the_channel_follows() -> None:
    """The incident tells the promotion that did not end, and ends with it."""
    claims = [*AGREED, *promotion("erp", "app", "pos"), *promotion("shop", end=96)]
    opened, resolved = only(claims, 60, ERP), only(claims, 96, ERP)
    assert opened.cause == Cause.PROMOTION_NOT_ENDED
    assert (prices(opened).observed, prices(opened).expected) == (Decimal(8), Decimal(10))
    assert (resolved.state, resolved.resolved_at, resolved.until) == (RESOLVED, hour(96), hour(96))


def test_an_incident_resolves_when_the_expected_price_moves_to_it() -> None:
    """Whoever was right, they agree now."""
    claims = [*AGREED, claim("shop", "12", 10), claim("erp", "12", 40)]
    resolved = book_at(claims, 41, ERP).values()
    assert [(one.channel, one.resolved_at) for one in resolved if one.state == RESOLVED] == [
        ("shop", hour(40))
    ]


def test_the_end_of_a_wrong_price_ends_the_incident() -> None:
    """A channel that no longer publishes any price no longer says anything wrong."""
    claims = [*AGREED, promo("email", "7", 0, start=24, end=96)]
    assert only(claims, 48, ERP).state == OPEN
    assert only(claims, 96, ERP).resolved_at == hour(96)


def test_a_moved_expectation_grants_the_grace_anew() -> None:
    """While pending, every change of the expected price gives time to follow it."""
    claims = [*AGREED, claim("erp", "12", 10), claim("erp", "13", 13)]
    found = {one.channel: one for one in book_at(claims, 16, ERP).values()}
    assert (found["shop"].since, found["shop"].due_at) == (hour(10), hour(17))


def test_an_observation_within_the_grace_proves_nothing() -> None:
    """The till may still charge the old price; only what it charges after the grace counts."""
    lag = [claim("pos", "10", 0), claim("shop", "10", 0), claim("app", "10", 0)]
    lag += [claim(channel, "12", 10) for channel in ("shop", "app", "pos")]
    early, late = charged("pos", "10", 33), charged("pos", "10", 34)
    assert book_at([*lag, early], 100) == {}
    found = only([*lag, early, late], 100)
    assert (found.since, found.opened_at, found.cause) == (hour(34), hour(34), "stale_price")
    assert found.evidence[0] == [late.event_id]


def test_an_observation_opens_at_once_when_nothing_moved() -> None:
    """No grace is running: what was shown is wrong at that moment."""
    found = only([*AGREED, shown("shop", "11", 30)], 30, ERP)
    assert (found.opened_at, found.cause) == (hour(30), Cause.WRONG_PRICE)


def test_what_a_shop_shows_of_its_own_new_price_waits_for_that_price() -> None:
    """A page that shows the newly published price is no second proof within the grace."""
    claims = [*AGREED, claim("shop", "12", 30), shown("shop", "12", 31), claim("shop", "10", 33)]
    assert book_at(claims, 60, ERP) == {}


def test_an_observed_deviation_ends_with_an_agreeing_observation_of_its_kind() -> None:
    """A right price on the page does not heal a wrong price at checkout."""
    claims = [*AGREED, charged("shop", "11", 30), shown("shop", "10", 31)]
    assert only(claims, 40, ERP).state == OPEN
    assert only([*claims, charged("shop", "10", 35)], 40, ERP).resolved_at == hour(35)


def test_what_nobody_observes_any_more_is_over() -> None:
    """Three days after the last receipt nothing says that the price is still wrong."""
    claims = [*AGREED, charged("shop", "11", 30), charged("shop", "11", 60)]
    assert only(claims, 131, ERP).state == OPEN
    assert only(claims, 132, ERP).resolved_at == hour(132)
    assert [one.resolved_at for one in book_at(claims[:-1], 300, ERP).values()] == [hour(102)]


def test_a_published_deviation_needs_no_observation() -> None:
    """What the channel publishes is wrong for as long as it does; what was seen of it ages."""
    claims = [*AGREED, claim("shop", "12", 10), shown("shop", "12", 20), claim("shop", "10", 200)]
    assert only(claims, 199, ERP).state == OPEN
    assert only(claims, 200, ERP).resolved_at == hour(200)


RIGHT = claim("shop", "10", 31)


@pytest.mark.parametrize(
    ("claims", "resolved_at"),
    [
        ([shown("shop", "12", 30), RIGHT], 31),
        ([shown("shop", "12", 30), claim("shop", "10", 31, start=40)], 40),
        ([shown("shop", "12", 31), RIGHT], 103),  # in one moment: neither is later
        ([shown("shop", "12", 30), claim("app", "10", 31)], 102),  # another channel
        ([shown("shop", "12", 30), RIGHT, shown("shop", "12", 33), claim("shop", "10", 34)], 105),
    ],
    ids=["then", "when it starts", "at once", "another channel", "seen again"],
)
def test_publishing_the_right_price_ends_what_was_observed_before(
    claims: list[PriceClaim], resolved_at: float
) -> None:
    """Once: when the wrong price is observed again, the next repetition proves nothing."""
    assert only([*AGREED, *claims], 300, ERP).resolved_at == hour(resolved_at)


def test_a_zones_right_price_ends_what_a_store_charged_before() -> None:
    """A till takes its price from there."""
    using = rules(zones={"north": ["S1"]})
    claims = [claim("pos", "10", at, zone="north") for at in (0, 50)]
    claims.append(charged("pos", "12", 40, location="S1"))
    assert only(claims, 49, using).state == OPEN
    assert only(claims, 50, using).resolved_at == hour(50)


@pytest.mark.parametrize(
    "worse",
    [claim("shop", "13", 30), charged("shop", "13", 30)],
    ids=["published", "charged"],
)
def test_an_open_incident_tells_the_worst_so_far(worse: PriceClaim) -> None:
    """It was low and becomes critical; what is less bad later does not make it harmless."""
    claims = [*AGREED, claim("shop", "10.20", 10)]
    opened = only(claims, 20, ERP)
    assert (prices(opened).observed, opened.severity) == (Decimal("10.20"), Severity.LOW)
    for later in ([worse], [worse, claim("shop", "10.30", 40)]):
        found = only([*claims, *later], 50, ERP)
        assert (prices(found).observed, found.severity) == (Decimal(13), Severity.CRITICAL)
        assert (found.incident_id, found.since) == (opened.incident_id, opened.since)


def test_of_equally_severe_prices_the_furthest_is_the_worst() -> None:
    """Two gross overcharges differ by what the customer pays."""
    claims = [*AGREED, claim("shop", "13", 10), claim("shop", "20", 30), claim("shop", "15", 40)]
    assert prices(only(claims, 50, ERP)).observed == Decimal(20)


def test_a_reopened_incident_tells_the_worst_of_both() -> None:
    """Whether the first or the second time was worse."""
    for first, second in (("11", "13"), ("13", "11")):
        claims = [*AGREED, claim("shop", first, 10), claim("shop", "10", 20)]
        found = only([*claims, claim("shop", second, 30)], 40, ERP)
        assert (found.state, prices(found).observed) == (OPEN, Decimal(13))


def test_both_sides_must_heal() -> None:
    """A right feed with a wrong till is still wrong."""
    claims = [*AGREED, claim("shop", "12", 10), charged("shop", "12", 20), claim("shop", "10", 30)]
    claims.append(charged("shop", "12", 35))
    assert only(claims, 40, ERP).state == OPEN
    assert only([*claims, charged("shop", "10", 41)], 50, ERP).resolved_at == hour(41)


def test_every_line_of_one_receipt_is_judged() -> None:
    """A wrong line is not hidden by a right one of the same moment."""
    lines = [
        charged("pos", price, 30, event_id="r1", ordinal=number)
        for number, price in enumerate(["13", "10"])
    ]
    found = only([*AGREED, *lines], 31, ERP)
    assert (prices(found).observed, found.resolved_at) == (Decimal(13), hour(30))


def test_a_channel_without_publication_votes_by_what_was_seen_lately() -> None:
    """Observations make a majority while they are fresh, and none when stale."""
    claims = [claim("shop", "12", 0), shown("app", "10", 1), shown("kiosk", "10", 2)]
    assert only(claims, 30).channel == "shop"
    stale = [*claims, claim("tv", "12", 100)]
    assert only(stale, 101).resolved_at == hour(74)


def test_a_channel_alone_is_measured_by_its_own_publication() -> None:
    """It cannot contradict others; its till can contradict its price list."""
    assert book_at([claim("shop", "10", 0)], 100) == {}
    assert book_at([shown("shop", "10", 0), shown("shop", "12", 9)], 100) == {}
    assert prices(only([claim("shop", "10", 0), shown("shop", "12", 9)], 100)).expected == 10


def test_a_reference_is_right_against_the_majority() -> None:
    """Three channels that agree are wrong if the reference says otherwise."""
    claims = [*AGREED, claim("erp", "11", 10)]
    assert {one.channel for one in book_at(claims, 50, ERP).values()} == {"shop", "app", "pos"}
    assert [one.channel for one in book_at(claims, 50).values()] == ["erp"]


def test_the_lowest_price_can_be_the_right_one() -> None:
    """The rule of some consumer laws."""
    claims = [*AGREED, claim("shop", "9", 10)]
    using = rules(right_price="lowest")
    assert {one.channel for one in book_at(claims, 50, using).values()} == {"erp", "app", "pos"}


def test_a_recurrence_reopens_the_same_incident() -> None:
    """A flapping price is one incident with its first begin, until it stays away for a day."""
    claims = [*AGREED]
    for start in (10, 30):
        claims += [claim("shop", "12", start), claim("shop", "10", start + 8)]
    first = only(claims, 20, ERP)
    assert only(claims, 33, ERP) == first  # within the grace of the recurrence: still resolved
    again, done = only(claims, 34, ERP), only(claims, 90, ERP)
    assert (again.state, again.since, again.incident_id) == (OPEN, hour(10), first.incident_id)
    assert (again.resolved_at, done.resolved_at) == (None, hour(38))


def test_a_late_recurrence_is_a_new_incident() -> None:
    """After the time for reopening the next deviation stands for itself."""
    claims = [*AGREED]
    for start in (10, 43):
        claims += [claim("shop", "12", start), claim("shop", "10", start + 8)]
    found = book_at(claims, 100, ERP).values()
    assert [one.since for one in found] == [hour(10), hour(43)]


@pytest.mark.parametrize(("channel", "due"), [("fair", 84), ("email", 72)])
def test_a_contradiction_of_tomorrow_is_upcoming(channel: str, due: int) -> None:
    """A price for Thursday shows today what will be wrong, under the id it will keep.

    A stand at a fair can still be corrected then, a mailing cannot.
    """
    claims = [*AGREED, promo(channel, "7", 1, start=72, end=120)]
    upcoming, begun, opened = (only(claims, now, ERP) for now in (2, 72, 84))
    assert [upcoming.state, opened.state] == ["upcoming", "open"]
    assert begun.state == ("open" if due == 72 else "pending")
    assert (upcoming.since, upcoming.due_at, upcoming.opened_at) == (hour(72), hour(due), None)
    assert upcoming.incident_id == begun.incident_id == opened.incident_id


LISTED = promo("erp", "8", 1, start=24, end=96)
MAILED_AT_20 = promo("email", "8", 20)
TAKEN_BACK_AT_22 = [
    claim("erp", "0", 22, start=22, end=22, event_id="e-1"),
    claim("erp", "10", 22, event_id="e-2"),
]


@pytest.mark.parametrize(
    ("claims", "opened"),
    [
        ([claim("email", "8", 20)], 20),  # wrong when it was sent
        ([LISTED, MAILED_AT_20], None),  # "from tomorrow": the price list will say so
        ([claim("erp", "8", 1, start=24), MAILED_AT_20], None),
        ([LISTED._replace(valid_from=hour(45)), MAILED_AT_20], 20),  # not within its day
        ([LISTED._replace(price=Decimal(7)), MAILED_AT_20], 20),  # another price
        ([promo("shop", "8", 1, start=24), MAILED_AT_20], 20),  # but not the price list
        # The announcement is taken back before it comes true: the grace was given.
        ([LISTED, MAILED_AT_20, *TAKEN_BACK_AT_22], 44),
        ([promo("email", "8", 20, end=21)], 20),  # a flash sale: its grace is a quarter of it
        ([LISTED, promo("email", "8", 20, start=24, end=97)], None),  # an hour longer than the list
        ([promo("email", "8", 20), claim("erp", "8", 21)], 20),  # the list follows, too late
        ([claim("email", "10", 20), claim("erp", "12", 30)], 54),  # the list moved, not the mailing
        ([claim("tv", "8", 20)], 20),
        ([claim("fair", "8", 20)], 32),
    ],
)
def test_what_cannot_be_corrected_is_wrong_at_once(
    claims: list[PriceClaim], opened: int | None
) -> None:
    """Unless it ends or comes true within its grace, by what is known when it is sent."""
    found = book_at([*AGREED, *claims], 99, ERP).values()
    mine = [one for one in found if one.channel in ("email", "tv", "fair") and one.opened_at]
    assert [one.opened_at for one in mine] == ([] if opened is None else [hour(opened)])


def test_a_grace_for_mailings_is_a_setting() -> None:
    """A retailer whose feeds come in any order gives all channels their time."""
    using = rules(reference_channels=["erp"], no_grace_channels=[])
    assert only([*AGREED, claim("email", "8", 20)], 21, using).due_at == hour(44)


def test_a_mailing_that_comes_first_waits_for_the_others_without_a_price_list() -> None:
    """Nobody knows yet whether it is wrong or early."""
    claims = [*AGREED, promo("email", "8", 20, end=99)]
    assert only(claims, 23).due_at == hour(24)
    claims += [promo(channel, "8", 23, end=99) for channel in ("shop", "app", "erp")]
    assert states(claims, 41) == [("pos", PENDING)]


DAILY = [claim("erp", str(20 + day), 24 * day + 10) for day in range(12)]


@pytest.mark.parametrize(
    ("seen", "opened"),
    [
        ([(hours, "10") for hours in range(18, 120, 24)], 66),  # 10 was right until hour 10
        ([(hours, "10") for hours in range(18, 58, 24)], None),
        ([(57.9, "10"), (58, "10")], 58),  # two graces after it was right
        # Each day the price of the day before: late by less than a day, day after day.
        ([(18 + 24 * day, str(19 + day)) for day in range(1, 9)], None),
        ([(18 + 24 * day, str(18 + day)) for day in range(2, 9)], None),  # by less than two
        ([(18 + 24 * day, str(17 + day)) for day in range(3, 9)], 90),
        ([(18 + 24 * day, "99") for day in range(9)], None),  # was never right: within the grace
    ],
)
def test_frozen_tills_are_found_by_what_they_charge(
    seen: list[tuple[float, str]], opened: float | None
) -> None:
    """The price list changes every day, and every receipt falls into a new grace."""
    claims = [claim("erp", "10", 0), *DAILY, *(charged("pos", price, at) for at, price in seen)]
    found = book_at(claims, 130, ERP).values()
    assert [one.opened_at for one in found] == ([] if opened is None else [hour(opened)])


def test_a_page_waits_with_the_price_that_its_channel_publishes() -> None:
    """The shop returns to a price of last week, before the tills do, and shows it."""
    claims = [claim(channel, "10", 0) for channel in ("shop", "pos")]
    claims += [claim(channel, "9", 48) for channel in ("shop", "pos")]
    claims += [claim("shop", "10", 150), shown("shop", "10", 160)]
    assert only(claims, 161).state == PENDING
    assert book_at([*claims, claim("pos", "10", 170)], 171) == {}


def test_of_receipts_in_a_grace_only_those_too_old_are_evidence() -> None:
    """One till is a day behind, which it may be; another one has stood still for three."""
    claims = [claim("erp", "10", 0), *DAILY, charged("pos", "21", 59), charged("pos", "10", 60)]
    assert only(claims, 61, ERP).evidence[0] == ["pos-c60-10"]


def test_an_upcoming_contradiction_vanishes_when_corrected() -> None:
    """A promotion planned everywhere contradicts nothing."""
    claims = [*AGREED, promo("email", "7", 1, start=72, end=120)]
    claims += [promo(channel, "7", 5, start=72, end=120) for channel in CHANNELS]
    assert only(claims, 4, ERP).state == IncidentState.UPCOMING
    assert book_at(claims, 6, ERP) == {}


def test_windows_that_meet_within_the_grace_are_not_upcoming() -> None:
    """A channel whose price starts an hour after the others' will never open an incident."""
    claims = [*AGREED, *promotion("erp", "app", "pos"), promo("shop", "8", 1, start=25, end=48)]
    assert [book_at(claims, now, ERP) for now in (2, 26, 60)] == [{}, {}, {}]


def test_what_was_seen_today_says_nothing_of_next_week() -> None:
    """A look ahead counts no observation of a channel that publishes: it would be stale by then."""
    claims = [claim("shop", "10", 0, start=0, end=150), claim("app", "10", 0)]
    claims += [claim("app", "12", 1, start=160, end=300), shown("shop", "10", 20)]
    assert [book_at(claims, now) for now in (30, 93, 170)] == [{}, {}, {}]


def test_before_the_first_tick_there_is_nothing() -> None:
    """Time comes from ticks only; without one nothing is due."""
    book = price_book(BOOK, RULES)
    book.add([claim("shop", "10", 0), claim("app", "12", 0)])
    assert (book.incidents(), book.next_due) == ({}, hour(0))


def test_a_claim_later_than_the_tick_waits() -> None:
    """One future-dated claim opens nothing before its time, and says when it is due."""
    claims = [*AGREED, claim("shop", "12", 50)]
    book = price_book(BOOK, ERP)
    book.add(claims)
    book.advance(hour(40))
    assert (book.incidents(), book.next_due) == ({}, hour(50))


def test_a_corrected_event_replaces_its_claims() -> None:
    """The higher version counts whatever comes first; all lines of the lower one are gone."""
    wrong = [charged("shop", "15", 30, event_id="r", ordinal=n) for n in (0, 1)]
    right = charged("shop", "10", 30, event_id="r", version=1)
    assert prices(only([*AGREED, *wrong], 40, ERP)).observed == 15
    assert book_at([*AGREED, *wrong, right], 40, ERP) == {}
    assert book_at([*AGREED, right, *wrong], 40, ERP) == {}


def test_a_claim_of_another_product_is_refused() -> None:
    """A book never mixes products."""
    with pytest.raises(ValueError, match="in the book of"):
        price_book(BOOK, RULES).add([claim("shop", "1", 0, book=product_book("B-2"))])


def test_two_customer_groups_are_two_comparisons() -> None:
    """A staff price deviates among staff prices only, under an id of its own."""
    claims = [*AGREED, *(claim(c, "7", 0, customer_group="staff", event_id=c) for c in CHANNELS)]
    assert book_at(claims, 100, ERP) == {}
    claims += [claim("shop", "12", 10), claim("shop", "6", 10, customer_group="staff")]
    found = book_at(claims, 100, ERP).values()
    assert sorted(prices(one).expected for one in found) == [7, 10]


def test_evidence_is_bounded() -> None:
    """A thousand wrong receipts name their first twenty."""
    wrong = [charged("shop", "15", 30 + n / 100, event_id=f"r{n:03}") for n in range(100)]
    found = only([*AGREED, *wrong], 100, ERP)
    assert found.evidence[0] == [f"r{n:03}" for n in range(20)]


def test_a_published_price_is_forgotten_in_the_end() -> None:
    """A list nobody repeated for 400 days does not contradict a living one."""
    claims = [claim("pos", "12", 0), claim("shop", "10", 399 * 24), claim("app", "10", 9590)]
    assert only(claims, 9599).state == PENDING
    assert book_at(claims, 9600) == {}


MAILED = [claim("email", "10", 1), *(claim(channel, "12", 100) for channel in CHANNELS)]


def test_a_mailing_without_an_end_contradicts_for_four_weeks() -> None:
    """Readers have it for a while; then its price is no claim any more."""
    last = 1 + 28 * 24
    opened, over = only([*AGREED, *MAILED], last - 1, ERP), only([*AGREED, *MAILED], last, ERP)
    assert (opened.channel, opened.state, opened.opened_at) == ("email", OPEN, hour(124))
    assert (over.state, over.resolved_at) == (RESOLVED, hour(last))
    late = [claim(channel, "12", last) for channel in CHANNELS]
    assert book_at([*AGREED, MAILED[0], *late], 2_000, ERP) == {}


@pytest.mark.parametrize(
    ("mailed", "using"),
    [
        (claim("email", "10", 1, end=1_500), ERP),
        (claim("fair", "10", 1), ERP),
        (
            claim("email", "10", 1),
            rules(reference_channels=["erp"], max_age_without_end_days={"email": 90}),
        ),
    ],
    ids=["an end of its own", "can be corrected", "the setting"],
)
def test_what_lasts_longer_than_a_mailing_without_an_end(
    mailed: PriceClaim, using: ConsistencyRules
) -> None:
    """The end that a mailing names holds; other channels are asked to correct what they say."""
    assert only([*AGREED, mailed, *MAILED[1:]], 1_400, using).state == OPEN


def test_an_old_mailing_supports_what_another_channel_still_says() -> None:
    """Two against the one that raised its price; a price that nobody else has supports nothing."""
    claims = [claim("email", "10", 1), claim("shop", "10", 0), claim("app", "10", 0)]
    claims += [claim("shop", "12", 700), claim("pos", "12", 700)]
    found = {one.channel: one for one in book_at(claims, 800).values()}
    assert set(found) == {"shop", "pos"}
    assert found["pos"].evidence[1] == ["app-p0-10", "email-p1-10"]
    assert book_at([*claims, claim("app", "12", 701)], 800) == {}
    alone = [claim("email", "10", 1), claim("shop", "12", 700)]
    assert (states(alone, 671), book_at(alone, 800)) == ([], {})


@pytest.mark.parametrize(("start", "foreseen"), [(600, ["email"]), (1_500, [])])
def test_a_mailing_will_be_old_by_then(start: float, foreseen: list[str]) -> None:
    """A price announced for next month contradicts it, one for the month after that does not."""
    later = [claim(channel, "12", 2, start=start) for channel in CHANNELS]
    found = book_at([*AGREED, claim("email", "10", 1), *later], 3, ERP).values()
    assert [one.channel for one in found if one.state is IncidentState.UPCOMING] == foreseen

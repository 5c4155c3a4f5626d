"""Reductions: what was the lowest price, when a reduction began, and what announces none."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from json import loads
from typing import Any

import pytest

from schemas.claim import Book, Statement
from schemas.incident import AnyIncident, IncidentState, Severity
from schemas.rules.consistency import Overlap
from schemas.subject import Subject
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.consumer_prices import AskedPrice, read
from services.consistency.core.kind import Heard
from services.consistency.core.reductions import Cause, wrong_about
from services.consistency.core.windows import Windows, window_of
from services.consistency.kinds.reduction_without_lowest_price import (
    KIND,
    NAME,
    ReductionDetails,
    ReductionRules,
    claims,
)
from tests.events import event

BOOK = Book("default", NAME, Subject.product("DE", "A-1"))
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
RULES = ReductionRules()
UTC_RULES = ReductionRules(time_zone="UTC")


def day(days: float) -> datetime:
    """The instant that many days after the first of January."""
    return BEGIN + timedelta(days=days)


def said(channel: str, price: str, at: float, **fields: Any) -> Statement:
    """What a channel publishes at a day; `start` and `end` bound it, in days too."""
    version = fields.pop("version", 0)
    name = fields.pop("event_id", f"{channel}-{at:g}-{price}")
    for bound, given in (("valid_from", "start"), ("valid_to", "end")):
        if given in fields:
            fields[bound] = day(fields.pop(given)).isoformat()
    body = {"sku": "A-1", "price": price, **fields}
    [(claim, sold)] = claims(heard("offer.published", channel, at, name, version, body))
    assert sold == 0
    return claim


def heard(
    kind: str, channel: str, at: float, name: str, version: int, body: dict[str, Any]
) -> Heard:
    """An event at a day."""
    values = event(
        kind,
        channel=channel,
        event_id=name,
        occurred_at=day(at).isoformat(),
        identifiers=[],
        body=body,
    )
    return Heard(TouchpointAdapter.validate_python(values), day(at), version, 0, "DE", "EUR")


def incidents(
    given: list[Statement], now: float, rules: ReductionRules = RULES
) -> list[AnyIncident]:
    """What follows when the latest tick is at a day."""
    book = KIND.judge(BOOK, rules)
    book.add(given)
    book.advance(day(now))
    return sorted(book.incidents().values(), key=lambda one: (one.since, one.location))


def test_a_former_price_that_nobody_paid() -> None:
    """Open an hour after it began, until it ends; the lowest price is named with its event."""
    given = [said("shop", "12.00", 0), said("shop", "9.00", 50, former_price="15.00", end=55)]
    [upcoming] = incidents([given[0], said("shop", "9", 49, former_price="15", start=50)], 49.5)
    assert (upcoming.state, upcoming.since) == (IncidentState.UPCOMING, day(50))
    [pending] = incidents(given, 50)
    assert (pending.state, pending.opened_at) == (IncidentState.PENDING, None)
    [found] = incidents(given, 51)
    assert found.incident_id == pending.incident_id
    assert (found.state, found.severity) == (IncidentState.OPEN, Severity.HIGH)
    assert (found.since, found.due_at) == (day(50), day(50) + timedelta(hours=1))
    assert found.evidence == [["shop-50-9.00"], ["shop-0-12.00"]]
    assert found.cause == Cause.FORMER_PRICE_TOO_HIGH
    assert found.details == ReductionDetails(
        price=Decimal("9.00"),
        lowest_price=Decimal("12.00"),
        former_price=Decimal("15.00"),
        currency="EUR",
        reduced_since=day(50),
        lowest_since=day(0),
    )
    words = "15.00 struck through for 9.00, the lowest was 12.00 EUR"
    assert found.details.in_words() == words
    [over] = incidents(given, 60)
    assert (over.state, over.until, over.resolved_at) == (IncidentState.RESOLVED, day(55), day(55))
    assert KIND.met(found, [], RULES) == []


@pytest.mark.parametrize(
    ("asked", "lowest", "cause"),
    [
        (AskedPrice(Decimal(8), Decimal(10)), "10", None),
        (AskedPrice(Decimal(8), Decimal("10.01")), "10", Cause.FORMER_PRICE_TOO_HIGH),  # by a cent
        (AskedPrice(Decimal(8), Decimal("9.99")), "10", None),
        (AskedPrice(Decimal(8), Decimal(10)), "8", Cause.NO_REDUCTION),
        (AskedPrice(Decimal(8), Decimal(10)), "8.01", Cause.FORMER_PRICE_TOO_HIGH),
        (AskedPrice(Decimal(8), None, Decimal(20)), "10", None),
        (AskedPrice(Decimal(8), None, Decimal("20.1")), "10", Cause.PERCENT_TOO_HIGH),
        (AskedPrice(Decimal("8.05"), None, Decimal(20)), "10", None),  # 19.5 is shown as 20
        (AskedPrice(Decimal("8.06"), None, Decimal(20)), "10", Cause.PERCENT_TOO_HIGH),
        (AskedPrice(Decimal("8.05"), None, Decimal("20.00")), "10", None),  # as 20
        (AskedPrice(Decimal("8.05"), None, Decimal("19.6")), "10", Cause.PERCENT_TOO_HIGH),
        (AskedPrice(Decimal(8), Decimal(10), Decimal(50)), "10", Cause.PERCENT_TOO_HIGH),
        (AskedPrice(Decimal(8), None, Decimal(0)), "10", None),
    ],
)
def test_what_an_announcement_may_say(asked: AskedPrice, lowest: str, cause: Cause | None) -> None:
    """Exact to the cent; a percentage may be rounded as it is shown."""
    assert wrong_about(asked, Decimal(lowest)) == cause


def test_a_percentage_in_words() -> None:
    """Without a former price it is what is announced; the pack is named."""
    pack = {"pack_content": "0.5", "pack_unit": "kg"}
    given = [said("shop", "10", 0, **pack)]
    given.append(said("shop", "8", 50, reduction_percent="30", pack_content="500", pack_unit="g"))
    [found] = incidents(given, 51)
    words = "30.00 % off for 8.00, the lowest was 10.00 EUR"
    assert (found.cause, found.details.in_words()) == (Cause.PERCENT_TOO_HIGH, words)
    assert found.model_dump()["details"]["terms"] == {"pack_content": "0.5", "pack_unit": "kg"}


@pytest.mark.parametrize(
    "body",
    [
        {"price": "8", "former_price": "8"},
        {"price": "8", "former_price": "7"},
        {"price": "8", "former_price": "0"},
        {"price": "8", "reduction_percent": "0"},
        {"price": "8", "reduction_percent": "100"},
        {"price": "8", "reduction_percent": "40", "recommended_price": "13"},
    ],
)
def test_what_announces_nothing(body: dict[str, Any]) -> None:
    """Systems fill the fields always; and a recommended price is no former one."""
    [(claim, _)] = claims(heard("offer.published", "shop", 0, "e", 0, {"sku": "A-1", **body}))
    assert read(claim) == AskedPrice(Decimal(8))


@pytest.mark.parametrize(
    "fields",
    [
        {"customer_group": "club"},
        {"sale_kind": "personal"},
        {"sale_kind": "short_dated"},
        {"tax_mode": "net"},
        {"seller": "other"},
        {"basis": "displayed"},
        {"basis": "charged"},
        {"price": "0"},
        {"price": None},
    ],
)
def test_what_is_no_price_for_all_consumers(fields: dict[str, Any]) -> None:
    """It is neither judged nor history."""
    body = {"sku": "A-1", "price": "8", "former_price": "20", **fields}
    assert claims(heard("offer.published", "shop", 0, "e", 0, body)) == []


def test_pages_and_carts_announce_nothing() -> None:
    """What one visitor saw is no published price."""
    body = {"sku": "A-1", "offer": {"sku": "A-1", "price": "8", "former_price": "20"}}
    assert claims(heard("product.viewed", "shop", 0, "e", 0, body)) == []


def test_the_window_of_thirty_days() -> None:
    """A lower price counts if it was still asked a moment less than thirty days before."""
    high = said("shop", "12", 0)
    low = said("shop", "9", 40, end=45, promotion="P")
    for start, count in ((74.999, 1), (75, 0), (75.001, 0)):
        given = [high, low, said("shop", "10", 70, former_price="12", start=start, end=80)]
        assert len(incidents(given, 76, UTC_RULES)) == count, start


@pytest.mark.parametrize(
    ("known_from", "fields", "count"),
    [
        (20, {}, 1),
        (20.001, {}, 0),  # not known for thirty days
        (40, {}, 0),
        (40, {"start": 41}, 1),  # published in advance: new
        (40, {"start": 41, "promotion": "P"}, 0),  # some feeds name nothing but promotions
    ],
)
def test_history_that_is_too_short(known_from: float, fields: dict[str, Any], count: int) -> None:
    """Silent, unless nothing was asked before."""
    given = [said("shop", "9", known_from, **fields)]
    given += [said("shop", "12", 42), said("shop", "10", 50, former_price="12", end=52)]
    assert len(incidents(given, 51, UTC_RULES)) == count
    known = ReductionRules(time_zone="UTC", prices_known_since=day(0))
    assert len(incidents(given, 51, known)) == 1


def test_a_reduction_from_the_first_day() -> None:
    """There is no price that it could be measured from."""
    given = [said("shop", "9", 0, start=1), said("shop", "9", 1, former_price="12")]
    assert incidents(given, 40) == []
    assert incidents([said("shop", "9", 0, former_price="12")], 90) == []


def test_step_by_step() -> None:
    """Measured from before the first step, however long it lasts; a smaller reduction is new."""
    given = [said("shop", "100", 0)]
    for at, price in ((40, "80"), (45, "80"), (60, "70"), (100, "50")):
        given.append(said("shop", price, at, former_price="100", sale_kind="clearance"))
    assert incidents(given, 150) == []
    given.append(said("shop", "60", 120, former_price="100", sale_kind="clearance"))
    [found] = incidents(given, 150)
    assert (found.since, found.cause) == (day(120), Cause.NO_REDUCTION)


def test_a_promotion_that_was_not_announced_as_a_reduction() -> None:
    """Its begin is that of the reduction, so a former price may follow at any time."""
    given = [said("shop", "12", 0), said("shop", "9", 50, promotion="P", end=70)]
    given.append(said("shop", "9", 60, promotion="P", former_price="12", end=70))
    assert incidents(given, 65) == []


@pytest.mark.parametrize(("announced", "count"), [(50.5, 0), (51, 0), (51.001, 1)])
def test_announced_later_than_reduced(announced: float, count: int) -> None:
    """Within a day it belongs to the price; later the price is the one that counts."""
    given = [said("shop", "12", 0), said("shop", "9", 50)]
    given.append(said("shop", "9", announced, former_price="12"))
    assert len(incidents(given, 60)) == count


@pytest.mark.parametrize(("minutes", "count"), [(1, 0), (60, 0), (61, 1)])
def test_what_lasts_too_short(minutes: int, count: int) -> None:
    """A pause, a slip and an announcement of an hour count as nothing."""
    short = minutes / 24 / 60
    pause = [said("shop", "12", 0), said("shop", "9", 50, former_price="12", end=55)]
    pause.append(said("shop", "9", 51, former_price="12", start=55 + short, end=60))
    assert len(incidents(pause, 58)) == count
    slip = [said("shop", "12", 0), said("shop", "2", 50), said("shop", "12", 50 + short)]
    slip.append(said("shop", "9", 55, former_price="12"))
    assert len(incidents(slip, 58)) == count
    corrected = [said("shop", "12", 0), said("shop", "9", 50, former_price="15")]
    corrected.append(said("shop", "9", 50 + short, former_price="12"))
    assert len(incidents(corrected, 58)) == count


def test_the_place() -> None:
    """What one store asked is history there, for what holds for all too; told once."""
    given = [said("pos", "12", 0), said("pos", "7", 40, location="12", promotion="P", end=45)]
    given.append(said("pos", "7", 40, location="13", promotion="P", end=41, event_id="13"))
    given.append(said("pos", "9", 72, former_price="12"))
    assert [one.location for one in incidents(given, 80)] == ["12"]
    given[-1] = said("pos", "9", 72, former_price="15")
    assert [one.location for one in incidents(given, 80)] == [""]
    zones = ReductionRules(zones={"north": ["12", "14"]})
    given[-1] = said("pos", "9", 72, former_price="15", zone="north")
    assert [one.location for one in incidents(given, 80, zones)] == ["zone:north"]


def test_channels_that_only_advertise() -> None:
    """A leaflet is measured from the tills; mailings, price lists and unknown tills from none."""
    tills = [said("pos", "12", 0), said("pos", "9", 40, promotion="P", end=45)]
    for channel, count in (("print", 1), ("email", 0), ("erp", 0), ("app", 0)):
        given = [*tills, said(channel, "10", 50, former_price="12", end=55)]
        assert len(incidents(given, 52)) == count, channel
    assert incidents([said("print", "10", 50, former_price="12", end=55)], 52) == []
    started = [*tills[:1], said("pos", "10", 40, promotion="P", end=90)]
    assert incidents([*started, said("print", "10", 50, former_price="12", end=55)], 52) == []
    mailed = [said("shop", "10", 0), said("email", "9", 50, former_price="12", end=55)]
    assert len(incidents(mailed, 52, ReductionRules(sold_on={"email": "shop"}))) == 1


def test_a_corrected_event_replaces_its_claims() -> None:
    """In whatever order they come, and also when it says nothing any more."""
    first = [said("shop", "12", 0), said("shop", "9", 50, former_price="15", event_id="e")]
    second = said("shop", "9", 50, former_price="12", event_id="e", version=1)
    for given in ([*first, second], [second, *first]):
        assert incidents(given, 60) == []


def test_when_time_alone_changes_something() -> None:
    """Nothing while nothing is announced; then bounds, the end of the first hour, later claims."""
    book = KIND.judge(BOOK, RULES)
    assert book.next_due is None
    book.add([said("shop", "12", 0)])
    assert book.next_due is None
    book.add([said("shop", "9", 50, former_price="15", start=51, end=55)])
    assert book.incidents() == {}
    assert book.next_due == day(0)
    hour = 1 / 24
    for now, due in ((1, 50), (50, 51), (51, 51 + hour), (51 + hour, 55), (56, 400)):
        book.advance(day(now))
        assert book.next_due == day(due), now
    book.advance(day(1000))
    assert book.next_due is None


STEP = 4
"""Days between the moments of a random history."""
NAIVE_RULES = ReductionRules(time_zone="UTC", prices_known_since=day(-1))
LOWEST_RULES = NAIVE_RULES.model_copy(
    update={"overlapping_promotions": {"default": Overlap.LOWEST, "pos": Overlap.LATEST}}
)


def some_claims(rng: random.Random) -> list[Statement]:
    """A crowded season: few prices, few moments, many ties."""
    found: dict[tuple[str, int], Statement] = {}
    for _ in range(rng.randint(2, 16)):
        at = rng.randint(0, 15) * STEP
        start = rng.choice([None, None, at + rng.randint(-1, 3) * STEP])
        end = rng.choice([None, (at if start is None else start) + rng.randint(1, 5) * STEP])
        fields: dict[str, Any] = {"location": rng.choice(["", "", "", "1"])}
        fields |= {} if start is None else {"start": start}
        fields |= {} if end is None else {"end": end}
        fields |= rng.choice(
            [{}, {}, {"promotion": "P"}, {"promotion": "Q"}, {"former_price": "12"}]
        )
        fields |= rng.choice([{}, {}, {}, {"reduction_percent": "20"}])
        fields["event_id"], fields["version"] = f"e{rng.randint(0, 20)}", rng.choice([0, 0, 0, 1])
        price = rng.choice(["6", "8", "10", "12"])
        one = said(rng.choice(["shop", "shop", "pos", "print"]), price, at, **fields)
        found.setdefault((one.event_id, one.version), one)
    return list(found.values())


class Naive:
    """The same rules, by a look at every moment of the season from scratch."""

    def __init__(self, given: list[Statement], now: int, rules: ReductionRules) -> None:
        self.rules = rules
        known = [one for one in given if one.occurred_at <= day(now)]
        newest = {one.event_id: 0 for one in given} | {
            one.event_id: 1 for one in given if one.version == 1
        }
        self.said = sorted(one for one in known if one.version == newest[one.event_id])
        self.moments = range(0, now + 1, STEP)
        self.asked = {
            (channel, place, at): self._asked(channel, place, at)
            for channel in ("shop", "pos", "print")
            for place in ("", "1")
            for at in self.moments
        }

    def _asked(self, channel: str, place: str, at: int) -> tuple[AskedPrice, str] | None:
        """What is asked, and the place that says so."""
        for location in dict.fromkeys((place, "")):
            windows = Windows(self.rules.overlap(channel))
            for one in self.said:
                own = (one.channel, one.location) == (channel, location)
                if own and one.occurred_at <= day(at):
                    price = read(one)
                    promotion = (
                        loads(one.value).get("promotion", "") if price.is_reduction else None
                    )
                    window = window_of(one, price.price, promotion, timedelta(400))
                    windows.add(window, one.occurred_at)
            found = windows.at(day(at), day(at))
            if found is not None:
                return read(found), location
        return None

    def begin(self, channel: str, place: str, at: int) -> int:
        """Since when the same is asked without a break."""
        asked = self.asked[channel, place, at]
        while at and self.asked[channel, place, at - STEP] == asked:
            at -= STEP
        return at

    def lowest(self, sold: str, place: str, at: int, price: Decimal) -> Decimal | None:
        """The lowest price before the reduction that holds at a moment."""
        first, moment = at, at
        while moment >= 0:
            found = self.asked[sold, place, moment]
            begin = self.begin(sold, place, moment)
            if found is None or found[0].price < price:
                break
            if not found[0].is_reduction and not (found[0].price == price and begin == first):
                break
            first, price, moment = min(first, begin), found[0].price, begin - STEP
        days = [
            self.asked[sold, place, at] for at in self.moments if first - 30 - STEP < at < first
        ]
        return min((one[0].price for one in days if one), default=None)

    def is_wrong(self, channel: str, place: str, at: int) -> bool:
        """Whether what is announced is wrong here, and not already for the whole channel."""
        found = self.asked[channel, place, at]
        sold = {"print": "pos"}.get(channel, channel)
        if found is None or not found[0].announces:
            return False
        if not any(one.channel == sold for one in self.said if one.location in ("", place)):
            return False
        begin = self.begin(channel, place, at)
        lowest = self.lowest(sold, place, begin, found[0].price)
        if lowest is None or wrong_about(found[0], lowest) is None:
            return False
        return found[1] == place or not self.is_wrong(channel, "", begin)

    def runs(self) -> set[tuple[str, str, datetime, datetime | None]]:
        """Channel, place, begin and end of everything that is wrong."""
        found = set[tuple[str, str, datetime, datetime | None]]()
        for channel in ("shop", "pos", "print"):
            sold = {"print": "pos"}.get(channel, channel)
            for place in {one.location for one in self.said if one.channel in (channel, sold)}:
                since: int | None = None
                for at in self.moments:
                    if self.is_wrong(channel, place, at):
                        since = at if since is None else since
                    elif since is not None:
                        found.add((channel, place, day(since), day(at)))
                        since = None
                if since is not None:
                    found.add((channel, place, day(since), None))
        return found


@pytest.mark.parametrize("rules", [NAIVE_RULES, LOWEST_RULES], ids=["latest", "lowest"])
def test_random_histories_against_a_naive_oracle(rules: ReductionRules) -> None:
    """What was and is wrong, with begin and end, at any place."""
    rng, number = random.Random(65), 0
    for _ in range(80):
        given, now = some_claims(rng), rng.randint(2, 18) * STEP
        found = {
            (one.channel, one.location, one.since, one.until)
            for one in incidents(given, now + 0.1, rules)
            if one.state is not IncidentState.UPCOMING
        }
        assert found == Naive(given, now, rules).runs(), given
        number += len(found)
    assert number > 30


def test_any_order_and_any_pauses() -> None:
    """The same incidents and due times as from scratch, whatever came when."""
    rng = random.Random(66)
    for _ in range(50):
        using = rng.choice([UTC_RULES, LOWEST_RULES])
        given = some_claims(rng)
        now = rng.randint(5, 90)
        book = KIND.judge(BOOK, using)
        arriving = [*given, *rng.sample(given, len(given) // 2)]
        rng.shuffle(arriving)
        ticks = sorted(rng.uniform(0, now) for _ in arriving)
        for one, tick in zip(arriving, ticks, strict=True):
            book.add([one])
            if rng.random() < 0.5:
                book.advance(day(tick))
                assert book.incidents() is not None
                assert book.next_due is None or book.next_due > day(tick)
        book.advance(day(now))
        fresh = KIND.judge(BOOK, using)
        fresh.add(sorted(given))
        fresh.advance(day(now))
        assert (book.incidents(), book.next_due) == (fresh.incidents(), fresh.next_due)


def test_nothing_changes_before_it_is_due() -> None:
    """Between a tick and the next due time time alone changes nothing."""
    rng = random.Random(67)
    for _ in range(25):
        book = KIND.judge(BOOK, UTC_RULES)
        book.add(some_claims(rng))
        book.advance(day(rng.randint(0, 40)))
        while (due := book.next_due) is not None and due < day(200):
            before = book.incidents()
            book.advance(due - timedelta(milliseconds=1))
            assert book.incidents() == before
            book.advance(due)

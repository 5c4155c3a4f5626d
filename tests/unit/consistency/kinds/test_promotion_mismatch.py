"""Promotions: which terms differ, where, from when on, and what is the same in other words."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from schemas.claim import Book, Statement
from schemas.incident import AnyIncident, IncidentState, Severity
from schemas.subject import Subject
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.kind import Heard
from services.consistency.core.promotion_timeline import Cause, PromotionTerm
from services.consistency.kinds.promotion_mismatch import KIND, NAME, PromotionRules, claims
from tests.events import event
from tests.unit.consistency.market import hour

BOOK = Book("default", NAME, Subject.product("DE", "A-1"))
RULES = PromotionRules()
AT_ONCE = PromotionRules(grace_start_hours={"default": 0}, time_zone="UTC")
ERP_IS_RIGHT = AT_ONCE.model_copy(update={"reference_channels": ["erp"]})
GROUP, CURRENCY, PACK, BEGIN, END = PromotionTerm


def day(days: float) -> datetime:
    """The instant that many days after Monday 00:00 UTC."""
    return hour(days * 24)


def heard(channel: str, at: float, name: str, body: dict[str, Any], version: int = 0) -> Heard:
    """An event at a day."""
    values = event(
        "offer.published",
        channel=channel,
        event_id=name,
        occurred_at=day(at).isoformat(),
        identifiers=[],
        body={"sku": "A-1", **body},
    )
    return Heard(TouchpointAdapter.validate_python(values), day(at), version, 0, "DE", "EUR")


def said(channel: str, at: float, **fields: Any) -> Statement:
    """What a channel publishes of promotion P at a day; `start` and `end` bound it, in days too."""
    version = fields.pop("version", 0)
    name = fields.pop("event_id", f"{channel}-{at:g}-{fields.get('location', '')}")
    for bound, given in (("valid_from", "start"), ("valid_to", "end")):
        if fields.get(given) is not None:
            fields[bound] = day(fields[given]).isoformat()
        fields.pop(given, None)
    body = {"price": "8", "promotion": "P", **fields}
    [(claim, sold)] = claims(heard(channel, at, name, body, version))
    assert sold == Decimal(0)
    return claim


def incidents(
    given: list[Statement], now: float, rules: PromotionRules = AT_ONCE
) -> list[AnyIncident]:
    """What follows when the latest tick is at a day."""
    book = KIND.judge(BOOK, rules)
    book.add(given)
    book.advance(day(now))
    return sorted(book.incidents().values(), key=lambda one: (one.since, one.channel))


def terms(given: list[Statement], now: float, rules: PromotionRules = AT_ONCE) -> list[str]:
    """The channels and terms that differ now."""
    return [
        f"{one.channel} {one.model_dump()['details']['term']}"
        for one in incidents(given, now, rules)
        if one.state is not IncidentState.RESOLVED
    ]


def test_an_end_that_differs() -> None:
    """Upcoming, pending, open, resolved under one id; both sides are named with their events."""
    given = [said(one, 0, start=3, end=10) for one in ("erp", "shop")]
    given.append(said("app", 0, start=3, end=7))
    states, ids = [], set()
    for now in (0, 3, 3 + 4 / 24, 7):
        [found] = incidents(given, now, RULES)
        assert found.since == day(3)
        states.append(found.state)
        ids.add(found.incident_id)
    assert states == ["upcoming", "pending", "open", "resolved"]
    assert len(ids) == 1
    assert (found.due_at, found.until) == (day(3) + timedelta(hours=4), day(7))
    assert (found.severity, found.cause) == (Severity.MEDIUM, Cause.WRONG_PROMOTION_TERMS)
    assert found.evidence == [["app-0-"], ["erp-0-"]]
    assert found.details.in_words() == (
        "P: end 2026-03-09T00:00:00.000Z instead of 2026-03-12T00:00:00.000Z"
    )
    assert KIND.met(found, [], RULES) == []


def test_who_it_is_for_comes_first() -> None:
    """Of another group every other term may differ; for everybody is a group like others."""
    given = [said("erp", 0, start=1, end=9, customer_group="club"), said("shop", 0, end=3)]
    [found] = incidents(given, 2, ERP_IS_RIGHT)
    assert found.details.in_words() == "P: customer_group for everybody instead of club"


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [
        ({"end": 9}, {"end": 9.08}, False),  # less than two hours
        ({"end": 9}, {"end": 9.09}, True),
        ({"end": 9}, {"end": 8.1}, False),  # the same last day
        ({"end": 9}, {"end": 8}, True),
        ({"end": 9}, {}, False),
        ({"end": 1.5}, {"end": 1.503}, False),  # of a day or less: five minutes
        ({"end": 1.5}, {"end": 1.504}, True),
        ({"end": 2}, {"end": 9}, False),  # the end of the day, in a list of every day
        ({"pack_content": "500", "pack_unit": "g"}, {"pack_content": "0.5", "pack_unit": "KG"},
         False),
        ({"pack_content": "500", "pack_unit": "g"}, {"pack_content": "1", "pack_unit": "kg"}, True),
        ({"pack_content": "500", "pack_unit": "g"}, {}, False),
        ({}, {"currency": "EUR"}, False),
        ({}, {"currency": "CHF"}, True),
        ({"customer_group": "a"}, {"customer_group": "b"}, True),
        ({"end": 9, "promotion": "P"}, {"end": 5, "promotion": "Q"}, False),
        ({"variant": "S", "end": 9}, {"variant": "M", "end": 9}, False),
    ],
)  # fmt: skip
def test_what_differs(one: dict[str, Any], other: dict[str, Any], differs: bool) -> None:
    """Tolerances, dates, packs in other units, and what is not named."""
    given = [said("erp", 0, start=1, **one), said("shop", 0, start=1, **other)]
    assert bool(incidents(given, 1.2, ERP_IS_RIGHT)) == differs


def test_midnight_belongs_to_the_day_before() -> None:
    """In local time: an end at 23:59 and one at 20:00 are the same, and so are begins of a day."""
    berlin = PromotionRules()
    ends = [9 - 1 / 24, 9 - 1 / 24 - 1 / 1440, 9 - 5 / 24]
    given = [said(f"c{n}", 0, start=1 + n / 5, end=end) for n, end in enumerate(ends)]
    assert incidents(given, 0.5, berlin) == []
    assert incidents(given, 5, berlin) == []


@pytest.mark.parametrize(
    "body",
    [
        {"price": "8"},
        {"price": "8", "promotion": "P", "seller": "other"},
        {"price": "8", "promotion": "P", "sale_kind": "personal"},
        {"price": "8", "promotion": "P", "sale_kind": "short_dated"},
        {"price": "8", "promotion": "P", "basis": "displayed"},
    ],
)
def test_what_names_no_promotion(body: dict[str, Any]) -> None:
    """Prices without one, of others, for one customer, and what a visitor saw."""
    assert claims(heard("shop", 0, "e", body)) == []


def test_a_begin_is_known_before_it_comes_true() -> None:
    """From the earlier begin on the prices tell."""
    given = [said("erp", 0, start=3, end=9), said("shop", 0, start=5, end=9)]
    [found] = incidents(given, 2, ERP_IS_RIGHT)
    assert (found.state, found.since, found.channel) == (IncidentState.UPCOMING, day(3), "shop")
    assert incidents(given, 3, ERP_IS_RIGHT) == []


def test_one_of_several_suffices() -> None:
    """A channel contradicts only if nothing that it says agrees; windows that return are kept."""
    given = [said("erp", 0, start=1, end=5), said("shop", 0, start=1, end=5)]
    given.append(said("shop", 1, start=8, end=12))
    assert terms(given, 2, ERP_IS_RIGHT) == []
    given.append(said("shop", 2, start=1, end=4))  # instead of the first one
    given.append(said("erp", 2, start=1, end=4.5, customer_group="club"))
    assert terms(given, 3, ERP_IS_RIGHT) == ["shop end"]
    given.append(said("shop", 2.5, start=1, end=4.5, customer_group="club"))
    assert terms(given, 3, ERP_IS_RIGHT) == []


def test_the_expected_side() -> None:
    """The reference, else most channels, else the widest place, else the first one by name."""
    shop, app = said("shop", 0, end=9), said("app", 0, end=5)
    [found] = incidents([shop, app], 1)
    assert (found.channel, found.cause) == ("shop", Cause.UNDECIDED_PROMOTION_TERMS)
    assert terms([shop, app, said("pos", 0, end=9)], 1) == ["app end"]
    assert terms([shop, app, said("erp", 0, end=5)], 1, ERP_IS_RIGHT) == ["shop end"]
    apart = PromotionRules(may_differ=[("app", "shop")])
    assert terms([shop, app], 1, apart) == []
    former = [said("erp", 0, end=5), app, said("erp", 0.5, end=9)]
    assert [one.cause for one in incidents(former, 1, ERP_IS_RIGHT)] == [
        Cause.STALE_PROMOTION_TERMS
    ]


def test_places() -> None:
    """A store is held to the whole chain, and a list of every store does not repeat the chain's."""
    shop = said("shop", 0, end=9)
    stores = [said("pos", 0, end=5, location=name) for name in ("1", "2")]
    assert [one.location for one in incidents([shop, *stores], 1)] == ["1", "2"]
    assert [one.location for one in incidents([shop, *stores, said("pos", 0, end=5)], 1)] == [""]
    apart = AT_ONCE.model_copy(update={"locations_may_differ": True})
    assert incidents([shop, *stores], 1, apart) == []
    local = [shop, stores[0], said("erp", 0, end=5, location="1")]
    assert incidents(local, 1, ERP_IS_RIGHT) == []
    zone = PromotionRules(zones={"north": ["1"]}, grace_start_hours={"default": 0})
    north = said("shop", 0, end=5, zone="north", event_id="north")
    assert [one.location for one in incidents([shop, north, stores[0]], 1, zone)] == []


def test_corrections_and_withdrawals() -> None:
    """A higher version replaces what its event said; a withdrawal everything of its place."""
    erp, app = said("erp", 0, end=9), said("app", 0, end=5, event_id="a")
    right = said("app", 0, end=9, event_id="a", version=1)
    for given in ([erp, app, right], [right, app, erp]):
        assert incidents(given, 1, ERP_IS_RIGHT) == []
    gone = claims(heard("app", 2, "gone", {"availability": "discontinued"}))
    [found] = incidents([erp, app, gone[0][0]], 3, ERP_IS_RIGHT)
    assert (found.state, found.until) == (IncidentState.RESOLVED, day(2))


def test_what_is_not_repeated_is_forgotten() -> None:
    """After its age, counted from when it was said or began the latest time."""
    rules = PromotionRules(published_max_age_days=5, grace_start_hours={"default": 0})
    given = [said("erp", 0, end=30), said("app", 0, end=20)]
    [found] = incidents(given, 6, rules)
    assert found.until == day(5)
    given += [said("erp", 4, end=30), said("app", 4, end=20)]
    [found] = incidents(given, 6, rules)
    assert found.state is IncidentState.OPEN


def test_when_time_alone_changes_something() -> None:
    """A later claim, a begin, the end of the grace, an end."""
    book = KIND.judge(BOOK, RULES)
    assert book.next_due is None
    book.add([said("erp", 0, start=3, end=9), said("shop", 0, start=3, end=6), said("app", 2)])
    assert book.incidents() == {}
    assert book.next_due == day(0)
    dues = [2, 3, 3 + 4 / 24, 6, 9]
    for now, due in zip([0, *dues], dues, strict=False):
        book.advance(day(now))
        assert book.next_due == day(due), now
    book.advance(day(1000))
    assert book.next_due is None


CHANNELS = ("app", "erp", "shop")


def some_claims(rng: random.Random) -> list[Statement]:
    """A crowded fortnight: few windows and groups, many ties."""
    found: dict[tuple[str, int], Statement] = {}
    for _ in range(rng.randint(2, 14)):
        start = rng.randint(0, 8)
        fields: dict[str, Any] = {
            "start": start,
            "end": rng.choice([None, start + rng.randint(1, 5), 9, 9]),
            "location": rng.choice(["", "", "1"]),
            "customer_group": rng.choice(["", "", "", "club"]),
            "promotion": rng.choice(["P", "P", "Q"]),
            "event_id": f"e{rng.randint(0, 20)}",
            "version": rng.choice([0, 0, 0, 1]),
        }
        if fields["end"] is not None and fields["end"] <= start:
            fields["end"] = start + 1
        one = said(rng.choice(CHANNELS), rng.randint(0, 8), **fields)
        found.setdefault((one.event_id, one.version), one)
    return list(found.values())


class Naive:
    """The same rules, by a look at every day from scratch."""

    def __init__(self, given: list[Statement], now: int, reference: str) -> None:
        newest = {one.event_id: max(two.version for two in given if two.event_id == one.event_id)
                  for one in given}  # fmt: skip
        self.known = [one for one in given if newest[one.event_id] == one.version]
        self.now, self.reference = now, reference

    def standing(self, at: int, channel: str, place: str, promotion: str) -> list[Statement]:
        """Those that no later one replaces and that are not over."""
        mine = sorted(
            one
            for one in self.known
            if (one.channel, one.location, one.terms) == (channel, place, promotion)
            and one.occurred_at <= day(at)
        )
        return [
            one
            for number, one in enumerate(mine)
            if (one.valid_to is None or day(at) < one.valid_to)
            and not any(_overlap(one, later) for later in mine[number + 1 :])
        ]

    def said(self, at: int, place: str, promotion: str) -> dict[str, tuple[str, list[Statement]]]:
        """What each channel says there, and at which place it says so."""
        found: dict[str, tuple[str, list[Statement]]] = {}
        for channel in CHANNELS:
            for source in dict.fromkeys((place, "")):
                mine = self.standing(at, channel, source, promotion)
                if mine:
                    found.setdefault(channel, (source, mine))
        return found

    def differing(self, at: int) -> set[tuple[str, str, str, str]]:
        """Channel, place, promotion and term on a day."""
        found: set[tuple[str, str, str, str]] = set()
        for promotion in ("P", "Q"):
            for place in ("", "1"):
                said = self.said(at, place, promotion)
                for channel, (source, mine) in said.items():
                    for term in ("customer_group", "end"):
                        votes = {
                            name: (where, theirs)
                            for name, (where, theirs) in said.items()
                            if term == "customer_group" or any(one.valid_to for one in theirs)
                        }
                        if len(votes) < 2 or channel not in votes:
                            continue
                        name = self._expected(votes, term)
                        if _agree(mine, votes[name][1], term):
                            continue
                        begins = [one.valid_from for one in (*mine, *votes[name][1])]
                        runs = any(begin is not None and begin <= day(at) for begin in begins)
                        if (
                            source == place
                            and runs
                            and not self._is_repeated(
                                at, channel, place, promotion, term, votes[name][0]
                            )
                        ):
                            found.add((channel, place, promotion, term))
                        if term == "customer_group":
                            break
        return found

    def _expected(self, votes: dict[str, tuple[str, list[Statement]]], term: str) -> str:
        if self.reference in votes:
            return self.reference
        support = {
            name: sum(_agree(mine, theirs, term) for _, theirs in votes.values())
            for name, (_, mine) in votes.items()
        }
        return min(votes, key=lambda name: (-support[name], votes[name][0], name))

    def _is_repeated(
        self, at: int, channel: str, place: str, promotion: str, term: str, expected_at: str
    ) -> bool:
        if not place or expected_at == place:
            return False
        mine = self.standing(at, channel, place, promotion)
        everywhere = sorted(
            one
            for one in self.known
            if (one.channel, one.location, one.terms) == (channel, "", promotion)
            and one.occurred_at <= day(at)
        )
        wider = [
            one
            for number, one in enumerate(everywhere)
            if not any(_overlap(one, later) for later in everywhere[number + 1 :])
            and (one.valid_to is None or day(at - 2) < one.valid_to)
        ]
        return bool(wider) and _agree(mine, wider, term)

    def runs(self) -> set[tuple[str, str, str, str, datetime, datetime | None]]:
        """Everything that differed, from when until when."""
        days = [self.differing(at) for at in range(self.now + 1)]
        found: set[tuple[str, str, str, str, datetime, datetime | None]] = set()
        for key in set().union(*days):
            since: int | None = None
            for at, differing in enumerate(days):
                if key in differing:
                    since = at if since is None else since
                elif since is not None:
                    found.add((*key, day(since), day(at)))
                    since = None
            if since is not None:
                found.add((*key, day(since), None))
        return found


def _overlap(one: Statement, other: Statement) -> bool:
    if one.value != other.value:
        return False
    assert one.valid_from is not None
    assert other.valid_from is not None
    return not (
        (one.valid_to is not None and one.valid_to <= other.valid_from)
        or (other.valid_to is not None and other.valid_to <= one.valid_from)
    )


def _agree(mine: list[Statement], theirs: list[Statement], term: str) -> bool:
    if term == "customer_group":
        return bool({one.value for one in mine} & {one.value for one in theirs})
    return any(
        one.valid_to == other.valid_to or _is_long(one) != _is_long(other)
        for one in mine
        for other in theirs
        if one.valid_to and other.valid_to
    )


def _is_long(one: Statement) -> bool:
    assert one.valid_from is not None
    assert one.valid_to is not None
    return one.valid_to - one.valid_from > timedelta(days=1)


def test_random_histories_against_a_naive_oracle() -> None:
    """Which channel differed where in which term, from when until when."""
    rng, number = random.Random(66), 0
    for _ in range(150):
        given, now = some_claims(rng), rng.randint(0, 12)
        rules = rng.choice([AT_ONCE, ERP_IS_RIGHT])
        exact = rules.model_copy(update={"tolerance_hours": 0})
        found = {
            (one.channel, one.location, details["promotion"], details["term"], one.since, one.until)
            for one in incidents(given, now, exact)
            for details in [one.model_dump()["details"]]
            if one.state is not IncidentState.UPCOMING
        }
        reference = "".join(rules.reference_channels)
        assert found == Naive(given, now, reference).runs(), given
        number += len(found)
    assert number > 60


def test_any_order_and_any_pauses() -> None:
    """The same incidents and due times as from scratch, whatever came when."""
    rng = random.Random(67)
    for _ in range(60):
        given, now = some_claims(rng), rng.randint(1, 14)
        book = KIND.judge(BOOK, RULES)
        arriving = [*given, *rng.sample(given, len(given) // 2)]
        rng.shuffle(arriving)
        for one, tick in zip(arriving, sorted(rng.uniform(0, now) for _ in arriving), strict=True):
            book.add([one])
            if rng.random() < 0.5:
                book.advance(day(tick))
                assert book.incidents() is not None
                assert book.next_due is None or book.next_due > day(tick)
        book.advance(day(now))
        fresh = KIND.judge(BOOK, RULES)
        fresh.add(given)
        fresh.advance(day(now))
        assert (book.incidents(), book.next_due) == (fresh.incidents(), fresh.next_due)


def test_nothing_changes_before_it_is_due() -> None:
    """Between a tick and the next due time a book from scratch finds the same."""
    rng = random.Random(68)
    for _ in range(20):
        given = some_claims(rng)
        book = KIND.judge(BOOK, RULES)
        book.add(given)
        book.advance(day(rng.randint(0, 6)))
        while (due := book.next_due) is not None and due < day(30):
            before, fresh = book.incidents(), KIND.judge(BOOK, RULES)
            fresh.add(given)
            fresh.advance(due - timedelta(milliseconds=1))
            assert fresh.incidents() == before
            book.advance(due)

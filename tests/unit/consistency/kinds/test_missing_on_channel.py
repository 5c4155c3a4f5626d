"""What a channel that carries another's assortment lacks: who asks, who answers, and when."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.claim import Book, Statement
from schemas.incident import AnyIncident, IncidentState, Severity
from schemas.subject import Subject
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.kind import Heard
from services.consistency.kinds.missing_on_channel import (
    KIND,
    NAME,
    Cause,
    MissingDetails,
    MissingRules,
    claims,
)
from tests.events import event
from tests.planted.missing_on_channel import RULES as PLANTED_RULES
from tests.planted.missing_on_channel import missing, plant

RULES = MissingRules(carries={"shop": ["erp"], "app": ["shop", "erp"]})
BOOK = Book("default", NAME, Subject.product("DE", "4711"))
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    """So many days after the begin."""
    return BEGIN + timedelta(days=number)


def heard(kind: str, when: float, channel: str, body: dict[str, Any], **fields: Any) -> Any:
    """The claims of an event."""
    raw = event(kind, channel=channel, identifiers=[], body=body, **fields)
    raw["occurred_at"] = day(when).isoformat()
    one = TouchpointAdapter.validate_python(raw)
    found = claims(Heard(one, day(when), one.revision << 32, 7, "DE", "EUR"))
    assert all(quantity == 0 for _, quantity in found)
    return [claim for claim, _ in found]


def says(channel: str, when: float, **offer: Any) -> Statement:
    """The claim of a published offer; `begin` and `end` are days of its window."""
    fields = {name: offer.pop(name) for name in ("event_id", "revision") if name in offer}
    fields.setdefault("event_id", f"{channel}-{when}")
    for name, bound in (("begin", "valid_from"), ("end", "valid_to")):
        if name in offer:
            offer[bound] = day(offer.pop(name)).isoformat()
    body = {"sku": "4711", "price": "2.49", **offer}
    [found] = heard("offer.published", when, channel, body, **fields)
    assert isinstance(found, Statement)
    return found


def incidents(
    said: Iterable[Statement], now: float, rules: MissingRules = RULES
) -> list[AnyIncident]:
    """What follows when the latest tick is at a day."""
    book = KIND.judge(BOOK, rules)
    book.add(said)
    book.advance(day(now))
    return sorted(book.incidents().values(), key=lambda one: (one.channel, one.since))


ONLY_SHOP = MissingRules(carries={"shop": ["erp"]})


def test_a_product_that_the_shop_never_shows() -> None:
    """Nothing is said for two weeks; then it is open until the shop shows it."""
    said = [says("erp", 0), says("pos", 0)]
    assert incidents(said, 13.99, ONLY_SHOP) == []
    [found] = incidents(said, 14, ONLY_SHOP)
    assert (found.state, found.cause) == (IncidentState.OPEN, Cause.NEVER_SHOWN)
    assert (found.channel, found.location, found.severity) == ("shop", "", Severity.LOW)
    assert (found.since, found.due_at, found.opened_at) == (day(0), day(14), day(14))
    assert found.evidence == [[], ["erp-0"]]
    assert found.details == MissingDetails(reference="erp", offered_since=day(0))
    assert found.details.in_words() == "for sale on erp since 2026-03-01"
    [ended] = incidents([*said, says("shop", 20)], 21, ONLY_SHOP)
    assert (ended.state, ended.until) == (IncidentState.RESOLVED, day(20))
    assert ended.incident_id == found.incident_id
    assert incidents([*said, says("shop", 13)], 40, ONLY_SHOP) == []
    assert KIND.met(found, [], RULES) == []


def test_by_default_nothing_is_asked() -> None:
    """Nobody knows who carries what before somebody says so."""
    book = KIND.judge(BOOK, MissingRules())
    assert len(book.add([says("erp", 0)])) == 1
    book.advance(day(90))
    assert (book.incidents(), book.next_due) == ({}, None)


def test_of_two_lists_the_first_that_speaks_counts() -> None:
    """The app follows the shop, and the price list only for what the shop does not name."""
    both = incidents([says("erp", 0)], 15)
    assert [(one.channel, one.details.model_dump()["reference"]) for one in both] == [
        ("app", "erp"), ("shop", "erp"),
    ]  # fmt: skip
    [only_app] = incidents([says("erp", 0), says("shop", 1)], 16)
    assert (only_app.channel, only_app.since) == ("app", day(0))
    gone = [says("erp", 0), says("shop", 1), says("shop", 2, availability="discontinued")]
    assert incidents(gone, 29) == []


@pytest.mark.parametrize(
    "offer",
    [
        {"seller": "third-party"},
        {"customer_group": "business"},
        {"promotion": "spring", "sale_kind": "promotion"},
        {"sale_kind": "promotion"},
        {"sale_kind": "clearance"},
        {"sale_kind": "personal"},
        {"sale_kind": "short_dated"},
        {"condition": "used"},
        {"price": "0.00"},
        {"location": "12"},
        {"zone": "north"},
        {"end": 28},
        {"availability": "out_of_stock"},
        {"availability": "preorder"},
        {"availability": "discontinued"},
        {"begin": 60},
        {"basis": "displayed"},
    ],
    ids=str,
)
def test_what_is_not_asked_of_others(offer: dict[str, Any]) -> None:
    """What is not sold to everybody, everywhere and for good, or not now."""
    assert incidents([says("erp", 0, **offer)], 29, ONLY_SHOP) == []


@pytest.mark.parametrize(
    "offer",
    [
        {"variant": "red"},
        {"end": 400},
        {"begin": -3},
        {"begin": 2},
        {"availability": "limited"},
        {"sale_kind": "dynamic"},
        {"price": None, "availability": "in_stock"},
    ],
    ids=str,
)
def test_what_is_asked_of_others(offer: dict[str, Any]) -> None:
    """An end in more than a year is none; a begin in the future only puts it off."""
    assert len(incidents([says("erp", 0, **offer)], 29, ONLY_SHOP)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        [says("shop", -90)],
        [says("shop", 3, variant="red", pack_content=6, pack_unit="piece")],
        [says("shop", 3, seller="third-party")],
        [says("shop", 3, promotion="spring", begin=40)],
        [says("shop", 3, location="web-north")],
        [says("shop", 3, availability="out_of_stock", price=None)],
        [says("shop", 3, availability="discontinued")],
        [says("shop", -9, availability="discontinued", location="12")],
        heard("product.viewed", 3, "shop", {"sku": "4711", "offer": {"sku": "4711"}}),
        heard("cart.updated", 3, "shop", {"items": [{"offer": {"sku": "4711", "price": "1"}}]}),
        heard(
            "order.placed", 3, "shop",
            {"order_id": "1", "lines": [{"sku": "4711", "total": "2"}] * 2},
        ),
    ],
    ids=range(11),
)  # fmt: skip
def test_any_sign_of_the_product_answers(answer: list[Statement]) -> None:
    """In whatever variant, place or state; also that the channel does not sell it."""
    assert incidents([says("erp", 0), *answer], 29, ONLY_SHOP) == []


def test_who_delists_answers_until_it_is_asked_again() -> None:
    """A withdrawal of before says nothing of a product that is sold again; one of meanwhile does,
    for as long as it is asked."""
    off: dict[str, Any] = {"availability": "discontinued"}
    season = [says("erp", 0), says("shop", 1), says("erp", 20, **off), says("shop", 20, **off)]
    again = [*season, *(says("erp", number) for number in range(180, 250, 10))]
    [found] = incidents(again, 200, ONLY_SHOP)
    assert (found.since, found.cause) == (day(180), Cause.NOT_LISTED_AGAIN)
    assert found.evidence == [["shop-20"], ["erp-180"]]
    assert found.details.model_dump()["last_shown"] == day(20)
    assert incidents([*again, says("shop", 181, **off)], 249, ONLY_SHOP) == []
    short = MissingRules(carries={"shop": ["erp"]}, published_max_age_days=7)
    assert incidents([*again, says("shop", 181, **off)], 249, short) == []


def test_a_channel_that_repeats_everything_may_no_longer_show_it() -> None:
    """Only where the rules say how often it repeats."""
    said = [says("erp", number) for number in range(60)]
    said += [says("shop", number) for number in range(20)]
    assert incidents(said, 60, ONLY_SHOP) == []
    short = MissingRules(carries={"shop": ["erp"]}, published_max_age_days=7)
    assert incidents(said, 39.99, short) == []
    [found] = incidents(said, 40, short)
    assert (found.since, found.cause) == (day(26), Cause.NO_LONGER_SHOWN)
    assert found.evidence == [["shop-19"], ["erp-0"]]


def test_a_list_that_falls_silent_asks_nothing() -> None:
    """Thirty days after its last word; then the incident ends."""
    [found] = incidents([says("erp", 0)], 29.99, ONLY_SHOP)
    assert found.state is IncidentState.OPEN
    [ended] = incidents([says("erp", 0)], 30, ONLY_SHOP)
    assert ended.until == day(30)
    longer = MissingRules(carries={"shop": ["erp"]}, listed_max_age_days=400)
    assert incidents([says("erp", 0)], 99, longer)[0].state is IncidentState.OPEN


def test_stock_comes_and_goes() -> None:
    """It is asked for from the first delivery on. A product that is out of stock when the grace
    ends is reported when it is back; a price list without stock does not end that."""
    out: dict[str, Any] = {"availability": "out_of_stock", "price": None}
    there: dict[str, Any] = {"availability": "in_stock", "price": None}
    said = [says("erp", 0, **out), says("erp", 5), says("erp", 10, **there)]
    assert incidents(said, 23.99, ONLY_SHOP) == []
    assert incidents(said, 24, ONLY_SHOP)[0].since == day(10)
    said += [says("erp", 20, **out), says("erp", 25), says("erp", 27, **there)]
    assert incidents(said, 26.99, ONLY_SHOP) == []
    [found] = incidents(said, 27, ONLY_SHOP)
    assert (found.since, found.due_at, found.opened_at) == (day(10), day(24), day(27))
    assert incidents([*said, says("erp", 30, **out)], 31, ONLY_SHOP)[0].until is None


def test_variants_are_listed_each_for_itself() -> None:
    """One colour that ends does not end the product; a withdrawal without a variant does."""
    off: dict[str, Any] = {"availability": "discontinued"}
    two = [says("erp", 0, variant="red"), says("erp", 0.1, variant="blue")]
    one = [*two, says("erp", 5, variant="red", **off)]
    assert incidents(one, 15, ONLY_SHOP)[0].until is None
    for last in (says("erp", 6, variant="blue", **off), says("erp", 6, **off)):
        assert incidents([*one, last], 15, ONLY_SHOP) == []


def test_plans_that_change() -> None:
    """A launch that is put off, and one that is called off."""
    planned = says("erp", 0, begin=5)
    assert incidents([planned], 18.99, ONLY_SHOP) == []
    assert incidents([planned], 19, ONLY_SHOP)[0].since == day(5)
    later = says("erp", 3, begin=9)
    assert incidents([planned, later], 29, ONLY_SHOP)[0].since == day(9)
    off = says("erp", 4, availability="discontinued")
    assert incidents([planned, off], 29, ONLY_SHOP) == []
    another = says("erp", 4, availability="discontinued", variant="red")
    assert len(incidents([planned, another], 29, ONLY_SHOP)) == 1


def test_corrections_replace() -> None:
    """A corrected event counts instead of the former one; claims of other books are refused."""
    book = KIND.judge(BOOK, ONLY_SHOP)
    assert (book.next_due, book.incidents()) == (None, {})
    wrong = says("shop", 1, event_id="s")
    book.add([says("erp", 0), wrong])
    assert book.next_due == day(0)
    book.advance(day(20))
    assert book.incidents() == {}
    right = wrong._replace(version=9, channel="marketplace")
    assert book.add([right, wrong, right]) == [right]
    assert [one.cause for one in book.incidents().values()] == [Cause.NEVER_SHOWN]
    assert book.next_due == day(30)
    with pytest.raises(ValueError, match="in the book of"):
        book.add([right._replace(book=Book("other", NAME, BOOK.subject))])


def test_products_and_markets_that_are_asked_of_nobody() -> None:
    """By article number, in whatever capitals, and by market."""
    for sku, market, count in (
        ("4711", "DE", 1), ("test-1", "DE", 0), ("9001", "DE", 0), ("4711", "AT", 0),
    ):  # fmt: skip
        rules = MissingRules(carries={"shop": ["erp"]}, markets=["DE"], exempt=["Test*", "9??1"])
        name = Book("default", NAME, Subject.product(market, sku))
        book = KIND.judge(name, rules)
        book.add([says("erp", 0)._replace(book=name)])
        book.advance(day(20))
        assert len(book.incidents()) == count
    for lists in (["shop"], []):
        with pytest.raises(ValidationError):
            MissingRules.model_validate({"carries": {"shop": lists}})


@pytest.mark.parametrize(
    ("kind", "channel", "body"),
    [
        ("order.placed", "pos", {"order_id": "1", "lines": [{"sku": "4711", "total": "2"}]}),
        ("order.placed", "shop", {"order_id": "1", "receipt_kind": "void"}),
        ("order.placed", "shop", {"order_id": "1", "lines": [{"kind": "fee", "total": "2"}]}),
        ("product.viewed", "shop", {"sku": "4711"}),
        ("page.viewed", "shop", {}),
    ],
)
def test_says_nothing(kind: str, channel: str, body: dict[str, Any]) -> None:
    """Receipts of tills, void ones, fees, and pages without an offer."""
    assert heard(kind, 0, channel, body) == []


def test_of_what_is_planted_exactly_one_is_missing() -> None:
    """Under rules that name the shop; without them, nothing is."""
    for values, wanted in ((PLANTED_RULES, [missing("t")]), ({}, [])):
        books: dict[Book, Any] = {}
        rules = MissingRules.model_validate(values)
        for raw in plant(BEGIN, "t").events:
            one = TouchpointAdapter.validate_python(raw)
            for claim, _ in claims(Heard(one, one.occurred_at, 0, 7, "DE", "EUR")):
                books.setdefault(claim.book, KIND.judge(claim.book, rules)).add([claim])
        for book in books.values():
            book.advance(day(75))
        found = [one for book in books.values() for one in book.incidents().values()]
        assert [(one.about.parts[1], one.state) for one in found] == [
            (sku, IncidentState.OPEN) for sku in wanted
        ]


def oracle(said: Sequence[Statement], channel: str, now: int, rules: MissingRules) -> list[Any]:
    """By definition, day by day: (since, opened, until) of the channel."""
    age, kept = rules.listed_max_age_days, rules.published_max_age_days
    grace = int(rules.grace_start_hours["default"] // 24)
    known = sorted(one for one in said if one.occurred_at <= day(now))
    number = {one: (one.occurred_at - BEGIN).days for one in known}
    effect = {one: max(number[one], ((one.valid_from or BEGIN) - BEGIN).days) for one in known}
    own = [one for one in known if one.channel == channel]
    lists: dict[str, dict[str, bool]] = {name: {} for name in rules.carries[channel]}
    spoke, latest = dict.fromkeys(lists, "nothing"), dict.fromkeys(lists, 0)
    begin, since, opened, found = None, None, None, list[Any]()
    for today in range(now + 1):
        for name, standing in lists.items():
            for one in sorted(known, key=lambda one: (effect[one], one)):
                if one.channel != name or effect[one] != today or one.location:
                    continue
                if not standing:
                    latest[name] = today
                is_out = standing.get(one.terms) is False
                if one.value == "available" or (one.value == "listed" and not is_out):
                    standing[one.terms], latest[name] = True, today
                elif one.value == "unavailable":
                    standing[one.terms] = False
                elif one.value in ("withdrawn", "ending"):
                    standing.pop(one.terms, None)
                    spoke[name] = "gone"
                    if not one.terms:
                        standing.clear()
            if standing and latest[name] + age <= today:
                standing.clear()
                spoke[name] = "nothing"
            elif standing:
                spoke[name] = "for sale" if any(standing.values()) else "out"
        demand = next((one for one in spoke.values() if one != "nothing"), "nothing")
        if demand in ("gone", "nothing"):
            begin = None
        elif begin is None and demand == "for sale":
            begin = today
        before = [one for one in own if number[one] <= today]
        seen = bool(before) and (
            number[before[-1]] + kept > today
            if before[-1].value != "withdrawn" or before[-1].location or before[-1].terms
            else begin is not None and number[before[-1]] > begin
        )
        if since is not None and (begin is None or seen or begin > since[1]):
            if opened is not None:
                found.append((day(since[0]), day(opened), day(today)))
            since = opened = None
        if begin is not None and not seen and since is None:
            since = (today, begin)
        if since is not None and opened is None and today >= since[0] + grace:
            opened = today if demand == "for sale" else None
    if since is not None and opened is not None:
        found.append((day(since[0]), day(opened), None))
    return found


WORDS: list[dict[str, Any]] = [
    {}, {}, {}, {"availability": "in_stock"}, {"availability": "out_of_stock"},
    {"availability": "discontinued"}, {"sale_kind": "clearance"}, {"variant": "red"},
    {"variant": "red", "availability": "discontinued"}, {"location": "12"},
]  # fmt: skip


def history(rng: random.Random) -> list[Statement]:
    """What three channels say within three months; one word a day and channel at the most."""
    said: list[Statement] = []
    for channel, share in (("erp", 0.15), ("shop", 0.04), ("app", 0.03)):
        for number in range(90):
            if rng.random() < share:
                said.append(says(channel, number, **rng.choice(WORDS)))
    return said


def test_as_the_oracle_says_in_any_order() -> None:
    """300 random histories, shuffled, doubled and judged step by step."""
    rng = random.Random(76)
    rules = RULES.model_copy(update={"published_max_age_days": 25, "listed_max_age_days": 18})
    rules = MissingRules.model_validate(
        {**rules.model_dump(), "grace_start_hours": {"default": 24 * 9}}
    )
    counts = dict.fromkeys(Cause, 0)
    for _ in range(300):
        said, now = history(rng), rng.randint(30, 95)
        book = KIND.judge(BOOK, rules)
        for one in rng.sample(said * 2, k=2 * len(said)):
            book.add([one])
            if rng.random() < 0.1:
                book.advance(day(rng.randint(0, now)))
                book.incidents()
        book.advance(day(now))
        found = incidents(said, now, rules)
        assert sorted(book.incidents().values(), key=lambda one: (one.channel, one.since)) == found
        for channel in rules.carries:
            mine = [one for one in found if one.channel == channel]
            assert [(one.since, one.opened_at, one.until) for one in mine] == oracle(
                said, channel, now, rules
            )
        for incident in found:
            counts[Cause(incident.cause)] += 1
    assert min(counts.values()) > 20


def test_nothing_changes_before_it_is_due() -> None:
    """The times at which something is due are all that a judge needs to look at."""
    rng = random.Random(77)
    for _ in range(40):
        lazy = KIND.judge(BOOK, RULES)
        lazy.add(history(rng))
        lazy.advance(day(0))
        before = lazy.incidents()
        while (due := lazy.next_due) is not None:
            lazy.advance(due - timedelta(milliseconds=1))
            assert lazy.incidents() == before
            lazy.advance(due)
            before = lazy.incidents()

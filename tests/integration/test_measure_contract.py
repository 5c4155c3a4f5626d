"""What holds for every measure: the order, repetition and lateness of events do not matter, and a
merge that is undone leaves no trace. And what the store counts is what counting by hand gives."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.events.dialogue import KANO_CHOICES, KanoForm
from schemas.rules.insights import insight_rules
from services.measures.adapters.clickhouse import MeasureReader
from services.measures.catalogue import MEASURES
from services.measures.core.result import MeasureResult
from services.store.database import Database, chunks
from tests.article_pairs import planted
from tests.measure_events import NEWCOMERS, anything_else
from tests.profile_store import (
    NOON,
    READ_AT,
    REALM,
    REALMS,
    Store,
    bought,
    event,
    node,
    random_event,
)
from tests.published_purchases import CALIBRATED, cdnow

pytestmark = pytest.mark.any_store
BERLIN = ZoneInfo("Europe/Berlin")
FIRST, UNTIL = date(2026, 3, 1), date(2026, 3, 20)
LONG_AGO = date(2025, 3, 1)
FIRST_ORDERS = date(2024, 4, 1)
PERSONS = 40
MERGED = 60
"""So many persons become one, also those who only look."""
DAY = 24 * 60


def measured(store: Store, name: str, first: date = FIRST) -> MeasureResult:
    """A measure of three weeks, or more."""
    reader = MeasureReader(store.database, REALMS, insight_rules(), lambda: READ_AT)
    return reader.measure(name, REALM, first, UNTIL)


def address(person: int) -> str:
    """The address of a person."""
    return f"p{person}@example.org"


def orders(draw: random.Random) -> list[dict[str, Any]]:
    """Orders of few persons over two years, many on one day and place; and every other kind."""
    days = [draw.choice([draw.randrange(-700, 0), draw.randrange(28)]) for _ in range(40)]
    found = [
        bought(
            f"o{number}", f"O{number}", f"{draw.randrange(1, 90)}.00",
            draw.choice(days) * DAY + draw.randrange(DAY),
            f"email={address(draw.randrange(PERSONS))}", channel=draw.choice(["shop", "app"]),
        )
        for number in range(160)
    ]  # fmt: skip
    return found + [random_event(draw, number) for number in range(60)]


def surveys(draw: random.Random) -> list[dict[str, Any]]:
    """Answers to surveys of every instrument by the same persons, some of nobody."""
    questions = {
        "nps": ["recommend"],
        "csat": ["delivery", "advice"],
        "ces": ["effort"],
        "stars": ["stars"],
        "cli": ["recommend", "buy_again", "try_other"],
        "relationship": ["satisfaction", "trust", "commitment"],
    }
    found = []
    for number in range(280):
        kind = draw.choice([*questions, "kano"])
        answers: list[dict[str, Any]] = [
            {"question": one, "score": draw.randrange(1, 6), "expected": draw.randrange(1, 6)}
            for one in questions.get(kind, [])
        ]
        if kind == "kano":
            answers = [
                {"question": "feature", "form": form, "choice": draw.choice(KANO_CHOICES)}
                for form in KanoForm
            ]
        if kind == "cli":
            reason = draw.choice(["quality", "price", "service", "other"])
            answers.append({"question": "reason", "choice": reason})
        who = [f"email={address(draw.randrange(PERSONS))}"] if draw.random() < 0.8 else []
        found.append(
            event(
                f"s{number}", "survey.answered", draw.randrange(-28, 17) * DAY + number, *who,
                kind=kind, survey="s", wave=draw.choice("12"), answers=answers,
                channel=draw.choice(["email", "shop"]),
            )
        )  # fmt: skip
    for number in range(60):
        answers = [
            {"question": one, "score": draw.randrange(1, 6)}
            for one in ("delivery", "advice", "overall")
        ]
        who = [f"email={address(number)}"] if number < PERSONS else []
        given = {"kind": "csat", "survey": "n", "answers": answers}
        found.append(event(f"n{number}", "survey.answered", number, *who, **given))
    return found


def days(draw: random.Random) -> list[dict[str, Any]]:
    """Two or three visits on each day of four months, and thirty on one."""
    visits = [(-day, n) for day in range(120) for n in range(draw.randrange(2, 4))]
    visits += [(-5, n) for n in range(10, 40)]
    return [
        event(
            f"d{day}-{n}", "page.viewed", day * DAY + n, f"email={address(draw.randrange(PERSONS))}"
        )
        for day, n in visits
    ]


def newcomers(draw: random.Random) -> list[dict[str, Any]]:
    """Persons who have not bought: some ask for a quote, all look at something."""
    people = [f"email={address(number)}" for number in range(PERSONS, MERGED)]
    looks = [
        event(f"l{n}", "product.viewed", draw.randrange(-60, 17) * DAY, who, category="lamps")
        for n, who in enumerate(people * 3)
    ]
    quotes = [
        event(f"q{n}", "quote.sent", draw.randrange(-60, 17) * DAY, who, quote_id="Q")
        for n, who in enumerate(people[::2] * 4)
    ]
    return looks + quotes


def led(_draw: random.Random) -> list[dict[str, Any]]:
    """Ten persons whom a message of a campaign leads to lamps, of whom half had bought some."""
    found = []
    for number in range(10):
        who, campaign = f"email={address(number)}", {"campaign": "lights", "channel": "email"}
        lines = [{"sku": "S1", "category": "lamps", "total": "9.00"}]
        at = -9 * DAY + number
        found += [
            event(f"g{number}", "email.sent", at, who, **campaign, purpose="marketing"),
            event(f"h{number}", "product.viewed", at + 30, who, category="lamps", led_by="lights"),
        ]
        if number % 2:
            order = {"order_id": f"G{number}", "lines": lines}
            found.append(event(f"i{number}", "order.placed", at - DAY, who, **order))
    return found


def answered_long_ago(_draw: random.Random) -> list[dict[str, Any]]:
    """Ten promoters, who buy afterwards, and ten detractors, who do not."""
    found = []
    for number in range(20):
        who, answers = (
            f"email={address(number)}",
            [{"question": "recommend", "score": number // 10 * 10}],
        )
        found.append(
            event(
                f"a{number}", "survey.answered", -300 * DAY, who,
                kind="nps", survey="long", answers=answers,
            )
        )  # fmt: skip
        if number >= 10:
            lines = [{"sku": "S1", "total": "9.00"}]
            order = {"order_id": f"A{number}", "lines": lines}
            found.append(event(f"b{number}", "order.placed", -250 * DAY, who, **order))
    return found


def promised(draw: random.Random) -> list[dict[str, Any]]:
    """An order of each person with a promise, and that it arrived: some late, some never."""
    found = []
    for number in range(PERSONS):
        who, at = f"email={address(number)}", draw.randrange(-300, -20) * DAY
        due = (NOON + timedelta(minutes=at + 3 * DAY)).isoformat()
        order = {"order_id": f"Y{number}", "lines": [{"sku": "S1", "total": "9.00"}]}
        found.append(event(f"y{number}-", "order.placed", at, who, **order, promised_at=due))
        if number % 5:
            arrived = at + draw.randrange(1, 6) * DAY
            state = {"order_id": f"Y{number}", "status": "delivered"}
            found.append(event(f"z{number}-", "order.status_changed", arrived, who, **state))
    return found


MORE = {
    "anomaly": days,
    "lead_score": newcomers,
    "promise_kept": promised,
    "recommendations": lambda _draw: planted(),
    "relevance": led,
    "satisfaction_effect": answered_long_ago,
}
"""What single measures need beside what all read."""


def heard_of(name: str, draw: random.Random) -> list[dict[str, Any]]:
    """Events that a measure counts, among others."""
    events = orders(draw) + anything_else(draw, address, PERSONS) + surveys(draw)
    return events + (MORE[name](draw) if name in MORE else [])


def since_of(name: str) -> date:
    """The first day of a window in which they say something."""
    return FIRST_ORDERS if name == "retention_curve" else LONG_AGO


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_depends_on_facts_only(database: Database, name: str) -> None:
    """Shuffled, repeated and late events, and a merge that was undone, change nothing; the merge
    itself does."""
    draw = random.Random(name)
    events = heard_of(name, draw)
    store = Store(database)
    store.take(*events)
    since = since_of(name)
    once = measured(store, name, since)
    store.take(*draw.sample(events, len(events)))
    assert measured(store, name, since) == once
    persons = [*range(MERGED), *NEWCOMERS]
    ends = [node("email", address(person)) for person in persons]
    store.place(ends[0], *ends)
    assert measured(store, name, since) != once
    for one in ends:
        store.place(one, one)
    assert measured(store, name, since) == once


@pytest.mark.parametrize("seed", range(6))
def test_counts_of_the_store(database: Database, seed: int) -> None:
    """Occasions and customers as a reader of the definition would count them."""
    draw = random.Random(seed)
    events = [one for one in orders(draw) if one["event_id"].startswith("o")]
    store = Store(database)
    store.take(*events)
    occasions: defaultdict[str, set[tuple[date, str]]] = defaultdict(set)
    times: defaultdict[str, list[datetime]] = defaultdict(list)
    for one in events:
        at = datetime.fromisoformat(one["occurred_at"]).astimezone(BERLIN)
        if at.date() < UNTIL:
            who = one["identifiers"][0]["value"]
            occasions[who].add((at.date(), one["channel"]))
            times[who].append(at)
    inside = {who: sum(day >= FIRST for day, _ in found) for who, found in occasions.items()}
    buyers = {who for who, count in inside.items() if count}
    assert measured(store, "repeat_purchase_rate").counts == {
        "buyers": len(buyers),
        "repeat_buyers": sum(inside[who] > 1 for who in buyers),
        "returning_buyers": sum(len(occasions[who]) > 1 for who in buyers),
    }
    start, end = (datetime.combine(day, datetime.min.time(), BERLIN) for day in (FIRST, UNTIL))
    kinds = Counter(
        (
            any(start - timedelta(days=365) <= at < start for at in found),
            any(end - timedelta(days=365) <= at for at in found),
            min(found) >= start,
        )
        for found in times.values()
    )
    counts = measured(store, "retention_rate").counts
    assert measured(store, "churn_rate").counts == counts
    assert counts == {
        "start": kinds[True, True, False] + kinds[True, False, False],
        "kept": kinds[True, True, False],
        "lost": kinds[True, False, False],
        "new": kinds[False, True, True],
        "returned": kinds[False, True, False],
        "end": kinds[True, True, False] + kinds[False, True, True] + kinds[False, True, False],
        "new_and_lost": kinds[False, False, True],
    }


def test_months_of_cohorts(database: Database) -> None:
    """Ten new customers of January: eight buy in February, six at its very beginning in Berlin."""
    store, start = Store(database), datetime(2026, 1, 31, 22, 59, tzinfo=UTC)
    for number, (minutes, persons) in enumerate(((0, 10), (1, 6), (3 * DAY, 2))):
        at = int((start - NOON).total_seconds() / 60) + minutes
        for one in range(persons):
            person = one + (6 if number == 2 else 0)
            store.take(
                bought(f"{number}-{one}", f"{number}-{one}", "9.00", at, f"email=p{person}@x.org")
            )
    reader = MeasureReader(store.database, REALMS, insight_rules(), lambda: READ_AT)
    found = reader.measure("retention_curve", REALM, date(2026, 1, 1), date(2026, 3, 1))
    assert found.counts == {"new_customers": 10, "next_month": 8}
    assert [(cell.key, cell.value) for cell in found.breakdown] == [("1", 0.8), ("2026-01+1", 0.8)]


def test_the_instant_in_which_the_window_begins(database: Database) -> None:
    """An order of that instant belongs to the window, one of the instant of its end does not."""
    store = Store(database)
    start, end = (datetime.combine(day, datetime.min.time(), BERLIN) for day in (FIRST, UNTIL))
    for name, at in (("start", start), ("end", end), ("old", start - timedelta(days=365))):
        minutes = (at - NOON).total_seconds() / 60
        store.take(
            *(
                bought(f"{name}{n}", f"{name}{n}", "9.00", int(minutes), f"email={name}{n}@x.org")
                for n in range(5)
            )
        )
    found = measured(store, "retention_rate")
    assert (found.counts["start"], found.counts["new"], found.counts["end"]) == (5, 5, 5)


def test_scores_of_buyers(database: Database) -> None:
    """1, 1, 1, 1, 2, 2, 3, 5, 8, 13 occasions have scores of 1, 1, 1, 1, 3, 3, 4, 4, 5, 5; three
    buyers of each kind, as fewer than 25 are not scored."""
    store, often = Store(database), (1, 1, 1, 1, 2, 2, 3, 5, 8, 13)
    for person, count in enumerate(often * 3):
        store.take(
            *(
                bought(f"{person}-{n}", f"{person}-{n}", "9.00", n * DAY, f"email=p{person}@x.org")
                for n in range(count)
            )
        )
    store.take(event("back", "order.returned", DAY, return_id="R", order_id="9-0", refund="120.00"))
    cells = {(cell.by, cell.key): cell.n for cell in measured(store, "rfm").breakdown}
    scores = {
        by: {key: n for (name, key), n in cells.items() if name == by}
        for by in ("frequency", "monetary")
    }
    assert scores["frequency"] == {"1": 12, "3": 6, "4": 6, "5": 6}
    assert scores["monetary"] == {"1": 13, "3": 6, "4": 6, "5": 5}  # one returned more than that


def test_published_parameters_from_events(database: Database) -> None:
    """The models of `clv` on published purchases, sent as orders: the published parameters within
    one per cent. Twenty years are added, for a shop of the nineties has no events."""
    store, shift = Store(database), timedelta(days=7_305)
    midday = datetime.min.time().replace(hour=12)
    for number, part in enumerate(chunks(list(cdnow()), 2_000)):
        orders_of = list[Any]()
        for n, one in enumerate(part):
            at = datetime.combine(one.day + shift, midday, UTC) - NOON
            who, name = f"loyalty_card={1_000_000 + one.customer}", f"{number}-{n}"
            orders_of.append(bought(name, name, str(one.dollars), at // timedelta(minutes=1), who))
        store.take(*orders_of)
    reader = MeasureReader(store.database, REALMS, insight_rules(), lambda: READ_AT)
    found = reader.measure("clv", REALM, None, CALIBRATED + shift)
    assert found.counts == {"customers": 2_357, "repeat_buyers": 946}
    values = {cell.key: cell.value for cell in found.breakdown}
    published = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426, "p": 6.25, "q": 3.74}
    for name, value in published.items():
        assert values[name] == pytest.approx(value, rel=0.01), name
    assert values["alive"] == pytest.approx(0.8, abs=0.1)

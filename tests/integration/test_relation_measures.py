"""Measures of relations on the real engine: what follows feedback, what becomes of customers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from schemas.rules.insights import insight_rules
from services.measures.adapters.clickhouse import MeasureReader
from services.measures.catalogue.silent import VOICES
from services.measures.core.deeds import ACTS, Deed
from services.measures.core.result import MeasureResult
from services.measures.core.silence import CustomerDeeds, silence
from services.store.database import Database
from tests.measure_stories import BERLIN, DAY, END, MINUTE_MAX, UNTIL, Step, happened, measured
from tests.profile_store import READ_AT, REALM, REALMS, Store, bought, event

pytestmark = pytest.mark.any_store
YEAR = 365 * DAY
PEOPLE = 400


@pytest.fixture
def store(database: Database) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


def over_a_year(store: Store, name: str, days: int = 365) -> MeasureResult:
    """A measure of the year up to 20 March."""
    reader = MeasureReader(store.database, REALMS, insight_rules(), lambda: READ_AT)
    return reader.measure(name, REALM, UNTIL - timedelta(days=days), UNTIL)


def value(found: MeasureResult, by: str, key: str) -> tuple[int | None, Any]:
    """Persons and value of a cell."""
    [cell] = [one for one in found.breakdown if (one.by, one.key) == (by, key)]
    return cell.n, cell.value


def invited(minutes: int, **more: Any) -> Step:
    """An invitation to a wave of a survey."""
    return "email.sent", minutes, {
        "purpose": "survey", "survey": "s", "wave": "1", "channel": "email", **more,
    }  # fmt: skip


def scores(minutes: int, score: int, **more: Any) -> Step:
    """An answer whether the customer would recommend us."""
    answers = [{"question": "recommend", "score": score}]
    return "survey.answered", minutes, {
        "kind": "nps", "survey": "s", "wave": "1", "answers": answers, **more,
    }  # fmt: skip


def test_who_answers_an_invitation(store: Store) -> None:
    """An invitation is one however often it is sent, did not arrive if the last that is known is a
    bounce, and is answered by a response to its wave that follows."""
    mail = {"message_id": "m", "channel": "email"}
    happened(
        store,
        [invited(0), scores(9, 9)],
        [invited(0), invited(DAY), scores(2 * DAY, 3)],
        [invited(0, message_id="m"), ("email.bounced", 1, {**mail, "bounce": "hard"})],
        [
            invited(0, message_id="m"), ("email.bounced", 1, {**mail, "bounce": "soft"}),
            ("email.delivered", 2, mail),
        ],
        [invited(5), scores(4, 9)],
        [invited(0), scores(9, 9, wave="2")],
        [invited(0, wave="3"), scores(9, 9, wave="3", nobody=True)],
        [invited(0, synthetic=True), scores(9, 9, synthetic=True)],
    )  # fmt: skip
    found = measured(store, "feedback_loop")
    assert {name: found.counts[name] for name in ("invited", "bounced", "answered")} == {
        "invited": 35, "bounced": 5, "answered": 15,
    }  # fmt: skip
    assert (found.n, found.value) == (30, 0.5)
    assert value(found, "wave", "s 1") == (25, 0.4)
    assert value(found, "wave", "s 3") == (5, 1)


def test_how_much_is_answered(store: Store) -> None:
    """Of the questions of a wave that somebody answered; both halves of a pair are questions."""
    both = [{"question": one, "score": 4} for one in ("advice", "delivery")]
    happened(
        store,
        [scores(0, 9, kind="csat", answers=both)],
        [scores(0, 9, kind="csat", answers=both[:1])],
    )
    assert value(measured(store, "feedback_loop"), "figure", "completion") == (10, 0.75)


def act(minutes: int, feedback: str, **more: Any) -> dict[str, Any]:
    """An action for one event."""
    name = f"act-{feedback}-{minutes}{more.get('action_id', '')}"
    return event(
        name, more.pop("type", "action.planned"), minutes,
        action_id=more.pop("action_id", name), feedback=[feedback], **more,
    )  # fmt: skip


def test_what_follows_bad_feedback(store: Store) -> None:
    """An action that names it within 30 days; an order or a better score within 180. What is
    younger is not judged."""
    bad = -200 * DAY
    happened(
        store,
        [scores(bad, 6)],
        [scores(bad, 2)],
        [
            ("complaint.opened", bad, {"case_id": "C"}),
            ("complaint.opened", bad + 9, {"case_id": "C"}),
        ],
        [("review.posted", bad, {"sku": "S", "rating": 2}), bought_again(bad + 180 * DAY)],
        [("review.posted", bad, {"sku": "S", "rating": 3})],
        [scores(bad, 0), bought_again(bad + 180 * DAY + 1)],
        [scores(bad, 0, wave="0"), scores(bad + DAY, 7)],
        [scores(MINUTE_MAX - 29 * DAY, 0)],
    )
    store.take(
        *(act(bad + 30 * DAY, f"0-{n}-0") for n in range(5)),
        *(act(bad + 30 * DAY + 1, f"1-{n}-0") for n in range(5)),
        *(act(bad + DAY, f"2-{n}-1", type="action.done") for n in range(5)),
        *(act(bad - 1, f"3-{n}-0") for n in range(5)),
    )
    found = over_a_year(store, "feedback_loop")
    assert (found.n, found.counts) == (None, {})  # nobody was invited
    assert value(found, "figure", "acted") == (30, pytest.approx(1 / 3))
    assert value(found, "figure", "recovered") == (30, pytest.approx(1 / 3))


def bought_again(minutes: int, **more: Any) -> Step:
    """An order of one article."""
    line = {"sku": "S", "category": "lamps", "total": "10.00", **more}
    return "order.placed", minutes, {"order_id": f"O{minutes}-", "lines": [line]}


def test_thanks_and_actions_in_time(store: Store) -> None:
    """A message of service within seven days; an action is done when it was first due."""
    mail = {"purpose": "service", "channel": "email"}
    happened(
        store,
        [scores(0, 9), ("email.sent", 7 * DAY, mail)],
        [scores(0, 9), ("email.sent", 7 * DAY + 1, mail)],
        [scores(0, 9), ("email.sent", DAY, {"purpose": "marketing", "channel": "email"})],
        [scores(MINUTE_MAX - 6 * DAY, 9)],
    )
    due = {"due": (END - timedelta(days=5)).isoformat()}
    later = {"due": (END - timedelta(days=1)).isoformat()}
    planned = [act(n, "0-0-0", action_id=f"a{n}", **due) for n in range(6)]
    moved = [act(60 + n, "0-0-0", action_id=f"a{n}", **later) for n in range(6)]
    done_at = MINUTE_MAX - 5 * DAY
    store.take(
        *planned, *moved,
        *(act(done_at, "0-0-0", action_id=f"a{n}", type="action.done") for n in (0, 1)),
        event("late", "action.done", done_at + 1, action_id="a2"),
    )  # fmt: skip
    found = measured(store, "feedback_loop")
    assert value(found, "figure", "thanked") == (15, pytest.approx(1 / 3))
    assert value(found, "figure", "done_on_time") == (6, pytest.approx(2 / 6))


def test_drivers_of_the_store(store: Store) -> None:
    """Who answered everything counts with the latest answer to each; rare questions are none."""
    draw = random.Random(3)
    for n in range(80):
        advice, delivery = draw.randrange(1, 6), draw.randrange(1, 6)
        whole = max(1, min(5, round((2 * advice + delivery) / 3)))
        given = {"advice": advice, "delivery": delivery, "overall": whole}
        if n < 10:
            given["parking"] = 1
        if n < 4:
            del given["delivery"]
        answers = [{"question": one, "score": score} for one, score in given.items()]
        who = [f"email=p{n}@x.org"] if n % 2 else []
        store.take(
            event(f"a{n}", "survey.answered", n, *who, kind="csat", answers=answers, wave="1"),
            event(f"b{n}", "survey.answered", n - DAY, *who, kind="csat", wave="0",
                  answers=[{"question": "advice", "score": 6 - advice}]),
        )  # fmt: skip
    found = measured(store, "drivers")
    assert found.counts == {"respondents": 76, "attributes": 2, "incomplete": 4}
    assert [(one.by, one.key) for one in found.breakdown if one.by == "importance"] == [
        ("importance", "advice"), ("importance", "delivery"),
    ]  # fmt: skip
    assert found.value is not None
    assert found.value > 0.8
    of = {one: value(found, "importance", one)[1] for one in ("advice", "delivery")}
    assert of["advice"] > 2 * of["delivery"]


def test_recommendation_is_explained_where_nothing_is_asked_about_the_whole(store: Store) -> None:
    """Scores of the same persons, of 0 to 10."""
    for n in range(60):
        who, advice = f"email=p{n}@x.org", n % 5 + 1
        store.take(
            event(f"a{n}", "survey.answered", n, who, kind="csat",
                  answers=[{"question": "advice", "score": advice}]),
            event(f"b{n}", "survey.answered", n, who, kind="nps",
                  answers=[{"question": "recommend", "score": 2 * advice}]),
        )  # fmt: skip
    found = measured(store, "drivers")
    assert found.value == pytest.approx(1)
    assert [one.key for one in found.breakdown if one.by == "target"] == ["recommend"]


def test_what_promoters_and_detractors_do(store: Store) -> None:
    """Within 180 days of the first answer; what came before is no effect of it."""
    at = -190 * DAY
    promotion = {"discounts": [{"kind": "promotion", "amount": "1.00"}]}
    happened(
        store,
        [bought_again(at - DAY), scores(at, 9), bought_again(at + 90 * DAY, **promotion)],
        [bought_again(at - DAY), scores(at, 10), bought_again(at + 180 * DAY, category="chairs")],
        [bought_again(at - 200 * DAY), scores(at, 3), scores(at + DAY, 10),
         bought_again(at + 180 * DAY + 1)],
        [scores(at, 0), ("complaint.opened", at + DAY, {"case_id": "C"})],
        [scores(at, 9), ("referral.made", at + DAY, {"code": "R"})],
        [scores(at, 7)],
        [scores(-100 * DAY, 0)],
    )  # fmt: skip
    found = over_a_year(store, "satisfaction_effect")
    assert found.counts == {"promoters": 15, "passives": 5, "detractors": 10}
    assert found.n == 30
    assert found.value == pytest.approx(2 / 3)
    wanted = {
        ("bought_90", "promoters"): (15, 1 / 3), ("bought_180", "promoters"): (15, 2 / 3),
        ("bought_180", "detractors"): (10, 0), ("cross_bought", "promoters"): (15, 1 / 3),
        ("referred", "promoters"): (15, 1 / 3), ("complained", "detractors"): (10, 0.5),
        ("lost", "promoters"): (10, 0), ("lost", "detractors"): (5, 1),
        ("revenue", "promoters"): (15, 20 / 3), ("regular_price", "promoters"): (10, 0.5),
    }  # fmt: skip
    for (by, key), (n, share) in wanted.items():
        assert value(found, by, key) == (n, pytest.approx(share)), (by, key)


def lives(draw: random.Random, persons: int) -> Iterator[dict[str, Any]]:
    """Orders, visits and voices of some persons over three years, each less active at the end."""
    for person in range(persons):
        who = f"email=p{person}@example.org"
        for n in range(draw.randrange(2, 6)):
            minutes = (
                -draw.randrange(3 * YEAR) if draw.random() < 0.7 else -draw.randrange(YEAR // 2)
            )
            yield bought(f"o{person}-{n}", f"O{person}-{n}", "9.00", minutes, who,
                         channel=draw.choice(["shop", "app"]))  # fmt: skip
            if person % 3 == 0:  # and at the till: two occasions of one day
                yield bought(f"t{person}-{n}", f"T{person}-{n}", "9.00", minutes + 1, who,
                             channel="pos")  # fmt: skip
        for n in range(draw.randrange(30)):
            minutes = -draw.randrange(3 * YEAR)
            yield event(f"v{person}-{n}", "page.viewed", minutes, who, url="https://x.org/")
        if draw.random() < 0.4:
            minutes, score = -draw.randrange(3 * YEAR), draw.randrange(11)
            kind, _, body = scores(minutes, score)
            yield event(f"s{person}", kind, minutes, who, **body)
        if draw.random() < 0.3:
            about = {"case_id": f"C{person}", "direction": draw.choice(["us", "customer"])}
            minutes = -draw.randrange(3 * YEAR)
            yield event(f"c{person}", "support.contacted", minutes, who, **about)


def deeds_of(events: list[dict[str, Any]], who: str) -> CustomerDeeds:
    """What a person did, as events say it."""
    orders, voices, acts = list[Deed](), list[Deed](), list[Deed]()
    for one in events:
        if one["identifiers"][0]["value"] != who:
            continue
        deed = Deed(datetime.fromisoformat(one["occurred_at"]), one["event_id"], one["channel"])
        body, by_us = one["body"], one["body"].get("direction") == "us"
        if one["type"] == "order.placed":
            orders.append(deed)
        is_passive = one["type"] == "survey.answered" and body["answers"][0]["score"] in (7, 8)
        if one["type"] in (*VOICES, "survey.answered") and not is_passive and not by_us:
            voices.append(deed)
        if one["type"] in ACTS and not by_us:
            acts.append(deed)
    return CustomerDeeds(orders, voices, acts)


def test_the_silent_ones_of_the_store(store: Store) -> None:
    """The store counts those of whom the rule for one customer says so, now and a year before."""
    draw = random.Random(11)
    events = list(lives(draw, PEOPLE))
    for part in range(0, len(events), 2_000):
        store.take(*events[part : part + 2_000])
    counted = Counter[tuple[bool, bool, bool]]()
    for person in range(PEOPLE):
        deeds = deeds_of(events, f"p{person}@example.org")
        for is_past in (False, True):
            as_of = END - timedelta(days=365 * is_past)
            judged = silence(deeds, as_of, BERLIN, 365)
            lost = is_past and not any(as_of <= one.at < END for one in deeds.orders)
            if judged.is_judged:
                counted[is_past, judged.is_silent, lost] += 1
    found = over_a_year(store, "silent")
    silent = counted[False, True, False]
    assert found.counts == {"customers": silent + counted[False, False, False], "silent": silent}
    assert silent >= 5
    assert counted[True, True, True] > 0
    for is_silent, name in ((True, "silent"), (False, "others")):
        gone, stay = counted[True, is_silent, True], counted[True, is_silent, False]
        wanted = (gone + stay, pytest.approx(gone / (gone + stay)))
        assert value(found, "lost_within_a_year", name) == wanted


def test_quality_of_relationships_on_the_store(store: Store) -> None:
    """The latest answer to each question; who answered about one dimension is none of the whole."""
    for n in range(40):
        low, high = n % 3 + 1, n % 3 + 3
        given = {"satisfaction": 5, "trust_person": low, "trust_company": high, "commitment": 3}
        answers = [{"question": one, "score": score} for one, score in given.items()]
        before = [{"question": "satisfaction", "score": 1}]
        who = f"email=p{n}@x.org"
        store.take(
            event(f"a{n}", "survey.answered", n, who, kind="relationship", answers=answers),
            event(f"b{n}", "survey.answered", n - 9, who, kind="relationship", answers=before),
            event(f"c{n}", "survey.answered", n, kind="relationship", answers=answers[3:]),
        )
    found = measured(store, "relationship_quality")
    assert found.counts == {"whole": 40, "satisfaction": 40, "trust": 40, "commitment": 80}
    trust = sum(25 * (n % 3 + 1) for n in range(40)) / 40
    assert found.value == pytest.approx((100 + trust + 50) / 3, abs=1e-3)
    assert value(found, "dimension", "satisfaction") == (40, 100)
    assert value(found, "alpha", "trust") == (40, pytest.approx(1))


def test_anomalies_of_the_store(store: Store) -> None:
    """Ten visits on each of 84 days, forty on one in March; of visitors, too."""
    visits = [(day, n) for day in range(-74, 18) for n in range(40 if day == 3 else 10 + day % 2)]
    events = [
        event(f"{day}-{n}", "page.viewed", day * DAY + n, f"cookie=c{n}", url="https://x.org/")
        for day, n in visits
    ]
    store.take(*events)
    found = measured(store, "anomaly")
    assert found.counts["series"] == 1
    assert [(one.by, one.key, one.n) for one in found.breakdown] == [
        ("visits", "shop 2026-03-05", 40)
    ]
    assert found.value == 1


def test_types_of_the_store(store: Store) -> None:
    """Three planted kinds: in stores, online at a reduction, and in the app with a return."""
    reduced = [{"kind": "promotion", "amount": "1.00"}]
    events = list[Any]()
    for n in range(210):
        who, part = f"email=p{n}@x.org", n % 3
        for k in range((8, 2, 1)[part]):
            line = {"sku": "S", "total": ("90.00", "20.00", "20.00")[part]}
            line["category"] = ("lamps", "chairs", "tables")[part]
            lines = [line | ({"discounts": reduced} if part else {})]
            events.append(
                event(f"{n}-{k}", "order.placed", k * DAY + n % 7, who, order_id=f"{n}-{k}",
                      lines=lines, channel=("pos", "shop", "app")[part])
            )  # fmt: skip
        if part == 2:
            events.append(event(f"c{n}", "support.contacted", 9, who, case_id=f"C{n}"))
            events.append(
                event(f"r{n}", "order.returned", DAY, who, return_id=f"R{n}", order_id=f"{n}-0",
                      refund="20.00")
            )  # fmt: skip
    store.take(*events)
    found = measured(store, "types")
    assert found.counts == {"buyers": 210, "types": 3}
    assert [value(found, "type", str(one)) for one in (1, 2, 3)] == [(70, pytest.approx(1 / 3))] * 3
    assert value(found, "type_1", "channel pos")[1] > 1

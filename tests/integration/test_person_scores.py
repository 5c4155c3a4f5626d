"""Scores of single customers on the store: by key, as their measures have it, and none of whoever
objects to profiling."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from schemas.api.insights import InsightScore, PersonInsights
from schemas.rules.insights import insight_rules
from schemas.rules.profile import profile_rules
from services.measures.adapters.clickhouse import MeasureReader
from services.measures.adapters.person import PersonScoreReader
from services.measures.adapters.values import MeasureValues
from services.measures.core.result import KeptMeasure
from services.profiles.adapters.history import HistoryReader
from services.runtime.errors import NotFound
from services.store.database import Database
from tests.measure_events import anything_else
from tests.profile_store import REALM, REALMS, Store, bought, event, node

pytestmark = pytest.mark.any_store
MIDNIGHT = datetime.fromisoformat("2026-03-20T00:00:00+01:00")
"""A window of measures ends there, and there the scores are read."""
PERSONS, BUYERS = 40, 120
DAY = 24 * 60
ANNA, CARD, BERT = "email=anna@example.org", "loyalty_card=77", "email=bert@example.org"


def reader_of(store: Store) -> PersonScoreReader:
    histories, kept = HistoryReader(store.reader), MeasureValues(store.database)
    rules, consent = insight_rules(), profile_rules().consent
    return PersonScoreReader(
        store.database, histories, REALMS, rules, consent, kept, lambda: MIDNIGHT
    )


def scores(store: Store, who: str) -> PersonInsights:
    """Of the profile that holds an identifier."""
    [held] = store.reader.resolve(REALM, [nodes(who)[0]]).values()
    return reader_of(store).scores(REALM, held.profile)


def nodes(*words: str) -> list[int]:
    return [node(*word.split("=", 1)) for word in words]


def by_name(found: PersonInsights) -> dict[str, InsightScore]:
    return {one.score: one for one in found.scores}


def shopping(*who: str, first: int = 0) -> list[dict[str, Any]]:
    """Three purchases at the till."""
    return [
        bought(f"b{who[0]}{n}", f"O{who[0]}{n}", "9.00", first + n, *who, channel="pos")
        for n in range(3)
    ]


def objects(number: str, *who: str, minutes: int = 60, **more: Any) -> dict[str, Any]:
    return event(number, "objection.made", minutes, *who, **{"purpose": "profiling", **more})


def test_an_objection_ends_every_score_until_a_later_consent(database: Database) -> None:
    """At once, with the event that says so; an objection to marketing ends none."""
    store = Store(database)
    store.take(*shopping(ANNA), objects("o0", ANNA, purpose="marketing"))
    assert by_name(scores(store, ANNA))["channel_preference"].word == "pos"
    store.take(objects("o1", ANNA, minutes=70))
    found = scores(store, ANNA)
    assert found.scores == []
    assert found.objection is not None
    assert (found.objection.event_id, found.objection.reason) == ("o1", "objected")
    store.take(event("c1", "consent.given", 80, ANNA, purpose="profiling", channel="email"))
    found = scores(store, ANNA)
    assert (found.objection, by_name(found)["channel_preference"].word) == (None, "pos")


def test_an_objection_follows_the_person(database: Database) -> None:
    """Who is merged with somebody who objected has no scores; parted again each is as before. The
    objection of a test journey is none."""
    store = Store(database)
    store.take(*shopping(CARD), *shopping(ANNA, first=10), objects("o1", ANNA))
    store.take(objects("o2", CARD, synthetic=True))
    assert by_name(scores(store, CARD))["channel_preference"].word == "pos"
    card, anna = nodes(CARD, ANNA)
    store.place(card, card, anna)
    merged = scores(store, CARD)
    assert (merged.scores, merged.objection and merged.objection.event_id) == ([], "o1")
    assert merged == scores(store, ANNA)
    store.place(card, card)
    store.place(anna, anna)
    assert by_name(scores(store, CARD))["channel_preference"].word == "pos"
    assert scores(store, ANNA).scores == []


def test_facts_of_all_identifiers_count_once(database: Database) -> None:
    """Repeated, revised and synthetic events, and those of others, change nothing; a merge adds."""
    store = Store(database)
    answered = {"kind": "nps", "survey": "s", "answers": [{"question": "recommend", "score": 9}]}
    told = [
        *shopping(ANNA),
        event("m1", "message.sent", 5, ANNA, channel="sms", purpose="marketing", message_id="M"),
        event("m2", "email.sent", 6, ANNA, purpose="survey", message_id="N"),
        event("s1", "survey.answered", 7, ANNA, **answered),
        event("w1", "profile.updated", 8, ANNA, attributes={"preference.channel": "phone"}),
    ]
    store.take(*told)
    once = scores(store, ANNA)
    found = by_name(once)
    assert (found["channel_preference"].word, found["nps"].value) == ("phone", 9)
    assert found["contact_pressure"].reasons[0].what.startswith("0 contacts within 7 days")
    assert "2 within 30 days" in found["contact_pressure"].reasons[0].what
    store.take(*told, *shopping(BERT), objects("o9", BERT))
    store.take(event("x", "survey.answered", 90, ANNA, synthetic=True, **answered))
    assert scores(store, ANNA) == once
    answered["answers"] = [{"question": "recommend", "score": 3}]
    store.take(event("s1", "survey.answered", 7, ANNA, revision=1, **answered))
    assert by_name(scores(store, ANNA))["nps"].word == "detractor"
    store.take(*shopping(CARD))
    anna, card = nodes(ANNA, CARD)
    store.place(anna, anna, card)
    assert "6 of 6" in by_name(scores(store, ANNA))["channel_preference_buying"].reasons[0].what


def test_scores_of_all_persons_are_the_measure(database: Database) -> None:
    """Random events of persons who are several identifiers: as many prefer each channel, and are
    blocked, as the measure counts over the same year."""
    draw = random.Random(19)
    store = Store(database)

    def address(person: int) -> str:
        return f"p{person}@example.org"

    events = anything_else(draw, address, PERSONS)
    events += [
        event(
            f"w{n}", "profile.updated", n * DAY, f"email={address(n)}",
            attributes={"preference.channel": draw.choice(["email", "phone"])},
        )
        for n in range(0, 15, 3)
    ]  # fmt: skip
    events += [
        event(
            f"c{n}", "email.sent", 15 * DAY + n, f"email={address(draw.randrange(8))}",
            purpose="marketing",
        )
        for n in range(24)
    ]  # fmt: skip
    store.take(*events)
    people = [f"email={address(n)}" for n in range(PERSONS)]
    for one, other in zip(people[::4], people[1::4], strict=True):
        first, second = nodes(one, other)
        store.place(first, first, second)
    held = {one.profile for one in store.reader.resolve(REALM, nodes(*people)).values()}
    found = [by_name(reader_of(store).scores(REALM, one)) for one in sorted(held)]
    measures = MeasureReader(database, REALMS, insight_rules(), lambda: MIDNIGHT)

    def counted(name: str, score: str) -> dict[str, int]:
        """Persons by channel, of the cells that are shown."""
        words = Counter(one[score].word for one in found if one[score].word)
        cells = measures.measure("channel_preference", REALM).breakdown
        shown = {one.key: one.n for one in cells if one.by == name and one.n is not None}
        assert shown, name
        assert {key: words[key] for key in shown} == shown, name
        return shown

    counted("channel", "channel_preference")
    assert any(counted(one, f"channel_preference_{one}") for one in ("buying", "service"))
    blocked = sum(one["contact_pressure"].word != "free" for one in found)
    assert measures.measure("contact_pressure", REALM).counts["blocked"] == blocked > 0


def orders(draw: random.Random, who: Sequence[str]) -> list[dict[str, Any]]:
    """Orders, cancellations and returns of few persons over two years, some on one day."""
    found = []
    for number in range(500):
        minutes = draw.choice([draw.randrange(-700, 0), draw.randrange(-90, 17)]) * DAY
        one = bought(
            f"o{number}", f"O{number}", f"{draw.randrange(5, 90)}.00",
            minutes + draw.randrange(DAY), draw.choice(who), channel=draw.choice(["shop", "app"]),
            currency=draw.choice(["EUR", "EUR", "EUR", "USD"]),
        )  # fmt: skip
        found.append(one)
        name, more = draw.choice([
            ("order.cancelled", {}), ("order.returned", {"return_id": f"R{number}"}),
            ("order.returned", {"return_id": f"R{number}"}),
        ])  # fmt: skip
        if draw.random() < 0.3:
            lines = {"lines": [{"sku": "4711", "total": "4.00"}]} if more else {}
            found.append(
                event(f"x{number}", name, 16 * DAY, order_id=f"O{number}", **more, **lines)
            )
    return found


def test_scores_among_buyers_are_the_measure(database: Database) -> None:
    """Of all persons the three scores and the groups are those that the measure counted, also after
    one of them bought more: they are about the window of the kept answer."""
    draw = random.Random(5)
    store = Store(database)
    people = [f"email=p{n}@example.org" for n in range(BUYERS)]
    store.take(*orders(draw, people))
    measures = MeasureReader(database, REALMS, insight_rules(), lambda: MIDNIGHT)
    result = measures.measure("rfm", REALM)
    assert not any(one.flags for one in result.breakdown if one.by not in ("group", "revenue"))
    values = MeasureValues(database)
    values.keep([KeptMeasure(map_version=values.map_version(REALM), result=result)])
    store.take(bought("late", "LATE", "900.00", 25 * DAY, people[0]))
    reader = reader_of(store)
    found = [by_name(reader.scores(REALM, one))["rfm"] for one in nodes(*people)]
    known = [one for one in found if one.absent is None]
    assert len(known) == result.n
    assert {one.compared_with for one in known} == {MIDNIGHT}
    cells = {(one.by, one.key): one.n for one in result.breakdown}
    for place, by in enumerate(("recency", "frequency", "monetary")):
        points = Counter(f"{one.reasons[place].points:.0f}" for one in known)
        assert points == {key: n for (name, key), n in cells.items() if name == by}, by
    groups = {key: n for (name, key), n in cells.items() if name == "group" and n}
    words = Counter(one.word for one in known)
    assert {key: words[key] for key in groups} == groups


class Watched:
    """A store that remembers the statements that were asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def rows(self, sql: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        self.asked.append((sql, parameters or {}))
        return self._database.rows(sql, parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


def rows_estimated(database: Database, asked: Sequence[tuple[str, dict[str, Any]]]) -> int:
    """How many rows of tables the statements would read."""
    found = 0
    for sql, parameters in asked:
        rows = database.rows(f"EXPLAIN ESTIMATE {sql}", parameters)
        found += sum(int(row[3]) for row in rows)
    return found


def test_nobody_else_is_read(database: Database) -> None:
    """However many others there are, the statements read a few granules of each table, and none
    looks for more of whoever objects."""
    store = Store(database)
    others = [f"email=o{n}@example.org" for n in range(3_000)]
    store.take(*(bought(f"e{n}", f"E{n}", "9.00", n % 900, who) for n, who in enumerate(others)))
    store.take(*shopping(ANNA), *shopping(BERT), objects("o1", BERT))
    for table in ("touchpoints", "node_values", "orders", "interactions", "surveys"):
        database.command(f"OPTIMIZE TABLE {table} FINAL")
    database_of = Watched(database)
    reader = reader_of(store)
    reader._database = database_of  # type: ignore[assignment]
    [anna, bert] = nodes(ANNA, BERT)
    assert reader.scores(REALM, anna).scores
    read = [rows_estimated(database, [one]) for one in database_of.asked]
    assert 0 < max(read) < 3_000 / 3, read
    database_of.asked.clear()
    assert reader.scores(REALM, bert).objection
    assert database_of.asked == []


def test_an_unknown_realm_is_said(database: Database) -> None:
    """By its name, with those that there are."""
    with pytest.raises(NotFound, match="realm 'nowhere' is not configured"):
        reader_of(Store(database)).scores("nowhere", 1)

"""What strangers do to identity, and honest customers do not, as streams at several rates: who is
joined, who is told about, and what is proposed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from schemas.identifiers import node_id
from schemas.rules.identity import identity_rules
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.adapters.notices import NoticeReader
from services.identity.core.notices import Notice, NoticeKind, ProposedAction, proposal
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.store.database import Database
from services.store.profile_map import ProfileMap
from tests.events import RECEIVED_AT, SECRET, event, identifier, line, order
from tests.integration.test_recovery import pipeline
from tests.tiers import always

pytestmark = pytest.mark.any_store
EVENING = datetime(2025, 3, 2, 22, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TILL = {"system": "till-backend", "store": "12", "till": "3"}
PERSONAL = {"loyalty_card", "email", "customer_number"}
CROWD, BUSY = NoticeKind.SUSPICIOUS_VALUE, NoticeKind.BUSY_VALUE
MANY, DEGREE = NoticeKind.MANY_IDENTIFIERS, NoticeKind.DEGREE_LIMIT
Json = dict[str, Any]
Value = tuple[str, str]


def links(value: Value, other: str, times: Iterable[timedelta]) -> list[Json]:
    """At each time the value is seen with another identifier of a type."""
    return [
        event(
            "identity.linked",
            channel="pos",
            source=TILL,
            identifiers=[
                identifier(*value, verified=value[0] in PERSONAL),
                identifier(*of(value, other, number), verified=other in PERSONAL),
            ],
            occurred_at=(EVENING + at).isoformat(),
        )
        for number, at in enumerate(times)
    ]


def of(value: Value, other: str, number: int) -> Value:
    """The identifier with which a value is seen for the so many-th time."""
    name = f"{value[1].strip('+').replace('@', '-')}-{number}"
    if other == "email":
        return other, f"{name}@mail.example.com"
    return other, f"+4930231{number:05d}" if other == "phone" else name


def receipts(card: Value, times: Iterable[timedelta]) -> list[Json]:
    """Purchases with a card."""
    return [
        order(
            f"{card[1]}-{number}",
            "10.00",
            channel="pos",
            source=TILL,
            identifiers=[identifier(*card, verified=True)],
            occurred_at=(EVENING + at).isoformat(),
        )
        for number, at in enumerate(times)
    ]


def every(step: timedelta, count: int) -> list[timedelta]:
    """So many times with equal pauses."""
    return [step * number for number in range(count)]


def card(name: str) -> Value:
    """A loyalty card."""
    return "loyalty_card", name


def mail(name: str) -> Value:
    """An address."""
    return "email", f"{name}@post.example.com"


STREAMS: dict[str, tuple[Value, list[Json], list[NoticeKind], int]] = {
    name: (value, sent, told, profiles)
    for name, value, sent, told, profiles in [
        # A staff card, for whoever has none: by itself, with addresses, with payment cards.
        ("till", card("t-1"), receipts(card("t-1"), every(MINUTE, 200)), [BUSY], 1),
        ("two a day", card("t-2"), receipts(card("t-2"), every(12 * HOUR, 60)), [], 1),
        ("21 in a day", card("t-3"), receipts(card("t-3"), every(HOUR, 21)), [BUSY], 1),
        ("20 in a day", card("t-4"), receipts(card("t-4"), every(DAY / 19.9, 20)), [], 1),
        ("7 in a day", card("m-7"), links(card("m-7"), "email", every(HOUR, 7)), [MANY], 1),
        (
            "8 over midnight",
            card("m-8"),
            links(card("m-8"), "email", every(HOUR, 8)),
            [CROWD],
            9,
        ),
        (
            "8 in 24 hours",
            card("m-9"),
            links(card("m-9"), "email", [*every(HOUR, 7), DAY - timedelta(milliseconds=1)]),
            [CROWD],
            9,
        ),
        (
            "8 slower",
            card("m-10"),
            links(card("m-10"), "email", [*every(HOUR, 7), DAY]),
            [MANY],
            1,
        ),
        ("3 a day", card("m-11"), links(card("m-11"), "email", every(8 * HOUR, 90)), [DEGREE], 91),
        (
            "payment cards",
            card("p-1"),
            links(card("p-1"), "payment_token", every(MINUTE, 31)),
            [CROWD],
            32,
        ),
        (
            "payment cards, 3 a day",
            card("p-2"),
            links(card("p-2"), "payment_token", every(8 * HOUR, 90)),
            [MANY],
            1,
        ),
        # The telephone of a call centre, from which orders of everybody are placed.
        (
            "200 in an hour",
            ("phone", "+493023125014"),
            links(("phone", "+493023125014"), "order_number", every(HOUR / 200, 200)),
            [CROWD],
            201,
        ),
        (
            "callers",
            ("phone", "+493023125015"),
            links(("phone", "+493023125015"), "customer_number", every(HOUR, 8)),
            [CROWD],
            9,
        ),
        # The same, so slowly that no day is remarkable: told once it belongs to nobody.
        (
            "12 a day",
            ("phone", "+493023125016"),
            links(("phone", "+493023125016"), "order_number", every(2 * HOUR, 201)),
            [DEGREE],
            202,
        ),
        (
            "12 a day, fewer",
            ("phone", "+493023125017"),
            links(("phone", "+493023125017"), "order_number", every(2 * HOUR, 200)),
            [],
            1,
        ),
        # An address that somebody types to try things out.
        (
            "tests",
            mail("try"),
            links(mail("try"), "loyalty_card", every(MINUTE, 8)),
            [CROWD],
            9,
        ),
        ("few tests", mail("few"), links(mail("few"), "loyalty_card", every(MINUTE, 7)), [MANY], 1),
        # Honest growth.
        (
            "visits",
            ("cookie", "regular"),
            links(("cookie", "regular"), "session", every(26 * HOUR, 300)),
            [],
            1,
        ),
        ("often", card("v-1"), links(card("v-1"), "session", every(HOUR, 300)), [], 1),
        ("family", card("f-1"), links(card("f-1"), "email", every(DAY * 90, 4)), [], 1),
        ("household", card("f-2"), links(card("f-2"), "cookie", every(DAY * 4, 150)), [], 1),
        ("old addresses", card("f-3"), links(card("f-3"), "email", every(-DAY * 400, 5)), [], 1),
    ]
}


def consumed(database: Database, sent: list[Json], batch: int) -> NoticeReader:
    """The notices after the events."""
    run = pipeline(database)
    for start in range(0, len(sent), batch):
        decoded = [Line(one, len(one)) for one in map(line, sent[start : start + batch])]
        run.finish(run._stage.decode(decoded, RECEIVED_AT, Intake.FILE))
    return reader(database)


def reader(database: Database) -> NoticeReader:
    """Of what is stored now."""
    return NoticeReader(database, ClickHouseIdentityStore(database), identity_rules())


def node(value: Value) -> int:
    """Its node id."""
    return node_id(SECRET, "default", value[0], "", value[1])


@pytest.mark.parametrize("seed", always({0}, range(2)))
def test_each_stream_has_its_notices_and_profiles(database: Database, seed: int) -> None:
    """All at once, in any order of arrival and any batches."""
    sent = [one for _, events, _, _ in STREAMS.values() for one in events]
    Random(seed).shuffle(sent)
    found = consumed(database, sent, (3000, 57)[seed])
    told: dict[int, list[NoticeKind]] = {}
    for one in found.notices("default"):
        told.setdefault(one.node, []).append(one.kind)
    placed = ProfileMap(database)
    for name, (_, events, kinds, profiles) in STREAMS.items():
        pairs = {(i["type"], i["value"]) for one in events for i in one["identifiers"]}
        nodes = [node(pair) for pair in pairs]
        places = placed.placements_of("default", nodes)
        held = {places[one].profile if one in places else one for one in nodes}
        assert len(held) == profiles, name
        assert [kind for one in {*nodes, *held} for kind in told.get(one, [])] == kinds, name


def test_whoever_was_joined_before_is_apart_again(database: Database) -> None:
    """Seven customers are one until the eighth comes; then all are who they were."""
    value, events, _, _ = STREAMS["8 over midnight"]
    consumed(database, events[:7], 7)
    people = [node(of(value, "email", number)) for number in range(8)]
    placed = ProfileMap(database)
    before = placed.placements_of("default", people[:7])
    assert len({one.profile for one in before.values()}) == 1
    consumed(database, events[7:], 1)
    after = placed.placements_of("default", people)
    assert {person: after[person].profile for person in after} == {one: one for one in people}


def test_evidence_and_proposal(database: Database) -> None:
    """The events with their places, how fast they came, whom they touch, and what to do."""
    value, events, _, _ = STREAMS["8 over midnight"]
    bought = receipts(card("t-1"), every(MINUTE, 30))
    few = STREAMS["few tests"][1]
    found = consumed(database, [*events, *bought, *few], 100)
    suspicious, busy, many = found.notices("default")

    def told(notice: Notice) -> tuple[Any, ...]:
        seen = found.evidence("default", notice)
        return seen, proposal(notice, seen, ["000"], None)

    seen, proposed = told(suspicious)
    assert (seen.events, seen.profiles, seen.most_in_a_day, seen.is_cut) == (8, 8, 8, False)
    assert [one[:4] for one in seen.senders] == [("pos", "till-backend", "12", "3")]
    wanted = [events[at]["event_id"] for at in (0, 2, 4, 5, 7)]
    assert [one.event_id for one in seen.samples] == wanted
    assert {one.till for one in seen.samples} == {"3"}
    assert proposed.action is ProposedAction.BLOCK
    assert "till-backend" in proposed.text
    assert f"raise suspicious_above of {suspicious.counted}." in proposed.text
    assert proposed.rules.startswith(f'blocked = ["000", "{value[1]}"]')
    seen, proposed = told(busy)
    assert (seen.events, seen.most_in_a_day) == (30, 30)
    assert seen.samples[-1].event_id == bought[-1]["event_id"]
    seen, proposed = told(many)
    assert proposed.action is ProposedAction.SPLIT
    first, last = (of(STREAMS["few tests"][0], "loyalty_card", number) for number in (0, 6))
    assert proposed.ends == (node(first), node(last))

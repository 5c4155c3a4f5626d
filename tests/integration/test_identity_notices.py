"""Values that stand for too many persons: they join nobody, and are listed with what is unusual."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from schemas.edge import Node
from schemas.identifiers import node_id
from schemas.instants import to_ms
from schemas.placement import Placement, ProfileKind
from schemas.rules.identity import identity_rules
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.adapters.notices import NoticeReader
from services.identity.core.notices import Notice, NoticeKind, ProposedAction, proposal
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.store.database import Database
from services.store.profile_map import ProfileMap
from tests.events import RECEIVED_AT, SECRET, event, identifier, line
from tests.integration.test_recovery import pipeline
from tests.tiers import always

pytestmark = pytest.mark.any_store
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
RULES = identity_rules()
MANY = RULES.suspicious_above + 1
VALUE = ("email", "info@example.com")
Json = dict[str, Any]


def logins(count: int, step: timedelta, *value: str, other: str = "loyalty_card") -> list[Json]:
    """So many persons of whom a source says that the value is theirs, one after the other."""
    return [
        event(
            "identity.linked",
            identifiers=[
                identifier(other, f"{value[1]}-{number}", verified=True),
                identifier(*value, verified=True),
            ],
            occurred_at=(START + number * step).isoformat(),
        )
        for number in range(count)
    ]


def notices(database: Database, *sent: Json, batch: int = 100) -> list[Notice]:
    """Those of the default realm after the events."""
    run = pipeline(database)
    for start in range(0, len(sent), batch):
        lines = [line(one) for one in sent[start : start + batch]]
        decoded = [Line(one, len(one)) for one in lines]
        run.finish(run._stage.decode(decoded, RECEIVED_AT, Intake.FILE))
    return list(found(database))


def found(database: Database) -> Iterator[Notice]:
    """The notices of the default realm."""
    return NoticeReader(database, ClickHouseIdentityStore(database), RULES).notices("default")


def kinds(database: Database, *nodes: int) -> list[str]:
    """Kinds of the profiles that hold the nodes."""
    placed = ProfileMap(database).placements_of("default", nodes)
    return [placed[node].kind.value for node in nodes]


def node(*identifier_: str) -> int:
    """Node id of an identifier (type, value)."""
    type_, value = identifier_
    return node_id(SECRET, "default", type_, "", value)


def test_a_value_that_stands_for_many_persons_within_a_day(database: Database) -> None:
    """It is listed since the event that was too much, and joins nobody, not those before either."""
    sent = logins(MANY, timedelta(hours=2), *VALUE)
    [one] = notices(database, *sent, batch=3)
    assert one[:2] == (NoticeKind.SUSPICIOUS_VALUE, node(*VALUE))
    assert one[2:7] == ("email", "", VALUE[1], "loyalty_card", MANY)
    assert (one.since_ms, one.is_shared) == (to_ms(START + (MANY - 1) * timedelta(hours=2)), True)
    persons = [node("loyalty_card", f"{VALUE[1]}-{number}") for number in range(MANY)]
    assert kinds(database, node(*VALUE), *persons) == ["shared"] + ["person"] * MANY
    placed = ProfileMap(database).placements_of("default", persons)
    assert len({placed[one].profile for one in persons}) == MANY


def test_the_same_over_days_is_one_person(database: Database) -> None:
    """Nobody registers so slowly by mistake; that a person has so many cards is said."""
    [one] = notices(database, *logins(MANY, timedelta(hours=20), *VALUE))
    assert one[0] is NoticeKind.MANY_IDENTIFIERS
    assert (one.type, one.counted, one.found) == ("loyalty_card", "loyalty_card", MANY)
    assert (one.since_ms, one.is_shared) == (None, False)
    assert kinds(database, node(*VALUE)) == [ProfileKind.PERSON.value]


def test_the_degree_limit_is_told_as_well(database: Database) -> None:
    """More persons than any value has, however slowly they came."""
    many = RULES.hub_above_personal + 1
    [one] = notices(database, *logins(many, timedelta(hours=20), *VALUE))
    assert (one.kind, one.found, one.since_ms) == (NoticeKind.DEGREE_LIMIT, many, None)


def test_a_phone_of_many_is_told_if_it_is_shared(database: Database) -> None:
    """It joins no persons anyway; over days it is a household's or an office's."""
    hour, phone = timedelta(hours=1), ("phone", "+493023125014")
    office = ("phone", "+493023125015")
    sent = logins(MANY, hour, *phone) + logins(MANY, 20 * hour, *office)
    assert [(one.kind, one.value) for one in notices(database, *sent)] == [
        (NoticeKind.SUSPICIOUS_VALUE, phone[1])
    ]


@pytest.mark.parametrize("seed", always({2}, range(3)))
def test_arrival_does_not_matter(database: Database, seed: int) -> None:
    """In any order and batching the events give the same notices and the same map."""
    hour = timedelta(hours=1)
    sent = logins(MANY, hour, *VALUE) + logins(MANY, 20 * hour, "email", "b@example.com")
    # An earlier report of an edge takes one of the persons out of the day.
    late = logins(MANY, 3 * hour, "email", "c@example.com")
    early = late[-1] | {"event_id": "early", "occurred_at": (START - 30 * hour).isoformat()}
    sent += [*late, early]
    Random(seed).shuffle(sent)
    told = notices(database, *sent, batch=1 + seed)
    assert [(one.kind, one.value, one.found) for one in told if one.type == "email"] == [
        (NoticeKind.SUSPICIOUS_VALUE, VALUE[1], MANY)
    ]
    assert sum(one.kind is NoticeKind.MANY_IDENTIFIERS for one in told) == 2
    assert kinds(database, *(node("email", f"{one}@example.com") for one in "bc")) == ["person"] * 2


def chained(count: int) -> list[Json]:
    """So many cards, each presented together with the one before a day later."""
    day = timedelta(days=1)
    return [
        event(
            "identity.linked",
            identifiers=[
                identifier("loyalty_card", f"card-{at:03}", verified=True)
                for at in (number, number + 1)
            ],
            occurred_at=(START + number * day).isoformat(),
        )
        for number in range(count - 1)
    ]


def test_a_profile_at_its_limit_is_told_with_a_proposal(database: Database) -> None:
    """Of those that a refused link would have joined, the large one alone, with its evidence."""
    limit = RULES.large_above
    told = notices(database, *chained(limit))
    assert [one.kind for one in told] == [NoticeKind.MANY_IDENTIFIERS]
    told = notices(database, *chained(limit + 1)[-1:])
    [one] = [one for one in told if one.kind is NoticeKind.SIZE_LIMIT]
    assert (one.type, one.counted, one.found, one.is_shared) == ("loyalty_card", "", limit, False)
    assert one.value in ("card-000", "card-001"), "which were seen first"
    reader = NoticeReader(database, ClickHouseIdentityStore(database), RULES)
    evidence = reader.evidence("default", one)
    assert len(evidence.ends) == limit
    assert evidence.ends[-1] == node("loyalty_card", f"card-{limit - 1:03}")
    found = proposal(one, evidence, [], limit)
    assert found.action is ProposedAction.SPLIT
    assert found.ends == (evidence.ends[0], evidence.ends[-1])
    assert "identifiers_max" in found.text


def test_a_profile_above_a_limit_is_told_where_rules_name_none(database: Database) -> None:
    """It is joined as ever."""
    rules = RULES.model_copy(update={"identifiers_max": None})
    reader = NoticeReader(database, ClickHouseIdentityStore(database), rules)
    store = ClickHouseIdentityStore(database)
    cards = [Node(number, "loyalty_card", "") for number in range(1, RULES.large_above + 2)]
    placed = {one.id: (one, Placement(1, ProfileKind.PERSON)) for one in cards}
    store.write_placements("default", placed, 1)
    [one] = [one for one in reader.notices("default") if one.kind is NoticeKind.SIZE_LIMIT]
    assert (one.node, one.found) == (1, RULES.large_above + 1)

"""Simulated rules say exactly what judging the stored claims again under them then gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from schemas.claim import Book
from schemas.incident import AnyIncident, IncidentState
from schemas.incident_action import ActionKind, IncidentAction
from services.api.actions import kafka_sink
from services.api.operation import plain
from services.api.queries.simulation import INCIDENTS_SIMULATE, SimulationRequest
from services.api.read_store import access_to
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.consistency.adapters.stored_books import StoredBooks
from services.consistency.core.difference import COMPARED, ChangeOfRules, RulesDifference
from services.consistency.core.kind import Kinds
from services.consistency.kinds import KINDS
from services.consistency.rules import ConsistencyRules, consistency_rules
from services.consistency.simulation import Simulation
from services.consistency.writer import ConsistencyWriter
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.runtime.errors import InvalidInput
from services.runtime.settings import load_settings
from services.store.database import Database, chunks
from tests.contract.test_customer_incidents import CITIES, expected, pipeline_on, touchpoints
from tests.customer_kind import WITH_CUSTOMERS
from tests.events import SECRET, event, line
from tests.pipelines import ingested
from tests.planted import SPAN, plant_all
from tests.simulation.scenario import REALMS, Scenario, price_rules

pytestmark = pytest.mark.any_store
REALM = "default"
BEGIN = datetime(2026, 1, 5, 9, tzinfo=UTC)
CHANNELS = ("shop", "app", "pos", "email")
PATIENT = {
    "price_mismatch": {
        "grace_start_hours": {"default": 0},
        "grace_end_hours": {"default": 900, "shop": 900},
        "severity": {"low_within_percent": 9_000},
    },
    "availability_mismatch": {"grace_start_hours": {"default": 5_000}},
}
OTHERS_ARE_RIGHT = {
    "price_mismatch": {"reference_channels": ["app"]},
    "store_data_mismatch": {"reference_channels": ["pos"]},
}


@pytest.fixture
def stored(database: Database) -> Database:
    """A store with incidents of every kind, one of them acknowledged."""
    planted = list(plant_all(BEGIN, timedelta(hours=5, minutes=7), 1))
    latest = BEGIN + SPAN + timedelta(days=2)
    events = [one for plant in planted for one in plant.events]
    events += [event(channel=channel, occurred_at=latest.isoformat()) for channel in CHANNELS]
    ingested(database, map(line, events), latest)
    return database


def current(store: ClickHouseConsistencyStore, books: Sequence[Book]) -> dict[str, AnyIncident]:
    """The stored incidents that were not retracted, by id."""
    return {
        one.incident_id: one
        for found in store.incidents_of(books).values()
        for one in found
        if one.state is not IncidentState.RETRACTED
    }


def books_of(database: Database, realm: str, kinds: Kinds) -> list[Book]:
    """All books that are judged."""
    found = StoredBooks(database, kinds).chunks(realm, list(kinds))
    return [book for chunk in found for book in chunk.books]


def judged_again(database: Database, realm: str, rules: ConsistencyRules) -> dict[str, AnyIncident]:
    """The stored incidents after every book was judged under these rules, and written."""
    store = ClickHouseConsistencyStore(database, kinds=rules.kinds)
    books = books_of(database, realm, rules.kinds)
    store.note(books)
    writer = ConsistencyWriter(store, rules, realm=realm)
    writer.apply([], writer.now, changed_books=books)
    writer.commit(1 << 60)
    return current(store, books)


def told(
    present: Mapping[str, AnyIncident], simulated: Mapping[str, AnyIncident]
) -> set[tuple[str, ChangeOfRules]]:
    """Ids of incidents that differ, found in the plainest way."""
    found: set[tuple[str, ChangeOfRules]] = set()
    for key in {*present, *simulated}:
        if key not in present:
            found.add((key, ChangeOfRules.APPEARS))
        elif key not in simulated:
            found.add((key, ChangeOfRules.VANISHES))
        elif any(getattr(present[key], one) != getattr(simulated[key], one) for one in COMPARED):
            found.add((key, ChangeOfRules.CHANGES))
    return found


def simulated(simulation: Simulation, kinds: Kinds = KINDS) -> list[RulesDifference]:
    """All differences."""
    return [one for judged in simulation.run(list(kinds)) for one in judged.differences]


def asked(database: Database, rules: str = "", **arguments: Any) -> list[dict[str, Any]]:
    """The rows of the operation."""
    settings = load_settings(identity_secret=SECRET.decode())
    access = access_to(settings, database, kafka_sink(settings))
    request = SimulationRequest(realm=REALM, rules=rules, **arguments)
    return [plain(row) for row in INCIDENTS_SIMULATE.run(access, request)]


def test_equal_rules_make_no_difference(stored: Database) -> None:
    """Every book is judged, and both sides have all stored incidents."""
    *rows, summary = asked(stored)
    assert [row for row in rows if row["row"] == "change"] == []
    books = books_of(stored, REALM, KINDS)
    stored_ids = current(ClickHouseConsistencyStore(stored), books)
    assert summary["books"] == len(books) > len(KINDS)
    by_default = set(KINDS) - {"missing_on_channel"}  # which asks nobody before rules name somebody
    assert {one["kind"] for one in summary["by_kind"]} == by_default
    for side in ("present", "simulated"):
        assert sum(one[side] for one in summary["by_kind"]) == len(stored_ids)
        assert sum(one[f"{side}_open"] for one in summary["by_kind"]) == sum(
            one.state is IncidentState.OPEN for one in stored_ids.values()
        )


def test_what_is_told_is_what_judging_again_gives(stored: Database) -> None:
    """Of every kind and with people's actions: appearing, vanishing and changed incidents."""
    store = ClickHouseConsistencyStore(stored)
    books = books_of(stored, REALM, KINDS)
    before = current(store, books)
    opened = next(one for one in before.values() if one.state is IncidentState.OPEN)
    act(stored, opened)
    before = current(store, books)
    assert before[opened.incident_id].state is IncidentState.ACKNOWLEDGED
    kinds_of_change: set[ChangeOfRules] = set()
    for changed in (PATIENT, OTHERS_ARE_RIGHT):
        rules = consistency_rules().overridden(changed)
        simulation = Simulation(StoredBooks(stored), REALM, consistency_rules(), rules)
        found = simulated(simulation)
        assert current(store, books) == before, "nothing is written"
        after = judged_again(stored, REALM, rules)
        assert {(one.incident.incident_id, one.change) for one in found} == told(before, after)
        for one in found:
            key = one.incident.incident_id
            assert (one.present, one.simulated) == (before.get(key), after.get(key))
        kinds_of_change.update(one.change for one in found)
        assert judged_again(stored, REALM, consistency_rules()) == before
    assert kinds_of_change == set(ChangeOfRules)


def act(database: Database, incident: AnyIncident) -> None:
    """Somebody takes care of an incident."""
    store = ClickHouseConsistencyStore(database)
    book = Book(REALM, incident.kind, incident.about)
    store.note([book])
    at = datetime(2026, 5, 1, tzinfo=UTC)
    action = IncidentAction(
        incident_id=incident.incident_id, action=ActionKind.ACK, by="kim", reason="known",
        acted_at=at,
    )  # fmt: skip
    writer = ConsistencyWriter(store, consistency_rules(), realm=REALM)
    writer.apply([], None, {book: [action]})
    writer.commit(1 << 59)


def test_slices_and_chunks_leave_nothing_out(stored: Database) -> None:
    """However small they are, every book is read once with all its claims."""
    whole = list(StoredBooks(stored).chunks(REALM, list(KINDS)))
    claims = {book: sorted(found) for chunk in whole for book, found in chunk.claims.items()}
    small = list(StoredBooks(stored, KINDS, 2, 1).chunks(REALM, list(KINDS)))
    assert all(len(chunk.books) == 1 for chunk in small)
    books = [book for chunk in small for book in chunk.books]
    assert sorted(books) == sorted(book for chunk in whole for book in chunk.books)
    for chunk in small:
        for book in chunk.books:
            assert sorted(chunk.claims[book]) == claims[book]


def test_only_what_lasted_since(stored: Database) -> None:
    """An incident that ended before does not count, neither now nor then."""
    whole = asked(stored)[-1]
    ended = [
        one
        for one in current(
            ClickHouseConsistencyStore(stored), books_of(stored, REALM, KINDS)
        ).values()
        if one.until or one.resolved_at
    ]
    since = BEGIN + SPAN
    before = [one for one in ended if (one.until or one.resolved_at or since) < since]
    late = asked(stored, since=since.isoformat())[-1]
    total = sum(one["present"] for one in whole["by_kind"])
    assert before
    assert sum(one["present"] for one in late["by_kind"]) == total - len(before)


def test_only_some_kinds(stored: Database) -> None:
    """Others are neither judged nor counted."""
    summary = asked(stored, kinds=("reply_overdue",))[-1]
    assert {one["kind"] for one in summary["by_kind"]} == {"reply_overdue"}
    assert summary["books"] < asked(stored)[-1]["books"]


def test_what_is_asked_wrongly(database: Database) -> None:
    """A rule and a kind that are none are named; a store without ticks judges nothing."""
    with pytest.raises(InvalidInput, match=r"rules: price_mismatch: grace_end_hours needs"):
        asked(database, "grace_end_hours = { pos = 4 }")
    with pytest.raises(InvalidInput, match=r"rules: Invalid"):
        asked(database, "= 4")
    with pytest.raises(InvalidInput, match="no kind of incidents 'prices'"):
        asked(database, kinds=("prices",))
    [summary] = asked(database)
    assert (summary["as_of"], summary["books"], summary["by_kind"]) == (None, 0, [])


def test_customers_follow_the_map(database: Database) -> None:
    """Each profile is judged once, with the claims of all its anchors, in slices of any size."""
    seed = next(seed for seed in range(99) if expected(Scenario(Random(seed), CITIES)))
    scenario = Scenario(Random(seed), CITIES)
    pipeline, values = pipeline_on(database), touchpoints(scenario)
    lines = [Line(value, len(value)) for value in values]
    for part in chunks(lines, 50):
        pipeline.finish(pipeline.decode(list(part), Intake.SERVER))
    pipeline.tick()
    present = price_rules()
    other = present.overridden({"city_mismatch": {"grace_start_hours": {"default": 8_000}}})
    differing = 0
    for realm in REALMS:
        books = books_of(database, realm, WITH_CUSTOMERS)
        assert len(books) == len(set(books))
        before = judged_again(database, realm, present)
        for size in (1_000, 1):
            source = StoredBooks(database, WITH_CUSTOMERS, size, size)
            found = simulated(Simulation(source, realm, present, other), WITH_CUSTOMERS)
            by_id = {one.incident.incident_id: (one.present, one.simulated) for one in found}
            if size == 1_000:
                first = by_id
            assert by_id == first
        after = judged_again(database, realm, other)
        assert {(one.incident.incident_id, one.change) for one in found} == told(before, after)
        differing += sum(one.incident.kind == "city_mismatch" for one in found)
    assert differing > 0

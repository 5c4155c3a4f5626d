"""Incidents about customers on ClickHouse: claims under anchors, books by the profile map."""

from __future__ import annotations

from random import Random

import pytest

from schemas.claim import Statement
from schemas.edge import Node
from schemas.incident import AnyIncident, IncidentState
from schemas.instants import from_ms
from schemas.offer import Basis
from schemas.placement import Placement, ProfileKind
from schemas.subject import Subject
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.consistency.adapters.reader import IncidentReader
from services.consistency.stage import ConsistencyStage
from services.consistency.writer import ConsistencyWriter
from services.embedded.pipeline import Pipeline
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.core.resolve import resolve
from services.identity.stage import IdentityStage
from services.identity.writer import IdentityWriter
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.core.outcome import Accepted, Intake
from services.ingest.lines import Line
from services.ingest.stage import IngestStage
from services.runtime.metrics import Metrics
from services.store.database import Database
from services.store.profile_map import ProfileMap
from services.stream.watermarks import MemoryWatermarks
from tests.customer_kind import NAME, WITH_CUSTOMERS, expected_incidents
from tests.simulation.scenario import (
    BEGIN,
    REALMS,
    Scenario,
    ingest_core,
    price_rules,
    process,
    rules,
)
from tests.simulation.stores import UNSTORABLE

pytestmark = pytest.mark.any_store(always=True)
ANCHOR, PROFILE, OTHER = (Node(n, "cookie", "shop") for n in (1, 2, 3))


def pipeline_on(database: Database) -> Pipeline:
    """The embedded pipeline as the engine makes it, with a kind of incident about customers."""
    facts, metrics = ClickHouseFactStore(database, sole_writer=True), Metrics()
    store = ClickHouseConsistencyStore(database, kinds=WITH_CUSTOMERS)
    return Pipeline(
        facts,
        IngestStage(ingest_core(), facts),
        IdentityStage(
            ClickHouseIdentityStore(database),
            lambda opened, realm: IdentityWriter(opened, realm, rules()),
        ),
        ConsistencyStage(
            store,
            lambda realm: ConsistencyWriter(store, price_rules(), realm=realm),
            (),
            metrics,
            WITH_CUSTOMERS,
        ),
        MemoryWatermarks(),
        metrics,
        lambda: BEGIN,
    )


def incidents_in(database: Database, realm: str) -> dict[str, AnyIncident]:
    """The incidents about customers as they are listed, by id; without what is added for it."""
    persons = ProfileMap(database)

    def persons_of(name: str, nodes: object) -> dict[int, int]:
        assert isinstance(nodes, set)
        found = persons.placements_of(name, nodes)
        return {node: one.profile for node, one in found.items()}

    kind = WITH_CUSTOMERS[NAME]
    listed = IncidentReader(database, price_rules(), persons_of).listed(realm)
    plain = [
        one.model_dump(include=set(AnyIncident.model_fields)) for one in listed if one.kind == NAME
    ]
    return {one["incident_id"]: kind.incident.model_validate(one) for one in plain}


def test_incidents_are_those_of_the_final_map(database: Database) -> None:
    """Claims and merges in small batches: what is listed is what all claims give under the map."""
    seed = next(seed for seed in range(99) if expected(Scenario(Random(seed), CITIES)))
    scenario = Scenario(Random(seed), CITIES)
    pipeline, values = pipeline_on(database), touchpoints(scenario)
    for start in range(0, len(values), 5):
        lines = [Line(value, len(value)) for value in values[start : start + 5]]
        pipeline.finish(pipeline.decode(lines, Intake.SERVER))
    pipeline.tick()
    found = {key: one for realm in REALMS for key, one in incidents_in(database, realm).items()}
    assert found == expected(scenario)
    assert all(one.state is not IncidentState.RETRACTED for one in found.values())


CITIES = ("login",) * 4 + ("city",) * 6


def touchpoints(scenario: Scenario) -> list[bytes]:
    """What the sources send."""
    sent = (one.record for one in scenario.sent if one.record.topic.startswith("touchpoints."))
    return [
        value for one in sent if (value := one.value or b"") and UNSTORABLE.encode() not in value
    ]


def expected(scenario: Scenario) -> dict[str, AnyIncident]:
    """The incidents of all realms by definition."""
    found: dict[str, AnyIncident] = {}
    outcomes = [process(value, BEGIN) for value in touchpoints(scenario)]
    for realm in REALMS:
        events = [one for one in outcomes if isinstance(one, Accepted) and one.realm == realm]
        if events:
            edges = [edge for one in events for edge in one.edges]
            placements = resolve(edges, [], (), rules()).placements
            holders = {node: one.profile for node, one in placements.items()}
            now = from_ms(max(one.occurred_ms for one in events))
            found |= expected_incidents([c for one in events for c in one.claims], holders, now)
    return found


def test_a_book_has_the_claims_of_all_its_anchors(database: Database) -> None:
    """A customer's claims are read under whichever profile holds their anchor now; the books of
    customers are not among those that need a second channel."""
    identity = ClickHouseIdentityStore(database)
    store = ClickHouseConsistencyStore(database, 4, WITH_CUSTOMERS)
    subject = Subject.customer(ANCHOR.id)
    row = (
        "r", subject.key, "e-1", 1, 0, "shop", False, "", [NAME], [subject.type], [subject.key],
        ['{"basis":"published","value":"Bonn"}'],
    )  # fmt: skip
    names = (
        "realm", "node", "event_id", "version", "occurred_at", "channel", "synthetic", "order_id",
        "claims.kind", "claims.subject_type", "claims.subject", "claims.body",
    )  # fmt: skip
    database.insert_rows("claims", names, [row])
    books = WITH_CUSTOMERS.customer_books("r", [ANCHOR.id, PROFILE.id, OTHER.id])
    for version, profile in enumerate((None, PROFILE, OTHER, ANCHOR)):
        if profile is not None:
            placed = {ANCHOR.id: (ANCHOR, Placement(profile.id, ProfileKind.PERSON))}
            identity.write_placements("r", placed, version)
        holder = ANCHOR if profile is None else profile
        found = {book: claims for book, claims in store.claims_of(books).items() if claims}
        assert [book.subject.node for book in found] == [holder.id]
        [[claim]] = found.values()
        assert claim.book.subject.node == holder.id
        assert isinstance(claim, Statement)
        assert (claim.event_id, claim.channel, claim.value) == ("e-1", "shop", "Bonn")
        assert store.holders_of("r", {ANCHOR.id, OTHER.id}) == {
            ANCHOR.id: holder.id,
            OTHER.id: OTHER.id,
        }
    shown = claim._replace(basis=Basis.DISPLAYED)
    assert store.comparable_books().filter([shown]) == [], "the published one is not among them"

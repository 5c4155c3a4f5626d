"""Recovery after a crash: nothing is acknowledged before everything in doubt is done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from schemas.incident import IncidentState
from schemas.rules.identity import identity_rules
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.consistency.rules import consistency_rules
from services.consistency.stage import ConsistencyStage
from services.consistency.writer import ConsistencyWriter
from services.embedded.pipeline import Pipeline
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.stage import IdentityStage
from services.identity.writer import Changes, IdentityWriter
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.lines import Line
from services.ingest.stage import IngestStage, Status
from services.runtime.metrics import Metrics
from services.store.database import Database
from services.stream.watermarks import ClickHouseWatermarks
from tests.events import RECEIVED_AT, core, event, identifier, line
from tests.pipelines import pipeline_on
from tests.tiers import always

pytestmark = pytest.mark.any_store(always=True)


class Killed(Exception):
    """Stands for SIGKILL at a chosen moment."""


class DyingIdentityStage(IdentityStage):
    """Dies when it is asked for the batch after `batches_left` ones."""

    batches_left = 1_000

    def process(self, *batch: Any, **how: Any) -> dict[str, Changes]:
        if self.batches_left == 0:
            raise Killed
        self.batches_left -= 1
        return super().process(*batch, **how)


def pipeline(database: Database, batches_left: int = 1_000) -> Pipeline:
    """A pipeline with nothing in memory, as after a start."""
    graph, claims = ClickHouseIdentityStore(database), ClickHouseConsistencyStore(database)
    facts, metrics = ClickHouseFactStore(database), Metrics()
    identity = DyingIdentityStage(
        graph, lambda store, realm: IdentityWriter(store, realm, identity_rules())
    )
    identity.batches_left = batches_left
    consistency = ConsistencyStage(
        claims,
        lambda realm: ConsistencyWriter(claims, consistency_rules(), realm=realm),
        (),
        metrics,
    )
    marks = ClickHouseWatermarks(database)
    return Pipeline(facts, IngestStage(core(), facts), identity, consistency, marks, metrics)


def stored_and_killed(database: Database, batches: int) -> None:
    """Facts of several batches, each with its own time of receipt; nothing else of them."""
    facts = ClickHouseFactStore(database)
    stage = IngestStage(core(), facts)
    for batch in range(1, batches + 1):
        pair = [identifier("cookie", f"c-{batch}"), identifier("session", f"s-{batch}")]
        sent = line(event(identifiers=pair))
        received_at = RECEIVED_AT + timedelta(seconds=batch)
        stage.store(stage.decode([Line(sent, len(sent))], received_at), batch)


def joined(database: Database) -> int:
    """Profiles of two identifiers."""
    sql = "SELECT count() FROM (SELECT profile FROM map FINAL GROUP BY profile HAVING count() = 2)"
    return int(database.rows(sql)[0][0])


def test_everything_in_doubt_is_processed_again(database: Database) -> None:
    """Edges and map rows that a killed run did not come to are written at the next start."""
    stored_and_killed(database, 3)
    assert pipeline(database).recover() == 3
    assert joined(database) == 3
    assert pipeline(database).recover() == 0


@pytest.mark.parametrize("survived", always({1}, [0, 1, 2]))
def test_killed_again_while_recovering(
    database: Database, survived: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash in the middle of the recovery leaves the rest in doubt, not lost."""
    monkeypatch.setattr("services.embedded.pipeline.RECOVERY_EVENTS", 1)
    stored_and_killed(database, 3)
    with pytest.raises(Killed):
        pipeline(database, batches_left=survived).recover()
    pipeline(database).recover()
    assert joined(database) == 3
    assert ClickHouseFactStore(database).checkpoint() > 0


def test_what_was_answered_and_not_noted_is_whole_after_a_kill(database: Database) -> None:
    """Batches of few events are noted together. Killed before, they are in doubt: the next start
    processes them again, and writes how far their channels are."""
    pair = [identifier("cookie", "c"), identifier("session", "s")]
    sent = [event(event_id=f"e-{number}", identifiers=pair) for number in range(3)]
    work = pipeline_on(database, RECEIVED_AT)
    for one in map(line, sent):
        [result] = work.finish(work.decode([Line(one, len(one))]))
        assert result.status is Status.ACCEPTED
        [result] = work.finish(work.decode([Line(one, len(one))]))
        assert result.status is Status.DUPLICATE
    assert ClickHouseFactStore(database).checkpoint() == 0
    assert not ClickHouseWatermarks(database).latest()
    counted = "SELECT count() FROM {table:Identifier} FINAL"
    tables = ("touchpoints", "edges", "members")
    before = [database.rows(counted, {"table": table}) for table in tables]
    work = pipeline_on(database, RECEIVED_AT)
    assert work.recover() == len(sent)
    assert [database.rows(counted, {"table": table}) for table in tables] == before
    [mark] = ClickHouseWatermarks(database).latest()
    assert mark.received_at == RECEIVED_AT
    again = line(sent[0])
    [result] = work.finish(work.decode([Line(again, len(again))]))
    assert result.status is Status.DUPLICATE
    work.note()
    assert pipeline_on(database, RECEIVED_AT).recover() == 0


def test_watermarks_follow_what_is_processed(database: Database) -> None:
    """A batch moves its channel's times; one dated ahead of its receipt counts as of then."""
    work = pipeline(database)
    sent = [event(), event(channel="app", occurred_at="2026-11-21T18:00:00Z")]
    lines = [Line(raw, len(raw)) for raw in map(line, sent)]
    work.finish(work.decode(lines))
    assert {one.channel for one in work.reached()} == {"shop", "app"}
    work.note()
    assert not work.reached()
    latest = {one.channel: one for one in ClickHouseWatermarks(database).latest()}
    assert set(latest) == {"shop", "app"}
    assert latest["shop"].occurred_at < latest["shop"].received_at
    assert latest["app"].occurred_at <= latest["app"].received_at


def test_after_a_start_a_book_is_due_again(database: Database) -> None:
    """Ticks take numbers of batches, and write when a book is due that they judged, also without an
    incident: what the next start writes stands above it."""

    def take(work: Pipeline, channel: str, price: str, at: datetime, **body: Any) -> None:
        offer = {"sku": "4711", "price": price, "currency": "EUR"} | body
        said = {"identifiers": [], "occurred_at": at.isoformat(), "body": offer}
        sent = line(event("offer.published", channel=channel, **said))
        work.finish(work.decode([Line(sent, len(sent))]))

    valid_from, ends = RECEIVED_AT + timedelta(hours=2), RECEIVED_AT + timedelta(hours=3)
    work = pipeline_on(database, RECEIVED_AT)
    take(work, "shop", "9.99", RECEIVED_AT, valid_from=valid_from.isoformat())
    for minute in range(0, 180, 10):  # after an hour without events, time goes with the clock
        work.tick(RECEIVED_AT + timedelta(minutes=minute))
    work = pipeline_on(database, ends)
    take(work, "app", "12.99", ends)
    work.tick(ends + timedelta(days=1))
    states = database.rows("SELECT state FROM incident_states FINAL")
    assert states == [(IncidentState.OPEN,)]

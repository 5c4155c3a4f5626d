"""A process whose events have an age limit, on the tables of a test: opened, killed, emptied.

What is compared is the state after a removal with that of a store which knew the cut-offs before.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from schemas.rules.identity import identity_rules
from schemas.rules.profile import profile_rules
from services.api.digest import state_digest
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.consistency.rules import consistency_rules
from services.consistency.stage import ConsistencyStage
from services.consistency.writer import ConsistencyWriter
from services.embedded.event_retention import EventRetention
from services.embedded.pipeline import Pipeline
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.stage import IdentityStage
from services.identity.verification import Verified, differences
from services.identity.writer import IdentityWriter
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Intake
from services.ingest.ledger import Ledger
from services.ingest.lines import Line
from services.ingest.stage import IngestStage, Result
from services.profiles.adapters.clickhouse import ProfileReader, personal_types
from services.profiles.adapters.totals import register_realms
from services.retention.removal import WORK_TABLES
from services.runtime.errors import Retry
from services.runtime.metrics import Metrics
from services.runtime.settings import RealmSettings
from services.store.database import Database
from services.stream.watermarks import ClickHouseWatermarks
from tests.conftest import empty_tables
from tests.events import RECEIVED_AT, config

REALM = "default"
Lines = list[tuple[bytes, Intake]]


class RetainingProcess:
    """The stages of one process on the tables of a test, opened as a data directory is.

    `changes` are those of the configuration of ingest.
    """

    def __init__(
        self, database: Database, received_at: datetime = RECEIVED_AT, **changes: Any
    ) -> None:
        self.database, self._facts, self._ledger = database, ClickHouseFactStore(database), Ledger()
        self._ledger.refresh(self._facts)
        graph, claims = ClickHouseIdentityStore(database), ClickHouseConsistencyStore(database)
        metrics = Metrics()
        core = EventProcessor(config(**changes), self._ledger.erased_at, self._ledger.kept_since)
        self.pipeline = Pipeline(
            self._facts,
            IngestStage(core, self._facts),
            IdentityStage(
                graph, lambda store, realm: IdentityWriter(store, realm, identity_rules())
            ),
            ConsistencyStage(
                claims,
                lambda realm: ConsistencyWriter(claims, consistency_rules(), realm=realm),
                (),
                metrics,
            ),
            ClickHouseWatermarks(database),
            metrics,
            clock=lambda: received_at,
        )
        self.retention = EventRetention(database, self.pipeline, core, self._facts)
        self.pipeline.recover()
        if self.retention.complete():
            self._forget()

    def ingest(self, lines: Lines, batch_events: int) -> list[Result]:
        """Take lines in as a file is read, those of each way together."""
        found: list[Result] = []
        for intake in Intake:
            mine = [Line(one, len(one)) for one, by in lines if by is intake]
            for start in range(0, len(mine), batch_events):
                decoded = self.pipeline.decode(mine[start : start + batch_events], intake)
                found += self.pipeline.finish(decoded)
        self.pipeline.tick()
        return found

    def expire(self, before: dict[str, datetime]) -> None:
        """What `c360 store retention --apply` does."""
        self.retention.note(before, [REALM])
        self._ledger.refresh(self._facts)
        self.retention.complete()
        self._forget()
        self.pipeline.tick()

    def _forget(self) -> None:
        self._ledger.refresh(self._facts)
        self._facts.forget_values()
        self.pipeline.erased()


def registered(database: Database) -> None:
    """Have the realm in an empty store."""
    register_realms(database, {REALM: RealmSettings()}, personal_types(identity_rules()))


def emptied(database: Database) -> None:
    """Nothing but the ledger."""
    names = "realm, type, before, stage, version"
    ledger = database.rows(f"SELECT {names} FROM event_cutoffs FINAL")
    empty_tables(database)
    registered(database)
    database.insert_rows("event_cutoffs", tuple(names.split(", ")), ledger)


def digest_by_section(database: Database) -> dict[str, str]:
    """The state by section."""
    reader = ProfileReader(database, {REALM: RealmSettings()}, profile_rules(), identity_rules())
    found = state_digest(database, reader)
    del found["all"]
    return found


class DyingWrites:
    """A store that is killed at a write: before it, or after it."""

    def __init__(self, writes: int, patch: pytest.MonkeyPatch) -> None:
        self._left = writes
        for name in ("command", "insert_rows"):
            patch.setattr(Database, name, self._wrapped(getattr(Database, name)))

    def _wrapped(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(database: Database, *given: Any) -> Any:
            self._left -= 1
            if self._left < 0:
                raise Retry("killed")
            done = method(database, *given)
            if self._left == 0:
                raise Retry("killed")
            return done

        return call


def assert_consistent(database: Database) -> None:
    """The map is what the edges say, and nothing waits."""
    told = Verified()
    found = list(differences(ClickHouseIdentityStore(database), REALM, identity_rules(), told))
    assert not found
    for table in WORK_TABLES:
        assert database.rows(f"SELECT count() FROM {table}") == [(0,)]

"""What the gauges show of a store is what stands in it, in process and on a server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from math import isnan

import pytest

from services.api.actions import kafka_sink
from services.api.read_store import access_to
from services.api.store_gauges import (
    HeldIncidents,
    IncidentGroup,
    KeptValue,
    Noticed,
    Size,
    StoreFigures,
)
from services.runtime.settings import Settings
from services.store.database import Database
from tests.integration.test_server_session import EMAIL, populate


@pytest.mark.any_store
def test_the_figures_of_a_store(database: Database, server_settings: Settings) -> None:
    """Parts, the largest profile, conflicts and suspicious values; no incident is open."""
    access = access_to(server_settings, database, kafka_sink(server_settings))
    figures = StoreFigures(database, access.reads)
    limit = access.reads.identity_rules.large_above
    assert figures.largest_profiles()["default"] == Size(0, limit)
    assert figures.noticed()["default"] == Noticed(0, 0, 0)
    populate(database, server_settings)
    assert figures.largest_profiles()["default"] == Size(2, limit), EMAIL
    assert figures.largest_profiles().keys() == server_settings.realms.keys()
    assert figures.parts()["touchpoints"] >= 1
    assert "api_keys" not in figures.parts(), "tables without parts are not named"
    assert figures.order_conflicts() == 0
    assert figures.incidents() == {}
    for severity, state, since in (
        ("high", "open", 7_000),
        ("high", "open", 5_000),
        ("critical", "open", 6_000),
        ("high", "acknowledged", 1_000),
        ("high", "resolved", 500),
        ("high", "retracted", 400),
    ):
        body = json.dumps({"severity": severity})
        row = ("default", "stockout", "product", f"{since}", f"{since}", state, since, body, 1)
        database.insert_rows("incident_states", COLUMNS, [row])
    newer = ("default", "stockout", "product", "6000", "6000", "resolved", 6_000, "{}", 2)
    expected = {
        IncidentGroup("stockout", "high", "open"): HeldIncidents(2, 5.0),
        IncidentGroup("stockout", "critical", "open"): HeldIncidents(1, 6.0),
        IncidentGroup("stockout", "high", "acknowledged"): HeldIncidents(1, 1.0),
    }
    assert figures.incidents() == expected
    database.insert_rows("incident_states", COLUMNS, [newer])
    del expected[IncidentGroup("stockout", "critical", "open")]
    assert figures.incidents() == expected


@pytest.mark.any_store
def test_the_measures_that_were_kept_last(database: Database, server_settings: Settings) -> None:
    """The latest of each measure and realm; none of an unknown measure or realm. What is not shown
    is unknown."""
    access = access_to(server_settings, database, kafka_sink(server_settings))
    figures = StoreFigures(database, access.reads)
    assert figures.insights() == {}
    [realm, *_] = sorted(server_settings.realms)
    rows = [
        (realm, "nps", at, f"nps/{at.day}", 1, json.dumps({"value": value, "n": 9}))
        for at, value in ((DAY, 1.5), (DAY + timedelta(days=1), 2.5))
    ]
    rows += [
        (realm, "clv", DAY, "clv/1", 1, json.dumps({"value": None})),
        (realm, "happiness", DAY, "happiness/1", 1, json.dumps({"value": 9.0})),
        ("nowhere", "nps", DAY, "nps/1", 1, json.dumps({"value": 9.0})),
    ]
    database.insert_rows("insight_values", KEPT, rows)
    found = figures.insights()
    assert found.keys() == {("nps", realm), ("clv", realm)}
    later = (DAY + timedelta(days=1)).timestamp()
    assert found["nps", realm] == KeptValue(2.5, later)
    assert isnan(found["clv", realm].value)


DAY = datetime(2026, 3, 1, tzinfo=UTC)
KEPT = ("realm", "measure", "computed_at", "definition", "map_version", "result")
COLUMNS = ("realm", "kind", "subject_type", "subject", "incident_id", "state", "since", "body",
           "version")  # fmt: skip

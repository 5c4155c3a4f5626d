"""What the gauges show of a store is what stands in it, in process and on a server."""

from __future__ import annotations

import pytest

from services.api.actions import kafka_sink
from services.api.read_store import access_to
from services.api.store_gauges import HeldIncidents, StoreFigures
from services.runtime.settings import Settings
from services.store.database import Database
from tests.integration.test_server_session import EMAIL, populate


@pytest.mark.any_store
def test_the_figures_of_a_store(database: Database, server_settings: Settings) -> None:
    """Parts, the largest profile, conflicts and suspicious values; no incident is open."""
    access = access_to(server_settings, database, kafka_sink(server_settings))
    figures = StoreFigures(database, access.reads)
    assert (figures.largest_profile(), figures.suspicious_values()) == (0, 0)
    populate(database, server_settings)
    assert figures.largest_profile() == 2, EMAIL
    assert figures.parts()["touchpoints"] >= 1
    assert "api_keys" not in figures.parts(), "tables without parts are not named"
    assert figures.order_conflicts() == 0
    assert figures.incidents() == {}
    for state, since in (("open", 7_000), ("open", 5_000), ("acknowledged", 1_000)):
        row = ("default", "stockout", "product", f"{since}", f"{since}", state, since, "{}", 1)
        database.insert_rows("incident_states", COLUMNS, [row])
    assert figures.incidents() == {
        ("stockout", "open"): HeldIncidents(2, 5.0),
        ("stockout", "acknowledged"): HeldIncidents(1, 1.0),
    }


COLUMNS = ("realm", "kind", "subject_type", "subject", "incident_id", "state", "since", "body",
           "version")  # fmt: skip

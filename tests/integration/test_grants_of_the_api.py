"""What `c360 api` asks of the store beside requests, and what its user is granted."""

from __future__ import annotations

from contextlib import closing

from services.api.ports import Access
from services.api.queries.freshness import FRESHNESS_GET
from services.api.query_side import QuerySide
from services.api.read_store import access_to
from services.api.server import open_reading, prepare_server
from services.api.store_gauges import StoreFigures, StoreGauges
from services.runtime.metrics import Metrics
from services.runtime.settings import Settings
from services.store.database import Database, open_server
from services.store.waiting import wait_until
from tests.grants import missing, noted


def test_the_api_may_ask_what_it_asks_beside_requests(
    server: Database, server_settings: Settings
) -> None:
    """Its start, its keys, the figures of its metrics page, how fresh the store is, and the parts
    that tell whether an answer still holds."""
    prepare_server(server_settings)

    def opened(limit_s: int) -> Database:
        return open_server(server_settings, timeout_s=limit_s)

    with noted() as needs:
        with open_reading(server_settings):
            pass
        side = QuerySide(server_settings, opened, lambda _records: None, Metrics())
        side.start()
        try:
            wait_until(lambda: bool(needs), 30.0, "no keys are read")
        finally:
            side.stop()
        with closing(opened(30)) as database:
            access = access_to(server_settings, database, lambda _records: None)
            StoreGauges(Metrics(), lambda: StoreFigures(database, access.reads)).look()
            _ask(access)
    assert ("SELECT", "system.parts") in needs
    assert missing(needs, "c360-api") == set()


def _ask(access: Access) -> None:
    list(FRESHNESS_GET.run(access, FRESHNESS_GET.request(realm="default")))
    access.reads.freshness.changes({})

"""`c360 incidents tick`: a tick to every partition, of the realm's latest event or a given time."""

from __future__ import annotations

import json

from schemas.instants import from_ms
from schemas.records import OfferRecordAdapter, TickRecord
from schemas.topics import CATALOGUE, Catalogue
from schemas.watermark import Watermark
from services.runtime.settings import Settings
from services.store.database import Database
from services.stream.watermarks import ClickHouseWatermarks
from tests.conftest import empty_tables
from tests.e2e.runs import c360
from tests.kafka import read_all, renew_catalogue

COMMAND = ("incidents", "tick", "--json")
OFFERS = CATALOGUE.by_name["c360.offers"]


async def test_every_partition_gets_the_tick(
    kafka: str, server: Database, server_settings: Settings
) -> None:
    """The latest claimed time of any channel of the realm, then an earlier one as asked for."""
    empty_tables(server)
    await renew_catalogue(kafka, Catalogue(topics=(*CATALOGUE.touchpoints, OFFERS)))
    store = {
        "C360_CLICKHOUSE_URL": server_settings.clickhouse_url or "",
        "C360_CLICKHOUSE_DATABASE": server_settings.clickhouse_database,
        "C360_CLICKHOUSE_USER": server_settings.clickhouse_user,
        "C360_CLICKHOUSE_PASSWORD": server_settings.clickhouse_password.get_secret_value(),
        "C360_KAFKA_BOOTSTRAP_SERVERS": kafka,
    }
    none_yet = c360(None, *COMMAND, code=4, stdin=None, **store)
    assert "an event of realm 'default'" in none_yet.stderr
    seen = [("default", "shop", 5_000), ("default", "pos", 7_000), ("other", "pos", 8_000)]
    ClickHouseWatermarks(server).write(
        [Watermark.of(realm, channel, from_ms(at), from_ms(9_000)) for realm, channel, at in seen]
    )
    for more in ([], ["--until", "1970-01-01T00:00:06Z"]):
        done = c360(None, *COMMAND, *more, code=0, stdin=None, **store)
        assert json.loads(done.stdout)["realm"] == "default"
    ticks: list[list[TickRecord]] = [[] for _ in range(OFFERS.partitions)]
    for record in await read_all(kafka, OFFERS.name):
        tick = OfferRecordAdapter.validate_json(record.value or b"")
        assert isinstance(tick, TickRecord)
        ticks[record.partition].append(tick)
    expected = [TickRecord(realm="default", reached_at=from_ms(ms)) for ms in (7_000, 6_000)]
    assert ticks == [expected] * OFFERS.partitions

"""A worker compares its clock with the store's: beyond a limit it is not ready, and back again."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from services.api.server import prepare_server
from services.runtime.clock import utc_now
from services.runtime.health import Progress
from services.runtime.metrics import Metrics
from services.runtime.settings import Settings
from services.stream.worker_process import Store
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.events import SECRET


async def test_a_clock_that_is_wrong_and_right_again(
    clickhouse_endpoint: ClickHouseEndpoint,
) -> None:
    """Reason and metric follow the clock; a small difference is none."""
    settings = Settings(
        clickhouse_url=clickhouse_endpoint.url,
        clickhouse_password=clickhouse_endpoint.password,
        clickhouse_database="c360_clock",
        identity_secret=SECRET.decode(),
        worker_clock_skew_max_s=30,
    )
    await asyncio.to_thread(prepare_server, settings)
    off, metrics = timedelta(), Metrics()

    def now() -> datetime:
        return utc_now() + off

    store = Store(settings, metrics, Progress(60), now)
    assert await store.fault() == ["the store is not open yet"]
    await store.opened()
    assert await store.fault() == []
    for hours, side in ((-2, "behind"), (72, "ahead of")):
        off = timedelta(hours=hours)
        [reason] = await store.fault()
        assert f"{side} the store's" in reason
        skew = metrics.registry.get_sample_value("c360_clock_skew_seconds")
        assert skew is not None
        assert abs(skew - off.total_seconds()) < 30
    off = timedelta(seconds=5)
    assert await store.fault() == []

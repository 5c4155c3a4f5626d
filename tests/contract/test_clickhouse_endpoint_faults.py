"""The development endpoint under faults, ordered and real, and our own store on it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError

from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.core.outcome import Accepted
from services.runtime.errors import Retry
from services.store.database import Database
from services.store.migrations import migrate
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.e2e.runs import c360
from tests.events import RECEIVED_AT, core, event, line, order

ROWS = 1000
BATCHES_BEFORE_KILL = 20


@pytest.fixture
def client(clickhouse_endpoint: ClickHouseEndpoint) -> Iterator[Client]:
    """A client with an empty table `faulty`; the endpoint is healthy before and after."""
    opened = clickhouse_endpoint.client(query_retries=0)
    opened.command("CREATE OR REPLACE TABLE faulty (a UInt64) ENGINE = MergeTree ORDER BY a")
    yield opened
    clickhouse_endpoint.heal()
    opened.close()


def insert(client: Client, value: int = 1) -> None:
    client.insert("faulty", [[value]], column_names=["a"], column_type_names=["UInt64"])


def count(client: Client) -> int:
    return int(client.query("SELECT count() FROM faulty").result_rows[0][0])


@pytest.mark.parametrize("code", [252, 241, 159, 202, 243])
@pytest.mark.parametrize(("when", "stored"), [("before", 0), ("after", 1)])
def test_refused_or_committed_but_refused(
    clickhouse_endpoint: ClickHouseEndpoint, client: Client, code: int, when: str, stored: int
) -> None:
    """The error has its code; the row is there only if the fault came after the commit."""
    clickhouse_endpoint.fault(code=code, when=when, match="INSERT INTO .?faulty")
    assert count(client) == 0  # does not match
    with pytest.raises(DatabaseError) as caught:
        insert(client)
    assert caught.value.code == code
    assert count(client) == stored
    insert(client)  # the one fault is used up
    assert count(client) == stored + 1


def test_count_match_and_heal(clickhouse_endpoint: ClickHouseEndpoint, client: Client) -> None:
    """A fault comes as often as ordered, 0 is until healed, and what was injected is counted."""
    before = clickhouse_endpoint.heal()["injected"].get("252", 0)
    clickhouse_endpoint.fault(code=252, count=2, match="INSERT")
    for _ in range(2):
        with pytest.raises(ClickHouseError):
            insert(client)
    insert(client)
    clickhouse_endpoint.fault(code=252, count=0, match="INSERT")
    for _ in range(3):
        with pytest.raises(ClickHouseError):
            insert(client)
    told = clickhouse_endpoint.heal()
    assert told["injected"]["252"] == before + 5
    assert told["ordered"] == []
    insert(client)


@pytest.mark.parametrize(
    "order", [{}, {"code": 9999}, {"code": 252, "match": "("}, {"code": 252, "when": "never"}]
)
def test_orders_that_make_no_sense(
    clickhouse_endpoint: ClickHouseEndpoint, order: dict[str, Any]
) -> None:
    """A fault that would do nothing, or nothing that a server does, is refused."""
    answer = httpx.post(f"{clickhouse_endpoint.url}/dev/faults", json=order)
    assert answer.status_code == 400


def test_lost_answers(clickhouse_endpoint: ClickHouseEndpoint, client: Client) -> None:
    """A connection dropped after the commit, or a 503 in front of it: unknown to the client."""
    # The driver sends an insert again by itself when the connection is lost, hence two faults.
    clickhouse_endpoint.fault(drop=True, when="after", count=2, match="INSERT")
    with pytest.raises(OperationalError):
        insert(client)
    assert count(client) == 2
    clickhouse_endpoint.fault(status=503, when="after", match="INSERT")
    with pytest.raises(ClickHouseError):
        insert(client)
    assert count(client) == 3
    clickhouse_endpoint.fault(drop=True, count=2, match="INSERT")
    with pytest.raises(OperationalError):
        insert(client)
    assert count(client) == 3


def test_slow_and_absent(clickhouse_endpoint: ClickHouseEndpoint, client: Client) -> None:
    """A slow answer runs into the client's timeout; while down nothing answers, until healed."""
    clickhouse_endpoint.fault(delay_s=30, match="slow")
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(clickhouse_endpoint.url, content="SELECT 1 AS slow", timeout=0.3)
    clickhouse_endpoint.fault(down_s=600)
    assert not clickhouse_endpoint.answers()
    with pytest.raises(OperationalError):
        client.command("SELECT 1")
    assert clickhouse_endpoint.heal()["injected"]["down"] >= 2
    assert client.command("SELECT 1") == 1


def test_our_store_on_it(clickhouse_endpoint: ClickHouseEndpoint) -> None:
    """Migrations apply once; facts are written and found again; a fault is a Retry, then exact."""
    opener = clickhouse_endpoint.client(database=None)
    opener.command("CREATE DATABASE IF NOT EXISTS ours ENGINE = Atomic")
    opener.close()
    database = Database(clickhouse_endpoint.client(database="ours"))
    assert migrate(database)
    assert migrate(database) == []
    store = ClickHouseFactStore(database)
    facts = [accepted(order(f"o-{number}", "5.00", "2.50")) for number in range(50)]
    facts += [accepted(event()) for _ in range(50)]
    clickhouse_endpoint.fault(code=159, when="after", match="INSERT INTO .?touchpoints")
    with pytest.raises(Retry):
        store.write_facts(facts, 1)
    store.write_facts(facts, 1)
    stored = database.rows("SELECT count(), uniqExact(event_id) FROM touchpoints FINAL")
    assert stored == [(100, 100)]
    revenue = database.rows("SELECT sum(order_value) FROM touchpoints FINAL WHERE order_counts")
    assert str(revenue[0][0]) == "375.0000"
    database.close()


def accepted(fields: dict[str, Any]) -> Accepted:
    """The fact of an event."""
    outcome = core().process(line(fields), RECEIVED_AT)
    assert isinstance(outcome, Accepted), outcome
    return outcome


def test_sigkill_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Killed amid inserts of several clients, twice: every acknowledged batch is there, whole."""
    acknowledged: set[int] = set()
    with ClickHouseEndpoint(tmp_path / "data") as endpoint:
        client = endpoint.client()
        client.command("CREATE TABLE b (batch UInt64, n UInt64) ENGINE = MergeTree ORDER BY batch")
        client.close()
        for life in range(2):
            asyncio.run(_insert_until_killed(endpoint, life, acknowledged))
            endpoint.start()
            client = endpoint.client()
            rows: Any = client.query("SELECT batch, count() FROM b GROUP BY batch").result_rows
            client.close()
            found: dict[int, int] = dict(rows)
            assert set(found.values()) == {ROWS}, "a batch is there in part"
            assert acknowledged <= set(found)
            assert len(acknowledged) >= BATCHES_BEFORE_KILL * (life + 1)


def test_stop_is_orderly(tmp_path: Path) -> None:
    """SIGTERM ends a read that runs, finishes an insert, and gives the directory back."""
    statements = (
        "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)",
        "INSERT INTO slow SELECT number FROM numbers(4) WHERE sleepEachRow(0.5) = 0",
    )
    with ClickHouseEndpoint(tmp_path / "data") as endpoint:
        url = f"{endpoint.url}?database=c360"
        _send(url, "CREATE TABLE slow (a UInt64) ENGINE = MergeTree ORDER BY a")
        waiting = [threading.Thread(target=_send, args=(url, sql)) for sql in statements]
        for one in waiting:
            one.start()
        while _send(url, "SELECT count() FROM system.processes") != "3\n":
            assert all(one.is_alive() for one in waiting)
        endpoint.stop()
        for one in waiting:
            one.join()
        endpoint.start()
        assert _send(url, "SELECT count() FROM slow") == "4\n"


def _send(url: str, sql: str) -> str:
    """The answer, or nothing when the endpoint goes away."""
    with suppress(httpx.TransportError):
        return httpx.post(url, content=sql, timeout=60).text
    return ""


def test_the_command_says_what_it_will_not_do(clickhouse_endpoint: ClickHouseEndpoint) -> None:
    """No host but loopback, no directory and no port that another process holds."""
    outside = c360(None, "dev", "clickhouse", "--host", "0.0.0.0", code=78)
    assert "--any-host" in outside.stderr
    held = str(clickhouse_endpoint.data_dir)
    assert (
        "in use by process" in c360(None, "dev", "clickhouse", "--data-dir", held, code=74).stderr
    )
    port = str(clickhouse_endpoint.port)
    assert "--port" in c360(None, "dev", "clickhouse", "--port", port, code=78).stderr


async def _insert_until_killed(
    endpoint: ClickHouseEndpoint, life: int, acknowledged: set[int]
) -> None:
    """Three clients insert until the endpoint dies of SIGKILL after some batches."""
    client = await endpoint.async_client()
    enough = threading.Event()
    had = len(acknowledged)

    async def write(first: int) -> None:
        batch = first
        while True:
            columns = [[batch] * ROWS, list(range(ROWS))]
            try:
                await client.insert(
                    "b",
                    columns,
                    column_names=["batch", "n"],
                    column_type_names=["UInt64", "UInt64"],
                    column_oriented=True,
                )
            except OperationalError:
                return
            acknowledged.add(batch)
            batch += 1
            if len(acknowledged) - had >= BATCHES_BEFORE_KILL:
                enough.set()

    writers = [asyncio.create_task(write(life * 10**9 + n * 10**6)) for n in range(3)]
    await asyncio.to_thread(enough.wait, 60)
    await asyncio.to_thread(endpoint.kill)
    await asyncio.gather(*writers)
    await client.close()

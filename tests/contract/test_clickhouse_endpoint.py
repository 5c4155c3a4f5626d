"""The development endpoint speaks ClickHouse's HTTP protocol as a server does, to both drivers."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import cramjam
import httpx
import pytest
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, StreamFailureError

from tests.clickhouse_endpoint import ClickHouseEndpoint

DEADLINE_S = 30
LONG_READ = "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)"
FAILING = "SELECT number, throwIf(number = 5000000, 'planted') FROM numbers(10000000)"
TYPES: list[tuple[str, Any]] = [
    ("LowCardinality(String)", "Köln"),
    ("UUID", UUID("61f0c404-5cb3-11e7-907b-a6006ad3dba0")),
    ("String", "tab\tquote'back\\slash\nline"),
    ("UInt64", 2**64 - 1),
    ("DateTime64(3, 'UTC')", datetime(2026, 11, 21, 12, 0, 0, 123000, UTC)),
    ("Date", date(2026, 11, 21)),
    ("Bool", True),
    ("Nullable(String)", None),
    ("Decimal(18, 4)", Decimal("-12345.6789")),
    ("Array(Decimal(18, 4))", [Decimal("1.5000"), Decimal("-2.2500")]),
    ("Array(LowCardinality(String))", ["a", "it's"]),
    ("Array(Nullable(Decimal(18, 4)))", [Decimal("9.0000"), None]),
    ("Array(UUID)", [UUID(int=0), UUID(int=7)]),
    ("Array(Bool)", [True, False]),
]
BOUND = [one for one in TYPES if one[0] != "Array(Nullable(Decimal(18, 4)))"]
_names = (f"t{number}" for number in itertools.count())


class Driver:
    """Both drivers called alike: the sync one runs in a thread."""

    def __init__(self, client: Client | AsyncClient) -> None:
        self.client = client

    async def call(self, name: str, *arguments: Any, **options: Any) -> Any:
        """Call a method that both have."""
        method: Callable[..., Any] = getattr(self.client, name)
        if isinstance(self.client, AsyncClient):
            return await method(*arguments, **options)
        return await asyncio.to_thread(method, *arguments, **options)

    async def rows(self, sql: str, **options: Any) -> list[Any]:
        """The rows of a query."""
        return list((await self.call("query", sql, **options)).result_rows)

    async def failure(self, sql: str, **options: Any) -> int | None:
        """The code with which a query fails."""
        with pytest.raises(ClickHouseError) as caught:
            await self.call("query", sql, **options)
        return caught.value.code if isinstance(caught.value, DatabaseError) else None

    async def table(self, columns: str) -> str:
        """A new table."""
        name = next(_names)
        await self.call(
            "command", f"CREATE TABLE {name} ({columns}) ENGINE = MergeTree ORDER BY ()"
        )
        return name

    async def close(self) -> None:
        """Close the connections."""
        await self.call("close")


Open = Callable[..., Awaitable[Driver]]


@pytest.fixture(params=["sync", "async"])
async def open_driver(
    request: pytest.FixtureRequest, clickhouse_endpoint: ClickHouseEndpoint
) -> AsyncIterator[Open]:
    """Opens drivers of one kind."""
    opened: list[Driver] = []

    async def open_one(at: ClickHouseEndpoint = clickhouse_endpoint, **options: Any) -> Driver:
        if request.param == "sync":
            opened.append(Driver(await asyncio.to_thread(at.client, **options)))
        else:
            opened.append(Driver(await at.async_client(**options)))
        return opened[-1]

    yield open_one
    for one in opened:
        await one.close()


@pytest.fixture
async def driver(open_driver: Open) -> Driver:
    """One driver on the database c360."""
    return await open_driver()


@pytest.fixture(autouse=True)
def no_faults(clickhouse_endpoint: ClickHouseEndpoint) -> Iterator[None]:
    """Each test leaves the endpoint healthy."""
    yield
    clickhouse_endpoint.heal()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseEndpoint]:
    """An endpoint with a password and tight limits."""
    directory = tmp_path_factory.mktemp("small") / "data"
    limits = ("--body-mb-max", "1", "--result-mb-max", "1")
    with ClickHouseEndpoint(directory, *limits, password="a long password") as endpoint:
        yield endpoint
        endpoint.stop()


def post(endpoint: ClickHouseEndpoint, sql: str | bytes, **options: Any) -> httpx.Response:
    """A request without a driver between."""
    return httpx.post(endpoint.url, content=sql, timeout=DEADLINE_S, **options)


@pytest.mark.parametrize(("type_name", "value"), BOUND, ids=[one[0] for one in BOUND])
async def test_parameters_of_all_our_types(driver: Driver, type_name: str, value: Any) -> None:
    """A bound value comes back as it went."""
    rows = await driver.rows(f"SELECT {{v:{type_name}}}", parameters={"v": value})
    assert rows == [(value,)]


async def test_native_insert_of_all_our_types(driver: Driver) -> None:
    """Columns inserted as a Native block are read back as they were, and the summary counts."""
    columns = ", ".join(f"c{number} {name}" for number, (name, _) in enumerate(TYPES))
    table = await driver.table(columns)
    done = await driver.call(
        "insert",
        table,
        [[value, value] for _, value in TYPES],
        column_names=[f"c{number}" for number in range(len(TYPES))],
        column_type_names=[name for name, _ in TYPES],
        column_oriented=True,
    )
    assert done.written_rows == 2
    assert await driver.rows(f"SELECT * FROM {table}") == [tuple(value for _, value in TYPES)] * 2


async def test_database_parameter(driver: Driver, open_driver: Open) -> None:
    """The database of the request counts, for DDL, inserts and reads; an unknown one is 81."""
    await driver.call("command", "CREATE DATABASE IF NOT EXISTS other")
    other = await open_driver(database="other")
    table = await other.table("a UInt8")
    await other.call("insert", table, [[1]], column_names=["a"])
    assert await other.rows(f"SELECT a, currentDatabase() FROM {table}") == [(1, "other")]
    assert await driver.rows("SELECT currentDatabase()") == [("c360",)]
    assert await driver.failure(f"SELECT * FROM {table}") == 60
    with pytest.raises(ClickHouseError, match="UNKNOWN_DATABASE"):
        await (await open_driver(database="nowhere")).rows("SELECT 1")


async def test_settings_are_those_of_the_query(driver: Driver) -> None:
    """A setting reaches reads, inserts and DDL, and is gone with the next query."""
    sql = "SELECT getSetting('max_threads'), getSetting('async_insert')"
    before = await driver.rows(sql)
    assert before[0][1] is False
    assert await driver.rows(sql, settings={"max_threads": 1}) == [(1, False)]
    assert await driver.rows(sql) == before
    table = await driver.table("a UInt64")
    fill = f"INSERT INTO {table} SELECT number FROM numbers(100)"
    with pytest.raises(DatabaseError, match="TOO_MANY_ROWS"):
        await driver.call("command", fill, settings={"max_rows_to_read": 10})
    await driver.call("command", fill)
    assert await driver.failure(f"SELECT * FROM {table}", settings={"max_result_rows": 5}) == 396
    assert len(await driver.rows(f"SELECT * FROM {table}")) == 100


async def test_query_id_is_echoed(driver: Driver, clickhouse_endpoint: ClickHouseEndpoint) -> None:
    """The id of the client names the query; without one the endpoint makes one."""
    told = await driver.call("query", "SELECT 1", settings={"query_id": "mine-1"})
    assert told.query_id == "mine-1"
    assert (await driver.call("query", "SELECT 1")).query_id not in ("", "mine-1")
    answer = post(clickhouse_endpoint, "SELECT 1", headers={"X-ClickHouse-Query-Id": "mine-2"})
    assert answer.headers["X-ClickHouse-Query-Id"] == "mine-2"


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM no_such_table", 60),
        ("SELEC 1", 62),
        ("SELECT no_such_column", 47),
        ("SELECT 1; SELECT 2", 62),  # the engine would run both
        ("SELECT toUInt8('x')", 6),
    ],
)
async def test_errors_have_their_codes(driver: Driver, sql: str, code: int) -> None:
    """An error of the engine reaches the driver with the code of a server."""
    assert await driver.failure(sql) == code


async def test_mid_stream_error_is_no_half_result(open_driver: Open) -> None:
    """An error after rows were sent raises at the driver.

    As with a server the body breaks off behind the error. The async driver may see the break before
    it has read the error; the sync one reads it first and tells its code.
    """
    driver = await open_driver(settings={})
    context = await driver.call("query_row_block_stream", FAILING, settings={"max_threads": 1})
    seen = 0

    async def read_async() -> None:
        nonlocal seen
        async with context as stream:
            async for block in stream:
                seen += len(block)

    def read() -> None:
        nonlocal seen
        with context as stream:
            for block in stream:
                seen += len(block)

    is_async = isinstance(driver.client, AsyncClient)
    with pytest.raises(StreamFailureError) as caught:
        await (read_async() if is_async else asyncio.to_thread(read))
    assert is_async or (caught.value.code == 395 and "planted" in str(caught.value))
    assert 0 < seen < 10_000_000
    waiting = {"max_threads": 1, "wait_end_of_query": 1}
    assert await driver.failure(FAILING, settings=waiting) == 395


def test_mid_stream_error_breaks_the_body(clickhouse_endpoint: ClickHouseEndpoint) -> None:
    """The answer names its tag, ends in the marked error, and is not ended properly."""
    pieces: list[bytes] = []
    params = {"max_threads": "1"}
    with httpx.stream(
        "POST", clickhouse_endpoint.url, content=FAILING, params=params
    ) as answer, pytest.raises(httpx.RemoteProtocolError):  # fmt: skip
        pieces.extend(answer.iter_raw())
    body = b"".join(pieces)
    tag = answer.headers["X-ClickHouse-Exception-Tag"].encode()
    assert answer.status_code == 200
    assert body.startswith(b"0\t0\n1\t0\n")
    head, _, rest = body.rpartition(b"__exception__\r\n" + tag + b"\r\nCode: 395.")[0:3]
    assert head
    assert rest.endswith(b" " + tag + b"\r\n__exception__\r\n")


async def test_session_keeps_its_state(open_driver: Open) -> None:
    """SET, USE and a temporary table stay in their session; nobody else sees them."""
    driver = await open_driver(session_id=next(_names), database=None)
    await driver.call("command", "SET max_threads = 3")
    await driver.call("command", "USE system")
    await driver.call("command", "CREATE TEMPORARY TABLE kept (a UInt8)")
    await driver.call("insert", "kept", [[7]], column_names=["a"], column_type_names=["UInt8"])
    sql = "SELECT a, getSetting('max_threads'), currentDatabase() FROM kept"
    assert await driver.rows(sql) == [(7, 3, "system")]
    # A setting of one query goes, the session's own comes back.
    assert await driver.rows(sql, settings={"max_threads": 1}) == [(7, 1, "system")]
    assert await driver.rows(sql) == [(7, 3, "system")]
    assert await (await open_driver(session_id=next(_names))).failure("SELECT * FROM kept") == 60


def test_without_a_session_nothing_stays(clickhouse_endpoint: ClickHouseEndpoint) -> None:
    """A SET of a request without a session is gone with it, as on a server."""
    assert post(clickhouse_endpoint, "SET max_threads = 3").is_success
    assert post(clickhouse_endpoint, "SELECT getSetting('max_threads')").text != "3\n"


def test_session_check_lock_and_timeout(clickhouse_endpoint: ClickHouseEndpoint) -> None:
    """A session that must exist does not; a busy one is locked; an idle one ends."""
    session = {"session_id": next(_names)}
    check = {**session, "session_check": "1"}
    assert code_of(post(clickhouse_endpoint, "SELECT 1", params=check)) == 372
    assert (
        code_of(
            post(clickhouse_endpoint, "SELECT 1", params={**session, "session_timeout": "7200"})
        )
        == 374
    )
    at_once = {"session_timeout": "0"}
    assert post(clickhouse_endpoint, "SELECT 1", params={**session, **at_once}).is_success
    wait_until(
        lambda: code_of(post(clickhouse_endpoint, "SELECT 1", params={**check, **at_once})) == 372
    )
    params = {**session, "cancel_http_readonly_queries_on_client_close": "1"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(clickhouse_endpoint.url, content=LONG_READ, params=params, timeout=0.5)
    # The client is gone; the session is free again as soon as its query was stopped.
    wait_until(lambda: post(clickhouse_endpoint, "SELECT 1", params=session).is_success)


def code_of(answer: httpx.Response) -> int:
    """The code of a refused request."""
    return int(answer.headers.get("X-ClickHouse-Exception-Code", 0))


def wait_until(done: Callable[[], bool]) -> None:
    """Wait for a condition, up to a deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.05)


async def test_session_takes_one_query_at_a_time(clickhouse_endpoint: ClickHouseEndpoint) -> None:
    """A second query in a busy session is refused with 373, the first goes on."""
    params = {"session_id": next(_names)}
    async with httpx.AsyncClient(timeout=DEADLINE_S) as client:
        sql = "SELECT sleepEachRow(0.5) FROM numbers(2)"
        first = asyncio.create_task(
            client.post(clickhouse_endpoint.url, content=sql, params=params)
        )
        listed = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sleepEachRow%'"
        while (await client.post(clickhouse_endpoint.url, content=listed)).text == "0\n":
            assert not first.done()
        second = await client.post(clickhouse_endpoint.url, content="SELECT 1", params=params)
        assert code_of(second) == 373
        assert (await first).is_success


async def test_a_read_does_not_wait_for_a_long_insert(open_driver: Open) -> None:
    """While more inserts run than the write pool takes, reads of another client return."""
    reader = await open_driver()
    table = await reader.table("a UInt64")
    writers = [await open_driver() for _ in range(5)]
    fill = f"INSERT INTO {table} SELECT number FROM numbers(3) WHERE sleepEachRow(0.5) = 0"
    inserts = [asyncio.create_task(one.call("command", fill)) for one in writers]
    reads = 0
    while not any(one.done() for one in inserts):
        await reader.rows(f"SELECT count() FROM {table}")
        reads += 1
    await asyncio.gather(*inserts)
    assert reads >= 5
    assert await reader.rows(f"SELECT count() FROM {table}") == [(15,)]


async def test_wrong_password_and_wrong_user(open_driver: Open, small: ClickHouseEndpoint) -> None:
    """516 with 403, by each of the three ways; the right one is let in by each."""
    assert await (await open_driver(small)).rows("SELECT 1") == [(1,)]
    for wrong in ({"password": "wrong"}, {"username": "somebody"}):
        with pytest.raises(DatabaseError) as caught:
            await open_driver(small, **wrong)
        assert caught.value.code == 516
    name, key = "default", small.password
    ways: list[dict[str, Any]] = [
        {"headers": {"X-ClickHouse-User": name, "X-ClickHouse-Key": key}},
        {"auth": (name, key)},
        {"params": {"user": name, "password": key}},
    ]
    for way in ways:
        assert post(small, "SELECT 1", **way).text == "1\n"
    for mixed in ({**ways[0], **ways[1]}, {"headers": {"X-ClickHouse-Key": "x"}}, {}):
        answer = post(small, "SELECT 1", **mixed)
        assert (answer.status_code, code_of(answer)) == (403, 516)
    assert small.answers()
    with pytest.raises(AssertionError, match="AUTHENTICATION_FAILED"):
        small.fault(password="wrong", code=252)


async def test_limits_of_body_and_result(open_driver: Open, small: ClickHouseEndpoint) -> None:
    """Too long a body is 229, too large an answer 396; both leave everything as it was."""
    driver = await open_driver(small, compress=False)
    table = await driver.table("s String")
    with pytest.raises(DatabaseError) as caught:
        await driver.call("insert", table, [["x" * 2_000_000]], column_names=["s"])
    assert caught.value.code == 229
    packed = gzip.compress(f"INSERT INTO {table} FORMAT CSV\n".encode() + b"x" * 2_000_000)
    auth = ("default", small.password)
    answer = post(small, packed, auth=auth, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, code_of(answer)) == (413, 229)
    assert await driver.failure("SELECT repeat('x', 1000) FROM numbers(2000)") == 396
    assert await driver.rows(f"SELECT count() FROM {table}") == [(0,)]


@pytest.mark.parametrize("encoding", ["lz4", "zstd", "gzip"])
async def test_compression_both_ways(open_driver: Open, encoding: str) -> None:
    """What a driver compresses is understood, and so is the answer."""
    driver = await open_driver(compress=encoding)
    table = await driver.table("a UInt64, s String")
    numbers = list(range(200_000))
    texts = [f"text {number}" for number in numbers]
    await driver.call("insert", table, [numbers, texts], column_oriented=True)
    rows = await driver.rows(f"SELECT a, s FROM {table} ORDER BY a")
    assert rows == list(zip(numbers, texts, strict=True))


@pytest.mark.parametrize(
    ("encoding", "unpack"),
    [("lz4", cramjam.lz4.decompress), ("zstd", cramjam.zstd.decompress), ("gzip", gzip.decompress)],
)
def test_answers_are_compressed_when_asked(
    clickhouse_endpoint: ClickHouseEndpoint, encoding: str, unpack: Callable[[bytes], bytes]
) -> None:
    """Only with Accept-Encoding and enable_http_compression=1, as on a server."""
    sql, accept = "SELECT number FROM numbers(300000)", {"Accept-Encoding": encoding}
    for asked, packed in (("1", True), ("0", False)):
        params = {"enable_http_compression": asked}
        with httpx.stream(
            "POST", clickhouse_endpoint.url, content=sql, headers=accept, params=params
        ) as answer:
            body = b"".join(answer.iter_raw())
        assert answer.headers.get("Content-Encoding") == (encoding if packed else None)
        lines = (bytes(unpack(body)) if packed else body).split()
        assert len(lines) == 300_000


def test_disconnect_stops_a_read(clickhouse_endpoint: ClickHouseEndpoint) -> None:
    """A read whose client goes away ends in the engine, if the client wished so."""

    def running() -> bool:
        listed = "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(numb%' "
        return post(clickhouse_endpoint, listed + "AND query NOT LIKE '%processes%'").text != "0\n"

    params = {"cancel_http_readonly_queries_on_client_close": "1"}
    seen: list[bool] = []

    def leave() -> None:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(clickhouse_endpoint.url, content=LONG_READ, params=params, timeout=2)

    client = threading.Thread(target=leave)
    client.start()
    while client.is_alive():
        seen.append(running())
    assert any(seen)
    wait_until(lambda: not running())


def test_disconnect_does_not_stop_an_insert(clickhouse_endpoint: ClickHouseEndpoint) -> None:
    """An insert whose client went away is finished: unknown to the client, not undone."""
    table = next(_names)
    post(clickhouse_endpoint, f"CREATE TABLE {table} (a UInt64) ENGINE = MergeTree ORDER BY ()")
    fill = f"INSERT INTO {table} SELECT number FROM numbers(2) WHERE sleepEachRow(0.5) = 0"
    params = {"cancel_http_readonly_queries_on_client_close": "1"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(clickhouse_endpoint.url, content=fill, params=params, timeout=0.3)
    wait_until(lambda: post(clickhouse_endpoint, f"SELECT count() FROM {table}").text == "2\n")


def test_plain_http(clickhouse_endpoint: ClickHouseEndpoint) -> None:
    """GET answers reads only; `/` says what this is; formats, headers and forms are a server's."""
    root = httpx.get(clickhouse_endpoint.url)
    assert root.text.startswith("Ok.\n")
    assert "Not for production" in root.text
    answer = httpx.get(clickhouse_endpoint.url, params={"query": "SELECT 1 AS a FORMAT JSON"})
    assert answer.json()["data"] == [{"a": 1}]
    assert answer.headers["X-ClickHouse-Format"] == "JSON"
    assert answer.headers["X-ClickHouse-Timezone"]
    assert '"read_rows": "1"' in answer.headers["X-ClickHouse-Summary"]
    made = {"query": "CREATE TABLE never (a UInt8) ENGINE = Memory"}
    assert code_of(httpx.get(clickhouse_endpoint.url, params=made)) == 164
    form = {"query": (None, "SELECT {a:UInt8} + 1"), "param_a": (None, "4")}
    assert httpx.post(clickhouse_endpoint.url, files=form).text == "5\n"
    assert httpx.get(f"{clickhouse_endpoint.url}/nowhere").status_code == 404


def test_what_is_not_supported_is_refused(clickhouse_endpoint: ClickHouseEndpoint) -> None:
    """Nothing is passed over: external data, block compression, roles, long parameters."""
    table = {"data": ("data.csv", b"1\n2\n")}
    params = {"query": "SELECT * FROM data", "data_structure": "a UInt8", "data_format": "CSV"}
    refused = httpx.post(clickhouse_endpoint.url, params=params, files=table)
    assert (refused.status_code, code_of(refused)) == (501, 48)
    for name in ("compress", "decompress", "role"):
        assert code_of(post(clickhouse_endpoint, "SELECT 1", params={name: "1"})) == 48
    long = {"query": (None, "SELECT {a:String}"), "param_a": (None, "x" * 140_000)}
    assert code_of(httpx.post(clickhouse_endpoint.url, files=long)) == 1000
    assert code_of(post(clickhouse_endpoint, b"x", headers={"Content-Encoding": "snappy"})) == 89
    assert code_of(post(clickhouse_endpoint, b"x", headers={"Content-Encoding": "gzip"})) == 271


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM file('/etc/passwd', LineAsString)",
        "SELECT * FROM FILE ('/etc/passwd')",
        "SELECT * FROM `file`('/etc/passwd', 'LineAsString')",
        "SELECT \"file\"('/etc/passwd')",
        "SELECT * FROM file/* */('/etc/passwd')",
        "SELECT * FROM url('http://127.0.0.1:1/', LineAsString)",
        "SELECT * FROM s3Cluster('c', 'http://127.0.0.1:1/')",
        "SELECT * FROM remote('127.0.0.1', 'system.one')",
        "SELECT * FROM executable('id', TSV, 'a String')",
        "SELECT 1 INTO OUTFILE '/tmp/never'",
        "INSERT INTO FUNCTION file('/tmp/never', TSV) SELECT 1",
        "INSERT INTO t FROM INFILE '/etc/passwd' FORMAT LineAsString",
        "CREATE TABLE never (a String) ENGINE = File(TSV, '/etc/passwd')",
        "CREATE DICTIONARY never (a UInt64) PRIMARY KEY a SOURCE(FILE(path '/x'))",
    ],
)
def test_nothing_outside_is_reached(clickhouse_endpoint: ClickHouseEndpoint, sql: str) -> None:
    """No file, program or host, however it is written; a string is only a string."""
    answer = post(clickhouse_endpoint, sql)
    assert (code_of(answer), "root:" in answer.text) == (497, False)
    assert post(clickhouse_endpoint, "SELECT 'file(''/etc/passwd'')'").status_code == 200


def test_backups_use_their_directory_alone(tmp_path: Path) -> None:
    """With a directory for backups, BACKUP and RESTORE work as on a server, inside of it only."""
    backups = tmp_path / "backups"
    backups.mkdir()
    with ClickHouseEndpoint(tmp_path / "data", "--backup-dir", str(backups)) as endpoint:
        assert post(endpoint, "CREATE TABLE c360.kept ORDER BY a AS SELECT 7 AS a").is_success
        assert post(endpoint, f"BACKUP DATABASE c360 TO File('{backups}/one')").is_success
        assert post(endpoint, "DROP DATABASE c360 SYNC").is_success
        assert post(endpoint, f"RESTORE DATABASE c360 FROM File('{backups}/one')").is_success
        assert post(endpoint, "SELECT a FROM c360.kept").text == "7\n"
        outside = f"BACKUP DATABASE c360 TO File('{tmp_path}/outside')"
        assert not post(endpoint, outside).is_success
        elsewhere = "BACKUP DATABASE c360 TO S3('http://127.0.0.1:1/b')"
        assert code_of(post(endpoint, elsewhere)) == 497
        assert code_of(post(endpoint, "SELECT * FROM file('one', LineAsString)")) == 497
    assert not (tmp_path / "outside").exists()


def test_no_backup_without_a_directory(clickhouse_endpoint: ClickHouseEndpoint) -> None:
    """Nothing is written anywhere unless somebody said where."""
    refused = post(clickhouse_endpoint, "BACKUP DATABASE c360 TO File('/tmp/never')")
    assert code_of(refused) == 497


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Host": "evil.example:8123"}, {"Origin": "null"}],
)
def test_no_web_page_is_answered(
    clickhouse_endpoint: ClickHouseEndpoint, headers: dict[str, str]
) -> None:
    """Neither a page of another site nor one whose name was pointed at this machine."""
    assert post(clickhouse_endpoint, "SELECT 1", headers=headers).status_code == 403

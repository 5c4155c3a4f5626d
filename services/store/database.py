"""One ClickHouse connection behind a small, typed surface: the engine in process, or a server.

Calls block and are serialised per Database by a lock; several Databases on one directory or server
may be used from several threads. One process at a time may hold a directory
(services/store/locks.py).
"""

from __future__ import annotations

import logging
import re
import shutil
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import clickhouse_connect
from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.httputil import get_pool_manager_options
from urllib3 import PoolManager
from urllib3.util import parse_url

from schemas.identifiers import NodeId
from services.runtime import tracing
from services.runtime.errors import ConfigurationError, StoreUnavailable
from services.runtime.settings import StoreSettings
from services.store.asked import note_rows, note_statement, note_unknown
from services.store.column_types import column_type
from services.store.deadline import require_time
from services.store.directory import ENGINE_DIRECTORY, has_engine, require_embedded_engine
from services.store.errors import NoRoom, Server, first_line, translated
from services.store.libraries import load_engine
from services.store.statements import statements_of, title_of

_STATEMENTS = statements_of(__file__)
COLUMNS_SQL = _STATEMENTS["columns"]
PING_SQL = _STATEMENTS["ping"]
DATABASE = "c360"
QUERY_BYTES_MAX = 64 * 1024 * 1024
WRITE_SETTINGS = {
    "async_insert": 0,  # on by default since 26.x; an acknowledged insert must be durable
    "wait_end_of_query": 1,
    "optimize_on_insert": 0,  # readers deduplicate anyway; sorting twice halves the speed
    "insert_deduplicate": 0,  # rows are idempotent by key; block tokens drop equal blocks silently
}
ENGINE_SETTINGS = WRITE_SETTINGS | {
    "use_query_condition_cache": 0,  # reads by key fill it, up to 100 MB, and never hit it
    # Reads by key are thousands of small ones; to hand each to a pool of threads costs far more.
    "local_filesystem_read_method": "pread",
    "max_query_size": QUERY_BYTES_MAX,
}
CONNECT_TIMEOUT_S = 10
CONNECTIONS = 2
ANSWER_SHARE = 0.8
"""Share of the time limit after which the server gives up, so that it can report why."""
PARAMETER_CHARS_MAX = 8_000
"""A longer one goes into the text of the query. A server accepts 128 KiB per parameter, however it
is sent (http_max_field_value_size, which no query can raise), and proxies accept less."""
FEW_KEYS = 100
"""Up to this number of keys, one thread reads faster than several."""
ONE_THREAD = " SETTINGS max_threads = 1"
KEYS_PER_QUERY = 5_000
"""Node ids in one query: its text stays below half a megabyte."""
SECOND_HALF = (1 << 64) - 1
PORTS = {"http": 8123, "https": 8443}
ROOM_BYTES_MIN = 8 * 1024 * 1024
"""The engine writes a definition without looking for room. On a full disk it stays empty, and the
engine never opens again."""
_PLACEHOLDER = re.compile(r"\{(\w+):([^{}]+)\}")


class Database:
    """Typed commands, queries and columnar inserts on one database."""

    def __init__(self, client: Client, server: Server | None = None) -> None:
        """`server` is None for the embedded engine, whose errors are classified differently."""
        self._client = client
        self._server = server
        self._name = DATABASE if server is None else server.database
        self._lock = threading.Lock()
        self._types: dict[str, dict[str, ClickHouseType]] = {}

    @property
    def place(self) -> str:
        """Where it is, for messages; empty for the embedded engine."""
        return f"{self._server.database} at {self._server.url}" if self._server else ""

    def command(self, sql: str, parameters: dict[str, Any] | None = None) -> Any:
        """Run a statement. Raises Retry or Fatal by the kind of failure."""
        text, bound = self._bound(sql, parameters)
        with self._span(sql) as span, self._lock, translated(self._server):
            return self._client.command(text, transport_settings=self._header(span), **bound)

    def rows(self, sql: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query. Times are aware (UTC). Raises Retry or Fatal."""
        text, bound = self._bound(sql, parameters)
        with self._span(sql) as span, self._lock, translated(self._server):
            result = self._client.query(text, transport_settings=self._header(span), **bound)
            rows = [tuple(row) for row in result.result_rows]
        note_rows(rows)
        return rows

    def records(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """All rows of a query by column name. Raises Retry or Fatal."""
        text, bound = self._bound(sql, parameters)
        with self._span(sql) as span, self._lock, translated(self._server):
            result = self._client.query(text, transport_settings=self._header(span), **bound)
            names = result.column_names
            note_rows(result.result_rows)
            return [dict(zip(names, row, strict=True)) for row in result.result_rows]

    def raw(self, sql: str, format_name: str, parameters: dict[str, Any] | None = None) -> bytes:
        """The answer of a query in one of ClickHouse's text formats."""
        note_unknown()
        text, bound = self._bound(sql, parameters)
        with self._span(sql) as span, self._lock, translated(self._server):
            header = self._header(span)
            answer = self._client.raw_query(
                text, fmt=format_name, transport_settings=header, **bound
            )
            return answer if isinstance(answer, bytes) else b"".join(answer)

    def insert(self, table: str, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
        """Insert columns as one block, durable when it returns. Raises Retry or Fatal.

        After a Retry the rows may or may not be stored. The driver itself resends a block when its
        connection breaks; both are harmless, because a row is idempotent by its key.
        """
        if not columns or not len(columns[0]):
            return
        types = self._column_types(table)
        given = list(columns)
        writing = tracing.statement("INSERT", table, self._name)
        try:
            with writing as span, self._lock, translated(self._server):
                self._client.insert(
                    table,
                    given,
                    column_names=names,
                    column_types=[types[name] for name in names],
                    column_oriented=True,
                    transport_settings=self._header(span),
                )
        finally:
            # The driver keeps what it was given in a cycle of references, so a whole batch would
            # stay in memory until the collector comes round.
            given.clear()

    def insert_rows(self, table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Like `insert`, from rows."""
        self.insert(table, names, list(zip(*rows, strict=True)))

    def ping(self) -> None:
        """Ask for nothing. Raises Retry or Fatal when the store does not answer."""
        self.rows(PING_SQL)

    @property
    def client(self) -> Client:
        """The driver's own client, for libraries that want one."""
        return self._client

    def close(self) -> None:
        """Close the connection; an embedded engine stops with the last one of the process."""
        if self._server is not None:
            self._client.close_connections()
        self._client.close()

    def _bound(self, sql: str, parameters: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
        """The text of a statement and its arguments for the driver. Raises Retry too late."""
        require_time()
        note_statement(sql, parameters)
        if parameters is None:
            return sql, {"parameters": parameters}
        # Also for the embedded engine: the driver escapes parameters character by character, which
        # for thousands of keys takes longer than the statement.
        text, short = inlined(sql, parameters)
        is_set = self._server is None or text == sql
        settings = {} if is_set else {"max_query_size": QUERY_BYTES_MAX}
        return text, {"parameters": short, "settings": settings}

    def _span(self, sql: str) -> tracing.OpenSpan:
        if not tracing.is_on():
            return tracing.NO_SPAN
        return tracing.statement(*title_of(sql.removesuffix(ONE_THREAD)), self._name)

    def _header(self, span: tracing.OpenSpan) -> dict[str, str] | None:
        """What a server needs to write spans of its own into the same trace."""
        return None if self._server is None else span.header

    def _column_types(self, table: str) -> dict[str, ClickHouseType]:
        if table not in self._types:
            described = self.rows(COLUMNS_SQL, {"table": table})
            self._types[table] = {name: column_type(type_name) for name, type_name in described}
        return self._types[table]


def inlined(sql: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The statement with its long parameters as literals, and the short parameters."""
    long = {name for name, value in parameters.items() if _is_long(value)}

    def literal(match: re.Match[str]) -> str:
        name, type_name = match[1], match[2]
        if name not in long:
            return match[0]
        value = parameters[name]
        return f"CAST({_as_one_text(value) or _literal(value)}, {_literal(type_name)})"

    short = {name: value for name, value in parameters.items() if name not in long}
    return (_PLACEHOLDER.sub(literal, sql) if long else sql), short


def _is_long(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) > PARAMETER_CHARS_MAX
    if isinstance(value, Sequence):
        if len(value) > PARAMETER_CHARS_MAX:
            return True
        return sum(len(str(one)) + 3 for one in value) > PARAMETER_CHARS_MAX
    return False


def _as_one_text(value: Any) -> str:
    """A list of words as one literal, which takes half of what a literal for each word does; empty
    if it cannot be written so."""
    if isinstance(value, str) or not all(type(one) is str for one in value):
        return ""
    text = ",".join(value)
    if text.count(",") != len(value) - 1 or "'" in text or "\\" in text:
        return ""
    return f"splitByChar(',', '{text}')"


def _literal(value: Any) -> str:
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{','.join(map(_literal, value))}]"
    escaped = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def require_room(data_dir: Path) -> None:
    """Raises NoRoom when the disk has too little for new definitions of tables."""
    disk = next(one for one in (data_dir, *data_dir.absolute().parents) if one.exists())
    free = shutil.disk_usage(disk).free
    if free < ROOM_BYTES_MIN:
        raise NoRoom(
            f"{free // 1024:,} KB are free on the disk of {data_dir}; to make or change tables, "
            f"{ROOM_BYTES_MIN // 1024:,} KB must be. Free some space, then run the same command "
            "again."
        )


def open_embedded(data_dir: Path, limit_s: int | None = None) -> Database:
    """A connection to the engine in `data_dir`, which the caller has locked.

    Args:
        limit_s: seconds that a statement may take; none for any time.

    Raises:
        NoRoom: it would be a new engine, and the disk is full.
        ConfigurationError: the engine is not installed.
        StoreUnavailable: the engine cannot open the directory.
    """
    require_embedded_engine()
    if not has_engine(data_dir):
        require_room(data_dir)
    path = str((data_dir / ENGINE_DIRECTORY).absolute())  # `file:x` would be a URL
    load_engine()
    try:
        try:
            client = _embedded_client(path, limit_s)
        except ClickHouseError:  # a new engine has no database yet
            with closing(clickhouse_connect.get_client(interface="chdb", path=path)) as bootstrap:
                # chDB's own `default` database is an overlay in which refreshable views fail.
                bootstrap.command(f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE = Atomic")
                client = _embedded_client(path, limit_s)
    except (ClickHouseError, OSError, RuntimeError) as error:
        raise StoreUnavailable(
            f"the engine cannot open {path}: {first_line(str(error))}"
        ) from error
    return Database(client)


def _embedded_client(path: str, limit_s: int | None) -> Client:
    """A client of the engine's database, which must be there."""
    return clickhouse_connect.get_client(
        interface="chdb",
        path=path,
        database=DATABASE,
        settings=ENGINE_SETTINGS | ({"max_execution_time": limit_s} if limit_s else {}),
        tz_mode="aware",
    )


def open_server(
    settings: StoreSettings, *, database: str | None = None, timeout_s: int | None = None
) -> Database:
    """A connection to the ClickHouse server of the settings; no proxy of the environment is used.

    Args:
        database: another than the configured one, which may not be there yet.
        timeout_s: another time limit of a statement than the configured one.

    Raises:
        Retry: the server does not answer now.
        ConfigurationError: no server is set, it does not let this user in, or is not trusted.
    """
    if settings.clickhouse_url is None:
        raise ConfigurationError("C360_CLICKHOUSE_URL is not set")
    url = parse_url(settings.clickhouse_url)
    if url.auth is not None:  # addresses are shown, in messages and logs
        raise ConfigurationError(
            "C360_CLICKHOUSE_URL holds a user or a password; set C360_CLICKHOUSE_USER and "
            "C360_CLICKHOUSE_PASSWORD instead"
        )
    name = database or settings.clickhouse_database
    limit_s = timeout_s or settings.clickhouse_timeout_s
    server = Server(settings.clickhouse_url.rstrip("/"), settings.clickhouse_user, name)
    # The driver logs each failed request itself, with all parameters; our errors replace that.
    for library in ("clickhouse_connect", "urllib3"):
        logging.getLogger(library).setLevel(logging.ERROR)
    pool = _pool(settings)
    try:
        with translated(server):
            client = clickhouse_connect.get_client(
                interface=url.scheme,
                host=url.host,
                port=url.port or PORTS[url.scheme or "https"],
                username=settings.clickhouse_user,
                password=settings.clickhouse_password.get_secret_value(),
                database=name,
                settings=_server_settings(settings, limit_s),
                connect_timeout=min(CONNECT_TIMEOUT_S, limit_s),
                send_receive_timeout=limit_s,
                query_retries=1,
                # A session would allow one query at a time and tie them to one replica.
                autogenerate_session_id=False,
                client_name="c360",
                pool_mgr=pool,
                tz_mode="aware",
            )
            client.command(PING_SQL)  # fails now if the database does not exist
    except BaseException:
        pool.clear()
        raise
    return Database(client, server)


def _pool(settings: StoreSettings) -> PoolManager:
    """Connections of this client alone; the driver looks for no proxy when it is given some."""
    ca_file = settings.clickhouse_ca_file
    if ca_file is not None and not ca_file.is_file():
        raise ConfigurationError(f"C360_CLICKHOUSE_CA_FILE: there is no file {ca_file}")
    options = get_pool_manager_options(
        ca_cert=None if ca_file is None else str(ca_file), maxsize=CONNECTIONS
    )
    return PoolManager(**options)


def _server_settings(settings: StoreSettings, limit_s: int) -> dict[str, Any]:
    """Settings of every statement."""
    sent: dict[str, Any] = dict(WRITE_SETTINGS)
    if settings.clickhouse_cluster:
        sent["distributed_ddl_task_timeout"] = max(1, int(limit_s * ANSWER_SHARE))
    if settings.clickhouse_insert_quorum:
        # Only sequential quorum inserts let a replica know that it lacks one, so that
        # a reader of the next replica sees what was acknowledged by another (docs/adr/0012).
        sent["insert_quorum"] = settings.clickhouse_insert_quorum
        sent["insert_quorum_parallel"] = 0
        sent["insert_quorum_timeout"] = int(limit_s * ANSWER_SHARE * 1000)
        sent["select_sequential_consistency"] = 1
    return sent


def chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Consecutive slices of at most `size` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def on_one_thread(sql: str, keys: int = 1) -> str:
    """The statement, to be run on one thread if it reads few keys: distributing them costs three
    times as much as reading them."""
    return f"{sql}{ONE_THREAD}" if keys <= FEW_KEYS else sql


def place_of(node: NodeId) -> int:
    """The place of an id in the order in which ClickHouse sorts UUIDs, by their second half first;
    and the id of a place, since to exchange the halves undoes itself."""
    return (node & SECOND_HALF) << 64 | node >> 64


def rows_by_key(
    database: Database,
    sql: str,
    realm: str,
    keys: Collection[NodeId],
    name: str = "nodes",
    **parameters: Any,
) -> Iterator[tuple[Any, ...]]:
    """The rows of a query on any number of node ids, which is asked part by part.

    The parts are of keys that lie side by side in the store, so that what is read for one holds
    more of its keys: at ten million nodes, a quarter of the time (docs/adr/0118).

    Args:
        name: that of the statement's parameter for the keys.
    """
    ordered = list(keys) if len(keys) <= KEYS_PER_QUERY else sorted(keys, key=place_of)
    for part in chunks(ordered, KEYS_PER_QUERY):
        uuids = [f"{one:032x}" for one in part]
        yield from database.rows(sql, {"realm": realm, name: uuids, **parameters})

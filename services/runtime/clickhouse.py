"""One ClickHouse connection behind a small, typed surface; the engine is in process (chDB).

Calls block and are serialised per Database by a lock; several Databases on one directory may be
used from several threads. One process at a time may hold a directory.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import clickhouse_connect
from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DataError

from services.runtime.errors import Fatal, Retry, StoreUnavailable

DATABASE = "c360"
WRITE_SETTINGS = {
    "async_insert": 0,  # on by default since 26.x; an acknowledged insert must be durable
    "wait_end_of_query": 1,
    "optimize_on_insert": 0,  # readers deduplicate anyway; sorting twice halves the speed
    "insert_deduplicate": 0,  # rows are idempotent by key; block tokens drop equal blocks silently
}
TRANSIENT_CODES = ("Code: 241", "Code: 159", "Code: 252", "Code: 202")
DISK_CODES = ("Code: 243", "NOT_ENOUGH_SPACE", "No space left", "Read-only file system", "Code: 76")
LOCK_FILE = "lock"
ENGINE_DIRECTORY = "engine"


BAD_VALUES = (struct.error, OverflowError, ValueError, TypeError, ArithmeticError, DataError)
BAD_VALUE_CODES = ("Code: 6.", "Code: 27.", "Code: 53.", "Code: 69.", "Code: 70.", "Code: 407.")


class Unstorable(Fatal):
    """A row that the store refuses whenever it is tried."""


class Database:
    """Typed commands, queries and columnar inserts on the database `c360`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._types: dict[str, dict[str, ClickHouseType]] = {}

    def command(self, sql: str, parameters: dict[str, Any] | None = None) -> Any:
        """Run a statement. Raises Retry or Fatal by the kind of failure."""
        with self._lock, _translated():
            return self._client.command(sql, parameters=parameters)

    def rows(self, sql: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query. Times are aware (UTC). Raises Retry or Fatal."""
        with self._lock, _translated():
            result = self._client.query(sql, parameters=parameters)
            return [tuple(row) for row in result.result_rows]

    def raw(self, sql: str, format_name: str, parameters: dict[str, Any] | None = None) -> bytes:
        """The answer of a query in one of ClickHouse's text formats."""
        with self._lock, _translated():
            answer = self._client.raw_query(sql, parameters=parameters, fmt=format_name)
            return answer if isinstance(answer, bytes) else b"".join(answer)

    def insert(self, table: str, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
        """Insert columns as one block, durable when it returns. Raises Retry or Fatal."""
        if not columns or not len(columns[0]):
            return
        types = self._column_types(table)
        with self._lock, _translated():
            self._client.insert(
                table,
                columns,
                column_names=names,
                column_types=[types[name] for name in names],
                column_oriented=True,
            )

    def insert_rows(self, table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Like `insert`, from rows."""
        self.insert(table, names, list(zip(*rows, strict=True)))

    @property
    def client(self) -> Client:
        """The driver's own client, for libraries that want one."""
        return self._client

    def close(self) -> None:
        """Close the connection; the engine stops with the last one of the process."""
        self._client.close()

    def _column_types(self, table: str) -> dict[str, ClickHouseType]:
        if table not in self._types:
            described = self.rows(
                "SELECT name, type FROM system.columns WHERE database = currentDatabase() "
                "AND table = {table:String}",
                {"table": table},
            )
            self._types[table] = {name: get_from_name(type_name) for name, type_name in described}
        return self._types[table]


class _translated:
    """Turns errors of the driver into our families, with words that say what to do."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, OSError):
            raise StoreUnavailable(_disk_advice(error)) from error
        if isinstance(error, BAD_VALUES):
            raise Unstorable(f"a value does not fit its column: {error}") from error
        if not isinstance(error, ClickHouseError):
            return
        text = str(error)
        if any(code in text for code in DISK_CODES):
            raise StoreUnavailable(_disk_advice(error)) from error
        if any(code in text for code in TRANSIENT_CODES):
            raise Retry(f"ClickHouse cannot answer now: {_first_line(text)}") from error
        if any(code in text for code in BAD_VALUE_CODES):
            raise Unstorable(f"a value does not fit its column: {_first_line(text)}") from error
        raise Fatal(f"ClickHouse refused a statement: {_first_line(text)}") from error


def _disk_advice(error: BaseException) -> str:
    return (
        f"the data directory cannot be written: {_first_line(str(error))}. Free some space or make "
        "it writable, then run the same command again: what was acknowledged is kept, the rest "
        "is read again."
    )


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:500] if text.strip() else "no reason given"


class DirectoryLock:
    """Holds a data directory for this process; the kernel releases it even after SIGKILL."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / LOCK_FILE
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Raises StoreUnavailable when another process holds it or it cannot be written."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("a+")
        except OSError as error:
            raise StoreUnavailable(
                f"data directory {self._path.parent} cannot be used: {error.strerror}. Choose "
                "another with --data-dir or C360_DATA_DIR, or make it writable."
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise StoreUnavailable(
                f"data directory {self._path.parent} is in use by process {holder}. Wait until it "
                "ends, or stop it; 'c360 up' shares its directory with other commands."
            ) from error
        with suppress(OSError):  # the pid is for people; on a full disk the lock holds without it
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
        self._file = file

    def is_held(self) -> bool:
        """Whether some process holds the directory now."""
        try:
            self.acquire()
        except StoreUnavailable:
            return True
        self.release()
        return False

    def release(self) -> None:
        """Give the directory back."""
        if self._file is not None:
            self._file.close()
            self._file = None


def open_embedded(data_dir: Path) -> Database:
    """A connection to the engine in `data_dir`, which the caller has locked.

    Raises:
        StoreUnavailable: the engine cannot open the directory.
    """
    path = str(data_dir / ENGINE_DIRECTORY)
    try:
        bootstrap = clickhouse_connect.get_client(interface="chdb", path=path)
        # chDB's own `default` database is an overlay in which refreshable views fail.
        bootstrap.command(f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE = Atomic")
        client = clickhouse_connect.get_client(
            interface="chdb",
            path=path,
            database=DATABASE,
            settings=WRITE_SETTINGS,
            tz_mode="aware",
        )
        bootstrap.close()
    except (ClickHouseError, OSError, RuntimeError) as error:
        raise StoreUnavailable(
            f"the engine cannot open {path}: {_first_line(str(error))}"
        ) from error
    return Database(client)


def chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Consecutive slices of at most `size` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]

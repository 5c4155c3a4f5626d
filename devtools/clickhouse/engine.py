"""The one chDB engine of the process, and the statements that run in it.

Everything here blocks and runs in threads: reads and writes in pools of their own, so that no read
waits for a long insert. A statement is found again by its query id, which is its log_comment.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Generator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.clickhouse.errors import QueryRefusal
from devtools.clickhouse.sessions import Connection, EngineSession, Sessions, quoted
from devtools.clickhouse.statement import SqlStatement, StatementKind, insert_from
from services.runtime.errors import StoreUnavailable
from services.store.database import DATABASE
from services.store.directory import ENGINE_DIRECTORY
from services.store.locks import DirectoryLock

READERS, WRITERS = 8, 4
STATEMENTS_MAX = 100
KILL_EVERY_S, KILL_WITHIN_S = 0.1, 30.0
STOP_WITHIN_S = 1.0


@dataclass
class QueryProgress:
    """What a statement has read, written and answered so far."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    started: float = 0.0

    def summary(self) -> dict[str, str]:
        """The fields of X-ClickHouse-Summary."""
        elapsed_ns = int((time.perf_counter() - self.started) * 1e9)
        counts = {name: str(value) for name, value in vars(self).items() if name != "started"}
        return {**counts, "total_rows_to_read": "0", "elapsed_ns": str(elapsed_ns)}


class QueryEngine:
    """Opens the engine on a data directory, which it locks, and runs statements in it."""

    def __init__(
        self, data_dir: Path, result_bytes_max: int, backup_dir: Path | None = None
    ) -> None:
        """BACKUP and RESTORE may use files in `backup_dir`, and nowhere without it."""
        self.result_bytes_max = result_bytes_max
        self._lock = DirectoryLock(data_dir)
        self._lock.acquire()
        self._path = str((data_dir / ENGINE_DIRECTORY).resolve())
        if backup_dir is not None:
            self._path += f"?backups.allowed_path={backup_dir.resolve()}"
        try:
            self._own = Connection(self._path)
            # chDB's own `default` is an overlay in which refreshable views fail.
            self._own.run(f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE = Atomic")
            answer = self._own.run("SELECT version(), timezone(), hostName()")
        except (QueryRefusal, RuntimeError) as error:
            self._lock.release()
            raise StoreUnavailable(f"the engine cannot open {self._path}: {error}") from error
        self.version, self.timezone, self.name = answer.strip().split("\t")
        self.sessions = Sessions(self._path)
        self.readers: Executor = ThreadPoolExecutor(READERS, "read")
        self.writers: Executor = ThreadPoolExecutor(WRITERS, "write")
        self._running: dict[str, Execution] = {}
        self._guard = threading.Lock()

    def error_name(self, code: int) -> str:
        """The name of an error code; empty for a code that does not exist."""
        with self._guard:
            return self._own.run(f"SELECT errorCodeToName({code})").strip()

    def begin(self, statement: SqlStatement, session: EngineSession | None) -> Execution:
        """Register a statement; it runs with the first `start`. Raises QueryRefusal."""
        execution = Execution(self, statement, session)
        with self._guard:
            if statement.query_id in self._running:
                raise QueryRefusal.of(
                    216, f"Query with id = {statement.query_id} is already running."
                )
            if len(self._running) >= STATEMENTS_MAX:
                raise QueryRefusal.of(
                    202, f"Too many simultaneous queries. Maximum: {STATEMENTS_MAX}"
                )
            self._running[statement.query_id] = execution
        return execution

    def end(self, execution: Execution) -> None:
        """Forget a statement that is over."""
        with self._guard:
            self._running.pop(execution.statement.query_id, None)

    def kill(self, execution: Execution, within_s: float = KILL_WITHIN_S) -> None:
        """Ask the engine to stop a statement until it is over, or for a limited time.

        A statement whose client reads slowly is not over before its handler releases it.
        """
        deadline = time.monotonic() + within_s
        connection = Connection(self._path)
        query_id = quoted(execution.statement.query_id)
        try:
            while not execution.over.is_set() and time.monotonic() < deadline:
                with suppress(QueryRefusal):
                    connection.run(
                        f"KILL QUERY WHERE Settings['log_comment'] = {query_id} ASYNC FORMAT Null"
                    )
                execution.over.wait(KILL_EVERY_S)
        finally:
            connection.close()

    def stop_reads(self) -> None:
        """Stop every read that runs now."""
        with self._guard:
            running = list(self._running.values())
        for execution in running:
            if execution.statement.kind is StatementKind.READ:
                self.kill(execution, STOP_WITHIN_S)

    def connect(self) -> Connection:
        """A connection for one request."""
        return Connection(self._path)

    def close(self) -> None:
        """Stop the reads, wait for the writes, close the engine and release the directory."""
        self.stop_reads()
        for pool in (self.readers, self.writers):
            pool.shutdown(wait=True, cancel_futures=True)
        self.sessions.close()
        self._own.close()
        self._lock.release()


class Execution:
    """One running statement: `start` it, then call `more` until it answers None.

    The calls block, one at a time, from any thread. In every case the connection is closed or
    returned to its session, once.
    """

    def __init__(
        self, engine: QueryEngine, statement: SqlStatement, session: EngineSession | None
    ) -> None:
        self.statement = statement
        self.progress = QueryProgress(started=time.perf_counter())
        self.over = threading.Event()
        self._engine = engine
        self._session = session
        self._connection: Connection | None = None
        self._blocks = self._run()
        self._abandoned = False
        self._lock = threading.Lock()

    @property
    def pool(self) -> Executor:
        """Where the calls belong."""
        reads = self.statement.kind in (StatementKind.READ, StatementKind.SESSION)
        return self._engine.readers if reads else self._engine.writers

    def start(self, buffer_bytes: int | None) -> list[bytes]:
        """Run until the answer is complete or longer than the buffer. Raises QueryRefusal."""
        blocks: list[bytes] = []
        size = 0
        while buffer_bytes is None or size <= buffer_bytes:
            block = self.more()
            if block is None:
                break
            blocks.append(block)
            size += len(block)
        return blocks

    def more(self) -> bytes | None:
        """The next block; None when the answer is complete. Raises QueryRefusal."""
        try:
            with self._lock:
                block = None if self._abandoned else next(self._blocks, None)
        except BaseException:
            self._release()
            raise
        if block is None or self._abandoned:
            self._release()
        return block

    def abandon(self) -> None:
        """Nobody waits for the answer any more: release it now, or when the running call ends."""
        self._abandoned = True
        if self._lock.acquire(blocking=False):
            self._lock.release()
            self._release()

    def _release(self) -> None:
        with self._lock:
            if self.over.is_set():
                return
            self._blocks.close()
            if self._session is not None:
                self._engine.sessions.give_back(self._session)
            elif self._connection is not None:
                self._connection.close()
            self.over.set()
        self._engine.end(self)

    def _run(self) -> Generator[bytes]:
        statement, kept = self.statement, self._session is not None
        self._connection = self._session.connection if self._session else self._engine.connect()
        # A SET of the session's own must outlive the settings that came with its request.
        lasting = kept and statement.kind is StatementKind.SESSION
        if lasting:
            self._connection.restore()
        settings = {} if lasting else statement.settings
        self._connection.prepare(statement.database, settings, statement.query_id, kept=kept)
        try:
            _refuse_several(self._connection.raw, statement)
            yield from self._answer(self._connection.raw)
        except QueryRefusal:
            raise
        except Exception as error:
            raise QueryRefusal.from_engine(error) from error
        if lasting:
            self._connection.settle()

    def _answer(self, raw: Any) -> Generator[bytes]:
        statement = self.statement
        if statement.kind is StatementKind.INSERT:
            self._insert(raw)
        elif statement.is_streamed:
            stream = raw.send_query(statement.sql, statement.format, params=statement.parameters)
            try:
                for chunk in stream:
                    yield self._counted(chunk)
            finally:
                with suppress(Exception):
                    stream.close()
        else:
            result = raw.query(statement.sql, statement.format, params=statement.parameters)
            if answer := self._counted(result):
                yield answer

    def _counted(self, result: Any) -> bytes:
        """The bytes of a result, counted. Raises QueryRefusal when the answer is too large."""
        answer: bytes = result.bytes() or b""
        progress, most = self.progress, self._engine.result_bytes_max
        progress.read_rows = max(progress.read_rows, int(result.storage_rows_read()))
        progress.read_bytes = max(progress.read_bytes, int(result.storage_bytes_read()))
        progress.written_rows += int(result.rows_written())
        progress.written_bytes += int(result.bytes_written())
        progress.result_rows += int(result.rows_read())
        progress.result_bytes += len(answer)
        if progress.result_bytes > most:
            raise QueryRefusal.of(
                396,
                f"Limit for result exceeded, max bytes: {most}, current bytes: "
                f"{progress.result_bytes}. Ask for less, or start the endpoint with a larger "
                "--result-mb-max",
            )
        return answer

    def _insert(self, raw: Any) -> None:
        """Through a file: chDB's own streaming insert swallows errors raised while rows are
        stored (a full disk, a view that throws), and counts the rows as written."""
        statement = self.statement
        with tempfile.NamedTemporaryFile(prefix="c360-rows-") as file:
            file.write(statement.rows)
            file.flush()
            sql = insert_from(statement.sql, file.name, statement.format)
            written = raw.query(sql, params=statement.parameters)
        self.progress.read_rows = self.progress.written_rows = int(written.rows_written())
        self.progress.read_bytes = self.progress.written_bytes = int(written.bytes_written())


def _refuse_several(raw: Any, statement: SqlStatement) -> None:
    """A server takes one statement per request; the engine would run them all."""
    if ";" in statement.sql and raw._conn.classify_query(statement.sql)["statement_count"] > 1:
        raise QueryRefusal.of(62, "Syntax error (Multi-statements are not allowed)")

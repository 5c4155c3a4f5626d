"""Answers ClickHouse HTTP requests from the engine, and schedules faults.

Nothing but the protocol is decided here; statements run in `engine`, in threads.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import string
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from aiohttp import web
from pydantic import ValidationError

from devtools.clickhouse.compression import Encoder, choose_encoding
from devtools.clickhouse.engine import Execution, QueryEngine
from devtools.clickhouse.errors import QueryRefusal
from devtools.clickhouse.faults import Faults, InjectedFault
from devtools.clickhouse.request import (
    RequestOptions,
    authenticate,
    query_id_of,
    read_statement,
    wishes_of,
)
from devtools.clickhouse.sessions import EngineSession
from devtools.clickhouse.statement import SqlStatement, StatementKind, is_backup, reaches_outside

NOTICE = (
    "This is c360's development endpoint: the ClickHouse HTTP protocol over one chDB engine. "
    "Not for production."
)
FAULTS_PATH = "/dev/faults"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
CONTENT_TYPES = {
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
}
LINE_BYTES_MAX = 1024 * 1024
IN_BACKUPS = frozenset({"file"})
"""What a backup may name; the engine holds it to the directory of backups."""
SESSIONS_EXPIRE_EVERY_S = 0.5
SHUTDOWN_S = 5.0
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Config:
    """How to run the endpoint."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 0
    user: str = "default"
    password: str = ""
    body_bytes_max: int = 256 * 1024 * 1024
    result_bytes_max: int = 1024 * 1024 * 1024
    backup_dir: Path | None = None


class Dropped(Exception):
    """The connection ends without an answer."""


class Endpoint:
    """The handlers, over one engine."""

    def __init__(self, config: Config, engine: QueryEngine) -> None:
        self._config = config
        self._engine = engine
        self._faults = Faults()
        self._killers = ThreadPoolExecutor(4, "kill")

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/", self._root)
        app.router.add_get("/ping", self._ping)
        app.router.add_post("/", self._statement)
        app.router.add_get(FAULTS_PATH, self._tell_faults)
        app.router.add_post(FAULTS_PATH, self._order_fault)
        app.router.add_delete(FAULTS_PATH, self._heal)
        app.cleanup_ctx.append(self._expire_sessions)
        app.on_shutdown.append(self._stop_reads)
        return app

    @web.middleware
    async def _guard(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Turns refusals into answers as a server gives them; while down, answers nothing."""
        headers = {
            "X-ClickHouse-Server-Display-Name": self._engine.name,
            "X-ClickHouse-Query-Id": query_id_of(request),
            "X-ClickHouse-Timezone": self._engine.timezone,
            "X-ClickHouse-Exception-Tag": "".join(
                secrets.choice(string.ascii_lowercase) for _ in range(16)
            ),
        }
        request["headers"] = headers
        self._refuse_strangers(request)
        try:
            if self._faults.is_down() and request.path != FAULTS_PATH:
                raise Dropped
            return await handler(request)
        except QueryRefusal as refusal:
            return web.Response(
                status=refusal.status,
                text=refusal.message(self._engine.version),
                headers={**headers, "X-ClickHouse-Exception-Code": str(refusal.code)},
            )
        except Dropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)

    def _refuse_strangers(self, request: web.Request) -> None:
        """A page of a browser must not reach it, by its own address or by another name for ours.

        Raises HTTPForbidden.
        """
        if "Origin" in request.headers:
            raise web.HTTPForbidden(text="not for web pages: a request must have no Origin\n")
        host = request.host.rpartition(":")[0] if request.host.rfind(":") > 0 else request.host
        if self._config.host in LOOPBACK and host.strip("[]") not in LOOPBACK:
            raise web.HTTPForbidden(text=f"not for this Host; use {' or '.join(LOOPBACK)}\n")

    async def _root(self, request: web.Request) -> web.StreamResponse:
        if "query" in request.query:
            return await self._statement(request)
        return web.Response(text=f"Ok.\n{NOTICE}\n", headers=request["headers"])

    async def _ping(self, request: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def _statement(self, request: web.Request) -> web.StreamResponse:
        config, query_id = self._config, request["headers"]["X-ClickHouse-Query-Id"]
        authenticate(request, config.user, config.password)
        wishes = wishes_of(request.query)
        statement = await read_statement(request, config.body_bytes_max, query_id)
        backs_up = config.backup_dir is not None and is_backup(statement.sql)
        if word := reaches_outside(statement.sql, IN_BACKUPS if backs_up else frozenset()):
            raise QueryRefusal.of(
                497, f"Not allowed here: {word} reaches files or hosts outside of the database"
            )
        if request.method == "GET" and statement.kind in (
            StatementKind.INSERT,
            StatementKind.OTHER,
        ):
            raise QueryRefusal.of(
                164, "Cannot execute query in readonly mode. For queries over HTTP, method GET "
                "implies readonly. You should use method POST for modifying queries"
            )  # fmt: skip
        faults = self._faults.take(statement.sql)
        for one in faults:
            await asyncio.sleep(one.delay_s)
        fault = next((one for one in faults if one.answers), None)
        if fault is not None and fault.when == "before":
            raise self._failure(fault)
        execution = self._begin(statement, wishes)
        try:
            if fault is not None:
                await _in_pool(execution, lambda: execution.start(None))
                raise self._failure(fault)
            return await self._answer(request, execution, wishes)
        finally:
            self._leave(execution, wishes)

    def _begin(self, statement: SqlStatement, wishes: RequestOptions) -> Execution:
        session: EngineSession | None = None
        sessions = self._engine.sessions
        if wishes.session_id:
            session = sessions.take(
                wishes.session_id, wishes.session_timeout_s, must_exist=wishes.session_must_exist
            )
        try:
            return self._engine.begin(statement, session)
        except QueryRefusal:
            if session is not None:
                sessions.give_back(session)
            raise

    def _leave(self, execution: Execution, wishes: RequestOptions) -> None:
        """Release a statement; one that still runs is a read whose client disconnected."""
        if execution.over.is_set():
            return
        execution.abandon()
        # A server, too, finishes an insert whose client does not wait for the answer.
        if execution.statement.kind is StatementKind.READ and wishes.cancelled_with_client:
            self._killers.submit(self._engine.kill, execution)

    async def _answer(
        self, request: web.Request, execution: Execution, wishes: RequestOptions
    ) -> web.StreamResponse:
        blocks = await _in_pool(execution, lambda: execution.start(wishes.buffer_bytes))
        accepted = request.headers.get("Accept-Encoding", "")
        encoding = choose_encoding(accepted) if wishes.compressed else None
        encoder = Encoder(encoding)
        headers = self._headers(request, execution, encoding)
        if execution.over.is_set():
            body = b"".join(encoder.encode(block) for block in blocks) + encoder.finish()
            return web.Response(body=body, headers=headers)
        response = web.StreamResponse(headers=headers)
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            for block in blocks:
                await response.write(encoder.encode(block))
            while (more := await _in_pool(execution, execution.more)) is not None:
                await response.write(encoder.encode(more))
            await response.write(encoder.finish())
        except QueryRefusal as refusal:
            block = refusal.block(
                self._engine.version, request["headers"]["X-ClickHouse-Exception-Tag"]
            )
            await response.write(encoder.encode(block) + encoder.finish())
            # Without the last chunk no client mistakes a part for the whole answer.
            if request.transport is not None:
                request.transport.close()
        return response

    def _headers(
        self, request: web.Request, execution: Execution, encoding: str | None
    ) -> dict[str, str]:
        form = execution.statement.answers_in
        headers: dict[str, str] = {
            **request["headers"],
            "X-ClickHouse-Summary": json.dumps(execution.progress.summary()),
            "Content-Type": CONTENT_TYPES.get(form or "", "text/plain; charset=UTF-8"),
        }
        if form is not None:
            headers["X-ClickHouse-Format"] = form
        if encoding is not None:
            headers["Content-Encoding"] = encoding
        return headers

    def _failure(self, fault: InjectedFault) -> Exception:
        if fault.drop:
            return Dropped()
        if fault.code is None:
            return _plain(fault.status or 503)
        name = self._engine.error_name(fault.code)
        return QueryRefusal(fault.code, f"Injected by {FAULTS_PATH} ({name})", status=fault.status)

    async def _tell_faults(self, request: web.Request) -> web.Response:
        authenticate(request, self._config.user, self._config.password)
        return web.json_response(self._faults.status())

    async def _order_fault(self, request: web.Request) -> web.Response:
        authenticate(request, self._config.user, self._config.password)
        try:
            fault = InjectedFault.model_validate_json(await request.text())
        except ValidationError as error:
            return web.Response(status=400, text=f"no fault: {error}\n")
        if fault.code is not None and not self._engine.error_name(fault.code):
            return web.Response(status=400, text=f"no ClickHouse error has code {fault.code}\n")
        self._faults.order(fault)
        return web.json_response(self._faults.status())

    async def _heal(self, request: web.Request) -> web.Response:
        authenticate(request, self._config.user, self._config.password)
        self._faults.heal()
        return web.json_response(self._faults.status())

    async def _stop_reads(self, app: web.Application) -> None:
        await asyncio.to_thread(self._engine.stop_reads)

    async def _expire_sessions(self, app: web.Application) -> AsyncIterator[None]:
        async def expire() -> None:
            while True:
                await asyncio.sleep(SESSIONS_EXPIRE_EVERY_S)
                await asyncio.to_thread(self._engine.sessions.expire)

        task = asyncio.create_task(expire())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        self._killers.shutdown()


def _plain(status: int) -> web.HTTPException:
    """An answer of something in front of the server: no ClickHouse error in it."""
    kinds: dict[int, type[web.HTTPException]] = {
        502: web.HTTPBadGateway, 503: web.HTTPServiceUnavailable, 504: web.HTTPGatewayTimeout,
    }  # fmt: skip
    return kinds.get(status, web.HTTPServiceUnavailable)(text=f"injected by {FAULTS_PATH}\n")


async def _in_pool(execution: Execution, call: Callable[[], Answer]) -> Answer:
    return await asyncio.get_running_loop().run_in_executor(execution.pool, call)


@asynccontextmanager
async def serving(config: Config) -> AsyncIterator[str]:
    """Serve; yields the URL. Raises StoreUnavailable or OSError when it cannot start."""
    engine = await asyncio.to_thread(
        QueryEngine, config.data_dir, config.result_bytes_max, config.backup_dir
    )
    try:
        runner = web.AppRunner(
            Endpoint(config, engine).app(),
            handler_cancellation=True,
            auto_decompress=False,
            access_log=None,
            max_line_size=LINE_BYTES_MAX,
            max_field_size=LINE_BYTES_MAX,
            shutdown_timeout=SHUTDOWN_S,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, config.host, config.port).start()
            host, port = runner.addresses[0][:2]
            yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()
    finally:
        await asyncio.to_thread(engine.close)

"""The HTTP interface: intake of touchpoints, health, metrics, and the routes of local commands.

`POST /v1/touchpoints` is public (with a key); `/internal/v1` accepts only the token stored in the
data directory.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Annotated, Any, NamedTuple, cast

import orjson
import structlog
from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from schemas.records import ActionRecord
from services.api.operations import Operations
from services.embedded.engine import Engine
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.ingest.stage import Result
from services.intake.batch import NoBatch, batch_lines
from services.intake.writer import IntakeWriter, Overloaded
from services.runtime.errors import C360Error, Fatal

EVENTS_PER_REQUEST_MAX = 5_000
PROBLEM = "application/problem+json"
RETRY_AFTER_S = "1"
log = structlog.get_logger()
BEARER = HTTPBearer(
    auto_error=False, description="A key of C360_API_KEYS or C360_PUBLIC_WRITE_KEYS"
)
KEY_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same key")


class TouchpointResult(BaseModel):
    """The result of one event."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_id: str
    """The event's own id, as far as it could be read."""
    status: str = Field(examples=["accepted", "duplicate", "rejected"])
    """`accepted`, `duplicate` or `rejected`."""
    reason: str = ""
    """Why it was rejected; `id_conflict` for a duplicate with another body."""
    path: str = ""
    """The field at fault."""
    message: str = ""
    """What is wrong with it."""


class TouchpointResults(BaseModel):
    """One result per event, in the order of the request."""

    results: list[TouchpointResult]


class Problem(Exception):
    """An error answer (RFC 9457)."""

    def __init__(self, status: int, title: str, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def _batch_schema() -> dict[str, Any]:
    """The request body for OpenAPI: events are described by schemas/generated."""
    event = {"type": "object", "description": "A touchpoint; see touchpoint.schema.json"}
    batch = {"type": "array", "items": event, "maxItems": EVENTS_PER_REQUEST_MAX}
    schema = {"type": "object", "required": ["batch"], "properties": {"batch": batch}}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


class ProblemBody(BaseModel):
    """An error answer (RFC 9457). Sending the same request again is harmless."""

    title: str
    status: int
    detail: str


def _problems() -> dict[int | str, dict[str, Any]]:
    """The error answers of the intake for OpenAPI."""
    meanings = {
        400: "The body is not a JSON object with a list `batch` of bounded length.",
        401: "The key is missing or not valid.",
        413: "The body is larger than C360_REQUEST_BYTES_MAX.",
        429: "Too many events are waiting for the writer; send again after `Retry-After` seconds.",
        503: "The store cannot accept events now; send again after `Retry-After` seconds.",
    }
    content = {PROBLEM: {"schema": ProblemBody.model_json_schema()}}
    return {
        status: {"description": meaning, "content": content} for status, meaning in meanings.items()
    }


class Running(NamedTuple):
    """The dependencies of the routes."""

    engine: Engine
    writer: IntakeWriter
    operations: Operations
    token: str


router = APIRouter()
local = APIRouter(prefix="/internal/v1", include_in_schema=False)


def create_app(engine: Engine, writer: IntakeWriter, token: str) -> FastAPI:
    """The application over one open engine and its writer."""

    def act(record: ActionRecord) -> None:
        writer.submit_action(record).result()

    app = application()
    app.state.running = Running(engine, writer, Operations(engine, act), token)
    return app


def application() -> FastAPI:
    """The routes alone; they answer once `app.state.running` is set."""
    app = FastAPI(
        title="customer360",
        version="1",
        description="Intake of touchpoints, health and metrics.",
        redoc_url=None,
    )
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.include_router(router)
    app.include_router(local)
    return app


def running(request: Request) -> Running:
    """The parts of this application."""
    return cast(Running, request.app.state.running)


async def _answer_problem(_request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)
    body = {"title": problem.title, "status": problem.status, "detail": str(problem)}
    return JSONResponse(body, problem.status, problem.headers, media_type=PROBLEM)


async def _answer_http_error(request: Request, error: Exception) -> JSONResponse:
    """Unknown path or method: a problem document like every other error."""
    assert isinstance(error, HTTPException)
    problem = Problem(error.status_code, str(error.detail), f"{request.method} {request.url.path}")
    return await _answer_problem(request, problem)


def key_intake(
    parts: Annotated[Running, Depends(running)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
    header: Annotated[str | None, Depends(KEY_HEADER)],
) -> Intake:
    """The permissions of a request's key. Raises Problem 401 without a valid one."""
    key = header or (bearer.credentials if bearer else "")
    if _matches(key, parts.engine.settings.api_keys):
        return Intake.SERVER
    if _matches(key, parts.engine.settings.public_write_keys):
        return Intake.PUBLIC
    detail = "send 'Authorization: Bearer KEY' with a key of C360_API_KEYS"
    raise Problem(401, "no valid key", detail, WWW_Authenticate="Bearer")


def local_parts(
    parts: Annotated[Running, Depends(running)], authorization: Annotated[str, Header()] = ""
) -> Running:
    """The dependencies, for a local command that knows the token."""
    if not secrets.compare_digest(authorization.encode(), f"Bearer {parts.token}".encode()):
        raise Problem(401, "no valid token", "only commands on this machine may ask this")
    return parts


Parts = Annotated[Running, Depends(running)]
LocalParts = Annotated[Running, Depends(local_parts)]


@router.post(
    "/v1/touchpoints",
    operation_id="postTouchpoints",
    response_model=TouchpointResults,
    responses=_problems(),
    openapi_extra=_batch_schema(),
)
async def touchpoints(
    request: Request, parts: Parts, intake: Annotated[Intake, Depends(key_intake)]
) -> Response:
    """Accept touchpoints. 200 means that every event has a result and that accepted events are
    durable; a bad event never causes others to be rejected."""
    lines = _batch_lines(await _body(request, parts.engine.settings.request_bytes_max))
    results = await _write(parts.writer, lines, intake)
    return _json({"results": [result._asdict() for result in results]})


@router.get("/livez", operation_id="livez", response_class=PlainTextResponse)
async def livez(parts: Parts) -> Response:
    """200 while the writer makes progress."""
    return _health(parts.writer.is_live())


@router.get("/readyz", operation_id="readyz", response_class=PlainTextResponse)
def readyz(parts: Parts) -> Response:
    """200 while the writer makes progress and the store answers."""
    try:
        parts.engine.reading.rows("SELECT 1")
    except C360Error as error:
        return PlainTextResponse(str(error), 503)
    return _health(parts.writer.is_live())


@router.get("/metrics", operation_id="metrics", response_class=PlainTextResponse)
def metrics(parts: Parts) -> Response:
    """Prometheus metrics; docs/metrics.md lists them."""
    content = generate_latest(parts.engine.metrics.registry)
    return Response(content, media_type=CONTENT_TYPE_LATEST)


@local.post("/lines")
async def local_lines(request: Request, parts: LocalParts) -> Response:
    """Lines of `c360 ingest`, each preceded by its size as sent."""
    body = await request.body()
    lines = [_sized_line(line) for line in body.split(b"\n") if line]
    results = await _write(parts.writer, lines, Intake.FILE)
    return _json([tuple(result) for result in results])


@local.post("/tick", status_code=204)
async def local_tick(parts: LocalParts) -> None:
    """Judge prices up to the latest event, as at the end of a file."""
    await asyncio.wrap_future(parts.writer.submit_tick())


@local.post("/{operation}")
def local_operation(
    operation: str, arguments: dict[str, Any], parts: LocalParts
) -> StreamingResponse:
    """Rows of an operation, one JSON object per line."""
    rows = parts.operations.call(operation, arguments)
    return StreamingResponse(_ndjson(rows), media_type="application/x-ndjson")


def _health(is_well: bool) -> Response:
    return PlainTextResponse("ok" if is_well else "stuck", 200 if is_well else 503)


def _matches(key: str, keys: Iterable[SecretStr]) -> bool:
    return any(
        secrets.compare_digest(key.encode(), one.get_secret_value().encode()) for one in keys
    )


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


async def _body(request: Request, bytes_max: int) -> bytes:
    """The request body. Raises Problem 413 as soon as it exceeds the limit."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Problem(415, "compressed", "send the body uncompressed")
    parts, size = [], 0
    async for part in _parts(request):
        size += len(part)
        if size > bytes_max:
            raise Problem(
                413, "too large", f"a request may have {bytes_max} bytes; send less at once"
            )
        parts.append(part)
    return b"".join(parts)


def _batch_lines(body: bytes) -> list[Line]:
    try:
        lines = batch_lines(body)
    except NoBatch as error:
        detail = f'the body must be JSON: {{"batch": [event, …]}} ({error})'
        raise Problem(400, "no batch", detail) from error
    if len(lines) > EVENTS_PER_REQUEST_MAX:
        raise Problem(400, "no batch", f"'batch' must be a list of up to {EVENTS_PER_REQUEST_MAX}")
    return [Line(line, len(line)) for line in lines]


async def _parts(request: Request) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises Problem when the sender disconnects."""
    try:
        async for part in request.stream():
            yield part
    except ClientDisconnect as error:
        raise Problem(400, "incomplete", "the connection closed before the body ended") from error


def _sized_line(line: bytes) -> Line:
    size, _, content = line.partition(b" ")
    return Line(content, int(size))


async def _write(writer: IntakeWriter, lines: list[Line], intake: Intake) -> list[Result]:
    try:
        return await asyncio.wrap_future(writer.submit(lines, intake))
    except Overloaded as error:
        raise Problem(429, "too many events wait", str(error), Retry_After=RETRY_AFTER_S) from error
    except C360Error as error:
        raise Problem(503, "the store cannot take events", str(error), Retry_After="30") from error


def _ndjson(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    try:
        for row in rows:
            yield orjson.dumps(row) + b"\n"
    except C360Error as error:
        yield orjson.dumps({"c360_error": str(error), "exit_code": error.exit_code}) + b"\n"
    except Exception as error:  # the answer has begun: the only way left to say it
        log.error("operation_failed", error=type(error).__name__, exc_info=True)
        text = f"c360 up failed at this ({type(error).__name__}); its log says more"
        yield orjson.dumps({"c360_error": text, "exit_code": Fatal.exit_code}) + b"\n"

"""The HTTP interface: intake of touchpoints, health, metrics, and the channel of local commands.

`POST /v1/touchpoints` is public (with a key); `/internal/v1` answers only to the token that stands
in the data directory.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import orjson
from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field, SecretStr

from services.embedded.engine import Engine
from services.embedded.intake import IntakeWriter, Overloaded
from services.embedded.operations import Operations
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.ingest.stage import Result
from services.runtime.errors import C360Error

EVENTS_PER_REQUEST_MAX = 5_000
PROBLEM = "application/problem+json"
RETRY_AFTER_S = "1"


class TouchpointResult(BaseModel):
    """What became of one event."""

    event_id: str
    status: str = Field(examples=["accepted", "duplicate", "rejected"])
    reason: str = ""
    path: str = ""
    message: str = ""


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


def create_app(engine: Engine, writer: IntakeWriter, token: str) -> FastAPI:
    """The application over one open engine and its writer."""
    app = FastAPI(title="customer360", version="1", docs_url="/docs", redoc_url=None)
    operations = Operations(engine)
    settings = engine.settings

    @app.exception_handler(Problem)
    async def _problem(_request: Request, problem: Problem) -> JSONResponse:
        body = {"title": problem.title, "status": problem.status, "detail": str(problem)}
        return JSONResponse(body, problem.status, problem.headers, media_type=PROBLEM)

    def key_intake(
        authorization: Annotated[str, Header()] = "", x_api_key: Annotated[str, Header()] = ""
    ) -> Intake:
        key = x_api_key or authorization.removeprefix("Bearer ").strip()
        if _matches(key, settings.api_keys):
            return Intake.SERVER
        if _matches(key, settings.public_write_keys):
            return Intake.PUBLIC
        detail = "send 'Authorization: Bearer KEY' with a key of C360_API_KEYS"
        raise Problem(401, "no valid key", detail, WWW_Authenticate="Bearer")

    def is_local(authorization: Annotated[str, Header()] = "") -> None:
        if not secrets.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            raise HTTPException(401)

    @app.post(
        "/v1/touchpoints",
        operation_id="postTouchpoints",
        response_model=TouchpointResults,
        openapi_extra=_batch_schema(),
    )
    async def touchpoints(
        request: Request, intake: Annotated[Intake, Depends(key_intake)]
    ) -> Response:
        """Take in touchpoints. 200 says that every event has its answer and what was accepted is
        durable; a bad event never rejects the others."""
        lines = _batch_lines(await _body(request, settings.request_bytes_max))
        results = await _write(writer, lines, intake)
        return _json({"results": [result._asdict() for result in results]})

    @app.post("/internal/v1/lines", dependencies=[Depends(is_local)], include_in_schema=False)
    async def internal_lines(request: Request) -> Response:
        body = await request.body()
        lines = [_sized_line(line) for line in body.split(b"\n") if line]
        return _json([tuple(result) for result in await _write(writer, lines, Intake.FILE)])

    @app.post("/internal/v1/tick", dependencies=[Depends(is_local)], include_in_schema=False)
    async def internal_tick() -> Response:
        await asyncio.wrap_future(writer.submit_tick())
        return Response(status_code=204)

    @app.post("/internal/v1/{operation}", dependencies=[Depends(is_local)], include_in_schema=False)
    def internal_operation(operation: str, arguments: dict[str, Any]) -> StreamingResponse:
        rows = operations.call(operation, arguments)
        return StreamingResponse(_ndjson(rows), media_type="application/x-ndjson")

    @app.get("/livez", operation_id="livez")
    async def livez() -> Response:
        """200 while the writer goes round."""
        return Response("ok" if writer.is_live() else "stuck", 200 if writer.is_live() else 503)

    @app.get("/readyz", operation_id="readyz")
    def readyz() -> Response:
        """200 while the store answers."""
        try:
            engine.reading.rows("SELECT 1")
        except C360Error as error:
            return Response(str(error), 503)
        return Response("ok" if writer.is_live() else "stuck", 200 if writer.is_live() else 503)

    @app.get("/metrics", operation_id="metrics")
    def metrics() -> Response:
        """Prometheus metrics; docs/metrics.md lists them."""
        return Response(generate_latest(engine.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return app


def _matches(key: str, keys: Iterable[SecretStr]) -> bool:
    return any(
        secrets.compare_digest(key.encode(), one.get_secret_value().encode()) for one in keys
    )


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


async def _body(request: Request, bytes_max: int) -> bytes:
    """The request body. Raises Problem 413 as soon as it grows over the limit."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > bytes_max:
            raise Problem(
                413, "too large", f"a request may have {bytes_max} bytes; send less at once"
            )
        parts.append(part)
    return b"".join(parts)


def _batch_lines(body: bytes) -> list[Line]:
    try:
        events = orjson.loads(body)["batch"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise Problem(400, "no batch", 'the body must be JSON: {"batch": [event, …]}') from error
    if not isinstance(events, list) or len(events) > EVENTS_PER_REQUEST_MAX:
        raise Problem(400, "no batch", f"'batch' must be a list of up to {EVENTS_PER_REQUEST_MAX}")
    lines = [orjson.dumps(event) for event in events]
    return [Line(line, len(line)) for line in lines]


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


def _batch_schema() -> dict[str, Any]:
    """The request body for OpenAPI: events are described by schemas/generated."""
    event = {"type": "object", "description": "A touchpoint; see touchpoint.schema.json"}
    batch = {"type": "array", "items": event, "maxItems": EVENTS_PER_REQUEST_MAX}
    schema = {"type": "object", "required": ["batch"], "properties": {"batch": batch}}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}

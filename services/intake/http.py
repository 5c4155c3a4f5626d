"""The HTTP interface of a running service: intake of touchpoints, health and metrics.

It knows the store and the writer as Protocols only. `POST /v1/touchpoints` needs a key; the
routes of local commands (services/api/http/local.py) need their token.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, NamedTuple, cast

import orjson
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel, ConfigDict, Field

from services.api.auth import Credentials, Scope
from services.api.http import local
from services.api.http.bodies import read_body
from services.api.http.heads import HeadAsGet
from services.api.http.problems import PROBLEM, Problem, ProblemBody, answer_with_problems
from services.api.http.sink import IntakeSink
from services.api.http.submission import write
from services.api.ports import Access
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.intake.batch import NoBatch, cut_lines, parsed_lines
from services.intake.in_flight import BytesInFlight, Held
from services.runtime.errors import C360Error

EVENTS_PER_REQUEST_MAX = 5_000
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


def _batch_schema() -> dict[str, Any]:
    """The request body for OpenAPI: events are described by schemas/generated."""
    event = {"type": "object", "description": "A touchpoint; see touchpoint.schema.json"}
    batch = {"type": "array", "items": event, "maxItems": EVENTS_PER_REQUEST_MAX}
    schema = {"type": "object", "required": ["batch"], "properties": {"batch": batch}}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _problems() -> dict[int | str, dict[str, Any]]:
    """The error answers of the intake for OpenAPI."""
    meanings = {
        400: "The body is not a JSON object with a list `batch` of bounded length.",
        401: "The key is missing or not valid.",
        408: "The head or the body of the request did not come in time.",
        413: "The body is larger than C360_REQUEST_BYTES_MAX.",
        415: "The body is compressed.",
        429: "Too many events are waiting for the writer; send again after `Retry-After` seconds.",
        431: "Request line and headers are too large.",
        503: "The service cannot accept events now; send again after `Retry-After` seconds.",
    }
    content = {PROBLEM: {"schema": ProblemBody.model_json_schema()}}
    return {
        status: {"description": meaning, "content": content} for status, meaning in meanings.items()
    }


class Running(NamedTuple):
    """The dependencies of the routes; `app.state.running` of the application."""

    access: Access
    sink: IntakeSink
    credentials: Credentials
    metrics: CollectorRegistry
    request_bytes_max: int
    in_flight: BytesInFlight
    cutting: asyncio.Lock
    """Held while a body that no parser reads is cut into events: one at a time."""


router = APIRouter()


def create_app(running: Running) -> FastAPI:
    """The application over an open store and its writer."""
    app = application()
    app.state.running = running
    app.state.local = local.LocalChannel(running.access, running.sink, running.credentials)
    return app


def application() -> FastAPI:
    """The routes alone; they answer once `app.state` is set."""
    app = FastAPI(
        title="customer360",
        version="1",
        description="Intake of touchpoints, health and metrics.",
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # to where a sender's Host header says, and without TLS
    )
    answer_with_problems(app)
    app.add_middleware(HeadAsGet)
    app.include_router(router)
    app.include_router(local.router)
    return app


def running(request: Request) -> Running:
    """The dependencies of this application."""
    return cast(Running, request.app.state.running)


def key_intake(
    parts: Annotated[Running, Depends(running)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
    header: Annotated[str | None, Depends(KEY_HEADER)],
) -> Intake:
    """The permissions of a request's key. Raises Problem 401 without a valid one."""
    scopes = parts.credentials.scopes_of(header or (bearer.credentials if bearer else ""))
    if Scope.EVENTS_WRITE in scopes:
        return Intake.SERVER
    if Scope.EVENTS_WRITE_PUBLIC in scopes:
        return Intake.PUBLIC
    detail = "send 'Authorization: Bearer KEY' with a key of C360_API_KEYS"
    raise Problem(401, "no valid key", detail, WWW_Authenticate="Bearer")


Parts = Annotated[Running, Depends(running)]


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
    with parts.in_flight.held(intake) as held:
        lines = await _lines(await _body(request, parts.request_bytes_max, held), parts.cutting)
        results = await write(parts.sink, lines, intake)
    return _json({"results": [result._asdict() for result in results]})


@router.get("/livez", operation_id="livez", response_class=PlainTextResponse)
async def livez(parts: Parts) -> Response:
    """200 while the writer makes progress."""
    return _health(parts.sink.is_live())


@router.get("/readyz", operation_id="readyz", response_class=PlainTextResponse)
def readyz(parts: Parts) -> Response:
    """200 while the writer makes progress and the store answers."""
    try:
        parts.access.reads.ping()
    except C360Error as error:
        return PlainTextResponse(str(error), 503)
    if waits_for := parts.sink.waits_for():
        return PlainTextResponse(waits_for, 503)
    return _health(parts.sink.is_live())


@router.get("/metrics", operation_id="metrics", response_class=PlainTextResponse)
def metrics(parts: Parts) -> Response:
    """Prometheus metrics; docs/metrics.md lists them."""
    return Response(generate_latest(parts.metrics), media_type=CONTENT_TYPE_LATEST)


def _health(is_well: bool) -> Response:
    return PlainTextResponse("ok" if is_well else "stuck", 200 if is_well else 503)


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


async def _body(request: Request, bytes_max: int, held: Held) -> bytes:
    """The request body. Raises Problem 413 as soon as it exceeds the limit, 503 when the bodies of
    all requests do."""
    encodings = ",".join(request.headers.getlist("content-encoding")).lower().split(",")
    if any(one.strip() not in ("", "identity") for one in encodings):
        raise Problem(415, "compressed", "send the body uncompressed", Accept_Encoding="identity")
    return await read_body(request, bytes_max, held.take)


async def _lines(body: bytes, cutting: asyncio.Lock) -> list[Line]:
    """The events of the body. What only cutting can read, a thread cuts: it takes a while."""
    try:
        lines = parsed_lines(body, EVENTS_PER_REQUEST_MAX)
        if lines is None:
            async with cutting:
                lines = await asyncio.to_thread(cut_lines, body, EVENTS_PER_REQUEST_MAX)
    except NoBatch as error:
        detail = f'the body must be JSON: {{"batch": [event, …]}} ({error})'
        raise Problem(400, "no batch", detail) from error
    return [Line(line, len(line)) for line in lines]

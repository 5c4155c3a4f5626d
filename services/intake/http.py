"""Routes of a running service: intake of touchpoints, health and metrics.

They know the writer as a Protocol only. `POST /v1/touchpoints` needs a key that may send events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, cast

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel

from schemas.api.problem import ProblemCode
from schemas.descriptions import Described
from schemas.examples import EXAMPLES
from services.api.auth import Principal, Scope
from services.api.http.bodies import read_body
from services.api.http.caller import authenticated
from services.api.http.problems import Problem, documented
from services.api.http.sink import IntakeSink
from services.api.http.submission import write
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.intake.batch import NoBatch, cut_lines, parsed_lines
from services.intake.in_flight import BytesInFlight
from services.intake.signed import Webhook
from services.runtime.errors import C360Error

EVENTS_PER_REQUEST_MAX = 5_000
AT_ONCE_BYTES_MAX = 64 * 1024
"""Smaller bodies are read on the event loop, for a thread takes longer to begin."""
T = TypeVar("T")
LEAVES = "leaves"
"""State of a request that comes after SIGTERM."""


class TouchpointResult(Described, BaseModel):
    """The result of one event."""

    event_id: str
    """The event's own id, as far as it could be read."""
    status: Literal["accepted", "duplicate", "rejected"]
    """`accepted`, `duplicate` or `rejected`."""
    reason: str = ""
    """Why it was rejected; `id_conflict` for a duplicate with another body."""
    path: str = ""
    """The field at fault."""
    message: str = ""
    """What is wrong with it."""


class TouchpointResults(Described, BaseModel):
    """One result per event, in the order of the request."""

    results: list[TouchpointResult]
    """What became of each."""


def _batch_schema() -> dict[str, Any]:
    """The request body for OpenAPI: events are described by schemas/generated."""
    event = {"type": "object", "description": "A touchpoint; see touchpoint.schema.json"}
    batch = {
        "type": "array",
        "items": event,
        "maxItems": EVENTS_PER_REQUEST_MAX,
        "description": "The events, in any order.",
        "examples": [[EXAMPLES["identity.linked"]]],
    }
    schema = {"type": "object", "required": ["batch"], "properties": {"batch": batch}}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


PROBLEMS = (
    ProblemCode.NO_BATCH,
    ProblemCode.INCOMPLETE,
    ProblemCode.NO_VALID_KEY,
    ProblemCode.NOT_ALLOWED,
    ProblemCode.REQUEST_TOO_SLOW,
    ProblemCode.TOO_LARGE,
    ProblemCode.COMPRESSED,
    ProblemCode.TOO_MANY_EVENTS_WAIT,
    ProblemCode.RATE_LIMITED,
    ProblemCode.HEAD_TOO_LARGE,
    ProblemCode.TOO_MANY_BYTES,
    ProblemCode.UNAVAILABLE,
    ProblemCode.OUT_OF_RESOURCES,
)


class Running(NamedTuple):
    """The dependencies of the routes; `app.state.running` of the application."""

    ping: Callable[[], None]
    """Returns if the store answers; blocks, and raises Retry or Fatal."""
    sink: IntakeSink
    metrics: CollectorRegistry
    request_bytes_max: int
    in_flight: BytesInFlight
    cutting: asyncio.Lock
    """Held while a body that no parser reads is cut into events: one at a time."""
    webhooks: Mapping[tuple[str, str], Webhook] = {}
    """Those that sign their deliveries, by the names of format and realm."""
    public_url: str = ""
    """Where senders reach this service, without a slash at the end; empty: at the address of the
    request."""


router = APIRouter()


async def running(request: Request) -> Running:
    """The dependencies of this application."""
    return cast(Running, request.app.state.running)


class EventSender(NamedTuple):
    """What a key may send."""

    intake: Intake
    """How far its events are believed."""
    realm: str
    """The only realm of which it may send events; empty for any."""


async def read_at_length(
    size: int, reading: asyncio.Lock, work: Callable[..., T], *arguments: Any
) -> T:
    """`work(*arguments)`, which reads a body of that size. Of large ones a thread reads one at a
    time: what they hold may take many times their size while it is read."""
    if size <= AT_ONCE_BYTES_MAX:
        return work(*arguments)
    async with reading:
        return await asyncio.to_thread(work, *arguments)


async def event_sender(principal: Annotated[Principal, Depends(authenticated)]) -> EventSender:
    """What the key of a request may send. Raises Problem 403 if it may send no events."""
    if Scope.EVENTS_WRITE in principal.scopes:
        return EventSender(Intake.SERVER, principal.realm or "")
    if Scope.EVENTS_WRITE_PUBLIC in principal.scopes:
        return EventSender(Intake.PUBLIC, principal.realm or "")
    raise Problem(ProblemCode.NOT_ALLOWED, f"this needs a key with the scope {Scope.EVENTS_WRITE}")


Parts = Annotated[Running, Depends(running)]


@router.post(
    "/v1/touchpoints",
    operation_id="postTouchpoints",
    response_model=TouchpointResults,
    responses=documented(PROBLEMS),
    tags=["events"],
    openapi_extra=_batch_schema(),
)
async def touchpoints(
    request: Request, parts: Parts, sender: Annotated[EventSender, Depends(event_sender)]
) -> Response:
    """Accept touchpoints. 200 means that every event has a result and that accepted events are
    durable; a bad event never causes others to be rejected."""
    with parts.in_flight.held(sender.intake) as held:
        body = await read_body(request, parts.request_bytes_max, held.take)
        events = await _events(body, parts.cutting)
        lines = [Line(one, len(one), realm=sender.realm) for one in events]
        results = await write(parts.sink, lines, sender.intake)
    return _json({"results": [result._asdict() for result in results]})


def _not_well(meaning: str) -> dict[int | str, dict[str, Any]]:
    """The answer of a probe that fails, for OpenAPI."""
    content = {"text/plain": {"schema": {"type": "string"}}}
    return {503: {"description": meaning, "content": content}}


@router.get(
    "/livez",
    operation_id="livez",
    response_class=PlainTextResponse,
    responses=_not_well("The writer makes no progress: restart the service."),
    tags=["health"],
)
async def livez(parts: Parts) -> Response:
    """200 while the writer makes progress."""
    return _health(parts.sink.is_live())


@router.get(
    "/readyz",
    operation_id="readyz",
    response_class=PlainTextResponse,
    responses=_not_well("Send no requests here now; the text says what is missing."),
    tags=["health"],
)
def readyz(parts: Parts, request: Request) -> Response:
    """200 while the writer makes progress, the store answers and the service does not stop."""
    if getattr(request.state, LEAVES, False):
        return PlainTextResponse("it stops: send requests elsewhere", 503)
    try:
        parts.ping()
    except C360Error as error:
        return PlainTextResponse(str(error), 503)
    if waits_for := parts.sink.waits_for():
        return PlainTextResponse(waits_for, 503)
    return _health(parts.sink.is_live())


@router.get("/metrics", operation_id="metrics", response_class=PlainTextResponse, tags=["health"])
def metrics(parts: Parts) -> Response:
    """Prometheus metrics; docs/metrics.md lists them."""
    return Response(generate_latest(parts.metrics), media_type=CONTENT_TYPE_LATEST)


def _health(is_well: bool) -> Response:
    return PlainTextResponse("ok" if is_well else "stuck", 200 if is_well else 503)


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


async def _events(body: bytes, cutting: asyncio.Lock) -> list[bytes]:
    """The events of the body. What only cutting can read, a thread cuts: it takes a while."""
    try:
        events = parsed_lines(body, EVENTS_PER_REQUEST_MAX)
        if events is None:
            async with cutting:
                events = await asyncio.to_thread(cut_lines, body, EVENTS_PER_REQUEST_MAX)
    except NoBatch as error:
        detail = f'the body must be JSON: {{"batch": [event, …]}} ({error})'
        raise Problem(ProblemCode.NO_BATCH, detail) from error
    return events

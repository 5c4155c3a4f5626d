"""Routes of the Segment protocol, as its libraries and those of RudderStack call it.

The paths, keys and answers are what these libraries expect (docs/formats/segment.md); they are not
part of this project's own interface, so the OpenAPI document does not have them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import orjson
import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute

from schemas.api.problem import ProblemCode
from schemas.faults import Fault
from schemas.instants import written
from services.api.http.bodies import read_body, read_packed_body
from services.api.http.body_guard import TRACKING
from services.api.http.caller import basic_credentials, credential_of, identify
from services.api.http.parts import ApiParts, parts_of
from services.api.http.problems import Problem, problem_of, problem_of_fault
from services.api.http.submission import write
from services.ingest.core.outcome import Intake
from services.ingest.stage import Result, Status
from services.intake.format import Translated, lines_of
from services.intake.http import (
    AT_ONCE_BYTES_MAX,
    EVENTS_PER_REQUEST_MAX,
    Running,
    event_sender,
    read_at_length,
    running,
)
from services.intake.segment.message import Sending
from services.intake.segment.payload import parsed, translated
from services.runtime.clock import utc_now
from services.runtime.errors import C360Error

NO_KEY = "no-key"
"""In place of what cannot be read, so that the request is refused."""
OF_MANY = frozenset({"batch", "import"})
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
log = structlog.get_logger()


class TrackingRoute(APIRoute):
    """A route whose errors also say `message`: without it a library of RudderStack takes an error
    for one of the network and sends the request again and again."""

    def get_route_handler(self) -> Handler:
        """See APIRoute."""
        handler = super().get_route_handler()

        async def answering(request: Request) -> Response:
            try:
                return await handler(request)
            except Problem as problem:
                raise _spoken(problem) from problem
            except C360Error as error:
                raise _spoken(problem_of(error)) from error
            except Exception as error:
                log.error("tracking_failed", error=type(error).__name__, exc_info=True)
                raise _spoken(problem_of_fault(error)) from error

        return answering


router = APIRouter(route_class=TrackingRoute, include_in_schema=False)


async def track(
    request: Request,
    running: Annotated[Running, Depends(running)],
    parts: Annotated[ApiParts, Depends(parts_of)],
) -> Response:
    """Accept messages. 200 means that every message is durable, or rejected and kept; which were
    rejected the answer says beside what libraries read."""
    call, credential = TRACKING[request.url.path], _credential(request)
    intake, bytes_max = Intake.PUBLIC, running.request_bytes_max
    if credential:
        sender = await event_sender(await identify(request, parts, credential))
        intake = sender.intake
    with running.in_flight.held(intake) as held:
        if credential:
            raw = await read_packed_body(request, bytes_max, held.take)
        else:  # a browser that leaves a page can send no headers
            # Anybody can have it read, and of a page that is left a browser sends no more.
            raw = await read_body(request, min(bytes_max, AT_ONCE_BYTES_MAX), held.take)
            sender = await event_sender(await identify(request, parts, _written_key(_body(raw))))
        found = await read_at_length(
            len(raw), running.cutting, _translated, raw, call, sender.realm
        )
        lines = list(lines_of(found, realm=sender.realm))
        results = await write(running.sink, lines, sender.intake) if lines else []
    return Response(orjson.dumps(_answer(results)), media_type="application/json")


for path in TRACKING:
    router.add_api_route(path, track, methods=["POST"], tags=["events"])


def _answer(results: list[Result]) -> dict[str, Any]:
    refused = [one._asdict() for one in results if one.status is Status.REJECTED]
    return {"success": True, **({"rejected": refused} if refused else {})}


def _credential(request: Request) -> str:
    """The key in the headers, of Basic authorization the user name; empty if there is none."""
    if request.headers.get("authorization", "").partition(" ")[0].lower() != "basic":
        return credential_of(request)
    name, _ = basic_credentials(request) or (NO_KEY, "")
    return name


def _body(raw: bytes) -> dict[str, Any]:
    body = parsed(raw)
    if isinstance(body, Fault):
        raise Problem(ProblemCode.NO_BATCH, f"the body must be a JSON object ({body.message})")
    return body


def _written_key(body: dict[str, Any]) -> str:
    key = body.get("writeKey")
    return key.encode(errors="replace").decode() if isinstance(key, str) else ""


def _translated(raw: bytes, call: str, realm: str) -> Translated:
    body = _body(raw)
    sending = Sending(
        "" if call in OF_MANY else call,
        received_at=written(utc_now()),
        realm=realm,
        is_history=call == "import",
    )
    if call in OF_MANY and "batch" not in body:
        raise Problem(ProblemCode.NO_BATCH, "there is no 'batch'")
    found = translated(body, sending, EVENTS_PER_REQUEST_MAX)
    if isinstance(found, Fault):
        raise Problem(ProblemCode.NO_BATCH, f"{found.path}: {found.message}")
    return found


def _spoken(problem: Problem) -> Problem:
    problem.members = {**problem.members, "message": str(problem)}
    return problem

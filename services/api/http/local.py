"""`/internal/v1`: commands on the same machine, which use the engine that `c360 up` holds.

It accepts only the token stored in the data directory and is not a public interface.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple, cast

import orjson
import structlog
from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from schemas.api.problem import ProblemCode
from schemas.faults import Fault
from schemas.reject import RejectReason
from services.api.auth import LOCAL_KEY, Authenticator, Scope
from services.api.http.bodies import read_body
from services.api.http.problems import Problem
from services.api.http.sink import TickingSink
from services.api.http.submission import unavailable, write
from services.api.operation import Json, Operation, plain
from services.api.operations import operation_named
from services.api.ports import Access
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.runtime.errors import C360Error, Fatal

BAD_REQUEST = 400
LOCAL_BYTES_MAX = 16 * 1024 * 1024
"""Of a request of a command."""
LOCAL_CALLER = "is_local_caller"
"""State of a request whose token is that of this machine."""
log = structlog.get_logger()
router = APIRouter(prefix="/internal/v1", include_in_schema=False)


class LocalChannel(NamedTuple):
    """The dependencies of these routes; `app.state.local` of the application."""

    access: Access
    sink: TickingSink
    credentials: Authenticator


class _Caller(NamedTuple):
    channel: LocalChannel
    scopes: frozenset[Scope]

    def require(self, scope: Scope) -> None:
        """Raises Problem 403 for a caller without the scope."""
        if scope not in self.scopes:
            raise Problem(ProblemCode.NOT_ALLOWED, f"this needs the scope {scope}")


async def _caller(request: Request, authorization: Annotated[str, Header()] = "") -> _Caller:
    channel = cast(LocalChannel, request.app.state.local)
    scheme, _, token = authorization.partition(" ")
    asks = channel.credentials.principal(token) if scheme == "Bearer" else None
    if asks is None or asks.key_id != LOCAL_KEY:
        raise Problem(ProblemCode.NO_VALID_KEY, "only commands on this machine may ask this")
    setattr(request.state, LOCAL_CALLER, True)
    return _Caller(channel, asks.scopes)


Caller = Annotated[_Caller, Depends(_caller)]


@router.post("/lines")
async def local_lines(request: Request, caller: Caller, intake: Intake = Intake.FILE) -> Response:
    """Lines of `c360 ingest`, each preceded by its size as sent, and by its fault if it has one."""
    caller.require(Scope.EVENTS_IMPORT)
    body = await read_body(request, LOCAL_BYTES_MAX)
    lines = [_sized_line(line) for line in body.split(b"\n") if line]
    results = await write(caller.channel.sink, lines, intake)
    content = orjson.dumps([tuple(result) for result in results])
    return Response(content, media_type="application/json")


@router.post("/tick", status_code=204)
async def local_tick(caller: Caller) -> None:
    """Judge prices up to the latest event, as at the end of a file."""
    caller.require(Scope.EVENTS_IMPORT)
    try:
        await asyncio.wrap_future(caller.channel.sink.submit_tick())
    except C360Error as error:
        raise unavailable(error) from error


@router.post("/{name}")
async def local_operation(name: str, request: Request, caller: Caller) -> Response:
    """Rows of an operation, one JSON object per line."""
    try:
        operation = operation_named(name)
        caller.require(operation.scope)
        asked = operation.parse(await read_body(request, LOCAL_BYTES_MAX))
    except C360Error as error:
        return JSONResponse(_fault(error), BAD_REQUEST)
    rows = _ndjson(operation, caller.channel.access, asked)
    return StreamingResponse(rows, media_type="application/x-ndjson")


def _sized_line(line: bytes) -> Line:
    head, _, content = line.partition(b"\t")
    size, fault, place, named = orjson.loads(head)
    unread = fault and Fault(RejectReason(fault[0]), *fault[1:])
    return Line(content, size, unread, place, named=named.encode())


def _ndjson(operation: Operation[Any, Any], access: Access, asked: Any) -> Iterator[bytes]:
    try:
        access.reads.follow_rules(at_once=True)
        for row in operation.run(access, asked):
            yield orjson.dumps(plain(row)) + b"\n"
    except C360Error as error:
        yield orjson.dumps(_fault(error)) + b"\n"
    except Exception as error:  # the answer has begun: the only way left to say it
        log.error("operation_failed", error=type(error).__name__, exc_info=True)
        text = f"the running service failed at this ({type(error).__name__}); its log says more"
        yield orjson.dumps(_fault(Fatal(text))) + b"\n"


def _fault(error: C360Error) -> Json:
    return {"c360_error": str(error), "exit_code": error.exit_code, "reason": error.reason}

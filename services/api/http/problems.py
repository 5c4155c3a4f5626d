"""Error answers of every HTTP route: problem documents (RFC 9457) with codes from a closed list.

The one place that knows which error of an operation is which code. No text repeats a value of the
request.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from schemas.api.problem import FieldFault, ProblemCode, problem_body
from services.api.handles import ERASED
from services.api.pool import BUSY
from services.runtime import tracing
from services.runtime.errors import C360Error, InvalidInput, InvalidState, NotFound, Retry
from services.runtime.metrics import Metrics

PROBLEM = "application/problem+json"
NO_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOBUFS})
BUSY_RETRY_AFTER_S, RETRY_AFTER_S = "1", "5"
REQUEST_ID = "request_id"
"""State of a request: its id."""
log = structlog.get_logger()


class Problem(Exception):
    """An error answer (RFC 9457)."""

    def __init__(
        self,
        code: ProblemCode,
        detail: str,
        errors: Sequence[FieldFault] = (),
        members: dict[str, Any] | None = None,
        **headers: str,
    ) -> None:
        """`members` are those that only this code has; names of headers have `_` for `-`."""
        super().__init__(detail)
        self.code = code
        self.errors = list(errors)
        self.members = members or {}
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.code.status


def problem_of(error: C360Error) -> Problem:
    """The problem that an error of an operation is."""
    text = str(error)
    if isinstance(error, NotFound) and error.reason == ERASED:
        return Problem(ProblemCode.ERASED, "the profile was erased on request")
    if isinstance(error, NotFound):
        return Problem(ProblemCode.NOT_FOUND, text)
    if isinstance(error, InvalidInput):
        return Problem(ProblemCode.INVALID_REQUEST, text)
    if isinstance(error, InvalidState):
        return Problem(ProblemCode.INVALID_STATE, text)
    if isinstance(error, Retry) and error.reason == BUSY:
        return Problem(ProblemCode.TOO_BUSY, text, Retry_After=BUSY_RETRY_AFTER_S)
    if isinstance(error, Retry):
        return Problem(ProblemCode.UNAVAILABLE, text, Retry_After=RETRY_AFTER_S)
    log.error("operation_failed", error=text)
    detail = f"{type(error).__name__}; the log of the service says more"
    return Problem(ProblemCode.INTERNAL_ERROR, detail)


def problem_of_fault(error: Exception) -> Problem:
    """The problem that an error is which no route expects; whoever catches it logs it."""
    if _lacks_resources(error):
        detail = f"out of memory, threads or files ({type(error).__name__}); send it again later"
        return Problem(ProblemCode.OUT_OF_RESOURCES, detail, Retry_After=RETRY_AFTER_S)
    detail = f"{type(error).__name__}; the log of the service says more"
    return Problem(ProblemCode.INTERNAL_ERROR, detail)


def documented(codes: Iterable[ProblemCode]) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route for OpenAPI."""
    meanings: dict[int, list[str]] = {}
    for code in codes:
        meanings.setdefault(code.status, []).append(f"`{code}`: {code.meaning}")
    return {
        status: {
            "description": " ".join(texts),
            "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
        }
        for status, texts in sorted(meanings.items())
    }


def answer_with_problems(app: FastAPI) -> None:
    """Answer every error of the application with a problem document."""
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(C360Error, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(Exception, _answer_fault)


def answer(request: Request, problem: Problem) -> JSONResponse:
    """The document of a problem."""
    metrics: Metrics | None = getattr(request.app.state, "metrics", None)
    if metrics is not None:
        metrics.problems.labels(problem.code.value).inc()
    request_id = getattr(request.state, REQUEST_ID, "")
    members = problem.members
    if trace_id := tracing.trace_id():
        members = {**members, "trace_id": trace_id}
    body = problem_body(problem.code, str(problem), request_id, problem.errors, members)
    return JSONResponse(body.model_dump(), problem.status, problem.headers, media_type=PROBLEM)


async def _answer_problem(request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)
    return answer(request, problem)


async def _answer_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, C360Error)
    return answer(request, problem_of(error))


async def _answer_invalid(request: Request, error: Exception) -> JSONResponse:
    """Parameters and bodies that do not have their form. What was sent is not repeated."""
    assert isinstance(error, RequestValidationError)
    faults = [_fault(one) for one in error.errors()[:ERRORS_MAX]]
    named = ", ".join(dict.fromkeys(one.path for one in faults))
    detail = f"see errors: {named}"
    is_json = "json" in request.headers.get("content-type", "")
    if not is_json and any(one.path == "body" for one in faults):
        detail = "send the body as JSON, with the header 'Content-Type: application/json'"
    return answer(request, Problem(ProblemCode.INVALID_REQUEST, detail, faults))


def _fault(error: dict[str, Any]) -> FieldFault:
    """What is wrong where; neither a value nor a name that the sender made up."""
    place, given = [str(part) for part in error["loc"]], error.get("input")
    if error["type"] == "extra_forbidden":
        place[-1] = MADE_UP
    path = ".".join(part if NAME.fullmatch(part) else MADE_UP for part in place)
    message = OF_TYPE.get(error["type"], str(error["msg"]))
    if isinstance(given, str) and len(given) >= QUOTED_CHARS_MIN and given in message:
        message = "is not valid"
    return FieldFault(path=path, message=message)


NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}|[0-9]{1,9}")
"""What may stand in a path: a name of ours, or the place in a list."""
MADE_UP = "?"
"""Stands for a name that the sender made up."""
OF_TYPE = {"uuid_parsing": "must be a UUID"}
"""Messages in place of those that quote a part of the value."""
QUOTED_CHARS_MIN = 3
ERRORS_MAX = 20
"""Faults that one answer lists."""
OF_STATUS = {404: ProblemCode.NO_SUCH_PATH, 405: ProblemCode.NO_SUCH_METHOD}


async def _answer_http_error(request: Request, error: Exception) -> JSONResponse:
    """Unknown path or method, or a body that is no JSON at all."""
    assert isinstance(error, HTTPException)
    code = OF_STATUS.get(error.status_code, ProblemCode.INVALID_REQUEST)
    found = Problem(code, f"{request.method} {request.url.path}: {error.detail}")
    found.headers.update(error.headers or {})
    return answer(request, found)


async def _answer_fault(request: Request, error: Exception) -> JSONResponse:
    """What no route expects. Starlette raises it again afterwards, so it is logged."""
    return answer(request, problem_of_fault(error))


def _lacks_resources(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in NO_RESOURCES
    is_threads = isinstance(error, RuntimeError) and "can't start new thread" in str(error)
    return is_threads or isinstance(error, MemoryError)

"""Error answers of every HTTP route: problem documents (RFC 9457)."""

from __future__ import annotations

import errno

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

PROBLEM = "application/problem+json"
NO_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOBUFS})


class Problem(Exception):
    """An error answer (RFC 9457)."""

    def __init__(self, status: int, title: str, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class ProblemBody(BaseModel):
    """An error answer (RFC 9457). Sending the same request again is harmless."""

    title: str
    status: int
    detail: str


def answer_with_problems(app: FastAPI) -> None:
    """Answer every error of the application with a problem document."""
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(Exception, _answer_fault)


async def _answer_problem(_request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)
    body = {"title": problem.title, "status": problem.status, "detail": str(problem)}
    return JSONResponse(body, problem.status, problem.headers, media_type=PROBLEM)


async def _answer_http_error(request: Request, error: Exception) -> JSONResponse:
    """Unknown path or method: a problem document like every other error."""
    assert isinstance(error, HTTPException)
    where = f"{request.method} {request.url.path}"
    problem = Problem(error.status_code, str(error.detail), where, **(error.headers or {}))
    return await _answer_problem(request, problem)


async def _answer_fault(request: Request, error: Exception) -> JSONResponse:
    """What no route expects. Starlette raises it again afterwards, so it is logged."""
    if _lacks_resources(error):
        detail = f"out of memory, threads or files ({type(error).__name__}); send it again later"
        return await _answer_problem(
            request, Problem(503, "out of resources", detail, Retry_After="5")
        )
    detail = f"{type(error).__name__}; the log of the service says more"
    return await _answer_problem(request, Problem(500, "internal error", detail))


def _lacks_resources(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in NO_RESOURCES
    is_threads = isinstance(error, RuntimeError) and "can't start new thread" in str(error)
    return is_threads or isinstance(error, MemoryError)

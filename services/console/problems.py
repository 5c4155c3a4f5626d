"""What pages answer instead: where to sign in, what one may not see, and what went wrong."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from services.console import texts
from services.console.api_client import ApiProblem
from services.console.navigation import ROOT
from services.console.rendering import rendered
from services.console.sessions import COOKIE
from services.console.visit import (
    PAGE_HEADERS,
    ForeignForm,
    NotSignedIn,
    language_of,
    see_other,
    session_of,
)

BY_HTMX = "hx-request"
NOT_SIGNED_IN, FORBIDDEN = 401, 403
PURPOSE_WANTED = "purpose-wanted"


class PurposeWanted(Exception):
    """The person must say first why a customer is looked at."""


def answer_with_pages(app: FastAPI) -> None:
    """Answer what pages raise with pages."""
    app.add_exception_handler(NotSignedIn, _sign_in)
    app.add_exception_handler(PurposeWanted, _ask_purpose)
    app.add_exception_handler(ForeignForm, _refuse_form)
    app.add_exception_handler(ApiProblem, _tell)


async def _sign_in(request: Request, _error: Exception) -> Response:
    response = _elsewhere(request, f"{ROOT}/sign-in")
    if COOKIE in request.cookies and session_of(request) is not None:
        response.delete_cookie(COOKIE, ROOT)  # its credential works no more
    return response


async def _ask_purpose(request: Request, _error: Exception) -> Response:
    return _elsewhere(request, f"{ROOT}/purpose")


def _elsewhere(request: Request, path: str) -> Response:
    """Another page first, and then this one. The browser of a part of a page is told to go."""
    if BY_HTMX in request.headers:
        shown = request.headers.get("hx-current-url", "").partition(ROOT)[2]
        where = f"{path}?{urlencode({'next': f'{ROOT}{shown}'})}"
        return Response(None, NOT_SIGNED_IN, {**PAGE_HEADERS, "HX-Redirect": where})
    is_page = request.method == "GET"
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return see_other(f"{path}?{urlencode({'next': asked if is_page else f'{ROOT}/'})}")


async def _refuse_form(request: Request, _error: Exception) -> Response:
    return _page(request, FORBIDDEN, "foreign-form", "")


async def _tell(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiProblem)
    return _page(request, error.status, error.code, error.detail, error.retry_after)


def _page(request: Request, status: int, code: str, detail: str, retry_after: str = "") -> Response:
    session = session_of(request)
    language = session.language if session else language_of(request)
    known = code if texts.has_text(language, f"problem.{code}.title") else "other"
    shown = rendered(
        "problem_part.html" if BY_HTMX in request.headers else "problem.html",
        t=lambda key, **values: texts.text(language, key, **values),
        language=language.value,
        code=known,
        detail=detail,
        here=request.url.path,
        request_id=getattr(request.state, "request_id", ""),
    )
    headers = {**PAGE_HEADERS, **({"Retry-After": retry_after} if retry_after else {})}
    return HTMLResponse(shown, status, headers)

"""Routes of the console that belong to no page: signing in and out, language, purpose, files."""

from __future__ import annotations

import asyncio
import mimetypes

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from schemas.api.permission import Language
from services.api.rates import RateLimits
from services.console import texts
from services.console.api_client import ApiClient, ApiProblem
from services.console.navigation import ROOT, visible
from services.console.oidc import BEGUN_S_MAX, SignInRefused
from services.console.rendering import rendered, static_digest, static_file
from services.console.sessions import COOKIE, WebSession
from services.console.visit import (
    PAGE_HEADERS,
    Visiting,
    console_parts,
    language_of,
    own_path,
    read_form,
    remembered,
    see_other,
    session_of,
)
from services.runtime.errors import Retry

TRIES_PER_S = 0.5
"""Of signing in to one account from one address."""
CREDENTIAL_CHARS_MAX = 2_500
NOTE_CHARS_MAX = 100
PURPOSES = ("call", "order", "complaint", "data", "advice", "other")
"""Why people look at customers; texts: `purpose.NAME`."""
BEGUN_COOKIE = "c360_console_begun"
KEPT = "public, max-age=31536000, immutable"
log = structlog.get_logger()
router = APIRouter(prefix=ROOT, include_in_schema=False)
_tries = RateLimits(TRIES_PER_S)
_hashing = asyncio.Semaphore(1)
"""A hash takes 128 MiB: one at a time."""


@router.get("/")
async def start(visit: Visiting) -> Response:
    """The first page that the person may open."""
    scopes = visit.owner["scopes"]
    return see_other(visible(scopes)[0].url) if scopes else visit.page("nothing.html", 403)


@router.get("/sign-in")
async def sign_in_page(request: Request, next: str = "", lang: str = "") -> Response:
    """Where people say who they are."""
    return _sign_in(request, next, lang)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Take a name and password, or an API key."""
    fields = await read_form(request)
    following, lang = own_path(fields.get("next", "")), fields.get("lang", "")
    credential, wrong = await _credential(request, fields)
    session = WebSession(credential, _language(request, lang))
    sessions = console_parts(request).sessions
    if not wrong and sessions.written(session) is None:
        wrong = "too_long"
    if not wrong:
        wrong = await _refused(request, session)
    if wrong:
        return _sign_in(request, following, lang, wrong, fields.get("name", ""))
    return remembered(see_other(following), request, session)


@router.get("/sign-in/provider")
async def to_provider(request: Request, next: str = "") -> Response:
    """Send the browser to the identity provider."""
    provider = console_parts(request).provider
    if provider is None:
        return see_other(f"{ROOT}/sign-in")
    try:
        begun = await provider.begin(own_path(next))
    except Retry as error:
        log.warning("identity_provider_away", error=str(error))
        return _sign_in(request, next, "", "provider_away")
    response = see_other(begun.address)
    response.set_cookie(
        BEGUN_COOKIE, begun.sealed, BEGUN_S_MAX, path=f"{ROOT}/sign-in", httponly=True,
        samesite="lax", secure=request.url.scheme == "https",
    )  # fmt: skip
    return response


@router.get("/sign-in/done")
async def from_provider(request: Request) -> Response:
    """Take somebody who comes back from the identity provider."""
    provider = console_parts(request).provider
    if provider is None:
        return see_other(f"{ROOT}/sign-in")
    wrong, following, session = "", "", WebSession("", language_of(request))
    try:
        sealed = request.cookies.get(BEGUN_COOKIE, "")
        returned = await provider.finish(sealed, dict(request.query_params))
        session, following = session.with_(credential=returned.token), returned.following
    except SignInRefused:
        wrong = "provider_refused"
    except Retry as error:
        log.warning("identity_provider_away", error=str(error))
        wrong = "provider_away"
    if not wrong and console_parts(request).sessions.written(session) is None:
        wrong = "too_long"
    if wrong := wrong or await _refused(request, session):
        return _sign_in(request, following, "", wrong)
    response = remembered(see_other(following), request, session)
    response.delete_cookie(BEGUN_COOKIE, f"{ROOT}/sign-in")
    return response


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Forget who it was."""
    await read_form(request)
    response = see_other(f"{ROOT}/sign-in")
    response.delete_cookie(COOKIE, ROOT)
    return response


@router.post("/language")
async def language(visit: Visiting) -> Response:
    """Take another language."""
    fields = await visit.form()
    session = visit.session.with_(language=_language(visit.request, fields.get("lang", "")))
    return remembered(see_other(own_path(fields.get("next", ""))), visit.request, session)


@router.get("/purpose")
async def purpose_page(visit: Visiting, next: str = "") -> Response:
    """Ask why the person looks at customers."""
    return visit.page("purpose.html", next=own_path(next), purposes=PURPOSES)


@router.post("/purpose")
async def purpose(visit: Visiting) -> Response:
    """Take it; it goes into the access log with every look from here on."""
    fields = await visit.form()
    kind, note = fields.get("kind", ""), " ".join(fields.get("note", "").split())
    following = own_path(fields.get("next", ""))
    if kind not in PURPOSES or (kind == "other" and not note):
        shown = {"next": following, "purposes": PURPOSES, "wrong": True}
        return visit.page("purpose.html", 400, **shown)
    session = visit.session.with_(purpose=kind, note=note[:NOTE_CHARS_MAX])
    return remembered(see_other(following), visit.request, session)


@router.get("/static/{digest}/{name}")
async def static(digest: str, name: str) -> Response:
    """A script or a style sheet."""
    try:
        content = static_file(name)
    except KeyError:
        return Response(None, 404)
    headers = {"Cache-Control": KEPT if digest == static_digest(name) else "no-store"}
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(content, 200, headers, kind)


async def _credential(request: Request, fields: dict[str, str]) -> tuple[str, str]:
    """What the API will be asked with, and what is wrong."""
    if key := fields.get("key", "").strip():
        is_key = len(key) <= CREDENTIAL_CHARS_MAX and key.isascii() and key.isprintable()
        return (key, "") if is_key else ("", "wrong_key")
    name, password = fields.get("name", "").strip().lower(), fields.get("password", "")
    if not name or not password:
        return "", "incomplete"
    address = request.client.host if request.client else ""
    if not _tries.take(f"{name[:64]} {address}").is_allowed:
        return "", "too_often"
    async with _hashing:
        signed_in = console_parts(request).accounts.signed_in
        found = await asyncio.to_thread(signed_in, name, password)
    return (found, "") if found else ("", "wrong_password")


async def _refused(request: Request, session: WebSession) -> str:
    """Why the API lets this credential not in; empty if it does."""
    async with ApiClient(request.app, session) as api:
        try:
            owner = await api.get("/v1/whoami")
        except ApiProblem as problem:
            return "wrong_key" if problem.status == 401 else "unavailable"
    return "" if owner["realm"] else "no_realm"


def _sign_in(
    request: Request, following: str, lang: str, wrong: str = "", name: str = ""
) -> Response:
    language = _language(request, lang)
    shown = rendered(
        "sign_in.html",
        t=lambda key, **values: texts.text(language, key, **values),
        language=language.value,
        next=own_path(following) if following else "",
        wrong=wrong,
        name=name[:64],
        has_accounts=console_parts(request).accounts.has_accounts,
        has_provider=console_parts(request).provider is not None,
        ended=bool(request.cookies.get(COOKIE)) and session_of(request) is None,
    )
    return HTMLResponse(shown, 403 if wrong else 200, PAGE_HEADERS)


def _language(request: Request, asked: str) -> Language:
    return Language(asked) if asked in set(Language) else language_of(request)

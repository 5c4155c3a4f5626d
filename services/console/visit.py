"""One request of a person: who it is, what the API answers, and the page that is made of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, NamedTuple, cast
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from schemas.api.permission import Language
from services.api.auth import Scope
from services.api.http.bodies import read_body
from services.api.http.language import preferred
from services.console import texts
from services.console.account_ring import AccountRing
from services.console.api_client import ApiClient, ApiProblem
from services.console.formats import Formats
from services.console.navigation import ROOT, visible
from services.console.oidc import OidcSignIn
from services.console.rendering import rendered
from services.console.sessions import COOKIE, SessionCookies, WebSession
from services.runtime.clock import utc_now

FORM_BYTES_MAX = 256 * 1024
FORM_FIELDS_MAX = 200
SEE_OTHER, NO_VALID_KEY = 303, 401
CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Of every page. Pages of customers are kept nowhere."""
SAME_SITE = frozenset({"same-origin", "none"})


class ConsoleParts(NamedTuple):
    """What the console works with; `app.state.console` of the application."""

    sessions: SessionCookies
    accounts: AccountRing
    zones: dict[str, ZoneInfo]
    """Time zone of each realm."""
    provider: OidcSignIn | None
    """Where people sign in, if not here."""


class NotSignedIn(Exception):
    """The request has no session, or one that has ended."""


class ForeignForm(Exception):
    """A form that does not come from a page of ours."""


def console_parts(request: Request) -> ConsoleParts:
    """The parts of this application."""
    return cast(ConsoleParts, request.app.state.console)


def session_of(request: Request) -> WebSession | None:
    """The session of a request, if it has one."""
    return console_parts(request).sessions.read(request.cookies.get(COOKIE, ""))


@dataclass
class Visit:
    """A request of somebody who has signed in."""

    request: Request
    session: WebSession
    api: ApiClient
    owner: dict[str, Any]
    """What the API says of the credential."""

    @property
    def language(self) -> Language:
        """The language of the page."""
        return self.session.language

    def has(self, scope: Scope) -> bool:
        """Whether the person may do more."""
        return scope.value in self.owner["scopes"]

    @property
    def formats(self) -> Formats:
        """How numbers and times are written."""
        zones = console_parts(self.request).zones
        return Formats(self.language, zones.get(self.owner["realm"] or "", ZoneInfo("UTC")))

    def text(self, key: str, **values: Any) -> str:
        """Words of the person's language."""
        return texts.text(self.language, key, **values)

    def word(self, prefix: str, value: Any) -> str:
        """A name of the API in words: those of its kind, or of any; else as it is, without
        underscores."""
        for key in (f"{prefix}.{value}", f"word.{value}"):
            if texts.has_text(self.language, key):
                return self.text(key)
        return str(value).replace("_", " ")

    def value(self, value: Any, unit: str) -> str:
        """A value in one of the units of measures, with the unit's name where it has one."""
        key = f"unit.{unit}"
        written = self.formats.value(value, unit)
        is_named = value is not None and texts.has_text(self.language, key)
        return f"{written} {self.text(key)}" if is_named else written

    def page(self, template: str, status: int = 200, /, **values: Any) -> Response:
        """A page, or a part of one, made of a template."""
        shown = rendered(
            template,
            visit=self,
            request_path=self.request.url.path,
            t=self.text,
            has_text=lambda key: texts.has_text(self.language, key),
            f=self.formats,
            language=self.language.value,
            now=utc_now(),
            pages=visible(self.owner["scopes"]),
            scopes=frozenset(self.owner["scopes"]),
            csrf=self.session.csrf,
            **values,
        )
        return HTMLResponse(shown, status, PAGE_HEADERS)

    def part(self, template: str, status: int = 200, /, **values: Any) -> Response:
        """A part that htmx puts into a page; without scripts it is a page of its own."""
        is_part = "hx-request" in self.request.headers
        return self.page(template if is_part else "alone.html", status, part=template, **values)

    def part_or_page(self, part: str, whole: str, /, **values: Any) -> Response:
        """The part alone if htmx asks for it anew, else the page around it."""
        return self.page(part if "hx-request" in self.request.headers else whole, **values)

    async def form(self) -> dict[str, str]:
        """The fields of a form of ours. Raises ForeignForm for any other."""
        fields = await read_form(self.request)
        if fields.pop("csrf", "") != self.session.csrf:
            raise ForeignForm
        return fields

    def link(self, path: str, **query: Any) -> str:
        """A page of the console with its filters in the address."""
        named = {name: value for name, value in query.items() if value not in (None, "")}
        return f"{ROOT}{path}" + (f"?{urlencode(named)}" if named else "")

    def here(self, **changed: Any) -> str:
        """This page with other filters."""
        query = {**dict(self.request.query_params), **changed}
        named = {name: value for name, value in query.items() if value not in (None, "")}
        return self.request.url.path + (f"?{urlencode(named)}" if named else "")

    @property
    def now(self) -> datetime:
        """The present, in UTC."""
        return utc_now()


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form; of a name that comes twice the last one. Raises ForeignForm for one
    that the browser says is sent by another site, Problem for one that is too large."""
    origin = request.headers.get("origin", "")
    is_own = not origin or urlsplit(origin).netloc == request.headers.get("host", "")
    if request.headers.get("sec-fetch-site", "none") not in SAME_SITE or not is_own:
        raise ForeignForm
    body = await read_body(request, FORM_BYTES_MAX)
    try:
        text = body.decode()
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX))
    except ValueError as error:
        raise ForeignForm from error


async def _visit(request: Request) -> AsyncIterator[Visit]:
    session = session_of(request)
    if session is None:
        raise NotSignedIn
    async with ApiClient(request.app, session) as api:
        try:
            owner = await api.get("/v1/whoami")
        except ApiProblem as problem:
            if problem.status != NO_VALID_KEY:
                raise
            raise NotSignedIn from problem
        yield Visit(request, session, api, owner)


Visiting = Annotated[Visit, Depends(_visit)]
"""Parameter of a page: needs a session, else it leads to the sign-in page."""


def remembered(response: Response, request: Request, session: WebSession) -> Response:
    """The response with the cookie of a session."""
    sessions = console_parts(request).sessions
    value = sessions.written(session)
    assert value is not None, "checked when the session began"
    response.set_cookie(
        COOKIE,
        value,
        max_age=sessions.age_s_max,
        path=ROOT,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


def language_of(request: Request) -> Language:
    """The language that a browser prefers."""
    return preferred(request.headers.get("accept-language", ""))


def own_path(asked: str) -> str:
    """Where to go next: a page of the console, whatever a link says."""
    parts = urlsplit(asked.replace("\\", "/"))
    is_own = not parts.scheme and not parts.netloc and parts.path.startswith(f"{ROOT}/")
    return asked if is_own and not any(one < " " for one in asked) else f"{ROOT}/"


def see_other(path: str) -> Response:
    """After a form the browser gets a page by GET."""
    return RedirectResponse(path, SEE_OTHER, PAGE_HEADERS)

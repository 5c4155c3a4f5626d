"""The API as the console asks it: in the same process, by the same requests as any other client."""

from __future__ import annotations

from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx
import orjson
from starlette.types import ASGIApp

from schemas.api.permission import Language
from services.api.http.caller import PURPOSE_CHARS_MAX
from services.console.sessions import WebSession
from services.console.texts import text

BASE_URL = "http://console.internal"
"""Of requests that never leave the process."""
TIMEOUT_S = 330.0
"""Longer than any answer may take: the API has limits of its own."""
ACCEPTED = 400


class ApiProblem(Exception):
    """The API answered with a problem document (RFC 9457)."""

    def __init__(self, status: int, code: str, detail: str, retry_after: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after = retry_after


class ApiClient:
    """Requests with the credential, the language and the purpose of a person."""

    def __init__(self, app: ASGIApp, session: WebSession) -> None:
        headers = {
            "Authorization": f"Bearer {session.credential}",
            "Accept-Language": session.language.value,
            "Accept-Encoding": "identity",
            "Prefer": "merged=inline",
        }
        if session.purpose:
            headers["X-Purpose"] = purpose_of(session)
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url=BASE_URL,
            headers=headers,
            timeout=TIMEOUT_S,
            trust_env=False,
        )

    async def __aenter__(self) -> ApiClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def get(self, path: str, **query: Any) -> Any:
        """The document of a path; parameters without a value are not sent. Raises ApiProblem."""
        return _document(await self._http.get(path, params=_sent(query)))

    async def post(self, path: str, body: Any, **query: Any) -> Any:
        """The document that answers a body. Raises ApiProblem."""
        headers = {"Content-Type": "application/json"}
        content = orjson.dumps(body)
        answer = await self._http.post(path, content=content, headers=headers, params=_sent(query))
        return _document(answer)


def purpose_of(session: WebSession) -> str:
    """Why the person asks, in English whatever the language of the pages is; a header holds ASCII
    only."""
    said = text(Language.ENGLISH, f"purpose.{session.purpose}")
    noted = f"{said}: {session.note}" if session.note else said
    return noted.encode("ascii", "replace").decode()[:PURPOSE_CHARS_MAX]


def segment(value: object) -> str:
    """A value as one segment of a path."""
    return quote(str(value), safe="")


def _sent(query: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value not in (None, "")}


def _document(answer: httpx.Response) -> Any:
    if answer.status_code < ACCEPTED:
        return orjson.loads(answer.content) if answer.content else None
    try:
        told = orjson.loads(answer.content)
    except ValueError:
        told = {}
    raise ApiProblem(
        answer.status_code,
        told.get("code", "internal-error"),
        told.get("detail", ""),
        answer.headers.get("retry-after", ""),
    )

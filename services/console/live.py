"""Streams of the API for open pages: passed on as they come, with the session's credential."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.console.navigation import ROOT
from services.console.sessions import WebSession
from services.console.visit import NotSignedIn, session_of

STREAMS = {name: f"/v1/{name}/stream" for name in ("incidents", "segments")}
NOT_SENT_ON = frozenset({b"cookie", b"authorization", b"x-api-key"})
KEPT = ("asgi", "http_version", "scheme", "server", "client")
"""Of the scope of a request."""
router = APIRouter(prefix=f"{ROOT}/live", include_in_schema=False)


class PassedOn(Response):
    """The answer of another route of the application, whole or without end."""

    def __init__(self, app: ASGIApp, path: str, session: WebSession) -> None:
        self.status_code = 200
        self.background = None
        self._app = app
        self._path = path
        self._session = session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        kept = [(name, value) for name, value in scope["headers"] if name not in NOT_SENT_ON]
        credential = f"Bearer {self._session.credential}".encode()
        asked = {
            "type": "http",
            **{
                name: scope[name] for name in ("asgi", "http_version", "scheme", "server", "client")
            },
            "method": "GET",
            "path": self._path,
            "raw_path": self._path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [*kept, (b"authorization", credential)],
            "state": scope["state"],
        }
        await self._app(asked, receive, send)


@router.get("/{name}")
async def stream(name: str, request: Request) -> Response:
    """Server-sent events of incidents, or of segments."""
    session = session_of(request)
    if session is None:
        raise NotSignedIn
    if name not in STREAMS:
        return Response(None, 404)
    return PassedOn(request.app, STREAMS[name], session)

"""HEAD on every route that answers GET: probes of load balancers ask so (RFC 9110, section 9.1)."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

IS_HEAD = "is_head"
"""State of a request that was a HEAD: its answer has no body, and no stream."""


class HeadAsGet:
    """Lets the routes answer a HEAD as a GET. The server sends no body: it knows the method."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope.setdefault("state", {})[IS_HEAD] = True
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)

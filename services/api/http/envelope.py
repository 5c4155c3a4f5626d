"""Around every request: its id, the headers that every answer has, and how long it took.

Answers are private and are asked for anew each time (RFC 9111); a browser may neither guess their
type, frame them, nor tell other sites where they came from.
"""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.instants import written
from services.api.auth import Principal
from services.api.http.caller import PRINCIPAL, RATE, rate_headers
from services.api.http.problems import REQUEST_ID
from services.api.http.run import MARK
from services.api.http.streams import STREAM
from services.api.marks import Mark
from services.runtime import tracing
from services.runtime.metrics import Metrics

REQUEST_ID_FORM = re.compile(rb"^[A-Za-z0-9._:/+=-]{1,128}$")
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
STRICT_TRANSPORT = "max-age=31536000"
UNKNOWN_ROUTE = "unknown"
CARRIER = tracing.TRACEPARENT.encode()
HEALTH_PAGES = frozenset({"/livez", "/readyz", "/metrics"})
"""Of what asks for them every few seconds nobody wants to see a trace."""


class Envelope:
    """An ASGI middleware; the outermost one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with _span(scope) as span:
            await self._answer(scope, receive, send, span)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, span: tracing.OpenSpan
    ) -> None:
        begun_s, status, taken_s = time.monotonic(), 500, 0.0
        state: dict[str, Any] = scope.setdefault("state", {})
        state[REQUEST_ID] = request_id = _request_id(scope)

        async def send_on(message: Message) -> None:
            nonlocal status, taken_s
            if message["type"] == "http.response.start":
                status = message["status"]
                if STREAM in state:  # it has no end: how long it lasts is up to its reader
                    taken_s = time.monotonic() - begun_s
                    span.answered(scope["method"], _route(scope), status)
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers.setdefault("Cache-Control", "private, no-cache")
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
                if RATE in state:
                    for name, value in _rates(scope, state).items():
                        headers[name] = value
                if MARK in state and PRINCIPAL in state:
                    _say_how_fresh(headers, state)
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        finally:
            span.answered(scope["method"], _route(scope), status)
            self._measure(scope, status, taken_s or time.monotonic() - begun_s)

    @staticmethod
    def _measure(scope: Scope, status: int, seconds: float) -> None:
        metrics: Metrics | None = getattr(scope["app"].state, "metrics", None)
        if metrics is None:
            return
        route = _route(scope) or UNKNOWN_ROUTE
        method = scope["method"] if scope["method"] in tracing.HTTP_METHODS else "other"
        metrics.request_seconds.labels(method, route, str(status)).observe(seconds)


def _span(scope: Scope) -> tracing.OpenSpan:
    if not tracing.is_on() or scope["path"] in HEALTH_PAGES:
        return tracing.NO_SPAN
    named = (value for name, value in scope["headers"] if name == CARRIER)
    return tracing.request(scope["method"], next(named, None))


def _route(scope: Scope) -> str:
    """The pattern of the path; empty if no route has it."""
    return getattr(scope.get("route"), "path", "")


def _say_how_fresh(headers: MutableHeaders, state: dict[str, Any]) -> None:
    principal: Principal = state[PRINCIPAL]
    mark: Mark = state[MARK]
    watermark = mark.watermarks.get(principal.realm or "")
    if watermark is not None:
        headers["X-Data-Watermark"] = written(watermark)


def _rates(scope: Scope, state: dict[str, Any]) -> dict[str, str]:
    principal: Principal = state[PRINCIPAL]
    usual: float = scope["app"].state.api.settings.api_rate_per_s
    return rate_headers(state[RATE], principal.rate_per_s or usual)


def _request_id(scope: Scope) -> str:
    """The id that the sender gave, if it is one that logs may hold; else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID_FORM.match(value):
            return str(value.decode())
    return uuid.uuid4().hex

"""Compressed answers: zstd or gzip, as the client prefers (RFC 9110, section 12.5.3; RFC 8878).

Only whole answers above a size are compressed: a stream is sent as it comes.
"""

from __future__ import annotations

import cramjam
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BYTES_MIN = 1_000
"""A smaller answer fits into one packet anyway."""
GZIP_LEVEL, ZSTD_LEVEL = 5, 3
ENCODINGS = ("zstd", "gzip")
"""The ones we have, the better one first."""


def chosen(accepted: str) -> str:
    """The encoding that a client prefers, of those we have; empty for none."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, rest = part.strip().partition(";")
        weights[name.strip()] = _weight(rest)
    return (
        max(ENCODINGS, key=lambda one: weights.get(one, 0.0))
        if any(weights.get(one, 0.0) > 0 for one in ENCODINGS)
        else ""
    )


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not parameter.strip():
        return 1.0
    try:
        return float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0


class Compression:
    """An ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        encoding = (
            chosen(Headers(scope=scope).get("accept-encoding", ""))
            if (scope["type"] == "http" and scope["method"] != "HEAD")
            else ""
        )
        start: Message | None = None

        async def send_on(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if start is not None:
                head, start = start, None
                MutableHeaders(scope=head).add_vary_header("Accept-Encoding")
                if encoding and not message.get("more_body") and _is_worth_it(head, message):
                    message = {**message, "body": _compressed(encoding, message["body"])}
                    headers = MutableHeaders(scope=head)
                    headers["Content-Encoding"] = encoding
                    headers["Content-Length"] = str(len(message["body"]))
                await send(head)
            await send(message)

        await self._app(scope, receive, send_on if scope["type"] == "http" else send)


def _is_worth_it(head: Message, message: Message) -> bool:
    headers = Headers(raw=head["headers"])
    is_plain = "content-encoding" not in headers and head["status"] not in (204, 304)
    return is_plain and len(message.get("body", b"")) >= BYTES_MIN


def _compressed(encoding: str, body: bytes) -> bytes:
    if encoding == "zstd":
        return bytes(cramjam.zstd.compress(body, level=ZSTD_LEVEL))
    return bytes(cramjam.gzip.compress(body, level=GZIP_LEVEL))

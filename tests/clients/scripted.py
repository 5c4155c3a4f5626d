"""A server on loopback that answers as it is told, for what a healthy service does not do.

It keeps what came. An answer may be cut off in the middle, or never begin.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import orjson


class Answer(NamedTuple):
    """What the server does with one request."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] | None = None
    is_whole: bool = True
    """Whether the body ends; otherwise the connection breaks after it."""


class Came(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Scripted:
    """A running server: its address, and what came."""

    def __init__(self, answers: Sequence[Answer | None]) -> None:
        self.came: list[Came] = []
        self.left = list(answers)
        self.url = ""


def document(value: Any, status: int = 200, **headers: str) -> Answer:
    """An answer with a JSON document; names of headers have `_` for `-`."""
    named = {name.replace("_", "-"): one for name, one in headers.items()}
    return Answer(status, orjson.dumps(value), {"Content-Type": "application/json", **named})


def problem(status: int, code: str, **headers: str) -> Answer:
    """An error answer."""
    told = {"type": f"/problems/{code}", "code": code, "title": code, "status": status}
    body = {**told, "detail": "as told", "request_id": "r-1", "errors": []}
    return document(body, status, **headers)


def events(text: str, is_whole: bool = True) -> Answer:
    """A part of a stream of events."""
    return Answer(200, text.encode(), {"Content-Type": "text/event-stream"}, is_whole)


@contextmanager
def scripted(*answers: Answer | None) -> Iterator[Scripted]:
    """A server that gives these answers in turn; None closes the connection without one."""
    state = Scripted(answers)

    class Handler(BaseHTTPRequestHandler):
        """Gives the next answer."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Any request."""
            size = int(self.headers.get("Content-Length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.came.append(Came(self.command, self.path, headers, self.rfile.read(size)))
            answer = state.left.pop(0)
            if answer is not None:
                self._give(answer)
            if answer is None or not answer.is_whole:
                self.close_connection = True

        do_POST = do_GET

        def _give(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in (answer.headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) + (not answer.is_whole)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

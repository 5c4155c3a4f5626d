"""In front of every route that takes a document: the key first, then the body, up to a limit.

FastAPI reads a body before it asks who sends it, and reads all of it. So here a request without a
valid key is refused before its body is read, and a body that is too large as soon as it is. The
intake reads its own bodies, as do local commands.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.api.problem import ProblemCode
from services.api.http.bodies import read_body
from services.api.http.caller import credential_of, identify
from services.api.http.parts import ApiParts
from services.api.http.problems import Problem, answer, problem_of
from services.runtime.errors import C360Error

BODY_BYTES_MAX = 2 * 1024 * 1024
"""Of a request for data: 10,000 addresses have about 1 MB."""
BYTES_IN_FLIGHT_MAX = 64 * 1024 * 1024
"""Of the bodies of all such requests, until they are answered."""
GUARDED, INTAKE, WEBHOOKS = "/v1/", "/v1/touchpoints", "/v1/webhooks/"
TRACKING = {
    f"/v1/{name}{slash}": call
    for call, names in {
        "identify": ("identify", "i"), "track": ("track", "t"), "page": ("page", "p"),
        "screen": ("screen", "s"), "group": ("group", "g"), "alias": ("alias", "a"),
        "batch": ("batch", "b"), "import": ("import",),
    }.items()
    for name in names
    for slash in ("", "/")
}  # fmt: skip
"""The paths of the Segment protocol, and their calls: libraries use either name, with or without a
slash at the end."""
METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class BodyGuard:
    """An ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if not _is_guarded(scope):
            await self._app(scope, receive, send)
            return
        request, held = Request(scope, receive), 0

        def take(size: int) -> None:
            nonlocal held
            if self._in_flight + size > BYTES_IN_FLIGHT_MAX:
                detail = f"{self._in_flight} bytes of requests wait for their answers"
                raise Problem(ProblemCode.TOO_MANY_BYTES, detail, Retry_After="1")
            held += size
            self._in_flight += size

        try:
            try:
                body = await self._body(request, take)
            except (Problem, C360Error) as error:
                problem = error if isinstance(error, Problem) else problem_of(error)
                await answer(request, problem)(scope, receive, send)
                return
            await self._app(scope, _replayed(body, receive), send)
        finally:
            self._in_flight -= held

    @staticmethod
    async def _body(request: Request, take: Callable[[int], None]) -> bytes:
        parts: ApiParts = request.app.state.api
        await identify(request, parts, credential_of(request))
        return await read_body(request, BODY_BYTES_MAX, take)


def _is_guarded(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] not in METHODS_WITH_BODY:
        return False
    path: str = scope["path"]
    own = path == INTAKE or path in TRACKING or path.startswith(WEBHOOKS)
    return path.startswith(GUARDED) and not own


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body as one message; afterwards what the server says, as that the client has gone."""
    is_sent = False

    async def receive_again() -> Message:
        nonlocal is_sent
        if is_sent:
            return await receive()
        is_sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again

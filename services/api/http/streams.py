"""Routes of server-sent events: what changes in incidents, profiles and segments, as it changes.

A stream is an answer without end: it is sent as it comes, uncompressed, and nobody may keep it. Its
connection counts among the server's; the server ends it at once when it stops, through the state of
the request (services/intake/server.py).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Annotated, Any, NamedTuple, cast

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from starlette.types import Receive, Scope, Send

from schemas.api.problem import ProblemCode
from schemas.api.streams import INCIDENTS_STREAM, PROFILES_STREAM, SEGMENTS_STREAM
from services.api import auth
from services.api.feed_positions import ID_CHARS_MAX
from services.api.feeds import HEARTBEAT_S, STOPPED, Fanout, Feed, Subscription
from services.api.http.caller import Caller, allowed, credential_of
from services.api.http.heads import IS_HEAD
from services.api.http.parts import api_parts
from services.api.http.problems import Problem, documented
from services.runtime.connections import connections_that_fit
from services.runtime.metrics import Metrics
from services.runtime.settings import Settings

STREAM = "stream"
"""State of a request: ends its stream. Set while there is one."""
STOPS = "stops"
"""State of a request that the server no longer waits for."""
CONNECTIONS_SHARE = 0.8
"""Of the connections that streams may hold; the rest is for requests that are answered."""
EVENT_STREAM = "text/event-stream"
REFUSED = b": the key may no longer read this\n\n"
RETRY_AFTER_S = "10"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Proxies neither keep a stream nor hold it back."""
PROBLEMS = (
    ProblemCode.INVALID_REQUEST, ProblemCode.NO_VALID_KEY, ProblemCode.NOT_ALLOWED,
    ProblemCode.RATE_LIMITED, ProblemCode.TOO_MANY_STREAMS, ProblemCode.UNAVAILABLE,
)  # fmt: skip
router = APIRouter(tags=["streams"])


class Streams:
    """The hubs of a process and the streams that are open, `streams_max` at most. Used on the
    server's event loop."""

    def __init__(
        self, feeds: Mapping[str, Feed], streams_max: int, per_key_max: int, metrics: Metrics
    ) -> None:
        """`feeds` by the names of their streams; streams without one are refused."""
        self._hubs = {name: Fanout(feed) for name, feed in feeds.items()}
        self._streams_max = streams_max
        self._per_key_max = per_key_max
        self._metrics = metrics
        self._of_key: Counter[str] = Counter()

    async def open(self, name: str, caller: Caller, last_id: str) -> _Opened:
        """A stream of the caller's realm. Raises Problem 409 for one that nothing feeds, 429 for
        too many, and as Fanout.subscribe does."""
        if name not in self._hubs:
            raise Problem(ProblemCode.INVALID_STATE, f"no changes of {name} are followed here")
        key_id = caller.principal.key_id
        if self._of_key.total() >= self._streams_max:
            detail = f"the service holds {self._streams_max} streams"
            raise Problem(ProblemCode.TOO_MANY_STREAMS, detail, Retry_After=RETRY_AFTER_S)
        if self._of_key[key_id] >= self._per_key_max:
            detail = f"the key may have {self._per_key_max} streams open"
            raise Problem(ProblemCode.TOO_MANY_STREAMS, detail, Retry_After=RETRY_AFTER_S)
        self._count(name, key_id, 1)  # before it waits for the feed
        try:
            found = await self._hubs[name].subscribe(caller.realm, last_id)
        except BaseException:
            self._count(name, key_id, -1)
            raise
        return _Opened(found, lambda: self._count(name, key_id, -1))

    async def close(self) -> None:
        """End all streams, and stop reading the feeds."""
        for hub in self._hubs.values():
            await hub.close()

    def _count(self, name: str, key_id: str, change: int) -> None:
        self._of_key[key_id] += change
        if not self._of_key[key_id]:
            del self._of_key[key_id]
        self._metrics.streams.labels(name).inc(change)


def streams_over(feeds: Mapping[str, Feed], settings: Settings, metrics: Metrics) -> Streams:
    """Streams of feeds by their names, on the server of the settings."""
    connections = connections_that_fit(settings.http_connections_max)
    streams_max = min(settings.api_streams_max, int(connections * CONNECTIONS_SHARE))
    return Streams(feeds, streams_max, settings.api_streams_per_key_max, metrics)


class _Opened(NamedTuple):
    subscription: Subscription
    released: Callable[[], None]


class EventStream(Response):
    """A subscription as the answer to a request. Whoever makes one must send it."""

    media_type = EVENT_STREAM

    def __init__(self, opened: _Opened, is_allowed: Callable[[], bool]) -> None:
        """`is_allowed` says from time to time whether the caller still may read this."""
        self.status_code = 200
        self.background = None
        self.init_headers(HEADERS)
        del self.headers["Content-Length"]
        self._opened = opened
        self._is_allowed = is_allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        subscription, state = self._opened.subscription, cast(dict[str, Any], scope["state"])
        state[STREAM] = lambda: subscription.end(STOPPED)
        if state.get(STOPS):
            subscription.end(STOPPED)
        leaves = asyncio.create_task(self._until_left(receive))
        checks = asyncio.create_task(self._while_allowed())
        try:
            start = {"status": self.status_code, "headers": self.raw_headers}
            await send({"type": "http.response.start", **start})
            if not state.get(IS_HEAD):
                await self._send_events(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            leaves.cancel()
            checks.cancel()
            del state[STREAM]
            subscription.close()
            self._opened.released()

    async def _send_events(self, send: Send) -> None:
        async with aclosing(self._opened.subscription.events()) as events:
            async for data in events:
                await send({"type": "http.response.body", "body": data, "more_body": True})

    async def _until_left(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._opened.subscription.close()

    async def _while_allowed(self) -> None:
        """A key that is revoked, or loses the scope, ends its streams."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            if not self._is_allowed():
                break
        self._opened.subscription.end(REFUSED)


async def _last_event_id(
    last_id: Annotated[
        str,
        Header(
            alias="Last-Event-ID",
            max_length=ID_CHARS_MAX,
            description="The id of the last event that came; the stream goes on behind it.",
        ),
    ] = "",
    asked_id: Annotated[
        str,
        Query(
            alias="last_event_id",
            max_length=ID_CHARS_MAX,
            include_in_schema=False,  # the same twice; for clients that cannot set the header
        ),
    ] = "",
) -> str:
    return last_id or asked_id


LastEventId = Annotated[str, Depends(_last_event_id)]
ReadsIncidents = Annotated[Caller, Depends(allowed(auth.Scope.INCIDENTS_READ))]
ReadsProfiles = Annotated[Caller, Depends(allowed(auth.Scope.PROFILES_READ))]
ReadsMembers = Annotated[Caller, Depends(allowed(auth.Scope.SEGMENTS_MEMBERS))]


def _answers(what: str) -> dict[int | str, dict[str, Any]]:
    text = f"Server-sent events: {what} and `reset`, with comments in between."
    content = {EVENT_STREAM: {"schema": {"type": "string"}}}
    return {200: {"description": text, "content": content}, **documented(PROBLEMS)}


@router.get(
    "/v1/incidents/stream",
    operation_id="streamIncidents",
    response_class=Response,
    responses=_answers("`incident` with an incident after a change (AlertRecord), `removed`"),
)
async def incidents_stream(
    request: Request, caller: ReadsIncidents, last_id: LastEventId
) -> Response:
    """Incidents of the realm as they open, change and end."""
    return await _stream(request, INCIDENTS_STREAM, caller, last_id, auth.Scope.INCIDENTS_READ)


@router.get(
    "/v1/profiles/stream",
    operation_id="streamProfiles",
    response_class=Response,
    responses=_answers("`profile` with the state of a profile id (ProfileChangeRecord), `removed`"),
)
async def profiles_stream(
    request: Request, caller: ReadsProfiles, last_id: LastEventId
) -> Response:
    """Profiles of the realm as they appear, merge, split, and get other identifiers, attributes or
    consents. No values: read the profile for them."""
    return await _stream(request, PROFILES_STREAM, caller, last_id, auth.Scope.PROFILES_READ)


@router.get(
    "/v1/segments/stream",
    operation_id="streamSegments",
    response_class=Response,
    responses={
        **_answers("`segment` with a change of a customer and a segment (SegmentChangeRecord)"),
        **documented((*PROBLEMS, ProblemCode.INVALID_STATE)),
    },
)
async def segments_stream(request: Request, caller: ReadsMembers, last_id: LastEventId) -> Response:
    """Who enters and leaves segments of the realm, as it is found. Refused where segments do not
    follow events."""
    return await _stream(request, SEGMENTS_STREAM, caller, last_id, auth.Scope.SEGMENTS_MEMBERS)


async def _stream(
    request: Request, name: str, caller: Caller, last_id: str, scope: auth.Scope
) -> EventStream:
    authenticator, credential = api_parts(request).authenticator, credential_of(request)

    def is_allowed() -> bool:
        found = authenticator.principal(credential)
        return found is not None and scope in found.scopes and found.realm == caller.realm

    streams = cast(Streams | None, request.app.state.streams)
    if streams is None:
        raise Problem(ProblemCode.UNAVAILABLE, "nothing is fed here", Retry_After=RETRY_AFTER_S)
    return EventStream(await streams.open(name, caller, last_id), is_allowed)

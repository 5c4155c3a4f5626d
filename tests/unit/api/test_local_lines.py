"""Lines reach a running service as a command read them, in bounded parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Future
from typing import Any, cast

import httpx
import pytest

from schemas.faults import Fault
from schemas.reject import RejectReason
from services.api.auth import Credentials
from services.api.http.local import LOCAL_BYTES_MAX, LocalChannel, _sized_line
from services.cli.remote_session import RemoteSession, _written
from services.embedded.running_instance import RunningInstance
from services.ingest.core.outcome import Intake
from services.ingest.lines import KEPT_BYTES_MAX, Line
from services.ingest.stage import Result, Status
from services.intake.application import create_app
from tests.api_parts import api_parts_of


@pytest.mark.parametrize(
    "line",
    [
        Line(b'{"event_id": "e"}', 17),
        Line(b"tab\tand [more]", 14),
        Line(b"x" * 10, 5_000_000),  # truncated
        Line(b"{}", 2, None, "tab\tline\n.jsonl, line 3"),
        Line(b"no json", 7, Fault(RejectReason.INVALID_FIELD, "batch", "not\ta list\n")),
    ],
)
def test_a_line_survives_the_local_channel(line: Line) -> None:
    """Content, size and fault come out as they went in."""
    sent = _written(line)
    assert sent.endswith(b"\n")
    assert sent.count(b"\n") == 1
    assert _sized_line(sent[:-1]) == line


TOKEN = "the token of this machine"
CHUNK = b"x" * 1_000_000


class _Sink:
    """Accepts every line at once."""

    def submit(self, lines: list[Line], intake: Intake) -> Future[list[Result]]:
        answer: Future[list[Result]] = Future()
        answer.set_result([Result(str(len(one.content)), Status.ACCEPTED) for one in lines])
        return answer


def posted(body: AsyncIterator[bytes] | bytes, path: str = "lines") -> httpx.Response:
    """The answer of the local route alone."""
    local_token = Credentials((), (), TOKEN)
    channel = LocalChannel(cast(Any, None), cast(Any, _Sink()), local_token)
    app = create_app(cast(Any, None), api_parts_of(local_token), channel)
    headers = {"Authorization": f"Bearer {TOKEN}"}

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://c360") as client:
            return await client.post(f"/internal/v1/{path}", content=body, headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize("path", ["lines", "profile_list"])
def test_a_request_is_bounded(path: str) -> None:
    """A body without an end is refused when it is too large, and never held whole."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 4 * LOCAL_BYTES_MAX:
            sent += len(CHUNK)
            yield CHUNK

    assert posted(endless(), path).status_code == 413
    assert sent <= LOCAL_BYTES_MAX + 4 * len(CHUNK)


def test_a_command_sends_no_more_than_that() -> None:
    """However large the lines are that are kept of a file: each part fits."""
    lines = [Line(b"y" * KEPT_BYTES_MAX, KEPT_BYTES_MAX, None, "f" * 300)] * 400
    parts: list[bytes] = []

    def taken(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/lines"):
            return httpx.Response(204)
        parts.append(request.content)
        answer = posted(request.content)
        return httpx.Response(answer.status_code, content=answer.content)

    session = RemoteSession(RunningInstance(1, "http://c360", TOKEN))
    session._client = httpx.Client(transport=httpx.MockTransport(taken), base_url="http://c360")
    results: list[Result] = []
    session.ingest(lines, results.extend)
    assert len(results) == len(lines)
    assert len(parts) > 1
    assert max(map(len, parts)) < LOCAL_BYTES_MAX

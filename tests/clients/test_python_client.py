"""The Python client against answers that a healthy service seldom gives."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from customer360_client import (
    AsyncClient,
    CallError,
    Client,
    NoAnswer,
    NotFound,
    RateLimited,
    Retries,
    ServerEvent,
    Unavailable,
    UnreadableAnswer,
    models,
)
from customer360_client._call import Call
from customer360_client._stream import EventReader
from tests.clients.scripted import Answer, Scripted, document, events, problem, scripted

OWNER = {"key_id": "k1", "name": "desk", "realm": "default", "scopes": ["profiles:read"]}
NOW = {"Retry_After": "0"}
STREAM: Call[None] = Call("GET", "/v1/stream", None)


def sync_run(server: Scripted, use: Callable[[Any], Any], **options: Any) -> Any:
    """What a call of the synchronous client returns."""
    with Client(server.url, "secret", **options) as client:
        return use(client)


def async_run(server: Scripted, use: Callable[[Any], Any], **options: Any) -> Any:
    """What a call of the asynchronous client returns."""

    async def run() -> Any:
        async with AsyncClient(server.url, "secret", **options) as client:
            return await use(client)

    return asyncio.run(run())


BOTH = pytest.mark.parametrize("run", [sync_run, async_run])


@BOTH
def test_a_call_carries_key_purpose_and_version(run: Any) -> None:
    """The key stands in a header; the answer is a typed document with its headers."""
    with scripted(document(OWNER, X_Request_ID="r-7")) as server:
        owner = run(server, lambda client: client.whoami(), purpose="a test")
    [came] = server.came
    assert (came.method, came.path) == ("GET", "/v1/whoami")
    assert came.headers["authorization"] == "Bearer secret"
    assert came.headers["x-purpose"] == "a test"
    assert came.headers["user-agent"].startswith("customer360-client/")
    assert isinstance(owner, models.KeyOwner)
    assert owner.scopes == ["profiles:read"]
    assert owner.response_headers["X-Request-ID"] == "r-7"


def test_address_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program needs neither in its text."""
    with scripted(document(OWNER)) as server:
        monkeypatch.setenv("C360_API_URL", server.url)
        monkeypatch.setenv("C360_API_KEY", "from-outside")
        with Client() as client:
            client.whoami()
    assert server.came[0].headers["authorization"] == "Bearer from-outside"


@BOTH
def test_what_is_transient_is_tried_again(run: Any) -> None:
    """A broken connection, 429 and 503 cost a try each; then the answer counts."""
    script = (None, problem(429, "rate-limited", **NOW), problem(503, "too-busy", **NOW))
    with scripted(*script, document(OWNER)) as server:
        assert run(server, lambda client: client.whoami()).key_id == "k1"
    assert len(server.came) == 4


@BOTH
def test_a_write_is_repeated_as_the_same_write(run: Any) -> None:
    """Every try of one call sends the same bytes."""
    result = {"event_id": "e1", "status": "accepted", "reason": "", "path": "", "message": ""}
    done = document({"results": [result]})
    with scripted(problem(503, "unavailable", **NOW), None, done) as server:
        found = run(server, lambda client: client.post_touchpoints([{"event_id": "e1"}]))
    assert [one.status for one in found.results] == ["accepted"]
    assert len({(one.body, one.headers.get("idempotency-key")) for one in server.came}) == 1
    assert json.loads(server.came[0].body) == {"batch": [{"event_id": "e1"}]}


@BOTH
@pytest.mark.parametrize(
    ("answer", "kind", "tries"),
    [
        (problem(404, "not-found"), NotFound, 1),
        (problem(503, "unavailable", **NOW), Unavailable, 2),
        (problem(429, "rate-limited", **NOW), RateLimited, 2),
        (Answer(502, b"<html>"), Unavailable, 2),
        (Answer(200, b"<html>"), UnreadableAnswer, 1),
        (document({"key_id": 1}), UnreadableAnswer, 1),
        (None, NoAnswer, 2),
    ],
)
def test_what_stays_wrong_is_raised(
    run: Any, answer: Answer | None, kind: type[CallError], tries: int
) -> None:
    """Each kind of failure has its own exception, after as many tries as may help."""
    with scripted(answer, answer) as server, pytest.raises(kind) as raised:
        run(server, lambda client: client.whoami(), retries=Retries(2, wait_s=5))
    assert len(server.came) == tries
    assert "secret" not in str(raised.value)


def test_a_problem_says_code_detail_and_request() -> None:
    """What a program and a person need of an error answer is there, and when to come again."""
    with (
        scripted(problem(429, "rate-limited", Retry_After="7")) as server,
        Client(server.url, "k", retries=Retries(1)) as client,
        pytest.raises(RateLimited) as raised,
    ):
        client.whoami()
    error = raised.value
    assert (error.status, error.code, error.request_id) == (429, "rate-limited", "r-1")
    assert (error.detail, error.errors, error.retry_after_s) == ("as told", [], 7)


def test_nobody_waits_longer_than_agreed() -> None:
    """A service that asks for an hour gets an error at once."""
    with (
        scripted(problem(503, "unavailable", Retry_After="3600")) as server,
        Client(server.url, "k") as client,
        pytest.raises(Unavailable),
    ):
        client.whoami()


def test_nobody_listens() -> None:
    """A refused connection is an error of this client, not of its HTTP library."""
    with scripted() as server:
        pass
    with Client(server.url, "k", retries=Retries(1)) as client, pytest.raises(NoAnswer):
        client.whoami()


def test_values_never_change_the_path() -> None:
    """Whatever an id holds, it is one part of the path."""
    with (
        scripted(problem(404, "not-found")) as server,
        Client(server.url, "k") as client,
        pytest.raises(NotFound),
    ):
        client.get_problem("../v1/whoami?x=1#y")
    assert server.came[0].path == "/problems/..%2Fv1%2Fwhoami%3Fx%3D1%23y"


def test_documents_keep_what_they_do_not_know() -> None:
    """A newer service may say more; it is passed on."""
    answer = document({**OWNER, "colour": "red"})
    with scripted(answer) as server, Client(server.url, "k") as client:
        assert client.whoami().as_json() == {**OWNER, "colour": "red"}


def sync_events(server: Scripted, most: int, retries: Retries) -> list[ServerEvent]:
    """The first events of a stream."""
    with Client(server.url, "k", retries=retries) as client:
        stream = client._events(STREAM)
        return [next(stream) for _ in range(most)]


def async_events(server: Scripted, most: int, retries: Retries) -> list[ServerEvent]:
    """The same with the asynchronous client."""

    async def run() -> list[ServerEvent]:
        async with AsyncClient(server.url, "k", retries=retries) as client:
            stream = client._events(STREAM)
            return [await anext(stream) for _ in range(most)]

    return asyncio.run(run())


@pytest.mark.parametrize("run", [sync_events, async_events])
def test_a_stream_goes_on_after_it_broke(run: Any) -> None:
    """Half an event is forgotten, and the next connection says what came last."""
    script = (
        events("retry: 1\n\nid: 1\nevent: a\ndata: one\n\nid: 2\ndata: ha", is_whole=False),
        None,
        problem(503, "too-busy", **NOW),
        events(": alive\n\nid: 2\ndata: two\n\n"),
        events("id: 3\ndata: three\n\n"),
    )
    with scripted(*script) as server:
        found = run(server, 3, Retries(4))
    assert [(one.id, one.type, one.data) for one in found] == [
        ("1", "a", "one"),
        ("2", "message", "two"),
        ("3", "message", "three"),
    ]
    asked = [one.headers.get("last-event-id") for one in server.came]
    assert asked == [None, "1", "1", "1", "2"]


@pytest.mark.parametrize("run", [sync_events, async_events])
def test_a_stream_that_is_refused_ends(run: Any) -> None:
    """What another try cannot help is raised at once."""
    with scripted(problem(404, "not-found")) as server, pytest.raises(NotFound):
        run(server, 1, Retries(4))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_read_however_they_are_cut(size: int) -> None:
    """Line ends of every form; a line separator of Unicode is no line end."""
    text = (
        '\ufeffdata: a\r\ndata: b\r\n\r\nevent:x\rdata:{"t": "\u2028ü"}\r\rid: 9\n\n'
        "retry: 1500\nretry: x\ndata\nunknown: 1\n\nid: a\0b\ndata: last\n\n"
    ).encode()
    reader = EventReader()
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    found = [event for part in parts for event in reader.feed(part)]
    assert [(one.id, one.type, one.data) for one in found] == [
        ("", "message", "a\nb"),
        ("", "x", '{"t": "\u2028ü"}'),
        ("9", "message", ""),
        ("9", "message", "last"),
    ]
    assert found[1].json() == {"t": "\u2028ü"}
    assert reader.retry_s == 1.5

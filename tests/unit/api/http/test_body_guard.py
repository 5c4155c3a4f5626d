"""Bodies of requests for data: none of a stranger is read, and no more than fits of a client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends
from pydantic import BaseModel, ConfigDict

from services.api.auth import Principal, Scope
from services.api.http import body_guard
from services.api.http.body_guard import BODY_BYTES_MAX
from services.api.http.caller import Caller, allowed
from services.intake.application import application
from tests.api_parts import api_parts_of

READER = Principal("k1", "desk", "default", frozenset({Scope.PROFILES_READ}))
PART = b"[" * 100_000


class Ring:
    """Knows one key."""

    def principal(self, credential: str) -> Principal | None:
        return READER if credential == "desk" else None

    def refresh(self, credential: str) -> None:
        """No other key comes."""


class Body(BaseModel):
    """A request."""

    model_config = ConfigDict(extra="forbid")
    number: int


class Sent:
    """A body without end, and how much of it was read."""

    def __init__(self) -> None:
        self.size = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.size < 4 * BODY_BYTES_MAX:
            self.size += len(PART)
            yield PART


def answered(content: Any, key: str = "desk", **headers: str) -> httpx.Response:
    """The answer to a body."""
    app = application()
    app.state.api = api_parts_of(Ring())

    @app.post("/v1/test")
    async def route(
        body: Body, caller: Annotated[Caller, Depends(allowed(Scope.PROFILES_READ))]
    ) -> Any:
        return {"number": body.number, "left": caller.principal.name}

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        every = {"Authorization": f"bearer {key}", "Content-Type": "application/json", **named}
        async with httpx.AsyncClient(transport=transport, base_url="http://c360") as client:
            return await client.post("/v1/test", content=content, headers=every)

    return asyncio.run(ask())


def test_a_body_arrives() -> None:
    """Its route reads it as ever, and the key pays for one request."""
    answer = answered(b'{"number": 1}')
    assert answer.json() == {"number": 1, "left": "desk"}
    assert answer.headers["ratelimit"].startswith('"key";r=199;')


def test_nothing_is_read_of_a_stranger() -> None:
    """401 before the first byte of the body."""
    sent = Sent()
    answer = answered(sent.__aiter__(), "nobody")
    assert (answer.status_code, answer.json()["code"]) == (401, "no-valid-key")
    assert sent.size == 0


def test_a_client_is_bounded() -> None:
    """413 as soon as the body is too large, and a problem document like every other error."""
    sent = Sent()
    answer = answered(sent.__aiter__())
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert sent.size <= BODY_BYTES_MAX + 2 * len(PART)


def test_all_clients_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """503 when the bodies of all requests take the memory there is; afterwards there is room."""
    monkeypatch.setattr(body_guard, "BYTES_IN_FLIGHT_MAX", 20)
    answer = answered(b'{"number": 1}' + b" " * 20)
    assert (answer.status_code, answer.json()["code"]) == (503, "too-many-bytes-in-flight")
    assert answered(b'{"number": 1}').status_code == 200


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[" * 100_000, b"\xff", b'{"number": "Anna"}', b"null", b"[]"]
)
def test_what_is_no_request_is_said_without_repeating_it(content: bytes) -> None:
    """400 with the place of the fault, however the body is broken."""
    answer = answered(content)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-request")
    assert "Anna" not in answer.text


def test_names_that_the_sender_made_up_are_not_repeated() -> None:
    """An address may stand where a name should."""
    answer = answered(b'{"number": 1, "Anna@Example.com": 2, "Musterfrau": 3}')
    assert answer.status_code == 400
    assert [one["path"] for one in answer.json()["errors"]] == ["body.?", "body.?"]
    assert "Anna" not in answer.text
    assert "Musterfrau" not in answer.text


def test_a_body_that_is_not_said_to_be_json() -> None:
    """The answer says which header is missing."""
    answer = answered(b'{"number": 1}', Content_Type="text/plain")
    assert answer.status_code == 400
    assert "Content-Type: application/json" in answer.json()["detail"]


def test_compressed_bodies_are_refused() -> None:
    """What a small body becomes, nobody knows before it is unpacked."""
    answer = answered(b"x", Content_Encoding="gzip")
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")

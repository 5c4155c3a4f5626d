"""What surrounds every request: ids, headers, compression, problems of unexpected faults."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any
from uuid import UUID

import cramjam
import httpx
import pytest
from fastapi import FastAPI, Request
from prometheus_client import generate_latest
from pydantic import SecretStr

from services.api.auth import Credentials
from services.api.http.compression import chosen
from services.intake.application import application
from services.runtime.metrics import Metrics
from tests.api_parts import api_parts_of

KEY = "a-key-of-a-server"
LARGE = "x" * 5_000


def made(origins: list[str] | None = None) -> FastAPI:
    """The application with a few routes of ours."""
    metrics = Metrics()
    app = application(origins)
    app.state.api = api_parts_of(Credentials([SecretStr(KEY)], [], ""), metrics)
    app.state.metrics = metrics

    @app.get("/test/large")
    async def large() -> Any:
        return {"text": LARGE}

    @app.get("/test/fault")
    async def fault(request: Request) -> Any:
        raise ValueError(f"personal data of {request.url}")

    @app.get("/test/id/{id}")
    async def by_id(id: UUID) -> Any:
        return id

    @app.post("/test/typed")
    async def typed(number: int) -> Any:
        return number

    return app


def asked(
    path: str, method: str = "GET", origins: list[str] | None = None, **headers: str
) -> httpx.Response:
    """The answer of that application."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(made(origins), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://c360") as client:
            return await client.request(method, path, headers=named)

    return asyncio.run(ask())


@pytest.mark.parametrize("path", ["/v1/whoami", "/nowhere", "/test/large", "/test/fault"])
def test_every_answer_says_which_request_it_is(path: str) -> None:
    """The id that came, or one of ours; and headers that keep browsers from guessing."""
    answer = asked(path, X_Request_ID="desk-1:4711")
    assert answer.headers["x-request-id"] == "desk-1:4711"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    if answer.status_code >= 400:
        assert answer.json()["request_id"] == "desk-1:4711"
        assert answer.headers["content-type"] == "application/problem+json"
    assert len(asked(path).headers["x-request-id"]) == 32


@pytest.mark.parametrize("foreign", ["a b", "x" * 129, "ü", 'a"b', ""])
def test_an_id_that_a_log_should_not_hold_is_replaced(foreign: str) -> None:
    """Only short words of harmless characters are taken over."""
    answer = asked("/livez", X_Request_ID=foreign.encode("latin-1"))  # type: ignore[arg-type]
    assert len(answer.headers["x-request-id"]) == 32


def test_a_fault_says_no_more_than_its_kind() -> None:
    """500 with a code; the text of the fault stays in the log."""
    answer = asked("/test/fault?secret=4711")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal-error")
    assert "4711" not in answer.text


def test_a_wrong_parameter_is_named_and_not_repeated() -> None:
    """400 with the place of the fault; the value may be personal data."""
    answer = asked("/test/typed?number=anna@example.com", "POST")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (400, "invalid-request")
    assert body["errors"][0]["path"] == "query.number"
    assert "anna" not in answer.text
    answer = asked("/test/id/anna")
    assert answer.json()["errors"] == [{"path": "path.id", "message": "must be a UUID"}]


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", ""), ("gzip", "gzip"), ("zstd", "zstd"), ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1, zstd;q=0.5", "gzip"), ("zstd;q=0, gzip;q=0", ""), ("br", ""), ("*", ""),
        ("gzip;q=x", ""), ("GZIP", "gzip"), (";;;,,=", ""),
    ],
)  # fmt: skip
def test_the_encoding_is_the_clients(accepted: str, encoding: str) -> None:
    """The one it prefers of those we have, whatever it writes."""
    assert chosen(accepted) == encoding


def test_large_answers_are_compressed() -> None:
    """The same content, smaller, with its encoding named; small ones stay as they are."""
    plain = asked("/test/large", Accept_Encoding="identity")
    zipped = asked("/test/large", Accept_Encoding="gzip")
    assert zipped.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in zipped.headers["vary"]
    assert zipped.content == plain.content
    assert int(zipped.headers["content-length"]) == len(gzip.compress(plain.content)) or (
        int(zipped.headers["content-length"]) < 1_000
    )
    assert "content-encoding" not in asked("/nowhere", Accept_Encoding="gzip").headers

    async def raw() -> bytes:
        transport = httpx.ASGITransport(made())
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://c360") as client,
            client.stream("GET", "/test/large", headers={"Accept-Encoding": "zstd"}) as answer,
        ):
            return b"".join([part async for part in answer.aiter_raw()])

    assert bytes(cramjam.zstd.decompress(asyncio.run(raw()))) == plain.content


def test_only_allowed_origins_may_ask() -> None:
    """A web page elsewhere gets no CORS header, with or without a list."""
    desk = "https://desk.example"
    answer = asked("/livez", "OPTIONS", [desk], Origin=desk, Access_Control_Request_Method="GET")
    assert answer.headers["access-control-allow-origin"] == desk
    for origins in (None, [desk]):
        answer = asked("/v1/whoami", "GET", origins, Origin="https://evil.example")
        assert "access-control-allow-origin" not in answer.headers


def test_requests_are_counted_by_route() -> None:
    """The labels are the routes of the code, never what somebody asked for."""

    async def ask() -> str:
        app = made()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://c360") as client:
            for path in ("/problems/not-found", "/problems/anna@example.com", "/no/anna"):
                await client.get(path)
            await client.request("ANNA", "/livez")
        metrics: Metrics = app.state.metrics
        return generate_latest(metrics.registry).decode()

    scrape = asyncio.run(ask())
    assert 'route="/problems/{code}",status="200"' in scrape
    assert 'method="GET",route="unknown",status="404"' in scrape
    assert 'c360_http_problems_total{code="no-such-path"} 1.0' in scrape
    assert "anna" not in scrape.lower()

"""The routes of `c360 up`: those that are documented and no others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from services.api.auth import Credentials
from services.intake.application import application
from tests.api_parts import api_parts_of

DOCS = Path(__file__).parents[3] / "docs"
PAGES = (DOCS / "http-intake.md", DOCS / "query-api.md")


def answer_to(method: str, path: str) -> httpx.Response:
    """The answer of the routes alone, without a store behind them."""

    async def ask() -> httpx.Response:
        app = application()
        app.state.api = api_parts_of(Credentials([], [], ""))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://c360") as client:
            return await client.request(method, path)

    return asyncio.run(ask())


def test_no_page_but_the_documented_ones() -> None:
    """Each path is on a page; none serves what loads scripts from elsewhere."""
    paths = {getattr(route, "path", "") for route in application().routes}
    public = {path for path in paths if not path.startswith("/internal/")}
    text = "".join(page.read_text("utf-8") for page in PAGES)
    assert {path for path in public if path not in text} == set()
    assert answer_to("GET", "/docs").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/v1/touchpoints", "POST"), ("POST", "/livez", "GET"), ("PUT", "/metrics", "GET")],
)
def test_another_method_is_refused_with_those_allowed(method: str, path: str, allowed: str) -> None:
    """405 names the methods, as RFC 9110 demands, in a problem document."""
    answer = answer_to(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/v1/touchpoints/", "/livez/", "//livez", "/v1//touchpoints"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_path_that_is_not_quite_right_leads_nowhere(method: str, path: str) -> None:
    """404 and no redirect: that would go, with the key, to whatever host the request names, and
    without TLS. Where a document may come, the key is asked for first."""
    answer = answer_to(method, path)
    assert answer.status_code == (401 if (method, path[:4]) == ("POST", "/v1/") else 404)
    assert "location" not in answer.headers

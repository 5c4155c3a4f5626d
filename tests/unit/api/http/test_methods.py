"""Fixed paths beside paths with a parameter, asked over ASGI."""

from __future__ import annotations

import httpx
import pytest

from services.api.auth import Principal, Scope
from services.intake.application import application
from tests.api_parts import api_parts_of

READER = Principal("k1", "desk", "default", frozenset({Scope.PROFILES_READ}))


class Ring:
    """Knows one key."""

    def principal(self, credential: str) -> Principal | None:
        """See Authenticator."""
        return READER if credential == READER.name else None

    def refresh(self, credential: str) -> None:
        """See Authenticator."""


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/profiles/lookup", "POST"),
        ("DELETE", "/v1/profiles/search", "POST"),
        ("PUT", "/v1/profiles/batch", "POST"),
        ("POST", "/v1/incidents/stream", "GET"),
    ],
)
async def test_a_fixed_path_is_no_id(method: str, path: str, allowed: str) -> None:
    """Another method is answered with 405 and those there are, not by the route of an id."""
    app = application()
    app.state.api = api_parts_of(Ring())
    transport, headers = httpx.ASGITransport(app), {"Authorization": f"Bearer {READER.name}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        answer = await client.request(method, path, headers=headers)
    assert answer.status_code == 405
    assert answer.json()["code"] == "no-such-method"
    assert answer.headers["Allow"] == allowed

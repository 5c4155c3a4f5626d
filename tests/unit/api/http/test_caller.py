"""Who is let in: keys, scopes, realms, rates, and the reason of a request."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends

from services.api.auth import LOCAL, LOCAL_KEY, Principal, Scope
from services.api.http.caller import Caller, allowed
from services.intake.application import application
from services.runtime.metrics import Metrics
from tests.api_parts import api_parts_of

READER = Principal("k1", "desk", "default", frozenset({Scope.PROFILES_READ}))
SENDER = Principal("k2", "shop", None, frozenset({Scope.EVENTS_WRITE}))
ROAMING = Principal("k3", "any", None, frozenset({Scope.PROFILES_READ}))
SLOW = Principal("k4", "slow", "default", frozenset({Scope.PROFILES_READ}), 0.5)
COMMAND = Principal(LOCAL_KEY, LOCAL_KEY, None, LOCAL)
LATER = Principal("k5", "later", "default", frozenset({Scope.PROFILES_READ}))


class Ring:
    """Knows keys by their names; one only after it was asked to look again."""

    def __init__(self) -> None:
        self.known = {one.name: one for one in (READER, SENDER, ROAMING, SLOW, COMMAND)}

    def principal(self, credential: str) -> Principal | None:
        return self.known.get(credential)

    def refresh(self, credential: str) -> None:
        if credential == LATER.name:
            self.known[LATER.name] = LATER


def answers(*keys: str, purpose: str = "", required: bool = False) -> list[httpx.Response]:
    """The answers of a route for profiles to these keys, one after the other."""
    app = application()
    parts = api_parts_of(Ring(), Metrics())
    settings = parts.settings.model_copy(update={"api_purpose_required": required})
    app.state.api = parts._replace(settings=settings)

    @app.get("/test")
    async def route(caller: Annotated[Caller, Depends(allowed(Scope.PROFILES_READ))]) -> Any:
        return [caller.realm, caller.purpose, caller.has(Scope.PROFILES_PII)]

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        found = []
        async with httpx.AsyncClient(transport=transport, base_url="http://c360") as client:
            for key in keys:
                headers = {"Authorization": f"Bearer {key}", "X-Purpose": purpose}
                found.append(await client.get("/test", headers=headers))
        return found

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("desk", 200, ""), ("later", 200, ""), ("nobody", 401, "no-valid-key"),
        ("", 401, "no-valid-key"), (LOCAL_KEY, 401, "no-valid-key"),
        ("shop", 403, "not-allowed"), ("any", 403, "not-allowed"),
    ],
)  # fmt: skip
def test_a_key_is_let_in_by_scope_and_realm(key: str, status: int, code: str) -> None:
    """Unknown keys and the token of local commands get 401, what a key may not do 403."""
    [answer] = answers(key, purpose="a call")
    assert answer.status_code == status
    assert (
        answer.json() == ["default", "a call", False] if not code else answer.json()["code"] == code
    )


def test_a_key_has_a_rate() -> None:
    """Its headers say what is left; beyond it, 429 says when to come again."""
    first, second = answers("slow", "slow")
    assert first.headers["ratelimit"] == '"key";r=0;t=2'
    assert first.headers["ratelimit-policy"] == '"key";q=1;w=2'
    assert (second.status_code, second.json()["code"]) == (429, "rate-limited")
    assert second.headers["retry-after"] == "2"


def test_a_purpose_may_be_demanded() -> None:
    """Then nobody's profile is read without a reason."""
    assert answers("desk", required=True)[0].status_code == 400
    assert answers("desk", purpose="a call", required=True)[0].status_code == 200
    assert answers("desk", purpose="x" * 201)[0].status_code == 400

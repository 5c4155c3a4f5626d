"""Signing in at an identity provider on loopback, with tokens that the API verifies itself."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from aiohttp import web
from fastapi import FastAPI

from services.api.jwt_tokens import token_verifier
from services.console.application import account_ring
from services.console.oidc import OidcSignIn, challenge_of
from services.console.sealing import Seal
from services.runtime.errors import ConfigurationError
from services.runtime.settings import load_settings
from tests.identity_provider import AUDIENCE, RSA_KEY, jwk, token
from tests.unit.console.conftest import Client, app_with

SECRET = "a-secret-of-tests-that-is-long-enough"
CODE = "a-code-for-one-use"


class Provider:
    """What a provider does: it publishes its addresses and keys, and changes a code for a token."""

    def __init__(self) -> None:
        self.challenge = ""
        self.claims: dict[str, Any] = {"c360_realm": "default", "c360_role": "store", "scope": None}
        self.asked: list[dict[str, str]] = []
        self.issuer = ""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._addresses)
        app.router.add_get("/jwks", self._keys)
        app.router.add_post("/token", self._token)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.issuer = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _addresses(self, _request: web.Request) -> web.Response:
        names = {"authorization_endpoint": "/authorize", "token_endpoint": "/token"}
        places = {name: f"{self.issuer}{path}" for name, path in names.items()}
        return web.json_response({"issuer": self.issuer, **places})

    async def _keys(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [jwk(RSA_KEY, "rsa", use="sig")]})

    async def _token(self, request: web.Request) -> web.Response:
        asked = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append({**asked, "authorization": request.headers.get("authorization", "")})
        digest = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
        proven = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == self.challenge
        if asked.get("code") != CODE or not proven:
            return web.json_response({"error": "invalid_grant"}, status=400)
        made = token(iss=self.issuer, sub="anna@example.com", **self.claims)
        return web.json_response({"access_token": made, "token_type": "Bearer"})


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    """A provider on loopback."""
    made = Provider()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def app(provider: Provider) -> FastAPI:
    """A console whose people sign in there."""
    settings = load_settings(
        identity_secret=SECRET,
        oidc_issuer=provider.issuer,
        oidc_audience=AUDIENCE,
        oidc_jwks_url=f"{provider.issuer}/jwks",
        http_public_url="https://c360.example",
        console_oidc_client_id="console",
        console_oidc_client_secret="its secret",
    )
    verifier = token_verifier(settings, settings.realms)
    assert verifier is not None
    return app_with(account_ring(settings), settings, verifier)


async def there_and_back(browser: Client, provider: Provider, **changed: str) -> httpx.Response:
    """What comes of a person who says yes at the provider."""
    sent = await browser.get("/console/sign-in/provider?next=/console/purpose")
    place = urlsplit(sent.headers["location"])
    asked = {name: values[0] for name, values in parse_qs(place.query).items()}
    assert place.netloc == urlsplit(provider.issuer).netloc
    assert asked["redirect_uri"] == "https://c360.example/console/sign-in/done"
    assert (asked["client_id"], asked["response_type"]) == ("console", "code")
    assert asked["code_challenge_method"] == "S256"
    provider.challenge = asked["code_challenge"]
    query = {"state": asked["state"], "code": CODE, **changed}
    return await browser.get("/console/sign-in/done", params=query)


async def test_a_person_with_a_role_gets_in(browser: Client, provider: Provider) -> None:
    """The page that was wanted comes next; the role decides about the menu."""
    assert "company account" in (await browser.get("/console/sign-in?lang=en")).text
    back = await there_and_back(browser, provider)
    assert (back.status_code, back.headers["location"]) == (303, "/console/purpose")
    page = await browser.get("/console/purpose")
    assert "anna@example.com" in page.text
    assert "/console/incidents" in page.text
    assert "/console/win-back" in page.text
    basic = base64.b64encode(b"console:its+secret").decode()
    assert provider.asked[-1]["authorization"] == f"Basic {basic}"


@pytest.mark.parametrize("changed", [{"state": "another"}, {"code": "guessed"}, {"state": ""}])
async def test_an_answer_for_somebody_else_is_refused(
    browser: Client, provider: Provider, changed: dict[str, str]
) -> None:
    """A state that is not this browser's, and a code that the provider does not know."""
    back = await there_and_back(browser, provider, **changed)
    assert back.status_code == 403
    assert "did not let you in" in back.text
    assert "c360_console=" not in back.headers.get("set-cookie", "")


async def test_who_never_was_there_is_refused(browser: Client) -> None:
    """A link to the address that the provider sends people back to."""
    back = await browser.get(f"/console/sign-in/done?state=x&code={CODE}")
    assert back.status_code == 403


@pytest.mark.parametrize("claims", [{"aud": "another"}, {"c360_realm": "unknown"}])
async def test_a_token_that_the_api_refuses_signs_in_nobody(
    browser: Client, provider: Provider, claims: dict[str, str]
) -> None:
    """Of another audience, or for a realm that there is not."""
    provider.claims.update(claims)
    back = await there_and_back(browser, provider)
    assert back.status_code == 403
    assert "c360_console=" not in back.headers.get("set-cookie", "")


async def test_without_a_role_there_is_nothing_to_see(browser: Client, provider: Provider) -> None:
    """The token is valid, and may do nothing."""
    provider.claims["c360_role"] = "emperor"
    await there_and_back(browser, provider)
    page = await browser.get("/console/")
    assert page.status_code == 403
    assert "Ask for a role" in page.text


async def test_a_provider_that_is_away(browser: Client, provider: Provider) -> None:
    """The form says so, and other ways to sign in are left."""
    await provider.stop()
    sent = await browser.get("/console/sign-in/provider")
    assert "does not answer" in sent.text


def test_the_challenge_is_that_of_the_standard() -> None:
    """RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_settings_belong_together(browser_of: Callable[..., Client]) -> None:
    """What is missing is named."""
    settings = load_settings(identity_secret=SECRET, console_oidc_client_id="console")
    with pytest.raises(ConfigurationError, match="C360_OIDC_ISSUER and C360_HTTP_PUBLIC_URL"):
        OidcSignIn(settings, Seal(SECRET.encode(), "sign-in"))

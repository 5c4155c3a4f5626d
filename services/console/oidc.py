"""Signing in at an identity provider: authorization code with PKCE (OpenID Connect Core 1.0, 3.1;
RFC 7636).

What the console keeps of it is the access token. The API verifies it like any other bearer token:
issuer, audience, signature, realm; so nothing that the browser carries is trusted here.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import NamedTuple
from urllib.parse import quote_plus, urlsplit

import httpx

from services.console.navigation import ROOT
from services.console.sealing import Seal
from services.runtime.errors import ConfigurationError, Retry
from services.runtime.settings import Settings

DISCOVERY = "/.well-known/openid-configuration"
"""OpenID Connect Discovery 1.0, section 4."""
DONE = f"{ROOT}/sign-in/done"
BEGUN_S_MAX = 600
"""How long somebody may take at the provider."""
TIMEOUT_S = 10.0
VERIFIER_BYTES, STATE_BYTES = 48, 24
OK, SERVER_FAULT = 200, 500


class SentToProvider(NamedTuple):
    """Somebody who was sent to the provider."""

    address: str
    """Where the browser goes."""
    sealed: str
    """What the browser keeps until it comes back."""


class Returned(NamedTuple):
    """Somebody who came back."""

    token: str
    """Access token."""
    following: str
    """The page that was wanted."""


class SignInRefused(Exception):
    """The provider or the browser says something else than it should."""


class OidcSignIn:
    """The provider of the settings."""

    def __init__(self, settings: Settings, seal: Seal) -> None:
        """Raises ConfigurationError when the settings do not belong together."""
        missing = [
            f"C360_{name.upper()}"
            for name in ("oidc_issuer", "http_public_url")
            if getattr(settings, name) is None
        ]
        if missing:
            raise ConfigurationError(
                f"C360_CONSOLE_OIDC_CLIENT_ID needs {' and '.join(missing)}, too: docs/console.md "
                "has an example"
            )
        assert settings.console_oidc_client_id is not None
        self._client_id = settings.console_oidc_client_id
        self._settings = settings
        self._seal = seal
        self._back = f"{str(settings.http_public_url).rstrip('/')}{DONE}"
        self._endpoints: dict[str, str] = {}

    async def begin(self, following: str) -> SentToProvider:
        """Send somebody to the provider. Raises Retry when it does not answer."""
        verifier, state = secrets.token_urlsafe(VERIFIER_BYTES), secrets.token_urlsafe(STATE_BYTES)
        endpoints = await self._found()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._back,
            "scope": self._settings.console_oidc_scope,
            "state": state,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        address = httpx.URL(endpoints["authorization_endpoint"]).copy_merge_params(asked)
        return SentToProvider(str(address), self._seal.seal([state, verifier, following]))

    async def finish(self, sealed: str, query: dict[str, str]) -> Returned:
        """Take the code of somebody who came back.

        Raises SignInRefused for a state that is not that of this browser, and for a code that the
        provider does not take; Retry when it does not answer.
        """
        kept = self._seal.opened(sealed, BEGUN_S_MAX) if sealed else None
        if kept is None or not secrets.compare_digest(
            query.get("state", "").encode(), kept[0].encode()
        ):
            raise SignInRefused
        _, verifier, following = kept
        if "code" not in query:
            raise SignInRefused
        token = await self._token(query["code"], verifier)
        return Returned(token, following)

    async def _token(self, code: str, verifier: str) -> str:
        """The access token for a code (RFC 6749, section 4.1.3)."""
        endpoints, secret = await self._found(), self._settings.console_oidc_client_secret
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": verifier,
        }
        proof: httpx.Auth | None = None
        if secret is None:
            form["client_id"] = self._client_id
        else:  # both are form-encoded first (RFC 6749, section 2.3.1)
            proof = httpx.BasicAuth(
                quote_plus(self._client_id), quote_plus(secret.get_secret_value())
            )
        try:
            async with _http(proof) as client:
                answer = await client.post(endpoints["token_endpoint"], data=form)
            told = answer.json()
        except httpx.HTTPError as error:
            raise _away() from error
        except ValueError as error:
            raise SignInRefused from error
        if answer.status_code >= SERVER_FAULT:
            raise _away()
        access = told.get("access_token") if isinstance(told, dict) else None
        if answer.status_code != OK or not isinstance(access, str):
            raise SignInRefused
        return access

    async def _found(self) -> dict[str, str]:
        """Where the provider is asked, as it says itself. Raises Retry."""
        if not self._endpoints:
            issuer = str(self._settings.oidc_issuer)
            try:
                async with _http() as client:
                    answer = await client.get(f"{issuer.rstrip('/')}{DISCOVERY}")
                    answer.raise_for_status()
                    told = answer.json()
            except (httpx.HTTPError, ValueError) as error:
                raise _away() from error
            if told.get("issuer") != issuer:
                raise Retry("the identity provider calls itself otherwise than C360_OIDC_ISSUER")
            names = ("authorization_endpoint", "token_endpoint")
            endpoints = {name: str(told.get(name, "")) for name in names}
            if not all(_is_safe(one, issuer) for one in endpoints.values()):
                raise Retry("the identity provider names addresses without TLS")
            self._endpoints = endpoints
        return self._endpoints


def _is_safe(address: str, issuer: str) -> bool:
    """By TLS, or on the same host as an issuer without it (on this machine, for development)."""
    parts, own = urlsplit(address), urlsplit(issuer)
    return parts.scheme == "https" or (own.scheme == "http" and parts.hostname == own.hostname)


def _away() -> Retry:
    return Retry("the identity provider does not answer")


def _http(proof: httpx.Auth | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(auth=proof, timeout=TIMEOUT_S, trust_env=False)


def challenge_of(verifier: str) -> str:
    """What the provider hears first, and checks the verifier by (RFC 7636, section 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

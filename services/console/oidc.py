"""Signing in at an identity provider: authorization code with PKCE (OpenID Connect Core 1.0, 3.1;
RFC 7636), by Authlib.

What the console keeps of it is the access token. The API verifies it like any other bearer token:
issuer, audience, signature, realm; so nothing that the browser carries is trusted here.
"""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple
from urllib.parse import urlsplit

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
VERIFIER_CHARS = 64
METHOD = "S256"


class Begun(NamedTuple):
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
        try:
            import authlib  # type: ignore[import-untyped]  # noqa: F401
        except ImportError as error:
            raise ConfigurationError(
                "C360_CONSOLE_OIDC_CLIENT_ID is set, but the library for it is not installed. Run "
                "pip install 'customer360[oidc]'."
            ) from error
        self._settings = settings
        self._seal = seal
        self._back = f"{str(settings.http_public_url).rstrip('/')}{DONE}"
        self._endpoints: dict[str, str] = {}

    async def begin(self, following: str) -> Begun:
        """Send somebody to the provider. Raises Retry when it does not answer."""
        verifier, state = secrets.token_urlsafe(VERIFIER_CHARS)[:VERIFIER_CHARS], _random()
        endpoints = await self._found()
        async with self._client() as client:
            address, _ = client.create_authorization_url(
                endpoints["authorization_endpoint"], state=state, code_verifier=verifier
            )
        return Begun(address, self._seal.seal([state, verifier, following]))

    async def finish(self, sealed: str, query: dict[str, str]) -> Returned:
        """Take the code of somebody who came back.

        Raises SignInRefused for a state that is not that of this browser, and for a code that the
        provider does not take; Retry when it does not answer.
        """
        kept = self._seal.opened(sealed, BEGUN_S_MAX) if sealed else None
        if kept is None or not secrets.compare_digest(query.get("state", ""), kept[0]):
            raise SignInRefused
        _, verifier, following = kept
        if "code" not in query:
            raise SignInRefused
        endpoints = await self._found()
        try:
            async with self._client() as client:
                token = await client.fetch_token(
                    endpoints["token_endpoint"],
                    grant_type="authorization_code",
                    code=query["code"],
                    code_verifier=verifier,
                )
        except httpx.HTTPError as error:
            raise _away() from error
        except Exception as error:  # whatever the provider says against the code
            raise SignInRefused from error
        access = token.get("access_token")
        if not isinstance(access, str):
            raise SignInRefused
        return Returned(access, following)

    def _client(self) -> Any:
        from authlib.integrations.httpx_client import (  # type: ignore[import-untyped]
            AsyncOAuth2Client,
        )

        secret = self._settings.console_oidc_client_secret
        return AsyncOAuth2Client(
            self._settings.console_oidc_client_id,
            secret.get_secret_value() if secret else None,
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            scope=self._settings.console_oidc_scope,
            redirect_uri=self._back,
            code_challenge_method=METHOD,
            timeout=TIMEOUT_S,
            trust_env=False,
        )

    async def _found(self) -> dict[str, str]:
        """Where the provider is asked, as it says itself. Raises Retry."""
        if not self._endpoints:
            issuer = str(self._settings.oidc_issuer)
            try:
                async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
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


def _random() -> str:
    return secrets.token_urlsafe(24)

"""Bearer tokens of an identity provider: JWTs, verified with the keys that it publishes.

Accepted are asymmetric signatures by a key that the provider names for signing, its issuer, our
audience, and a realm that is configured. A token says what its owner may do in `scope`, as an API
key does, or names a role of the console. Nothing is asked of the provider per request: its keys are
held, and looked for again.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import structlog

from services.api.auth import GRANTABLE, Principal, Scope
from services.api.roles import ROLE_SCOPES, Role
from services.runtime.errors import ConfigurationError, Retry
from services.runtime.settings import OidcSettings

if TYPE_CHECKING:
    from jwt import PyJWK

ALGORITHMS = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
]  # fmt: skip
"""Asymmetric ones only: with HS256 whoever knows the public key could sign."""
KEY_TYPES = frozenset({"RSA", "EC", "OKP"})
TOKEN_CHARS_MAX = 8_000
LEEWAY_S = 30
RENEW_S = 600.0
"""Age after which the keys are fetched again: one that the provider withdrew is no longer valid."""
LOOK_S = 60.0
"""Least time between two fetches, also for tokens of a key that nobody knows."""
FIRST_LOOK_S = 1.0
"""The same before there are any keys."""
LOOK_WAIT_S = 0.3
"""How long a request waits for a look that another one has begun."""
STALE_MAX_S = 24 * 3600.0
"""How long keys are used while the provider does not answer."""
FETCH_S = 5.0
JWKS_BYTES_MAX = 512 * 1024
NAME_CHARS_MAX = 100
log = structlog.get_logger()


class _Keys(NamedTuple):
    by_id: Mapping[str, PyJWK]
    read_s: float
    """By the monotonic clock."""


def token_verifier(settings: OidcSettings, realms: Collection[str]) -> TokenVerifier | None:
    """The verifier of the settings; None when they name no provider.

    Raises ConfigurationError when the library for tokens is not installed.
    """
    if settings.oidc_jwks_url is None:
        return None
    if find_spec("jwt") is None or find_spec("cryptography") is None:
        raise ConfigurationError(
            "C360_OIDC_JWKS_URL is set, but the library that verifies tokens is not installed. Run "
            "pip install 'customer360[oidc]'."
        )
    return TokenVerifier(settings, realms)


class TokenVerifier:
    """An `Authenticator` of bearer tokens. Any thread may use it."""

    def __init__(
        self,
        settings: OidcSettings,
        realms: Collection[str],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`realms` are those of the settings. Nothing is fetched before the first token."""
        self._settings = settings
        self._realms = realms
        self._monotonic_s = monotonic_s
        self._keys = _Keys({}, -math.inf)
        self._looked_s = -math.inf
        self._looking = threading.Lock()

    def principal(self, credential: str) -> Principal | None:
        """See Authenticator. The owner is known by issuer and subject, not by the single token."""
        key = self._key_of(credential) if _is_token(credential) else None
        if key is None:
            return None
        claims = self._claims(credential, key)
        realm = claims.get(self._settings.oidc_realm_claim)
        if not isinstance(realm, str) or realm not in self._realms:
            return None
        subject = str(claims["sub"]).encode("utf-8", "replace").decode()
        scope = claims.get("scope")
        named = scope.split(" ") if isinstance(scope, str) else []
        scopes = frozenset(Scope(name) for name in named if name in GRANTABLE)
        scopes |= _scopes_of_role(claims.get(self._settings.oidc_role_claim))
        owner = hashlib.sha256(
            f"{claims['iss']}\x1f{subject}".encode("utf-8", "replace")
        ).hexdigest()
        name = subject[:NAME_CHARS_MAX]
        return Principal(f"jwt-{owner[:16]}", name, realm, scopes)

    def refresh(self, credential: str) -> None:
        """See Authenticator. Raises Retry when the provider's keys are not known."""
        if not _is_token(credential):
            return
        if self._looking.acquire(timeout=LOOK_WAIT_S):
            try:
                if self._may_look() and (self._is_old() or self._unknown(credential)):
                    self._look()
            finally:
                self._looking.release()
        if self._age_s() > STALE_MAX_S:
            raise Retry("bearer tokens cannot be checked: the identity provider does not answer")

    def _key_of(self, token: str) -> PyJWK | None:
        """None also for a key that must be fetched again first, once the next look is allowed."""
        age_s = self._age_s()
        if age_s > STALE_MAX_S or (self._is_old() and self._may_look()):
            return None
        return self._keys.by_id.get(_key_id(token))

    def _claims(self, token: str, key: PyJWK) -> dict[str, Any]:
        """The claims of a valid token; none of any other."""
        import jwt  # takes a while to load, and few services need it

        try:
            return jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self._settings.oidc_audience,
                issuer=self._settings.oidc_issuer,
                leeway=LEEWAY_S,
                options={
                    "require": ["exp", "iss", "aud", "sub"],
                    "enforce_minimum_key_length": True,
                },
            )
        except Exception:  # whatever a stranger's text does to the library, it is no valid token
            return {}

    def _age_s(self) -> float:
        return self._monotonic_s() - self._keys.read_s

    def _is_old(self) -> bool:
        return self._age_s() > RENEW_S

    def _may_look(self) -> bool:
        pause_s = LOOK_S if self._keys.by_id else FIRST_LOOK_S
        return self._monotonic_s() - self._looked_s >= pause_s

    def _unknown(self, token: str) -> bool:
        return _key_id(token) not in self._keys.by_id

    def _look(self) -> None:
        """Replace the keys, or keep them when the provider does not answer as it should."""
        self._looked_s = began_s = self._monotonic_s()
        assert self._settings.oidc_jwks_url is not None
        try:
            keys = _read_keys(_fetched(self._settings.oidc_jwks_url))
        except Exception as error:  # of the network, TLS, or what the provider wrote
            log.warning("jwks_not_read", error=f"{type(error).__name__}: {error}")
            return
        self._keys = _Keys(keys, began_s)


def _scopes_of_role(named: object) -> frozenset[Scope]:
    """Of one role, or of the first of a list that is ours; none for any other value."""
    roles = named if isinstance(named, list) else [named]
    known = [Role(one) for one in roles if isinstance(one, str) and one in set(Role)]
    return ROLE_SCOPES[known[0]] if known else frozenset()


def _is_token(credential: str) -> bool:
    return len(credential) <= TOKEN_CHARS_MAX and credential.count(".") == 2


def _key_id(token: str) -> str:
    """The id of the key that a token claims to be signed with; empty for none."""
    import jwt

    try:
        named = jwt.get_unverified_header(token).get("kid")
    except Exception:  # as above
        return ""
    return named if isinstance(named, str) else ""


def _fetched(url: str) -> bytes:
    """The document of the provider; redirects are not followed, and no proxy is used."""
    import httpx

    content = b""
    with (
        httpx.Client(timeout=FETCH_S, trust_env=False) as client,
        client.stream("GET", url) as answer,
    ):
        answer.raise_for_status()
        for part in answer.iter_bytes():
            content += part
            if len(content) > JWKS_BYTES_MAX:
                raise ValueError(f"more than {JWKS_BYTES_MAX} bytes")
    return content


def _read_keys(document: bytes) -> dict[str, PyJWK]:
    """Public keys for signatures by their ids. Raises ValueError when there are none."""
    found: dict[str, PyJWK] = {}
    for data in orjson.loads(document)["keys"]:
        key = _read_key(data)
        if key is not None and key.key_id:
            found.setdefault(key.key_id, key)
    if not found:
        raise ValueError("no key that signs")
    return found


def _read_key(data: dict[str, Any]) -> PyJWK | None:
    """None for a key of another use, or one that this library does not know."""
    import jwt

    if data.get("kty") not in KEY_TYPES or data.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK(data)
    except jwt.PyJWTError:
        return None
    return key if key.algorithm_name in ALGORITHMS else None

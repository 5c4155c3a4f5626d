"""Bearer tokens against an identity provider that publishes its keys over HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Iterator
from typing import Any

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)

from services.api import jwt_tokens
from services.api.auth import Principal, Scope
from services.api.jwt_tokens import (
    FIRST_LOOK_S,
    LOOK_S,
    RENEW_S,
    STALE_MAX_S,
    TokenVerifier,
    token_verifier,
)
from services.runtime.errors import ConfigurationError, Retry
from services.runtime.settings import load_settings
from tests.identity_provider import (
    AUDIENCE,
    EC_KEY,
    ED_KEY,
    ISSUER,
    OTHER_RSA_KEY,
    RSA_KEY,
    IdentityProvider,
    jwk,
    token,
)

REALMS = ("default", "shop")


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    """A provider with one key of each type."""
    started = IdentityProvider()
    started.keys = [jwk(RSA_KEY, "rsa"), jwk(EC_KEY, "ec"), jwk(ED_KEY, "ed")]
    yield started
    started.stop()


class Watch:
    """A monotonic clock that only a test moves."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def watch() -> Watch:
    """A clock."""
    return Watch()


@pytest.fixture
def verifier(provider: IdentityProvider, watch: Watch) -> TokenVerifier:
    """The verifier of that provider, which has asked it nothing yet."""
    settings = load_settings(oidc_issuer=ISSUER, oidc_audience=AUDIENCE, oidc_jwks_url=provider.url)
    return TokenVerifier(settings, REALMS, watch)


def asked(verifier: TokenVerifier, credential: str) -> Principal | None:
    """What a request does: look, and once more after a refresh."""
    found = verifier.principal(credential)
    if found is None:
        verifier.refresh(credential)
        found = verifier.principal(credential)
    return found


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [(RSA_KEY, "RS256", "rsa"), (EC_KEY, "ES256", "ec"), (ED_KEY, "EdDSA", "ed")],
)
def test_a_valid_token_has_its_realm_and_scopes(
    verifier: TokenVerifier, key: Any, algorithm: str, kid: str
) -> None:
    """Scopes of others, and those that no key may have, are none."""
    found = asked(verifier, token(key, algorithm, kid))
    assert found is not None
    assert (found.realm, found.name) == ("shop", "service-desk")
    assert found.scopes == frozenset({Scope.PROFILES_READ, Scope.AUDIT_READ})
    again = asked(verifier, token(key, algorithm, kid, exp=int(time.time()) + 900, jti="2"))
    assert again == found, "the owner is the same with the next token"
    other = asked(verifier, token(key, algorithm, kid, sub="somebody else"))
    assert other is not None
    assert other.key_id != found.key_id


def unsigned(algorithm: str) -> str:
    """A token with the header of an algorithm and no signature at all."""
    parts = token().split(".")
    head = base64.urlsafe_b64encode(orjson.dumps({"alg": algorithm, "kid": "rsa", "typ": "JWT"}))
    return f"{head.decode().rstrip('=')}.{parts[1]}."


def signed_with_the_public_key() -> str:
    """HS256 with the provider's public key as the secret, which everybody knows."""
    pem = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = base64.urlsafe_b64encode(orjson.dumps({"alg": "HS256", "kid": "rsa", "typ": "JWT"}))
    text = f"{head.decode().rstrip('=')}.{token().split('.')[1]}"
    mac = hmac.digest(pem, text.encode(), hashlib.sha256)
    return f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


HOUR = 3600
FORGED = {
    "no algorithm": lambda: unsigned("none"),
    "no algorithm in capitals": lambda: unsigned("NONE"),
    "no signature": lambda: unsigned("RS256"),
    "a public key as secret": signed_with_the_public_key,
    "another key under a known id": lambda: token(OTHER_RSA_KEY),
    "an algorithm that the key is not for": lambda: token(RSA_KEY, "RS384"),
    "another audience": lambda: token(aud="other"),
    "no audience": lambda: token(aud=None),
    "another issuer": lambda: token(iss=f"{ISSUER}/"),
    "no issuer": lambda: token(iss=None),
    "expired": lambda: token(exp=int(time.time()) - HOUR),
    "never expires": lambda: token(exp=None),
    "not yet": lambda: token(nbf=int(time.time()) + HOUR),
    "nobody": lambda: token(sub=None),
    "no realm": lambda: token(c360_realm=None),
    "a realm that is not configured": lambda: token(c360_realm="none"),
    "several realms": lambda: token(c360_realm=["shop", "default"]),
    "no key id": lambda: token(kid=None),
    "an unknown key id": lambda: token(OTHER_RSA_KEY, kid="unknown"),
    "a changed claim": lambda: ".".join((*token().split(".")[:1], *token(sub="x").split(".")[1:2],
                                         *token().split(".")[2:])),
    "nothing between the dots": lambda: "..",
    "no JSON": lambda: "AAAA.AAAA.AAAA",
    "deeply nested": lambda: base64.urlsafe_b64encode(b"[" * 4_000).decode() + ".e30.AA",
    "endless": lambda: token(padding="x" * 10_000),
    "not ASCII": lambda: "é" + token(),
}  # fmt: skip


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_forged_token_is_nobodys(verifier: TokenVerifier, forged: Any) -> None:
    """Whatever is wrong with it, and nothing of it ends in an error."""
    assert asked(verifier, token()) is not None
    assert asked(verifier, forged()) is None


@pytest.mark.parametrize("scope", [None, "", ["profiles:read"], 7, "keys:write local"])
def test_a_token_without_scopes_may_do_nothing(verifier: TokenVerifier, scope: Any) -> None:
    """Its owner is known, but no scope is."""
    found = asked(verifier, token(scope=scope))
    assert found is not None
    assert found.scopes == frozenset()


def test_the_audience_may_be_one_of_several(verifier: TokenVerifier) -> None:
    """As RFC 7519 allows."""
    assert asked(verifier, token(aud=["other", AUDIENCE])) is not None


def test_a_new_key_is_looked_for_once_a_minute(
    verifier: TokenVerifier, provider: IdentityProvider, watch: Watch
) -> None:
    """After the provider changed its key; a flood of invented ids asks it no more often."""
    assert asked(verifier, token()) is not None
    assert provider.asked == 1
    new = token(OTHER_RSA_KEY, kid="new")
    provider.keys = [jwk(OTHER_RSA_KEY, "new")]
    for number in range(50):
        assert asked(verifier, token(OTHER_RSA_KEY, kid=f"invented-{number}")) is None
    assert provider.asked == 1
    watch.now_s += LOOK_S
    assert asked(verifier, new) is not None
    assert provider.asked == 2
    assert asked(verifier, token()) is None, "the key that was withdrawn"


def test_a_withdrawn_key_is_gone_after_some_minutes(
    verifier: TokenVerifier, provider: IdentityProvider, watch: Watch
) -> None:
    """Without any token of a new key."""
    assert asked(verifier, token()) is not None
    provider.keys = [jwk(EC_KEY, "ec")]
    watch.now_s += RENEW_S - 1
    assert asked(verifier, token()) is not None
    watch.now_s += 2
    assert asked(verifier, token()) is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, None),
        (302, None),
        (200, b"<html>"),
        (200, b'{"keys": []}'),
        (200, b'{"keys": "none"}'),
        (200, b"[]"),
        (200, b"x" * (jwt_tokens.JWKS_BYTES_MAX + 1)),
    ],
)
def test_keys_outlast_a_provider_in_trouble(
    verifier: TokenVerifier,
    provider: IdentityProvider,
    watch: Watch,
    status: int,
    body: bytes | None,
) -> None:
    """The last keys serve for a day; then nobody can say whose a token is."""
    assert asked(verifier, token()) is not None
    provider.status, provider.body = status, body
    watch.now_s += STALE_MAX_S
    assert asked(verifier, token()) is not None
    watch.now_s += LOOK_S
    with pytest.raises(Retry, match="identity provider"):
        asked(verifier, token())
    provider.status, provider.body = 200, None
    watch.now_s += LOOK_S
    assert asked(verifier, token()) is not None


def test_a_provider_that_is_away_at_first(provider: IdentityProvider, watch: Watch) -> None:
    """No token is called wrong before the keys were seen once."""
    settings = load_settings(
        oidc_issuer=ISSUER, oidc_audience=AUDIENCE, oidc_jwks_url="http://127.0.0.1:9/jwks"
    )
    away = TokenVerifier(settings, REALMS, watch)
    for _ in range(3):
        watch.now_s += FIRST_LOOK_S
        with pytest.raises(Retry):
            asked(away, token())
    assert asked(away, "no token") is None


def test_keys_for_other_uses_are_not_used(
    verifier: TokenVerifier, provider: IdentityProvider, watch: Watch
) -> None:
    """For encryption, symmetric, too short, without an id, or of a form that nobody knows."""
    short = rsa.generate_private_key(65537, 1024)
    secret = base64.urlsafe_b64encode(b"s" * 32).decode().rstrip("=")
    provider.keys = [
        jwk(RSA_KEY, "rsa"),
        jwk(OTHER_RSA_KEY, "enc", use="enc"),
        {"kty": "oct", "k": secret, "kid": "oct", "alg": "HS256"},
        jwk(short, "short"),
        {"kty": "RSA", "kid": "damaged"},
        {"kty": "EC", "kid": "unknown curve", "crv": "P-1"},
        {"kid": "nothing"},
    ]
    assert asked(verifier, token()) is not None
    for key, algorithm, kid in (
        (OTHER_RSA_KEY, "RS256", "enc"),
        ("s" * 32, "HS256", "oct"),
        (OTHER_RSA_KEY, "RS256", "damaged"),
    ):
        assert asked(verifier, token(key, algorithm, kid)) is None, kid
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        weak = token(short, kid="short")
    assert asked(verifier, weak) is None


def test_a_token_is_no_api_key(verifier: TokenVerifier) -> None:
    """Credentials of other kinds ask the provider nothing."""
    for other in ("", "a" * 20, "c360_0123456789ab_" + "a" * 43):
        assert asked(verifier, other) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"oidc_issuer": ISSUER},
        {"oidc_jwks_url": "https://login.example/keys"},
        {"oidc_issuer": ISSUER, "oidc_jwks_url": "https://login.example/keys"},
        {
            "oidc_issuer": ISSUER,
            "oidc_audience": AUDIENCE,
            "oidc_jwks_url": "http://login.example/keys",
        },
        {"oidc_issuer": "login", "oidc_audience": AUDIENCE, "oidc_jwks_url": "https://l.example/"},
    ],
)
def test_incomplete_or_unsafe_settings_are_refused(settings: dict[str, Any]) -> None:
    """Half a configuration would accept nobody, and keys without TLS could be anybody's."""
    with pytest.raises(ConfigurationError, match="C360_OIDC"):
        load_settings(**settings)


def test_without_a_provider_there_is_no_verifier() -> None:
    """And nothing of it is loaded."""
    assert token_verifier(load_settings(), REALMS) is None


def test_the_library_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets a provider without it learns what to install."""
    settings = load_settings(
        oidc_issuer=ISSUER, oidc_audience=AUDIENCE, oidc_jwks_url="https://login.example/keys"
    )
    assert token_verifier(settings, REALMS) is not None
    monkeypatch.setattr(jwt_tokens, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"customer360\[oidc\]"):
        token_verifier(settings, REALMS)

"""Bearer tokens of an identity provider (OpenID Connect), beside API keys."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from services.runtime.settings.part import Part

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class OidcSettings(Part):
    """The identity provider. The first three belong together; without them no token is accepted."""

    oidc_issuer: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=500)] | None = None
    """Issuer of bearer tokens (`iss`), exactly as the identity provider writes it."""
    oidc_audience: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """Audience that a token must name (`aud`): what the identity provider calls this service."""
    oidc_jwks_url: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=500)] | None = Field(
        default=None, validate_default=True
    )
    """Where the identity provider publishes its keys (JWKS), by https. Needs `pip install
    'customer360[oidc]'`."""
    oidc_realm_claim: Annotated[str, Field(min_length=1, max_length=200)] = "c360_realm"
    """Claim of a token that names the one realm it is for."""
    oidc_role_claim: Annotated[str, Field(min_length=1, max_length=200)] = "c360_role"
    """Claim of a person's token that names a role of the console, which adds its scopes."""

    @field_validator("oidc_jwks_url")
    @classmethod
    def _is_complete_and_safe(cls, url: str | None, read: ValidationInfo) -> str | None:
        named = [read.data.get(name) for name in ("oidc_issuer", "oidc_audience")]
        if len({value is None for value in (*named, url)}) > 1:
            raise ValueError(
                "issuer, audience and key address belong together: set C360_OIDC_ISSUER, "
                "C360_OIDC_AUDIENCE and C360_OIDC_JWKS_URL, or none of them"
            )
        if url is not None:
            parts = urlsplit(url)
            if parts.scheme != "https" and parts.hostname not in LOOPBACK:
                raise ValueError("keys that come without TLS could be anybody's; use https")
        return url

"""The console: who may sign in, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from services.runtime.settings.part import Part


class ConsoleSettings(Part):
    """The pages for people, at `/console`."""

    console_accounts_file: Path | None = None
    """File with the accounts of the console (TOML), as `c360 console add` makes it. Without it
    people sign in by an API key."""
    console_session_h: Annotated[int, Field(ge=1, le=168)] = 10
    """Hours after which a person must sign in again."""
    console_oidc_client_id: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """What the identity provider calls the console. With it people sign in there (authorization
    code with PKCE); the provider is that of `C360_OIDC_ISSUER`, and `C360_HTTP_PUBLIC_URL` with
    `/console/sign-in/done` the address that it sends people back to."""
    console_oidc_client_secret: SecretStr | None = None
    """Secret of the console at the identity provider, if it has one."""
    console_oidc_scope: Annotated[str, Field(min_length=1, max_length=500)] = "openid"
    """Scopes that the console asks the identity provider for."""

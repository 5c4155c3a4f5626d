"""Synthetic journeys: which service `c360 probe` walks through, and with which key."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from services.runtime.settings.intake import sendable
from services.runtime.settings.part import Part


class ProbeSettings(Part):
    """`c360 probe`."""

    probe_url: Annotated[str, Field(pattern=r"^https?://[^\s/?#]+/?$")] = "http://127.0.0.1:8360"
    """Where the service is that `c360 probe` walks through: `c360 up` or `c360 api`."""
    probe_key: Annotated[SecretStr, AfterValidator(sendable)] | None = None
    """Key of `c360 probe`: an API key with the scopes `events:write` and `profiles:read`."""
    probe_deadline_s: Annotated[float, Field(gt=0, le=600)] = 30
    """Seconds within which an event of `c360 probe` must be visible."""

"""Realms, channels and sources: whose events are accepted, and what their identifiers mean."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from schemas.base import ChannelName, Currency, RealmName, Region, TimeZone
from schemas.events.master_data import CONTACT_CHANNELS, PURPOSES
from services.runtime.errors import ConfigurationError
from services.runtime.settings.part import Part

CHANNELS = [
    "shop", "app", "pos", "email", "phone", "chat", "messenger", "sms", "push", "letter", "voice",
    "social", "marketplace", "kiosk", "tv", "ads", "print", "radio", "fair", "field_sales",
    "video", "contact_form", "parcel_insert", "community", "event",
]  # fmt: skip
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
"""As events write names: blanks around them are none of it."""
Issuer = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]


class RealmSettings(BaseModel):
    """Defaults of a brand or tenant."""

    model_config = ConfigDict(extra="forbid")
    region: Region = "DE"
    time_zone: TimeZone = "Europe/Berlin"
    currency: Currency = "EUR"
    tills_close: bool = True
    """Whether receipts are counted for the closings of their tills; false where none are sent."""


class RealmsSettings(Part):
    """Realms, channels, sources and the secret of node ids."""

    identity_secret: SecretStr | None = Field(default=None, min_length=16)
    """Secret of the node ids, at least 16 characters (`openssl rand -hex 32`). It belongs to the
    data: with another secret no stored identifier is recognised. No default."""
    secret_generation: int = Field(default=1, ge=1, le=255)
    """Number of the identity secret, stored with each fact."""
    realms: dict[RealmName, RealmSettings] = Field(
        default={"default": RealmSettings()}, min_length=1
    )
    """Realms as JSON: `{"default": {"region": "DE", "time_zone": "Europe/Berlin", "currency":
    "EUR", "tills_close": true}}`. Events of a realm not listed are rejected. `tills_close` false
    saves the claims of receipts where no till sends its closings (`till.closed`)."""
    channels: list[ChannelName] = Field(default=CHANNELS, min_length=1)
    """Channels that events may name, as JSON list."""
    consent_purposes: list[Name] = PURPOSES
    """Purposes of contact that consents, refusals and objections may name, as JSON list; others are
    rejected, for nobody would ask for them."""
    consent_channels: list[Name] = CONTACT_CHANNELS
    """Channels of contact that they may name, as JSON list."""
    trusted_sources: list[Name] = Field(default=["*"])
    """Shell patterns of `source.system` whose `verified: true` is trusted, as JSON list."""
    source_issuers: dict[Name, Issuer] = Field(default={})
    """Issuer of identifiers and orders by `source.system`, if the event names none, as JSON."""

    def secret(self) -> bytes:
        """The identity secret. Raises ConfigurationError when there is none."""
        if self.identity_secret is None:
            raise ConfigurationError(
                "C360_IDENTITY_SECRET is not set. Every identifier in the store is hashed with it. "
                "Create one with 'openssl rand -hex 32', keep it safe, and always use the same one "
                "for this data. ('c360 demo' has its own.)"
            )
        return self.identity_secret.get_secret_value().encode()

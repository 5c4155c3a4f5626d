"""All settings, typed, in one place: environment variables with the prefix `C360_`.

A data directory may carry a `settings.env` of its own (the demo writes one); the environment wins
over it. The settings page in docs/settings.md is generated from this class.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.base import Currency, Region
from services.runtime.errors import ConfigurationError

CHANNELS = [
    "shop", "app", "pos", "email", "phone", "chat", "messenger", "sms", "push", "letter", "voice",
    "social", "marketplace", "kiosk", "tv", "ads", "print", "radio", "fair", "field_sales",
]  # fmt: skip
BATCH_EVENTS_LIMIT = 100_000
SETTINGS_FILE = "settings.env"


class RealmSettings(BaseModel):
    """What a brand or tenant takes for granted."""

    region: Region = "DE"
    time_zone: str = "Europe/Berlin"
    currency: Currency = "EUR"

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(
                f"{value!r} is no IANA time zone, for example Europe/Berlin"
            ) from error
        return value


class Settings(BaseSettings):
    """Effective settings; immutable once read."""

    model_config = SettingsConfigDict(
        env_prefix="C360_", extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    data_dir: Path = Path("c360-data")
    """Directory of the embedded engine. One process at a time holds it."""
    identity_secret: SecretStr | None = Field(default=None, min_length=16)
    """Secret of the node ids, at least 16 characters (`openssl rand -hex 32`). It belongs to the
    data: changing it makes every stored identifier a stranger. No default."""
    secret_generation: int = Field(default=1, ge=1, le=255)
    """Number of the identity secret, stored with each fact."""
    realms: dict[str, RealmSettings] = {"default": RealmSettings()}
    """Realms as JSON: `{"default": {"region": "DE", "time_zone": "Europe/Berlin", "currency":
    "EUR"}}`. Events of a realm not listed are rejected."""
    channels: list[str] = CHANNELS
    """Channels that events may name, as JSON list."""
    trusted_sources: list[str] = ["*"]
    """Shell patterns of `source.system` whose `verified: true` is believed, as JSON list."""
    source_issuers: dict[str, str] = {}
    """Issuer of identifiers and orders by `source.system`, where the event names none, as JSON."""
    identity_rules: Path | None = None
    """Identity rules file (TOML); empty for the packaged rules."""
    consistency_rules: Path | None = None
    """Consistency rules file (TOML); empty for the packaged rules."""
    profile_rules: Path | None = None
    """Survivorship rules file (TOML); empty for the packaged rules."""
    future_tolerance_h: int = Field(default=24, ge=0, le=24 * 7)
    """Hours that `occurred_at` may lie ahead of the time of receipt."""
    time_floor: date = date(2000, 1, 1)
    """Events claimed to be older are rejected."""
    batch_events_max: Annotated[int, Field(ge=1, le=BATCH_EVENTS_LIMIT)] = 20_000
    """Events that `c360 ingest` processes and makes durable at once."""
    http_host: str = "127.0.0.1"
    """Address that `c360 up` listens on."""
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8360
    """Port that `c360 up` listens on; 0 picks a free one."""
    api_keys: list[SecretStr] = []
    """Keys of trusted servers for `POST /v1/touchpoints`, as JSON list; at least 16 characters."""
    public_write_keys: list[SecretStr] = []
    """Write keys that stand in apps and web pages, as JSON list: nothing they send is verified."""
    request_bytes_max: Annotated[int, Field(ge=1024)] = 4 * 1024 * 1024
    """Largest request body that `c360 up` accepts."""
    intake_linger_ms: Annotated[int, Field(ge=0, le=5000)] = 20
    """Milliseconds that the intake waits for more requests before it writes a batch."""
    intake_queue_events_max: Annotated[int, Field(ge=1)] = 100_000
    """Events that may wait for the writer before requests are told to come back (429)."""
    log_format: Literal["console", "json"] = "console"
    """`json` for machines."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is logged."""

    @field_validator("api_keys", "public_write_keys")
    @classmethod
    def _long_enough(cls, keys: list[SecretStr]) -> list[SecretStr]:
        if any(len(key.get_secret_value()) < 16 for key in keys):
            raise ValueError("a key needs at least 16 characters")
        return keys

    def secret(self) -> bytes:
        """The identity secret. Raises ConfigurationError when there is none."""
        if self.identity_secret is None:
            raise ConfigurationError(
                "C360_IDENTITY_SECRET is not set. It keys every identifier in the store; make one "
                "with 'openssl rand -hex 32', keep it safe, and use the same one for this data "
                "for ever. ('c360 demo' brings its own.)"
            )
        return self.identity_secret.get_secret_value().encode()

    def future_tolerance(self) -> timedelta:
        """How far ahead of its receipt an event may claim to be."""
        return timedelta(hours=self.future_tolerance_h)

    def floor(self) -> datetime:
        """The time floor as an instant (UTC)."""
        return datetime.combine(self.time_floor, datetime.min.time(), UTC)


def load_settings(data_dir: Path | None = None, **overrides: Any) -> Settings:
    """Read and validate all settings.

    Precedence: `overrides`, environment, `settings.env` of the data directory, defaults.

    Raises:
        ConfigurationError: a value is wrong; the text names every variable at fault.
    """
    if data_dir is not None:
        overrides["data_dir"] = data_dir
    _refuse_unknown_variables()
    try:
        first = Settings(**overrides)
        file = first.data_dir / SETTINGS_FILE
        return Settings(_env_file=file, **overrides) if file.is_file() else first
    except (ValidationError, ValueError) as error:
        raise ConfigurationError(_explain(error)) from error


def _refuse_unknown_variables() -> None:
    """A misspelt variable would otherwise be passed over without a word."""
    known = {f"C360_{name.upper()}" for name in Settings.model_fields}
    for variable in sorted(os.environ):
        if variable.startswith("C360_") and variable.upper() not in known:
            near = get_close_matches(variable.upper(), known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigurationError(f"{variable} is no setting{hint} ('c360 config' lists all)")


def _explain(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return f"settings: {error} (lists and maps are written as JSON)"
    lines = []
    for fault in error.errors(include_input=False, include_url=False):
        name = ".".join(str(part) for part in fault["loc"])
        known = name.split(".")[0] in Settings.model_fields
        variable = f"C360_{name.upper()}" if known else name
        lines.append(f"{variable}: {fault['msg']}")
    return "settings are wrong:\n  " + "\n  ".join(lines)

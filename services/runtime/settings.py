"""All settings, typed, in one place: environment variables with the prefix `C360_`.

A data directory may have its own `settings.env` (the demo writes one); environment variables take
precedence. The settings page in docs/settings.md is generated from this class.
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
    """Defaults of a brand or tenant."""

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
    """Directory of the embedded engine. Only one process at a time can hold it."""
    identity_secret: SecretStr | None = Field(default=None, min_length=16)
    """Secret of the node ids, at least 16 characters (`openssl rand -hex 32`). It belongs to the
    data: with another secret no stored identifier is recognised. No default."""
    secret_generation: int = Field(default=1, ge=1, le=255)
    """Number of the identity secret, stored with each fact."""
    realms: dict[str, RealmSettings] = {"default": RealmSettings()}
    """Realms as JSON: `{"default": {"region": "DE", "time_zone": "Europe/Berlin", "currency":
    "EUR"}}`. Events of a realm not listed are rejected."""
    channels: list[str] = CHANNELS
    """Channels that events may name, as JSON list."""
    trusted_sources: list[str] = ["*"]
    """Shell patterns of `source.system` whose `verified: true` is trusted, as JSON list."""
    source_issuers: dict[str, str] = {}
    """Issuer of identifiers and orders by `source.system`, if the event names none, as JSON."""
    identity_rules: Path | None = None
    """Identity rules file (TOML); empty for the packaged rules."""
    consistency_rules: Path | None = None
    """Consistency rules file (TOML); empty for the packaged rules."""
    profile_rules: Path | None = None
    """Survivorship rules file (TOML); empty for the packaged rules."""
    future_tolerance_h: int = Field(default=24, ge=0, le=24 * 7)
    """Hours that `occurred_at` may lie ahead of the time of receipt."""
    time_floor: date = date(2000, 1, 1)
    """Events with an earlier `occurred_at` are rejected."""
    batch_events_max: Annotated[int, Field(ge=1, le=BATCH_EVENTS_LIMIT)] = 20_000
    """Events per batch of `c360 ingest`."""
    http_host: str = "127.0.0.1"
    """Address that `c360 up` listens on."""
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8360
    """Port that `c360 up` listens on; 0 picks a free one."""
    api_keys: list[SecretStr] = []
    """Keys of trusted servers for `POST /v1/touchpoints`, as JSON list; at least 16 characters."""
    public_write_keys: list[SecretStr] = []
    """Write keys embedded in apps and web pages, as JSON list: nothing they send is verified."""
    request_bytes_max: Annotated[int, Field(ge=1024)] = 4 * 1024 * 1024
    """Largest request body that `c360 up` accepts."""
    intake_linger_ms: Annotated[int, Field(ge=0, le=5000)] = 20
    """Milliseconds that the intake waits for more requests before it writes a batch."""
    intake_queue_events_max: Annotated[int, Field(ge=1)] = 100_000
    """Events that may wait for the writer; beyond it, requests are answered with 429."""
    clickhouse_url: str | None = Field(default=None, pattern=r"^https?://[^/]+/?$")
    """URL of a ClickHouse server to use instead of the embedded engine: `https://host:8443`."""
    clickhouse_user: str = "default"
    """User on the server."""
    clickhouse_password: SecretStr = SecretStr("")
    """Password on the server."""
    clickhouse_database: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "c360"
    """Database on the server; `c360 migrate` creates it."""
    clickhouse_ca_file: Path | None = None
    """CA certificates to verify the server's certificate; empty for the system's."""
    clickhouse_cluster: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{0,64}$")] = ""
    """Name of the cluster: tables are created ON CLUSTER with replicated engines. Empty for one
    server."""
    clickhouse_insert_quorum: Annotated[str, Field(pattern=r"^(auto|[0-9]{1,2})?$")] = ""
    """Replicas that must hold an insert before it is acknowledged: `auto` is the majority. Empty
    for one server."""
    clickhouse_timeout_s: Annotated[int, Field(ge=1, le=600)] = 30
    """Seconds after which a statement times out and is retried."""
    kafka_bootstrap_servers: str | None = None
    """Kafka brokers, as `host:9092,host:9092`."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """Protocol of the brokers."""
    kafka_ca_file: Path | None = None
    """CA certificates for SSL; empty for the system's."""
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """Authentication mechanism of the brokers."""
    kafka_username: str = ""
    """User on the brokers."""
    kafka_password: SecretStr = SecretStr("")
    """Password on the brokers."""
    kafka_group_prefix: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$")] = "c360"
    """Consumer groups are named `<prefix>-ingest`, `<prefix>-identity`, `<prefix>-consistency`."""
    kafka_replication: Annotated[int, Field(ge=1, le=7)] = 3
    """Replicas of each topic that `c360 topics apply` creates. One fewer must be in sync."""
    worker_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = ""
    """Stable name of a worker (its pod's), for static membership: a restart within the session
    timeout moves no partitions. Empty for dynamic membership."""
    worker_http_host: str = "127.0.0.1"
    """Address on which a worker serves `/livez`, `/readyz` and `/metrics`."""
    worker_http_port: Annotated[int, Field(ge=0, le=65535)] = 8361
    """Port of the health pages; 0 picks a free one."""
    worker_batch_events_max: Annotated[int, Field(ge=1, le=BATCH_EVENTS_LIMIT)] = 5_000
    """Events per batch of an ingest worker."""
    worker_batch_bytes_max: Annotated[int, Field(ge=100_000)] = 32 * 1024 * 1024
    """Bytes at which a batch is full regardless of its number of events; bounds memory."""
    worker_linger_ms: Annotated[int, Field(ge=0, le=60_000)] = 500
    """Milliseconds that a batch waits to fill up."""
    worker_shutdown_grace_s: Annotated[int, Field(ge=1, le=600)] = 25
    """Seconds that a worker has after SIGTERM to finish and commit its batch."""
    worker_stalled_after_s: Annotated[int, Field(ge=5, le=3600)] = 120
    """Seconds without progress, while there is work, after which `/livez` fails."""
    kafka_session_timeout_s: Annotated[int, Field(ge=6, le=300)] = 15
    """Seconds without a heartbeat after which a worker's partitions go to others."""
    rejects_consecutive_max: Annotated[int, Field(ge=1)] = 1_000
    """Consecutive rejects of one partition that stop an ingest worker: a sign of an outage."""
    rejects_ratio_max: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of rejects among the last 10,000 events that stops an ingest worker."""
    tick_interval_s: Annotated[float, Field(ge=0.1, le=3600)] = 5
    """Seconds between two ticks, which advance event time for incidents."""
    log_format: Literal["console", "json"] = "console"
    """`json` writes one object per line."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level that is logged."""

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
                "C360_IDENTITY_SECRET is not set. Every identifier in the store is hashed with it. "
                "Create one with 'openssl rand -hex 32', keep it safe, and always use the same one "
                "for this data. ('c360 demo' has its own.)"
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
    """A misspelt variable would otherwise be ignored silently."""
    known = {f"C360_{name.upper()}" for name in Settings.model_fields}
    for variable in sorted(os.environ):
        if variable.startswith("C360_") and variable.upper() not in known:
            near = get_close_matches(variable.upper(), known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigurationError(f"{variable} is not a setting{hint} ('c360 config' lists all)")


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

"""The HTTP interface of `c360 up` and `c360 api`: address, TLS, keys, limits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from services.runtime.settings.part import Part


def sendable(key: SecretStr) -> SecretStr:
    """The key. Raises ValueError for one that is short, or that no request could send."""
    text = key.get_secret_value()
    if len(text) < 16:
        raise ValueError("a key needs at least 16 characters")
    if not (text.isascii() and text.isprintable() and text == text.strip()):
        raise ValueError("no request could send a key with other than printable ASCII")
    return key


class IntakeSettings(Part):
    """The HTTP interface."""

    http_host: str = "127.0.0.1"
    """Address that `c360 up` and `c360 api` listen on."""
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8360
    """Port that they listen on; 0 picks a free one."""
    http_tls_cert_file: Path | None = None
    """Certificate for TLS in PEM, followed by those of its issuers. Empty for plain HTTP."""
    http_tls_key_file: Path | None = None
    """Its private key in PEM, without a password."""
    api_keys: list[SecretStr] = Field(default=[])
    """Keys of trusted servers for `POST /v1/touchpoints`, as JSON list; at least 16 characters."""
    public_write_keys: list[SecretStr] = Field(default=[])
    """Write keys embedded in apps and web pages, as JSON list: nothing they send is verified. None
    of them may be in C360_API_KEYS, too."""
    webhook_secrets: dict[str, Annotated[list[SecretStr], Field(min_length=1)]] = Field(default={})
    """Secrets with which senders sign their webhooks, as JSON object of lists by format, or by
    FORMAT@REALM: `{"shopify": ["the-secret"]}`. Its deliveries need no key then, and are refused
    without a signature."""
    http_public_url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+[^\s?#/]$")] | None = None
    """Address at which senders reach the service, if a proxy in front of it has another one than
    it has itself: some signatures cover the address. Without a slash at the end."""
    request_bytes_max: Annotated[int, Field(ge=1024)] = 4 * 1024 * 1024
    """Largest request body that is accepted."""
    request_bytes_in_flight_max: Annotated[int, Field(ge=1024)] = 64 * 1024 * 1024
    """Bytes of request bodies that are held at once, from the first byte to the answer;
    public keys get half of them. Beyond it, requests are answered with 503. It is never less than
    twice the largest request."""
    http_connections_max: Annotated[int, Field(ge=1, le=100_000)] = 500
    """Connections that are held at once; fewer if the process may not open twice as many
    files. Beyond it, the one that has waited longest for its sender is closed."""
    http_head_s: Annotated[float, Field(gt=0, le=600)] = 10
    """Seconds that request line and headers may take."""
    http_body_s: Annotated[float, Field(gt=0, le=3600)] = 60
    """Seconds that a request body may take."""
    http_body_bytes_per_s_min: Annotated[int, Field(ge=0)] = 1_000
    """Lowest rate of a request body, after its first 10 seconds."""
    http_drain_s: Annotated[float, Field(ge=0, le=600)] = 0
    """Seconds after SIGTERM in which requests are still answered while `/readyz` fails: as long as
    a load balancer takes to send no more. A second signal ends it at once."""
    intake_linger_ms: Annotated[int, Field(ge=0, le=5000)] = 20
    """Milliseconds, at most, that the intake waits for a further request before it writes a batch.
    It does only while fewer have come than the batch before held: a sender alone never waits."""
    intake_queue_events_max: Annotated[int, Field(ge=1)] = 100_000
    """Events that may wait for the writer, or for Kafka; beyond it, requests are answered with
    429."""
    intake_deadline_s: Annotated[float, Field(ge=0.5, le=120)] = 10
    """Seconds that a request waits until Kafka has acknowledged its events; beyond it, it is
    answered with 503, and others are, at once, until Kafka answers again."""

    @field_validator("api_keys", "public_write_keys")
    @classmethod
    def _can_be_sent(cls, keys: list[SecretStr]) -> list[SecretStr]:
        return [sendable(key) for key in keys]

    @field_validator("webhook_secrets")
    @classmethod
    def _are_secrets(cls, secrets: dict[str, list[SecretStr]]) -> dict[str, list[SecretStr]]:
        if any(len(one.get_secret_value()) < 8 for given in secrets.values() for one in given):
            raise ValueError("a secret needs at least 8 characters, or anybody could sign with it")
        return secrets

    @field_validator("public_write_keys")
    @classmethod
    def _are_public_only(cls, keys: list[SecretStr], read: ValidationInfo) -> list[SecretStr]:
        if any(key in read.data.get("api_keys", ()) for key in keys):
            raise ValueError("a key that anybody can read must not be one of C360_API_KEYS, too")
        return keys

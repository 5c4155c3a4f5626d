"""The HTTP interface of `c360 up`: address, keys, limits."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from services.runtime.settings.part import Part


class IntakeSettings(Part):
    """The HTTP interface."""

    http_host: str = "127.0.0.1"
    """Address that `c360 up` listens on."""
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8360
    """Port that `c360 up` listens on; 0 picks a free one."""
    api_keys: list[SecretStr] = Field(default=[])
    """Keys of trusted servers for `POST /v1/touchpoints`, as JSON list; at least 16 characters."""
    public_write_keys: list[SecretStr] = Field(default=[])
    """Write keys embedded in apps and web pages, as JSON list: nothing they send is verified."""
    request_bytes_max: Annotated[int, Field(ge=1024)] = 4 * 1024 * 1024
    """Largest request body that `c360 up` accepts."""
    intake_linger_ms: Annotated[int, Field(ge=0, le=5000)] = 20
    """Milliseconds that the intake waits for more requests before it writes a batch."""
    intake_queue_events_max: Annotated[int, Field(ge=1)] = 100_000
    """Events that may wait for the writer; beyond it, requests are answered with 429."""

    @field_validator("api_keys", "public_write_keys")
    @classmethod
    def _long_enough(cls, keys: list[SecretStr]) -> list[SecretStr]:
        if any(len(key.get_secret_value()) < 16 for key in keys):
            raise ValueError("a key needs at least 16 characters")
        return keys

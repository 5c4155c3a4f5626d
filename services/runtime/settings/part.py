"""What the settings of every part of the service have in common: the prefix `C360_`, strictness."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.descriptions import Described


class Part(Described, BaseSettings):
    """Settings of a part; immutable once read."""

    model_config = SettingsConfigDict(
        env_prefix="C360_",
        env_ignore_empty=True,  # as Compose and systemd write "not set"
        extra="forbid",
        frozen=True,
    )

"""The Kafka brokers, topics and consumer groups."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from services.runtime.settings.part import Part


class KafkaSettings(Part):
    """The brokers."""

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

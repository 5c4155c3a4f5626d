"""How every Kafka client connects to the brokers, and which partition a key belongs to."""

from __future__ import annotations

import ssl
from typing import Any

from services.runtime.errors import ConfigurationError, Fatal
from services.runtime.settings import KafkaSettings

KEY_SEPARATOR = "\x1f"
POSITIVE = 0x7FFFFFFF


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """Parameters that the producer, the consumer and the admin client of aiokafka share.

    Raises:
        ConfigurationError: no brokers are set, or the security settings are incomplete.
    """
    if not settings.kafka_bootstrap_servers:
        raise ConfigurationError(
            "C360_KAFKA_BOOTSTRAP_SERVERS is not set. It names the brokers, as "
            "'host:9092,host:9092'; 'c360 dev kafka' starts one for development."
        )
    parameters: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        parameters["ssl_context"] = _ssl_context(settings)
    if settings.kafka_security_protocol.startswith("SASL"):
        parameters |= _credentials(settings)
    return parameters


def missing_topic(topic: str) -> Fatal:
    """For a topic that the brokers do not have."""
    return Fatal(f"Kafka has no topic {topic}: run 'c360 topics apply'")


def _ssl_context(settings: KafkaSettings) -> ssl.SSLContext:
    file = settings.kafka_ca_file
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as error:  # an SSLError is one, too
        raise ConfigurationError(
            f"C360_KAFKA_CA_FILE: {file} holds no CA certificates in PEM that can be read ({error})"
        ) from error


def _credentials(settings: KafkaSettings) -> dict[str, str]:
    password = settings.kafka_password.get_secret_value()
    if not settings.kafka_username or not password:
        raise ConfigurationError(
            f"C360_KAFKA_SECURITY_PROTOCOL is {settings.kafka_security_protocol}: set "
            "C360_KAFKA_USERNAME and C360_KAFKA_PASSWORD"
        )
    return {
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_username,
        "sasl_plain_password": password,
    }


def key_of(*fields: str) -> bytes:
    """A record's key as the topic catalogue writes it: the texts of its fields, joined."""
    return KEY_SEPARATOR.join(fields).encode()


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key, as all of Kafka's own clients choose it (murmur2)."""
    from aiokafka.partitioner import murmur2  # loads the whole client: not for the embedded engine

    return (int(murmur2(key)) & POSITIVE) % partitions

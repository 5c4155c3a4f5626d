"""Connection parameters, keys and partitions: what all clients must agree on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.runtime.errors import ConfigurationError
from services.runtime.settings import Settings
from services.stream.connection import connection, key_of, partition_of

SERVERS = "broker:9092"
LOGIN = {"kafka_username": "c360", "kafka_password": "no-real-password"}
WRONG: list[tuple[dict[str, Any], str]] = [
    # no brokers
    ({"kafka_bootstrap_servers": None}, "C360_KAFKA_BOOTSTRAP_SERVERS is not set"),
    # a login without a user
    ({"kafka_security_protocol": "SASL_SSL"}, "set C360_KAFKA_USERNAME and C360_KAFKA_PASSWORD"),
    # a login without a password
    (
        {"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_username": "c360"},
        "set C360_KAFKA_USERNAME and C360_KAFKA_PASSWORD",
    ),
    # certificates that are not there
    (
        {"kafka_security_protocol": "SSL", "kafka_ca_file": Path("/nowhere/ca.pem")},
        "C360_KAFKA_CA_FILE: /nowhere/ca.pem",
    ),
    # a file that is none of certificates
    (
        {"kafka_security_protocol": "SSL", "kafka_ca_file": Path(__file__)},
        "holds no CA certificates",
    ),
]
JAVA_HASHES = [
    # from the tests of Kafka's own client (UtilsTest.testMurmur2)
    (b"21", -973932308),
    (b"foobar", -790332482),
    (b"a-little-bit-long-string", -985981536),
    (b"a-little-bit-longer-string", -1486304829),
    (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    (b"abc", 479470107),
]


def settings(**values: Any) -> Settings:
    return Settings(**{"kafka_bootstrap_servers": SERVERS, **values})


@pytest.mark.parametrize(("values", "message"), WRONG)
def test_wrong_connection(values: dict[str, Any], message: str) -> None:
    """What is missing is named by its variable."""
    with pytest.raises(ConfigurationError, match=message):
        connection(settings(**values))


def test_plain_connection_carries_no_login() -> None:
    """Without security there are just the brokers, even where a login is set."""
    assert connection(settings(**LOGIN)) == {
        "bootstrap_servers": SERVERS,
        "security_protocol": "PLAINTEXT",
    }


def test_secure_connection_checks_certificates() -> None:
    """SASL_SSL brings the login and a context that checks names and certificates."""
    found = connection(settings(kafka_security_protocol="SASL_SSL", **LOGIN))
    context = found.pop("ssl_context")
    assert context.check_hostname
    assert found == {
        "bootstrap_servers": SERVERS,
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "c360",
        "sasl_plain_password": "no-real-password",
    }


@pytest.mark.parametrize(("key", "java_hash"), JAVA_HASHES)
def test_partition_is_that_of_other_clients(key: bytes, java_hash: int) -> None:
    """Sources that write with Kafka's own client reach the partitions we expect."""
    for partitions in (1, 3, 12, 1000):
        assert partition_of(key, partitions) == (java_hash & 0x7FFFFFFF) % partitions


def test_key_joins_its_fields() -> None:
    """As the topic catalogue says: UTF-8 texts joined by U+001F."""
    assert key_of("default", "DE", "käse") == b"default\x1fDE\x1fk\xc3\xa4se"
    assert key_of("default") == b"default"

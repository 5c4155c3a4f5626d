"""Settings: typed, validated at start, with messages that name the variable."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from schemas.descriptions import descriptions
from schemas.rules.identity import identity_rules
from schemas.rules.profile import profile_rules
from services.consistency.rules import consistency_rules
from services.runtime.errors import ConfigurationError
from services.runtime.settings import SETTINGS_FILE, Settings, load_settings, read_rules

SECRET = "a-long-enough-secret"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own environment reaches a test."""
    for name in [name for name in os.environ if name.startswith("C360_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("C360_HTTP_PORT", "eighty", "C360_HTTP_PORT: "),
        ("C360_HTTP_PORT", "70000", "C360_HTTP_PORT: "),
        ("C360_IDENTITY_SECRET", "short", "C360_IDENTITY_SECRET: "),
        ("C360_API_KEYS", '["short"]', "C360_API_KEYS: "),
        ("C360_API_KEYS", '["schlüssel-mit-umlaut"]', "printable ASCII"),
        ("C360_PUBLIC_WRITE_KEYS", '[" blanks at both ends "]', "printable ASCII"),
        ("C360_REALMS", '{"default": {"time_zone": "Mars/North"}}', "Mars/North"),
        ("C360_REALMS", '{"default": {"currency": "euro"}}', "C360_REALMS"),
        ("C360_REALMS", "{", "C360_REALMS: no JSON"),
        ("C360_REALMS", "{}", "C360_REALMS: "),
        ("C360_REALMS", '{"Shop": {}}', "C360_REALMS: "),  # no event could name it
        ("C360_REALMS", '{"default": {"timezone": "Europe/Paris"}}', "'default.timezone'"),
        ("C360_CHANNELS", "shop,app", "C360_CHANNELS: no JSON"),
        ("C360_CHANNELS", '["Shop"]', "C360_CHANNELS: "),
        ("C360_CHANNELS", "[]", "C360_CHANNELS: "),
        ("C360_CONSENT_PURPOSES", '[" "]', "C360_CONSENT_PURPOSES: "),
        ("C360_TRUSTED_SOURCES", "*", "C360_TRUSTED_SOURCES: no JSON"),
        ("C360_TRUSTED_SOURCES", '[""]', "C360_TRUSTED_SOURCES: "),
        ("C360_SOURCE_ISSUERS", '{"till": 1}', "C360_SOURCE_ISSUERS: "),
        ("C360_SOURCE_ISSUERS", f'{{"till": "{"x" * 65}"}}', "C360_SOURCE_ISSUERS: "),
        ("C360_API_KEYS", "a-key-of-some-length", "C360_API_KEYS: no JSON"),
        ("C360_CLICKHOUSE_URL", "localhost:8123", "https://host:8443"),  # what to write instead
        ("C360_TIME_FLOOR", "20260101", "such as 2000-01-01"),
        ("C360_TIME_FLOOR", "0", "such as 2000-01-01"),
        ("C360_DATA_DIR", "/data?shop", "C360_DATA_DIR: "),  # the engine would open /data
        ("C360_DATA_DIR", "/data/\udcff", "C360_DATA_DIR: "),
        ("C360_LOG_FORMAT", "yaml", "C360_LOG_FORMAT: "),
        ("C360_DATADIR", "x", "did you mean C360_DATA_DIR"),
        ("C360_NOTHING_LIKE_IT", "x", "C360_NOTHING_LIKE_IT is not a setting"),
    ],
)
def test_a_wrong_value_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    """The message names the variable to change."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert said in str(caught.value)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As files of services and containers write what has no value: the default holds."""
    monkeypatch.setenv(f"C360_{name.upper()}", "")
    assert load_settings() == Settings()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"C360_HTTP_PORT=x", "C360_HTTP_PORT of {file}: "),
        (b"C360_CHANNELS=shop", "C360_CHANNELS of {file}: no JSON"),
        (b"C360_CHANELS=[]", "{file}: C360_CHANELS is not a setting"),
        (b"PATH=/bin", "{file}: PATH is not a setting"),
        ("C360_HTTP_HOST=ü".encode("latin-1"), "{file} cannot be read: "),
        ("C360_HTTP_HOST=ü".encode("utf-16"), "{file} cannot be read: "),
    ],
)
def test_a_fault_of_the_file_names_the_file(tmp_path: Path, content: bytes, said: str) -> None:
    """Or somebody would look for it in the environment."""
    file = tmp_path / SETTINGS_FILE
    file.write_bytes(content + b"\n")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(tmp_path)
    assert said.format(file=file) in str(caught.value)


def test_a_public_key_is_no_key_of_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in both lists would give every reader of a page the trust of a server."""
    monkeypatch.setenv("C360_API_KEYS", '["key-of-the-shop-backend", "key-of-everything"]')
    monkeypatch.setenv("C360_PUBLIC_WRITE_KEYS", '["key-of-everything"]')
    with pytest.raises(ConfigurationError, match=r"C360_PUBLIC_WRITE_KEYS: .*C360_API_KEYS") as it:
        load_settings()
    assert "key-of" not in str(it.value)


def test_defaults_are_those_of_a_german_retailer() -> None:
    """DE, Europe/Berlin, EUR; and no secret."""
    settings = load_settings()
    realm = settings.realms["default"]
    assert (realm.region, realm.time_zone, realm.currency) == ("DE", "Europe/Berlin", "EUR")
    with pytest.raises(ConfigurationError, match="openssl rand -hex 32"):
        settings.secret()


def test_environment_wins_over_the_file_of_the_data_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A data directory may bring settings; the environment has the last word."""
    lines = [f"C360_IDENTITY_SECRET={SECRET}", "C360_HTTP_PORT=1111", "C360_LOG_FORMAT=json"]
    (tmp_path / SETTINGS_FILE).write_text("\n".join(lines))
    monkeypatch.setenv("C360_HTTP_PORT", "2222")
    settings = load_settings(tmp_path)
    assert settings.secret() == SECRET.encode()
    assert (settings.http_port, settings.log_format) == (2222, "json")


def test_secrets_do_not_print(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither as text nor as JSON."""
    monkeypatch.setenv("C360_IDENTITY_SECRET", SECRET)
    monkeypatch.setenv("C360_API_KEYS", f'["{SECRET}"]')
    settings = load_settings()
    assert SECRET not in repr(settings)
    assert SECRET not in settings.model_dump_json()


def test_every_setting_says_what_it_is_for() -> None:
    """The generated page has a description for each."""
    assert descriptions(Settings).keys() == Settings.model_fields.keys()


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("identity_rules", identity_rules),
        ("profile_rules", profile_rules),
        ("consistency_rules", consistency_rules),
    ],
)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"version", "rules.toml"),  # no TOML
        (b"\xff\xfe", "rules.toml"),  # no UTF-8
        (b"no_such_rule = 1", "no_such_rule"),
    ],
)
def test_a_wrong_rules_file_names_its_variable(
    name: Literal["identity_rules", "profile_rules", "consistency_rules"],
    read: Callable[[Path | None], Any],
    content: bytes | None,
    said: str,
    tmp_path: Path,
) -> None:
    """Whether it is absent, unreadable or wrong: one message for whoever set the variable."""
    file = tmp_path / "rules.toml"
    if content is not None:
        file.write_bytes(content)
    settings = load_settings(**{name: file})
    with pytest.raises(ConfigurationError, match=rf"C360_{name.upper()}: .*{said}"):
        read_rules(settings, name, read)

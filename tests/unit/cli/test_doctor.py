"""What `c360 doctor` finds in settings, on the machine and in the store."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.api.queries.store import HealthRow
from services.cli import doctor
from services.cli.doctor import Condition, broker, configured, limits, rules, stored
from services.runtime.settings import load_settings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_what_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without any setting; then with all of them."""
    monkeypatch.delenv("C360_IDENTITY_SECRET", raising=False)
    found = {one.check: one for one in configured(load_settings(tmp_path))}
    assert found["secret"].verdict is Condition.FAILED
    assert found["trusted sources"].verdict is Condition.WARNING
    assert found["issuers"].verdict is Condition.WARNING
    assert all(one.advice for one in found.values())
    monkeypatch.setenv("C360_IDENTITY_SECRET", "a-secret-of-the-environment")
    monkeypatch.setenv("C360_TRUSTED_SOURCES", json.dumps(["webshop"]))
    monkeypatch.setenv("C360_SOURCE_ISSUERS", json.dumps({"webshop": "shop"}))
    assert {one.verdict for one in configured(load_settings(tmp_path))} == {Condition.OK}
    (tmp_path / "settings.env").write_text("C360_IDENTITY_SECRET=the-one-of-the-directory\n")
    assert "unset C360_IDENTITY_SECRET" in [
        one.advice for one in configured(load_settings(tmp_path))
    ]


def test_a_directory_that_others_read(tmp_path: Path) -> None:
    """With the command that closes it."""
    tmp_path.chmod(0o755)
    found = [one for one in limits(load_settings(tmp_path)) if one.check == "secrecy"]
    assert [one.advice for one in found] == [f"chmod go-rwx {tmp_path}"]
    tmp_path.chmod(0o700)
    found = [one for one in limits(load_settings(tmp_path)) if one.check == "secrecy"]
    assert [one.verdict for one in found] == [Condition.OK]


def test_rules_that_cannot_be_used(tmp_path: Path) -> None:
    """They are looked at before there is any data."""
    assert [one.verdict for one in rules(load_settings(tmp_path))] == [Condition.OK]
    for name in ("identity_rules", "consistency_rules", "profile_rules", "trust_rules"):
        [found] = rules(load_settings(tmp_path, **{name: tmp_path / "gone.toml"}))
        assert found.verdict is Condition.FAILED
        assert f"C360_{name.upper()}" in found.found


def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a directory that is not there yet; a server has disks of its own."""
    settings = load_settings(tmp_path / "new")
    monkeypatch.setattr(doctor, "FREE_BYTES_MIN", 2**80)
    assert [one.verdict for one in limits(settings) if one.check == "disk"] == [Condition.WARNING]
    monkeypatch.setattr(doctor, "FREE_BYTES_MIN", 0)
    assert [one.verdict for one in limits(settings) if one.check == "disk"] == [Condition.OK]
    server = load_settings(tmp_path, clickhouse_url="http://localhost:8123")
    assert "disk" not in {one.check for one in limits(server)}


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    """A file is none, and of one that is not there yet nothing is said but what it will be."""
    file = tmp_path / "file"
    file.touch()
    found = {one.check: one for one in limits(load_settings(file))}
    assert found["data directory"].verdict is Condition.FAILED
    assert "--data-dir" in found["data directory"].advice
    assert "secrecy" not in found
    [secrecy] = [one for one in limits(load_settings(tmp_path / "new")) if one.check == "secrecy"]
    assert secrecy.verdict is Condition.OK


@pytest.mark.parametrize(
    "address", ["127.0.0.1:{port}", " localhost:{port} ", "[::1]:{port}", "localhost", "[::1]"]
)
def test_brokers_are_named_as_their_client_takes_them(address: str) -> None:
    """With a port or without, and by addresses of both kinds."""
    family = socket.AF_INET6 if "::" in address else socket.AF_INET
    listener = socket.socket(family)
    with listener:
        try:
            listener.bind(("::1" if "::" in address else "127.0.0.1", 0))
        except OSError:
            assert not os.environ.get("CI"), "needs IPv6 on the loopback; CI has it"
            pytest.skip("no such address here")
        listener.listen()
        named = address.format(port=listener.getsockname()[1])
        found = broker(named)
        if "{port}" in address:
            assert found.verdict is Condition.OK
        else:  # nothing listens there, or a broker does
            assert "invalid" not in found.found
    assert broker("host:99999").verdict is Condition.FAILED


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_clocks_that_differ(tmp_path: Path, seconds: int) -> None:
    """The store's is ahead or behind; and channels that nothing ever came from are named."""
    settings = load_settings(tmp_path)
    right = HealthRow(now=NOW, received_at=NOW, events=1, channels=settings.channels)
    assert {one.verdict for one in stored(settings, right, NOW)} == {Condition.OK}
    skewed = right.model_copy(
        update={"now": NOW + timedelta(seconds=seconds), "channels": ["shop"]}
    )
    clock, channels = stored(settings, skewed, NOW)
    assert (clock.verdict, channels.verdict) == (Condition.WARNING, Condition.WARNING)
    assert "pos" in channels.found

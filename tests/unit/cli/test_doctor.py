"""What `c360 doctor` finds in settings, on the machine and in the store."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.api.queries.store import HealthRow
from services.cli.doctor import Condition, configured, limits, stored
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

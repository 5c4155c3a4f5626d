"""What `c360 api` makes of its settings before it has read the store."""

from __future__ import annotations

from pathlib import Path

from services.cli.api import _Service
from services.intake.kafka_sink import NOT_YET
from services.runtime.settings import load_settings
from tests.events import SECRET


def test_types_that_only_the_rules_in_force_list_are_no_fault(tmp_path: Path) -> None:
    """Which rules these are, the store says: a trust file is not held to the packaged ones."""
    trusted = tmp_path / "trust.toml"
    trusted.write_text(
        'version = "9"\n[[source]]\nsystem = "crm"\nverifies = ["club_card"]\n', "utf-8"
    )
    settings = load_settings(
        tmp_path,
        trust_rules=trusted,
        identity_secret=SECRET.decode(),
        clickhouse_url="http://localhost:8123",
        kafka_bootstrap_servers="localhost:9092",
    )
    assert _Service(settings, "c360 api", only_intake=False)._kafka().waits_for() == NOT_YET

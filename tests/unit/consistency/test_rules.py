"""The consistency rules file: its defaults and what it refuses."""

from __future__ import annotations

from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from schemas.rules.identity import identity_rules
from schemas.rules.profile import profile_rules
from services.consistency.rules import consistency_rules
from services.consistency.scenario import InvalidScenario

from .market import price_rules, rules


def test_grace_by_channel() -> None:
    """A listed channel has its own grace, any other the default; ends stand for themselves."""
    using = price_rules(rules(grace_end_hours={"pos": 2}))
    found = [using.grace("pos", ended) for ended in (False, True)] + [using.grace("fair", True)]
    assert found == [timedelta(hours=24), timedelta(hours=2), timedelta(hours=12)]


def test_an_observation_outlives_a_heartbeat() -> None:
    """Repeats of an unchanged price come once a day; the maximum age must be longer."""
    assert price_rules().max_age > timedelta(hours=24)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"zones": {"north": ["S1"], "south": ["S1"]}}, "listed in two zones"),
        ({"severity": {"gross_above_percent": 90}}, "gross_below_percent < 100"),
        ({"tolerance_absolute": -1}, "rules.price_mismatch.tolerance_absolute"),
        ({"right_price": "highest"}, "rules.price_mismatch.right_price"),
        ({"max_age_hours": 0}, "rules.price_mismatch.max_age_hours"),
        ({"grace": 4}, "rules.grace"),
        ({"reference_channels": [f"erp{n}" for n in range(21)]}, "rules.price_mismatch.reference"),
    ],
)
def test_bad_rules_are_refused_by_name(overrides: dict[str, Any], message: str) -> None:
    """The message names the field or says what must hold."""
    with pytest.raises(InvalidScenario, match=message):
        rules(**overrides)


def test_a_file_may_begin_with_a_mark(tmp_path: Path) -> None:
    """Editors write a byte order mark before UTF-8; every rules file is read with one."""
    packaged = resources.files("schemas.rules")
    path = tmp_path / "mine.toml"
    path.write_text(packaged.joinpath("identity.toml").read_text("utf-8"), "utf-8-sig")
    assert identity_rules(path) == identity_rules()
    path.write_text(packaged.joinpath("profile.toml").read_text("utf-8"), "utf-8-sig")
    assert profile_rules(path) == profile_rules()
    path.write_text("[price_mismatch]\nmax_age_hours = 48\n", "utf-8-sig")
    assert consistency_rules(path) != consistency_rules()


def test_a_grace_table_needs_a_default(tmp_path: Path) -> None:
    """A file whose table leaves some channels without grace is refused with its name."""
    path = tmp_path / "mine.toml"
    path.write_text("[price_mismatch.grace_start_hours]\nshop = 4\n", "utf-8")
    with pytest.raises(ValueError, match=r"(?s)mine\.toml.*needs a row `default`"):
        consistency_rules(path)

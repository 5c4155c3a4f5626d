"""The rules of a game day: those of operators but for their durations."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools.prometheus import promtool
from tests.drills.game_day import FACTOR, RULES
from tests.drills.shortened_rules import DURATION, milliseconds, shortened, write_shortened

FILES = sorted(RULES.glob("*.yaml"))


@pytest.mark.parametrize(
    ("written", "short"),
    [
        ("rate(a_total[15m]) > 5", "rate(a_total[15000ms]) > 5"),
        ("rate(a_total[1m])", "rate(a_total[6000ms])"),
        ("avg_over_time(a[1d] offset 1h) > 20", "avg_over_time(a[1440000ms] offset 60000ms) > 20"),
        ("max_over_time(a[1h:5m])", "max_over_time(a[60000ms:5000ms])"),
        ("a offset -30m", "a offset -30000ms"),
        ('a{le="10.0", b="5m"} < 7 * 86400', 'a{le="10.0", b="5m"} < 7 * 86400'),
    ],
)
def test_durations_are_divided(written: str, short: str) -> None:
    """Ranges, steps and offsets; no number, no label, and no range below three scrapes."""
    rules = {"groups": [{"name": "one", "rules": [{"alert": "A", "expr": written, "for": "10m"}]}]}
    [rule] = shortened(rules, 60)["groups"][0]["rules"]
    assert rule == {"alert": "A", "expr": short, "for": "10000ms"}


def test_nothing_else_differs(tmp_path: Path) -> None:
    """Of the rules that operators load: without their durations both are the same, and Prometheus
    takes the shortened ones."""
    assert FILES
    for file, short in zip(FILES, write_shortened(FILES, tmp_path, FACTOR), strict=True):
        before, after = (yaml.safe_load(one.read_text("utf-8")) for one in (file, short))
        assert _timeless(before) == _timeless(after)
        assert before != after or "[" not in file.read_text("utf-8")
        checked = promtool("check", "rules", str(short))
        assert checked.returncode == 0, checked.stderr


def test_mixed_durations() -> None:
    """`1h30m` is ninety minutes."""
    assert milliseconds("1h30m") == 90 * 60_000


def _timeless(rules: dict[str, Any]) -> Any:
    """The rules with every duration taken out."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: bare(v) for k, v in value.items() if k not in ("for", "interval")}
        if isinstance(value, list):
            return [bare(one) for one in value]
        return re.sub(DURATION, "", value) if isinstance(value, str) else value

    return bare(rules)

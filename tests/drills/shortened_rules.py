"""The rules of deploy/prometheus in shorter time, so that a game day takes minutes and not days.

One factor divides every duration: how often a group is evaluated, `for`, `keep_firing_for`, ranges
and offsets in expressions. Thresholds, labels and everything else stay as operators run them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

DURATION = r"(?:\d+(?:ms|[smhdwy]))+"
IN_BRACKETS = re.compile(rf"\[\s*({DURATION})\s*(?:(:)\s*({DURATION})?\s*)?\]")
OFFSET = re.compile(rf"\boffset\s+(-?)({DURATION})")
PART = re.compile(r"(\d+)(ms|[smhdwy])")
MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000,
      "y": 31_536_000_000}  # fmt: skip
WAITS = ("for", "keep_firing_for")
RANGE_MS_MIN, STEP_MS_MIN = 6_000, 1_000
"""Below that, a range has too few scrapes of a second each for a rate."""


def milliseconds(duration: str) -> int:
    """A duration as Prometheus writes it."""
    return sum(int(number) * MS[unit] for number, unit in PART.findall(duration))


def shortened(rules: dict[str, Any], factor: int) -> dict[str, Any]:
    """A rules file with every duration divided by a factor."""
    return {"groups": [_group(group, factor) for group in rules["groups"]]}


def write_shortened(files: Iterable[Path], directory: Path, factor: int) -> list[Path]:
    """Files of rules, shortened, in another directory."""
    written = []
    for file in files:
        made = directory / file.name
        rules = shortened(yaml.safe_load(file.read_text("utf-8")), factor)
        made.write_text(yaml.safe_dump(rules, sort_keys=False, width=100), "utf-8")
        written.append(made)
    return written


def _group(group: dict[str, Any], factor: int) -> dict[str, Any]:
    timed = {"interval": _shorter(group["interval"], factor)} if "interval" in group else {}
    return {**group, **timed, "rules": [_rule(rule, factor) for rule in group["rules"]]}


def _rule(rule: dict[str, Any], factor: int) -> dict[str, Any]:
    timed = {name: _shorter(rule[name], factor) for name in WAITS if name in rule}
    return rule | timed | {"expr": _expression(rule["expr"], factor)}


def _expression(expression: str, factor: int) -> str:
    def brackets(found: re.Match[str]) -> str:
        span = _shorter(found[1], factor, RANGE_MS_MIN)
        step = _shorter(found[3], factor) if found[3] else ""
        return f"[{span}{found[2] or ''}{step}]"

    def offset(found: re.Match[str]) -> str:
        return f"offset {found[1]}{_shorter(found[2], factor)}"

    return OFFSET.sub(offset, IN_BRACKETS.sub(brackets, expression))


def _shorter(duration: str, factor: int, least_ms: int = STEP_MS_MIN) -> str:
    full_ms = milliseconds(duration)
    return f"{min(full_ms, max(least_ms, full_ms // factor))}ms"

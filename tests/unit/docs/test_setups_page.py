"""The set-ups of the documentation: the files that the page shows, the rules of their scenarios."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.incident import Severity
from schemas.rules.routing import Route
from services.consistency import scenario
from services.consistency.rules import ConsistencyRules, consistency_rules
from services.consistency.scenario import Scenario, check_scenario, read_scenario
from services.notify.core.routing import RoutedIncident, routing_of

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "consistency-setups.md").read_text("utf-8")
SETUPS = sorted((DOCS / "setups").glob("*.toml"))
NOON = datetime(2026, 3, 4, 11, tzinfo=UTC)
JUDGES_NOTHING = ("version", "routing")


def scenarios_of(setup: Path) -> list[Path]:
    return sorted((DOCS / "scenarios").glob(f"{setup.stem}-*.toml"))


def judging(setup: Path) -> dict[str, Any]:
    """The part of a rules file that a scenario repeats."""
    rules = tomllib.loads(setup.read_text("utf-8"))
    return {name: table for name, table in rules.items() if name not in JUDGES_NOTHING}


def without_one(rules: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rules without one of them, each in turn."""
    for name, table in rules.items():
        for rule in table:
            rest = {key: value for key, value in table.items() if key != rule}
            yield f"{name}.{rule}", {**rules, name: rest}


def test_the_page_shows_the_rules_files() -> None:
    """Each block of TOML is the whole text of a file, and no file is missing."""
    blocks = re.findall(r"^```toml\n(.*?)^```", PAGE, re.M | re.S)
    assert sorted(blocks) == sorted(setup.read_text("utf-8") for setup in SETUPS)
    assert len(SETUPS) == 3


@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.stem)
def test_the_scenarios_run_under_the_rules_file(setup: Path) -> None:
    """What judges in the file judges in each of its scenarios, and the page links to each."""
    rules = consistency_rules(setup)
    assert len(scenarios_of(setup)) >= 4
    for path in scenarios_of(setup):
        overrides = tomllib.loads(path.read_text("utf-8"))["rules"]
        assert overrides == judging(setup), path.stem
        assert ConsistencyRules.of({}).overridden(overrides).by_kind == rules.by_kind, path.stem
        assert f"](scenarios/{path.name})" in PAGE


@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.stem)
def test_every_rule_decides_a_scenario(setup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any one rule of the file, one of its scenarios at least is not as expected."""
    read = {path: read_scenario(path.read_text("utf-8")) for path in scenarios_of(setup)}
    for left_out, rules in without_one(judging(setup)):
        changed = [one.model_copy(update={"rules": rules}) for one in read.values()]
        assert any(not passes(one, monkeypatch) for one in changed), left_out


def passes(one: Scenario, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(scenario, "read_scenario", lambda _: one)
    return check_scenario("").passed


@pytest.mark.parametrize(
    ("setup", "channel", "location", "severity", "route", "team"),
    [
        ("national-chain", "pos", "12", "high", Route.PAGE, "stores"),
        ("national-chain", "shop", "", "critical", Route.PAGE, "pricing"),
        ("national-chain", "shop", "", "medium", Route.DIGEST, None),
        ("price-zones", "pos", "201", "high", Route.PAGE, "south"),
        ("price-zones", "pos", "901", "critical", Route.DIGEST, "partners"),
        ("price-zones", "pos", "101", "high", Route.PAGE, None),
        ("marketplace-seller", "marketplace_a", "", "medium", Route.PAGE, "marketplaces"),
        ("marketplace-seller", "marketplace_b", "", "low", Route.DIGEST, None),
        ("marketplace-seller", "shop", "", "medium", Route.DIGEST, None),
    ],
)
def test_who_hears_of_it(
    setup: str, channel: str, location: str, severity: str, route: Route, team: str | None
) -> None:
    """The routes of the page: at noon, to the team that the file names."""
    rules = consistency_rules(DOCS / "setups" / f"{setup}.toml")
    zone_of = {
        store: zone for zone, stores in rules.given.get("zones", {}).items() for store in stores
    }
    wrong = RoutedIncident("price_mismatch", "wrong_price", channel, location, Severity(severity))
    found = routing_of(wrong, rules.routing, zone_of, NOON)
    assert (found.route, found.labels.get("team")) == (route, team)

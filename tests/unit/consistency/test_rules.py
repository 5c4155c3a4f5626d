"""The consistency rules file: its defaults and what it refuses."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from schemas.rules.consistency import Overlap
from schemas.rules.identity import identity_rules
from schemas.rules.profile import profile_rules
from services.consistency.config import configured_rules
from services.consistency.kinds.price_mismatch import PriceRules
from services.consistency.rules import ConsistencyRules, consistency_rules
from services.consistency.scenario import InvalidScenario
from services.runtime.errors import ConfigurationError
from services.runtime.settings import load_settings

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


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('{ shop = "lowest" }', "overlapping_promotions needs a row `default`"),
        ('{ default = "best" }', "overlapping_promotions.default: .*'latest' or 'lowest'"),
        ('"lowest"', 'overlapping_promotions: must be a table, as { default = "lowest" }'),
        ('["lowest"]', "overlapping_promotions: must be a table$"),
    ],
)  # fmt: skip
def test_how_promotions_overlap_is_refused_with_what_is_right(
    tmp_path: Path, table: str, told: str
) -> None:
    """The text names the rule, the row, and the values that there are."""
    path = tmp_path / "mine.toml"
    path.write_text(f"[price_mismatch]\noverlapping_promotions = {table}\n", "utf-8")
    with pytest.raises(ValueError, match=told):
        consistency_rules(path)


def test_how_promotions_overlap_is_set_by_kind_channel_and_realm(tmp_path: Path) -> None:
    """Each realm and kind has its own table; other kinds know no promotions."""
    path = tmp_path / "mine.toml"
    path.write_text(
        "[price_mismatch.overlapping_promotions]\ndefault = 'lowest'\nfair = 'latest'\n"
        "[realms.at.price_mismatch.overlapping_promotions]\ndefault = 'latest'\n",
        "utf-8",
    )
    found = consistency_rules(path)
    prices = found.by_kind["price_mismatch"]
    assert [prices.overlap(one) for one in ("shop", "fair")] == [Overlap.LOWEST, Overlap.LATEST]
    assert found.of_realm("at").by_kind["price_mismatch"].overlap("shop") is Overlap.LATEST
    assert found.by_kind["charged_above_advertised"].overlap("shop") is Overlap.LOWEST
    assert found.by_kind["reduction_without_lowest_price"].overlap("shop") is Overlap.LATEST


def test_a_grace_table_needs_a_default(tmp_path: Path) -> None:
    """A file whose table leaves some channels without grace is refused with its name."""
    path = tmp_path / "mine.toml"
    path.write_text("[price_mismatch.grace_start_hours]\nshop = 4\n", "utf-8")
    with pytest.raises(
        ValueError, match=r"(?s)mine\.toml: price_mismatch: \w+ needs a row `default`"
    ):
        consistency_rules(path)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("[price_mismatch]\ngrace_end_hours = 5", "hours: must be a table, as { default = 5 }"),
        ("zones = 5", "zones: must be a table$"),
        ("[price_mismatch]\nmax_age_without_end_days = 5", "end_days: must be a table$"),
        ("[[routing.rule]]\nroute = 'page'\nlabels = 'team'", "labels: must be a table$"),
    ],
)  # fmt: skip
def test_a_value_in_the_place_of_a_table(tmp_path: Path, written: str, told: str) -> None:
    """Where a row `default` is enough, the text says so."""
    path = tmp_path / "mine.toml"
    path.write_text(written, "utf-8")
    with pytest.raises(ValueError, match=told):
        consistency_rules(path)


BRANDS = """
reference_channels = ["erp"]

[zones]
north = ["12"]

[availability_mismatch]
max_age_hours = 6
published_max_age_days = 3

[routing]
digest_at = "08:00"

[realms.outlet]
tolerance_absolute = 0.05

[realms.outlet.zones]
south = ["12"]

[realms.outlet.availability_mismatch]
max_age_hours = 12

[realms.outlet.routing]
time_zone = "Europe/Zurich"
"""


def prices_of(rules: ConsistencyRules, realm: str) -> PriceRules:
    """The rules of prices in a realm."""
    found = rules.of_realm(realm).by_kind["price_mismatch"]
    assert isinstance(found, PriceRules)
    return found


def test_a_realm_has_rules_of_its_own(tmp_path: Path) -> None:
    """What it does not name is as for all; what it names replaces the other, zones as a whole."""
    file = tmp_path / "rules.toml"
    file.write_text(BRANDS)
    found = consistency_rules(file)
    assert found.of_realm("default") is found
    own, common = found.of_realm("outlet"), found
    prices = [prices_of(found, realm) for realm in ("outlet", "default")]
    assert [one.tolerance_absolute for one in prices] == [Decimal("0.05"), Decimal("0.01")]
    assert [one.reference_channels for one in prices] == [["erp"], ["erp"]]
    assert [dict(one.zone_of) for one in prices] == [{"12": "south"}, {"12": "north"}]
    stock = own.by_kind["availability_mismatch"]
    assert (stock.max_age_hours, stock.published_max_age_days) == (12, 3)
    assert own.routing.digest_at == common.routing.digest_at
    assert (own.routing.time_zone, common.routing.time_zone) == ("Europe/Zurich", "Europe/Berlin")
    again = found.overridden({"realms": {"outlet": {"tolerance_absolute": "0.10"}}})
    assert prices_of(again, "outlet").tolerance_absolute == Decimal("0.10")
    assert again.of_realm("outlet").by_kind["availability_mismatch"].max_age_hours == 12


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("realms = 4", "realms: must be a table of realms"),
        ("[realms]\nb = 4", "realms.b: must be a table of rules"),
        ("[realms.b]\ntolerance = 4", "realms.b: tolerance: neither a kind"),
        ("[realms.b]\nmax_age_hours = 0", "realms.b: price_mismatch.max_age_hours"),
        ("[realms.b]\nversion = '2'", "realms.b: version: belongs to the whole file"),
        ("[realms.b.realms.c]\nmax_age_hours = 4", "realms.b: realms: belongs to the whole file"),
        ("[realms.b.zones]\nn = ['1']\ns = ['1']", "realms.b: .*listed in two zones"),
        (
            "[[realms.b.routing.rule]]\nroute = 'page'\nkind = ['x']",
            "realms.b: routing.rule.0.kind",
        ),
    ],
)
def test_bad_rules_of_a_realm_are_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    """The message begins with the realm."""
    file = tmp_path / "rules.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        consistency_rules(file)


def test_rules_of_a_realm_that_is_not_configured_are_refused(tmp_path: Path) -> None:
    """A misspelt realm would be judged by the rules of all, and nobody would know."""
    file = tmp_path / "rules.toml"
    file.write_text("[realms.outlte]\nmax_age_hours = 4\n")
    settings = load_settings(tmp_path, consistency_rules=file)
    with pytest.raises(ConfigurationError, match=r"realms\.outlte: no such realm.*default"):
        configured_rules(settings)

"""Two brands of one retailer, each judged by rules of its own, on the embedded engine."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import orjson

from tests.e2e.runs import c360
from tests.e2e.test_incident_actions import WRONG

REALMS = '{"default":{},"outlet":{"region":"DE","time_zone":"Europe/Berlin","currency":"EUR"}}'
RULES = """
[realms.outlet]
may_differ = [["shop", "app"], ["shop", "pos"], ["app", "pos"]]
"""


def test_each_realm_is_judged_by_its_rules(tmp_path: Path) -> None:
    """The same prices in both: incidents in the one, whose channels may not differ. A realm that
    does not exist is refused."""
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    settings: Any = {"C360_REALMS": REALMS, "C360_CONSISTENCY_RULES": str(rules)}
    run = partial(c360, tmp_path / "data", **settings)
    there = [orjson.dumps({**orjson.loads(one), "realm": "outlet"}) for one in WRONG.splitlines()]
    run("ingest", "-", stdin=b"\n".join([*WRONG.splitlines(), *there]))
    found = [
        len(orjson.loads(run("incidents", "list", "--json", "--realm", realm).stdout))
        for realm in ("default", "outlet")
    ]
    assert found == [1, 0]
    rules.write_text("[realms.outlt]\nmax_age_hours = 4\n")
    refused = run("incidents", "list", code=78)
    assert "realms.outlt: no such realm; C360_REALMS lists: default, outlet" in refused.stderr

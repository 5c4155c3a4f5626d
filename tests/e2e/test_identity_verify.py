"""`c360 identity verify` as a process: a right map, a row that somebody changed, other rules."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from importlib import resources
from pathlib import Path

from tests.e2e.runs import c360, c360_json
from tests.e2e.up import running
from tests.events import event, identifier, line

COMMAND = ("identity", "verify")
EMAIL = identifier("email", "anna@example.com", verified=True)
LINES = b"\n".join(
    line(
        event(
            "identity.linked",
            identifiers=[identifier("loyalty_card", card, verified=True), EMAIL],
        )
    )
    for card in ("77", "78")
)


MOVE = """
import sys
from contextlib import closing
from pathlib import Path
from services.store.database import open_embedded

with closing(open_embedded(Path(sys.argv[1]))) as database:
    database.command(
        "INSERT INTO members SELECT realm, toUUID('00000000-0000-0000-0000-000000000001'), node, "
        "type, kind, version + 1 FROM map WHERE node = {node:UUID}",
        {"node": sys.argv[2]},
    )
"""
"""Puts an identifier into another profile; a process holds one directory at a time."""


def test_a_map_that_was_changed_by_hand(tmp_path: Path) -> None:
    """Nothing differs at first, also through `c360 up`; then exactly the row that was changed."""
    data = tmp_path / "data"
    c360(data, "ingest", "-", stdin=LINES)
    right = c360(data, *COMMAND).stdout
    assert "3 identifiers of realm default: 0 map rows and 0 refusals differ" in right
    with running(data) as up, closing(up.client):
        assert c360(data, *COMMAND).stdout == right
    held = {one["value"]: one for one in c360_json(data, "identity", "export", "--json")}
    one = held["78"]
    subprocess.run([sys.executable, "-c", MOVE, str(data), one["node_id"]], check=True)
    wrong = c360(data, *COMMAND, code=1).stdout
    assert "1 map rows and 0 refusals differ" in wrong
    assert one["node_id"] in wrong
    [told] = json.loads(c360(data, *COMMAND, "--realm", "default", "--json", code=1).stdout)
    assert (told["nodes"], told["unsettled"], told["wrong_refusals"]) == (3, 0, 0)
    assert [row["node_id"] for row in told["map_rows"]] == [one["node_id"]]
    assert told["map_rows"][0]["expected_profile_id"] == one["profile_id"]
    [none] = json.loads(c360(data, *COMMAND, "--limit", "0", "--json", code=1).stdout)
    assert (none["wrong_map_rows"], none["map_rows"]) == (1, [])
    c360(data, *COMMAND, "--realm", "nowhere", code=4)


def test_rules_that_are_not_in_force(tmp_path: Path) -> None:
    """The map is compared with the rules that made it: another file is refused."""
    c360(tmp_path / "data", "ingest", "-", stdin=LINES)
    rules = tmp_path / "identity.toml"
    packaged = resources.files("schemas.rules").joinpath("identity.toml").read_text()
    rules.write_text(packaged.replace("hub_above_personal = 10", "hub_above_personal = 1"))
    refused = c360(tmp_path / "data", *COMMAND, code=78, C360_IDENTITY_RULES=str(rules)).stderr
    assert "is not the rules in force in realm default" in refused
    assert "c360 identity apply" in refused

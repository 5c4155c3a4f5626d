"""Changed identity rules as a process sees them: what they would do, and what they have done."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from services.store.waiting import wait_until
from tests.e2e.runs import SECRET, c360, c360_json, environment
from tests.e2e.up import running
from tests.events import event, identifier, line

SIMULATE = ("identity", "simulate")
PACKAGED = resources.files("schemas.rules").joinpath("identity.toml").read_text()
REBUILD = ("identity", "rebuild")
APPLY = ("identity", "apply")
RULES = ("identity", "rules")
CARD = 'name = "loyalty_card"\nkind = "personal"'
NO_TYPES = "version = '4'\nhub_above = 0\nhub_above_personal = 1\nblocked = []\ntype = []"
CUT_OFF = """
import os, sys
from functools import partial
from itertools import islice
from pathlib import Path
from schemas.records import RulesRecord
from services.embedded import engine
from services.runtime.settings import Settings

engine.rebuilt_parts = partial(engine.rebuilt_parts, nodes_per_part=1)
settings = Settings.model_validate({"data_dir": Path(sys.argv[1]), "identity_secret": sys.argv[2]})
opened = engine.Engine.open(settings)
known = max(one.decided_ms for one in opened.rules.in_force.values())
said = {"author": "a", "reason": "cut off", "decided_ms": known + 1}
opened.begin([RulesRecord(realm="default", text=sys.stdin.read(), **said)])
for _ in islice(opened.finish_rules(), int(sys.argv[3])):
    pass
os._exit(9)
"""
ANNA = identifier("email", "anna@example.com", verified=True)
LINES = b"\n".join(
    line(event("identity.linked", identifiers=[*ids]))
    for ids in (
        [identifier("loyalty_card", "77", verified=True), ANNA],
        [identifier("loyalty_card", "78", verified=True), ANNA],
        [identifier("loyalty_card", "78", verified=True), identifier("device_id", "tablet")],
        [identifier("customer_number", "4711", verified=True), identifier("phone", "015112345678")],
    )
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person with two cards and a tablet, and another with a telephone."""
    found = tmp_path_factory.mktemp("rules") / "data"
    c360(found, "ingest", "-", stdin=LINES)
    return found


def rules(tmp_path: Path, *replaced: tuple[str, str]) -> Path:
    """The packaged rules with other words."""
    text = PACKAGED
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "new.toml").write_text(text)
    return tmp_path / "new.toml"


def simulated(data: Path, file: Path, *options: str) -> dict[str, Any]:
    """The answer about the one realm."""
    [found] = json.loads(c360(data, *SIMULATE, str(file), "--json", *options).stdout)
    return dict(found)


def test_the_same_rules_change_nothing(data: Path, tmp_path: Path) -> None:
    """And the store stays as it is."""
    before = c360(data, "state", "digest").stdout
    found = c360(data, *SIMULATE, str(rules(tmp_path))).stdout
    assert " identifiers of realm default under rules 6: person 2 → 2, anonymous 0 → 0" in found
    assert "nothing changes" in found
    assert c360(data, "state", "digest").stdout == before


def test_a_person_would_be_split(data: Path, tmp_path: Path) -> None:
    """Two cards of one issuer are two persons, and their address stays with one of them."""
    file = rules(tmp_path, (CARD, f"{CARD}\nunique = true"))
    found = simulated(data, file)
    assert (found["persons_split"], found["persons_merged"], found["profiles_changed"]) == (1, 0, 2)
    assert found["profiles_before"]["person"] + 1 == found["profiles_after"]["person"] == 3
    assert found["refusals_appear"] == {"unique": 1}
    held = {one["value"]: one for one in c360_json(data, "identity", "export", "--json")}
    changed = {one["profile_id"]: one for one in found["largest"]}
    kept = changed[held["78"]["profile_id"]]
    assert (kept["before"], kept["after"], kept["lost"], kept["gained"]) == (4, 2, 2, 0)
    [loss] = kept["loses"]
    new = changed[loss["other_profile_id"]]
    assert (new["is_new"], new["before"], new["after"]) == (True, 0, 2)
    assert loss["sample"]["value"] in held
    told = c360(data, *SIMULATE, str(file)).stdout
    assert "1 persons are split" in told
    with running(data) as up, closing(up.client):
        assert c360(data, *SIMULATE, str(file)).stdout == told
        assert c360(data, *SIMULATE, str(file), "--limit", "0").stdout != told


def test_an_address_would_belong_to_nobody(data: Path, tmp_path: Path) -> None:
    """By a limit, and because it is blocked; both say which."""
    limit = simulated(data, rules(tmp_path, ("hub_above_personal = 10", "hub_above_personal = 1")))
    block = simulated(data, rules(tmp_path, ('"^test@.*$"'.replace('"', "'"), "'^anna@'")))
    for found in (limit, block):
        [one] = found["newly_shared_sample"]
        assert (one["type"], one["value"], found["newly_shared"]) == (
            "email",
            "anna@example.com",
            1,
        )
        assert found["persons_split"] == 1
    assert (limit["blocked"], block["blocked"]) == ({}, {"email": 1})
    assert block["blocked_sample"][0]["value"] == "anna@example.com"
    assert limit["refusals_appear"] == {"hub": 2}


def test_what_only_a_replay_tells(data: Path, tmp_path: Path) -> None:
    """A type that is gone, and values that would be written otherwise."""
    gone = rules(tmp_path, ('[[type]]\nname = "device_id"', '[[type]]\nname = "gadget"'))
    assert simulated(data, gone)["unlisted"] == {"device_id": 1}
    other = rules(tmp_path, ('normaliser = "phone"\n', 'normaliser = "email"\n'))
    assert simulated(data, other)["needs_replay"] == {"phone": 1}


def exported(data: Path, mine: str) -> list[dict[str, Any]]:
    """Every identifier with its profile, but for those of the type that is gone."""
    rows = c360(data, "identity", "export", "--format", "json", C360_IDENTITY_RULES=mine).stdout
    found = [one for one in json.loads(rows) if one["type"] != "device_id"]
    return sorted(found, key=lambda one: str(one["node_id"]))


def test_a_map_is_rebuilt_under_other_rules(tmp_path: Path) -> None:
    """Then it is that of a directory that never had others, and what comes in later fits."""
    (tmp_path / "rules").mkdir()
    file = rules(
        tmp_path / "rules",
        (CARD, f"{CARD}\nunique = true"),
        ('[[type]]\nname = "device_id"', '[[type]]\nname = "gadget"'),
    )
    data, fresh, mine = tmp_path / "data", tmp_path / "fresh", str(file)
    card = identifier("loyalty_card", "79", verified=True)
    later = line(event("identity.linked", identifiers=[card, ANNA]))
    c360(data, "ingest", "-", stdin=LINES)
    with running(data) as up, closing(up.client):
        assert "in use" in c360(data, *REBUILD, code=74).stderr
    refused = c360(data, "identity", "verify", code=78, C360_IDENTITY_RULES=mine).stderr
    assert "not the rules in force in realm default (version 6" in refused
    assert "'c360 identity apply FILE'" in refused
    one_realm = ("--realm", "default")
    assert (
        "every realm" in c360(data, *REBUILD, *one_realm, code=2, C360_IDENTITY_RULES=mine).stderr
    )
    done = c360(data, *REBUILD, C360_IDENTITY_RULES=mine).stdout
    assert "map rows and 1 refusals written, 1 and 0 removed" in done
    c360(data, "identity", "verify", C360_IDENTITY_RULES=mine)
    again = json.loads(
        c360(data, *REBUILD, "--realm", "default", "--json", C360_IDENTITY_RULES=mine).stdout
    )
    [one] = again["realms"]
    assert (one["map_rows_written"], one["map_rows_removed"], one["refusals_written"]) == (0, 0, 0)
    c360(data, "ingest", "-", stdin=later, C360_IDENTITY_RULES=mine)
    c360(data, "identity", "verify", C360_IDENTITY_RULES=mine)
    for part in (LINES, later):
        c360(fresh, "ingest", "-", stdin=part, C360_IDENTITY_RULES=mine)
    assert exported(data, mine) == exported(fresh, mine)
    c360(data, *REBUILD, "--realm", "nowhere", code=4, C360_IDENTITY_RULES=mine)


def test_rules_are_applied(tmp_path: Path) -> None:
    """They are in force for every process without a file of its own; the former ones are listed."""
    data, fresh = tmp_path / "data", tmp_path / "fresh"
    (tmp_path / "rules").mkdir()
    file = rules(
        tmp_path / "rules",
        ("version = ", "version = 'cards' # "),
        (CARD, f"{CARD}\nunique = true"),
        ('[[type]]\nname = "device_id"', '[[type]]\nname = "gadget"'),
    )
    mine, why = str(file), ("--by", "anna", "--reason", "cards are personal")
    c360(data, "ingest", "-", stdin=LINES)
    [first] = c360_json(data, *RULES, "--json")
    assert (first["rules"], first["author"], first["is_done"], first["since"]) == (
        "6", "c360", True, 0,
    )  # fmt: skip
    assert first["text"] == PACKAGED == c360(data, *RULES, "--text").stdout
    assert c360(data, *APPLY, mine, "--dry-run").stdout == c360(data, *SIMULATE, mine).stdout
    assert "who applies them" in c360(data, *APPLY, mine, code=2).stderr
    before = c360(data, "state", "digest").stdout
    done = c360(data, *APPLY, mine, *why).stdout
    assert "Rules cards are in force in realm default in the place of rules 6, and the map" in done
    assert c360(data, "state", "digest").stdout != before
    c360(data, "identity", "verify")
    assert "nothing changes" in c360(data, *APPLY, mine, *why).stdout
    listed = c360_json(data, *RULES, "--history", "--json")
    assert [(one["rules"], one["in_force"], one["reason"]) for one in listed] == [
        ("cards", True, "cards are personal"),
        ("6", False, "the first rules of the realm"),
    ]
    assert listed[0]["text"] == file.read_text()
    card = identifier("loyalty_card", "79", verified=True)
    later = line(event("identity.linked", identifiers=[card, ANNA]))
    c360(data, "ingest", "-", stdin=later)
    c360(data, "identity", "verify", C360_IDENTITY_RULES=mine)
    for part in (LINES, later):
        c360(fresh, "ingest", "-", stdin=part, C360_IDENTITY_RULES=mine)
    assert exported(data, mine) == exported(fresh, mine)
    assert c360(data, *RULES, "--packaged").stdout == PACKAGED


def test_rules_are_applied_while_events_come_in(tmp_path: Path) -> None:
    """Through the service that holds the directory, which goes by them at once."""
    data = tmp_path / "data"
    file = rules(tmp_path, ("version = ", "version = 'cards' # "), (CARD, f"{CARD}\nunique = true"))
    c360(data, "ingest", "-", stdin=LINES)
    card = identifier("loyalty_card", "79", verified=True)
    with running(data) as up, closing(up.client):
        c360(data, *APPLY, str(file), "--by", "anna", "--reason", "cards")
        c360(data, "ingest", "-", stdin=line(event("identity.linked", identifiers=[card, ANNA])))
        wait_until(lambda: c360_json(data, *RULES, "--json")[0]["is_done"], 30.0, "still applied")
        c360(data, "identity", "verify")
    c360(data, "identity", "verify", C360_IDENTITY_RULES=str(file))
    held = {one["value"]: one for one in c360_json(data, "identity", "export", "--json")}
    assert len({held[one]["profile_id"] for one in ("77", "78", "79")}) == 3


def test_rules_are_replaced_while_they_are_applied(tmp_path: Path) -> None:
    """A directory whose change was cut off is read as it is; another change takes its place."""
    data, mine = tmp_path / "data", str(rules(tmp_path, ("version = ", "version = 'cards' # ")))
    c360(data, "ingest", "-", stdin=LINES)
    cut_off(data, PACKAGED.replace(CARD, f"{CARD}\nunique = true"), parts=0)
    told = c360(data, "identity", "verify", code=75).stdout
    assert "Rules are still being applied in realm default: rows that differ may be" in told
    assert "Rebuild" not in told
    [now] = c360_json(data, *RULES, "--json")
    assert (now["is_done"], now["reason"]) == (False, "cut off")
    assert "being applied: " in c360(data, *RULES).stdout
    why = ("--by", "anna", "--reason", "back")
    refused = c360(data, *APPLY, mine, *why, code=1).stderr
    assert "are still being applied in realm default; apply others when that is done, or" in refused
    assert not c360_json(data, *RULES, "--json")[0]["is_done"], "and nothing else was finished"
    done = c360(data, *APPLY, mine, *why, "--instead").stdout
    assert "Rules cards are in force in realm default in the place of rules 6, and the map" in done
    c360(data, "identity", "verify")
    cut_off(data, PACKAGED)
    c360(data, "ingest", "-", stdin=LINES)
    assert c360_json(data, *RULES, "--json")[0]["is_done"], "whoever writes goes on with it"
    cut_off(data, PACKAGED.replace(CARD, f"{CARD}\nunique = true"))
    with running(data) as up, closing(up.client):
        wait_until(lambda: c360_json(data, *RULES, "--json")[0]["is_done"], 30.0, "still applied")
    c360(data, "identity", "verify")


def test_settings_are_looked_at_with_the_rules_in_force(tmp_path: Path) -> None:
    """A trust file may name types that only they list; and where the file of this machine differs
    from them, `doctor` and `trust` say so."""
    data, trusted = tmp_path / "data", tmp_path / "trust.toml"
    trusted.write_text(
        'version = "9"\n[[source]]\nsystem = "crm"\nverifies = ["club_card"]\n', "utf-8"
    )
    own = rules(
        tmp_path, (CARD, CARD.replace("loyalty", "club")), ("version = ", "version = 'c' # ")
    )
    given: dict[str, Any] = {"C360_TRUST_RULES": str(trusted)}
    assert "club_card" in c360(data, "identity", "trust", code=78, **given).stderr
    told = c360(data, "identity", "trust").stdout
    assert "there is no store yet; the packaged rules will be its first ones" in told
    c360(data, "ingest", "-", stdin=LINES)
    c360(data, *APPLY, str(own), "--by", "anna", "--reason", "cards")
    told = c360(data, "identity", "trust", **given).stdout
    assert "club_card" in told
    assert "identity rules in force: version c in realm default, by anna" in told
    assert "they differ from the packaged rules" in told
    found = doctor(data, **given)
    assert (found["rules"]["verdict"], found["identity rules"]["verdict"]) == ("ok", "ok")
    assert "version c in realm default" in found["identity rules"]["found"]
    (tmp_path / "other.toml").write_text(PACKAGED)
    given["C360_IDENTITY_RULES"] = str(tmp_path / "other.toml")
    with running(data, C360_TRUST_RULES=str(trusted)) as up, closing(up.client):
        found = doctor(data, code=1, **given)
        assert found["identity rules"]["verdict"] == "failed"
        assert "they differ from C360_IDENTITY_RULES" in found["identity rules"]["found"]


def doctor(data: Path, code: int = 0, **settings: Any) -> dict[str, Any]:
    """What the command found, by check."""
    told = c360(data, "doctor", "--json", code=code, **settings).stdout
    return {one["check"]: one for one in json.loads(told)}


def cut_off(data: Path, text: str, parts: int = 1) -> None:
    """A process that puts rules in force and is gone after so many parts."""
    done = subprocess.run(
        [sys.executable, "-c", CUT_OFF, str(data), SECRET, str(parts)],
        input=text.encode(),
        capture_output=True,
        env=environment(),
        check=False,
    )
    assert done.returncode == 9, done.stderr.decode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version = ", "rules"),
        (NO_TYPES, "hub_above"),
        (PACKAGED.replace('kind = "device"', 'kind = "gadget"'), "kind"),
        (PACKAGED.replace("'^test@.*$'", "'('"), "pattern"),
    ],
)
def test_a_wrong_file_is_refused(data: Path, tmp_path: Path, text: str, said: str) -> None:
    """With the field that is wrong."""
    (tmp_path / "wrong.toml").write_text(text)
    assert said in c360(data, *SIMULATE, str(tmp_path / "wrong.toml"), code=2).stderr


def test_nothing_to_try(data: Path, tmp_path: Path) -> None:
    """No such file, no such realm, and bytes that are no text."""
    assert "cannot read" in c360(data, *SIMULATE, str(tmp_path / "no.toml"), code=66).stderr
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    assert "rules file" in c360(data, *SIMULATE, str(tmp_path / "bytes.toml"), code=65).stderr
    c360(data, *SIMULATE, str(rules(tmp_path)), "--realm", "nowhere", code=4)

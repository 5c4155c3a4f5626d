"""The first commands after an import, as a new user types them, in processes of their own."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.conftest import Reference
from tests.e2e.runs import c360, c360_json, digest


def test_a_customer_by_what_is_known_of_them(reference: Reference) -> None:
    """Their e-mail address is enough, and nobody is invented for a value that was never seen."""
    rows = c360_json(reference.data_dir, "identity", "export", "--format", "json")
    known = next(row for row in rows if row["type"] == "email" and not row["shared"])
    found = c360_json(reference.data_dir, "profile", "get", known["value"], "--json")
    assert found["profile_id"] == known["profile_id"]
    why = ("identity", "why", known["value"], "nobody@nowhere.example")
    done = c360(reference.data_dir, *why, code=4)
    assert "'nobody@nowhere.example' was never seen" in done.stderr.replace("\n", " ")


def test_lists_fit_eighty_columns(reference: Reference) -> None:
    """Without a terminal, too; times carry an offset."""
    for arguments in (
        ("profile", "list"), ("incidents", "list"), ("rejected", "list"),
    ):  # fmt: skip
        printed = c360(reference.data_dir, *arguments).stdout
        assert max(map(len, printed.splitlines())) <= 80


def test_events_leave_as_they_came(reference: Reference, tmp_path: Path) -> None:
    """What is exported gives the same facts again; lists and numbers are those of the filter, and
    synthetic events are exported and not counted."""
    lines = c360(reference.data_dir, "events", "export").stdout.encode()
    c360(tmp_path / "copy", "ingest", "-", stdin=lines)
    assert digest(tmp_path / "copy")["facts"] == reference.digest["facts"]
    days = c360_json(reference.data_dir, "stats", "--json")
    exported = [json.loads(line) for line in lines.splitlines()]
    real = [one for one in exported if not one.get("source", {}).get("synthetic")]
    assert sum(day["events"] for day in days) == len(real) < len(exported)
    tills = c360(reference.data_dir, "events", "export", "--channel", "pos").stdout.splitlines()
    assert {json.loads(one)["channel"] for one in tills} == {"pos"}
    assert len(tills) == sum(day["events"] for day in days if day["channel"] == "pos")
    since = ("--type", "order.placed", "--since", "2017-06-01", "--limit", "5", "--json")
    listed = c360_json(reference.data_dir, "events", "list", *since)
    assert len(listed) == 5
    assert {one["type"] for one in listed} == {"order.placed"}
    checks = {one["check"] for one in c360_json(reference.data_dir, "doctor", "--json")}
    assert {"secret", "store", "clock", "channels", "open files"} <= checks


def test_incidents_are_filtered(reference: Reference) -> None:
    """By product and number; one of them is shown without notation of a programming language."""
    [first, *_] = c360_json(reference.data_dir, "incidents", "list", "--limit", "1", "--json")
    same = c360_json(reference.data_dir, "incidents", "list", "--sku", first["sku"], "--json")
    assert {one["sku"] for one in same} == {first["sku"]}
    shown = c360(reference.data_dir, "incidents", "show", first["incident_id"]).stdout
    assert not set("[]{}'") & set(shown)

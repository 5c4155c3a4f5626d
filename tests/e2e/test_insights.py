"""Measures from the command line: listed, computed, and refused with advice."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.runs import c360, c360_json
from tests.events import event, identifier, line


def test_a_measure_end_to_end(tmp_path: Path) -> None:
    """Ten buyers, five of them on two days: a half, as JSON and for people."""
    data_dir = tmp_path / "data"
    orders = [
        event(
            "order.placed", event_id=f"{person}-{day}", occurred_at=f"2026-03-{day:02}T10:00:00Z",
            identifiers=[identifier("email", f"p{person}@example.com", verified=True)],
            body={"order_id": f"{person}-{day}", "lines": [{"sku": "1", "total": "10.00"}]},
        )
        for person in range(10)
        for day in ((2, 5) if person < 5 else (2,))
    ]  # fmt: skip
    c360(data_dir, "ingest", "-", stdin=b"\n".join(map(line, orders)))
    [listed] = [
        one for one in c360_json(data_dir, "insights", "list", "--json")
        if one["measure"] == "repeat_purchase_rate"
    ]  # fmt: skip
    assert listed["population"] == "persons"
    window = ("--from", "2026-03-01", "--until", "2026-04-01")
    show = ("insights", "show", "repeat_purchase_rate", *window)
    found = c360_json(data_dir, *show, "--json")
    assert (found["n"], found["value"]) == (10, 0.5)
    assert found["definition"] == listed["definition"]
    assert found["window"]["from"] == "2026-02-28T23:00:00.000Z"
    assert found["counts"]["repeat_buyers"] == 5
    printed = c360(data_dir, *show).stdout
    assert "2026-03-01 00:00+01:00 to 2026-04-01 00:00+02:00" in printed
    assert "50.0 % (95% interval" in printed
    assert "10.00 EUR" in printed
    refused = c360(data_dir, *show[:3], "--from", "2026-04-01", "--until", "2026-04-01", code=2)
    assert "is empty" in refused.stderr
    unknown = c360(data_dir, "insights", "show", "happiness", code=4)
    assert "repeat_purchase_rate" in unknown.stderr
    keep = ("insights", "keep", "happiness", "repeat_purchase_rate", "--every-realm", "--json")
    kept = c360(data_dir, *keep, code=4)  # one that fails costs no other
    assert [one["result"]["measure"] for one in json.loads(kept.stdout)] == ["repeat_purchase_rate"]
    assert "happiness of realm default is not kept" in kept.stderr

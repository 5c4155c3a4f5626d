"""Segments follow what is ingested: no membership differs after it, and changes say why."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.e2e.runs import c360, c360_json
from tests.events import event, identifier, line

SEGMENTS = """
[segment.buyers]
title = "Bought within the last two days"
purpose = "service"
[[segment.buyers.all]]
did = "order.placed"
within = "2d"

[segment.buyers_twice]
title = "Buyers with two orders"
purpose = "service"
[[segment.buyers_twice.all]]
in_segment = "buyers"
[[segment.buyers_twice.all]]
did = "order.placed"
count = ">= 2"
"""


def bought(person: int, day: int) -> dict[str, Any]:
    """An order."""
    return event(
        "order.placed", event_id=f"{person}-{day}", occurred_at=f"2026-03-{day:02}T10:00:00Z",
        identifiers=[identifier("email", f"p{person}@example.com", verified=True)],
        body={"order_id": f"{person}-{day}", "lines": [{"sku": "1", "total": "10.00"}]},
    )  # fmt: skip


def ingest(data_dir: Path, *events: dict[str, Any]) -> None:
    """Take events in, to the end."""
    c360(data_dir, "ingest", "-", stdin=b"\n".join(map(line, events)))


def sizes(data_dir: Path) -> dict[str, int]:
    """The sizes of the segments, after a whole evaluation found no difference."""
    c360(data_dir, "segments", "verify")
    return {
        one["segment"]: one["members"] for one in c360_json(data_dir, "segments", "list", "--json")
    }


def test_memberships_follow_what_is_ingested(tmp_path: Path) -> None:
    """Time alone has seven leave, a late order has one enter, and an erasure one leave."""
    data_dir, file = tmp_path / "data", tmp_path / "segments.toml"
    file.write_text(SEGMENTS)
    ingest(data_dir, *(bought(person, 2) for person in range(7)))
    c360(data_dir, "segments", "apply", str(file))
    assert sizes(data_dir) == {"buyers": 7, "buyers_twice": 0}
    ingest(data_dir, bought(0, 3), bought(9, 6))
    assert sizes(data_dir) == {"buyers": 1, "buyers_twice": 0}
    ingest(data_dir, bought(1, 5))
    assert sizes(data_dir) == {"buyers": 2, "buyers_twice": 1}
    c360(data_dir, "profile", "erase", "--identifier", "email=p1@example.com", "--yes")
    assert sizes(data_dir) == {"buyers": 1, "buyers_twice": 0}
    assert c360(data_dir, "segments", "remove", "buyers", code=1).stdout == ""
    c360(data_dir, "segments", "remove", "buyers_twice")
    assert "1 members left" in c360(data_dir, "segments", "remove", "buyers").stdout
    c360(data_dir, "segments", "members", "buyers", code=4)
    printed = c360(data_dir, "segments", "changes", "--json").stdout.splitlines()
    told = [json.loads(line) for line in printed]
    gone = {one["profile_id"] for one in told if one["reason"] == "erased"}
    sums = Counter[str]()
    for one in (one for one in told if one["profile_id"] not in gone):
        sums[one["segment"]] += 1 if one["change"] == "entered" else -1
    assert set(sums.values()) == {0}, "whoever entered left"
    assert all(one["change"] == "left" for one in told if one["profile_id"] in gone)
    assert {one["reason"] for one in told[-1:]} == {"definition"}
    assert [one for one in told if one["reason"] == "erased" and one["because"]] == []
    file.write_text(SEGMENTS.partition("[segment.buyers_twice]")[0])
    [again] = c360_json(data_dir, "segments", "apply", str(file), "--json")["segments"]
    assert (again["number"], again["members"], again["entered"]) == (3, 1, 1)
    assert sizes(data_dir) == {"buyers": 1}

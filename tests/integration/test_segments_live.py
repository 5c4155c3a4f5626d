"""Memberships that follow events on the real store, whatever fails and whenever it is killed."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.rules.profile import profile_rules
from schemas.rules.segments import SegmentScope, read_segments
from services.profiles.adapters.clickhouse import ProfileReader
from services.profiles.adapters.history import HistoryReader
from services.segments.adapters.changes import ChangeReader
from services.segments.adapters.facts import FactReader
from services.segments.adapters.live import LiveStore
from services.segments.core.compiler import SegmentSetting, compiled
from services.segments.evaluation import evaluated
from services.segments.ports import StoredDefinition
from services.store.database import Database
from tests.mixed_history import REALM
from tests.mixed_process import Faults, Mixed, Process
from tests.tiers import volumes

CHANGES = """SELECT toString(segment), node, change, reason, length(because), into_node
FROM segment_changes FINAL ORDER BY segment, node, sequence"""
STORED = "SELECT toString(segment), node, sequence, toString(change) FROM segment_changes FINAL"
TIMERS = "SELECT count(), uniqExact(realm, segment, node) FROM segment_timers FINAL"
ERASED = "SELECT DISTINCT node FROM erasures WHERE realm = 'default'"
NAMED = """SELECT count() FROM {table:Identifier}
WHERE node IN {nodes:Array(UUID)} AND node NOT IN (SELECT node FROM node_values)"""
SEGMENTS = """
[segment.buyers]
title = "Bought in the last two days"
purpose = "service"
kinds = ["person", "anonymous"]
[[segment.buyers.all]]
did = "order.placed"
within = "2d"

[segment.silent]
title = "Looked around, and then nothing for a day"
purpose = "marketing"
kinds = ["person", "anonymous"]
[[segment.silent.all]]
did = "page.viewed"
[[segment.silent.all]]
did_not = "page.viewed"
within = "1d"

[segment.bonn]
title = "In Bonn"
purpose = "service"
[[segment.bonn.all]]
attribute = "city"
equals = "Bonn"

[segment.bonn_buyers]
title = "Buyers in Bonn"
purpose = "service"
[[segment.bonn_buyers.all]]
in_segment = "bonn"
[[segment.bonn_buyers.all]]
in_segment = "buyers"

[segment.readers]
title = "Clicked soon"
purpose = "marketing"
[[segment.readers.all]]
sequence = ["email.opened", { then = "email.clicked", within = "1d" }]
"""


def define(process: Process) -> None:
    """Put the segments in force."""
    rules = profile_rules()
    found = read_segments(SEGMENTS, SegmentScope(rules))
    process.engine.pipeline.define(
        REALM, {name: StoredDefinition(1, process.now, one) for name, one in found.items()}
    )
    while process.engine.pipeline.advance_segments(REALM) is not None:
        pass


def differences(process: Process) -> dict[str, Any]:
    """What a whole evaluation finds otherwise than it is stored."""
    engine, rules = process.engine, profile_rules()
    settings, database = engine.settings, process.database
    profiles = ProfileReader(database, settings.realms, rules, engine.identity_rules)
    source = FactReader(database, HistoryReader(profiles), rules, {REALM: "DE"})
    store, setting = (
        LiveStore(database),
        SegmentSetting(ZoneInfo("Europe/Berlin"), "EUR", rules.consent),
    )
    stored = store.definitions(REALM)
    plans = compiled({name: one.definition for name, one in stored.items()}, setting)
    assert len(plans) == 5
    numbers = {name: one.number for name, one in stored.items()}
    tick = engine.claims.latest_tick(REALM)
    assert tick is not None
    assert store.evaluated(REALM) is not None
    found: dict[str, Any] = {}
    for portion in evaluated(source, store, REALM, plans, numbers, tick):
        found |= {name: some for name, some in portion.changes.items() if some}
    return found


def check_changes(database: Database) -> set[str]:
    """Changes alternate, and add up to the sizes; the reasons there were."""
    found: defaultdict[tuple[str, Any], list[str]] = defaultdict(list)
    sizes: defaultdict[str, int] = defaultdict(int)
    reasons = set()
    rows = database.rows(CHANGES)
    erased = {node for (node,) in database.rows(ERASED)}
    for segment, node, change, reason, because, into in rows:
        found[segment, node].append(change)
        sizes[segment] += 1 if change == "entered" else -1
        reasons.add(f"{change} {reason}")
        assert into.int == 0 or (change, reason) == ("left", "identity")
        assert not because or reason != "erased"
    for key, changes in found.items():
        if key[1] not in erased:
            expected = [number % 2 == 0 for number in range(len(changes))]
            assert [one == "entered" for one in changes] == expected, key
    [(timers, keys)] = database.rows(TIMERS)
    assert timers == keys
    return reasons


@pytest.mark.parametrize("steps", volumes(8, 30))
def test_whatever_is_killed_in_between(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """Traffic, decisions, other rules, erasures, expiry, faults and kills at any write: a whole
    evaluation finds no difference, and of erased persons nothing is left but that they left."""
    reasons: set[str] = set()
    with monkeypatch.context() as patch:
        faults = Faults(patch)
        mixed = Mixed(database, tmp_path, random.Random(1), faults)
        mixed.run(6)
        define(mixed.process)
        mixed.run(steps)
        assert differences(mixed.process) == {}, mixed.trace
        reasons |= check_changes(database)
        settled = mixed.process.engine.pipeline.settled
        said = [one.record for one in ChangeReader(database).page(0, "", settled, 100_000)]
        keys = {(one.segment, one.profile_id, one.sequence, one.change) for one in said}
        assert keys >= set(database.rows(STORED)), "what is stored is told"
    erased = [str(node) for (node,) in database.rows(ERASED)]
    for table in ("memberships", "segment_timers", "segment_marks"):
        assert database.rows(NAMED, {"table": table, "nodes": erased}) == [(0,)], table
    assert "entered event" in reasons
    if steps > 20:  # few steps need not have everything
        assert {"entered time", "left identity", "left erased", "retracted event"} < reasons

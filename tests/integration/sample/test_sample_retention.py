"""On the sample: types expire at several times, with kills in the middle, then all is sent again.

The state is that of a store that knew the cut-offs before the first event.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from services.ingest.core.outcome import Intake
from services.runtime.errors import Fatal, Retry
from services.runtime.settings.retention import LIMITED_TYPES
from services.store.database import Database
from tests.integration.sample.conftest import Built
from tests.retaining_process import (
    DyingWrites,
    RetainingProcess,
    assert_consistent,
    digest_by_section,
    emptied,
    registered,
)
from tests.tiers import LONG

BATCH_EVENTS = 2_000
WRITES_BEFORE_THE_KILL = (7, 24)


def cutoffs(built: Built) -> dict[str, datetime]:
    """Of each type in the sample another time between its first and its last event."""
    found: dict[str, datetime] = {}
    for number, name in enumerate(LIMITED_TYPES):
        times = sorted(datetime.fromisoformat(one["occurred_at"]) for one in built.of(name))
        if times:
            found[name] = times[len(times) * (number + 2) // 7].astimezone(UTC)
    return found


@LONG
def test_the_sample_without_what_expired(
    built: Built, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal digests by section, and not one event too many or too few."""
    registered(database)
    lines = [(one, Intake.FILE) for one in built.lines]
    before = cutoffs(built)
    assert len(before) >= 3
    last = max(datetime.fromisoformat(one["occurred_at"]) for one in built.events)
    received_at = last.astimezone(UTC) + timedelta(hours=1)

    process = RetainingProcess(database, received_at)
    process.ingest(lines, BATCH_EVENTS)
    unlimited = digest_by_section(database)
    process.expire({name: at - timedelta(days=7) for name, at in before.items()})
    for writes in WRITES_BEFORE_THE_KILL:
        with monkeypatch.context() as patch, suppress(Fatal, Retry):
            DyingWrites(writes, patch)
            process.expire(before)
        process = RetainingProcess(database, received_at)
    process.expire(before)
    assert_consistent(database)
    kept = digest_by_section(database)
    assert {name for name in kept if kept[name] != unlimited[name]} >= {"facts", "edges", "map"}

    counted = "SELECT type, count(), min(occurred_at) FROM touchpoints FINAL GROUP BY type"
    left = {name: (count, first) for name, count, first in database.rows(counted)}
    for name, at in before.items():
        assert left[name][1] >= at
    again = process.ingest(lines, BATCH_EVENTS)
    assert sum(one.reason == "expired" for one in again) > 100
    assert digest_by_section(database) == kept
    texts = database.rows("SELECT DISTINCT event_id, raw FROM rejected WHERE reason = 'expired'")
    assert texts == [("", "")]

    emptied(database)
    RetainingProcess(database, received_at).ingest(lines, BATCH_EVENTS)
    assert digest_by_section(database) == kept
    assert {name: (count, first) for name, count, first in database.rows(counted)} == left

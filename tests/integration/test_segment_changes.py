"""Changes of segments are told from their rows: each once, in order, behind any place."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.segment_change import SegmentChangeRecord
from services.api.feed_positions import LAST_KEY, Entry, FeedMark, read_id
from services.api.feeds import Fanout
from services.api.store_feeds import SegmentChangeRows, StoreFeed
from services.segments.adapters.changes import ChangeReader
from services.store.database import Database
from tests.integration.test_segments_live import define
from tests.integration.test_store_feeds import Borrowed, told
from tests.mixed_history import REALM
from tests.mixed_process import Faults, Mixed

STORED = """SELECT segment, node, sequence, change, reason FROM segment_changes FINAL
ORDER BY segment, node, sequence"""
STEPS = 14


@pytest.fixture
def mixed(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mixed:
    """A process with segments, after traffic, merges, erasures, faults and kills."""
    with monkeypatch.context() as patch:
        made = Mixed(database, tmp_path, random.Random(3), Faults(patch))
        made.run(4)
        define(made.process)
        made.run(STEPS)
        return made


def records(entries: list[Entry]) -> list[SegmentChangeRecord]:
    """What was told."""
    return [SegmentChangeRecord.model_validate_json(one.data) for one in entries]


def test_every_change_is_told_once_and_in_order(database: Database, mixed: Mixed) -> None:
    """All rows there are, each customer's by sequence; by batches that never fall."""
    settled = mixed.process.engine.pipeline.settled
    entries = told(SegmentChangeRows(database), FeedMark(0), settled)
    assert len(entries) > 20
    assert {one.event for one in entries} == {"segment"}
    found = records(entries)
    keys = [(one.segment, one.profile_id, one.sequence, one.change, one.reason) for one in found]
    assert len(set(keys)) == len(keys)
    assert set(keys) >= {tuple(row) for row in database.rows(STORED)}
    by_customer: defaultdict[Any, list[int]] = defaultdict(list)
    for one in found:
        if one.reason in ("erased", "objection"):
            assert not one.because
        mine = by_customer[one.segment, one.profile_id]
        assert not mine or one.sequence > mine[-1]
        mine.append(0 if one.reason == "erased" else one.sequence)  # counting begins anew
    reader = ChangeReader(database)
    for entry in entries[:: max(1, len(entries) // 5)]:
        behind = told(SegmentChangeRows(database), entry.mark, settled)
        assert behind == entries[entries.index(entry) + 1 :]
        following = reader.told(REALM, "", (entry.mark.number, entry.mark.key), 1)
        assert [(one.batch, one.key) for one in following] == [one.mark for one in behind[:1]]
    only = reader.told(REALM, "buyers", (0, ""), 10_000)
    assert [one.record for one in only] == [one for one in found if one.segment == "buyers"]
    assert reader.told("other", "", (0, ""), 10) == []


async def test_an_id_of_a_change_is_resumed(database: Database, mixed: Mixed) -> None:
    """Ids hold what a place needs, so a subscriber who was away gets the rest."""
    pipeline = mixed.process.engine.pipeline
    feed = StoreFeed(
        "s", SegmentChangeRows, lambda: Borrowed(database), lambda: pipeline.settled, b"secret"
    )
    end = await feed.start()
    stretch = await feed.read((FeedMark(0),), end)
    entry = stretch.entries[len(stretch.entries) // 2]
    written = Fanout(feed).resume_id((entry.mark,))
    position = read_id(written, "s").position
    assert position == (entry.mark,)
    rest = await feed.read(position, end)
    assert rest.entries[0] == stretch.entries[len(stretch.entries) // 2 + 1]
    assert orjson.loads(rest.entries[0].data)["version"] == 1
    assert FeedMark(entry.mark.number, LAST_KEY) > entry.mark
    await feed.stop()

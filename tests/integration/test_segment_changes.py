"""Changes of segments are told from their rows: each once, in order, behind any place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from schemas.instants import to_ms
from schemas.segment_change import SegmentChangeRecord
from services.api.feed_positions import Entry, FeedMark, read_id
from services.api.feeds import Fanout
from services.api.store_feeds import ENTRIES_PER_READ, SegmentChangeRows, StoreFeed
from services.segments.adapters.changes import ChangeReader
from services.segments.adapters.live import LiveStore
from services.segments.core.decision import BY_ERASURE, BY_EVENT, ENTERED, LEFT, Change
from services.segments.ports import SegmentChange
from services.store.database import Database
from tests.integration.test_store_feeds import Borrowed, told
from tests.profile_store import REALM, at

BATCHES, PEOPLE = 9, 150
SEGMENTS = ("buyers", "readers")


def changed(segment: str, person: int, sequence: int, reason: str = BY_EVENT) -> SegmentChange:
    """A change of a person: who is in, leaves, and the other way round."""
    tick = to_ms(at(60) + timedelta(minutes=sequence))
    change = ENTERED if sequence % 2 else LEFT
    because = () if reason == BY_ERASURE else (f"e-{person}",)
    said = Change(change, reason, tick - 1, tick, False, because, 0, sequence, 1)
    return SegmentChange(segment, UUID(int=person * 2**100 + 1).int, said)


@pytest.fixture
def written(database: Database) -> list[tuple[int, str, SegmentChange]]:
    """Batches of changes in two realms; one person leaves by an erasure and comes back."""
    store, found = LiveStore(database), list[tuple[int, str, SegmentChange]]()

    def write(batch: int, realm: str, some: Sequence[SegmentChange]) -> None:
        # Portions of one batch come in any order.
        for part in (some[len(some) // 2 :], some[: len(some) // 2]):
            store.write_changes(realm, part, batch)
        found.extend((batch, realm, one) for one in some)

    for number in range(1, BATCHES + 1):
        every = [
            changed(segment, person, number)
            for segment in SEGMENTS
            for person in range(1, PEOPLE + 1)
            if person % 10 != number % 10
        ]
        write(3 * number, REALM, every)
        write(3 * number, "other", every[:5])
    gone = [changed(segment, PEOPLE + 1, 2, BY_ERASURE) for segment in SEGMENTS]
    write(3 * BATCHES + 1, REALM, gone)
    write(3 * BATCHES + 4, REALM, [changed(one, PEOPLE + 1, 1) for one in SEGMENTS])
    database.rows("OPTIMIZE TABLE segment_changes FINAL")
    return found


def keys(entries: Sequence[Entry]) -> list[tuple[Any, ...]]:
    """What was told, without the rest."""
    read = [(one, SegmentChangeRecord.model_validate_json(one.data)) for one in entries]
    return [
        (one.mark.number, said.realm, said.segment, said.profile_id.int, said.sequence)
        for one, said in read
    ]


def test_every_change_is_told_once_and_in_order(
    database: Database, written: list[tuple[int, str, SegmentChange]]
) -> None:
    """All of all realms, by batch; behind any place exactly the rest, and nothing of batches that
    are not completely written."""
    settled = written[-1][0]
    entries = told(SegmentChangeRows(database), FeedMark(0), settled)
    assert len(entries) > 4 * ENTRIES_PER_READ
    assert sorted(keys(entries)) == sorted(
        (batch, realm, one.segment, one.profile, one.change.sequence)
        for batch, realm, one in written
    )
    for number in range(0, len(entries), len(entries) // 7):
        rest = told(SegmentChangeRows(database), entries[number].mark, settled)
        assert keys(rest) == keys(entries[number + 1 :])
    rows = SegmentChangeRows(database)
    assert rows.latest(settled) == settled
    assert rows.latest(settled - 1) == 3 * BATCHES + 1
    before = told(SegmentChangeRows(database), FeedMark(0), 3 * BATCHES)
    assert keys(before) == [one for one in keys(entries) if one[0] <= 3 * BATCHES]


def test_the_changes_of_one_segment(
    database: Database, written: list[tuple[int, str, SegmentChange]]
) -> None:
    """Of one realm and segment, page by page, up to the last batch that is settled."""
    reader = ChangeReader(database, lambda: 3 * BATCHES)
    place, found = (0, ""), []
    while page := reader.told("other", "buyers", place, 7):
        found += page
        place = page[-1].batch, page[-1].key
    assert {one.record.segment for one in found} == {"buyers"}
    assert {one.record.realm for one in found} == {"other"}
    assert len(found) == 5 * BATCHES
    mine = reader.told(REALM, "", (0, ""), 10_000)
    assert BY_ERASURE not in {one.record.reason for one in mine}


async def test_an_id_of_a_change_is_resumed(
    database: Database, written: list[tuple[int, str, SegmentChange]]
) -> None:
    """An id holds what its place needs: a subscriber who was away gets the rest."""
    feed = StoreFeed(
        "s", SegmentChangeRows, lambda: Borrowed(database), lambda: written[-1][0], b"secret"
    )
    await feed.start()
    end = await feed.end()
    stretch = await feed.read((FeedMark(0),), end)
    entry = stretch.entries[77]
    position = read_id(Fanout(feed).resume_id((entry.mark,)), "s").position
    assert position == (entry.mark,)
    rest = await feed.read(position, end)
    assert keys(rest.entries)[: ENTRIES_PER_READ - 78] == keys(stretch.entries[78:])
    await feed.stop()

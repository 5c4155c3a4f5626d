"""The feeds of a store tell what the workers would publish of the same batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest

from devtools.sample.builder import build_sample
from schemas.incident import AnyIncident
from schemas.records import ProfileChangeRecord
from schemas.rules.identity import identity_rules
from services.api.feed_positions import LAST_KEY, Entry, FeedMark, Position
from services.api.store_feeds import AlertRows, ChangeRows, ProfileRows, StoreFeed
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.consistency.alerts import alert
from services.consistency.rules import consistency_rules
from services.consistency.stage import ConsistencyStage
from services.consistency.writer import ConsistencyWriter
from services.embedded.pipeline import Pipeline
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.stage import IdentityStage
from services.identity.writer import IdentityWriter
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.core.derived_records import derive, edge_records
from services.ingest.core.sent_edges import SentEdges
from services.ingest.lines import Line
from services.ingest.stage import Decoded, IngestStage, Stored
from services.runtime.errors import Fatal
from services.runtime.metrics import Metrics
from services.store.database import Database, chunks
from services.stream.watermarks import ClickHouseWatermarks
from tests.events import core
from tests.tiers import always
from tests.unit.identity.test_identity_worker import Bench

BATCH_EVENTS = 400
ALL = 2**48


class Listening(IngestStage):
    """Keeps what every batch stored."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.batches: list[Stored] = []

    def store(self, decoded: Decoded, batch: int) -> Stored:
        stored = super().store(decoded, batch)
        self.batches.append(stored)
        return stored


class Run:
    """Batches through the embedded pipeline; what its consistency stage judges is kept."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.judged: list[tuple[AnyIncident, int]] = []
        self.fails = False
        facts = ClickHouseFactStore(database)
        graph, self._claims = (
            ClickHouseIdentityStore(database),
            ClickHouseConsistencyStore(database),
        )
        self.stage = Listening(core(), facts)
        identity = IdentityStage(graph, lambda s, realm: IdentityWriter(s, realm, identity_rules()))
        consistency = ConsistencyStage(self._claims, self._writer, (), Metrics())
        marks = ClickHouseWatermarks(database)
        self.pipeline = Pipeline(facts, self.stage, identity, consistency, marks, Metrics())

    def _writer(self, realm: str) -> ConsistencyWriter:
        run = self

        class Listener(ConsistencyWriter):
            def apply(self, *claims: Any, **how: Any) -> list[AnyIncident]:
                if run.fails:
                    raise Fatal("the test says so")
                self.applied = super().apply(*claims, **how)
                return self.applied

            def write(self, version: int) -> None:
                run.judged += ((one, version) for one in self.applied)
                super().write(version)

        return Listener(self._claims, consistency_rules(), realm=realm)

    def ingest(self, lines: Sequence[bytes]) -> None:
        """One batch, and everything that follows."""
        self.pipeline.finish(self.pipeline.decode([Line(one, len(one)) for one in lines]))


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A small sample with every hard case."""
    file = tmp_path_factory.mktemp("sample") / "sample.jsonl"
    build_sample(5, 7, file, None)
    return file.read_bytes().splitlines()


@pytest.fixture
def run(database: Database) -> Run:
    """A pipeline on an empty store."""
    return Run(database)


def told(rows: ChangeRows, after: FeedMark, until: int) -> list[Entry]:
    """Everything behind a mark."""
    found: list[Entry] = []
    while after < FeedMark(until, LAST_KEY):
        page = rows.page(after, until)
        found += page.entries
        assert page.until > after
        after = page.until
    marks = [one.mark for one in found]
    assert marks == sorted(set(marks))
    return found


def folded(entries: Sequence[Entry], field: str) -> dict[str, Any]:
    """The last that was told of each id."""
    return {(said := orjson.loads(one.data))[field]: said for one in entries}


async def published(batches: Sequence[Stored]) -> list[ProfileChangeRecord]:
    """What an identity worker publishes of these batches."""
    bench = Bench()
    worker = bench.worker()
    for stored in batches:
        for realm, derived in derive(stored.fresh, stored.corrections, SentEdges()).items():
            records = [one.model_dump_json().encode() for one in edge_records(realm, derived)]
            await worker.process(bench.append(*records))
    return bench.topics.changes


@pytest.mark.parametrize("size", always({400}, [100, 400, 5_000]))
async def test_profiles(run: Run, lines: list[bytes], size: int) -> None:
    """The last record of each profile id is the one that a worker publishes last: its state, what
    the change was, and which events caused it."""
    for part in chunks(lines, size):
        run.ingest(part)
    mine = folded(told(ProfileRows(run.database), FeedMark(0), run.pipeline.settled), "profile_id")
    theirs = {str(one.profile_id): one for one in await published(run.stage.batches)}
    assert mine.keys() == theirs.keys()
    assert len(mine) > 100
    for name, record in theirs.items():
        expected = orjson.loads(record.model_dump_json(exclude_none=True))
        for version in ("map_version", "previous_profile_id"):  # of several profiles any one
            assert (expected.pop(version, None) is None) == (mine[name].pop(version, None) is None)
        assert mine[name] == expected


def test_incidents(run: Run, lines: list[bytes]) -> None:
    """The last record of each incident is the one that is published where workers judge."""
    for part in chunks(lines, BATCH_EVENTS):
        run.ingest(part)
    run.pipeline.tick()
    mine = folded(told(AlertRows(run.database), FeedMark(0), run.pipeline.settled), "incident_id")
    records = [alert(incident, version) for incident, version in run.judged]
    theirs = {record.key: orjson.loads(record.value or b"") for record in records}
    assert len(mine) > 2
    assert mine == {one["incident_id"]: one for one in theirs.values()}


class Borrowed(Database):
    """A connection that is not closed by whoever is done with it."""

    def __init__(self, database: Database) -> None:
        super().__init__(database.client)
        self._lock = database._lock

    def close(self) -> None:
        """It is not ours."""


@pytest.mark.parametrize(("letter", "rows_of"), [("i", AlertRows), ("p", ProfileRows)])
async def test_whoever_resumes_gets_the_rest(
    letter: str, rows_of: Callable[[Database], ChangeRows], run: Run, lines: list[bytes]
) -> None:
    """Read in parts behind any entry, also after a restart, everything that follows comes once."""

    def feed_of(pipeline: Pipeline) -> StoreFeed:
        return StoreFeed(
            letter, rows_of, lambda: Borrowed(run.database), lambda: pipeline.settled, b"secret"
        )

    first, *rest = chunks(lines, BATCH_EVENTS)
    run.ingest(first)
    feed = feed_of(run.pipeline)
    start = await feed.start()
    run.pipeline.tick()  # takes a number and changes little
    for part in rest:
        run.ingest(part)
    run.pipeline.tick()
    await feed.stop()
    again = feed_of(Run(run.database).pipeline)
    end = await again.start()

    async def behind(position: Position) -> list[Entry]:
        found: list[Entry] = []
        while position < end:
            stretch = await again.read(position, end)
            assert stretch.position > position
            found += stretch.entries
            position = stretch.position
        return found

    everything = await behind(start)
    assert len(everything) > 10
    for entry in everything[:: len(everything) // 7]:
        place = everything.index(entry)
        assert await behind((entry.mark,)) == everything[place + 1 :]
    assert await behind((everything[-1].mark,)) == []
    await again.stop()


async def test_only_what_is_completely_written_is_told(run: Run, lines: list[bytes]) -> None:
    """A batch that failed half-way is told when it is done, with its later number."""
    feed = StoreFeed("p", ProfileRows, lambda: Borrowed(run.database),
                     lambda: run.pipeline.settled, b"secret")  # fmt: skip
    start = await feed.start()
    following = feed.follow(start)
    run.ingest(lines[:300])
    stretch = await anext(following)
    settled = run.pipeline.settled
    run.fails = True
    with pytest.raises(Fatal):
        run.ingest(lines[300:900])
    assert ProfileRows(run.database).latest(ALL) > settled
    end = await feed.end()
    assert end <= (FeedMark(settled, LAST_KEY),)
    run.fails = False
    run.ingest(lines[300:900])
    while stretch.entries[-1].mark.number <= settled:
        stretch = await anext(following)
    assert {entry.mark.number for entry in stretch.entries} <= set(
        range(settled + 1, run.pipeline.settled + 1)
    )
    await following.aclose()
    await feed.stop()

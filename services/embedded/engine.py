"""The composition root of the embedded runtime: one process, one data directory, every stage.

`Engine.open` locks the directory, migrates the schema and processes again what a killed process
left in doubt. Afterwards `ingest` and the readers may be used until `close`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

import structlog

from schemas.records import ErasureRecord, PersonRecord, RulesRecord
from schemas.rules.identity import IdentityRules
from schemas.rules.profile import profile_rules
from schemas.touchpoint import IDENTIFIERS_MAX
from schemas.watermark import Watermark
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.consistency.config import configured_rules
from services.consistency.stage import ConsistencyStage
from services.consistency.writer import CacheBudget, ConsistencyWriter
from services.embedded.checkpoints import UNNOTED_EVENTS_MAX
from services.embedded.event_retention import EventRetention
from services.embedded.pipeline import Pipeline
from services.embedded.readmission import Readmission
from services.embedded.refusal import not_on_a_server
from services.erasure.adapters.eraser import Eraser
from services.erasure.sales import SaleWriter
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.ports import IdentityStore
from services.identity.rebuild import RebuiltPart, rebuilt_parts
from services.identity.stage import IdentityStage
from services.identity.writer import IdentityWriter
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.config import config_of_nobody, ingest_config
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Intake
from services.ingest.ledger import Ledger
from services.ingest.lines import InputError, Line
from services.ingest.measure import show_channels
from services.ingest.stage import IngestStage, Result
from services.profiles.adapters.clickhouse import ProfileReader, personal_types
from services.profiles.adapters.history import HistoryReader
from services.profiles.adapters.totals import register_realms
from services.runtime.batching import bounded
from services.runtime.errors import ConfigurationError, Fatal, Retry
from services.runtime.metrics import Metrics
from services.runtime.process import BatchCollections, tune_garbage_collector
from services.runtime.settings import (
    BATCH_EVENTS_LIMIT,
    SETTINGS_FILE,
    Settings,
    is_overridden,
    read_rules,
)
from services.segments.adapters.facts import FactReader
from services.segments.adapters.live import LiveStore
from services.segments.core.compiler import SegmentSetting
from services.segments.evaluation import EvaluatedPortion
from services.segments.ports import LookedAt, StoredDefinition
from services.segments.stage import SegmentStage
from services.store.database import Database, open_embedded
from services.store.directory import require_embedded_engine
from services.store.locks import DirectoryLock, open_to_others
from services.store.migrations import migrate_directory
from services.store.rules_in_force import (
    FollowedRules,
    change_of,
    doubtful_after,
)
from services.store.secret import register_secret
from services.store.statements import statements_of
from services.store.suppressions import Suppressions, SuppressionStep
from services.stream.watermarks import ClickHouseWatermarks

CACHED_CLAIMS = 1_000_000
IN_DOUBT_EDGES_MAX = (BATCH_EVENTS_LIMIT + UNNOTED_EVENTS_MAX) * (IDENTIFIERS_MAX - 1)
"""A killed run may leave one batch in doubt, of any configured size, and those not noted yet."""
REACHED_SQL = statements_of(__file__)["reached"]
SECRET_VARIABLE = "C360_IDENTITY_SECRET"
log = structlog.get_logger()


class Engine:
    """Everything that works on one data directory. Use as a context manager."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        reading: Database,
        lock: DirectoryLock,
        *,
        other_rules: bool = False,
    ) -> None:
        """`reading` is a second connection, so that readers need not wait for the writer.

        Raises ConfigurationError for a wrong rules file, or one that is not in force.
        """
        self.settings = settings
        self.reading = reading
        self.rules = FollowedRules(settings, database, check=not other_rules)
        self.rules.register(settings.realms)
        self._not_begun = set[tuple[str, tuple[bool, int, str]]]()
        """The changes of rules, by realm and rank, of which no part can be in hand."""
        self.consistency_rules = configured_rules(settings)
        self.database = database
        self.metrics = Metrics()
        show_channels(self.metrics, settings.channels)
        self._lock = lock
        self.facts = ClickHouseFactStore(database, sole_writer=True)
        self.graph = ClickHouseIdentityStore(database, sole_writer=True)
        self._profile_rules = read_rules(settings, "profile_rules", profile_rules)
        refused_by = self._profile_rules.consent.refused_by
        self.claims = ClickHouseConsistencyStore(database, refused_by=refused_by)
        self._book_budget = CacheBudget(CACHED_CLAIMS)
        self._ledger = Ledger()
        self._core = self._new_core()
        self._register_realms()
        self.pipeline = self._pipeline()
        self._eraser = Eraser(
            database,
            self.pipeline.settle,
            removed=self._forget,
            shared=self.pipeline.shared_among,
            leaves=self.pipeline.leaving,
            write_sales=SaleWriter(config_of_nobody(settings, self.identity_rules), self.facts),
        )
        self._retention = self._new_retention()

    @classmethod
    def open(cls, settings: Settings, *, other_rules: bool = False) -> Self:
        """Open the data directory of the settings and complete what was left in doubt.

        A change of the identity rules that was cut off is left as it is: whoever writes brings the
        map in line by `finish_rules`. What comes in before has its place, and others may replace
        rules by which the map cannot be computed.

        `other_rules`: the settings may name identity rules that are not in force (yet).

        Raises:
            StoreUnavailable: the directory is in use or cannot be read or written.
            ConfigurationError: the engine is not installed, no secret, another secret than the
                data's, a wrong rules file, or a server is set, which takes events in another way.
        """
        if settings.clickhouse_url is not None:
            raise not_on_a_server()
        require_embedded_engine()
        secret = settings.secret()
        lock = DirectoryLock(settings.data_dir)
        lock.acquire()
        try:
            database = open_embedded(settings.data_dir)
            migrate_directory(database, settings.data_dir)
            _register_secret(settings, database, secret)
            readmission = Readmission(database)
            readmission.begin()
            reading = open_embedded(settings.data_dir)
            engine = cls(settings, database, reading, lock, other_rules=other_rules)
            readmission.run(engine.pipeline)
            recovered = engine.recover()
        except BaseException:
            lock.release()
            raise
        for path in open_to_others(settings.data_dir):
            log.warning("readable_by_others", path=str(path), advice=f"chmod go-rwx {path}")
        if recovered:
            log.info("recovered", events=recovered)
        return engine

    def recover(self) -> int:
        """Complete what a process before left in doubt or half done; how many events of batches
        that were. Must be called once, before anything else is written."""
        recovered = self.pipeline.recover()
        self._eraser.complete()
        self._retention.complete()
        return recovered

    def _pipeline(self) -> Pipeline:
        self._ledger.refresh(self.facts)
        return Pipeline(
            self.facts,
            IngestStage(self._core, self.facts),
            IdentityStage(self.graph, self._identity_writer),
            ConsistencyStage(
                self.claims, self._consistency_writer, _Reached(self.database), self.metrics
            ),
            ClickHouseWatermarks(self.database),
            self.metrics,
            erased_at=self._ledger.erased_at,
            segments=self._segment_stage(),
        )

    def _segment_stage(self) -> SegmentStage:
        settings, rules = self.settings, self._profile_rules
        profiles = ProfileReader(self.database, settings.realms, rules, self.identity_rules)
        regions = {name: realm.region for name, realm in settings.realms.items()}
        facts = FactReader(self.database, HistoryReader(profiles), rules, regions)
        return SegmentStage(
            facts, LiveStore(self.database), self._segment_setting, list(settings.realms)
        )

    def _segment_setting(self, realm: str) -> SegmentSetting:
        mine = self.settings.realms[realm]
        return SegmentSetting(ZoneInfo(mine.time_zone), mine.currency, self._profile_rules.consent)

    def _new_core(self) -> EventProcessor:
        config = ingest_config(self.settings, self.identity_rules)
        return EventProcessor(
            config, self._ledger.erased_at, self._ledger.kept_since, self._ledger.is_suppressed
        )

    def _new_retention(self) -> EventRetention:
        # What is stored of people stays when they are suppressed, with the links that it makes.
        config = ingest_config(self.settings, self.identity_rules)
        core = EventProcessor(config, self._ledger.erased_at, self._ledger.kept_since)
        return EventRetention(self.database, self.pipeline, core, self.facts, self._expired)

    def _register_realms(self) -> None:
        for name, realm in self.settings.realms.items():
            register_realms(self.database, {name: realm}, personal_types(self.rules.of(name)))

    @property
    def identity_rules(self) -> IdentityRules:
        """Those by which values are normalised."""
        return self.rules.newest

    def _identity_writer(self, store: IdentityStore, realm: str) -> IdentityWriter:
        return IdentityWriter(
            store,
            realm,
            self.rules.of(realm),
            in_doubt_edges_max=IN_DOUBT_EDGES_MAX,
            renewed=self.rules.is_renewed(realm),
        )

    def _consistency_writer(self, realm: str) -> ConsistencyWriter:
        return ConsistencyWriter(self.claims, self.consistency_rules, self._book_budget, realm)

    def ingest(
        self,
        lines: Iterable[Line],
        report: Callable[[list[Result]], None],
        intake: Intake = Intake.FILE,
    ) -> None:
        """Process all lines in batches; `report` is called after each batch is durable.

        The next batch is decoded while the one before is written. Where the input is damaged, what
        was read until then is finished and judged first.
        """
        tune_garbage_collector()
        collections = BatchCollections()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer") as writer:
            pending: Future[list[Result]] | None = None
            damage: InputError | None = None
            try:
                for part in bounded(lines, self.settings.batch_events_max):
                    with collections.reading():
                        decoded = self.pipeline.decode(part, intake)
                    if pending is not None:
                        report(pending.result())
                    pending = writer.submit(self.pipeline.finish, decoded)
            except InputError as error:
                damage = error
            if pending is not None:
                report(pending.result())
        with collections.reading():  # the books that it judges at once, for the first time
            self.pipeline.tick()
        if damage is not None:
            raise damage

    def change_rules(self, records: Sequence[RulesRecord]) -> None:
        """Put identity rules in force. What is written from now on follows from them;
        `rebuild_identities` brings the rest in line. Those that are still being applied are
        replaced, unless they were decided later.

        To be called by the thread that writes, with rules that can be used. Raises as the store
        does; some realms may have the rules then, so call it again.
        """
        try:
            for one in records:
                change = change_of(one, self.pipeline.new_version())
                if self.rules.in_force[one.realm].rank < change.rank:
                    self.rules.store.put(change)
                    self._not_begun.add((one.realm, change.rank))
        finally:
            self._go_by_rules()

    def _go_by_rules(self) -> None:
        if self.rules.refresh():
            self._core = self._new_core()
            self.pipeline.go_by(self._core)
            self._retention = self._new_retention()
            self._register_realms()

    def rebuild_identities(self, realm: str) -> Iterator[RebuiltPart]:
        """Bring the map of a realm in line with the identity rules in force, from where a change of
        them was cut off. Each part is durable when it is yielded; batches may come between, and
        other rules: these are brought in line by another call.

        Raises as `Pipeline.finish` does.
        """
        source = self.graph  # it knows of decisions and marks that come between the parts
        self._go_by_rules()  # the store may have taken a change of which it told a failure
        # The store's row, not the one in memory: an attempt before may have come further.
        change = self.rules.store.latest()[realm]
        after, doubtful = None, None
        in_doubt = not change.is_done and (realm, change.rank) not in self._not_begun
        self._not_begun.discard((realm, change.rank))
        if not change.is_done:
            after, doubtful = change.place or None, doubtful_after(self.rules.store, change)
        parts = rebuilt_parts(
            source, realm, change.rules, after=after, in_doubt=in_doubt, doubtful_after=doubtful
        )
        for part in parts:
            if not part.is_right:
                version = self.pipeline.replace(realm, part.changes)
                source.remove_placements(realm, part.gone.keys(), version)
            if not change.is_done:
                change = change.advanced(part.nodes, part.place)
                self.rules.store.put(change)
            yield part
            if not self.rules.in_force[realm].is_of(change):
                return
        if not change.is_done:
            self.rules.store.put(change.done())
            self._go_by_rules()

    def finish_rules(self) -> Iterator[RebuiltPart]:
        """Bring the map in line with a change of the rules, if that is not done. As above."""
        while unfinished := self.rules.unfinished():
            yield from self.rebuild_identities(unfinished[0].realm)

    def act(self, records: Sequence[PersonRecord]) -> None:
        """Apply what people did or decided, rules included, and all that follows from it.

        To be called by the thread that writes, which takes nothing else until then.
        """
        if self.begin(records):
            for _ in self.finish_rules():
                pass

    def begin(self, records: Sequence[PersonRecord]) -> bool:
        """Like `act`, but for what follows from rules: whether `finish_rules` has to be called."""
        if changes := [one for one in records if isinstance(one, RulesRecord)]:
            self.change_rules(changes)
        self.pipeline.act(records)
        return bool(self.rules.unfinished())

    def erase(self, record: ErasureRecord) -> None:
        """Erase a person: returns when all rows are removed. Raises Retry or Fatal.

        To be called by the thread that writes. One that is killed is completed by the next start.
        """
        self.pipeline.decide_undone()
        self._eraser.erase(record)

    def suppress(self, steps: Sequence[SuppressionStep]) -> None:
        """Suppress people, or end that: when it returns, nothing of them is taken any more.

        To be called by the thread that writes. Raises Retry if nothing is noted, and Fatal if it
        may be and cannot be gone by: the next start goes by it.
        """
        self.pipeline.decide_undone()
        try:
            Suppressions(self.database).put(steps)
            self._forget()
        except Retry as error:
            raise Fatal(
                f"a suppression may be noted, and cannot be gone by: {error}. Start again, and "
                "repeat the command"
            ) from error

    def expire(self, before: Mapping[str, datetime]) -> None:
        """Remove events of these types from before these times, and accept none any more: returns
        when all rows are removed. Raises Retry or Fatal.

        To be called by the thread that writes. One that is killed is completed by the next start.
        """
        self.pipeline.decide_undone()
        self._retention.note(before, self.settings.realms)
        self._ledger.refresh(self.facts)
        self._retention.complete()

    def _expired(self) -> None:
        self._forget()
        self.pipeline.touch_all()

    def _forget(self) -> None:
        self._ledger.refresh(self.facts)
        self.facts.forget_values()
        self.pipeline.erased()

    def close(self) -> None:
        """Close the engine and release the directory."""
        for end in (self.pipeline.close, self.facts.close):
            try:
                end()
            except (Retry, Fatal) as error:  # the next start of the engine does it
                log.warning("not_closed", error=str(error))
        self.reading.close()
        self.database.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class DefinedSegments:
    """Implements services.segments.ports.SegmentForce: the stage of an engine evaluates, a part at
    a time."""

    def __init__(self, pipeline: Pipeline, in_turn: Callable[[Callable[[], None]], None]) -> None:
        """`in_turn` has the writing thread do something."""
        self._pipeline = pipeline
        self._in_turn = in_turn

    def apply(
        self,
        realm: str,
        definitions: Mapping[str, StoredDefinition],
        evaluated: Iterable[EvaluatedPortion],
        now: datetime,
    ) -> Iterator[LookedAt]:
        """See the port. The evaluation is the stage's own."""
        self._in_turn(lambda: self._pipeline.define(realm, definitions))
        yield from self._parts(realm)

    def remove(self, realm: str, segment: str, number: int, now: datetime) -> Iterator[LookedAt]:
        """See the port."""
        self._in_turn(lambda: self._pipeline.remove_segment(realm, segment, number, now))
        yield from self._parts(realm)

    def _parts(self, realm: str) -> Iterator[LookedAt]:
        """What follows, as it is evaluated; batches may come in between."""
        found: list[LookedAt | None] = []
        while not found or found[-1] is not None:
            self._in_turn(lambda: found.append(self._pipeline.advance_segments(realm)))
            if found[-1] is not None:
                yield found[-1]


class _Reached:
    """How far the events of a store go, read anew by each loop over it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __iter__(self) -> Iterator[Watermark]:
        return (Watermark(*row) for row in self._database.rows(REACHED_SQL))


def _register_secret(settings: Settings, database: Database, secret: bytes) -> None:
    """Raises ConfigurationError; says so if the environment hides the directory's own secret."""
    try:
        register_secret(database, secret, str(settings.data_dir))
    except ConfigurationError as error:
        if not is_overridden(settings.data_dir, SECRET_VARIABLE):
            raise
        raise ConfigurationError(
            f"{error} {settings.data_dir / SETTINGS_FILE} has a secret of its own, but "
            f"{SECRET_VARIABLE} of the environment comes first: 'unset {SECRET_VARIABLE}'."
        ) from error

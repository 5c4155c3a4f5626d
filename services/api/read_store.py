"""The read side of a store over one connection, and the writes that operations may ask for.

The connection leads to the embedded engine or to a ClickHouse server; the operations work on either
(services/api/ports.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from schemas.api.api_key import ApiKey
from schemas.identifiers import NodeId
from schemas.instants import to_ms
from schemas.placement import ProfileKind
from schemas.records import ActionRecord, DecisionRecord, ErasureRecord, RulesRecord
from schemas.rules.identity import IdentityRules
from schemas.rules.insights import insight_rules
from schemas.rules.profile import profile_rules
from services.api.access_log import AccessReader
from services.api.actions import (
    ActionSink,
    ErasureSink,
    ExpirySink,
    SuppressionSink,
    no_erasure,
    no_expiry,
)
from services.api.digest import state_digest
from services.api.freshness import FreshnessReader, OwnProgress
from services.api.idempotency import Idempotency, KeptAnswer, WriteKey
from services.api.keys import ApiKeyStore
from services.api.ports import Access, KeptEvent, StoreHealth
from services.consistency.adapters.reader import IncidentReader
from services.consistency.adapters.stored_books import StoredBooks
from services.consistency.config import configured_rules
from services.erasure.adapters.held import HeldReader
from services.erasure.adapters.runs import ErasureRuns
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.adapters.decisions import DecisionReader
from services.identity.adapters.explanation import Explanation
from services.identity.adapters.membership import MembershipReader
from services.identity.adapters.notices import NoticeReader
from services.identity.adapters.past import group_then
from services.identity.ports import RulesSource
from services.identity.verification import Difference, Verified, differences
from services.ingest.adapters.audit import DoubleAnchor, StoreAudit
from services.ingest.adapters.rejected_lines import RejectedLineReader
from services.ingest.config import configured_trust
from services.ingest.ports import RejectedSource
from services.matching.adapters.clickhouse import SuggestionStore
from services.matching.core.suggestion import Suggestion
from services.measures.adapters.values import MeasureValues
from services.measures.core.result import KeptMeasure
from services.measures.ports import MeasureSource, PersonScoreSource
from services.profiles.adapters.clickhouse import ProfileReader
from services.profiles.adapters.groups import GroupReader
from services.profiles.adapters.history import HistoryReader
from services.profiles.adapters.order_conflicts import OrderConflictReader
from services.profiles.adapters.order_history import OrderHistoryReader
from services.profiles.adapters.permissions import PermissionReader
from services.profiles.adapters.search import SearchReader
from services.profiles.adapters.timeline import TimelineReader
from services.runtime.errors import Retry
from services.runtime.settings import RealmSettings, Settings, read_rules
from services.segments.adapters.changes import ALL_BATCHES, ChangeReader
from services.segments.adapters.facts import FactReader
from services.segments.adapters.store import AppliedSegments, SegmentStore
from services.segments.ports import SegmentForce
from services.store.database import Database
from services.store.migrations import MigrationState, migrate
from services.store.profile_map import Members, ProfileMap
from services.store.retention import (
    RECORDS,
    Expired,
    expired_events,
    expired_rows,
    remove_expired,
)
from services.store.rules_in_force import (
    ClickHouseRules,
    FollowedRules,
    RulesChange,
    ahead_of_its_record,
)
from services.store.statements import statements_of
from services.store.suppressions import Suppressions, SuppressionStep

_STATEMENTS = statements_of(__file__)
BY_VALUE_SQL = _STATEMENTS["by_value"]
EVENTS_PER_QUERY = 2_000
log = structlog.get_logger()


class ReadStore:
    """Implements services.api.ports.Reads. Creating it writes nothing."""

    def __init__(
        self, settings: Settings, database: Database, writing: OwnProgress | None = None
    ) -> None:
        """`writing`: as for FreshnessReader.

        Raises ConfigurationError for a wrong rules file, or one that is not in force.
        """
        self._writing = writing
        self.settings = settings
        self.reading = database
        self.rules = FollowedRules(settings, database)
        self.profile_rules = read_rules(settings, "profile_rules", profile_rules)
        self.consistency_rules = configured_rules(settings)
        self.groups = GroupReader(database)
        self._insights = read_rules(settings, "insight_rules", insight_rules)
        self.kept_measures = MeasureValues(database)
        self.audit = StoreAudit(database)
        self.personal_data = HeldReader(database)
        self.erasures = ErasureRuns(database)
        self.suppressions = Suppressions(database)
        self.rejected = _rejected(settings, database)
        self.purposes = frozenset(settings.consent_purposes)
        self.contact_channels = frozenset(settings.consent_channels)
        self.books = StoredBooks(database, refused_by=self.profile_rules.consent.refused_by)
        self._graph = ClickHouseIdentityStore(database)
        self.suggestions = SuggestionStore(database)
        self.segments = SegmentStore(database)
        settled = (lambda: ALL_BATCHES) if writing is None else (lambda: writing.settled)
        self.segment_changes = ChangeReader(database, settled)
        self._map = ProfileMap(database)
        self.keys = ApiKeyStore(database)
        self.access = AccessReader(database)
        self.answers = Idempotency(database)
        self._go_by_rules()

    def follow_rules(self, *, at_once: bool = False) -> None:
        """See the port."""
        rules = self.rules
        if rules.refresh() if at_once else rules.refresh_now_and_then():
            self._go_by_rules()

    @property
    def identity_rules(self) -> IdentityRules:
        """See the port."""
        return self.rules.newest

    def _go_by_rules(self) -> None:
        """Create the readers that depend on identity rules."""
        settings, database, survivorship = self.settings, self.reading, self.profile_rules
        self.profiles = ProfileReader(database, settings.realms, survivorship, self.identity_rules)
        regions = {name: realm.region for name, realm in settings.realms.items()}
        histories = HistoryReader(self.profiles)
        self.segment_facts = FactReader(database, histories, survivorship, regions)
        self.search = SearchReader(database, self.profiles)
        self.timelines = TimelineReader(database, settings.realms)
        self.orders = OrderHistoryReader(database, settings.realms, self.profiles.settled)
        resolve = self.profiles.resolve
        self.permissions = PermissionReader(database, survivorship.consent, resolve)
        zones = {name: ZoneInfo(realm.time_zone) for name, realm in settings.realms.items()}
        self.order_conflicts = OrderConflictReader(database, zones, self.profiles.resolve)
        self.incidents = IncidentReader(database, self.consistency_rules, self._known_persons)
        self.memberships = MembershipReader(database, self.identity_rules)
        self.decisions = DecisionReader(database, self.identity_rules, self.rules.is_renewed)
        self.notices = NoticeReader(database, self._graph, self.identity_rules)
        self.freshness = FreshnessReader(database, settings, self.identity_rules, self._writing)

    @property
    def measures(self) -> MeasureSource:
        """See the port."""
        # Loaded when somebody asks: a command about one customer does not wait for it.
        from services.measures.adapters.clickhouse import MeasureReader

        return MeasureReader(self.reading, self.settings.realms, self._insights)

    @property
    def person_scores(self) -> PersonScoreSource:
        """See the port."""
        from services.measures.adapters.person import PersonScoreReader  # as above

        settings, rules = self.settings, self.profile_rules
        histories = HistoryReader(self.profiles)
        return PersonScoreReader(
            self.reading,
            histories,
            settings.realms,
            self._insights,
            rules.consent,
            self.kept_measures,
        )

    @property
    def realms(self) -> Mapping[str, RealmSettings]:
        """See the port."""
        return self.settings.realms

    def wrong_identities(self, realm: str, told: Verified) -> Iterator[Difference]:
        """See the port."""
        store = ClickHouseIdentityStore(self.reading)
        return differences(store, realm, self.rules.of(realm), told)

    def require_usable(self, rules: IdentityRules) -> None:
        """See the port."""
        configured_trust(self.settings, rules)

    def rules_in_force(self, realm: str) -> RulesChange | None:
        """See the port."""
        return self.rules.in_force.get(realm)

    def rules_history(self, realm: str) -> list[RulesChange]:
        """See the port."""
        return self.rules.store.history(realm)

    @property
    def identity_graph(self) -> RulesSource:
        """See the port. Decisions may have come since."""
        return ClickHouseIdentityStore(self.reading)

    def _known_persons(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, NodeId]:
        """Profiles of the nodes that belong to a person."""
        resolved = self.profiles.resolve(realm, list(nodes))
        return {
            node: held.profile for node, held in resolved.items() if held.kind == ProfileKind.PERSON
        }

    def ping(self) -> None:
        """See the port."""
        self.reading.ping()

    def close(self) -> None:
        """See the port."""
        self.reading.close()

    def secret(self) -> bytes:
        """See the port."""
        return self.settings.secret()

    def ever_called(self, realm: str, handle: NodeId) -> set[NodeId]:
        """See the port."""
        placement = self._map.placements_of(realm, [handle]).get(handle)
        profile = handle if placement is None else placement.profile
        nodes = {handle, *self._map.members_of(realm, [profile]).holder}
        return nodes | self._map.former_profiles(realm, nodes)

    def issued(self, realm: str, type_name: str, value: str) -> list[tuple[str, NodeId]]:
        """See the port."""
        parameters = {"realm": realm, "type": type_name, "value": value}
        rows = self.reading.rows(BY_VALUE_SQL, parameters)
        return [(issuer, node.int) for issuer, node in rows]

    def events(
        self, realm: str, type_name: str, channel: str, since_ms: int, limit: int
    ) -> list[KeptEvent]:
        """See the port."""
        chosen = {"realm": realm, "type": type_name, "channel": channel, "since": since_ms}
        rows = self.reading.rows(_STATEMENTS["latest_events"], {**chosen, "limit": limit})
        return [KeptEvent(*row) for row in rows]

    def events_after(
        self, realm: str, type_name: str, channel: str, since_ms: int, after: tuple[int, str]
    ) -> list[KeptEvent]:
        """See the port."""
        chosen = {"realm": realm, "type": type_name, "channel": channel, "since": since_ms}
        place = {"after": after[0], "after_id": after[1], "limit": EVENTS_PER_QUERY}
        rows = self.reading.rows(_STATEMENTS["events"], {**chosen, **place})
        return [KeptEvent(*row) for row in rows]

    def events_by_day(self, realm: str, since_ms: int) -> list[tuple[str, date, int]]:
        """See the port."""
        zone = self.realms[realm].time_zone
        parameters = {"realm": realm, "since": since_ms, "zone": zone}
        rows = self.reading.rows(_STATEMENTS["events_by_day"], parameters)
        return [(channel, day, count) for channel, day, count in rows]

    def health(self) -> StoreHealth:
        """See the port."""
        [row] = self.reading.rows(_STATEMENTS["health"])
        return StoreHealth(*row)

    def members_then(self, realm: str, node: NodeId, as_of: datetime) -> tuple[Members, NodeId]:
        """See the port."""
        group = group_then(self.reading, self.rules.of(realm), realm, node, to_ms(as_of))
        kinds = {} if group.kind is None else {group.profile: group.kind}
        return Members(dict.fromkeys(group.nodes, group.profile), kinds), group.profile

    def explain(self, realm: str, a: NodeId, b: NodeId) -> dict[str, Any]:
        """See the port."""
        return Explanation(self.reading, self.rules.of(realm), realm).explain(a, b)

    def expired(self) -> list[Expired]:
        """See the port."""
        given = self.settings.model_dump(include={f"retention_{one}_days" for one in RECORDS})
        kept = {
            name.removeprefix("retention_").removesuffix("_days"): days
            for name, days in given.items()
            if days is not None
        }
        events = expired_events(self.reading, self.settings.retention_events_days)
        return [*expired_rows(self.reading, kept), *events]

    def pending_migrations(self) -> list[MigrationState]:
        """See the port."""
        return migrate(self.reading, dry_run=True)

    def digest(self) -> dict[str, str]:
        """See the port."""
        return state_digest(self.reading, self.profiles)


def _rejected(settings: Settings, database: Database) -> RejectedSource:
    """On a server with Kafka, rejected events are dead letters."""
    if settings.clickhouse_url is None or not settings.kafka_bootstrap_servers:
        return RejectedLineReader(database, settings.realms)
    # aiokafka takes a while to load
    from services.ingest.adapters.rejected_letters import RejectedLetterReader

    return RejectedLetterReader(settings, settings.realms)


class StoreWrites:
    """Implements services.api.ports.Writes; `act` makes actions durable, `erase` erasures, `expire`
    the end of events that are too old. `is_waited_for`: what is acted on is done in the order of a
    log, behind what is in hand there."""

    def __init__(
        self,
        database: Database,
        act: ActionSink,
        erase: ErasureSink = no_erasure,
        expire: ExpirySink = no_expiry,
        suppress: SuppressionSink | None = None,
        *,
        segments: SegmentForce | None = None,
        is_waited_for: bool = False,
    ) -> None:
        self._is_waited_for = is_waited_for
        self._database = database
        self._audit = StoreAudit(database)
        self._keys = ApiKeyStore(database)
        self._answers = Idempotency(database)
        self.segments: SegmentForce = segments or AppliedSegments(SegmentStore(database))
        self._act = act
        self._erase = erase
        self._expire = expire
        self._suppress = suppress or Suppressions(database).put

    def erase(self, record: ErasureRecord) -> None:
        """See the port."""
        self._erase(record)

    def suppress(self, steps: Sequence[SuppressionStep]) -> None:
        """See the port. On a server ingest looks at the store before each batch."""
        self._suppress(steps)

    def act(self, records: Sequence[ActionRecord]) -> None:
        """See the port."""
        self._act(records)

    def apply_rules(
        self, records: Sequence[RulesRecord], replaced: Collection[RulesChange] = ()
    ) -> None:
        """See the port. The log comes first: it alone says what a store made anew has to follow."""
        self._act(records)
        known = {one.realm: one for one in replaced}
        for record in records if self._is_waited_for else ():
            if record.realm in known:
                ahead = ahead_of_its_record(record, known[record.realm])
                ClickHouseRules(self._database).put(ahead)

    def decide(self, records: Sequence[DecisionRecord]) -> None:
        """See the port."""
        self._act(records)

    def keep_measures(self, kept: Sequence[KeptMeasure]) -> None:
        """See the port."""
        MeasureValues(self._database).keep(kept)

    def put_suggestions(self, realm: str, suggestions: Sequence[Suggestion], version: int) -> None:
        """See the port."""
        SuggestionStore(self._database).put(realm, suggestions, version)

    def remove_expired(self, expired: Sequence[Expired], within_s: float) -> Iterator[Expired]:
        """See the port."""
        ends_at_s = monotonic() + within_s
        events = [one for one in expired if one.event_type]
        done: list[Expired] = []
        late: list[Retry] = []
        # Events come last: they wait for workers. What is late keeps nothing else from going.
        for one in (one for one in expired if not one.event_type):
            left_s = max(0.0, ends_at_s - monotonic())
            try:
                done += remove_expired(self._database, [one], left_s)
            except Retry as error:
                late.append(error)
        if events:
            left_s = max(0.0, ends_at_s - monotonic())
            self._expire({one.event_type: one.before for one in events}, left_s)
        left_s = max(0.0, ends_at_s - monotonic())
        if any(one.rows for one in events) and not ErasureRuns(self._database).files_gone(left_s):
            log.warning("files_stay", advice="the next run removes replaced files of the store")
        if late:
            raise late[0]
        return iter([*done, *events])

    def keep_one_anchor(self, doubles: Sequence[DoubleAnchor]) -> None:
        """See the port."""
        self._audit.keep_one_anchor(doubles)

    def put_keys(self, keys: Sequence[ApiKey]) -> None:
        """See the port."""
        self._keys.put(keys)

    def keep_answer(self, key: WriteKey, answer: KeptAnswer, now: datetime) -> None:
        """See the port."""
        self._answers.remember(key, answer, now)


def access_to(
    settings: Settings,
    database: Database,
    act: ActionSink,
    erase: ErasureSink = no_erasure,
    expire: ExpirySink = no_expiry,
    suppress: SuppressionSink | None = None,
    writing: OwnProgress | None = None,
    segments: SegmentForce | None = None,
) -> Access:
    """What operations work with, over one connection. Raises ConfigurationError as ReadStore."""
    return Access(
        ReadStore(settings, database, writing),
        StoreWrites(database, act, erase, expire, suppress, segments=segments),
    )

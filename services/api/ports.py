"""The store that operations need: the embedded engine or a server.

All methods block. They raise Retry for a transient fault and Fatal when retrying cannot help.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from schemas.api.access import AccessEntry
    from schemas.api.api_key import ApiKey
    from schemas.api.incidents import AffectedItem, IncidentCount, IncidentField
    from schemas.identifiers import NodeId
    from schemas.incident import AnyIncident
    from schemas.records import ActionRecord, DecisionRecord, ErasureRecord, RulesRecord
    from schemas.rules.identity import IdentityRules
    from schemas.rules.profile import ProfileRules
    from schemas.watermark import Watermark
    from services.api.idempotency import KeptAnswer, WriteKey
    from services.consistency.adapters.reader import IncidentFilter, IncidentPlace
    from services.consistency.ports import BookSource
    from services.consistency.rules import ConsistencyRules
    from services.erasure.adapters.held import HeldPerson, HeldRow
    from services.erasure.adapters.runs import RunState
    from services.identity.ports import DecisionSource, MembershipSource, NoticeSource, RulesSource
    from services.identity.verification import Difference, Verified
    from services.ingest.adapters.audit import DoubleAnchor, RawLine, RejectedEvent
    from services.ingest.ports import RejectedSource
    from services.matching.core.suggestion import Suggestion
    from services.matching.ports import SuggestionSource
    from services.measures.core.result import KeptMeasure
    from services.measures.ports import KeptMeasures, MeasureSource, PersonScoreSource
    from services.profiles.ports import (
        GroupSource,
        OrderConflictSource,
        OrderHistorySource,
        PermissionSource,
        ProfileSource,
        SearchSource,
        TimelineSource,
    )
    from services.runtime.settings import RealmSettings
    from services.segments.ports import ChangeSource, FactSource, SegmentForce, SegmentSource
    from services.store.changes import ChangedKeys, SeenTables
    from services.store.migrations import MigrationState
    from services.store.profile_map import Members
    from services.store.retention import Expired
    from services.store.rules_in_force import RulesChange
    from services.store.suppressions import Suppressions, SuppressionStep


class KeptEvent(NamedTuple):
    """An event as it is stored; the payload is the line that was sent."""

    event_id: str
    occurred_at: datetime
    channel: str
    type: str
    source: str
    payload: str


class StoreHealth(NamedTuple):
    """The store's clock (UTC), its latest receipt of an event, and what it holds."""

    now: datetime
    received_at: datetime
    events: int
    channels: list[str]


class AccessFilter(NamedTuple):
    """Which entries of the access log are wanted."""

    since_ms: int
    """Not before this time (Unix ms)."""
    until_ms: int
    """Before this time (Unix ms)."""
    key_id: str = ""
    """Of this key; empty for any."""
    profiles: frozenset[NodeId] | None = None
    """Of any of these profiles; None for all."""


class IncidentSource(Protocol):
    """Reads incidents with their exposure."""

    def listed(
        self,
        realm: str,
        wanted: IncidentFilter = ...,
        limit: int | None = ...,
        after: IncidentPlace = ...,
    ) -> Iterator[AnyIncident]:
        """At most `limit` incidents of a realm after a place, the oldest first."""
        ...

    def counts(
        self, realm: str, by: Sequence[IncidentField], wanted: IncidentFilter, limit: int
    ) -> list[IncidentCount]:
        """At most `limit` numbers of incidents by the values of these fields, the worst first."""
        ...

    def affected(self, realm: str, incident: AnyIncident) -> list[AffectedItem]:
        """Who met the deviation of an incident, each line of an order for itself, the earliest
        first."""
        ...

    def find(self, realm: str, prefix: str) -> Sequence[AnyIncident]:
        """The incidents with that id or prefix of an id: none, one, or two if ambiguous."""
        ...

    def bare(self, realm: str, prefix: str) -> Sequence[AnyIncident]:
        """The same, without exposure and audit trail."""
        ...

    def bare_of_fault(self, realm: str, fault: str) -> Iterator[Sequence[AnyIncident]]:
        """The incidents of a fault that are not over, the oldest first, some at a time."""
        ...


class FactAudit(Protocol):
    """Reads rejected lines, and events that are stored twice."""

    def rejected(
        self, reason: str = "", id_prefix: str = "", limit: int = 100, *, with_raw: bool = False
    ) -> list[RejectedEvent]:
        """Rejected lines, the latest first."""
        ...

    def raw_lines(
        self, reason: str, since_ms: int, ids: Sequence[str], after: str, limit: int
    ) -> list[RawLine]:
        """The bytes of rejected lines by id, those after the id `after`; no `ids` means any."""
        ...

    def rejected_counts(self) -> dict[str, int]:
        """Rejected lines by reason."""
        ...

    def double_anchors(self) -> Iterator[DoubleAnchor]:
        """Events stored under two anchors."""
        ...


class PersonalDataSource(Protocol):
    """Reads everything that is held on a person."""

    def holding(self, realm: str, profile: NodeId) -> HeldPerson:
        """What is to be looked for, of a profile as it is now."""
        ...

    def holding_of(self, realm: str, nodes: Sequence[NodeId]) -> HeldPerson:
        """The same, of given identifiers."""
        ...

    def held(self, holding: HeldPerson, others: Collection[NodeId]) -> Iterator[HeldRow]:
        """Every row, section by section; but for events kept under identifiers of `others`."""
        ...


class ErasureSource(Protocol):
    """Reads erasures."""

    def preview(self, person: HeldPerson) -> dict[str, int]:
        """Rows by table that an erasure would remove; tables without one are left out."""
        ...

    def kept_objections(self, person: HeldPerson) -> int:
        """How many objections, withdrawals and complaints an erasure would keep."""
        ...

    def sales(self, person: HeldPerson) -> int:
        """How many events of sales an erasure would keep without the person."""
        ...

    def run_of(self, realm: str, node: NodeId) -> RunState | None:
        """The latest erasure of a node."""
        ...

    def run(self, realm: str, erasure_id: str) -> RunState | None:
        """One erasure."""
        ...

    def ordered(self, realm: str, node: NodeId) -> ErasureRecord | None:
        """The erasure of a node that is under way on a server."""
        ...

    def wait(self, record: ErasureRecord, within_s: float) -> RunState:
        """Wait until all rows are removed, and on a server until all who follow were told. Raises
        Retry if they are not within that time."""
        ...

    def topics(self, realm: str, nodes: Sequence[NodeId]) -> dict[str, datetime]:
        """Kafka topics with records about erased nodes, and when Kafka has dropped them at the
        latest; none on a data directory."""
        ...

    def files_gone(self, within_s: float) -> bool:
        """Wait until the parts that were replaced until now are off the disk; whether they are."""
        ...

    def remaining(
        self, realm: str, nodes: Sequence[NodeId], stated: Sequence[NodeId] = ()
    ) -> dict[str, int]:
        """Rows by table that are left of erased nodes, and of what was named only beside them, but
        for what came since."""
        ...

    def newer(self, realm: str, nodes: Sequence[NodeId]) -> int:
        """How many events of these nodes came since their erasure."""
        ...


class KeySource(Protocol):
    """Reads API keys."""

    def all(self) -> list[ApiKey]:
        """Every key, also those that work no more, in the order of their creation."""
        ...

    def working(self, now: datetime) -> list[ApiKey]:
        """The keys that are neither revoked nor expired at a time."""
        ...


class AccessSource(Protocol):
    """Reads the access log."""

    def listed(
        self, realm: str, filters: AccessFilter, before: tuple[int, str] | None, limit: int
    ) -> list[AccessEntry]:
        """Entries of a realm, the latest first, those before a time (Unix ms) and entry id."""
        ...


class AnswerSource(Protocol):
    """Reads the answers to writes with an idempotency key."""

    def find(self, key: WriteKey, now: datetime) -> KeptAnswer | None:
        """The answer to the first request with this key; None for a new key."""
        ...


class FreshnessSource(Protocol):
    """Says how far the data has come."""

    def watermarks(self) -> list[Watermark]:
        """The latest times of every channel of every realm, of events that are processed."""
        ...

    def changes(self, seen: SeenTables) -> ChangedKeys:
        """The keys of rows that became visible since a look; all for the first.

        Raises ConfigurationError where the parts of tables may not be seen.
        """
        ...

    def is_visible(self, realm: str, event_id: str) -> bool:
        """Whether an event is stored, and everything that profiles show of it is, too."""
        ...


class Reads(Protocol):
    """Reads a store. Nothing is changed."""

    @property
    def realms(self) -> Mapping[str, RealmSettings]:
        """The configured realms."""
        ...

    @property
    def identity_rules(self) -> IdentityRules:
        """The rules that identifiers are normalised by."""
        ...

    @property
    def profiles(self) -> ProfileSource:
        """Profiles."""
        ...

    @property
    def groups(self) -> GroupSource:
        """Accounts and households."""
        ...

    @property
    def search(self) -> SearchSource:
        """Customers by what is known of them."""
        ...

    @property
    def profile_rules(self) -> ProfileRules:
        """The rules of attributes."""
        ...

    @property
    def timelines(self) -> TimelineSource:
        """Touchpoints of profiles."""
        ...

    @property
    def permissions(self) -> PermissionSource:
        """Contact permissions."""
        ...

    @property
    def purposes(self) -> frozenset[str]:
        """The configured purposes of contact."""
        ...

    @property
    def contact_channels(self) -> frozenset[str]:
        """The configured channels of contact."""
        ...

    @property
    def orders(self) -> OrderHistorySource:
        """Orders of customers."""
        ...

    @property
    def order_conflicts(self) -> OrderConflictSource:
        """Orders whose reports contradict each other."""
        ...

    @property
    def memberships(self) -> MembershipSource:
        """Identifiers of profiles."""
        ...

    @property
    def decisions(self) -> DecisionSource:
        """What people decided about identifiers."""
        ...

    @property
    def suggestions(self) -> SuggestionSource:
        """Pairs of profiles that may be one person."""
        ...

    @property
    def notices(self) -> NoticeSource:
        """Identifiers and persons that somebody should look at."""
        ...

    @property
    def measures(self) -> MeasureSource:
        """Measures of groups of customers."""
        ...

    @property
    def kept_measures(self) -> KeptMeasures:
        """What measures were when they were computed."""
        ...

    @property
    def person_scores(self) -> PersonScoreSource:
        """What measures say of single customers."""
        ...

    @property
    def segments(self) -> SegmentSource:
        """Definitions of segments, and who belongs to them."""
        ...

    @property
    def segment_changes(self) -> ChangeSource:
        """Who entered and left segments."""
        ...

    @property
    def segment_facts(self) -> FactSource:
        """What membership of segments follows from."""
        ...

    @property
    def incidents(self) -> IncidentSource:
        """Incidents."""
        ...

    @property
    def consistency_rules(self) -> ConsistencyRules:
        """The rules that incidents are judged by."""
        ...

    @property
    def books(self) -> BookSource:
        """What incidents follow from."""
        ...

    @property
    def rejected(self) -> RejectedSource:
        """Rejected events that a realm may see."""
        ...

    @property
    def personal_data(self) -> PersonalDataSource:
        """Everything that is held on a person."""
        ...

    @property
    def erasures(self) -> ErasureSource:
        """Erasures of people."""
        ...

    @property
    def suppressions(self) -> Suppressions:
        """People who must not be processed."""
        ...

    @property
    def audit(self) -> FactAudit:
        """Rejected lines, and events that are stored twice."""
        ...

    @property
    def keys(self) -> KeySource:
        """API keys."""
        ...

    @property
    def freshness(self) -> FreshnessSource:
        """How far the data has come."""
        ...

    @property
    def access(self) -> AccessSource:
        """The access log."""
        ...

    @property
    def answers(self) -> AnswerSource:
        """Answers to writes that may be sent again."""
        ...

    def wrong_identities(self, realm: str, told: Verified) -> Iterator[Difference]:
        """Where the stored map of a realm differs from that of its edges; `told` counts along.

        Reads the whole graph.
        """
        ...

    def follow_rules(self, *, at_once: bool = False) -> None:
        """Go by the identity rules that are in force now; looks now and then, or at once."""
        ...

    def require_usable(self, rules: IdentityRules) -> None:
        """Raises ConfigurationError if other settings do not fit these identity rules."""
        ...

    def rules_in_force(self, realm: str) -> RulesChange | None:
        """The identity rules that make the map of a realm; None before its first event."""
        ...

    def rules_history(self, realm: str) -> list[RulesChange]:
        """The rules that are or were in force, the latest first; of all realms if none is given."""
        ...

    @property
    def identity_graph(self) -> RulesSource:
        """The graph and map of identifiers, as they are now."""
        ...

    def ever_called(self, realm: str, handle: NodeId) -> set[NodeId]:
        """Every id that the profile of a handle has or had, and those of profiles that held a part
        of it; the handle itself is one of them, known or not. Slow: it reads all profiles."""
        ...

    def ping(self) -> None:
        """Returns if the store answers."""
        ...

    def close(self) -> None:
        """Close the connection; nothing is read any more."""
        ...

    def secret(self) -> bytes:
        """The secret of the node ids. Raises ConfigurationError when there is none."""
        ...

    def issued(self, realm: str, type_name: str, value: str) -> list[tuple[str, NodeId]]:
        """Issuers and nodes of identifiers with this value: none, one, or two if ambiguous."""
        ...

    def events(
        self, realm: str, type_name: str, channel: str, since_ms: int, limit: int
    ) -> list[KeptEvent]:
        """The latest events of a type and channel (empty: any) since a time (Unix ms)."""
        ...

    def events_after(
        self, realm: str, type_name: str, channel: str, since_ms: int, after: tuple[int, str]
    ) -> list[KeptEvent]:
        """A page of events in the order of their times, after a time (Unix ms) and event id."""
        ...

    def events_by_day(self, realm: str, since_ms: int) -> list[tuple[str, date, int]]:
        """Channel, day in the realm's time zone, number of events; the latest day first."""
        ...

    def health(self) -> StoreHealth:
        """What the store says of itself."""
        ...

    def members_then(self, realm: str, node: NodeId, as_of: datetime) -> tuple[Members, NodeId]:
        """The identifiers that were one profile with a node at a time, and the id it had then.

        Raises InvalidState when too much would have to be read to tell.
        """
        ...

    def explain(self, realm: str, a: NodeId, b: NodeId) -> dict[str, Any]:
        """Why two identifiers are, or are not, one profile (see `Explained`)."""
        ...

    def expired(self) -> list[Expired]:
        """What is older than the settings keep it."""
        ...

    def pending_migrations(self) -> list[MigrationState]:
        """Migrations that the store has not applied."""
        ...

    def digest(self) -> dict[str, str]:
        """SHA-256 of the state by section; reads everything."""
        ...


class Writes(Protocol):
    """The writes that operations may ask for; each is durable when it returns."""

    @property
    def segments(self) -> SegmentForce:
        """Which definitions of segments are in force."""
        ...

    def act(self, records: Sequence[ActionRecord]) -> None:
        """Apply what people did with incidents. Repeating it changes nothing."""
        ...

    def apply_rules(
        self, records: Sequence[RulesRecord], replaced: Collection[RulesChange] = ()
    ) -> None:
        """Put identity rules in force, durably; the map follows, perhaps after the return.

        `replaced`: those in force whose application is given up. Raises as `act` does.
        """
        ...

    def decide(self, records: Sequence[DecisionRecord]) -> None:
        """Apply what people decided about identifiers. Repeating it changes nothing."""
        ...

    def keep_measures(self, kept: Sequence[KeptMeasure]) -> None:
        """Keep what measures are, for later. Repeating it changes nothing."""
        ...

    def put_suggestions(self, realm: str, suggestions: Sequence[Suggestion], version: int) -> None:
        """Store pairs that may be one person; of one pair the highest version counts."""
        ...

    def erase(self, record: ErasureRecord) -> None:
        """Erase a person: all rows are removed, or will be by whoever keeps the map."""
        ...

    def suppress(self, steps: Sequence[SuppressionStep]) -> None:
        """Suppress people, or end that; ingest goes by it, at the latest with its next batch."""
        ...

    def remove_expired(self, expired: Sequence[Expired], within_s: float) -> Iterator[Expired]:
        """Remove rows that are older than they may be, with all that are as old, table by table.

        Raises Retry after `within_s`, when the removal of each was begun; the store goes on by
        itself, and repeating is harmless.
        """
        ...

    def keep_one_anchor(self, doubles: Sequence[DoubleAnchor]) -> None:
        """Delete the rows of events that are stored twice, but for those kept."""
        ...

    def put_keys(self, keys: Sequence[ApiKey]) -> None:
        """Store new API keys, and changes of known ones."""
        ...

    def keep_answer(self, key: WriteKey, answer: KeptAnswer, now: datetime) -> None:
        """Keep the answer to a write for a day."""
        ...


class Access(NamedTuple):
    """What a handler works with."""

    reads: Reads
    writes: Writes

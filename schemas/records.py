"""The records that services exchange over Kafka, in their JSON form.

Internally, the pipeline works on the tuples of schemas/edge.py and schemas/claim.py, which are
cheap to create by the million; these models are their written form, with every string and list
bounded. A record is never changed in place: a new meaning is a new `kind`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from schemas.base import Code, Contract, Currency, Instant, OptionalCode, Title
from schemas.claim import (
    PRICE_MISMATCH,
    STATEMENT_CHARS_MAX,
    Book,
    BookEntry,
    PriceClaim,
    Statement,
    Superseded,
)
from schemas.edge import Decision, Edge, Node, Verdict
from schemas.identifiers import NodeId, as_uuid
from schemas.incident import INCIDENT_VERSION, AnyIncident
from schemas.incident_action import IncidentAction
from schemas.offer import Basis, SaleKind, TaxMode
from schemas.reject import RejectReason
from schemas.subject import Subject, SubjectRecord, subject_of, written_subject

EDGES_PER_RECORD_MAX = 1000
CLAIMS_PER_RECORD_MAX = 500
CUSTOMERS_PER_RECORD_MAX = 1000
ERASED_NODES_MAX = 10_000
CUTOFFS_MAX = 100
RULES_CHARS_MAX = 200_000
PROFILE_CAUSES_MAX = 10
RECORD_VERSION = 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

Realm = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
TypeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Issuer = Annotated[str, StringConstraints(max_length=64)]
Milliseconds = Annotated[int, Field(ge=-(2**53), lt=2**53)]
Price = Annotated[Decimal, Field(max_digits=18, decimal_places=4, allow_inf_nan=False)]


class Record(Contract):
    """Fields of every record: the version of its contract, and its realm."""

    version: Annotated[int, Field(ge=1)] = RECORD_VERSION
    """Version of the contract."""
    realm: Realm
    """Brand or tenant."""


class NodeRecord(Contract):
    """One identifier by its node id; no raw value travels between services."""

    id: UUID
    type: TypeName
    issuer: Issuer = ""

    @classmethod
    def of(cls, node: Node) -> Self:
        """The written form of a node."""
        return cls(id=as_uuid(node.id), type=node.type, issuer=node.issuer)

    def node(self) -> Node:
        """The node as the cores use it."""
        return Node(self.id.int, self.type, self.issuer)


class EdgeRecord(Contract):
    """Two identifiers seen in one event."""

    a: NodeRecord
    """The end with the smaller id."""
    b: NodeRecord
    first_seen_ms: Milliseconds
    """Claimed time of the event, in milliseconds since 1970 (UTC)."""
    event_id: Code
    verified: bool
    """Every personal identifier at its ends is verified; otherwise the edge joins nobody."""

    @classmethod
    def of(cls, edge: Edge) -> Self:
        """The written form of an edge."""
        return cls(
            a=NodeRecord.of(edge.a),
            b=NodeRecord.of(edge.b),
            first_seen_ms=edge.first_seen_ms,
            event_id=edge.event_id,
            verified=edge.verified,
        )

    def edge(self) -> Edge:
        """The edge as the cores use it."""
        ends = (self.a.node(), self.b.node())
        return Edge(*ends, self.first_seen_ms, self.event_id, self.verified)


class EdgesRecord(Record):
    """Changes to one realm's identifiers by a batch of events: new or improved edges, and the
    identifiers whose attributes or consents may have changed."""

    kind: Literal["edges"] = "edges"
    edges: Annotated[list[EdgeRecord], Field(max_length=EDGES_PER_RECORD_MAX)] = Field(
        default_factory=list
    )
    attributes: Annotated[list[UUID], Field(max_length=EDGES_PER_RECORD_MAX)] = Field(
        default_factory=list
    )
    """Node ids under which events with attributes were stored."""
    consents: Annotated[list[UUID], Field(max_length=EDGES_PER_RECORD_MAX)] = Field(
        default_factory=list
    )
    """Node ids under which consents or objections were stored."""

    @classmethod
    def of(
        cls,
        realm: str,
        edges: Sequence[Edge] = (),
        attributes: Sequence[NodeId] = (),
        consents: Sequence[NodeId] = (),
    ) -> Self:
        """The written form."""
        return cls(
            realm=realm,
            edges=[EdgeRecord.of(edge) for edge in edges],
            attributes=[as_uuid(node) for node in attributes],
            consents=[as_uuid(node) for node in consents],
        )


class DecisionRecord(Record):
    """A person decided about a pair of identifiers; the latest decision per pair counts."""

    kind: Literal["decision"] = "decision"
    a: NodeRecord
    b: NodeRecord
    verdict: Verdict
    author: Code
    """The account that decided, by name or number."""
    reason: Title = ""
    decided_ms: Milliseconds
    """When it was decided, in milliseconds since 1970 (UTC)."""

    @classmethod
    def of(cls, realm: str, decision: Decision) -> Self:
        """The written form of a decision."""
        ends = {"a": NodeRecord.of(decision.a), "b": NodeRecord.of(decision.b)}
        rest = {name: getattr(decision, name) for name in Decision._fields[2:]}
        return cls.model_validate({"realm": realm, **ends, **rest})

    def decision(self) -> Decision:
        """The decision as the cores use it."""
        ends = (self.a.node(), self.b.node())
        return Decision(*ends, self.verdict, self.author, self.reason, self.decided_ms)


class RulesRecord(Record):
    """The identity rules of a realm change: they apply to everything after this record, and the
    map is brought in line with them before the next one is taken."""

    kind: Literal["rules"] = "rules"
    text: Annotated[str, StringConstraints(min_length=1, max_length=RULES_CHARS_MAX)]
    """The whole rules file (TOML)."""
    author: Code
    """The account that applies them, by name or number."""
    reason: Title
    decided_ms: Milliseconds
    """When it was decided, in milliseconds since 1970 (UTC)."""


class ErasureRecord(Record):
    """A person was erased; data older than the erasure must not return."""

    kind: Literal["erasure"] = "erasure"
    nodes: Annotated[list[UUID], Field(min_length=1, max_length=ERASED_NODES_MAX)]
    """All node ids of the erased profile."""
    erased_ms: Milliseconds
    """Events claimed or received up to this time are skipped (milliseconds since 1970, UTC)."""
    anonymise: bool = False
    """Whether the sales stay, under other ids and without the person."""
    closes: bool = False
    """Sent by the service itself, when everything that was under way at the first record of the
    erasure has landed: now all rows are removed."""


class CutoffRecord(Contract):
    """Since when events of a type are kept."""

    type: Code
    before_ms: Annotated[int, Field(ge=0, lt=2**53)]
    """Events that happened before are not kept (milliseconds since 1970, UTC)."""


class RetentionRecord(Record):
    """Events of some types are kept since a time: older ones are removed, and must not return."""

    kind: Literal["retention"] = "retention"
    cutoffs: Annotated[list[CutoffRecord], Field(min_length=1, max_length=CUTOFFS_MAX)]
    """One for each type."""
    closes: bool = False
    """Sent by the service itself, when everything that was under way at the first record has
    landed: now all rows are removed."""


IdentityRecord = Annotated[
    EdgesRecord | DecisionRecord | RulesRecord | ErasureRecord | RetentionRecord,
    Field(discriminator="kind"),
]
"""Everything that changes the profile map of a realm, in one order."""
IdentityRecordAdapter: TypeAdapter[IdentityRecord] = TypeAdapter(
    IdentityRecord, config=ConfigDict(defer_build=True)
)


CLAIM_RENAMED = frozenset({"book", "version"})
"""Fields of a claim that its record spells out (`book`) or names differently (`body_version`)."""


class ClaimRecord(Contract):
    """One comparable price, as one channel states it."""

    market: Annotated[str, StringConstraints(min_length=1, max_length=16)]
    sku: Code
    occurred_at: Instant
    event_id: Code
    ordinal: Annotated[int, Field(ge=0)]
    """Number of the claim within its event."""
    body_version: Annotated[int, Field(ge=0, lt=2**64)]
    """Version of the event's body; a corrected event replaces its earlier claims."""
    channel: TypeName
    location: OptionalCode = ""
    """Store id; empty for the whole channel."""
    zone: OptionalCode = ""
    basis: Basis
    price: Price
    """Shelf price of one `unit`."""
    currency: Currency
    tax_mode: TaxMode = TaxMode.GROSS
    unit: OptionalCode = "piece"
    pack_content: Price | None = None
    pack_unit: OptionalCode = ""
    variant: OptionalCode = ""
    condition: OptionalCode = "new"
    seller: OptionalCode = ""
    customer_group: OptionalCode = ""
    sale_kind: SaleKind = SaleKind.REGULAR
    promotion: OptionalCode = ""
    price_list_id: OptionalCode = ""
    price_list_edition: OptionalCode = ""
    with_sku: OptionalCode = ""
    """In the book of a GTIN: the article number that the event names beside it. The same price
    stands in the book of that number, too."""
    valid_from: Instant | None = None
    valid_to: Instant | None = None

    @classmethod
    def of(cls, claim: PriceClaim) -> Self:
        """The written form of a claim."""
        plain = claim._asdict()
        market, sku = plain.pop("book").subject.parts
        names = {"market": market, "sku": sku, "body_version": plain.pop("version")}
        return cls.model_validate(names | plain)

    def claim(self, realm: str) -> PriceClaim:
        """The claim as the core uses it."""
        names = (name for name in PriceClaim._fields if name not in CLAIM_RENAMED)
        own = {name: getattr(self, name) for name in names}
        book = Book(realm, PRICE_MISMATCH, Subject.product(self.market, self.sku))
        return PriceClaim(book=book, version=self.body_version, **own)


class StatementRecord(Contract):
    """One claim of any other kind: a value that one channel states of one subject."""

    kind: TypeName
    """The kind of incident that compares it."""
    subject: SubjectRecord
    occurred_at: Instant
    event_id: Code
    ordinal: Annotated[int, Field(ge=0)]
    """Number of the claim within its event and kind."""
    body_version: Annotated[int, Field(ge=0, lt=2**64)]
    """Version of the event's body; a corrected event replaces its earlier claims."""
    channel: TypeName
    location: OptionalCode = ""
    """Store id; empty for the whole channel."""
    zone: OptionalCode = ""
    basis: Basis
    value: Annotated[str, Field(max_length=STATEMENT_CHARS_MAX)]
    """What is stated; the kind knows how to read it."""
    terms: Annotated[str, Field(max_length=STATEMENT_CHARS_MAX)] = ""
    """Only claims with the same terms are compared; empty for the usual ones."""
    valid_from: Instant | None = None
    valid_to: Instant | None = None

    @classmethod
    def of(cls, claim: Statement) -> Self:
        """The written form of a claim."""
        plain = claim._asdict()
        book = plain.pop("book")
        names = {"kind": book.kind, "subject": written_subject(book.subject)}
        return cls.model_validate(names | {"body_version": plain.pop("version")} | plain)

    def claim(self, realm: str) -> Statement:
        """The claim as the core uses it."""
        names = (name for name in Statement._fields if name not in CLAIM_RENAMED)
        own = {name: getattr(self, name) for name in names}
        book = Book(realm, self.kind, subject_of(self.subject))
        return Statement(book=book, version=self.body_version, **own)


class SupersededRecord(Contract):
    """A book that an earlier body of a corrected event touched."""

    kind: TypeName
    """The kind of incident that is judged again."""
    subject: SubjectRecord
    event_id: Code
    body_version: Annotated[int, Field(ge=0, lt=2**64)]
    """Version of the body that counts; claims of lower versions are taken back."""

    @classmethod
    def of(cls, one: Superseded) -> Self:
        """The written form."""
        subject = written_subject(one.book.subject)
        names = {"kind": one.book.kind, "subject": subject, "event_id": one.event_id}
        return cls.model_validate(names | {"body_version": one.version})

    def superseded(self, realm: str) -> Superseded:
        """The value as the core uses it."""
        book = Book(realm, self.kind, subject_of(self.subject))
        return Superseded(book, self.event_id, self.body_version)


class ClaimsRecord(Record):
    """Claims of one realm, of subjects that share a partition of the topic, and the books from
    which corrected events take claims back."""

    kind: Literal["claims"] = "claims"
    claims: Annotated[list[ClaimRecord], Field(max_length=CLAIMS_PER_RECORD_MAX)] = Field(
        default_factory=list
    )
    """Prices."""
    statements: Annotated[list[StatementRecord], Field(max_length=CLAIMS_PER_RECORD_MAX)] = Field(
        default_factory=list
    )
    """Claims of all other kinds."""
    superseded: Annotated[list[SupersededRecord], Field(max_length=CLAIMS_PER_RECORD_MAX)] = Field(
        default_factory=list
    )
    """Books to be judged again because a corrected event claims something else now."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.claims or self.statements or self.superseded):
            raise ValueError("a record needs at least one claim")
        return self

    @classmethod
    def of(cls, realm: str, claims: Sequence[PriceClaim | Statement]) -> Self:
        """The written form. Raises ValueError for a claim of another realm."""
        if any(claim.book.realm != realm for claim in claims):
            raise ValueError(f"a claim of another realm than {realm!r}")
        return cls(
            realm=realm,
            claims=[ClaimRecord.of(claim) for claim in claims if isinstance(claim, PriceClaim)],
            statements=[StatementRecord.of(one) for one in claims if isinstance(one, Statement)],
        )

    def entries(self) -> list[BookEntry]:
        """The claims as the core uses them, then the books to be judged again."""
        prices = [one.claim(self.realm) for one in self.claims]
        statements = [one.claim(self.realm) for one in self.statements]
        return [*prices, *statements, *(one.superseded(self.realm) for one in self.superseded)]


class TickRecord(Record):
    """How far event time has advanced in a realm, over all its channels.

    Written to every partition of the topic, so that each holder of price books reads it in order
    with its claims.
    """

    kind: Literal["tick"] = "tick"
    reached_at: Instant
    """Everything up to here has most likely been seen on all channels; never goes back."""


class ActionRecord(Record):
    """A person acknowledged or muted an incident, or took it back.

    In the partition of the incident's subject, so that it is applied in order with the claims.
    """

    kind: Literal["action"] = "action"
    incident_kind: TypeName
    """Kind of the incident, or the kind with whose incidents it is judged."""
    subject: SubjectRecord
    """What the incident is about."""
    entry: IncidentAction
    """What was done, by whom and why."""

    @classmethod
    def of(cls, book: Book, action: IncidentAction) -> Self:
        """The written form of an action on an incident of a book."""
        subject = written_subject(book.subject)
        names = {"realm": book.realm, "incident_kind": book.kind, "subject": subject}
        return cls.model_validate(names | {"entry": action})

    @property
    def book(self) -> Book:
        """The book that the incident follows from."""
        return Book(self.realm, self.incident_kind, subject_of(self.subject))


class CustomersRecord(Record):
    """Profiles whose claims may have changed: one was stored, or identifiers came or left.

    Their incidents are judged again, from the facts and the map as they are then. Written after
    both, and only if there are kinds of incidents about customers.
    """

    kind: Literal["customers"] = "customers"
    customers: Annotated[list[UUID], Field(min_length=1, max_length=CUSTOMERS_PER_RECORD_MAX)]
    """Profile ids that share a partition of the topic."""


OfferRecord = Annotated[
    ClaimsRecord | TickRecord | ActionRecord | CustomersRecord, Field(discriminator="kind")
]
"""The records from which incidents follow."""
OfferRecordAdapter: TypeAdapter[OfferRecord] = TypeAdapter(
    OfferRecord, config=ConfigDict(defer_build=True)
)


PersonRecord = ActionRecord | DecisionRecord | RulesRecord
"""What a person did with an incident, or decided about identifiers or rules."""


class RejectedHeaders(Contract):
    """Headers of a dead letter, each as UTF-8 text; its value is the line as it was received.

    An oversized line is truncated to its beginning. The key and the original headers of the record
    are kept as well.
    """

    model_config = ConfigDict(
        alias_generator=lambda name: f"c360-{name.replace('_', '-')}", populate_by_name=True
    )

    reason: RejectReason
    path: Title = ""
    """The field at fault."""
    message: Title = ""
    """What is wrong with it; never quotes the value."""
    event_id: OptionalCode = ""
    received_at: Instant
    raw_bytes: Annotated[int, Field(ge=0)]
    """Size of the whole line."""
    source_topic: OptionalCode = ""
    source_partition: Annotated[int, Field(ge=-1)] = -1
    source_offset: Annotated[int, Field(ge=-1)] = -1
    """Where it was read. Of what came over HTTP the topic that it was for, and -1; the topic is
    empty if it came from nowhere that a replay could send it to."""


class ProfileStatus(StrEnum):
    """The current meaning of a profile id."""

    CURRENT = "current"
    MERGED = "merged"
    ERASED = "erased"


class ProfileChange(StrEnum):
    """The change of a profile; of several in one batch, the one of highest precedence."""

    MERGED = "merged"
    """It was merged into another one, or another one into it."""
    SPLIT = "split"
    """It lost identifiers to another profile, or took them from one that lives on."""
    CREATED = "created"
    """It is on the map for the first time."""
    IDENTIFIERS = "identifiers"
    """It gained identifiers that no profile held, or its kind changed."""
    CONSENTS = "consents"
    """Consents or objections may have changed."""
    ATTRIBUTES = "attributes"
    """Attributes may have changed."""
    CONFIRMED = "confirmed"
    """Published again because the first record may be missing; possibly unchanged."""


class ProfileChangeRecord(Record):
    """The state of a profile id after a change: the latest record of each id is enough.

    `status`, `kind` and `merged_into` are the state; the rest describes the change. Every
    identifier's node id is a profile id, so each identifier on the map has a record.
    """

    profile_id: UUID
    status: ProfileStatus
    kind: Annotated[str, StringConstraints(pattern="^(person|anonymous|shared)$")] | None = None
    """Kind of the profile that holds this id; none for an identifier that was never seen with
    another one and is therefore not on the map."""
    merged_into: UUID | None = None
    """The profile that holds this id now, if `status` is `merged`."""
    change: ProfileChange
    previous_profile_id: UUID | None = None
    """The other profile if `change` is `merged` or `split`: the one that identifiers came from or
    went to; one of them if there are several."""
    cause: Annotated[list[Code], Field(default_factory=list, max_length=PROFILE_CAUSES_MAX)]
    """Ids of events that joined the identifiers, at most ten; none for decisions."""
    map_version: Annotated[int, Field(ge=0, lt=2**64)]
    """Generation << 48 | offset; of two records of one profile the higher one counts, and of two
    with the same the later one."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.status is ProfileStatus.MERGED) != (self.merged_into is not None):
            raise ValueError("merged_into is given where status is merged, and nowhere else")
        return self


class AlertRecord(AnyIncident):
    """An incident after a change. Its exposure is counted at read and not included."""

    version: Annotated[int, Field(ge=1)] = INCIDENT_VERSION
    row_version: Annotated[int, Field(ge=0, lt=2**64)]
    """Generation << 48 | offset; of two records of one incident the higher one counts. An evicted
    worker may still send late."""

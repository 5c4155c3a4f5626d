"""The ingest core: one line of bytes in, an accepted touchpoint or a reject out.

Pure: the time of receipt, the secret, the rules and the ledgers are arguments. The only
state is caches of normalised values, so results do not depend on earlier events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from schemas.claim import PriceClaim, Statement
from schemas.edge import Edge
from schemas.events.master_data import CONTACT_CHANNELS, PURPOSES
from schemas.events.messages import MessageSent
from schemas.identifiers import NodeId
from schemas.instants import from_ms, to_ms
from schemas.reject import RejectReason
from schemas.rules.identity import LOYALTY_CARD, IdentityRules
from schemas.rules.profile import ProfileRules, profile_rules
from schemas.rules.trust import TrustRules, trusting
from schemas.touchpoint import (
    EVENT_TYPES,
    IMPERSONAL_TYPES,
    PUBLIC_ID_PREFIX,
    PUBLIC_TYPES,
    Touchpoint,
)
from services.consistency.core.contacts import contact_channel
from services.consistency.core.kind import Heard, Kinds
from services.consistency.kinds import KINDS
from services.ingest.core.activity import is_activity
from services.ingest.core.decode import decode, event_hash, names_other_realm
from services.ingest.core.fact import (
    ATTRIBUTE_TYPES,
    GROUPED_TYPES,
    claims_group,
    offers_group,
    typed_group,
)
from services.ingest.core.fact_row import (
    CLAIMS,
    CONSENTS,
    EMPTY_CONSENTS,
    INTERACTION,
    OFFERS,
    FactRow,
    Group,
    RowPart,
    numbered,
)
from services.ingest.core.hints import attribute_hints, order_hints
from services.ingest.core.identify import Identification, StoredNames
from services.ingest.core.interaction import KIND_OF, interaction
from services.ingest.core.outcome import Accepted, Context, DropReason, Identified, Intake, Reject
from services.ingest.core.permission import (
    ADDRESS_TYPES,
    CONSENT_TYPES,
    consents_group,
    refuse_unlisted,
    refuse_unreadable,
)
from services.ingest.core.rejected_persons import has_readable_time, names_erased, names_suppressed
from services.ingest.core.structs import renamed
from services.profiles.core.consent import ConsentRecord, as_ruled

WITH_CAMPAIGN = frozenset(
    name for name, row in EVENT_TYPES.items() if "campaign" in row.body.model_fields
)


class Realm(NamedTuple):
    """Defaults of a realm: ISO region, currency, IANA time zone, and whether its tills send
    closings."""

    region: str
    currency: str
    time_zone: str = "Europe/Berlin"
    tills_close: bool = True


@dataclass(frozen=True)
class IngestConfig:
    """Configuration of the core."""

    secret: bytes
    rules: IdentityRules
    realms: dict[str, Realm]
    channels: frozenset[str]
    time_floor: datetime
    purposes: frozenset[str] = frozenset(PURPOSES)
    contact_channels: frozenset[str] = frozenset(CONTACT_CHANNELS)
    profile_rules: ProfileRules = field(default_factory=profile_rules)
    secret_generation: int = 1
    source_issuers: dict[str, str] = field(default_factory=dict)
    trust: TrustRules = field(default_factory=lambda: trusting(["*"]))
    future_tolerance: timedelta = timedelta(hours=24)
    kinds: Kinds = field(default_factory=lambda: KINDS)
    """The kinds of incidents whose claims are extracted."""


OLDER = "older than an erasure"
SUPPRESSED = "names somebody who must not be processed"
UNTIMED = "names somebody who was erased, and without a readable time it counts as older than that"


class EventProcessor:
    """Turns lines into outcomes.

    Args:
        erased_at: answers when a node of a realm was erased (ms), or None.
        kept_since: answers since when events of a realm and type are kept (ms), or None.
        is_suppressed: answers whether nothing that names a node of a realm may be processed.
    """

    def __init__(
        self,
        config: IngestConfig,
        erased_at: Callable[[str, NodeId], int | None] | None = None,
        kept_since: Callable[[str, str], int | None] | None = None,
        is_suppressed: Callable[[str, NodeId], bool] = lambda _realm, _node: False,
    ) -> None:
        self._config = config
        self._erased_at = erased_at
        self._kept_since = kept_since
        self._is_suppressed = is_suppressed
        self._kinds = config.kinds
        self._refused_as = lru_cache(maxsize=10_000)(
            lambda system, type_name: config.trust.of(system).refused_as(type_name)
        )
        version = config.trust.version
        self._rules_version = config.rules.version + (f"/{version}" if version else "")
        self._floor_ms = to_ms(config.time_floor)
        self._tolerance_ms = config.future_tolerance / timedelta(milliseconds=1)
        self._identification = Identification(
            config.secret,
            config.rules,
            {name: realm.region for name, realm in config.realms.items()},
            config.source_issuers,
            config.trust,
        )

    def process(
        self, line: bytes, received_at: datetime, intake: Intake = Intake.FILE, realm: str = ""
    ) -> Accepted | Reject:
        """The outcome of one line. Never raises for bad data.

        `realm` is the only one of which the sender may send events; empty for any.
        """
        outcome = self._outcome(line, received_at, intake, realm)
        return outcome if isinstance(outcome, Accepted) else self.judge(outcome, line, realm)

    def judge(self, reject: Reject, line: bytes, realm: str = "") -> Reject:
        """What becomes of a line that is rejected, for whatever reason: if it names somebody of
        whom no line may be kept, it is rejected for that."""
        if reject.reason is RejectReason.OTHER_REALM:
            return reject  # a sender of another realm must not learn who was erased there
        if reject.reason is RejectReason.SUPPRESSED or names_suppressed(
            line, self._identification, self._is_suppressed, realm
        ):
            return Reject(RejectReason.SUPPRESSED, "identifiers", SUPPRESSED, reject.event_id)
        erased_at = self._erased_at
        if erased_at is None:
            return reject
        if names_erased(line, self._identification, erased_at, realm):
            message = OLDER if has_readable_time(line) else UNTIMED
            return Reject(RejectReason.ERASED, "identifiers", message, reject.event_id)
        return reject

    def _outcome(
        self, line: bytes, received_at: datetime, intake: Intake, realm: str
    ) -> Accepted | Reject:
        decoded = decode(line)
        if isinstance(decoded, Reject):
            if realm and names_other_realm(line, realm):
                return _of_other_realm(decoded.event_id)
            return decoded
        event, body_hash = decoded
        if realm and event.realm != realm:
            return _of_other_realm(event.event_id)
        occurred_ms, received_ms = to_ms(event.occurred_at), to_ms(received_at)
        if event.from_public_key:  # a mark takes rights away and never gives any
            intake = Intake.PUBLIC
        is_public = intake is Intake.PUBLIC
        if is_public and event.type not in PUBLIC_TYPES:
            message = "a public write key may not send this type"
            return Reject(RejectReason.NOT_ALLOWED, "type", message, event.event_id)
        if event.event_id.startswith(PUBLIC_ID_PREFIX):
            message = f"{PUBLIC_ID_PREFIX!r} is reserved at the beginning of an event id"
            return Reject(RejectReason.INVALID_FIELD, "event_id", message, event.event_id)
        refused = self._refuse(event, occurred_ms, received_ms)
        if refused:
            return refused
        event_id = PUBLIC_ID_PREFIX + event.event_id if is_public else event.event_id
        identified = self._identification.identify(event, event_id, occurred_ms, intake)
        if isinstance(identified, Reject):
            return identified
        for one in identified.identifiers:
            if self._is_suppressed(event.realm, one.node.id):
                return Reject(RejectReason.SUPPRESSED, "identifiers", SUPPRESSED, event.event_id)
        # Anybody may send with a public key, and at a time ahead of ours that no ledger reaches.
        since_ms = min(occurred_ms, received_ms) if is_public else occurred_ms
        if self._is_erased(event.realm, identified, since_ms):
            return Reject(RejectReason.ERASED, "identifiers", OLDER, event.event_id)
        if is_public:
            event = renamed(event, event_id)
        version = event.revision << 32 | body_hash
        occurred_at = from_ms(occurred_ms)
        context = Context(event, identified, occurred_at, occurred_ms, version, intake)
        return self._accept(context, line, received_ms)

    def joined(self, stored: StoredNames) -> list[tuple[NodeId, bool]]:
        """See `Identification.joined`."""
        return self._identification.joined(stored)

    def hear(self, event: Touchpoint) -> tuple[Heard, list[Edge]] | Reject:
        """What the kinds of incidents hear of an event, and its edges, on whatever channel and at
        whatever time it happened."""
        if event.type in CONSENT_TYPES:
            refused = self._refuse_consent(event)
            if refused:
                return refused
        occurred_ms = to_ms(event.occurred_at)
        intake = Intake.PUBLIC if event.from_public_key else Intake.SERVER
        identified = self._identification.identify(event, event.event_id, occurred_ms, intake)
        if isinstance(identified, Reject):
            return identified
        version, at = event.revision << 32, from_ms(occurred_ms)
        context = Context(event, identified, at, occurred_ms, version, intake)
        return self._heard(context, self._consents(context)), identified.edges

    def _refuse(self, event: Touchpoint, occurred_ms: int, received_ms: int) -> Reject | None:
        config = self._config
        if message := self._refused_as(event.source.system, event.type):
            reason, path = RejectReason.NOT_ALLOWED, "source.system"
        elif event.realm not in config.realms:
            reason, path, message = RejectReason.INVALID_FIELD, "realm", "not a configured realm"
        elif event.channel not in config.channels:
            reason, path, message = RejectReason.INVALID_FIELD, "channel", "not a known channel"
        elif occurred_ms < self._floor_ms:
            floor = config.time_floor.date().isoformat()
            reason, path, message = RejectReason.BEFORE_TIME_FLOOR, "occurred_at", f"before {floor}"
        elif self._is_expired(event, occurred_ms):
            reason, path = RejectReason.EXPIRED, "occurred_at"
            message = f"{event.type} of that time is not kept any more"
        elif occurred_ms > received_ms + self._tolerance_ms:
            reason, path = RejectReason.FROM_THE_FUTURE, "occurred_at"
            hours = config.future_tolerance / timedelta(hours=1)
            message = f"more than {hours:g} hours ahead of its receipt"
        elif event.type in CONSENT_TYPES:
            return self._refuse_consent(event)
        elif event.type in IMPERSONAL_TYPES and event.identifiers:
            reason, path = RejectReason.INVALID_FIELD, "identifiers"
            message = "leave them out: this type is about no person"
        else:
            return None
        return Reject(reason, path, message, event.event_id)

    def _refuse_consent(self, event: Touchpoint) -> Reject | None:
        refused = refuse_unlisted(event, self._config.purposes, self._config.contact_channels)
        return refused or refuse_unreadable(event, self._given_address)

    def _is_expired(self, event: Touchpoint, occurred_ms: int) -> bool:
        if self._kept_since is None:
            return False
        since_ms = self._kept_since(event.realm, event.type)
        return since_ms is not None and occurred_ms < since_ms

    def _is_erased(self, realm: str, identified: Identified, occurred_ms: int) -> bool:
        erased_at = self._erased_at
        if erased_at is None:
            return False
        for one in identified.identifiers:
            erased_ms = erased_at(realm, one.node.id)
            if erased_ms is not None and occurred_ms <= erased_ms:
                return True
        return False

    @staticmethod
    def _corrected(context: Context, received_ms: int) -> int:
        """`received_at − (sent_at − occurred_at)`: the difference is between times of one clock."""
        sent_at, intake = context.event.sent_at, context.intake
        # What was exported, or passed on, may be years old.
        if sent_at is None or intake is Intake.FILE or context.event.from_public_key:
            return context.occurred_ms
        return min(received_ms - (to_ms(sent_at) - context.occurred_ms), received_ms)

    def _address(self, context: Context, channel: str, address: str | None) -> NodeId | None:
        """Node of the address a consent is for: the given one, else the event's of that type. None
        without one, or if the given one cannot be read."""
        given = self._given_address(context.event.realm, channel, address)
        if given is not None:
            return None if isinstance(given, DropReason) else given
        type_name = ADDRESS_TYPES.get(channel)
        for one in context.identified.identifiers:
            if one.node.type == type_name:
                return one.node.id
        return None

    def _given_address(
        self, realm: str, channel: str, address: str | None
    ) -> NodeId | DropReason | None:
        """Node of an address in a body, or why it cannot be read; None for none, as a placeholder
        is, and on channels whose addresses have no written form."""
        type_name = ADDRESS_TYPES.get(channel)
        if not address or type_name not in self._config.rules.by_name:
            return None
        found = self._identification.address(realm, type_name, address)
        if found is DropReason.PLACEHOLDER:
            return None
        return found if isinstance(found, DropReason) else found[0].id

    def _consents(self, context: Context) -> Group:
        if context.event.type not in CONSENT_TYPES:
            return EMPTY_CONSENTS
        stops = self._config.profile_rules.consent.stops
        return consents_group(context, self._address, self._config.purposes, stops)

    def _heard(self, context: Context, consents: Group) -> Heard:
        event, identified, config = context.event, context.identified, self._config
        anchor, realm = identified.anchor.node.id, config.realms[event.realm]
        body, address = event.body, None
        if isinstance(body, MessageSent):
            address = self._address(context, contact_channel(event), body.address)
        return Heard(
            event,
            context.occurred_at,
            context.version,
            anchor,
            realm.region,
            realm.currency,
            tuple(
                [  # a list, for a generator takes twice as long
                    edge.b.id if edge.a.id == anchor else edge.a.id
                    for edge in identified.edges
                    if edge.verified
                ]
            ),
            address,
            _as_heard(context, consents, config.profile_rules)
            if consents["consents.action"]
            else (),
            realm.time_zone,
            realm.tills_close,
            config.rules.names_a_person(identified.anchor.node.type, identified.anchor.verified),
            tuple([one.node.id for one in identified.identifiers if one.node.type == LOYALTY_CARD]),
        )

    def _claims(
        self, context: Context, consents: Group
    ) -> tuple[list[tuple[PriceClaim, Decimal]], list[tuple[Statement, Decimal]]]:
        """The claims of an event for all kinds of incidents: prices, and other statements.

        Neither a test journey nor a public key may open or resolve an incident.
        """
        prices: list[tuple[PriceClaim, Decimal]] = []
        statements: list[tuple[Statement, Decimal]] = []
        if context.event.source.synthetic or context.intake is Intake.PUBLIC:
            return prices, statements
        kinds = self._kinds.hearing(context.event.body.__class__)  # not `type`: of a struct, too
        if not kinds:
            return prices, statements
        heard = self._heard(context, consents)
        for kind in kinds:
            for claim, quantity in kind.claims(heard):
                if isinstance(claim, PriceClaim):
                    prices.append((claim, quantity))
                elif not claim.is_too_long:
                    statements.append((claim, quantity))
        return prices, statements

    def _accept(self, context: Context, line: bytes, received_ms: int) -> Accepted:
        event, config = context.event, self._config
        source, realm = event.source, config.realms[event.realm]
        digest = event_hash(event.event_id)
        identifiers, anchor, edges, dropped = context.identified
        campaign = source.campaign
        if not campaign and event.type in WITH_CAMPAIGN:
            campaign = event.body.campaign
        consents = self._consents(context)
        prices, statements = self._claims(context, consents)
        groups: list[RowPart] = []
        if event.type in GROUPED_TYPES:
            groups.append(typed_group(context, config.source_issuers, realm.currency))
        if event.type in KIND_OF:
            said = interaction(event, realm.currency)
            if said[0]:
                groups.append((INTERACTION, said))
        if consents is not EMPTY_CONSENTS:
            groups.append(numbered(CONSENTS, consents))
        if prices:
            groups.append(numbered(OFFERS, offers_group(prices)))
        if statements:
            groups.append(numbered(CLAIMS, claims_group(statements)))
        envelope = (  # in the order of ENVELOPE
            event.realm,
            anchor.node.id,
            event.event_id,
            context.version,
            digest,
            context.occurred_ms,
            self._corrected(context, received_ms),
            received_ms,
            event.channel,
            event.type,
            source.synthetic,
            is_activity(event),
            context.intake,
            source.system,
            source.store,
            campaign,
            anchor.node.type,
            anchor.verified,
            self._rules_version,
            config.secret_generation,
            [one.node.type for one in identifiers],
            [one.node.id for one in identifiers],
            [one.verified for one in identifiers],
            line,
        )
        row = FactRow(envelope, groups)
        return Accepted(
            event.event_id,
            event.realm,
            digest,
            context.version,
            anchor.node.id,
            event.channel,
            context.occurred_ms,
            received_ms,
            row,
            [(one.node, one.value) for one in identifiers],
            edges,
            [*[claim for claim, _ in prices], *[claim for claim, _ in statements]],
            event.type in ATTRIBUTE_TYPES and bool(row["attrs.name"]),
            consents is not EMPTY_CONSENTS and bool(consents["consents.action"]),
            dropped,
            context.intake,
            (*attribute_hints(event, config.profile_rules, realm.region), *order_hints(event)),
        )


def _of_other_realm(event_id: str) -> Reject:
    """Before anything that the other realm knows could decide: an answer would tell it."""
    message = "the key may only send events of its own realm"
    return Reject(RejectReason.OTHER_REALM, "realm", message, event_id)


def _as_heard(context: Context, consents: Group, rules: ProfileRules) -> tuple[ConsentRecord, ...]:
    """What an event says about contact permission, as it counts under the rules."""
    names = ("action", "purpose", "channel", "address", "basis", "double_opt_in")
    columns = [consents[f"consents.{name}"] for name in names]
    found: list[ConsentRecord] = []
    for action, purpose, channel, address, basis, must_confirm in zip(*columns, strict=True):
        record = ConsentRecord(
            action, purpose, channel, address, basis, must_confirm, context.event.event_id,
            context.occurred_at,
        )  # fmt: skip
        ruled = as_ruled(record, rules.consent)
        if ruled is not None:
            found.append(ruled)
    return tuple(found)

"""Identifiers to nodes: normalise, drop placeholders, choose the anchor, draw the edges.

Sources: design notes "Identity" (anchor, verified and stated edges); node ids as in
schemas/identifiers.py.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from schemas.edge import Edge, Node
from schemas.events.orders import OrderCancelled, OrderPlaced, OrderReturned, OrderStatusChanged
from schemas.identifiers import (
    RECORD_TYPE,
    REMEMBERED_CHARACTERS_MAX,
    AmbiguousIdentifier,
    BlockedIdentifier,
    InvalidIdentifier,
    NodeId,
    node_id,
    normalise,
)
from schemas.reject import RejectReason
from schemas.rules.identity import IdentifierKind, IdentityRules
from schemas.rules.trust import TrustRules
from schemas.touchpoint import EVENT_TYPES, Touchpoint, types_with
from services.ingest.core.outcome import DropReason, Identified, Intake, Reject, ResolvedIdentifier
from services.ingest.core.permission import REACTIONS

CACHED_IDENTIFIERS = 200_000
ADDRESS = "email"
"""Identifier type of what a mail is sent to."""
OF_AN_ORDER = types_with(OrderPlaced, OrderStatusChanged, OrderCancelled, OrderReturned)
"""What happens to an order stands in one history. What is only about an order, as the answer to a
survey, does not: it may be anonymous."""
LINK_TYPES = frozenset({"email.opened", "email.clicked", "email.unsubscribed"})
"""Events made by whoever holds a mail, which may have been forwarded."""


class StoredNames(NamedTuple):
    """Whom an event names, as its row says."""

    event_id: str
    occurred_ms: int
    anchor: NodeId
    anchor_type: str
    anchor_verified: bool
    identifiers: tuple[tuple[NodeId, str, bool], ...]
    """Node, type and whether it is verified; the anchor among them."""
    by_sender: bool
    """Whether they are those of whoever acted."""


class Identification:
    """Identifies the acting person of an event. Pure, except for caches of normalised values."""

    def __init__(
        self,
        secret: bytes,
        rules: IdentityRules,
        regions: dict[str, str],
        issuers: dict[str, str],
        trust: TrustRules,
    ) -> None:
        self._secret = secret
        self._rules = rules
        self._regions = regions
        self._issuers = issuers
        self._personal = frozenset(
            row.name for row in rules.type if row.kind is IdentifierKind.PERSONAL
        )
        self._device = frozenset(
            row.name for row in rules.type if row.kind is IdentifierKind.DEVICE
        )
        self._issued = {row.name: row.issued for row in rules.type}
        self._rank = rules.rank
        self._lookup = lru_cache(maxsize=CACHED_IDENTIFIERS)(self._resolve)
        self._verifies = lru_cache(maxsize=10_000)(
            lambda system, type_name: trust.of(system).verifies_type(type_name)
        )

    def _resolve(
        self, realm: str, type_name: str, issuer: str, value: str
    ) -> tuple[Node, str] | DropReason:
        try:
            normal = normalise(type_name, value, self._rules, self._regions[realm])
        except BlockedIdentifier:
            return DropReason.PLACEHOLDER
        except AmbiguousIdentifier:
            return DropReason.AMBIGUOUS
        except InvalidIdentifier:
            return DropReason.MALFORMED
        node = Node(node_id(self._secret, realm, type_name, issuer, normal), type_name, issuer)
        return node, normal

    def resolve(
        self, realm: str, type_name: str, issuer: str, value: str, system: str
    ) -> tuple[Node, str] | DropReason:
        """Node and normalised value; or why the value names nobody."""
        if not self._issued[type_name]:
            issuer = ""
        elif not issuer:
            issuer = self._issuers.get(system, "")
        return self._read(realm, type_name, issuer, value)

    def node_of(
        self, realm: str, type_name: str, issuer: str, value: str, system: str
    ) -> NodeId | None:
        """The node of an identifier in a line that may be wrong; None if it has none."""
        if realm not in self._regions or type_name not in self._issued:
            return None
        found = self.resolve(realm, type_name, issuer, value, system)
        return None if isinstance(found, DropReason) else found[0].id

    def address(self, realm: str, type_name: str, value: str) -> tuple[Node, str] | DropReason:
        """The same for an address, which nobody issues."""
        return self._read(realm, type_name, "", value)

    def _read(
        self, realm: str, type_name: str, issuer: str, value: str
    ) -> tuple[Node, str] | DropReason:
        read = self._lookup if len(value) <= REMEMBERED_CHARACTERS_MAX else self._resolve
        return read(realm, type_name, issuer, value)

    def identify(
        self, event: Touchpoint, event_id: str, occurred_ms: int, intake: Intake
    ) -> Identified | Reject:
        """The usable identifiers of an event, its anchor, and the edges between them.

        `event_id` is the id under which the event is stored, `occurred_ms` the time of its edges.
        """
        identifiers: list[ResolvedIdentifier] = []
        dropped: list[DropReason] = []
        seen: dict[NodeId, int] = {}
        system = event.source.system
        by_sender = names_its_sender(event, intake)
        resolve, realm, issued = self.resolve, event.realm, self._issued
        for position, given in enumerate(event.identifiers):
            type_name = given.type
            if type_name not in issued:
                path = f"identifiers.{position}.type"
                return Reject(
                    RejectReason.INVALID_FIELD, path, "no such identifier type", event.event_id
                )
            found = resolve(realm, type_name, given.issuer, given.value, system)
            if isinstance(found, DropReason):
                dropped.append(found)
                continue
            node, value = found
            proven = given.verified and by_sender and self._verifies(system, type_name)
            if node.id not in seen:
                seen[node.id] = len(identifiers)
                identifiers.append(ResolvedIdentifier(node, value, proven))
            elif proven:  # given twice: verified wins, in any order
                again = seen[node.id]
                identifiers[again] = identifiers[again]._replace(verified=True)
        if intake is Intake.PUBLIC and not any(
            one.node.type in self._device for one in identifiers
        ):
            # Knowing a number or an address must not be enough to add to its history.
            dropped += [DropReason.NO_DEVICE] * len(identifiers)
            identifiers = []
        anchor = self._anchor(identifiers, by_sender) if identifiers else None
        if event.type in REACTIONS and (anchor is None or anchor.node.type not in self._personal):
            # A refusal in the history of whoever holds the mail would not reach its addressee.
            anchor = self._addressee(event, identifiers) or anchor
            if anchor is not None and anchor not in identifiers:
                identifiers.append(anchor)
        if anchor is None:
            if not EVENT_TYPES[event.type].anonymous:
                return _unidentified(event, dropped, intake)
            anchor = self._record(event, event_id, intake)
        edges = self._edges(event_id, occurred_ms, anchor, identifiers, by_sender)
        return Identified(identifiers, anchor, edges, tuple(dropped))

    def _anchor(self, identifiers: list[ResolvedIdentifier], by_sender: bool) -> ResolvedIdentifier:
        """The strongest verified identifier; without one, the strongest shareable (of an event that
        anybody may have made: device) one; without one, the strongest.

        A stranger who types a victim's e-mail thus adds to their own cookie's history.
        """
        if len(identifiers) == 1:
            return identifiers[0]
        pool = [one for one in identifiers if one.verified]
        if not pool and not by_sender:
            pool = [one for one in identifiers if one.node.type in self._device]
        pool = (
            pool
            or [one for one in identifiers if one.node.type not in self._personal]
            or identifiers
        )
        rank = self._rank
        return min(pool, key=lambda one: (rank[one.node.type], one.node.id))

    def _addressee(
        self, event: Touchpoint, identifiers: list[ResolvedIdentifier]
    ) -> ResolvedIdentifier | None:
        """The mailbox of which a mail service reports: its address, else the one identifier."""
        if ADDRESS not in self._issued:
            return None
        mailboxes = [one for one in identifiers if one.node.type == ADDRESS]
        if event.body.address:
            found = self.address(event.realm, ADDRESS, event.body.address)
            if not isinstance(found, DropReason):
                same = (one for one in mailboxes if one.node.id == found[0].id)
                return next(same, ResolvedIdentifier(*found, False))
        return mailboxes[0] if len(mailboxes) == 1 else None

    def _record(self, event: Touchpoint, event_id: str, intake: Intake) -> ResolvedIdentifier:
        """The anchor of an event without identifiers; it joins no profile."""
        names_order = event.type in OF_AN_ORDER and intake is not Intake.PUBLIC
        issuer, value = event.source.system, event.body.order_id if names_order else ""
        value = value or event_id
        node = node_id(self._secret, event.realm, RECORD_TYPE, issuer, value)
        return ResolvedIdentifier(Node(node, RECORD_TYPE, issuer), value, True)

    def _edges(
        self,
        event_id: str,
        occurred_ms: int,
        anchor: ResolvedIdentifier,
        identifiers: list[ResolvedIdentifier],
        by_sender: bool,
    ) -> list[Edge]:
        if len(identifiers) < 2:
            return []
        proves = self._proves if by_sender else self._proves_to_anybody
        is_proof = proves(anchor.node.type, anchor.verified)
        return [
            Edge(
                min(anchor.node, other.node),
                max(anchor.node, other.node),
                occurred_ms,
                event_id,
                is_proof and proves(other.node.type, other.verified),
            )
            for other in identifiers
            if other.node.id != anchor.node.id
        ]

    def joined(self, stored: StoredNames) -> list[tuple[NodeId, bool]]:
        """What a stored event joins with its anchor, and whether both prove who sent it.

        As it was stored: what is listed, trusted, strongest or suppressed by now does not change
        what was said then.
        """
        proves = self._proves if stored.by_sender else self._proves_to_anybody
        is_proof = proves(stored.anchor_type, stored.anchor_verified)
        return [
            (node, is_proof and proves(type_name, verified))
            for node, type_name, verified in stored.identifiers
            if node != stored.anchor
        ]

    def _proves(self, type_name: str, verified: bool) -> bool:
        """Whether an identifier proves who sent the event that names it."""
        return verified or type_name not in self._personal

    def _proves_to_anybody(self, type_name: str, _verified: bool) -> bool:
        """The same for an event that anybody may have made: only a device can know the random value
        of a device."""
        return type_name in self._device


def _unidentified(event: Touchpoint, dropped: list[DropReason], intake: Intake) -> Reject:
    if dropped and all(reason is DropReason.PLACEHOLDER for reason in dropped):
        blocked = RejectReason.ALL_IDENTIFIERS_BLOCKED
        return Reject(blocked, "identifiers", "only placeholders", event.event_id)
    message = "none can be used here" if dropped else "none given"
    if DropReason.AMBIGUOUS in dropped:
        message = "ambiguous: write telephone numbers with + and their country"
    if intake is Intake.PUBLIC:
        message = "none names a device, as events of a public write key must"
    return Reject(RejectReason.NO_USABLE_IDENTIFIER, "identifiers", message, event.event_id)


def names_its_sender(event: Touchpoint, intake: Intake) -> bool:
    """Whether the identifiers are those of whoever acted, and not only what anybody may name: with
    a public key, or through the link of a mail that somebody else may have opened."""
    if intake is Intake.PUBLIC:
        return False
    return event.type not in LINK_TYPES or event.body.single_use_token

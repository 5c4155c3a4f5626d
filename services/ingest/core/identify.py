"""Identifiers to nodes: normalise, drop placeholders, choose the anchor, draw the edges.

Sources: design notes "Identity" (anchor, verified and stated edges); node ids as in
schemas/identifiers.py.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache

from schemas.edge import Edge, Node
from schemas.identifiers import (
    RECORD_TYPE,
    AmbiguousIdentifier,
    BlockedIdentifier,
    InvalidIdentifier,
    NodeId,
    node_id,
    normalise,
)
from schemas.reject import RejectReason
from schemas.rules.identity import IdentifierKind, IdentityRules
from schemas.touchpoint import EVENT_TYPES, Touchpoint
from services.ingest.core.outcome import Context, DropReason, Intake, Named, Reject

CACHED_IDENTIFIERS = 200_000
LINK_TYPES = frozenset({"email.opened", "email.clicked", "email.unsubscribed"})
"""Events made by whoever holds a mail, which may have been forwarded."""


class Identification:
    """Identifies the acting person of an event. Pure, except for caches of normalised values."""

    def __init__(
        self,
        secret: bytes,
        rules: IdentityRules,
        regions: dict[str, str],
        issuers: dict[str, str],
        trusted_sources: list[str],
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
        self._is_trusted = lru_cache(maxsize=10_000)(
            lambda system: any(fnmatchcase(system, pattern) for pattern in trusted_sources)
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
        self, realm: str, type_name: str, issuer: str, value: str, system: str = ""
    ) -> tuple[Node, str] | DropReason:
        """Node and normalised value; or why the value names nobody."""
        if not self._issued[type_name]:
            issuer = ""
        elif not issuer:
            issuer = self._issuers.get(system, "")
        return self._lookup(realm, type_name, issuer, value)

    def name(
        self, event: Touchpoint, intake: Intake
    ) -> tuple[list[Named], tuple[DropReason, ...]] | Reject:
        """The usable identifiers of an event, and why others were dropped."""
        named: list[Named] = []
        dropped: list[DropReason] = []
        seen: dict[NodeId, int] = {}
        system = event.source.system
        trusted = _names_its_sender(event, intake) and self._is_trusted(system)
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
            elif found[0].id not in seen:
                seen[found[0].id] = len(named)
                named.append(Named(found[0], found[1], given.verified and trusted, position))
            elif given.verified and trusted:  # named twice: verified wins, in any order
                again = seen[found[0].id]
                named[again] = named[again]._replace(verified=True)
        if intake is Intake.PUBLIC and not any(one.node.type in self._device for one in named):
            # Knowing a number or an address must not be enough to add to its history.
            dropped += [DropReason.NO_DEVICE] * len(named)
            named = []
        if named or EVENT_TYPES[event.type].anonymous:
            return named, tuple(dropped)
        return self._nobody(event, dropped, intake)

    @staticmethod
    def _nobody(event: Touchpoint, dropped: list[DropReason], intake: Intake) -> Reject:
        if dropped and all(reason is DropReason.PLACEHOLDER for reason in dropped):
            blocked = RejectReason.ALL_IDENTIFIERS_BLOCKED
            return Reject(blocked, "identifiers", "only placeholders", event.event_id)
        message = "none can be used here" if dropped else "none given"
        if DropReason.AMBIGUOUS in dropped:
            message = "ambiguous: write telephone numbers with + and their country"
        if intake is Intake.PUBLIC:
            message = "none names a device, as events of a public write key must"
        return Reject(RejectReason.NO_USABLE_IDENTIFIER, "identifiers", message, event.event_id)

    def anchor(self, event: Touchpoint, named: list[Named], intake: Intake) -> Named:
        """The identifier under which the fact is stored permanently.

        The strongest verified one; without one, the strongest shareable (of an event that anybody
        may have made: device) one; without one, the strongest. A stranger who types a victim's
        e-mail thus adds to their own cookie's history. An event without identifiers is anchored by
        a record node, which joins no profile.
        """
        if not named:
            return self._record(event, intake)
        if len(named) == 1:
            return named[0]
        pool = [one for one in named if one.verified]
        if not pool and not _names_its_sender(event, intake):
            pool = [one for one in named if one.node.type in self._device]
        pool = pool or [one for one in named if one.node.type not in self._personal] or named
        rank = self._rank
        return min(pool, key=lambda one: (rank[one.node.type], one.node.id))

    def _record(self, event: Touchpoint, intake: Intake) -> Named:
        order_id = "" if intake is Intake.PUBLIC else getattr(event.body, "order_id", "")
        issuer, value = event.source.system, order_id or event.event_id
        node = node_id(self._secret, event.realm, RECORD_TYPE, issuer, value)
        return Named(Node(node, RECORD_TYPE, issuer), value, True, -1)

    def edges(self, context: Context, anchor: Named) -> list[Edge]:
        """One edge from the anchor to every other identifier of the event."""
        if len(context.named) < 2:
            return []
        named_by_sender = _names_its_sender(context.event, context.intake)
        proven = self._proven if named_by_sender else self._proven_by_anybody
        return [
            Edge(
                min(anchor.node, other.node),
                max(anchor.node, other.node),
                context.occurred_ms,
                context.event.event_id,
                proven(anchor, other),
            )
            for other in context.named
            if other.node.id != anchor.node.id
        ]

    def _proven(self, one: Named, other: Named) -> bool:
        return (one.verified or one.node.type not in self._personal) and (
            other.verified or other.node.type not in self._personal
        )

    def _proven_by_anybody(self, one: Named, other: Named) -> bool:
        """Only a device can know the random value of a device."""
        return one.node.type in self._device and other.node.type in self._device


def _names_its_sender(event: Touchpoint, intake: Intake) -> bool:
    """Whether the identifiers are those of whoever acted, and not only what anybody may name: with
    a public key, or through the link of a mail that somebody else may have opened."""
    if intake is Intake.PUBLIC:
        return False
    return event.type not in LINK_TYPES or event.body.single_use_token

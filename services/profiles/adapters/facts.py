"""What one event says of a profile, read from the one column that holds all of it.

The column is defined in schemas/sql (migration 0038): one list as JSON, and a second one behind a
line feed if the event says more than that somebody was seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import orjson

from schemas.identifiers import NodeId
from schemas.instants import EPOCH, from_ms
from schemas.touchpoint import PUBLIC_ID_PREFIX
from services.profiles.core.consent import ConsentRecord
from services.profiles.core.facts import AttributeObservation, OrderRow
from services.profiles.core.purchases import CANCELLED, PLACED, RETURNED

REPORTED = frozenset({PLACED, CANCELLED, RETURNED})
Contact = tuple[NodeId, datetime, datetime, datetime, list[str]]
"""A node, the first and last time that it was seen, the last activity (1970: none), channels."""
Row = tuple[UUID, str, int, str]
"""Node, event id, version, and the column."""


class EventFacts(NamedTuple):
    """Of one event; what it does not say is empty."""

    node: NodeId
    event_id: str
    occurred_at: datetime
    channel: str
    is_synthetic: bool
    anchor_type: str
    contacts: list[Contact]
    """With each node that the event names."""
    observations: Sequence[AttributeObservation] = ()
    consents: Sequence[ConsentRecord] = ()
    report: OrderRow | None = None
    """Of an order, cancellation or return that counts."""
    is_member: bool = False
    """It tells who belongs to an account or household."""


def facts_of(rows: Iterable[Row]) -> Iterator[EventFacts]:
    """Of each event, by its highest version."""
    latest: dict[tuple[UUID, str], Row] = {}
    for row in rows:
        key = row[0], row[1]
        known = latest.get(key)
        if known is None or row[2] > known[2]:
            latest[key] = row
    for node, event_id, _, text in latest.values():
        yield _facts(node.int, event_id, text)


def _facts(node: NodeId, event_id: str, text: str) -> EventFacts:
    seen, _, said = text.partition("\n")
    ms, channel, is_synthetic, source, anchor_type, is_active, named = orjson.loads(seen)
    at = from_ms(int(ms))
    active_at = at if is_active else EPOCH
    standing = {node, *(UUID(one).int for one in named)}
    contacts = [(one, at, at, active_at, [channel]) for one in standing]
    facts = EventFacts(node, event_id, at, channel, is_synthetic, anchor_type, contacts)
    return _saying(facts, source, said) if said else facts


def _saying(facts: EventFacts, source: str, text: str) -> EventFacts:
    (
        names, values, present, actions, purposes, channels, addresses, bases, opted_in,
        action, issuer, order_id, return_id, counts, currency, value, is_whole, is_member,
    ) = orjson.loads(text)  # fmt: skip
    event_id, at = facts.event_id, facts.occurred_at
    targets = zip(actions, purposes, channels, addresses, bases, opted_in, strict=True)
    report = None
    if counts and action in REPORTED:
        report = OrderRow(
            facts.node, event_id, at, facts.anchor_type, action, issuer, order_id, return_id,
            currency, Decimal(value), is_whole,
        )  # fmt: skip
    return facts._replace(
        observations=[
            AttributeObservation(
                name, value, is_present, said_by(event_id, source), facts.channel, event_id, at
            )
            for name, value, is_present in zip(names, values, present, strict=True)
        ],
        consents=[
            ConsentRecord(act, purpose, channel, UUID(address).int, basis, opted, event_id, at)
            for act, purpose, channel, address, basis, opted in targets
        ],
        report=report,
        is_member=is_member,
    )


def said_by(event_id: str, source: str) -> str:
    """The source of an event; anybody may write any into one that came by a public key."""
    return PUBLIC_ID_PREFIX + source if event_id.startswith(PUBLIC_ID_PREFIX) else source

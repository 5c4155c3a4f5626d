"""The events of a scenario as ingest hears them, and the customers whose they are at a time.

Identifiers are normalised, joined and held apart as in the product, by the packaged identity rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import NamedTuple

from schemas.claim import Book, Claim
from schemas.edge import Edge
from schemas.identifiers import NodeId
from schemas.instants import from_ms, to_ms
from schemas.offer import PriceListCompleted
from schemas.price_list import Completion
from schemas.rules.identity import identity_rules
from schemas.subject import Subject, SubjectType
from schemas.touchpoint import Touchpoint
from services.consistency.core.cancelled_orders import ReportedOrder, is_taken_back, taken_back
from services.consistency.core.complete_lists import (
    KnownLists,
    completion_of,
    edition_offers,
    left_out,
)
from services.consistency.core.kind import Heard
from services.consistency.kinds import KINDS
from services.identity.core.resolve import resolve
from services.ingest.core.event_processor import EventProcessor, IngestConfig, Realm
from services.ingest.core.fact import order_issuer
from services.ingest.core.outcome import Reject

SECRET = b"scenario"
NOBODY: NodeId = 0
"""The customer of events without identifiers."""
DEFAULT_MARKET = "DE"
DEFAULT_CURRENCY = "EUR"


class HeardEvent(NamedTuple):
    """An event of a scenario: its claims of all kinds, and its edges."""

    realm: str
    event_id: str
    version: int
    occurred_at: datetime
    claims: Sequence[Claim]
    edges: Sequence[Edge]
    order: ReportedOrder | None = None
    """Of an event that reports an order, or its cancellation."""
    completion: Completion | None = None
    """Of an event that says that an edition of a price list is complete."""


def heard_events(events: Sequence[Touchpoint]) -> list[HeardEvent]:
    """The events in the order of time. Raises ValueError for one that ingest would not accept."""
    rules, realms = identity_rules(), {event.realm for event in events}
    processor = EventProcessor(
        IngestConfig(
            secret=SECRET,
            rules=rules,
            realms=dict.fromkeys(realms, Realm(DEFAULT_MARKET, DEFAULT_CURRENCY)),
            channels=frozenset(),
            time_floor=datetime(1900, 1, 1, tzinfo=UTC),
        )
    )
    found = [_heard(processor, event) for event in events]
    return sorted(found, key=attrgetter("occurred_at"))


def _heard(processor: EventProcessor, event: Touchpoint) -> HeardEvent:
    """Raises ValueError."""
    version, edges = event.revision << 32, list[Edge]()
    at = from_ms(to_ms(event.occurred_at))
    heard = Heard(event, at, version, NOBODY, DEFAULT_MARKET, DEFAULT_CURRENCY)
    if event.identifiers:
        outcome = processor.hear(event)
        if isinstance(outcome, Reject):
            raise ValueError(f"event {event.event_id}: {outcome.path}: {outcome.message}")
        heard, edges = outcome
    counts = not (event.source.synthetic or event.from_public_key)
    kinds = KINDS.values() if counts else ()
    made = [claim for kind in kinds for claim, _ in kind.claims(heard)]
    issuer = getattr(event.body, "issuer", "") or order_issuer(event, {})
    order = ReportedOrder.of(event, at, issuer) if counts else None
    said = event.body if counts and isinstance(event.body, PriceListCompleted) else None
    by = (event.realm, event.channel)
    completion = completion_of(said, by, (event.event_id, 0), version, at) if said else None
    return HeardEvent(event.realm, event.event_id, version, at, made, edges, order, completion)


def claims_that_count(events: Sequence[HeardEvent]) -> list[list[Claim]]:
    """The claims of each event as they are when all of these events have happened: of an event
    those of its latest body count, of an order none that a cancellation takes back. Those of a
    completed price list are what it leaves out."""
    latest: dict[tuple[str, str], HeardEvent] = {}
    for event in events:
        key = event.realm, event.event_id
        if key not in latest or latest[key].version <= event.version:
            latest[key] = event
    reports: dict[str, list[ReportedOrder]] = {}
    for event in latest.values():
        if event.order is not None:
            reports.setdefault(event.realm, []).append(event.order)
    back = {realm: taken_back(mine) for realm, mine in reports.items()}
    counting = [
        [one for one in event.claims if not is_taken_back(one, back.get(event.realm, {}), KINDS)]
        if event.version == latest[event.realm, event.event_id].version
        else []
        for event in events
    ]
    withdrawn = _left_out(events, latest)
    return [
        [*mine, *withdrawn.get((event.realm, event.event_id, event.version), ())]
        for event, mine in zip(events, counting, strict=True)
    ]


def _left_out(
    events: Sequence[HeardEvent], latest: Mapping[tuple[str, str], HeardEvent]
) -> dict[tuple[str, str, int], list[Claim]]:
    """What complete editions of price lists leave out, by the event that completes them."""
    completions = [one.completion for one in latest.values() if one.completion is not None]
    found: dict[tuple[str, str, int], list[Claim]] = {}
    if not completions:
        return found
    offers = edition_offers(claim for event in events for claim in event.claims)
    claims = [claim for event in latest.values() for claim in event.claims]
    for claim in left_out(claims, KnownLists(completions, offers)):
        key = claim.book.realm, claim.event_id, claim.version
        found.setdefault(key, []).append(claim)
    return found


def customer_claims(events: Iterable[HeardEvent]) -> dict[Book, list[Claim]]:
    """The claims about customers that these events make, each in the book of the profile that
    holds its anchor when all of them have happened. Of an event its latest body counts."""
    latest: dict[tuple[str, str], HeardEvent] = {}
    for event in events:
        key = event.realm, event.event_id
        if key not in latest or latest[key].version <= event.version:
            latest[key] = event
    claims = [one for event in latest.values() for one in event.claims if _is_of_customer(one)]
    holders = _holders(latest.values()) if claims else {}
    books: dict[Book, list[Claim]] = {}
    for claim in claims:
        node = claim.book.subject.node
        profile = holders.get((claim.book.realm, node), node)
        book = claim.book._replace(subject=Subject.customer(profile))
        books.setdefault(book, []).append(claim._replace(book=book))
    return books


def _is_of_customer(claim: Claim) -> bool:
    return claim.book.subject.type is SubjectType.CUSTOMER


def _holders(events: Iterable[HeardEvent]) -> dict[tuple[str, NodeId], NodeId]:
    """The profile of each node, by realm."""
    edges: dict[str, list[Edge]] = {}
    for event in events:
        edges.setdefault(event.realm, []).extend(event.edges)
    return {
        (realm, node): one.profile
        for realm, mine in edges.items()
        for node, one in resolve(mine, (), (), identity_rules()).placements.items()
    }

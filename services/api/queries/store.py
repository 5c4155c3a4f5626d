"""Operations on the store itself: audit and repair, pending migrations, the state digest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import Field

from services.api.auth import Scope
from services.api.operation import Answer, Operation, Request
from services.api.ports import Access


class StoreRequest(Request):
    """No arguments: the whole store."""


class DoubleAnchorRow(Answer):
    """An event that is stored under several anchors."""

    realm: str
    event_id: str
    kept: str
    """The smallest node, whose row is kept."""
    others: list[str]
    fixed: bool
    """Whether the other rows were deleted."""


class PendingMigration(Answer):
    """A migration that the store has not applied."""

    version: int
    checksum: str
    state: str


class ExpiredTable(Answer):
    """Rows of a table that are older than they may be."""

    table: str
    kept_days: int
    """For how long its rows are kept."""
    before: datetime
    """Rows from before this time have expired."""
    rows: int
    """How many there are, or were."""
    event_type: str
    """Of which type of events; empty if the table has no events."""
    removed: bool
    """Whether they were removed."""


class BoundedRequest(Request):
    """Asks for work that the store does by itself, and waits for it."""

    within_s: float = Field(default=3_600, ge=0, le=86_400)
    """For how long to wait."""


class RefreshedFigures(Answer):
    """The figures of the customers of a realm after a refresh."""

    realm: str
    profiles: int
    """How many profiles have figures."""
    refreshed_at: datetime | None
    """When they were computed, by the store's clock; null if there are none."""
    took_s: float
    """How long that took for all realms together."""


class SectionDigest(Answer):
    """The digest of one section of the state."""

    section: str
    sha256: str


class HealthRow(Answer):
    """What a store says of itself."""

    now: datetime
    """Its clock."""
    received_at: datetime
    """Its latest receipt of an event; 1970 if there is none."""
    events: int
    """Rows of events, repeated ones not yet merged."""
    channels: list[str]
    """Channels that any event came from."""


def _health(access: Access, _asked: StoreRequest) -> Iterator[HealthRow]:
    yield HealthRow.model_validate(access.reads.health()._asdict())


def _audit(access: Access, _asked: StoreRequest) -> Iterator[DoubleAnchorRow]:
    for double in access.reads.audit.double_anchors():
        yield DoubleAnchorRow(**double._asdict(), fixed=False)


def _repair(access: Access, _asked: StoreRequest) -> Iterator[DoubleAnchorRow]:
    doubles = list(access.reads.audit.double_anchors())
    access.writes.keep_one_anchor(doubles)
    for double in doubles:
        yield DoubleAnchorRow(**double._asdict(), fixed=True)


def _expired(access: Access, _asked: StoreRequest) -> Iterator[ExpiredTable]:
    for one in access.reads.expired():
        yield ExpiredTable(**one._asdict(), removed=False)


def _remove_expired(access: Access, asked: BoundedRequest) -> Iterator[ExpiredTable]:
    expired = access.reads.expired()
    for one in access.writes.remove_expired(expired, asked.within_s):
        yield ExpiredTable(**one._asdict(), removed=True)


def _refresh(access: Access, asked: BoundedRequest) -> Iterator[RefreshedFigures]:
    profiles = access.reads.profiles
    took_s = profiles.recompute_totals(asked.within_s)
    for realm in access.reads.realms:
        totals = profiles.totals(realm, refresh=False)
        yield RefreshedFigures(
            realm=realm, profiles=totals.size, refreshed_at=totals.refreshed_at, took_s=took_s
        )


def _pending(access: Access, _asked: StoreRequest) -> Iterator[PendingMigration]:
    for one in access.reads.pending_migrations():
        yield PendingMigration(**one._asdict())


def _digest(access: Access, _asked: StoreRequest) -> Iterator[SectionDigest]:
    for section, digest in access.reads.digest().items():
        yield SectionDigest(section=section, sha256=digest)


STORE_AUDIT = Operation("store_audit", Scope.STORE_READ, StoreRequest, DoubleAnchorRow, _audit)
"""Events stored under two anchors."""
STORE_REPAIR = Operation("store_repair", Scope.STORE_REPAIR, StoreRequest, DoubleAnchorRow, _repair)
"""Keeps only the smallest node's row of each event that is stored under two anchors."""
STORE_EXPIRED = Operation("store_expired", Scope.STORE_READ, StoreRequest, ExpiredTable, _expired)
"""What is older than the settings keep it."""
STORE_REMOVE_EXPIRED = Operation(
    "store_remove_expired", Scope.STORE_REPAIR, BoundedRequest, ExpiredTable, _remove_expired
)
"""Removes it."""
STORE_REFRESH = Operation(
    "store_refresh", Scope.STORE_REPAIR, BoundedRequest, RefreshedFigures, _refresh
)
"""Recomputes the figures of all customers now, instead of within the hour."""
MIGRATIONS_PENDING = Operation(
    "migrations_pending", Scope.STORE_READ, StoreRequest, PendingMigration, _pending
)
"""Pending migrations; an open store has none."""
STATE_DIGEST = Operation("state_digest", Scope.STORE_READ, StoreRequest, SectionDigest, _digest)
"""SHA-256 by section of the state."""
STORE_HEALTH = Operation("store_health", Scope.STORE_READ, StoreRequest, HealthRow, _health)
"""The store's clock, its latest receipt, its channels."""
OPERATIONS = (
    STORE_HEALTH, STORE_AUDIT, STORE_REPAIR, STORE_EXPIRED, STORE_REMOVE_EXPIRED, STORE_REFRESH,
    MIGRATIONS_PENDING, STATE_DIGEST,
)  # fmt: skip

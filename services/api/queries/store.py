"""Operations on the store itself: audit and repair, pending migrations, the state digest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

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
MIGRATIONS_PENDING = Operation(
    "migrations_pending", Scope.STORE_READ, StoreRequest, PendingMigration, _pending
)
"""Pending migrations; an open store has none."""
STATE_DIGEST = Operation("state_digest", Scope.STORE_READ, StoreRequest, SectionDigest, _digest)
"""SHA-256 by section of the state."""
STORE_HEALTH = Operation("store_health", Scope.STORE_READ, StoreRequest, HealthRow, _health)
"""The store's clock, its latest receipt, its channels."""
OPERATIONS = (STORE_HEALTH, STORE_AUDIT, STORE_REPAIR, MIGRATIONS_PENDING, STATE_DIGEST)

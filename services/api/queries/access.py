"""Operations on the access log: who read whose profile, and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from pydantic import Field

from schemas.api.access import AccessPage
from schemas.instants import to_ms
from services.api.auth import Scope
from services.api.cursors import seal, unseal
from services.api.handles import node_named, require_realm
from services.api.operation import Operation, RealmRequest
from services.api.ports import Access, AccessFilter, Reads
from services.runtime.errors import InvalidInput

PAGE_ENTRIES_MAX = 500
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
NAME = "access_list"


class AccessRequest(RealmRequest):
    """Entries of the access log."""

    profile: str = Field(default="", max_length=500)
    """Only reads of this customer, by any id or identifier that is or was theirs; also by the id of
    one who was erased. Empty for all."""
    key_id: str = Field(default="", max_length=200)
    """Only with this API key, by its whole id; empty for any."""
    since: datetime | None = None
    """Not before this time."""
    until: datetime | None = None
    """Before this time."""
    limit: int = Field(default=50, ge=1, le=PAGE_ENTRIES_MAX)
    """Most entries of the page."""
    cursor: str = ""
    """The cursor that the page before ended with."""


def _list(access: Access, asked: AccessRequest) -> Iterator[AccessPage]:
    reads, realm = access.reads, asked.realm
    require_realm(reads, realm)
    before = None
    if asked.cursor:
        before_ms, before_id = unseal(reads.secret(), NAME, realm, asked.cursor)
        before = (before_ms, before_id)
    filters = AccessFilter(
        _ms(asked.since, FIRST, "since"),
        _ms(asked.until, LAST, "until"),
        asked.key_id,
        _profiles(reads, asked) if asked.profile else None,
    )
    found = reads.access.listed(realm, filters, before, asked.limit + 1)
    entries, following = found[: asked.limit], None
    if len(found) > asked.limit:
        last = entries[-1]
        following = seal(reads.secret(), NAME, realm, [to_ms(last.at), last.entry_id])
    yield AccessPage(entries=entries, next_cursor=following)


def _profiles(reads: Reads, asked: AccessRequest) -> frozenset[int]:
    node = node_named(reads, asked.realm, asked.profile)
    return frozenset(reads.ever_called(asked.realm, node))


def _ms(given: datetime | None, otherwise: datetime, name: str) -> int:
    instant = given or otherwise
    if instant.tzinfo is None:
        raise InvalidInput(f"{name}: a time needs its zone")
    return to_ms(min(max(instant, FIRST), LAST))


ACCESS_LIST = Operation(NAME, Scope.AUDIT_READ, AccessRequest, AccessPage, _list)
"""A page of the access log, the latest entries first."""
OPERATIONS = (ACCESS_LIST,)

"""Operations on rejected events: of one realm wherever they are kept, and all of a store's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import Field

from schemas.api.rejected import (
    RejectedCounts,
    RejectedItem,
    RejectedLetterItem,
    ShownRejectedItem,
    ShownRejectedLetter,
)
from schemas.reject import RejectReason
from services.api.auth import Scope
from services.api.cursors import seal, unseal
from services.api.handles import require_realm
from services.api.operation import Answer, Operation, RealmRequest, Request
from services.api.ports import Access
from services.ingest.adapters.audit import RejectedEvent
from services.ingest.ports import AnyRejected
from services.runtime.errors import NotFound

REJECTED_PER_PAGE_MAX = 500
PAGE = "rejected_page"


class RejectedRequest(Request):
    """Rejected lines, the latest first."""

    reason: str = ""
    """Only this reason; empty for any."""
    limit: int = Field(default=100, ge=1)
    """Most rows."""


class RejectRequest(Request):
    """One rejected line."""

    reject_id: str
    """Its id, or the beginning of it."""


class RejectedLinesRequest(Request):
    """A page of rejected lines with their bytes."""

    reason: str = ""
    """Only this reason; empty for any."""
    since_ms: int = 0
    """Only those received at or after this time (Unix milliseconds)."""
    ids: tuple[str, ...] = ()
    """Only these; none for any."""
    after: str = ""
    """Only ids after this one."""
    limit: int = Field(default=100, ge=1)
    """Most rows."""


class NoArguments(Request):
    """No arguments."""


class _Rejected(Answer):
    version: int
    reject_id: str
    reason: RejectReason
    path: str
    message: str
    event_id: str
    received_at: datetime
    raw_bytes: int


class ListedReject(_Rejected):
    """A rejected line without its content."""

    advice: str


class ShownReject(_Rejected):
    """A rejected line, whole."""

    raw: str
    advice: str


class RejectedCount(Answer):
    """Rejected lines of one reason."""

    reason: str
    count: int


class RejectedBytes(Answer):
    """The bytes of a rejected line."""

    reject_id: str
    reason: RejectReason
    raw_bytes: int
    """Size of the whole line; the bytes may be truncated."""
    raw_base64: str
    is_public: bool
    """Sent with a public write key."""


class RealmRejectedRequest(RealmRequest):
    """A page of rejected events that a realm may see."""

    reason: RejectReason | None = None
    """Only this reason; none for any."""
    limit: int = Field(default=50, ge=1, le=REJECTED_PER_PAGE_MAX)
    """Most rows."""
    cursor: str = ""
    """Cursor of the page before; empty for the first one."""


class RejectedEventsPage(Answer):
    """A page of rejected events, the latest first."""

    entries: list[RejectedLetterItem | RejectedItem]
    """The events, without their content."""
    next_cursor: str | None
    """Cursor of the next page; null at the end."""


class RealmRejectRequest(RealmRequest):
    """One rejected event that a realm may see."""

    reject_id: str = Field(max_length=100)
    """Its whole id."""
    is_masked: bool = False
    """Whether its content is left out."""


def _page(access: Access, asked: RealmRejectedRequest) -> Iterator[RejectedEventsPage]:
    reads, realm = access.reads, asked.realm
    require_realm(reads, realm)
    after = unseal(reads.secret(), PAGE, realm, asked.cursor) if asked.cursor else None
    found = reads.rejected.page(realm, asked.reason or "", asked.limit, after)
    following = None
    if found.following is not None:
        following = seal(reads.secret(), PAGE, realm, found.following)
    yield RejectedEventsPage(entries=found.rows, next_cursor=following)


def _get(access: Access, asked: RealmRejectRequest) -> Iterator[AnyRejected]:
    require_realm(access.reads, asked.realm)
    yield access.reads.rejected.one(asked.realm, asked.reject_id, with_raw=not asked.is_masked)


def _summary(access: Access, asked: RealmRequest) -> Iterator[RejectedCounts]:
    require_realm(access.reads, asked.realm)
    yield access.reads.rejected.counts(asked.realm)


def _list(access: Access, asked: RejectedRequest) -> Iterator[ListedReject]:
    for event in access.reads.audit.rejected(asked.reason, limit=asked.limit):
        written = event.as_json()
        del written["raw"]
        yield ListedReject.model_validate(written)


def _counts(access: Access, _asked: NoArguments) -> Iterator[RejectedCount]:
    for reason, count in access.reads.audit.rejected_counts().items():
        yield RejectedCount(reason=reason, count=count)


def _show(access: Access, asked: RejectRequest) -> Iterator[ShownReject]:
    found: list[RejectedEvent] = access.reads.audit.rejected(
        id_prefix=asked.reject_id, limit=2, with_raw=True
    )
    if len(found) != 1:
        problem = "several rejected events begin with" if found else "there is no rejected event"
        raise NotFound(f"{problem} {asked.reject_id!r}")
    yield ShownReject.model_validate(found[0].as_json())


def _lines(access: Access, asked: RejectedLinesRequest) -> Iterator[RejectedBytes]:
    for one in access.reads.audit.raw_lines(
        asked.reason, asked.since_ms, asked.ids, asked.after, asked.limit
    ):
        yield RejectedBytes.model_validate(one._asdict())


REJECTED_LIST = Operation(
    "rejected_list", Scope.REJECTED_READ, RejectedRequest, ListedReject, _list
)
"""Rejected lines without their content, the latest first."""
REJECTED_COUNTS = Operation(
    "rejected_counts", Scope.REJECTED_READ, NoArguments, RejectedCount, _counts
)
"""Rejected lines by reason."""
REJECTED_SHOW = Operation("rejected_show", Scope.REJECTED_READ, RejectRequest, ShownReject, _show)
"""One rejected line, whole."""
REJECTED_LINES = Operation(
    "rejected_lines", Scope.REJECTED_READ, RejectedLinesRequest, RejectedBytes, _lines
)
"""A page of rejected lines with their bytes, in the order of their ids."""
REJECTED_PAGE = Operation(
    PAGE, Scope.REJECTED_READ, RealmRejectedRequest, RejectedEventsPage, _page
)
"""A page of the rejected events of a realm, without their content, the latest first."""
REJECTED_GET = Operation(
    "rejected_get",
    Scope.REJECTED_READ,
    RealmRejectRequest,
    ShownRejectedLetter | RejectedLetterItem | ShownRejectedItem | RejectedItem,
    _get,
)
"""One rejected event of a realm, whole unless it is masked."""
REJECTED_SUMMARY = Operation(
    "rejected_summary", Scope.REJECTED_READ, RealmRequest, RejectedCounts, _summary
)
"""Rejected events of a realm by reason."""
OPERATIONS = (
    REJECTED_LIST,
    REJECTED_COUNTS,
    REJECTED_SHOW,
    REJECTED_LINES,
    REJECTED_PAGE,
    REJECTED_GET,
    REJECTED_SUMMARY,
)

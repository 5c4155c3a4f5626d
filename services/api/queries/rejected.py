"""Operations on rejected lines of the embedded engine: list, counts, one line, their bytes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import Field

from schemas.reject import RejectReason
from services.api.auth import Scope
from services.api.operation import Answer, Operation, Request
from services.api.ports import Access
from services.ingest.adapters.audit import RejectedEvent
from services.runtime.errors import NotFound


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
OPERATIONS = (REJECTED_LIST, REJECTED_COUNTS, REJECTED_SHOW, REJECTED_LINES)

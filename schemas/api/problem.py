"""Error answers: a closed list of codes, each with one status, and the document that carries it.

A code never changes its meaning, so that clients may act on it; title and detail are for people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from schemas.descriptions import Described

PROBLEM_PATH = "/problems"
"""The page of a code is served under it."""


class ProblemCode(StrEnum):
    """What went wrong. The title of a problem is its code in words."""

    status: int
    meaning: str

    def __new__(cls, code: str, status: int = 0, meaning: str = "") -> Self:
        """A code, the status it comes with, and what its reader should do."""
        one = str.__new__(cls, code)
        one._value_ = code
        one.status = status
        one.meaning = meaning
        return one

    INVALID_REQUEST = (
        "invalid-request",
        400,
        "A parameter or the body is not what the operation takes; `errors` names each fault.",
    )
    NO_BATCH = (
        "no-batch",
        400,
        "The body is not a JSON object with a list `batch` of bounded length.",
    )
    INCOMPLETE = "incomplete", 400, "The connection closed before the body ended."
    NO_HTTP_REQUEST = "no-http-request", 400, "What came is no HTTP request."
    NO_VALID_KEY = (
        "no-valid-key",
        401,
        "The key is missing, unknown, expired or revoked. Send `Authorization: Bearer KEY`.",
    )
    NOT_ALLOWED = "not-allowed", 403, "The key lacks the scope that the operation needs."
    NOT_FOUND = "not-found", 404, "There is no such thing in the realm of the key."
    NO_SUCH_PATH = "no-such-path", 404, "No route has this path."
    NO_SUCH_METHOD = "no-such-method", 405, "The path does not take this method."
    REQUEST_TOO_SLOW = (
        "request-too-slow",
        408,
        "The head or the body of the request did not come in time.",
    )
    INVALID_STATE = (
        "invalid-state",
        409,
        "The thing is in a state in which this cannot be done.",
    )
    SEVERAL_PROFILES = (
        "several-profiles",
        409,
        "The identifiers belong to different customers; `profile_ids` lists them.",
    )
    ERASED = "erased", 410, "The profile was erased on request and does not come back."
    TOO_LARGE = "too-large", 413, "The body is larger than the limit; send less at once."
    COMPRESSED = "compressed", 415, "The body is compressed; send it as it is."
    KEY_REUSED = (
        "idempotency-key-reused",
        422,
        "The idempotency key came before with another request.",
    )
    RATE_LIMITED = (
        "rate-limited",
        429,
        "The key has used up its rate; wait for `Retry-After` seconds.",
    )
    TOO_MANY_EVENTS_WAIT = (
        "too-many-events-wait",
        429,
        "Too many events wait for the writer; send again after `Retry-After` seconds.",
    )
    TOO_MANY_STREAMS = (
        "too-many-streams",
        429,
        "The key, or the service, has as many open streams as it may.",
    )
    HEAD_TOO_LARGE = "request-head-too-large", 431, "Request line and headers are too large."
    INTERNAL_ERROR = "internal-error", 500, "A fault of the service; its log says more."
    UNAVAILABLE = (
        "unavailable",
        503,
        "The store, or the log of events, does not answer now; try again after `Retry-After` "
        "seconds.",
    )
    TOO_BUSY = (
        "too-busy",
        503,
        "More requests wait than can be answered in time; try again after `Retry-After` seconds.",
    )
    NOT_VISIBLE_YET = (
        "not-visible-yet",
        503,
        "The event of `consistent_after` is not visible yet; try again after `Retry-After` "
        "seconds.",
    )
    TOO_MANY_BYTES = (
        "too-many-bytes-in-flight",
        503,
        "The bodies of all requests take as much memory as they may; send it again later.",
    )
    OUT_OF_RESOURCES = (
        "out-of-resources",
        503,
        "The service is out of memory, threads or files; send it again later.",
    )
    TOO_MANY_CONNECTIONS = (
        "too-many-connections",
        503,
        "More connections are open than the service holds; send it again later.",
    )

    @property
    def words(self) -> str:
        """The code in words, a problem's title."""
        return self.value.replace("-", " ")


class FieldFault(Described, BaseModel):
    """What is wrong with one field of a request; its value is never repeated."""

    path: str
    """Where it is: `body.identifiers.0.type`, `query.limit` …"""
    message: str
    """What is wrong with it."""


class ProblemBody(Described, BaseModel):
    """An error answer (RFC 9457). Members beside these belong to single codes."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/problems/not-found"])
    """Reference of the code's page, relative to the service."""
    code: str
    """What went wrong, for programs; the codes are a closed list."""
    title: str
    """The code in words."""
    status: int
    """The HTTP status."""
    detail: str
    """What is wrong with this request, for people."""
    request_id: str
    """The id of the request, as in the header X-Request-ID and in the log."""
    errors: list[FieldFault] = []
    """The faults of single fields."""


def problem_body(
    code: ProblemCode,
    detail: str,
    request_id: str = "",
    errors: Sequence[FieldFault] = (),
    members: Mapping[str, Any] | None = None,
) -> ProblemBody:
    """The document of a problem; `members` are those that only this code has."""
    return ProblemBody(
        type=f"{PROBLEM_PATH}/{code}",
        code=code.value,
        title=code.words,
        status=code.status,
        detail=detail,
        request_id=request_id,
        errors=list(errors),
        **(members or {}),
    )

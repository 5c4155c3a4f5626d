"""What a call may raise.

    CallError               anything below
    ├── NoAnswer            no answer came: connection refused, reset, too slow
    ├── UnreadableAnswer    an answer came that is none of the API's
    └── ProblemError        an error answer of the API (RFC 9457); `code` says which
        ├── InvalidRequest      400, 405, 413, 415, 422, 431
        ├── NotAuthenticated    401
        ├── NotAllowed          403
        ├── NotFound            404
        ├── Conflict            409
        ├── Erased              410
        ├── RateLimited         429
        └── Unavailable         5xx

Messages hold what the API said, which never repeats a value of the request.
"""

from __future__ import annotations

from typing import Any


class CallError(Exception):
    """A call did not succeed."""


class NoAnswer(CallError):
    """No answer came, however often it was tried."""


class UnreadableAnswer(CallError):
    """An answer came that is none of the API's: is the address that of the service?"""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(f"status {status}: {why}")
        self.status = status


class ProblemError(CallError):
    """An error answer."""

    def __init__(self, status: int, document: dict[str, Any], retry_after_s: float | None) -> None:
        self.status = status
        self.document = document
        """The problem document, with the members that only its code has; empty if somebody between
        answered in another form."""
        self.retry_after_s = retry_after_s
        """When to try again, as the service says."""
        said = f"{self.code}: {self.detail} (request {self.request_id})"
        super().__init__(said if document else f"status {status}, and no problem document")

    @property
    def code(self) -> str:
        """What went wrong, for programs: one of a closed list."""
        return str(self.document.get("code", ""))

    @property
    def title(self) -> str:
        """The code in words."""
        return str(self.document.get("title", ""))

    @property
    def detail(self) -> str:
        """What is wrong with this request, for people."""
        return str(self.document.get("detail", ""))

    @property
    def request_id(self) -> str:
        """The id of the request, as in the log of the service."""
        return str(self.document.get("request_id", ""))

    @property
    def errors(self) -> list[dict[str, str]]:
        """`path` and `message` of each fault of a field."""
        found: list[dict[str, str]] = self.document.get("errors", [])
        return found


class InvalidRequest(ProblemError):
    """The request is not what the operation takes."""


class NotAuthenticated(ProblemError):
    """The key is missing, unknown, expired or revoked."""


class NotAllowed(ProblemError):
    """The key lacks a scope."""


class NotFound(ProblemError):
    """There is no such thing in the realm of the key."""


class Conflict(ProblemError):
    """The state of the thing does not allow it, or the question has several answers."""


class Erased(ProblemError):
    """The profile was erased on request and does not come back."""


class RateLimited(ProblemError):
    """The key has used up its rate."""


class Unavailable(ProblemError):
    """The service, or its store, cannot answer now."""


OF_STATUS: dict[int, type[ProblemError]] = {
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    410: Erased,
    429: RateLimited,
}


def problem_error(status: int, document: Any, retry_after_s: float | None) -> ProblemError:
    """The error of an error answer."""
    told = document if isinstance(document, dict) and "code" in document else {}
    kind = OF_STATUS.get(status, Unavailable if status >= 500 else InvalidRequest)
    return kind(status, told, retry_after_s)

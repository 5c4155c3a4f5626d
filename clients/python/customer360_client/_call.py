"""What every call does, synchronous or not: its request, its answer, when it is tried again.

Nothing here does I/O or waits. The clients send what `attempts` yields and give back what came.
"""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar, cast
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from customer360_client._model import Model
from customer360_client.errors import NoAnswer, ProblemError, UnreadableAnswer, problem_error

T = TypeVar("T")
DEFAULT_URL = "http://127.0.0.1:8360"
TRANSIENT = frozenset({429, 502, 503, 504})
"""Statuses that a later try may not have."""
FIRST_PAUSE_S, PAUSE_S_MAX = 0.25, 20.0
VERSION = "0.1.0"


class Retries(NamedTuple):
    """How often a call is tried, and how long it may wait in all."""

    attempts: int = 4
    """At most so many, the first one included."""
    wait_s: float = 60
    """A call does not wait longer than this between its tries, added up."""


@dataclass(frozen=True)
class Call(Generic[T]):
    """One call of an operation."""

    method: str
    path: str
    """With `{name}` for the values of `path_values`."""
    answer: Any
    """The type of the answer: a model, `str`, or None for none."""
    path_values: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None

    def request(self, client: httpx.AsyncClient | httpx.Client) -> httpx.Request:
        """The request. A write has a key that makes it safe to repeat, if it was given none."""
        path = self.path
        for name, value in self.path_values.items():
            path = path.replace("{" + name + "}", quote(_text(value), safe=""))
        headers = {name: _text(value) for name, value in self.headers.items() if value is not None}
        if "Idempotency-Key" in self.headers:
            headers.setdefault("Idempotency-Key", str(uuid.uuid4()))
        if self.answer is not str:
            headers.setdefault("Accept", "application/json")
        query = {
            name: [_text(one) for one in value] if _is_list(value) else _text(value)
            for name, value in self.query.items()
            if value is not None
        }
        content = None if self.body is None else _json(self.body)
        if content is not None:
            headers["Content-Type"] = "application/json"
        return client.build_request(
            self.method, path, params=query or None, headers=headers, content=content
        )

    def read(self, response: httpx.Response) -> T:
        """The answer. Raises CallError for an error, or for what is no answer of the API."""
        if not response.is_success:
            raise error_of(response)
        if self.answer is None:
            return cast(T, None)
        if self.answer is str:
            return cast(T, response.text)
        try:
            found = _adapter(self.answer).validate_json(response.content)
        except ValidationError as error:
            why = f"{error.error_count()} faults against {error.title}"
            raise UnreadableAnswer(response.status_code, why) from error
        if isinstance(found, Model):
            found.note_headers(response.headers)
        return cast(T, found)


def attempts(
    call: Call[T], request: httpx.Request, retries: Retries
) -> Generator[httpx.Request | float, httpx.Response | httpx.RequestError, T]:
    """The steps of a call: a request is to be sent, a number of seconds is to be waited.

    After a request, its response or the error of its connection is sent in; returns the answer.
    """
    waited_s = 0.0
    for attempt in range(1, retries.attempts + 1):
        came = yield request
        pause_s = pause_of(came, attempt)
        is_last = attempt == retries.attempts or waited_s + (pause_s or 0) > retries.wait_s
        if pause_s is None or is_last:
            if isinstance(came, httpx.RequestError):
                raise NoAnswer(f"{type(came).__name__}: {came}") from came
            return call.read(came)
        waited_s += pause_s
        yield pause_s
    raise AssertionError("the last attempt returns or raises")


def pause_of(came: httpx.Response | httpx.RequestError, attempt: int) -> float | None:
    """Seconds until the next try; None if another would not help."""
    if isinstance(came, httpx.Response):
        if came.status_code not in TRANSIENT:
            return None
        said_s = retry_after_s(came)
        if said_s is not None:
            return said_s
    elif not isinstance(came, httpx.TransportError) or isinstance(came, httpx.UnsupportedProtocol):
        return None
    return min(PAUSE_S_MAX, FIRST_PAUSE_S * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1)


def retry_after_s(response: httpx.Response) -> float | None:
    """The header Retry-After in seconds (RFC 9110, section 10.2.3)."""
    said = response.headers.get("Retry-After", "")
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def error_of(response: httpx.Response) -> ProblemError:
    """The error of an error answer whose content was read."""
    try:
        document = response.json()
    except ValueError:
        document = None
    return problem_error(response.status_code, document, retry_after_s(response))


def settings_of(
    url: str | None, key: str | None, timeout: httpx.Timeout | float | None, purpose: str | None
) -> dict[str, Any]:
    """Arguments of the HTTP client; what is not given comes from the environment."""
    headers = {"User-Agent": f"customer360-client/{VERSION}"}
    if key := key or os.environ.get("C360_API_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    if purpose:
        headers["X-Purpose"] = purpose
    return {
        "base_url": url or os.environ.get("C360_API_URL") or DEFAULT_URL,
        "headers": headers,
        "timeout": timeout if timeout is not None else httpx.Timeout(30, connect=5),
        "follow_redirects": True,
    }


def body_of(**fields: Any) -> dict[str, Any]:
    """A JSON body of the fields that are given."""
    return {name: value for name, value in fields.items() if value is not None}


def plain(value: Any) -> Any:
    """A value as JSON values."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if _is_list(value):
        return [plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else _text(value)


def _json(value: Any) -> bytes:
    return ANYTHING.dump_json(plain(value))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)


@cache
def _adapter(answer: Any) -> TypeAdapter[Any]:
    return TypeAdapter(answer)

"""The synchronous client. Made from `_async_client.py` by `make generate`; never edited."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from customer360_client._call import Call, Retries, attempts, settings_of
from customer360_client._stream import ServerEvent, Stream
from customer360_client._sync_operations import Operations

T = TypeVar("T")
ReadPage = Callable[[str | None], Any]
"""Reads the page of a cursor; the first one without."""
pause = time.sleep


class Client(Operations):
    """A client of the query API, with its operations as methods.

    It keeps connections open: use it as a context manager, or close it. Calls raise `CallError`.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        purpose: str | None = None,
        timeout: httpx.Timeout | float | None = None,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """The address of the service, and an API key; by default those of `C360_API_URL` and
        `C360_API_KEY`.

        `purpose` says why you ask, for the audit log; each call may say it itself. A call takes at
        most `timeout` seconds a try (5 to connect and 30 to answer by default). Failed connections
        and the answers 429, 502, 503 and 504 are tried again, as `retries` allow and `Retry-After`
        asks; writes carry an idempotency key, so that a repetition does nothing twice.
        """
        settings = settings_of(url, key, timeout, purpose)
        self._http = httpx.Client(transport=transport, **settings)
        self._retries = retries or Retries()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send(self, call: Call[T]) -> T:
        steps = attempts(call, call.request(self._http), self._retries)
        step = next(steps)
        try:
            while True:
                came: Any = None
                if isinstance(step, httpx.Request):
                    try:
                        came = self._http.send(step)
                    except httpx.RequestError as error:
                        came = error
                else:
                    pause(step)
                step = steps.send(came)
        except StopIteration as done:
            answer: T = done.value
            return answer

    def _pages(self, page: ReadPage) -> Generator[Any, None, None]:
        cursor: str | None = None
        while True:
            found = page(cursor)
            yield from found.data
            cursor = found.page.next
            if cursor is None:
                return

    def _events(self, call: Call[Any]) -> Generator[ServerEvent, None, None]:
        stream = Stream(call, self._retries)
        while True:
            came: httpx.Response | httpx.RequestError | None = None
            try:
                response = self._http.send(stream.request(self._http), stream=True)
                try:
                    if response.is_success:
                        for part in response.iter_bytes():
                            yield from stream.feed(part)
                    else:
                        response.read()
                        came = response
                finally:
                    response.close()
            except httpx.RequestError as error:
                came = error
            pause(stream.pause_s(came))

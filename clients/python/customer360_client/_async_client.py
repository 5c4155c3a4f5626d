"""The asynchronous client. `_sync_client.py` is made from this file (`make generate`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from customer360_client._async_operations import AsyncOperations
from customer360_client._call import Call, Retries, attempts, settings_of
from customer360_client._stream import ServerEvent, Stream

T = TypeVar("T")
ReadPage = Callable[[str | None], Awaitable[Any]]
"""Reads the page of a cursor; the first one without."""
pause = asyncio.sleep


class AsyncClient(AsyncOperations):
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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """The address of the service, and an API key; by default those of `C360_API_URL` and
        `C360_API_KEY`.

        `purpose` says why you ask, for the audit log; each call may say it itself. A call takes at
        most `timeout` seconds a try (5 to connect and 30 to answer by default). Failed connections
        and the answers 429, 502, 503 and 504 are tried again, as `retries` allow and `Retry-After`
        asks; writes carry an idempotency key, so that a repetition does nothing twice.
        """
        settings = settings_of(url, key, timeout, purpose)
        self._http = httpx.AsyncClient(transport=transport, **settings)
        self._retries = retries or Retries()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _send(self, call: Call[T]) -> T:
        steps = attempts(call, call.request(self._http), self._retries)
        step = next(steps)
        try:
            while True:
                came: Any = None
                if isinstance(step, httpx.Request):
                    try:
                        came = await self._http.send(step)
                    except httpx.RequestError as error:
                        came = error
                else:
                    await pause(step)
                step = steps.send(came)
        except StopIteration as done:
            answer: T = done.value
            return answer

    async def _pages(self, page: ReadPage) -> AsyncGenerator[Any, None]:
        cursor: str | None = None
        while True:
            found = await page(cursor)
            for one in found.data:
                yield one
            cursor = found.page.next
            if cursor is None:
                return

    async def _events(self, call: Call[Any]) -> AsyncGenerator[ServerEvent, None]:
        stream = Stream(call, self._retries)
        while True:
            came: httpx.Response | httpx.RequestError | None = None
            try:
                response = await self._http.send(stream.request(self._http), stream=True)
                try:
                    if response.is_success:
                        async for part in response.aiter_bytes():
                            for event in stream.feed(part):
                                yield event
                    else:
                        await response.aread()
                        came = response
                finally:
                    await response.aclose()
            except httpx.RequestError as error:
                came = error
            await pause(stream.pause_s(came))

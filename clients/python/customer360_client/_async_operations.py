"""The operations of the API. Generated from its OpenAPI document by `make generate`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from customer360_client import models
from customer360_client._call import Call, body_of
from customer360_client._stream import ServerEvent

T = TypeVar("T")


class AsyncOperations:
    """One method for each operation; of a list one more, which gives the entries of all pages."""

    async def _send(self, call: Call[T]) -> T:
        raise NotImplementedError

    def _pages(self, page: Callable[[str | None], Awaitable[Any]]) -> AsyncIterator[Any]:
        raise NotImplementedError

    def _events(self, call: Call[Any]) -> AsyncIterator[ServerEvent]:
        raise NotImplementedError

    async def post_touchpoints(self, batch: Sequence[dict[str, Any]]) -> models.TouchpointResults:
        """Accept touchpoints. 200 means that every event has a result and that accepted events
        are durable; a bad event never causes others to be rejected."""
        return await self._send(
            Call("POST", "/v1/touchpoints", models.TouchpointResults, body=body_of(batch=batch))
        )

    async def livez(self) -> str:
        """200 while the writer makes progress."""
        return await self._send(Call("GET", "/livez", str))

    async def readyz(self) -> str:
        """200 while the writer makes progress and the store answers."""
        return await self._send(Call("GET", "/readyz", str))

    async def metrics(self) -> str:
        """Prometheus metrics; docs/metrics.md lists them."""
        return await self._send(Call("GET", "/metrics", str))

    async def whoami(self) -> models.KeyOwner:
        """The realm and the scopes of the key."""
        return await self._send(Call("GET", "/v1/whoami", models.KeyOwner))

    async def get_problem(self, code: str) -> str:
        """What a problem code means, in words."""
        return await self._send(Call("GET", "/problems/{code}", str, path_values={"code": code}))

"""The operations of the API. Generated from its OpenAPI document by `make generate`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

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

    async def get_freshness(
        self, *, consistent_after: str | None = None, purpose: str | None = None
    ) -> models.DataFreshness:
        """How far each channel of the realm has come.

        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return await self._send(
            Call(
                "GET",
                "/v1/freshness",
                models.DataFreshness,
                query={"consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    async def post_touchpoints(self, batch: Sequence[dict[str, Any]]) -> models.TouchpointResults:
        """Accept touchpoints. 200 means that every event has a result and that accepted events
        are durable; a bad event never causes others to be rejected.

        batch: The events, in any order.
        """
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

    async def list_accesses(
        self,
        *,
        profile_id: UUID | None = None,
        key_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.AccessEntryPage:
        """Who read which profiles, and why: the latest reads first.

        profile_id: Only reads of this customer, by any id that is or was its.
        key_id: Only with this key.
        since: Not before this time.
        until: Before this time.
        limit: Most entries of a page.
        cursor: `page.next` of the page before.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return await self._send(
            Call(
                "GET",
                "/v1/access-log",
                models.AccessEntryPage,
                query={
                    "profile_id": profile_id,
                    "key_id": key_id,
                    "since": since,
                    "until": until,
                    "limit": limit,
                    "cursor": cursor,
                    "consistent_after": consistent_after,
                },
                headers={"X-Purpose": purpose},
            )
        )

    def iterate_accesses(
        self,
        *,
        profile_id: UUID | None = None,
        key_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> AsyncIterator[models.AccessEntry]:
        """The entries of all pages of `list_accesses`.

        profile_id: Only reads of this customer, by any id that is or was its.
        key_id: Only with this key.
        since: Not before this time.
        until: Before this time.
        limit: Most entries of a page.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._pages(
            lambda cursor: self.list_accesses(
                profile_id=profile_id,
                key_id=key_id,
                since=since,
                until=until,
                limit=limit,
                cursor=cursor,
                consistent_after=consistent_after,
                purpose=purpose,
            )
        )

    async def whoami(self) -> models.KeyOwner:
        """The realm and the scopes of the key."""
        return await self._send(Call("GET", "/v1/whoami", models.KeyOwner))

    async def get_problem(self, code: str) -> str:
        """What a problem code means, in words.

        code: `code` of a problem.
        """
        return await self._send(Call("GET", "/problems/{code}", str, path_values={"code": code}))

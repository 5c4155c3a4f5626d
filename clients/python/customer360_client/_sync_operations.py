"""The operations of the API. Generated from its OpenAPI document by `make generate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from customer360_client import models
from customer360_client._call import Call, body_of
from customer360_client._stream import ServerEvent

T = TypeVar("T")


class Operations:
    """One method for each operation; of a list one more, which gives the entries of all pages."""

    def _send(self, call: Call[T]) -> T:
        raise NotImplementedError

    def _pages(self, page: Callable[[str | None], Any]) -> Iterator[Any]:
        raise NotImplementedError

    def _events(self, call: Call[Any]) -> Iterator[ServerEvent]:
        raise NotImplementedError

    def post_touchpoints(self, batch: Sequence[dict[str, Any]]) -> models.TouchpointResults:
        """Accept touchpoints. 200 means that every event has a result and that accepted events
        are durable; a bad event never causes others to be rejected."""
        return self._send(
            Call("POST", "/v1/touchpoints", models.TouchpointResults, body=body_of(batch=batch))
        )

    def livez(self) -> str:
        """200 while the writer makes progress."""
        return self._send(Call("GET", "/livez", str))

    def readyz(self) -> str:
        """200 while the writer makes progress and the store answers."""
        return self._send(Call("GET", "/readyz", str))

    def metrics(self) -> str:
        """Prometheus metrics; docs/metrics.md lists them."""
        return self._send(Call("GET", "/metrics", str))

    def whoami(self) -> models.KeyOwner:
        """The realm and the scopes of the key."""
        return self._send(Call("GET", "/v1/whoami", models.KeyOwner))

    def get_problem(self, code: str) -> str:
        """What a problem code means, in words."""
        return self._send(Call("GET", "/problems/{code}", str, path_values={"code": code}))

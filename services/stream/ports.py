"""What the workers exchange with a log of records: Kafka, or memory in tests.

A worker reads deliveries, makes their effects durable, sends derived records, and only then
acknowledges. Everything may be delivered again; every effect may be repeated.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

T = TypeVar("T")

Headers = tuple[tuple[str, bytes], ...]


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int


class Delivery(NamedTuple):
    """A record as the log delivers it."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    """When the log appended it, in milliseconds since 1970 (UTC); the same in every delivery."""
    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()

    @property
    def source(self) -> Partition:
        """Where it comes from."""
        return Partition(self.topic, self.partition)


class Outgoing(NamedTuple):
    """A record to send. Without a partition, its key decides; a value of None is a tombstone."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int | None = None
    headers: Headers = ()


class Outbox(Protocol):
    """Where derived records go."""

    async def send_all(self, records: Sequence[Outgoing]) -> None:
        """Send the records; returns when the log has acknowledged every one of them.

        Raises:
            Retry: some may be missing; send all of them again.
            Fatal: retrying cannot help.
        """
        ...


class Offload(Protocol):
    """Runs blocking work elsewhere while the worker's loop keeps turning."""

    def __call__(self, work: Callable[..., T], /, *arguments: Any) -> Awaitable[T]:
        """The result of `work(*arguments)`; raises what it raises."""
        ...


class Log(Protocol):
    """What a worker asks of the log beside its deliveries."""

    @property
    def id(self) -> str:
        """Identity of the log; another log numbers its records from 0 again."""
        ...

    async def end(self, partition: Partition) -> int:
        """Offset of the next record to come. Raises Retry when the log does not answer."""
        ...

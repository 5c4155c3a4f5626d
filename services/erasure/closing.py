"""Brings to their end what is ordered to be removed, beside the identity worker: persons, and
events that have expired.

Of each, in this order: what was in the touchpoint topics when its ledger was written is committed
by ingest, so nothing older can land any more; of an erasure, every holder of a partition of
`c360.offers` pauses, so nobody writes an incident from claims in memory; then a record goes to
`c360.edges`, behind all edges that ingest has sent, and the one writer of the realm removes all
rows.

Every identity worker does this, for any of them may die. A record too many is passed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import partial
from time import monotonic
from typing import NamedTuple, Protocol

import structlog

from schemas.topics import CATALOGUE
from services.erasure.adapters.orders import ErasureOrders, ErasureStep
from services.runtime.errors import Retry
from services.stream.claim_records import OFFER_PARTITIONS
from services.stream.person_records import identity_outgoing
from services.stream.ports import Offload, Outbox, Outgoing, Partition

LOOK_S = 1.0
SEND_AGAIN_S = 300.0
log = structlog.get_logger()


class WorkerGroups(Protocol):
    """How far the groups of workers are. Methods raise Retry."""

    async def ends(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Offset of the next record to be appended, by partition."""
        ...

    async def has_passed(self, service: str, ends: Mapping[Partition, int]) -> bool:
        """Whether the service's group has committed every record before these offsets."""
        ...

    async def has_members(self, service: str) -> bool:
        """Whether anybody is in the service's group, or is just joining."""
        ...


class WaitingOrder(NamedTuple):
    """Something that is to be removed once nothing of it can land any more."""

    name: str
    """The same for the same order, and for nothing else."""
    has_landed: bool
    """Whether that is so: what remains is to have the rows removed."""
    landed: Callable[[], None]
    """Notes that it is so. Blocks."""
    closing: Outgoing
    """The record at which the writer of the realm removes the rows."""
    paused: Callable[[], Collection[int]] | None = None
    """Partitions of `c360.offers` that pause for it; none: nobody has to. Blocks."""


class OrderCloser:
    """Looks at what waits. One call of `look` at a time.

    Args:
        waiting: finds all orders that are not at their end. Blocks.
    """

    def __init__(
        self,
        waiting: Callable[[], list[WaitingOrder]],
        groups: WorkerGroups,
        outbox: Outbox,
        offload: Offload,
        offer_partitions: int = OFFER_PARTITIONS,
    ) -> None:
        self._waiting = waiting
        self._groups = groups
        self._outbox = outbox
        self._offload = offload
        self._offer_partitions = offer_partitions
        self._ends: dict[str, dict[Partition, int]] = {}
        """Where the touchpoint topics ended when an order was seen first, by its name."""
        self._sent: dict[str, float] = {}
        """When the closing record of an order was sent, by the monotonic clock; one that was lost
        is sent again."""

    async def keep(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
            except Retry as error:
                log.warning("removal_waits", error=str(error))

    async def look(self) -> None:
        """Take every order one step further, where it can go. Raises Retry or Fatal."""
        waiting = await self._offload(self._waiting)
        names = {one.name for one in waiting}
        self._sent = {name: at_s for name, at_s in self._sent.items() if name in names}
        self._ends = {name: ends for name, ends in self._ends.items() if name in names}
        for order in waiting:
            if order.has_landed:
                if self._is_to_be_sent(order.name) and await self._has_paused(order):
                    await self._outbox.send_all([order.closing])
                    self._sent[order.name] = monotonic()
                    log.info("removal_closes", order=order.name)
            elif await self._has_landed(order.name):
                await self._offload(order.landed)
                log.info("removal_landed", order=order.name)

    async def _has_landed(self, name: str) -> bool:
        if name not in self._ends:
            self._ends[name] = await self._groups.ends(touchpoint_partitions())
        return await self._groups.has_passed("ingest", self._ends[name])

    def _is_to_be_sent(self, name: str) -> bool:
        sent_s = self._sent.get(name)
        return sent_s is None or monotonic() - sent_s > SEND_AGAIN_S

    async def _has_paused(self, order: WaitingOrder) -> bool:
        if order.paused is None:
            return True
        if len(await self._offload(order.paused)) >= self._offer_partitions:
            return True
        return not await self._groups.has_members("consistency")


def waiting_erasures(orders: ErasureOrders) -> list[WaitingOrder]:
    """The erasures that are not at their end, the earliest first."""
    return [
        WaitingOrder(
            name=one.erasure_id,
            has_landed=one.step is ErasureStep.PAUSING,
            landed=partial(orders.put, one.record, ErasureStep.PAUSING),
            closing=identity_outgoing(one.record.model_copy(update={"closes": True})),
            paused=partial(orders.paused, one.erasure_id),
        )
        for one in orders.open()
    ]


def touchpoint_partitions() -> list[Partition]:
    """Every partition that ingest reads."""
    return [
        Partition(topic.name, number)
        for topic in CATALOGUE.touchpoints
        for number in range(topic.partitions)
    ]

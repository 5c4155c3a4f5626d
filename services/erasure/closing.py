"""Brings ordered erasures to their end, beside the identity worker.

Of each, in this order: what was in the touchpoint topics when its ledger was written is committed
by ingest, so nothing older can land any more; every holder of a partition of `c360.offers` pauses,
so nobody writes an incident from claims in memory; then a record goes to `c360.edges`, behind all
edges that ingest has sent, and the one writer of the realm removes all rows.

Every identity worker does this, for any of them may die. A record too many is passed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from time import monotonic
from typing import Protocol

import structlog

from schemas.topics import CATALOGUE
from services.erasure.adapters.orders import ErasureOrder, ErasureOrders, ErasureStep
from services.runtime.errors import Retry
from services.stream.claim_records import OFFER_PARTITIONS
from services.stream.person_records import erasure_outgoing
from services.stream.ports import Offload, Outbox, Partition

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


class ErasureCloser:
    """Looks at the open orders. One call of `look` at a time."""

    def __init__(
        self,
        orders: ErasureOrders,
        groups: WorkerGroups,
        outbox: Outbox,
        offload: Offload,
        offer_partitions: int = OFFER_PARTITIONS,
    ) -> None:
        self._orders = orders
        self._groups = groups
        self._outbox = outbox
        self._offload = offload
        self._offer_partitions = offer_partitions
        self._ends: dict[str, dict[Partition, int]] = {}
        """Where the touchpoint topics ended when an order was seen first, by erasure."""
        self._sent: dict[str, float] = {}
        """When the closing record of an erasure was sent, by the monotonic clock; one that
        was lost is sent again."""

    async def keep(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
            except Retry as error:
                log.warning("erasure_waits", error=str(error))

    async def look(self) -> None:
        """Take every open order one step further, where it can go. Raises Retry or Fatal."""
        opened = await self._offload(self._orders.open)
        names = {one.erasure_id for one in opened}
        self._sent = {name: at_s for name, at_s in self._sent.items() if name in names}
        self._ends = {name: ends for name, ends in self._ends.items() if name in names}
        for order in opened:
            if order.step is ErasureStep.REFUSING and await self._has_landed(order):
                await self._offload(self._orders.put, order.record, ErasureStep.PAUSING)
                log.info("erasure_landed", erasure=order.erasure_id)
            elif order.step is ErasureStep.PAUSING and self._is_to_be_sent(order):
                await self._close(order)

    async def _has_landed(self, order: ErasureOrder) -> bool:
        name = order.erasure_id
        if name not in self._ends:
            self._ends[name] = await self._groups.ends(touchpoint_partitions())
        return await self._groups.has_passed("ingest", self._ends[name])

    def _is_to_be_sent(self, order: ErasureOrder) -> bool:
        sent_s = self._sent.get(order.erasure_id)
        return sent_s is None or monotonic() - sent_s > SEND_AGAIN_S

    async def _close(self, order: ErasureOrder) -> None:
        paused = await self._offload(self._orders.paused, order.erasure_id)
        if len(paused) < self._offer_partitions and await self._groups.has_members("consistency"):
            return
        record = order.record.model_copy(update={"closes": True})
        await self._outbox.send_all([erasure_outgoing(record)])
        self._sent[order.erasure_id] = monotonic()
        log.info("erasure_closes", erasure=order.erasure_id)


def touchpoint_partitions() -> list[Partition]:
    """Every partition that ingest reads."""
    return [
        Partition(topic.name, number)
        for topic in CATALOGUE.touchpoints
        for number in range(topic.partitions)
    ]

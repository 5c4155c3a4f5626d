"""How far consumer groups are, seen from outside; each look connects anew, for it is rare."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from services.runtime.errors import Retry
from services.runtime.settings import KafkaSettings
from services.stream.connection import connection
from services.stream.log_reader import KafkaLog
from services.stream.ports import Partition

TIMEOUT_S = 30.0
NOBODY = frozenset({"Dead", "Empty"})
"""States of a group without a member."""


class GroupProgress:
    """The groups of one prefix. Methods raise Retry."""

    def __init__(self, settings: KafkaSettings, prefix: str) -> None:
        self._settings = settings
        self._prefix = prefix

    async def ends(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Offset of the next record to be appended, by partition."""
        async with self._log(partitions) as log:
            return await log.ends(partitions)

    async def has_passed(self, service: str, ends: Mapping[Partition, int]) -> bool:
        """Whether the service's group has committed every record before these offsets."""
        async with self._admin() as admin:
            found = await admin.list_consumer_group_offsets(f"{self._prefix}-{service}")
        committed = {Partition(*place): one.offset for place, one in found.items()}
        behind = {one: end for one, end in ends.items() if committed.get(one, -1) < end}
        if not behind:
            return True
        async with self._log(behind) as log:
            for partition, end in behind.items():
                # What is left may be holes, or markers of transactions, which nobody delivers.
                if await log.first(partition, max(0, committed.get(partition, 0)), end) < end:
                    return False
        return True

    async def has_members(self, service: str) -> bool:
        """Whether anybody is in the service's group, or is just joining."""
        async with self._admin() as admin:
            [found] = await admin.describe_consumer_groups([f"{self._prefix}-{service}"])
        [group] = found.groups
        return group[2] not in NOBODY

    @asynccontextmanager
    async def _log(self, partitions: Collection[Partition]) -> AsyncIterator[KafkaLog]:
        log = KafkaLog(self._settings, *sorted({one.topic for one in partitions}))
        await log.start()
        try:
            yield log
        finally:
            await log.stop()

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(**connection(self._settings))
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await admin.start()
                yield admin
        except (KafkaError, TimeoutError, OSError) as error:
            raise Retry(f"Kafka does not answer: {error!r}") from error
        finally:
            await admin.close()

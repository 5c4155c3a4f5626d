"""A consistency worker pauses while a person is removed (ADR 0099).

Claims of the person are in its memory, and an incident written from them in the middle of the
removal would stay. So each holder of a partition notes that it writes nothing any more; the
identity worker removes once all have; then memory is forgotten and work goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import structlog

from schemas.identifiers import NodeId, as_uuid
from services.runtime.errors import Retry
from services.store.database import Database, chunks
from services.store.statements import statements_of
from services.stream.ports import Offload, Partition

_STATEMENTS = statements_of(__file__)
PAUSING_SQL = _STATEMENTS["pausing"]
LATEST_SQL = _STATEMENTS["latest"]
ERASED_SQL = _STATEMENTS["erased"]
NODES_PER_QUERY = 5_000
LOOK_S = 1.0
PAUSED_LOOK_S = 0.2
log = structlog.get_logger()


class PausingErasures:
    """Implements services.consistency.ports.ErasurePauses. Methods block, raise Retry or Fatal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pausing(self) -> list[str]:
        """See the port."""
        return [erasure_id for (erasure_id,) in self._database.rows(PAUSING_SQL)]

    def latest(self) -> dict[str, int]:
        """See the port."""
        return {realm: int(erased_ms) for realm, erased_ms in self._database.rows(LATEST_SQL)}

    def erased(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, bool]:
        """See the port."""
        found = dict[NodeId, bool]()
        for part in chunks(sorted(nodes), NODES_PER_QUERY):
            asked = {"realm": realm, "nodes": [str(as_uuid(node)) for node in part]}
            found |= {
                node.int: bool(is_back) for node, is_back in self._database.rows(ERASED_SQL, asked)
            }
        return found

    def note(self, erasure_ids: Iterable[str], partitions: Collection[int]) -> None:
        """These partitions pause: nothing is being written, and nothing will be until the end."""
        rows = [(one, number) for one in erasure_ids for number in sorted(partitions)]
        if rows:
            self._database.insert_rows("erasure_pauses", ("erasure_id", "partition"), rows)


class PausedWorker(Protocol):
    """What pauses."""

    def quiet(self) -> AbstractAsyncContextManager[None]:
        """Entered when nothing is being written; nothing is until it is left. Then everything in
        memory is forgotten."""
        ...


async def keep_pausing(
    erasures: PausingErasures,
    worker: PausedWorker,
    assigned: Callable[[], Collection[Partition]],
    offload: Offload,
    waits: Callable[[], None],
) -> None:
    """Pause the worker for every erasure that asks for it, until cancelled. `waits` is called while
    it pauses, for however long: it is progress."""
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            if not await offload(erasures.pausing):
                continue
        except Retry as error:
            log.warning("look_for_erasures_waits", error=str(error))
            continue
        async with worker.quiet():
            await _until_complete(erasures, assigned, offload, waits)


async def _until_complete(
    erasures: PausingErasures,
    assigned: Callable[[], Collection[Partition]],
    offload: Offload,
    waits: Callable[[], None],
) -> None:
    noted: set[tuple[str, int]] = set()
    log.info("paused_for_erasure")
    while True:
        waits()
        try:
            asking = await offload(erasures.pausing)
            if not asking:
                return
            held = {one.number for one in assigned()}
            if {(one, number) for one in asking for number in held} - noted:
                await offload(erasures.note, asking, held)
                noted |= {(one, number) for one in asking for number in held}
        except Retry as error:
            log.warning("pause_waits", error=str(error))
        await asyncio.sleep(PAUSED_LOOK_S)

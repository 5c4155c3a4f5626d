"""The retention of events on a data directory: whoever writes it removes what has expired at once.

A removal that was killed is completed by the next start, before anything else is written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from schemas.instants import to_ms
from services.embedded.pipeline import Pipeline
from services.ingest.core.event_processor import EventProcessor
from services.ingest.ports import FactStore
from services.retention.removal import EventRemoval
from services.runtime.errors import Fatal, Retry
from services.store.database import Database
from services.store.event_cutoffs import Cutoff, EventCutoffs, RemovalStage


class EventRetention:
    """Removes expired events from a data directory. One call at a time, by the thread that writes;
    raises Retry or Fatal as the store does.

    Args:
        removed: called when all rows are gone, before that is noted: what was read of them is to be
            forgotten. May raise Retry, and is repeated.
    """

    def __init__(
        self,
        database: Database,
        pipeline: Pipeline,
        core: EventProcessor,
        facts: FactStore,
        removed: Callable[[], None] = lambda: None,
    ) -> None:
        self._cutoffs = EventCutoffs(database)
        self._removal = EventRemoval(database, pipeline, core, facts)
        self._removed = removed

    def note(self, before: Mapping[str, datetime], realms: Collection[str]) -> None:
        """Write the ledger: of each realm, events of these types are kept since these times. A time
        that is not later than the one noted changes nothing."""
        self._cutoffs.note(
            [
                Cutoff(realm, name, to_ms(at), RemovalStage.NOTED)
                for realm in sorted(self._cutoffs.realms().union(realms))
                for name, at in before.items()
            ]
        )

    def complete(self) -> bool:
        """Remove what the ledger says and is not removed yet; whether there was anything.

        Raises Fatal if it is begun and cannot go on: nothing may be written before it is complete,
        as the next start makes it.
        """
        by_realm: dict[str, list[Cutoff]] = {}
        for one in self._cutoffs.standing():
            if one.is_open:
                by_realm.setdefault(one.realm, []).append(one)
        if not by_realm:
            return False
        try:
            for realm, mine in by_realm.items():
                for _ in self._removal.run(realm, mine):
                    pass
            self._removed()
            for realm, mine in by_realm.items():
                self._removal.finish(realm, mine)
        except Retry as error:
            raise Fatal(
                f"a removal of expired events is begun and cannot go on: {error}. Start again: it "
                "is completed first"
            ) from error
        return True

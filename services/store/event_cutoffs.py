"""The ledger of the retention of events: by realm and type since when events are kept, and how far
the removal of older ones is.

A row only moves forward: to a later cut-off, and of one cut-off to a later stage. So each write may
be repeated, and whoever writes late changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import IntEnum
from typing import NamedTuple

from schemas.instants import from_ms
from services.store.database import Database
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
REALMS_SQL = _STATEMENTS["realms"]
STANDING_SQL = _STATEMENTS["standing"]
COLUMNS = ("realm", "type", "before", "stage", "version")


class RemovalStage(IntEnum):
    """How far a removal is."""

    WAITING = 0
    """On a server: the ledger is written; what was under way before may still land."""
    NOTED = 1
    """The ledger is written, and nothing older can land any more."""
    LISTED = 2
    """The events are listed."""
    RENEWED = 3
    """They are removed, and each edge that rested on one has the best of those that stay."""
    REMOVED = 4
    """Everything is removed, and whoever follows was told."""


class Cutoff(NamedTuple):
    """Since when events of a type are kept."""

    realm: str
    type: str
    before_ms: int
    stage: RemovalStage

    @property
    def is_open(self) -> bool:
        """Whether older events are still to be removed."""
        return self.stage < RemovalStage.REMOVED


class EventCutoffs:
    """The ledger of a store. Methods block and raise Retry or Fatal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def realms(self) -> set[str]:
        """Realms of which there are events."""
        return {realm for (realm,) in self._database.rows(REALMS_SQL)}

    def standing(self) -> list[Cutoff]:
        """All that are noted, by realm and type."""
        return [
            Cutoff(realm, name, before_ms, RemovalStage(stage))
            for realm, name, before_ms, stage in self._database.rows(STANDING_SQL)
        ]

    def note(self, cutoffs: Collection[Cutoff]) -> None:
        """Write cut-offs; one that is not later than what stands changes nothing."""
        standing = {(one.realm, one.type): one.before_ms for one in self.standing()}
        self._write(
            one for one in cutoffs if one.before_ms > standing.get((one.realm, one.type), -1)
        )

    def reach(self, cutoffs: Collection[Cutoff], stage: RemovalStage) -> None:
        """Note how far the removal of these is."""
        self._write(one._replace(stage=stage) for one in cutoffs if one.stage < stage)

    def _write(self, cutoffs: Iterable[Cutoff]) -> None:
        rows = [
            (realm, name, from_ms(before_ms), stage, before_ms << 3 | stage)
            for realm, name, before_ms, stage in cutoffs
        ]
        if rows:
            self._database.insert_rows("event_cutoffs", COLUMNS, rows)

"""Applies a changed set of rules to a realm's map, between two records of its partition.

The records behind it wait in the log, and nothing else is written meanwhile. How far it is, is
noted after each part: whoever gets the record again, here or as the next holder of the partition,
goes on after the last part noted, and does that which was in hand in doubt, with its records. What
a part no longer has on the map is removed when the records that say so are sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from schemas.identifiers import NodeId, as_uuid
from schemas.records import ProfileChangeRecord, ProfileStatus, RulesRecord
from services.identity.core.changes import Touched, profile_changes, rows_wanted
from services.identity.rebuild import RebuiltPart, rebuilt_parts
from services.identity.stage import IdentityStage
from services.identity.writer import Changes
from services.store.rules_in_force import RulesChange, RulesStore, change_of, doubtful_after

ALONE = {"status": ProfileStatus.CURRENT, "kind": None, "merged_into": None}
"""The state of an identifier that is not on the map."""


class AppliedPart(NamedTuple):
    """A part whose rows are written."""

    changes: Changes
    records: list[ProfileChangeRecord]
    """The profile changes to publish."""
    regrouped: set[NodeId]
    """The profiles that gained or lost identifiers."""


class RulesApplication:
    """One change of rules. All methods block, and raise as the store and the fence do.

    Args:
        since: version of the record; `version` is that of every row written.
        fence: called before each write; raises if somebody else writes.
    """

    def __init__(
        self,
        session: IdentityStage,
        store: RulesStore,
        record: RulesRecord,
        since: int,
        version: int,
        fence: Callable[[], None],
        nodes_per_part: int | None = None,
    ) -> None:
        self._session = session
        self._store = store
        self._realm = record.realm
        self._version = version
        self._fence = fence
        self._change = change_of(record, since)
        self._nodes_per_part = nodes_per_part
        self._in_hand: RebuiltPart | None = None
        self.replaced_by: RulesChange | None = None
        """Later rules that are in force, if this change was given up for them."""

    def begin(self) -> bool:
        """Put the rules in force; whether there is anything left to do."""
        self._fence()
        known = self._store.latest().get(self._realm)
        if self._gives_up(known):
            return False
        was_begun = known is not None and known.is_of(self._change)
        if known is not None and was_begun:
            if known.is_done:
                return False
            self._change = known
        else:
            self._store.put(self._change)
        self._session.forget()
        self._parts = rebuilt_parts(
            self._session.store,
            self._realm,
            self._change.rules,
            self._nodes_per_part,
            after=self._change.place or None,
            in_doubt=was_begun,
            doubtful_after=doubtful_after(self._store, self._change),
        )
        return True

    def is_replaced(self) -> bool:
        """Whether other rules are in force meanwhile: what is written from now on follows from
        them, and their own record, which comes later, brings the rest in line."""
        return self._gives_up(self._store.latest().get(self._realm))

    def _gives_up(self, known: RulesChange | None) -> bool:
        """Whether later rules are in force. Those of one that was applied before are no later: a
        log that was set up anew says again what was replaced since."""
        if known is None or known.rank <= self._change.rank:
            return False
        self.replaced_by = known
        self._session.forget()
        return True

    def next_part(self) -> AppliedPart | None:
        """Write one part; None when there is none left."""
        part = self._in_hand = next(self._parts, None)
        if part is None:
            return None
        self._fence()
        self._session.replace(self._realm, part.changes, self._version)
        regrouped = self._session.regrouped(self._realm, part.changes)
        return AppliedPart(part.changes, self._records(part), regrouped)

    def _records(self, part: RebuiltPart) -> list[ProfileChangeRecord]:
        """What is said of the profiles of a part. The own node of one that lost an identifier may
        have gone in another part, or go in this one."""
        kept = {
            one: placed for one, placed in part.changes.placements.items() if one not in part.gone
        }
        wanted = rows_wanted(replace(part.changes, placements=kept, in_doubt=True), Touched())
        wanted |= {row.profile for row in part.changes.before.values() if row is not None}
        wanted = (wanted | part.gone.keys()) - kept.keys()
        standing = self._session.store.placements_of(self._realm, wanted - part.gone.keys())
        found = profile_changes(self._realm, part.changes, (), Touched(), standing, self._version)
        alone = {as_uuid(one) for one in wanted - standing.keys()}
        return [one.model_copy(update=ALONE) if one.profile_id in alone else one for one in found]

    def note(self) -> None:
        """The records of the part are sent: remove what is no longer on the map, and note it."""
        part = self._in_hand
        assert part is not None, "no part is in hand"
        self._fence()
        self._session.store.remove_placements(self._realm, part.gone.keys(), self._version)
        self._change = self._change.advanced(part.nodes, part.place)
        self._store.put(self._change)

    def finish(self) -> int:
        """All parts are done; how many identifiers they had."""
        self._fence()
        self._store.put(self._change.done())
        self._session.forget()
        return self._change.identifiers

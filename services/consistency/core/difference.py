"""What other rules make of the incidents of a book: which appear, vanish or change, and how many.

Pure; incidents are compared by their id, so a deviation that begins at another time is another
incident, as it would be if the stored incidents were judged again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from schemas.incident import AnyIncident, IncidentState

COMPARED = ("state", "severity", "cause", "details")
"""Fields in which an incident changes; its times and evidence follow from them or explain them."""
SEEN_BY_PEOPLE = frozenset({IncidentState.OPEN, IncidentState.ACKNOWLEDGED, IncidentState.MUTED})
"""States of an incident that has opened and lasts."""


class ChangeOfRules(StrEnum):
    """What other rules make of an incident."""

    APPEARS = "appears"
    """It follows from the other rules only."""
    VANISHES = "vanishes"
    """It follows from the present rules only."""
    CHANGES = "changes"
    """State, severity, cause or details differ."""


class RulesDifference(NamedTuple):
    """An incident that is not the same under both rules."""

    change: ChangeOfRules
    present: AnyIncident | None
    """Under the present rules."""
    simulated: AnyIncident | None
    """Under the other rules."""
    fields: tuple[str, ...] = ()
    """Those of COMPARED that differ, if both are there."""

    @property
    def incident(self) -> AnyIncident:
        """The incident as the other rules see it, else as the present ones do."""
        found = self.simulated or self.present
        assert found is not None
        return found


class KindTally:
    """Numbers of incidents of one kind and cause under both rules."""

    def __init__(self) -> None:
        self.present = 0
        self.simulated = 0
        self.present_open = 0
        """Those that have opened and last."""
        self.simulated_open = 0
        self.changes = dict.fromkeys(ChangeOfRules, 0)


class RulesTally(dict[tuple[str, str], KindTally]):
    """Numbers by kind and cause. A change of the cause counts for the one that is simulated."""

    def count(self, incident: AnyIncident, *, is_simulated: bool) -> None:
        """Count an incident of one side."""
        mine = self._of(incident)
        is_open = incident.state in SEEN_BY_PEOPLE
        if is_simulated:
            mine.simulated += 1
            mine.simulated_open += is_open
        else:
            mine.present += 1
            mine.present_open += is_open

    def note(self, difference: RulesDifference) -> None:
        """Count a difference."""
        self._of(difference.incident).changes[difference.change] += 1

    def _of(self, incident: AnyIncident) -> KindTally:
        return self.setdefault((incident.kind, incident.cause), KindTally())


def differences(
    present: Mapping[str, AnyIncident], simulated: Mapping[str, AnyIncident]
) -> Iterator[RulesDifference]:
    """The differences of two sets of incidents by id, in the order of begin and id."""
    found = {**present, **simulated}
    for key in sorted(found, key=lambda one: (found[one].since, one)):
        before, after = present.get(key), simulated.get(key)
        if before is None:
            yield RulesDifference(ChangeOfRules.APPEARS, None, after)
        elif after is None:
            yield RulesDifference(ChangeOfRules.VANISHES, before, None)
        else:
            fields = [name for name in COMPARED if getattr(before, name) != getattr(after, name)]
            if fields:
                yield RulesDifference(ChangeOfRules.CHANGES, before, after, tuple(fields))


def lasted_until(incident: AnyIncident, since: datetime | None) -> bool:
    """Whether an incident began at this time or later, or lasted until then or longer."""
    if since is None or incident.since >= since:
        return True
    ended = incident.until or incident.resolved_at
    return ended is None or ended >= since

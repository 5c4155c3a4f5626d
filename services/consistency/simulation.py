"""Judges the stored claims under other rules, and compares with what the present rules give.

Both sides are computed from the same claims, actions and tick, a chunk of books at a time, so what
the workers write meanwhile makes no difference between them. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from schemas.claim import Book, Claim
from schemas.incident import AnyIncident
from schemas.incident_action import IncidentAction
from services.consistency.core.difference import (
    RulesDifference,
    RulesTally,
    differences,
    lasted_until,
)
from services.consistency.core.human_state import overlaid
from services.consistency.ports import BookSource
from services.consistency.rules import ConsistencyRules


class Judged(NamedTuple):
    """A chunk of books, judged under both rules."""

    books: int
    differences: list[RulesDifference]


class Simulation:
    """The comparison of two sets of rules on one realm. `tally` counts what was judged so far."""

    def __init__(
        self,
        source: BookSource,
        realm: str,
        present: ConsistencyRules,
        other: ConsistencyRules,
        since: datetime | None = None,
    ) -> None:
        """`since` leaves out the incidents that ended before."""
        self._source = source
        self._realm = realm
        self._rules = (present.of_realm(realm), other.of_realm(realm))
        self._since = since
        self.as_of = source.latest_tick(realm)
        """The tick up to which both are judged; None before the first one."""
        self.tally = RulesTally()

    def run(self, kinds: Collection[str]) -> Iterator[Judged]:
        """Judge all books of these kinds, chunk by chunk. Raises as the store does."""
        if self.as_of is None:
            return
        wanted = frozenset(kinds)
        bases = dict.fromkeys(map(self._rules[0].kinds.base, kinds))
        for chunk in self._source.chunks(self._realm, list(bases)):
            found: list[RulesDifference] = []
            for book in chunk.books:
                claims, actions = chunk.claims.get(book, ()), chunk.actions.get(book, ())
                before, after = (
                    [one for one in side if one.kind in wanted]
                    for side in self._judged(book, claims, actions, self.as_of)
                )
                found += self._compared(before, after)
            yield Judged(len(chunk.books), found)

    def _judged(
        self,
        name: Book,
        claims: Collection[Claim],
        actions: Iterable[IncidentAction],
        now: datetime,
    ) -> tuple[list[AnyIncident], list[AnyIncident]]:
        """The incidents of a book under the present and the other rules."""
        present, other = self._rules
        by_incident: dict[str, list[IncidentAction]] = {}
        for action in actions:
            by_incident.setdefault(action.incident_id, []).append(action)

        def under(rules: ConsistencyRules) -> list[AnyIncident]:
            book = rules.kinds.judge(name, rules.by_kind)
            book.add(claims)
            book.advance(now)
            return [
                overlaid(incident, by_incident.get(key, ()), now)
                for key, incident in book.incidents().items()
            ]

        before = under(present)
        are_equal = present.by_kind[name.kind] == other.by_kind[name.kind]
        return before, before if are_equal else under(other)

    def _compared(
        self, before: Iterable[AnyIncident], after: Iterable[AnyIncident]
    ) -> Iterator[RulesDifference]:
        """The differences, counted."""
        sides = [{one.incident_id: one for one in side} for side in (before, after)]
        recent = {
            key
            for side in sides
            for key, incident in side.items()
            if lasted_until(incident, self._since)
        }
        present, simulated = (
            {key: one for key, one in side.items() if key in recent} for side in sides
        )
        for incident in present.values():
            self.tally.count(incident, is_simulated=False)
        for incident in simulated.values():
            self.tally.count(incident, is_simulated=True)
        for difference in differences(present, simulated):
            self.tally.note(difference)
            yield difference

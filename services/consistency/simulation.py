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
        self._rules = (present, other)
        self._since = since
        self.as_of = source.latest_tick(realm)
        """The tick up to which both are judged; None before the first one."""
        self.tally = RulesTally()

    def run(self, kinds: Collection[str]) -> Iterator[Judged]:
        """Judge all books of these kinds, chunk by chunk. Raises as the store does."""
        if self.as_of is None:
            return
        for chunk in self._source.chunks(self._realm, kinds):
            found: list[RulesDifference] = []
            for book in chunk.books:
                claims = chunk.claims.get(book, ())
                found += self._compared(book, claims, chunk.actions.get(book, ()), self.as_of)
            yield Judged(len(chunk.books), found)

    def _compared(
        self,
        book: Book,
        claims: Collection[Claim],
        actions: Iterable[IncidentAction],
        now: datetime,
    ) -> Iterator[RulesDifference]:
        present, other = (rules.by_kind[book.kind] for rules in self._rules)
        by_incident: dict[str, list[IncidentAction]] = {}
        for action in actions:
            by_incident.setdefault(action.incident_id, []).append(action)

        def judged(rules: ConsistencyRules) -> dict[str, AnyIncident]:
            one = rules.kinds[book.kind].judge(book, rules.by_kind[book.kind])
            one.add(claims)
            one.advance(now)
            return {
                key: overlaid(incident, by_incident.get(key, ()), now)
                for key, incident in one.incidents().items()
            }

        before = judged(self._rules[0])
        after = before if present == other else judged(self._rules[1])
        wanted = {
            key
            for side in (before, after)
            for key, incident in side.items()
            if lasted_until(incident, self._since)
        }
        before = {key: one for key, one in before.items() if key in wanted}
        after = {key: one for key, one in after.items() if key in wanted}
        for incident in before.values():
            self.tally.count(incident, is_simulated=False)
        for incident in after.values():
            self.tally.count(incident, is_simulated=True)
        for difference in differences(before, after):
            self.tally.note(difference)
            yield difference

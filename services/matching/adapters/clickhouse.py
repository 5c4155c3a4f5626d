"""What matching reads of ClickHouse, and the table of suggestions.

Suggestions hold node ids and words, no value of a person. What became of one follows from the
decisions and the map when it is read; nothing here writes either.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any
from uuid import UUID

from schemas.edge import Verdict
from schemas.identifiers import NodeId, as_uuid
from services.matching.core.model import ScorePart
from services.matching.core.suggestion import Suggestion, SuggestionKind, SuggestionNote
from services.matching.ports import HeldValue
from services.store.database import Database, rows_by_key
from services.store.profile_map import ProfileMap
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
NODES_SQL = _STATEMENTS["nodes"]
BEFORE_SQL = _STATEMENTS["before"]
VALUES_SQL = _STATEMENTS["values"]
DECISIONS_SQL = _STATEMENTS["decisions"]
STATED_SQL = _STATEMENTS["stated"]
SUGGESTIONS_SQL = _STATEMENTS["suggestions"]
STATED_MAX = 10_000
"""Stated links that are looked at, the latest ones."""
ROWS_AT_ONCE = 5_000
NODES_AT_ONCE = 1_000
COLUMNS = (
    "realm", "node", "other_node", "kind", "probability", "weight", "fields", "words", "weights",
    "notes", "event_ids", "is_stale", "created_at", "refreshed_at", "model", "version",
)  # fmt: skip
FIRST = UUID(int=0)


class SuggestionStore:
    """Implements `services.matching.ports.SuggestionSource`, and writes suggestions."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._map = ProfileMap(database)

    def persons(
        self, realm: str, among: Callable[[list[NodeId]], set[NodeId]]
    ) -> Iterator[dict[NodeId, list[HeldValue]]]:
        """See the port.

        A person stands on the page of the first of her nodes that has attributes, so nothing has to
        be remembered from page to page.
        """
        after = FIRST
        while True:
            asked = {"realm": realm, "after": after, "limit": NODES_AT_ONCE}
            nodes = [node for (node,) in self._database.rows(NODES_SQL, asked)]
            if nodes:
                yield self._persons_of(realm, among([node.int for node in nodes]), after)
                after = nodes[-1]
            if len(nodes) < NODES_AT_ONCE:
                return

    def _persons_of(
        self, realm: str, persons: set[NodeId], after: UUID
    ) -> dict[NodeId, list[HeldValue]]:
        """The persons of a page, without those of the pages before."""
        holder = self._map.members_of(realm, persons).holder
        known = rows_by_key(self._database, BEFORE_SQL, realm, holder, after=after)
        return self._values(realm, persons - {holder[node.int] for (node,) in known}, holder)

    def held(self, realm: str, profiles: Collection[NodeId]) -> dict[NodeId, list[HeldValue]]:
        """The identifiers that profiles hold, as far as their values are known."""
        return self._values(realm, profiles, self._map.members_of(realm, profiles).holder)

    def _values(
        self, realm: str, profiles: Collection[NodeId], holder: Mapping[NodeId, NodeId]
    ) -> dict[NodeId, list[HeldValue]]:
        found: dict[NodeId, list[HeldValue]] = {one: [] for one in profiles}
        wanted = [node for node, profile in holder.items() if profile in found]
        for node, *value in rows_by_key(self._database, VALUES_SQL, realm, wanted):
            found[holder[node.int]].append(HeldValue(*value))
        return found

    def decisions(self, realm: str) -> list[tuple[NodeId, NodeId, Verdict]]:
        """The decisions of people that stand."""
        rows = self._database.rows(DECISIONS_SQL, {"realm": realm})
        return [(a.int, b.int, Verdict(verdict)) for a, b, verdict in rows]

    def stated(self, realm: str) -> list[tuple[NodeId, NodeId, str]]:
        """Both ends and the event of links that nobody proved, the latest first."""
        rows = self._database.rows(STATED_SQL, {"realm": realm, "limit": STATED_MAX})
        return [(a.int, b.int, event_id) for a, b, event_id in rows]

    def all(self, realm: str) -> list[Suggestion]:
        """The suggestions of a realm, the most probable first."""
        return [_suggestion(row) for row in self._database.rows(SUGGESTIONS_SQL, {"realm": realm})]

    def put(self, realm: str, suggestions: Iterable[Suggestion], version: int) -> None:
        """Store suggestions; of one pair the highest version counts. Repeating it is harmless."""
        waiting = iter(suggestions)
        while some := list(islice(waiting, ROWS_AT_ONCE)):
            rows = [_row(realm, one, version) for one in some]
            self._database.insert_rows("suggestions", COLUMNS, rows)


def _row(realm: str, one: Suggestion, version: int) -> tuple[Any, ...]:
    return (
        realm, as_uuid(one.node), as_uuid(one.other), one.kind.value, one.probability, one.weight,
        [part.field for part in one.parts], [part.words for part in one.parts],
        [part.weight for part in one.parts], [note.value for note in one.notes],
        list(one.event_ids), one.is_stale, one.created_at, one.refreshed_at, one.model, version,
    )  # fmt: skip


def _suggestion(row: tuple[Any, ...]) -> Suggestion:
    node, other, kind, probability, weight, fields, words, weights, notes, events, *rest = row
    is_stale, created_at, refreshed_at, model = rest
    return Suggestion(
        node.int,
        other.int,
        SuggestionKind(kind),
        probability,
        weight,
        tuple(map(ScorePart, fields, words, weights)),
        tuple(map(SuggestionNote, notes)),
        tuple(events),
        bool(is_stale),
        created_at,
        refreshed_at,
        model,
    )

"""Definitions and memberships on ClickHouse."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from schemas.identifiers import NodeId, as_uuid
from schemas.instants import to_ms
from schemas.rules.segments import SegmentDefinition
from services.segments.evaluation import EvaluatedPortion
from services.segments.ports import LEFT, MEMBER, LookedAt, SegmentMembership, StoredDefinition
from services.store.database import Database, rows_by_key
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
DEFINITIONS_SQL = _STATEMENTS["definitions"]
NUMBERS_SQL = _STATEMENTS["numbers"]
MEMBERSHIPS_SQL = _STATEMENTS["memberships"]
STORED_SQL = _STATEMENTS["stored"]
SIZES_SQL = _STATEMENTS["sizes"]
EVALUATED_SQL = _STATEMENTS["evaluated"]
DEFINITION_COLUMNS = ("realm", "segment", "number", "body", "applied_at")
MEMBERSHIP_COLUMNS = (
    "realm", "segment", "node", "state", "since", "because", "definition", "version", "sequence",
)  # fmt: skip
FIRST = UUID(int=0)
PAGE_ROWS = 5_000


class SegmentStore:
    """Implements `services.segments.ports.SegmentSource` and `SegmentSink`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def definitions(self, realm: str) -> dict[str, StoredDefinition]:
        """See the port."""
        rows = self._database.rows(DEFINITIONS_SQL, {"realm": realm})
        return {
            segment: StoredDefinition(
                number, applied_at, SegmentDefinition.model_validate(json.loads(body))
            )
            for segment, number, applied_at, body in sorted(rows)
        }

    def numbers(self, realm: str) -> dict[str, int]:
        """See the port."""
        rows = self._database.rows(NUMBERS_SQL, {"realm": realm})
        return {segment: int(number) for segment, number in rows}

    def memberships(
        self, realm: str, segment: str, state: str = "", *, page: int = PAGE_ROWS, after: NodeId = 0
    ) -> Iterator[list[SegmentMembership]]:
        """See the port."""
        place = as_uuid(after)
        where = {"realm": realm, "segment": segment, "state": state, "limit": page}
        while True:
            asked = where | {"is_first": place == FIRST, "after": str(place)}
            rows = self._database.rows(MEMBERSHIPS_SQL, asked)
            if rows:
                yield [SegmentMembership(node.int, *rest) for node, *rest in rows]
            if len(rows) < page:
                return
            place = rows[-1][0]

    def stored(
        self, realm: str, segments: Collection[str], profiles: Collection[NodeId]
    ) -> dict[str, dict[NodeId, SegmentMembership]]:
        """See the port."""
        found: defaultdict[str, dict[NodeId, SegmentMembership]] = defaultdict(dict)
        names = sorted(segments)
        rows = rows_by_key(self._database, STORED_SQL, realm, profiles, segments=names)
        for segment, node, *rest in rows:
            found[segment][node.int] = SegmentMembership(node.int, *rest)
        return found

    def sizes(self, realm: str) -> dict[str, int]:
        """See the port."""
        rows = self._database.rows(SIZES_SQL, {"realm": realm})
        return {name: int(count) for name, count in rows}

    def evaluated(self, realm: str) -> tuple[datetime, int] | None:
        """See the port."""
        return next(iter(self._database.rows(EVALUATED_SQL, {"realm": realm})), None)

    def put_definitions(self, realm: str, definitions: Mapping[str, StoredDefinition]) -> None:
        """See the port."""
        rows = [
            (realm, name, one.number, json.dumps(one.definition.written()), one.applied_at)
            for name, one in definitions.items()
        ]
        if rows:
            self._database.insert_rows("segment_definitions", DEFINITION_COLUMNS, rows)

    def remove_definition(self, realm: str, segment: str, number: int, at: datetime) -> None:
        """See the port."""
        row = (realm, segment, number, "", at)
        self._database.insert_rows("segment_definitions", DEFINITION_COLUMNS, [row])

    def put_memberships(
        self, realm: str, segment: str, memberships: Sequence[SegmentMembership], version: int
    ) -> None:
        """See the port."""
        rows = [
            (
                realm, segment, as_uuid(one.profile), one.state, one.since, list(one.because),
                one.definition, version, one.sequence,
            )
            for one in memberships
        ]  # fmt: skip
        if rows:
            self._database.insert_rows("memberships", MEMBERSHIP_COLUMNS, rows)


class AppliedSegments:
    """Implements `services.segments.ports.SegmentForce` where nothing follows events: memberships
    are written before the definitions that they follow from are in force."""

    def __init__(self, store: SegmentStore) -> None:
        self._store = store

    def apply(
        self,
        realm: str,
        definitions: Mapping[str, StoredDefinition],
        evaluated: Iterable[EvaluatedPortion],
        now: datetime,
    ) -> Iterator[LookedAt]:
        """See the port."""
        for portion in evaluated:
            for name, changes in portion.changes.items():
                self._store.put_memberships(realm, name, changes, to_ms(now))
            found = portion.members, portion.entered, portion.left
            yield LookedAt(portion.profiles, *map(_lengths, found))
        self._store.put_definitions(realm, definitions)

    def remove(self, realm: str, segment: str, number: int, now: datetime) -> Iterator[LookedAt]:
        """See the port."""
        for page in self._store.memberships(realm, segment, MEMBER):
            gone = [one._replace(state=LEFT, because=(), definition=number) for one in page]
            self._store.put_memberships(realm, segment, gone, to_ms(now))
            yield LookedAt(0, {}, {}, {segment: len(gone)})
        self._store.remove_definition(realm, segment, number, now)


def _lengths(some: Mapping[str, Sequence[NodeId]]) -> dict[str, int]:
    return {name: len(found) for name, found in some.items()}

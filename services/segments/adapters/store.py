"""Definitions and memberships on ClickHouse."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from schemas.identifiers import NodeId, as_uuid
from schemas.rules.segments import SegmentDefinition
from services.segments.ports import SegmentMembership, StoredDefinition
from services.store.database import Database, rows_by_key
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
DEFINITIONS_SQL = _STATEMENTS["definitions"]
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

"""What measures were when they were computed, in the table `insight_values`.

A row is written once and never changed: of the same time it is the same. Only shown results are
kept, whose too small groups are suppressed, so that nothing here is about a person.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.measures.core.result import KeptMeasure, MeasureResult
from services.store.database import Database
from services.store.profile_map import ProfileMap
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
LATEST_SQL = _STATEMENTS["latest"]
COLUMNS = ("realm", "measure", "computed_at", "definition", "map_version", "result")


class MeasureValues:
    """Implements `services.measures.ports.KeptMeasures`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._map = ProfileMap(database)

    def latest(
        self, realm: str, measure: str, limit: int, definition: str = ""
    ) -> list[KeptMeasure]:
        """See the port."""
        where = {"realm": realm, "measure": measure, "definition": definition, "limit": limit}
        return [
            KeptMeasure(map_version=str(version), result=MeasureResult.model_validate_json(result))
            for version, result in self._database.rows(LATEST_SQL, where)
        ]

    def map_version(self, realm: str) -> str:
        """See the port."""
        return str(self._map.version_of(realm))

    def keep(self, kept: Sequence[KeptMeasure]) -> None:
        """Write them. Repeating it changes nothing."""
        rows = [
            (
                one.result.realm, one.result.measure, one.result.as_of, one.result.definition,
                int(one.map_version), one.result.model_dump_json(),
            )
            for one in kept
        ]  # fmt: skip
        if rows:
            self._database.insert_rows("insight_values", COLUMNS, rows)

"""The state digest: one SHA-256 per section of the state, equal if and only if the states are.

Sections: facts, edges, map, golden records, claims (of all kinds but prices, which are facts),
incidents (with event times, and what people did with them). Rows are deduplicated and
canonically ordered; times of receipt and processing, batch numbers and versions are excluded,
because they describe how a state came about and not what it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol
from uuid import UUID

import orjson

from schemas.identifiers import NodeId
from schemas.profile import Profile
from services.store.database import Database, chunks
from services.store.statements import statements_of

ROWS_PER_PART = 50_000
PROFILES_PER_PART = 2_000
_NOW = {"__all__": {"current"}}
WHEN_READ: Any = {"as_of": True, "requested_id": True, "accounts": _NOW, "households": _NOW}
"""What of a profile depends on when, and by which id, it was read."""
_STATEMENTS = statements_of(__file__)
FACTS_SQL = _STATEMENTS["facts"]
FACTS_COUNT_SQL = _STATEMENTS["facts_count"]
EDGES_SQL = _STATEMENTS["edges"]
EDGES_COUNT_SQL = _STATEMENTS["edges_count"]
MAP_SQL = _STATEMENTS["map"]
IDENTIFIERS_COUNT_SQL = _STATEMENTS["identifiers_count"]
CLAIMS_SQL = _STATEMENTS["claims"]
INCIDENTS_SQL = _STATEMENTS["incidents"]
ACTIONS_SQL = _STATEMENTS["actions"]
PROFILES_SQL = _STATEMENTS["profiles"]


class BulkProfiles(Protocol):
    """The part of the profile reader that the digest needs."""

    def profiles(self, realm: str, profile_ids: list[NodeId]) -> list[Profile]:
        """Profiles by id, exact."""
        ...


def state_digest(
    database: Database,
    reader: BulkProfiles,
    progress: Callable[[str], None] = lambda _section: None,
) -> dict[str, str]:
    """SHA-256 by section, and `all` over these. Blocks; reads the whole store."""
    sections: dict[str, Iterator[bytes]] = {
        "facts": _parts(database, FACTS_SQL, FACTS_COUNT_SQL),
        "edges": _parts(database, EDGES_SQL, EDGES_COUNT_SQL),
        "map": _parts(database, MAP_SQL, IDENTIFIERS_COUNT_SQL),
        "golden_records": _golden(database, reader),
        "claims": iter([database.raw(CLAIMS_SQL, "TabSeparated")]),
        "incidents": _incidents(database),
    }
    digests: dict[str, str] = {}
    for name, content in sections.items():
        progress(name)
        digest = hashlib.sha256()
        for part in content:
            digest.update(part)
        digests[name] = digest.hexdigest()
    digests["all"] = hashlib.sha256(orjson.dumps(digests)).hexdigest()
    return digests


def _parts(database: Database, sql: str, count_sql: str) -> Iterator[bytes]:
    """The rows of a section, part by part; the number of parts follows from the state itself."""
    parts = database.rows(count_sql)[0][0] // ROWS_PER_PART + 1
    for part in range(parts):
        yield database.raw(sql, "TabSeparated", {"parts": parts, "part": part})


def _incidents(database: Database) -> Iterator[bytes]:
    """Incidents in one canonical form."""
    for (body,) in database.rows(INCIDENTS_SQL):
        yield orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS) + b"\n"
    yield database.raw(ACTIONS_SQL, "TabSeparated")


def _golden(database: Database, reader: BulkProfiles) -> Iterator[bytes]:
    by_realm: dict[str, list[NodeId]] = {}
    for realm, profile in database.rows(PROFILES_SQL):
        by_realm.setdefault(realm, []).append(profile.int)
    for realm in sorted(by_realm):
        for part in chunks(sorted(by_realm[realm]), PROFILES_PER_PART):
            found = {one.profile_id: one for one in reader.profiles(realm, list(part))}
            for profile in part:
                plain = found[UUID(int=profile)].model_dump(mode="json", exclude=WHEN_READ)
                yield orjson.dumps(plain, option=orjson.OPT_SORT_KEYS) + b"\n"

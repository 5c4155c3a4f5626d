"""The state digest: one SHA-256 per section of the state, equal if and only if the states are.

Sections: facts, edges, map, golden records, claims (of all kinds but prices, which are facts),
incidents (with event times, and what people did with them). Rows are deduplicated and
canonically ordered; times of receipt and processing, batch numbers and versions are excluded,
because they describe how a state came about and not what it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Protocol
from uuid import UUID

import orjson

from schemas.identifiers import NodeId
from schemas.profile import Profile
from services.store.database import Database, chunks

ROWS_PER_PART = 50_000
PROFILES_PER_PART = 2_000
FACTS_SQL = """
SELECT realm, node, event_id, occurred_at, channel, type, synthetic, source_system, source_store,
    campaign, anchor_type, anchor_verified,
    COLUMNS('^(ids|lines|consents|attrs|offers|answers)[.]'),
    order_action, order_issuer, order_id, return_id, order_counts, order_currency, order_value,
    survey_kind
FROM touchpoints FINAL WHERE cityHash64(node) % {parts:UInt32} = {part:UInt32}
ORDER BY realm, node, event_id
"""
EDGES_SQL = """
SELECT realm, a, b, a_type, a_issuer, b_type, b_issuer, first_seen, event_id, verified
FROM edges FINAL WHERE cityHash64(a) % {parts:UInt32} = {part:UInt32} ORDER BY realm, a, b
"""
MAP_SQL = """
SELECT n.realm, n.node, n.type, n.issuer, n.value,
    if(m.kind = '', n.node, m.profile), m.kind = 'shared'
FROM (SELECT * FROM node_values FINAL WHERE cityHash64(node) % {parts:UInt32} = {part:UInt32}) AS n
LEFT JOIN (SELECT * FROM map FINAL WHERE cityHash64(node) % {parts:UInt32} = {part:UInt32}) AS m
    ON n.realm = m.realm AND n.node = m.node
ORDER BY n.realm, n.node
"""
CLAIMS_SQL = """
SELECT realm, node, event_id, COLUMNS('^claims[.]') FROM claims FINAL WHERE notEmpty(claims.kind)
ORDER BY realm, node, event_id
"""
INCIDENTS_SQL = """
SELECT body FROM incident_states FINAL WHERE state != 'retracted' ORDER BY realm, incident_id
"""
ACTIONS_SQL = """
SELECT realm, kind, subject, incident_id, action, acted_by, reason, until, acted_at
FROM incident_actions FINAL ORDER BY ALL
"""
PROFILES_SQL = """
SELECT DISTINCT n.realm, if(m.kind = '', n.node, m.profile) AS profile
FROM (SELECT realm, node FROM node_values FINAL) AS n
LEFT JOIN (SELECT realm, node, profile, kind FROM map FINAL) AS m
    ON n.realm = m.realm AND n.node = m.node
"""


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
        "facts": _parts(database, FACTS_SQL, "touchpoints"),
        "edges": _parts(database, EDGES_SQL, "edges"),
        "map": _parts(database, MAP_SQL, "node_values"),
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


def _parts(database: Database, sql: str, table: str) -> Iterator[bytes]:
    """The rows of a section, part by part; the number of parts follows from the state itself."""
    rows = database.rows(f"SELECT count() FROM {table} FINAL")[0][0]
    parts = rows // ROWS_PER_PART + 1
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
                plain = found[UUID(int=profile)].model_dump(
                    mode="json", exclude={"as_of", "requested_id"}
                )
                yield orjson.dumps(plain, option=orjson.OPT_SORT_KEYS) + b"\n"

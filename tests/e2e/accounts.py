"""Accounts for every event of a distributed run, and compares its outputs with the store.

Each function returns what is wrong, in words short enough for a failure; nothing is an empty list.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from uuid import UUID

from schemas.incident import AnyIncident
from schemas.records import AlertRecord, ProfileChangeRecord, ProfileStatus
from tests.e2e.distributed import Distributed
from tests.kafka import read_all

STORED_SQL = "SELECT event_id FROM touchpoints FINAL"
MAP_SQL = "SELECT node, profile, kind FROM map FINAL"
INCIDENTS_SQL = "SELECT body FROM incident_states FINAL"


def dead_letters(run: Distributed) -> list[bytes]:
    """The refused lines, byte by byte; each as often as it was refused."""
    return [one.value or b"" for one in asyncio.run(read_all(run.servers, "c360.rejected"))]


def lost(run: Distributed, lines: Iterable[bytes]) -> list[bytes]:
    """Lines that are neither stored under their event id nor kept as dead letters."""
    stored = {event_id for (event_id,) in run.rows(STORED_SQL)}
    refused = set(dead_letters(run))
    return [line for line in lines if line not in refused and _event_id(line) not in stored]


def doubled(run: Distributed) -> list[str]:
    """Events of which more than one row counts."""
    rows = Counter(event_id for (event_id,) in run.rows(STORED_SQL))
    return sorted(event_id for event_id, count in rows.items() if count > 1)


def profile_changes_astray(run: Distributed) -> list[str]:
    """Rows of the map whose latest profile change says something else, or that have none; and
    profile ids beside the map that stand for more than themselves."""
    told: dict[UUID, ProfileChangeRecord] = {}
    for record in asyncio.run(read_all(run.servers, "c360.profile-changes")):
        if record.value is None:
            told.pop(UUID((record.key or b"").decode().rpartition("\x1f")[2]), None)
            continue
        one = ProfileChangeRecord.model_validate_json(record.value)
        assert record.key == f"{one.realm}\x1f{one.profile_id}".encode()
        if one.profile_id not in told or one.map_version >= told[one.profile_id].map_version:
            told[one.profile_id] = one
    astray: list[str] = []
    for node, profile, kind in run.rows(MAP_SQL):
        one_told = told.pop(node, None)
        merged = profile != node
        expected = (
            ProfileStatus.MERGED if merged else ProfileStatus.CURRENT,
            profile if merged else None,
            kind,
        )
        if one_told is None or (one_told.status, one_told.merged_into, one_told.kind) != expected:
            astray.append(f"{node}: the map says {expected}, the topic {one_told}")
    alone = (ProfileStatus.CURRENT, None)
    astray += [f"{one.profile_id}: not on the map, but {one}" for one in told.values()
               if (one.status, one.kind) != alone]  # fmt: skip
    return astray


def alerts_astray(run: Distributed) -> list[str]:
    """Incidents whose latest alert says something else, or that only one of both knows."""
    told: dict[str, dict[str, Any]] = {}
    for record in asyncio.run(read_all(run.servers, "c360.alerts")):
        if record.value is None:
            told.pop((record.key or b"").decode().rpartition("\x1f")[2], None)
            continue
        one = AlertRecord.model_validate_json(record.value)
        assert record.key == f"{one.realm}\x1f{one.incident_id}".encode()
        plain = one.model_dump(exclude={"version"})
        if plain["row_version"] >= told.get(one.incident_id, plain)["row_version"]:
            told[one.incident_id] = plain
    for plain in told.values():
        del plain["row_version"]
    incidents = [AnyIncident.model_validate_json(body) for (body,) in run.rows(INCIDENTS_SQL)]
    stored = {one.incident_id: one.model_dump() for one in incidents}
    return [
        f"{name}: stored {stored.get(name)}, told {told.get(name)}"
        for name in sorted(stored.keys() | told.keys())
        if stored.get(name) != told.get(name)
    ]


def _event_id(line: bytes) -> Any:
    with suppress(ValueError, TypeError, KeyError):
        return json.loads(line)["event_id"]
    return None

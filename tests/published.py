"""What compacted topics say, compared with the store. Each function returns what is wrong, in words
short enough for a failure; nothing is an empty list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol
from uuid import UUID

from schemas.incident import AnyIncident
from schemas.records import AlertRecord, ProfileChangeRecord, ProfileStatus

MAP_SQL = "SELECT node, profile, kind FROM map FINAL"
INCIDENTS_SQL = "SELECT body FROM incident_states FINAL"
MapRow = Sequence[Any]


class Published(Protocol):
    """A record as a topic has it."""

    @property
    def key(self) -> bytes | None: ...

    @property
    def value(self) -> bytes | None: ...


def profile_changes_astray(records: Iterable[Published], rows: Iterable[MapRow]) -> list[str]:
    """Rows of the map whose latest profile change says something else, or that have none; and
    profile ids beside the map that stand for more than themselves."""
    told: dict[UUID, ProfileChangeRecord] = {}
    for record in records:
        if record.value is None:
            told.pop(UUID((record.key or b"").decode().rpartition("\x1f")[2]), None)
            continue
        one = ProfileChangeRecord.model_validate_json(record.value)
        assert record.key == f"{one.realm}\x1f{one.profile_id}".encode()
        if one.profile_id not in told or one.map_version >= told[one.profile_id].map_version:
            told[one.profile_id] = one
    astray: list[str] = []
    for node, profile, kind in rows:
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


def alerts_astray(records: Iterable[Published], bodies: Iterable[str]) -> list[str]:
    """Incidents whose latest alert says something else, or that only one of both knows."""
    told: dict[str, dict[str, Any]] = {}
    for record in records:
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
    incidents = [AnyIncident.model_validate_json(body) for body in bodies]
    stored = {one.incident_id: one.model_dump() for one in incidents}
    return [
        f"{name}: stored {stored.get(name)}, told {told.get(name)}"
        for name in sorted(stored.keys() | told.keys())
        if stored.get(name) != told.get(name)
    ]

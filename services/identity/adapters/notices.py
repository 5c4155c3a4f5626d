"""Notices read from the stored graph, map and purchases. Nothing is written.

Finding them reads all edges of a realm; the evidence of one reads what is around it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from schemas.edge import Verdict
from schemas.identifiers import NodeId, as_uuid
from schemas.placement import ProfileKind
from schemas.rules.identity import IdentityRules
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.core.model import Reason, type_table
from services.identity.core.notices import (
    Evidence,
    Notice,
    NoticeKind,
    Sender,
    Sighting,
    most_in_a_day,
    spread,
)
from services.store.database import Database, rows_by_key
from services.store.profile_map import ProfileMap
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
CANDIDATES_SQL = _STATEMENTS["candidates"]
CROWDS_SQL = _STATEMENTS["crowds"]
MANY_SQL = _STATEMENTS["many"]
LARGE_SQL = _STATEMENTS["large"]
MAYBE_BUSY_SQL = _STATEMENTS["maybe_busy"]
BUSY_SQL = _STATEMENTS["busy"]
PURCHASES_SQL = _STATEMENTS["purchases"]
SIGHTINGS_SQL = _STATEMENTS["sightings"]
EVIDENCE_MAX = 10_000
"""Edges or purchases read as the evidence of one notice."""
SENDERS_READ = 200
SAMPLES_SHOWN = 5
Seen = tuple[int, str, tuple[NodeId, ...]]
"""Time (ms) and id of an event, and the identifiers it may be stored under."""
Crowd = tuple[str, str, int, int | None]
"""Type of an identifier, type of its neighbours, how many, and since when too many (ms)."""


class _Around(NamedTuple):
    """The evidence of one notice, as it is stored."""

    seen: list[Seen]
    others: set[NodeId]
    """The identifiers at the other ends."""
    firsts: dict[NodeId, int]
    """When each of the identifiers asked for was seen first (ms)."""
    is_cut: bool
    """Whether there is more."""


class NoticeReader:
    """Implements `services.identity.ports.NoticeSource`."""

    def __init__(
        self, database: Database, store: ClickHouseIdentityStore, rules: IdentityRules
    ) -> None:
        self._database = database
        self._map = ProfileMap(database)
        self._store = store
        self._rules = rules
        self._table = type_table(rules)

    def notices(self, realm: str) -> Iterator[Notice]:
        """See the port."""
        yield from self._values(realm)
        yield from self._busy(realm)
        yield from self._persons(realm)
        yield from self._large(realm)

    def evidence(self, realm: str, notice: Notice) -> Evidence:
        """See the port."""
        if notice.kind is NoticeKind.BUSY_VALUE:
            where = {"realm": realm, "node": str(as_uuid(notice.node)), "limit": EVIDENCE_MAX + 1}
            rows = self._database.rows(PURCHASES_SQL, where)
            bought: list[Seen] = [(at_ms, event_id, (notice.node,)) for at_ms, event_id in rows]
            return self._evidence(realm, _Around(bought, set(), {}, len(rows) > EVIDENCE_MAX))
        if notice.kind in (NoticeKind.MANY_IDENTIFIERS, NoticeKind.SIZE_LIMIT):
            types = {notice.counted} if notice.counted else self._table.counted
            held = self._held(realm, notice.node, types)
            around = self._around(realm, held, "")
            ordered = sorted(held, key=lambda node: (around.firsts.get(node, 0), node))
            return self._evidence(realm, around, tuple(ordered))
        return self._evidence(realm, self._around(realm, {notice.node}, notice.counted))

    def _values(self, realm: str) -> Iterator[Notice]:
        table = self._table
        counted: dict[str, Any] = {
            "counted": list(table.day_limits),
            "limits": list(table.day_limits.values()),
        }
        # One visit or purchase that seems to be of many joins nobody, and is gone tomorrow.
        lasting = sorted(table.rank.keys() - table.ephemeral)
        asked = {
            "personal": sorted(table.personal),
            "ephemeral": sorted(table.ephemeral),
            "devices": sorted(table.devices),
            "visits": sorted(table.visits),
        }
        where = {"realm": realm, "types": lasting, "hub": table.hub_above, **counted, **asked}
        nodes = [row[0].int for row in self._database.rows(CANDIDATES_SQL, where)]
        rows = rows_by_key(self._database, CROWDS_SQL, realm, nodes, **counted)
        found = [
            one
            for node, crowds in groupby(rows, key=lambda row: row[0])
            for one in self._judged(node.int, [(*row[1:4], row[-1]) for row in crowds])
        ]
        nodes = list({one.node for one in found})
        values, placed = self._values_of(realm, nodes), self._store.placements_of(realm, nodes)
        parted = self._parted(realm, nodes)
        for one in found:
            node = one.node
            is_shared = node in placed and placed[node].kind is ProfileKind.SHARED
            # One that may be in several hands is worth a notice if it does stand for several. What
            # people decided to be different is no longer counted.
            if is_shared or (one.is_personal and node not in parted):
                type_name, issuer, value = values[node]
                told = one._replace(type=type_name, issuer=issuer, value=value)
                yield told._replace(is_shared=is_shared)

    def _judged(self, node: NodeId, crowds: list[Crowd]) -> Iterator[Notice]:
        """The notices of an identifier with so many edges, without value and placement."""
        table = self._table
        own = crowds[0][0]
        is_personal = own in table.personal
        blank = Notice(NoticeKind.DEGREE_LIMIT, node, own, "", "", "", 0, None, False, is_personal)
        told = False
        for _, counted, count, since_ms in crowds:
            one = blank._replace(counted=counted, found=count, since_ms=since_ms)
            if since_ms is not None and (table.is_counted(own, counted) or not is_personal):
                told = True
                yield one._replace(kind=NoticeKind.SUSPICIOUS_VALUE)
            elif is_personal and counted in table.personal and count > table.hub_above_personal:
                told = True
                yield one._replace(since_ms=None)
        visits = sum(count for _, counted, count, _ in crowds if table.is_visit(own, counted))
        others = sum(
            count
            for _, counted, count, _ in crowds
            if not table.is_visit(own, counted) and not (is_personal and counted in table.ephemeral)
        )
        if not told and (others > table.hub_above or visits > table.hub_above_ephemeral):
            yield blank._replace(found=others if others > table.hub_above else visits)

    def _busy(self, realm: str) -> Iterator[Notice]:
        where: dict[str, Any] = {
            "above": self._rules.busy_above,
            "personal": sorted(self._table.personal),
        }
        rows = self._database.rows(MAYBE_BUSY_SQL, {"realm": realm, **where})
        nodes = [row[0].int for row in rows]
        found = list(rows_by_key(self._database, BUSY_SQL, realm, nodes, **where))
        nodes = [row[0].int for row in found]
        values, placed = self._values_of(realm, nodes), self._store.placements_of(realm, nodes)
        for node_id, type_name, count, _, _, since_ms in found:
            node = node_id.int
            _, issuer, value = values[node]
            is_shared = node in placed and placed[node].kind is ProfileKind.SHARED
            kind = NoticeKind.BUSY_VALUE
            yield Notice(kind, node, type_name, issuer, value, "", count, since_ms, is_shared)

    def _persons(self, realm: str) -> Iterator[Notice]:
        above = self._table.review_above
        where = {"realm": realm, "types": list(above), "limits": list(above.values())}
        rows = self._database.rows(MANY_SQL, where)
        values = self._values_of(realm, [row[0].int for row in rows])
        for profile, type_name, count in rows:
            kind, told = NoticeKind.MANY_IDENTIFIERS, values[profile.int]
            yield Notice(kind, profile.int, *told, type_name, count, None, False)

    def _large(self, realm: str) -> Iterator[Notice]:
        table, above = self._table, self._rules.large_above
        where = {
            "realm": realm,
            "personal": sorted(table.personal),
            "counted": sorted(table.counted),
            "above": above,
            "reason": Reason.SIZE_LIMIT.value,
        }
        rows = self._database.rows(LARGE_SQL, where)
        values = self._values_of(realm, [row[0].int for row in rows])
        for profile, count in rows:
            told = values[profile.int]
            yield Notice(NoticeKind.SIZE_LIMIT, profile.int, *told, "", count, None, False)

    def _parted(self, realm: str, nodes: list[NodeId]) -> set[NodeId]:
        """Those of which somebody decided that they are not the same as another one."""
        return {
            end.id
            for one in self._store.decisions_of(realm, nodes)
            if one.verdict is Verdict.DIFFERENT
            for end in (one.a, one.b)
        }

    def _held(self, realm: str, profile: NodeId, types: Collection[str]) -> set[NodeId]:
        """The identifiers of some types that a profile has, no more than are read of one notice."""
        members = sorted(self._map.members_of(realm, {profile}).holder)
        values = self._store.values_of(realm, members)
        of_type = [node for node in members if node in values and values[node][0] in types]
        return set(of_type[:EVIDENCE_MAX])

    def _around(self, realm: str, nodes: set[NodeId], counted: str) -> _Around:
        """The verified edges of the nodes, to identifiers of that type or of any."""
        seen: list[Seen] = []
        others: set[NodeId] = set()
        firsts: dict[NodeId, int] = {}
        edges = self._store.some_edges_of(realm, nodes, EVIDENCE_MAX + 1)
        for edge in edges:
            ends = ((edge.a, edge.b), (edge.b, edge.a))
            mine = [(a, b) for a, b in ends if a.id in nodes and counted in ("", b.type)]
            if not mine or not edge.verified:
                continue
            seen.append((edge.first_seen_ms, edge.event_id, (edge.a.id, edge.b.id)))
            for here, there in mine:
                others.add(there.id)
                known_ms = firsts.get(here.id, edge.first_seen_ms)
                firsts[here.id] = min(known_ms, edge.first_seen_ms)
        return _Around(seen, others, firsts, len(edges) > EVIDENCE_MAX)

    def _evidence(self, realm: str, around: _Around, ends: tuple[NodeId, ...] = ()) -> Evidence:
        seen, others = sorted(around.seen)[:EVIDENCE_MAX], around.others
        looked_at = [seen[at] for at in spread(len(seen), SENDERS_READ)]
        sightings = self._sightings(realm, looked_at)
        by = Counter((one.channel, one.system, one.store, one.till) for one in sightings)
        placed = self._store.placements_of(realm, others)
        return Evidence(
            events=len(seen),
            samples=tuple(sightings[at] for at in spread(len(sightings), SAMPLES_SHOWN)),
            most_in_a_day=most_in_a_day(one[0] for one in seen),
            senders=tuple(Sender(*place, count) for place, count in by.most_common()),
            profiles=len({placed[one].profile if one in placed else one for one in others}),
            is_cut=around.is_cut,
            ends=ends,
        )

    def _sightings(self, realm: str, seen: Sequence[Seen]) -> list[Sighting]:
        """The events with their places. Raises as the store."""
        nodes = {node for _, _, stored in seen for node in stored}
        events = sorted({event_id for _, event_id, _ in seen})
        rows = rows_by_key(self._database, SIGHTINGS_SQL, realm, nodes, events=events)
        places = {event_id: place for event_id, *place in rows}
        return [Sighting(event_id, at_ms, *places.get(event_id, ())) for at_ms, event_id, _ in seen]

    def _values_of(self, realm: str, nodes: list[NodeId]) -> dict[NodeId, tuple[str, str, str]]:
        """Type, issuer and value; empty for a node of which only the edge is stored so far."""
        return dict.fromkeys(nodes, ("", "", "")) | self._store.values_of(realm, nodes)

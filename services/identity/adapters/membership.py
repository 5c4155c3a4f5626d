"""The identifiers of one profile, page by page, with the edges and decisions at them.

Bounded for any profile: by the page, and by a number of edges. Reads only.
"""

from __future__ import annotations

from typing import Any

from schemas.api.identity import IdentityDecision, IdentityEdge, IdentityMember
from schemas.edge import Decision, Edge
from schemas.identifiers import NodeId, as_uuid
from schemas.instants import from_ms
from schemas.rules.identity import IdentityRules
from services.identity.adapters.clickhouse import ClickHouseIdentityStore, edge_of_row
from services.identity.core.explain import Stood, standings
from services.identity.ports import Membership
from services.store.database import Database
from services.store.profile_map import ProfileMap
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
UP_SQL, DOWN_SQL = _STATEMENTS["edges_up"], _STATEMENTS["edges_down"]
EDGES_SHOWN_MAX = 5_000
DECISIONS_SHOWN_MAX = 1_000


class MembershipReader:
    """Implements `services.identity.ports.MembershipSource`."""

    def __init__(self, database: Database, rules: IdentityRules) -> None:
        self._database = database
        self._map = ProfileMap(database)
        self._rules = rules

    def page(self, realm: str, profile: NodeId, limit: int, after: NodeId | None) -> Membership:
        """See the port."""
        store = ClickHouseIdentityStore(self._database)
        members = sorted(self._map.members_of(realm, [profile]).holder)
        left = [one for one in members if after is None or one > after]
        page = left[:limit]
        edges, is_cut = self._edges(realm, page, members)
        decisions = store.decisions_of(realm, page)
        ends = {end.id for edge in edges for end in (edge.a, edge.b)}
        placements = self._map.placements_of(realm, ends | set(page))
        refusals = store.refusals_of(realm, page)
        found = standings(edges, decisions, placements, refusals, self._rules)
        values = store.values_of(realm, page)
        return Membership(
            members_count=len(members),
            members=[_member(one, values.get(one, ("", "", ""))) for one in page],
            edges=[_edge(one) for one in found],
            decisions=[_decision(one) for one in decisions[:DECISIONS_SHOWN_MAX]],
            is_cut=is_cut or len(decisions) > DECISIONS_SHOWN_MAX,
            following=page[-1] if len(left) > limit else None,
        )

    def _edges(
        self, realm: str, page: list[NodeId], members: list[NodeId]
    ) -> tuple[list[Edge], bool]:
        """The edges of a page, and whether there are more than are shown."""
        where: dict[str, Any] = {
            "realm": realm,
            "nodes": [str(as_uuid(one)) for one in page],
            "limit": EDGES_SHOWN_MAX + 1,
        }
        rows = self._database.rows(UP_SQL, where)
        inside = {"members": [str(as_uuid(one)) for one in members]}
        rows += self._database.rows(DOWN_SQL, {**where, **inside})
        return [edge_of_row(row) for row in rows[:EDGES_SHOWN_MAX]], len(rows) > EDGES_SHOWN_MAX


def _member(node: NodeId, named: tuple[str, str, str]) -> IdentityMember:
    type_name, issuer, value = named
    return IdentityMember(node_id=as_uuid(node), type=type_name, issuer=issuer, value=value)


def _edge(one: Stood) -> IdentityEdge:
    edge, refusal = one.edge, one.refusal
    return IdentityEdge(
        a=as_uuid(edge.a.id),
        a_type=edge.a.type,
        b=as_uuid(edge.b.id),
        b_type=edge.b.type,
        event_id=edge.event_id,
        first_seen=from_ms(edge.first_seen_ms),
        verified=edge.verified,
        rule=one.rule,
        why=one.standing,
        refused_because=refusal.reason.value if refusal else None,
        blocked_by=[as_uuid(node) for node in refusal.blocked_by] if refusal else [],
    )


def _decision(one: Decision) -> IdentityDecision:
    return IdentityDecision(
        a=as_uuid(one.a.id),
        b=as_uuid(one.b.id),
        verdict=one.verdict,
        author=one.author,
        reason=one.reason,
        decided_at=from_ms(one.decided_ms),
    )

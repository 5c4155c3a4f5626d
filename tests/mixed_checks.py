"""What must hold of a store after any history (tests/mixed_history.py), however it was played."""

from __future__ import annotations

import re
from collections.abc import Mapping

from schemas.edge import Decision, Edge, Node, Verdict
from schemas.identifiers import NodeId
from schemas.rules.identity import IdentityRules
from services.identity.core.model import Pair
from services.identity.core.resolve import resolve
from services.store.database import Database
from tests.mixed_history import VALUES

EDGES = """SELECT a, a_type, a_issuer, b, b_type, b_issuer, toUnixTimestamp64Milli(first_seen),
event_id, verified FROM edges FINAL"""
DECISIONS = """SELECT a, a_type, a_issuer, b, b_type, b_issuer, verdict, author, reason,
toUnixTimestamp64Milli(decided_at) FROM decisions FINAL ORDER BY a, b"""
MAP = "SELECT node, profile, kind FROM map FINAL"
MARKS = "SELECT DISTINCT node FROM marks ORDER BY node"
FACTS = "SELECT event_id FROM touchpoints FINAL"
LEDGER = "SELECT node, toUnixTimestamp64Milli(max(erased_at)) FROM erasures GROUP BY node"
KEPT_SALE = re.compile(r"[0-9a-f]{32}")
"""The id of an event that an erasure has kept without its customer."""
KNOWN = "SELECT DISTINCT node FROM node_values"
TEXT_COLUMNS = """SELECT table, groupArray(name) FROM system.columns
WHERE database = currentDatabase() AND position(type, 'String') > 0 AND table IN (
    SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'
    AND total_rows > 0) GROUP BY table"""


def edges_of(database: Database) -> dict[Pair, Edge]:
    """The stored edges."""
    found = {}
    for a, a_type, a_issuer, b, b_type, b_issuer, first_ms, event_id, verified in database.rows(
        EDGES
    ):
        ends = Node(a.int, a_type, a_issuer), Node(b.int, b_type, b_issuer)
        found[a.int, b.int] = Edge(*ends, first_ms, event_id, verified)
    return found


def decisions_of(database: Database) -> list[Decision]:
    """The stored decisions."""
    return [
        Decision(Node(a.int, *a_is), Node(b.int, *b_is), Verdict(verdict), *said)
        for a, *a_is, b, b_type, b_issuer, verdict, author, reason, at_ms in database.rows(
            DECISIONS
        )
        for b_is, said in [((b_type, b_issuer), (author, reason, at_ms))]
    ]


def require_resolved(database: Database, rules: IdentityRules) -> None:
    """The map is that of the stored edges, decisions and marks from scratch."""
    marks = {node.int for (node,) in database.rows(MARKS)}
    expected = resolve(edges_of(database).values(), decisions_of(database), marks, rules)
    stored = {node.int: (profile.int, kind) for node, profile, kind in database.rows(MAP)}
    assert stored == {n: (p.profile, p.kind.value) for n, p in expected.placements.items()}


def require_forgotten(database: Database, values: Mapping[NodeId, str] = VALUES) -> None:
    """No text holds the value of an erased identifier that has not come back since."""
    known = {node.int for (node,) in database.rows(KNOWN)}
    gone = [
        values[node.int]
        for node, _ in database.rows(LEDGER)
        if node.int not in known and node.int in values
    ]
    for table, columns in database.rows(TEXT_COLUMNS):
        text = "concat(" + ", '|', ".join(f"toString(`{one}`)" for one in columns) + ", '')"
        found = database.rows(
            f"SELECT count() FROM `{table}` WHERE arrayExists("
            f"one -> positionCaseInsensitive({text}, one) > 0, {{gone:Array(String)}})",
            {"gone": gone},
        )
        assert found == [(0,)], table


def differing(one: dict[str, str], other: dict[str, str]) -> set[str]:
    """The sections that are not the same."""
    return {name for name in one if one[name] != other[name]}

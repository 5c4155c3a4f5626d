"""Objections, withdrawals and complaints of erased people, which hold for their identifiers.

Written by an erasure and never removed; read wherever contact permission is answered. Node ids and
times only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from schemas.identifiers import NodeId
from schemas.kept_objection import KeptObjection
from services.store.database import Database, on_one_thread, rows_by_key
from services.store.statements import statements_of

OF_NODES_SQL = statements_of(__file__)["of_nodes"]
COLUMNS = ("realm", "node", "action", "purpose", "channel", "address", "occurred_at")


def kept_objections(
    database: Database, realm: str, nodes: Collection[NodeId]
) -> Iterator[KeptObjection]:
    """What holds for these nodes whatever their events say: what erasures kept, and that somebody
    must not be processed. Blocks; raises Retry or Fatal."""
    latest: dict[tuple[NodeId, str, str, str, NodeId], tuple[datetime, bool]] = {}
    sql = on_one_thread(OF_NODES_SQL, len(nodes))
    for node, action, purpose, channel, address, *said in rows_by_key(database, sql, realm, nodes):
        key, step = (node.int, action, purpose, channel, address.int), (said[0], bool(said[1]))
        latest[key] = max(step, latest.get(key, step))
    for key, (at, is_lifted) in latest.items():
        if not is_lifted:
            yield KeptObjection(*key, at)


def kept_by_profile(
    database: Database,
    realm: str,
    holder: Mapping[NodeId, NodeId],
    until: datetime | None = None,
) -> Iterator[tuple[NodeId, KeptObjection]]:
    """What holds for the profiles of some nodes, by profile: what is known of several nodes of one
    comes once, at its latest time up to `until`. Blocks; raises Retry or Fatal."""
    latest: dict[tuple[NodeId, str, str, str, NodeId], KeptObjection] = {}
    for one in kept_objections(database, realm, holder):
        key = (holder[one.node], one.action, one.purpose, one.channel, one.address)
        if until is not None and one.occurred_at > until:
            continue
        if key not in latest or one.occurred_at > latest[key].occurred_at:
            latest[key] = one
    for (profile, *_), one in latest.items():
        yield profile, one


def keep_objections(database: Database, realm: str, kept: Iterable[KeptObjection]) -> None:
    """Write them; those that are known already change nothing. Blocks; raises Retry or Fatal."""
    rows = [(realm, *one) for one in kept]
    if rows:
        database.insert_rows("kept_objections", COLUMNS, rows)

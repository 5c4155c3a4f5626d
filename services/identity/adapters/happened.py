"""What happened in the events behind edges: which event, on which channel, at which store.

An edge names its event, and its fact lies under one of the edge's ends, the anchor: so each is a
look-up by key. An event that was corrected, moved or has expired is not found. Reads only.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from schemas.edge import Edge
from schemas.identifiers import NodeId, as_uuid
from services.store.database import Database
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
HAPPENED_SQL = _STATEMENTS["happened"]


class Happening(NamedTuple):
    """An event, as far as an explanation needs it."""

    anchor: NodeId
    """The identifier that the event was stored under: the one that acted."""
    type: str
    channel: str
    store: str
    system: str
    reason: str
    """Of a link: login, registration, card_presented … Empty for other events."""

    def as_json(self) -> dict[str, Any]:
        """Its fields, as answers give them."""
        return self._asdict() | {"anchor": str(as_uuid(self.anchor))}


def happenings(database: Database, realm: str, edges: Collection[Edge]) -> dict[str, Happening]:
    """The events of the edges by event id, those that are found."""
    if not edges:
        return {}
    asked = {
        "realm": realm,
        "nodes": sorted({str(as_uuid(end.id)) for one in edges for end in (one.a, one.b)}),
        "events": sorted({one.event_id for one in edges}),
    }
    rows = database.rows(HAPPENED_SQL, asked)
    return {event_id: Happening(node.int, *rest) for node, event_id, *rest in rows}

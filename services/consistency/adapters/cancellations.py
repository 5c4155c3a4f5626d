"""Reads what cancellations take back of the claims of some orders.

Few claims are of orders that were cancelled, so this is only read for those that are noted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from pydantic import ValidationError

from schemas.identifiers import NodeId, as_uuid
from schemas.subject import SEPARATOR
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.cancelled_orders import ReportedOrder, TakenBack, taken_back
from services.store.database import Database, chunks
from services.store.statements import statements_of

EVENTS_PER_QUERY = 500
REPORTS_SQL = statements_of(__file__)["reports"]
OrderEvent = tuple[NodeId, str]
"""Anchor and event id."""


def read_taken_back(
    database: Database, realm: str, orders: Mapping[OrderEvent, Collection[str]]
) -> dict[str, TakenBack]:
    """What is taken back of these reports of orders, by event id. Each is given with issuer and
    number of what may cancel it, joined."""
    found: dict[str, TakenBack] = {}
    for part in chunks(sorted(orders), EVENTS_PER_QUERY):
        names = {name for one in part for name in orders[one]}
        back = taken_back(_reports(database, realm, part, names))
        found |= {event_id: back[event_id] for _, event_id in part if event_id in back}
    return found


def _reports(
    database: Database, realm: str, events: Sequence[OrderEvent], names: Iterable[str]
) -> Iterator[ReportedOrder]:
    asked = {
        "realm": realm,
        "nodes": sorted({str(as_uuid(node)) for node, _ in events}),
        "events": [event_id for _, event_id in events],
        "orders": sorted(names),
    }
    asked["numbers"] = [name.partition(SEPARATOR)[2] for name in asked["orders"]]
    for event_id, occurred_at, issuer, payload in database.rows(REPORTS_SQL, asked):
        try:
            event = TouchpointAdapter.validate_json(payload)
        except ValidationError:
            continue  # it was stored by a release whose contract allowed it
        report = ReportedOrder.of(event, occurred_at, issuer)
        if report is not None:
            yield report._replace(event_id=event_id)

"""Reads incidents with their exposure: what `c360 incidents list|show` and the query API print."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence

import orjson

from schemas.identifiers import NodeId
from schemas.incident import Incident, IncidentState, IncidentView
from schemas.offer import Basis
from schemas.rules.consistency import ConsistencyRules
from services.consistency.core.exposure import Observation, exposure
from services.store.database import Database, chunks

INCIDENTS_PER_QUERY = 500
LIST_SQL = """
SELECT body FROM incidents FINAL
WHERE realm = {realm:String} AND state IN {states:Array(String)}
ORDER BY since, incident_id
"""
SHOW_SQL = """
SELECT body FROM incidents FINAL
WHERE realm = {realm:String} AND startsWith(incident_id, {prefix:String}) LIMIT 2
"""
OBSERVED_SQL = """
SELECT market, sku, channel, location, terms, occurred_at, basis, price, currency, quantity, node,
    event_id, order_id
FROM offers FINAL
ARRAY JOIN offers.sku AS sku, offers.market AS market, offers.location AS location,
    offers.basis AS basis, offers.price AS price, offers.currency AS currency,
    offers.quantity AS quantity, offers.terms AS terms
WHERE realm = {realm:String} AND NOT synthetic AND hasAny(offers.sku, {skus:Array(String)})
    AND sku IN {skus:Array(String)} AND basis != 'published'
"""
LISTED_STATES = frozenset(IncidentState) - {IncidentState.RETRACTED}


class IncidentReader:
    """Answers about incidents. `persons_of` maps nodes to the profiles of known persons."""

    def __init__(
        self,
        database: Database,
        rules: ConsistencyRules,
        persons_of: Callable[[str, Collection[NodeId]], dict[NodeId, NodeId]],
    ) -> None:
        self._database = database
        self._rules = rules
        self._persons_of = persons_of

    def listed(
        self, realm: str, states: Collection[IncidentState] = LISTED_STATES
    ) -> Iterator[IncidentView]:
        """Incidents of a realm in these states, the oldest first."""
        parameters = {"realm": realm, "states": sorted(states)}
        rows = self._database.rows(LIST_SQL, parameters)
        for part in chunks(rows, INCIDENTS_PER_QUERY):
            yield from self._with_exposure(
                realm, [Incident.model_validate_json(r[0]) for r in part]
            )

    def find(self, realm: str, prefix: str) -> Sequence[IncidentView]:
        """The incident of that id, or of that beginning of an id: none, one, or two if unclear."""
        rows = self._database.rows(SHOW_SQL, {"realm": realm, "prefix": prefix})
        return self._with_exposure(realm, [Incident.model_validate_json(row[0]) for row in rows])

    def _with_exposure(self, realm: str, incidents: Sequence[Incident]) -> list[IncidentView]:
        seen = self._observations(realm, sorted({one.sku for one in incidents}))
        nodes = {one.node for observations in seen.values() for one in observations}
        persons = self._persons_of(realm, nodes)
        return [
            IncidentView(
                **one.model_dump(),
                exposure=exposure(one, seen[one.market, one.sku], persons, self._rules),
            )
            for one in incidents
        ]

    def _observations(
        self, realm: str, skus: Sequence[str]
    ) -> dict[tuple[str, str], list[Observation]]:
        found: dict[tuple[str, str], list[Observation]] = defaultdict(list)
        for row in self._database.rows(OBSERVED_SQL, {"realm": realm, "skus": skus}):
            market, sku, channel, location, terms, at, basis, *money, node, event_id, order_id = row
            price, currency, quantity = money
            observation = Observation(
                market, sku, channel, location or _zone(terms), at, Basis(basis), price, currency,
                quantity, node.int, event_id, order_id,
            )  # fmt: skip
            found[market, sku].append(observation)
        return found


def _zone(terms: str) -> str:
    """The label of a zone claim's place."""
    zone = orjson.loads(terms).get("zone") if terms else None
    return f"zone:{zone}" if zone else ""

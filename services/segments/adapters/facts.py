"""Facts of customers read from ClickHouse: of given profiles by key, and of everybody in portions.

Only the types of events and the fields that are asked for are read. A body is decoded only for
fields that no typed column has, and only of events that are read by key. Nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from schemas.identifiers import NodeId, as_uuid
from schemas.instants import to_ms
from schemas.rules.profile import ProfileRules
from schemas.rules.segment_fields import CURRENCY, ORDER_VALUE
from schemas.touchpoint import TouchpointAdapter
from services.profiles.core.facts import AttributeObservation
from services.profiles.core.history import ProfileHistory
from services.profiles.core.survivorship import survivors
from services.segments.core.facts import CustomerEvent, CustomerFacts, DatedValues
from services.segments.core.orders import PLACED_TYPE, RETURNED_TYPE, counted
from services.segments.core.plan import Needs
from services.segments.ports import HistorySource
from services.store.database import (
    KEYS_PER_QUERY,
    Database,
    chunks,
    on_one_thread,
    rows_by_key,
)
from services.store.profile_map import Members, ProfileMap
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
EVENTS_SQL = _STATEMENTS["events"]
ORDERS_SQL = _STATEMENTS["orders"]
ANSWERS_SQL = _STATEMENTS["answers"]
PAYLOADS_SQL = _STATEMENTS["payloads"]
REAL_SQL = _STATEMENTS["real"]
NODES_SQL = _STATEMENTS["nodes"]
REPORTING_SQL = _STATEMENTS["reporting"]
FIRST = UUID(int=0)
PORTION_NODES = 2_000
"""Identifiers whose profiles are in memory at a time."""
CHANGES_MAX = 100
"""Of an attribute that changed more often, only the latest changes are known."""
COUNTED_TYPES = frozenset({PLACED_TYPE, RETURNED_TYPE})
"""Types of which orders and returns count, not events."""
LINE_FIELDS = ("sku", "kind", "category", "quantity", "total")
ANSWER_FIELDS = ("question", "score", "expected", "choice")
_SOURCES = frozenset({"source.system", "source.store"})
_LINES = frozenset(f"lines.{one}" for one in LINE_FIELDS)
TYPED: Mapping[str, frozenset[str]] = {
    PLACED_TYPE: _LINES | {ORDER_VALUE, CURRENCY, "order_id", "source.store"},
    RETURNED_TYPE: _LINES | {ORDER_VALUE, CURRENCY, "order_id", "source.store"},
    "survey.answered": frozenset({"kind", *(f"answers.{one}" for one in ANSWER_FIELDS)}) | _SOURCES,
}
"""Fields that typed columns have, by type of event; of other types those of the source."""
Key = tuple[NodeId, str]
"""Anchor and id of an event."""
Json = dict[str, Any]


class FactReader:
    """Implements `services.segments.ports.FactSource`."""

    def __init__(
        self,
        database: Database,
        histories: HistorySource,
        rules: ProfileRules,
        regions: Mapping[str, str],
        portion_nodes: int = PORTION_NODES,
    ) -> None:
        """`regions`: of each realm, for telephone numbers without a country."""
        self._database = database
        self._map = ProfileMap(database)
        self._histories = histories
        self._rules = rules
        self._regions = regions
        self._portion_nodes = portion_nodes

    def population(self, realm: str) -> Iterator[list[NodeId]]:
        """See the port. A profile comes with the identifier that gave it its id."""
        after = FIRST
        while True:
            where = {"realm": realm, "is_first": after == FIRST, "after": str(after)}
            limit = {"limit": self._portion_nodes}
            rows = self._database.rows(NODES_SQL, where | limit)
            nodes = [node.int for (node,) in rows]
            placed = self._map.placements_of(realm, nodes)
            own = [one for one in nodes if one not in placed or placed[one].profile == one]
            if own:
                yield own
            if len(rows) < self._portion_nodes:
                return
            after = rows[-1][0]

    def holders(self, realm: str, profiles: Collection[NodeId]) -> dict[NodeId, NodeId]:
        """See the port."""
        return self._map.members_of(realm, profiles).holder

    def profiles_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, NodeId]:
        """See the port."""
        placed = self._map.placements_of(realm, nodes)
        return {one: placed[one].profile if one in placed else one for one in nodes}

    def reporting(self, realm: str, orders: Collection[str]) -> set[NodeId]:
        """See the port."""
        found: set[NodeId] = set()
        for some in chunks(sorted(orders), KEYS_PER_QUERY):
            rows = self._database.rows(REPORTING_SQL, {"realm": realm, "ids": list(some)})
            found |= {node.int for (node,) in rows}
        return found

    def facts(
        self, realm: str, profiles: Collection[NodeId], needs: Needs
    ) -> dict[NodeId, CustomerFacts]:
        """See the port."""
        members = self._map.members_of(realm, profiles)
        holder = members.holder
        histories = self._histories.histories(
            realm,
            members,
            needs.attributes,
            consents=needs.consents,
            orders=bool(COUNTED_TYPES & needs.fields.keys()),
        )
        events: defaultdict[NodeId, list[CustomerEvent]] = defaultdict(list)
        for profile, one in self._plain(realm, members, needs):
            events[profile].append(one)
        for profile, one in self._counted(realm, histories, needs):
            events[profile].append(one)
        real = {holder[node.int] for (node,) in self._by_key(REAL_SQL, realm, holder)}
        return {
            one: CustomerFacts(
                history.kind if one in real else "",
                events[one],
                self._attributes(realm, history.observations),
                history.consents,
            )
            for one, history in histories.items()
        }

    def _plain(
        self, realm: str, members: Members, needs: Needs
    ) -> Iterator[tuple[NodeId, CustomerEvent]]:
        """Events that count as they are, with their profiles."""
        holder = members.holder
        types = sorted(needs.fields.keys() - COUNTED_TYPES)
        if not types:
            return
        rows = list(self._by_key(EVENTS_SQL, realm, holder, types=types))
        decoded = {one for one in types if not needs.fields[one] <= TYPED.get(one, _SOURCES)}
        keys = [(row[0].int, row[1]) for row in rows if row[4] in decoded]
        bodies = self._bodies(realm, keys, needs)
        if {"survey.answered"} & set(types) - decoded:
            bodies |= self._answers(realm, holder)
        for node, event_id, version, at, type_name, channel, store, system in rows:
            source = {"source": {"store": store, "system": system}}
            fields = source | bodies.get((node.int, event_id), {})
            event = CustomerEvent(type_name, to_ms(at), event_id, channel, store, fields, version)
            yield holder[node.int], event

    def _counted(
        self, realm: str, histories: Mapping[NodeId, ProfileHistory], needs: Needs
    ) -> Iterator[tuple[NodeId, CustomerEvent]]:
        """Orders and returns, each as its best report says."""
        best = {
            (one.best.node, one.best.event_id)
            for history in histories.values()
            for one in history.orders
        }
        rows = {(row[0].int, row[1]): row[2:] for row in self._by_event(ORDERS_SQL, realm, best)}
        types = needs.fields.keys() & COUNTED_TYPES
        untyped = any(not needs.fields[one] <= TYPED[one] for one in types)
        bodies = self._bodies(realm, best, needs) if untyped else {}
        for profile, history in histories.items():
            for one in history.orders:
                key = one.best.node, one.best.event_id
                if key not in rows:
                    continue
                channel, store, order_id, currency, *lines = rows[key]
                fields = {
                    "source": {"store": store},
                    "order_id": order_id,
                    "lines": _elements(LINE_FIELDS, lines),
                    **bodies.get(key, {}),
                    CURRENCY: currency,
                }
                for part in counted(one, channel, store, fields):
                    if part.type in types:
                        yield profile, part

    def _bodies(self, realm: str, keys: Collection[Key], needs: Needs) -> dict[Key, Json]:
        """The fields that are needed of bodies, decoded. A body that the contracts of today no
        longer read has none."""
        found: dict[Key, Json] = {}
        wanted = set(keys)
        for node, event_id, payload in self._by_event(PAYLOADS_SQL, realm, wanted):
            key = node.int, event_id
            if key not in wanted:
                continue
            try:
                event = TouchpointAdapter.validate_json(payload)
            except ValidationError:
                continue
            fields = {one.split(".")[0] for one in needs.fields.get(event.type, ())}
            body = event.body.model_dump(include=fields - {"source"})
            if "source" in fields:
                body["source"] = event.source.model_dump()
            found[key] = body
        return found

    def _answers(self, realm: str, holder: Collection[NodeId]) -> dict[Key, Json]:
        """The typed fields of answers to surveys."""
        return {
            (node.int, event_id): {"kind": kind, "answers": _elements(ANSWER_FIELDS, answers)}
            for node, event_id, kind, *answers in self._by_key(ANSWERS_SQL, realm, holder)
        }

    def _attributes(
        self, realm: str, observations: Sequence[AttributeObservation]
    ) -> dict[str, list[DatedValues]]:
        """The survivors of each attribute, and when they became so."""
        by_name: defaultdict[str, list[AttributeObservation]] = defaultdict(list)
        for one in observations:
            by_name[one.attribute].append(one)
        region = self._regions.get(realm, "")
        return {name: self._changes(name, said, region) for name, said in by_name.items()}

    def _changes(
        self, name: str, said: Sequence[AttributeObservation], region: str
    ) -> list[DatedValues]:
        times: list[datetime] = sorted({one.occurred_at for one in said})
        found: list[DatedValues] = []
        for time in times[-CHANGES_MAX:]:
            until = [one for one in said if one.occurred_at <= time]
            survivor = survivors(until, self._rules, region).get(name, [])
            several = survivor if isinstance(survivor, list) else [survivor]
            found.append(DatedValues(to_ms(time), tuple(one.value for one in several)))
        return found

    def _by_key(
        self, sql: str, realm: str, nodes: Collection[NodeId], **more: Any
    ) -> Iterator[tuple[Any, ...]]:
        return rows_by_key(self._database, on_one_thread(sql, len(nodes)), realm, nodes, **more)

    def _by_event(self, sql: str, realm: str, keys: Collection[Key]) -> Iterator[tuple[Any, ...]]:
        for some in chunks(sorted(keys), KEYS_PER_QUERY):
            where = {
                "realm": realm,
                "nodes": sorted({str(as_uuid(node)) for node, _ in some}),
                "events": [event_id for _, event_id in some],
            }
            yield from self._database.rows(on_one_thread(sql, len(some)), where)


def _elements(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> list[Json]:
    """The objects that parallel columns are made of."""
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

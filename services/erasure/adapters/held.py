"""Reads everything that the store holds on a person, table by table (services/erasure/places.py).

What names the person comes along, too: events that are kept under an identifier of nobody or of
somebody else, and lines that were rejected. Methods block and raise Retry or Fatal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from schemas.identifiers import NodeId, as_uuid
from services.erasure.places import PLACES, FoundBy
from services.store.database import Database, chunks
from services.store.profile_map import ProfileMap
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
NAMED_ELSEWHERE_SQL = _STATEMENTS["named_elsewhere"]
VALUES_SQL = _STATEMENTS["values"]
EVENT_IDS_SQL = _STATEMENTS["event_ids"]
EVENTS_PAGE_SQL = _STATEMENTS["events_page"]
BY_NODE_SQL = _STATEMENTS["by_node"]
BY_EVENT_SQL = _STATEMENTS["by_event"]
BY_PAIR_SQL = _STATEMENTS["by_pair"]
BY_SUGGESTION_SQL = _STATEMENTS["by_suggestion"]
BY_CUSTOMER_SQL = _STATEMENTS["by_customer"]
REJECTED_SQL = _STATEMENTS["rejected"]
READERS_SQL = _STATEMENTS["readers"]
EVIDENCE_SQL = _STATEMENTS["evidence"]
ADDRESSES = ("email", "phone")
"""Attributes whose values tell one person from others; a name does not."""
TEXT_CHARS_MIN = 6
"""Shorter values also stand in texts about others."""
TEXTS_PER_QUERY = 200
EVENTS_PER_QUERY = 2_000
INTERNAL = frozenset({"version", "batch", "event_hash", "reject_id", "named_realm"})
"""Columns that say nothing about the person."""
JSON_COLUMNS = frozenset({"payload", "body"})
Row = dict[str, Any]


class HeldPerson(NamedTuple):
    """Whose data is meant: the identifiers of a profile, and what names them elsewhere."""

    realm: str
    nodes: tuple[NodeId, ...]
    elsewhere: tuple[tuple[NodeId, str], ...]
    """Anchor and id of events that name one of the nodes and are kept under another one."""
    texts: tuple[str, ...]
    """Values that tell the person from others, as they may stand in rejected lines."""

    @property
    def uuids(self) -> list[str]:
        """The nodes, as statements take them."""
        return [str(as_uuid(node)) for node in self.nodes]


class HeldRow(NamedTuple):
    """A row of an export."""

    section: str
    table: str
    row: Row


class HeldReader:
    """Implements services.api.ports.PersonalDataSource."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._map = ProfileMap(database)

    def holding(self, realm: str, profile: NodeId) -> HeldPerson:
        """What is to be looked for, of a profile as it is now."""
        nodes = tuple(sorted(self._map.members_of(realm, [profile]).holder))
        return self.holding_of(realm, nodes)

    def holding_of(self, realm: str, nodes: Sequence[NodeId]) -> HeldPerson:
        """The same, of given nodes."""
        asked = {"realm": realm, "nodes": [str(as_uuid(node)) for node in nodes]}
        elsewhere = self._database.rows(NAMED_ELSEWHERE_SQL, asked)
        given = {**asked, "names": list(ADDRESSES), "chars": TEXT_CHARS_MIN}
        texts = tuple(value for (value,) in self._database.rows(VALUES_SQL, given))
        return HeldPerson(realm, tuple(nodes), tuple((n.int, e) for n, e in elsewhere), texts)

    def event_ids(self, holding: HeldPerson) -> list[str]:
        """Ids of all events about the person."""
        asked = {"realm": holding.realm, "nodes": holding.uuids}
        own = [event_id for (event_id,) in self._database.rows(EVENT_IDS_SQL, asked)]
        return sorted({*own, *(event_id for _, event_id in holding.elsewhere)})

    def rejected_count(self, holding: HeldPerson) -> int:
        """How many rejected lines name the person."""
        return sum(1 for _ in self._rejected(holding))

    def held(self, holding: HeldPerson, others: Collection[NodeId]) -> Iterator[HeldRow]:
        """Every row, section by section; but for events kept under identifiers of `others`."""
        named = defaultdict[NodeId, list[str]](list)
        for anchor, event in holding.elsewhere:
            if anchor not in others:
                named[anchor].append(event)
        for table, place in PLACES.items():
            if place.section:
                for row in self._rows(table, place.found_by, holding, named):
                    yield HeldRow(place.section, table, _readable(row))

    def _rows(
        self,
        table: str,
        found_by: FoundBy,
        holding: HeldPerson,
        named: Mapping[NodeId, Sequence[str]],
    ) -> Iterator[Row]:
        asked = {"realm": holding.realm, "nodes": holding.uuids, "table": table}
        records = self._database.records
        if table == "touchpoints":
            yield from self._events(holding, named)
        elif found_by is FoundBy.EVENT:
            yield from records(BY_EVENT_SQL, {**asked, "events": []})
            for node, events in named.items():
                for part in chunks(events, EVENTS_PER_QUERY):
                    mine = {**asked, "nodes": [str(as_uuid(node))], "events": list(part)}
                    yield from records(BY_EVENT_SQL, mine)
        elif found_by is FoundBy.NODE:
            yield from records(BY_NODE_SQL, asked)
        elif found_by is FoundBy.PAIR:
            yield from records(BY_PAIR_SQL, asked)
        elif found_by is FoundBy.SUGGESTION:
            yield from records(BY_SUGGESTION_SQL, asked)
        elif found_by is FoundBy.CUSTOMER:
            subject = {"realm": holding.realm, "subjects": holding.uuids, "table": table}
            yield from records(BY_CUSTOMER_SQL, subject)
            if table == "incident_states":
                yield from self._evidence(holding)
        elif found_by is FoundBy.READER:
            yield from records(READERS_SQL, asked)
        else:
            yield from self._rejected(holding)

    def _events(self, holding: HeldPerson, named: Mapping[NodeId, Sequence[str]]) -> Iterator[Row]:
        asked = {"realm": holding.realm, "limit": EVENTS_PER_QUERY}
        parts: list[tuple[list[str], list[str]]] = [(holding.uuids, [])]
        for node, events in named.items():
            parts += (
                ([str(as_uuid(node))], list(part)) for part in chunks(events, EVENTS_PER_QUERY)
            )
        for nodes, events in parts:
            after, after_id = UUID(int=0), ""
            while True:
                place = {"nodes": nodes, "events": events, "after_id": after_id}
                found = self._database.records(
                    EVENTS_PAGE_SQL, {**asked, **place, "after_node": after}
                )
                yield from found
                if len(found) < EVENTS_PER_QUERY:
                    break
                after, after_id = found[-1]["node"], found[-1]["event_id"]

    def _rejected(self, holding: HeldPerson) -> Iterator[Row]:
        seen: set[bytes] = set()
        asked = [("events", part) for part in chunks(self.event_ids(holding), EVENTS_PER_QUERY)]
        asked += [("texts", part) for part in chunks(holding.texts, TEXTS_PER_QUERY)]
        for name, part in asked:
            given: dict[str, Any] = {"realm": holding.realm, "events": [], "texts": []}
            given[name] = list(part)
            for row in self._database.records(REJECTED_SQL, given):
                key = orjson.dumps([row["reason"], row["raw"]])
                if key not in seen:
                    seen.add(key)
                    yield row

    def _evidence(self, holding: HeldPerson) -> Iterator[Row]:
        seen: set[str] = set()
        for part in chunks(self.event_ids(holding), EVENTS_PER_QUERY):
            asked = {"realm": holding.realm, "events": list(part)}
            for row in self._database.records(EVIDENCE_SQL, asked):
                if row["incident_id"] not in seen:
                    seen.add(row["incident_id"])
                    yield row


def _readable(row: Row) -> Row:
    """Without internal columns, with documents as documents."""
    return {name: _document(name, value) for name, value in row.items() if name not in INTERNAL}


def _document(name: str, value: Any) -> Any:
    if name not in JSON_COLUMNS or not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value

"""Reads everything that the store holds on a person, table by table (services/erasure/places.py).

What names the person comes along, too: events that are kept under an identifier of nobody or of
somebody else, and lines that were rejected. Methods block and raise Retry or Fatal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from schemas.identifiers import NodeId, as_uuid
from services.erasure.mentions import ALONE_CHARS_MIN, Mentions, digits_of_phones, forms_of, needles
from services.erasure.own_figures import remove_own_figures, without_own_figures
from services.erasure.places import PLACES, FoundBy
from services.store.database import Database, chunks, rows_by_key
from services.store.profile_map import ProfileMap
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
NAMED_ELSEWHERE_SQL = _STATEMENTS["named_elsewhere"]
FORMERLY_NAMED_SQL = _STATEMENTS["formerly_named"]
BESIDE_SQL = _STATEMENTS["beside"]
NAMED_BY_OTHERS_SQL = _STATEMENTS["named_by_others"]
NAMED_IN_EVENTS_SQL = _STATEMENTS["named_in_events"]
LINKED_BY_SQL = _STATEMENTS["linked_by"]
STORED_SQL = _STATEMENTS["stored"]
OF_PERSONS_SQL = _STATEMENTS["of_persons"]
NAMED_IN_SQL = _STATEMENTS["named_in"]
VALUES_SQL = _STATEMENTS["values"]
EVENT_IDS_SQL = _STATEMENTS["event_ids"]
EVENTS_PAGE_SQL = _STATEMENTS["events_page"]
BY_NODE_SQL = _STATEMENTS["by_node"]
BY_EVENT_SQL = _STATEMENTS["by_event"]
BY_PAIR_SQL = _STATEMENTS["by_pair"]
BY_SUGGESTION_SQL = _STATEMENTS["by_suggestion"]
BY_CUSTOMER_SQL = _STATEMENTS["by_customer"]
BY_CASE_SQL = _STATEMENTS["by_case"]
REJECTED_SQL = _STATEMENTS["rejected"]
READERS_SQL = _STATEMENTS["readers"]
EVIDENCE_SQL = _STATEMENTS["evidence"]
ADDRESSES = ("email", "phone")
"""Attributes whose values tell one person from others; a name does not."""
TEXTS_PER_QUERY = 200
EVENTS_PER_QUERY = 2_000
INTERNAL = frozenset({"version", "batch", "event_hash", "reject_id", "named_realm"})
"""Columns that say nothing about the person."""
JSON_COLUMNS = frozenset({"payload", "body"})
REJECTED_LINE = "raw"
"""Column of the line as it was sent, which may be anything."""
TOO_DEEP = "nested too deeply to be shown without the figures of the retailer that it says"
Row = dict[str, Any]


class HeldPerson(NamedTuple):
    """Whose data is meant: the identifiers of a profile, and what names them elsewhere."""

    realm: str
    nodes: tuple[NodeId, ...]
    elsewhere: tuple[tuple[NodeId, str], ...]
    """Anchor and id of events that name one of the nodes and are kept under another one."""
    texts: tuple[str, ...]
    """Values that tell the person from others, as they may stand in rejected lines."""
    short_texts: tuple[str, ...] = ()
    """Those of them that also stand in texts about others, and count as a whole only."""
    stated: tuple[NodeId, ...] = ()
    """Identifiers that only events of the person name, and that prove nothing: an address that was
    typed and never verified. No part of the profile, and nobody else's either."""
    unnamed: tuple[NodeId, ...] = ()
    """Identifiers whose value only events of the person say, and that are somebody else's all the
    same: a decision is about them, or a link is left of an event that is gone. Only the value
    goes."""

    @property
    def uuids(self) -> list[str]:
        """The nodes and what was stated beside them, as statements take them."""
        return _uuids([*self.nodes, *self.stated])


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

    def holding_of(
        self, realm: str, nodes: Sequence[NodeId], beside: Collection[NodeId] | None = None
    ) -> HeldPerson:
        """The same, of given nodes; and of what was found to be named beside them only, if that is
        known, whatever of it nobody else has named since."""
        asked = {"realm": realm, "nodes": _uuids(nodes)}
        elsewhere = self._database.rows(NAMED_ELSEWHERE_SQL, asked)
        if beside is None:
            beside = [node.int for (node,) in self._database.rows(BESIDE_SQL, asked)]
        others = self.named_by_others(realm, nodes, beside)
        alone = tuple(sorted(set(beside) - others))
        shared = others.intersection(beside)
        unnamed = tuple(sorted(shared - self._named_by_events(realm, nodes, shared)))
        given: dict[str, Any] = {"realm": realm, "nodes": _uuids([*nodes, *alone])}
        given["names"] = list(ADDRESSES)
        values = forms_of([value for (value,) in self._database.rows(VALUES_SQL, given)])
        texts = tuple(one for one in values if len(one) >= ALONE_CHARS_MIN)
        short = tuple(one for one in values if len(one) < ALONE_CHARS_MIN)
        found = tuple((n.int, e) for n, e in elsewhere)
        return HeldPerson(realm, tuple(nodes), found, texts, short, alone, unnamed)

    def named_by_others(
        self, realm: str, nodes: Sequence[NodeId], some: Collection[NodeId]
    ) -> set[NodeId]:
        """Which of some others something names that does not go with the nodes."""
        found = set[NodeId]()
        for part in chunks(sorted(some), EVENTS_PER_QUERY):
            asked = {"realm": realm, "nodes": _uuids(nodes), "others": _uuids(part)}
            found |= {node.int for (node,) in self._database.rows(NAMED_BY_OTHERS_SQL, asked)}
        return found

    def _named_by_events(
        self, realm: str, nodes: Sequence[NodeId], some: Collection[NodeId]
    ) -> set[NodeId]:
        """Which of some others a stored event names that does not go with the nodes, or named until
        it was corrected: then it has left a link."""
        found = set[NodeId]()
        for part in chunks(sorted(some), EVENTS_PER_QUERY):
            asked = {"realm": realm, "nodes": _uuids(nodes), "others": _uuids(part)}
            found |= {node.int for (node,) in self._database.rows(NAMED_IN_EVENTS_SQL, asked)}
            if left := set(part) - found:
                asked["others"] = _uuids(left)
                links = self._database.rows(LINKED_BY_SQL, asked)
                stored = self._stored(realm, {event_id for _, event_id in links})
                found |= {node.int for node, event_id in links if event_id in stored}
        return found

    def _stored(self, realm: str, event_ids: Collection[str]) -> set[str]:
        found = set[str]()
        for part in chunks(sorted(event_ids), EVENTS_PER_QUERY):
            asked = {"realm": realm, "events": list(part)}
            found |= {event_id for (event_id,) in self._database.rows(STORED_SQL, asked)}
        return found

    def of_others(self, holding: HeldPerson) -> HeldPerson:
        """Of what names the person elsewhere only what is kept under identifiers of other
        persons, and nothing of the person's own."""
        anchors = sorted({node for node, _ in holding.elsewhere})
        rows = rows_by_key(self._database, OF_PERSONS_SQL, holding.realm, anchors)
        persons = {node.int for (node,) in rows}
        elsewhere = tuple(one for one in holding.elsewhere if one[0] in persons)
        return HeldPerson(holding.realm, (), elsewhere, ())

    def formerly_named(self, holding: HeldPerson) -> list[tuple[NodeId, str, int]]:
        """Anchor, id and version of events of others that named the person until they were
        corrected: of the body that counts."""
        asked = {"realm": holding.realm, "nodes": _uuids(holding.nodes)}
        rows = self._database.rows(FORMERLY_NAMED_SQL, asked)
        return [(node.int, event_id, version) for node, event_id, version in rows]

    def event_ids(self, holding: HeldPerson) -> list[str]:
        """Ids of all events about the person."""
        asked = {"realm": holding.realm, "nodes": _uuids(holding.nodes)}
        own = [event_id for (event_id,) in self._database.rows(EVENT_IDS_SQL, asked)]
        return sorted({*own, *(event_id for _, event_id in holding.elsewhere)})

    def rejected_count(self, holding: HeldPerson) -> int:
        """How many rejected lines name the person."""
        return sum(1 for _ in self.rejected(holding))

    def held(self, holding: HeldPerson, others: Collection[NodeId]) -> Iterator[HeldRow]:
        """Every row, section by section; but for events kept under identifiers of `others`."""
        named = defaultdict[NodeId, list[str]](list)
        for anchor, event in holding.elsewhere:
            if anchor not in others:
                named[anchor].append(event)
        mine = holding._replace(stated=self._stated_in(holding, named))
        for table, place in PLACES.items():
            if place.section:
                for row in self._rows(table, place.found_by, mine, named):
                    yield HeldRow(place.section, table, _readable(row))

    def _stated_in(
        self, holding: HeldPerson, named: Mapping[NodeId, Sequence[str]]
    ) -> tuple[NodeId, ...]:
        """What the person stated, without what an event of somebody else says of that one."""
        if not holding.stated:
            return ()
        asked = {"realm": holding.realm, "nodes": _uuids(holding.nodes)}
        asked |= {"others": _uuids(named), "events": sorted({e for m in named.values() for e in m})}
        said = {node.int for (node,) in self._database.rows(NAMED_IN_SQL, asked)}
        return tuple(node for node in holding.stated if node in said)

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
            for part in _places(holding, named):
                yield from records(BY_EVENT_SQL, {**asked, **part})
        elif found_by in (FoundBy.NODE, FoundBy.CHANGE):
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
            elif table == "incident_actions":
                yield from records(BY_CASE_SQL, asked)
        elif found_by is FoundBy.READER:
            yield from records(READERS_SQL, asked)
        else:
            yield from self.rejected(holding)

    def _events(self, holding: HeldPerson, named: Mapping[NodeId, Sequence[str]]) -> Iterator[Row]:
        asked = {"realm": holding.realm, "limit": EVENTS_PER_QUERY}
        for part in _places(holding, named):
            after, after_id = UUID(int=0), ""
            while True:
                place = {**asked, **part, "after_node": after, "after_id": after_id}
                found = self._database.records(EVENTS_PAGE_SQL, place)
                yield from found
                if len(found) < EVENTS_PER_QUERY:
                    break
                after, after_id = found[-1]["node"], found[-1]["event_id"]

    def rejected(self, holding: HeldPerson) -> Iterator[Row]:
        """Rejected lines that name the person, with their ids."""
        seen: set[UUID] = set()
        for given, is_named in self.mentioned(holding, self.event_ids(holding)):
            for row in self._database.records(REJECTED_SQL, given):
                if row["reject_id"] not in seen and is_named(row["raw"]):
                    seen.add(row["reject_id"])
                    yield row

    def mentioned(
        self, holding: HeldPerson, ids: Iterable[str]
    ) -> Iterator[tuple[dict[str, Any], Callable[[str], bool]]]:
        """Parameters of statements that look for texts with event ids or values, part by part; and
        what decides of a text that was found so."""
        none: dict[str, Any] = {"realm": holding.realm, "events": [], "texts": [], "digits": []}
        for events in chunks(sorted(ids), EVENTS_PER_QUERY):
            yield {**none, "events": list(events)}, lambda _text: True
        for values in chunks([*holding.texts, *holding.short_texts], TEXTS_PER_QUERY):
            sought = {"texts": needles(values), "digits": digits_of_phones(values)}
            yield {**none, **sought}, Mentions(values).stand_in

    def _evidence(self, holding: HeldPerson) -> Iterator[Row]:
        """Incidents about something else, of whose evidence only what is the person's."""
        seen, ids = set[str](), set(self.event_ids(holding))
        for part in chunks(sorted(ids), EVENTS_PER_QUERY):
            asked = {"realm": holding.realm, "events": list(part)}
            for row in self._database.records(EVIDENCE_SQL, asked):
                if row["incident_id"] not in seen:
                    seen.add(row["incident_id"])
                    body = orjson.loads(row["body"])
                    body["evidence"] = [
                        [one for one in some if one in ids] for some in body["evidence"]
                    ]
                    yield {**row, "body": orjson.dumps(body).decode()}


def _uuids(nodes: Iterable[NodeId]) -> list[str]:
    return [str(as_uuid(node)) for node in nodes]


def _places(
    holding: HeldPerson, named: Mapping[NodeId, Sequence[str]]
) -> Iterator[dict[str, list[str]]]:
    """Parameters of statements that find events: all of the person's own identifiers, then those
    that name the person elsewhere, each by its anchor and its id."""
    yield {"nodes": _uuids(holding.nodes), "anchors": [], "events": []}
    pairs = [(str(as_uuid(node)), event) for node, events in named.items() for event in events]
    for part in chunks(pairs, EVENTS_PER_QUERY):
        anchors = [node for node, _ in part]
        yield {"nodes": anchors, "anchors": anchors, "events": [event for _, event in part]}


def _readable(row: Row) -> Row:
    """Without internal columns, with documents as documents."""
    return {name: _document(name, value) for name, value in row.items() if name not in INTERNAL}


def _document(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name in JSON_COLUMNS:
        try:
            return without_own_figures(orjson.loads(value))
        except orjson.JSONDecodeError:
            return value
    return _rejected(value) if name == REJECTED_LINE else value


def _rejected(line: str) -> str:
    """As it came, unless it says figures of the retailer."""
    try:
        document = orjson.loads(line)
        return orjson.dumps(document).decode() if remove_own_figures(document) else line
    except orjson.JSONDecodeError:
        return line
    except TypeError:  # orjson reads what is nested more deeply than it writes
        return TOO_DEEP

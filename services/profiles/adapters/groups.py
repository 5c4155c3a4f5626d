"""What events say of accounts and households, read by the person and by the number of the group.

Only reads; who a person is, and which statement counts, is decided elsewhere
(services/profiles/core/groups.py). Test journeys are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from schemas.groups import ACCOUNT, DESCRIBED, MEMBER
from schemas.identifiers import NodeId, as_uuid
from services.profiles.core.groups import (
    Description,
    GroupKey,
    MembershipStatement,
    SaidValue,
    described,
    successor,
)
from services.profiles.ports import Stated
from services.runtime.errors import InvalidState
from services.store.database import KEYS_PER_QUERY, Database, chunks, on_one_thread, rows_by_key
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
OF_NODES_SQL = _STATEMENTS["of_nodes"]
OF_EVENTS_SQL = _STATEMENTS["of_events"]
EVENTS_NAMING_SQL = _STATEMENTS["events_naming"]
NUMBERS_SQL = _STATEMENTS["numbers"]
STATEMENTS_MAX = 50_000
"""More statements about some groups are not read at once."""
MERGED_MAX = 1_000
"""More accounts that are one are not read."""
FOREVER = datetime.max.replace(tzinfo=UTC)
Accounts = dict[GroupKey, dict[str, SaidValue]]


class GroupReader:
    """Implements `services.profiles.ports.GroupSource`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_nodes(
        self, realm: str, nodes: Collection[NodeId], until: datetime = FOREVER
    ) -> list[Stated]:
        """See the port."""
        sql = on_one_thread(OF_NODES_SQL, len(nodes))
        return list(_stated(rows_by_key(self._database, sql, realm, nodes), until))

    def about(
        self, realm: str, keys: Collection[GroupKey], until: datetime = FOREVER
    ) -> list[Stated]:
        """See the port."""
        found: list[Stated] = []
        for kind in sorted({key.kind for key in keys}):
            numbers = {key.number for key in keys if key.kind == kind}
            rows = self._named(realm, kind, MEMBER, numbers)
            found += [one for one in _stated(rows, until) if one.key in keys]
        return found

    def accounts(
        self,
        realm: str,
        keys: Collection[GroupKey],
        until: datetime = FOREVER,
        *,
        backwards: bool = False,
    ) -> Accounts:
        """See the port."""
        read: set[GroupKey] = set()
        found: Accounts = {}
        asked = set(keys)
        while asked:
            read |= asked
            if backwards and len(read) > MERGED_MAX:
                raise InvalidState(f"more than {MERGED_MAX:,} accounts were merged into each other")
            numbers = {key.number for key in asked}
            rows = self._named(realm, ACCOUNT, DESCRIBED, numbers)
            found |= described(
                one
                for one in _descriptions(rows, until)
                if one.key in asked  # of others perhaps only some events name these numbers
            )
            following = {successor(key, found) for key in asked} - {None}
            if backwards:
                following |= {
                    one.key
                    for one in _descriptions(rows, until)
                    if GroupKey(ACCOUNT, one.key.issuer, one.fields.get("replaced_by", "")) in asked
                }
            asked = {key for key in following if key is not None} - read
        return found

    def known(self, realm: str, kind: str, number: str) -> set[GroupKey]:
        """See the port."""
        found: set[GroupKey] = set()
        for action in (DESCRIBED, MEMBER):
            for row in self._named(realm, kind, action, {number}):
                fact = _GroupFact._make(row)
                if fact.is_synthetic or fact.kind != kind:
                    continue
                merged_into = dict(zip(fact.fields, fact.values, strict=True)).get("replaced_by")
                if number in (fact.number, merged_into):
                    found.add(GroupKey(kind, fact.issuer, number))
        return found

    def numbers(self, realm: str, kind: str, after: str, limit: int) -> list[str]:
        """See the port."""
        where = {"realm": realm, "kind": kind, "after": after, "limit": limit}
        return [number for (number,) in self._database.rows(NUMBERS_SQL, where)]

    def _named(
        self, realm: str, kind: str, action: str, numbers: Collection[str]
    ) -> list[tuple[Any, ...]]:
        """The rows of the events that name these numbers, and perhaps some others.

        Raises InvalidState if there are too many.
        """
        keys: set[tuple[NodeId, str]] = set()
        for some in chunks(sorted(numbers), KEYS_PER_QUERY):
            where = {"realm": realm, "kind": kind, "action": action, "numbers": list(some)}
            rows = self._database.rows(EVENTS_NAMING_SQL, {**where, "limit": STATEMENTS_MAX + 1})
            keys |= {(node.int, event_id) for node, event_id in rows}
            if len(keys) > STATEMENTS_MAX:
                raise InvalidState(
                    f"more than {STATEMENTS_MAX:,} events tell of this {kind}: too many to read at "
                    "once. Is it a number that stands for no single one?"
                )
        found: list[tuple[Any, ...]] = []
        for part in chunks(sorted(keys), KEYS_PER_QUERY):
            nodes = sorted({str(as_uuid(node)) for node, _ in part})
            events = [event_id for _, event_id in part]
            sql = on_one_thread(OF_EVENTS_SQL, len(part))
            found += self._database.rows(sql, {"realm": realm, "nodes": nodes, "events": events})
        return found


class _GroupFact(NamedTuple):
    """A row of group_facts."""

    node: Any
    event_id: str
    occurred_at: datetime
    is_synthetic: bool
    source: str
    kind: str
    action: str
    issuer: str
    number: str
    fields: list[str]
    values: list[str]
    roles: list[str]
    title: str
    since: datetime
    until: datetime | None

    @property
    def key(self) -> GroupKey:
        """The group that it tells of."""
        return GroupKey(self.kind, self.issuer, self.number)


def _facts(rows: Iterable[tuple[Any, ...]], action: str, until: datetime) -> Iterator[_GroupFact]:
    for fact in map(_GroupFact._make, rows):
        if fact.action == action and not fact.is_synthetic and fact.occurred_at <= until:
            yield fact


def _stated(rows: Iterable[tuple[Any, ...]], until: datetime) -> Iterator[Stated]:
    for fact in _facts(rows, MEMBER, until):
        said = MembershipStatement(
            tuple(fact.roles), fact.title, fact.since, fact.until, fact.source, fact.event_id,
            fact.occurred_at,
        )  # fmt: skip
        yield Stated(fact.node.int, fact.key, said)


def _descriptions(rows: Iterable[tuple[Any, ...]], until: datetime) -> Iterator[Description]:
    for fact in _facts(rows, DESCRIBED, until):
        fields = dict(zip(fact.fields, fact.values, strict=True))
        yield Description(fact.key, fields, fact.source, fact.event_id, fact.occurred_at)

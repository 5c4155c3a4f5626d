"""Profiles read from ClickHouse: exact when read, in bulk, in a fixed number of queries.

The map says which nodes are a profile; their facts are read by key. Orders are then followed to
wherever else they were reported. Nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from schemas.identifiers import RECORD_TYPE, NodeId, as_uuid
from schemas.profile import Profile, TimelineEntry
from schemas.rules.identity import IdentifierKind, IdentityRules
from schemas.rules.profile import ProfileRules
from schemas.touchpoint import EVENT_TYPES
from services.profiles.adapters import statements
from services.profiles.adapters.totals import FIRST, PAGE_ROWS, read_totals, refresh_totals
from services.profiles.core.facts import (
    ConsentRecord,
    Contacts,
    Observation,
    OrderRow,
    ProfileFacts,
    Valued,
)
from services.profiles.core.golden import golden_record
from services.profiles.core.purchases import Entry, add_up, settle
from services.profiles.core.summary import summarise
from services.profiles.core.timeline import Cursor, decode_cursor, encode_cursor
from services.profiles.ports import MappedIdentifier, Resolved, Totals
from services.runtime.clickhouse import Database, chunks
from services.runtime.errors import NotFound
from services.runtime.settings import RealmSettings

KEYS_PER_QUERY = 5_000
"""Keeps the parameters of one query below the size a server takes in an address."""
TIMELINE_ENTRIES_MAX = 1_000
SHARED = "shared"


class _Met(NamedTuple):
    """What the facts of one node say."""

    anchor_type: str
    first: datetime
    last: datetime
    channels: list[str]
    observations: list[Observation]
    consents: list[ConsentRecord]
    orders: list[OrderRow]


class ProfileReader:
    """Implements `services.profiles.ports.ProfileSource`."""

    def __init__(
        self,
        database: Database,
        realms: Mapping[str, RealmSettings],
        rules: ProfileRules,
        identity: IdentityRules,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._realms = realms
        self._rules = rules
        self._personal = personal_types(identity)
        self._clock = clock

    def resolve(self, realm: str, nodes: Sequence[NodeId]) -> dict[NodeId, Resolved]:
        """See the port."""
        found: dict[NodeId, Resolved] = {}
        rows = list(self._by_key(statements.RESOLVE, realm, "nodes", nodes))
        for node, profile, kind, type_name, _ in sorted(rows, key=lambda row: int(row[4])):
            found[node.int] = Resolved(profile.int, kind or self._kind_alone([type_name]))
        return found

    def profile(self, realm: str, handle: NodeId) -> Profile:
        """See the port."""
        held = self.resolve(realm, [handle]).get(handle)
        found = self.profiles(realm, [held.profile]) if held else []
        if not found:
            raise NotFound(f"nothing is known of {as_uuid(handle)} in realm {realm!r}")
        return found[0].model_copy(update={"requested_id": as_uuid(handle)})

    def profiles(self, realm: str, profile_ids: Sequence[NodeId]) -> list[Profile]:
        """See the port."""
        currency, as_of = self._realm(realm).currency, self._clock()
        holder, kinds = self._members(realm, profile_ids)
        nodes = list(holder)
        identifiers: defaultdict[NodeId, list[Valued]] = defaultdict(list)
        for node, type_name, issuer, value in self._by_key(
            statements.VALUES, realm, "nodes", nodes
        ):
            one = Valued(node.int, type_name, issuer, value)
            identifiers[holder[one.node]].append(one)
        met = self._met(realm, nodes)
        last_seen = self._last_seen(realm, nodes, holder)
        entries = self._entries(realm, holder, met.values())
        by_profile: defaultdict[NodeId, list[_Met]] = defaultdict(list)
        for node, of_node in met.items():
            by_profile[holder[node]].append(of_node)
        profiles = []
        for profile in dict.fromkeys(profile_ids):
            named, facts = identifiers[profile], by_profile[profile]
            if not (named or facts or kinds.get(profile)):
                continue
            types = [one.type for one in named] or [one.anchor_type for one in facts]
            gathered = ProfileFacts(
                realm,
                profile,
                kinds.get(profile) or self._kind_alone(types),
                named,
                [one for of_node in facts for one in of_node.observations],
                [one for of_node in facts for one in of_node.consents],
                _contacts(facts, last_seen[profile]),
            )
            purchases = add_up(entries[profile], currency)
            profiles.append(golden_record(gathered, purchases, currency, self._rules, as_of=as_of))
        return profiles

    def timeline(
        self, realm: str, profile_id: NodeId, limit: int, cursor: str = ""
    ) -> tuple[list[TimelineEntry], str]:
        """See the port."""
        if not 1 <= limit <= TIMELINE_ENTRIES_MAX:
            raise ValueError(f"limit must be between 1 and {TIMELINE_ENTRIES_MAX}")
        currency = self._realm(realm).currency
        after = decode_cursor(cursor) if cursor else Cursor(0, "")
        nodes = [str(as_uuid(node)) for node in self._members(realm, [profile_id])[0]]
        where = {
            "realm": realm,
            "nodes": nodes,
            "is_first": not cursor,
            "ms": after.occurred_ms,
            "event": after.event_id,
            "limit": limit + 1,
        }
        rows = self._database.rows(statements.TIMELINE, where)
        page = rows[:limit]
        events = self._events(realm, page)
        entries = [_entry(row, events[row[0]], currency) for row in page]
        more = len(rows) > limit
        return entries, encode_cursor(entries[-1].occurred_at, entries[-1].event_id) if more else ""

    def totals(self, realm: str, *, refresh: bool = True) -> Totals:
        """See the port."""
        self._realm(realm)
        if refresh:
            refresh_totals(self._database)
        return read_totals(self._database, realm)

    def identifiers(self, realm: str) -> Iterator[MappedIdentifier]:
        """See the port."""
        self._realm(realm)
        rows: list[tuple[Any, ...]] = []
        while True:
            where = {
                "realm": realm,
                "is_first": not rows,
                "after": str(rows[-1][0] if rows else FIRST),
                "limit": PAGE_ROWS,
            }
            rows = self._database.rows(statements.IDENTIFIERS, where)
            for node, type_name, issuer, value, kind, profile in rows:
                held_by = profile.int if kind else node.int  # without a map row it is its own
                yield MappedIdentifier(type_name, issuer, value, node.int, held_by, kind == SHARED)
            if len(rows) < PAGE_ROWS:
                return

    def _realm(self, realm: str) -> RealmSettings:
        if realm not in self._realms:
            known = ", ".join(sorted(self._realms))
            raise NotFound(f"realm {realm!r} is not configured; C360_REALMS lists: {known}")
        return self._realms[realm]

    def _kind_alone(self, types: Iterable[str]) -> str:
        """Kind of a profile that the map does not know, by the types of its identifiers."""
        known = set(types)
        if known & self._personal:
            return "person"
        return RECORD_TYPE if known == {RECORD_TYPE} else "anonymous"

    def _by_key(
        self, sql: str, realm: str, name: str, nodes: Sequence[NodeId]
    ) -> Iterator[tuple[Any, ...]]:
        """The rows of a query for any number of nodes."""
        for some in chunks(nodes, KEYS_PER_QUERY):
            where = {"realm": realm, name: [str(as_uuid(node)) for node in some]}
            yield from self._database.rows(sql, where)

    def _members(
        self, realm: str, profile_ids: Sequence[NodeId]
    ) -> tuple[dict[NodeId, NodeId], dict[NodeId, str]]:
        """The profile of each of their nodes, and the kind of each profile the map knows."""
        wanted = dict.fromkeys(profile_ids)
        holder: dict[NodeId, NodeId] = {profile: profile for profile in wanted}
        kinds: dict[NodeId, str] = {}
        for node, profile, kind in self._by_key(
            statements.MEMBERS, realm, "profiles", list(wanted)
        ):
            holder.pop(node.int, None)
            if profile.int in wanted:
                holder[node.int] = profile.int
                kinds[profile.int] = max(kind, kinds.get(profile.int, ""))
        return holder, kinds

    def _met(self, realm: str, nodes: Sequence[NodeId]) -> dict[NodeId, _Met]:
        rows = self._by_key(statements.FACTS, realm, "nodes", nodes)
        return {
            node.int: _Met(
                anchor_type,
                first,
                last,
                channels,
                [one for row in observed for one in _observations(row)],
                [one for row in consented for one in _consents(row)],
                [_order_row(row) for row in ordered],
            )
            for node, anchor_type, first, last, channels, observed, consented, ordered in rows
        }

    def _last_seen(
        self, realm: str, nodes: Sequence[NodeId], holder: Mapping[NodeId, NodeId]
    ) -> defaultdict[NodeId, dict[NodeId, datetime]]:
        """When each identifier was last on an event of the profile that holds it."""
        seen: defaultdict[NodeId, dict[NodeId, datetime]] = defaultdict(dict)
        for anchor, standing, at in self._by_key(statements.LAST_SEEN, realm, "nodes", nodes):
            of_profile = seen[holder[anchor.int]]
            of_profile[standing.int] = max(at, of_profile.get(standing.int, at))
        return seen

    def _entries(
        self, realm: str, holder: Mapping[NodeId, NodeId], met: Iterable[_Met]
    ) -> defaultdict[NodeId, list[Entry]]:
        """Orders and returns of these profiles, wherever they were reported."""
        own = {row for of_node in met for row in of_node.orders}
        entries: defaultdict[NodeId, list[Entry]] = defaultdict(list)
        for entry in settle(self._all_reports(realm, own)):
            if entry.owner in holder:
                entries[holder[entry.owner]].append(entry)
        return entries

    def _all_reports(self, realm: str, rows: set[OrderRow]) -> set[OrderRow]:
        """Every report of the orders and returns that these rows name, directly or in turn."""
        orders: set[tuple[str, str]] = set()
        returns: set[tuple[str, str]] = set()
        while True:
            new_orders = {(row.issuer, row.order_id) for row in rows if row.order_id} - orders
            new_returns = {(row.issuer, row.return_id) for row in rows if row.return_id} - returns
            if not new_orders and not new_returns:
                return rows
            orders |= new_orders
            returns |= new_returns
            found = self._reports(realm, statements.BY_ORDER, new_orders)
            found += self._reports(realm, statements.BY_RETURN, new_returns)
            # The same number may be another issuer's; following those would never end.
            rows = rows | {
                row
                for row in found
                if (row.issuer, row.order_id) in orders or (row.issuer, row.return_id) in returns
            }

    def _reports(self, realm: str, sql: str, keys: set[tuple[str, str]]) -> list[OrderRow]:
        numbers = sorted({number for _, number in keys})
        return [
            _order_row(row)
            for some in chunks(numbers, KEYS_PER_QUERY)
            for row in self._database.rows(sql, {"realm": realm, "ids": list(some)})
        ]

    def _events(self, realm: str, page: Sequence[tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
        """Channel, type, source and payload of the events of a page, by event id."""
        if not page:
            return {}
        chosen = {(event_id, node) for event_id, node, _ in page}
        where = {
            "realm": realm,
            "nodes": sorted({str(node) for _, node in chosen}),
            "events": [event_id for event_id, _ in chosen],
        }
        rows = self._database.rows(statements.EVENTS, where)
        return {row[0]: row[2:] for row in rows if row[:2] in chosen}


def personal_types(identity: IdentityRules) -> frozenset[str]:
    """The identifier types that stand for a person."""
    return frozenset(row.name for row in identity.type if row.kind is IdentifierKind.PERSONAL)


def _contacts(facts: Sequence[_Met], last_seen: dict[NodeId, datetime]) -> Contacts:
    return Contacts(
        min((one.first for one in facts), default=None),
        max((one.last for one in facts), default=None),
        frozenset(channel for one in facts for channel in one.channels),
        last_seen,
    )


def _observations(row: tuple[Any, ...]) -> Iterator[Observation]:
    event_id, occurred_at, channel, source, names, values, present = row
    for name, value, is_present in zip(names, values, present, strict=True):
        yield Observation(name, value, is_present, source, channel, event_id, occurred_at)


def _consents(row: tuple[Any, ...]) -> Iterator[ConsentRecord]:
    event_id, occurred_at, *columns = row
    for action, purpose, channel, address, basis, double_opt_in in zip(*columns, strict=True):
        yield ConsentRecord(
            action, purpose, channel, address.int, basis, double_opt_in, event_id, occurred_at
        )


def _order_row(row: tuple[Any, ...]) -> OrderRow:
    node, *rest, is_whole = row
    return OrderRow._make((node.int, *rest, bool(is_whole)))


def _entry(key: tuple[Any, ...], event: tuple[Any, ...], currency: str) -> TimelineEntry:
    event_id, _, occurred_at = key
    channel, type_name, source, payload = event
    known = EVENT_TYPES.get(type_name)
    return TimelineEntry(
        event_id=event_id,
        occurred_at=occurred_at,
        channel=channel,
        type=type_name,
        phase=known.phase if known else "",
        source=source,
        summary=summarise(_bytes(payload), currency),
    )


def _bytes(payload: str | bytes | UUID) -> bytes:
    return payload if isinstance(payload, bytes) else str(payload).encode()

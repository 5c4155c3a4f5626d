"""Profiles read from ClickHouse: exact when read, in bulk, in a fixed number of queries.

The map gives the nodes of a profile; their facts are read by key. Orders are then looked up in
every other place where they were reported. Nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from schemas.groups import ACCOUNT
from schemas.identifiers import RECORD_TYPE, NodeId, as_uuid
from schemas.instants import EPOCH, to_ms
from schemas.placement import ProfileKind
from schemas.profile import Profile, ProfileScalars
from schemas.rules.identity import IdentifierKind, IdentityRules
from schemas.rules.profile import ProfileRules
from services.profiles.adapters.facts import Contact, facts_of, said_by
from services.profiles.adapters.groups import GroupReader
from services.profiles.adapters.totals import (
    FIRST,
    PAGE_ROWS,
    read_totals,
    refresh_totals,
)
from services.profiles.core.consent import ConsentRecord, kept_record
from services.profiles.core.facts import (
    AttributeObservation,
    Contacts,
    OrderRow,
    ProfileFacts,
    Valued,
)
from services.profiles.core.golden import golden_record
from services.profiles.core.groups import GroupKey, MembershipStatement
from services.profiles.core.purchases import (
    LedgerEntry,
    Settled,
    add_up,
    settle,
    settled,
)
from services.profiles.core.survivorship import Survivor, survivors
from services.profiles.ports import MappedIdentifier, Resolved, Totals
from services.runtime.errors import NotFound, Retry
from services.runtime.settings import RealmSettings
from services.store.database import (
    FEW_KEYS,
    KEYS_PER_QUERY,
    Database,
    chunks,
    on_one_thread,
    rows_by_key,
)
from services.store.figures import recompute_totals
from services.store.kept_objections import kept_by_profile
from services.store.profile_map import Members, ProfileMap
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
TYPES_ALONE_SQL = _STATEMENTS["types_alone"]
VALUES_SQL = _STATEMENTS["values"]
FACTS_SQL = _STATEMENTS["facts"]
CONTACTS_SQL = _STATEMENTS["contacts"]
OBSERVATIONS_SQL = _STATEMENTS["observations"]
CONSENTS_SQL = _STATEMENTS["consents"]
REPORTS_BY_NODE_SQL = _STATEMENTS["reports_by_node"]
REPORTS_BY_EVENT_SQL = _STATEMENTS["reports_by_event"]
KEYS_BY_NUMBER_SQL = _STATEMENTS["keys_by_number"]
ERASED_SQL = _STATEMENTS["erased"]
ERASED_AFTER_SQL = _STATEMENTS["erased_after"]
IDENTIFIERS_SQL = _STATEMENTS["identifiers"]
INVENTED_SQL = _STATEMENTS["invented"]
FOREVER = datetime.max.replace(tzinfo=UTC)
"""The end of facts that are read without one."""
FACTS_MAX = 5_000
"""Facts that are read at once, by one statement; replaced bodies that are still stored count."""
ATTEMPTS = 10
"""Reads of the map for profiles that somebody merges or splits meanwhile."""


class _Gathered(NamedTuple):
    """The facts of one profile read so far."""

    identifiers: list[Valued]
    observations: list[AttributeObservation]
    consents: list[ConsentRecord]
    entries: list[LedgerEntry]
    contacts: list[Contact]
    anchor_types: set[str]
    memberships: list[tuple[GroupKey, MembershipStatement]]


class ProfileReader:
    """Implements `services.profiles.ports.ProfileSource`."""

    def __init__(
        self,
        database: Database,
        realms: Mapping[str, RealmSettings],
        rules: ProfileRules,
        identity: IdentityRules,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        facts_max: int = FACTS_MAX,
    ) -> None:
        self._database = database
        self._map = ProfileMap(database)
        self._groups = GroupReader(database)
        self._realms = realms
        self._rules = rules
        self._personal = personal_types(identity)
        self._clock = clock
        self._facts_max = facts_max

    def resolve(self, realm: str, nodes: Sequence[NodeId]) -> dict[NodeId, Resolved]:
        """See the port."""
        found = {
            node: Resolved(placement.profile, placement.kind)
            for node, placement in self._map.placements_of(realm, nodes).items()
        }
        alone = [node for node in nodes if node not in found]
        for node, type_name in self._by_key(TYPES_ALONE_SQL, realm, alone):
            found[node.int] = Resolved(node.int, self._kind_alone([type_name]))
        return found

    def profile(self, realm: str, handle: NodeId, as_of: datetime | None = None) -> Profile:
        """See the port."""
        found = self.holding(realm, [handle], as_of).get(handle)
        if found is None:
            raise NotFound(f"nothing is known of {as_uuid(handle)} in realm {realm!r}")
        return found

    def holding(
        self, realm: str, nodes: Sequence[NodeId], as_of: datetime | None = None
    ) -> dict[NodeId, Profile]:
        """See the port."""
        profiles = dict.fromkeys(nodes)
        if len(nodes) == 1:  # named by an identifier, as a rule; of several, most are profiles
            placed = self._map.placements_of(realm, nodes)
            profiles = dict.fromkeys(placed[one].profile if one in placed else one for one in nodes)
        for _ in range(ATTEMPTS):
            members = self._map.members_of(realm, profiles)
            left = [node for node in nodes if node not in members.holder]
            if not left:
                break
            # Of a node that is no profile the same read says who holds it; one that went elsewhere
            # between two reads is asked for itself again.
            profiles = dict.fromkeys(
                members.holder.get(node) or members.moved.get(node, node) for node in nodes
            )
        else:
            raise Retry("profiles are merged faster than they can be read; ask again")
        grouped = self.grouped(realm, members, list(profiles), as_of)
        found = {one.profile_id.int: one for one in grouped}
        return {
            node: found[members.holder[node]].model_copy(update={"requested_id": as_uuid(node)})
            for node in nodes
            if members.holder[node] in found
        }

    def profiles(
        self, realm: str, profile_ids: Sequence[NodeId], as_of: datetime | None = None
    ) -> list[Profile]:
        """See the port."""
        self._realm(realm)
        return self.grouped(realm, self._map.members_of(realm, profile_ids), profile_ids, as_of)

    def grouped(
        self,
        realm: str,
        members: Members,
        profile_ids: Sequence[NodeId],
        as_of: datetime | None = None,
    ) -> list[Profile]:
        """See the port."""
        settings, now = self._realm(realm), self._clock()
        kinds = members.kinds
        gathered = self._gather(realm, members.holder, as_of or FOREVER)
        named = {key for one in gathered.values() for key, _ in one.memberships}
        accounts = {key for key in named if key.kind == ACCOUNT}
        companies = self._groups.accounts(realm, accounts, as_of or FOREVER)
        profiles = []
        for profile in dict.fromkeys(profile_ids):
            read = gathered[profile]
            if not (read.identifiers or read.anchor_types or profile in kinds):
                continue
            types = [one.type for one in read.identifiers] or read.anchor_types
            facts = ProfileFacts(
                realm,
                profile,
                kinds.get(profile) or self._kind_alone(types),
                read.identifiers,
                read.observations,
                read.consents,
                _contacts(read),
                read.memberships,
                companies,
                settings.region,
            )
            purchases = add_up(read.entries, settings.currency)
            profiles.append(
                golden_record(facts, purchases, settings.currency, self._rules, as_of=as_of or now)
            )
        return profiles

    def erased(self, realm: str, nodes: Sequence[NodeId]) -> set[NodeId]:
        """See the port."""
        return {node.int for (node,) in self._by_key(ERASED_SQL, realm, nodes)}

    def erased_after(self, realm: str, nodes: Sequence[NodeId], at: datetime) -> set[NodeId]:
        """See the port."""
        return {node.int for (node,) in self._by_key(ERASED_AFTER_SQL, realm, nodes, at=to_ms(at))}

    def invented(self, realm: str, customers: Iterable[ProfileScalars]) -> set[UUID]:
        """See the port."""
        silent = [one.profile_id.int for one in customers if one.first_contact is None]
        if not silent:
            return set()
        holder = self._map.members_of(realm, silent).holder
        found: dict[NodeId, bool] = {}
        for node, is_synthetic in self._by_key(INVENTED_SQL, realm, holder):
            profile = holder[node.int]
            found[profile] = found.get(profile, True) and bool(is_synthetic)
        return {as_uuid(profile) for profile, is_synthetic in found.items() if is_synthetic}

    def attributes(
        self, realm: str, profile_ids: Sequence[NodeId], names: Collection[str]
    ) -> dict[NodeId, dict[str, Survivor]]:
        """The surviving values of some attributes of profiles; those without any are missing."""
        region, holder = self._realm(realm).region, self._map.members_of(realm, profile_ids).holder
        found = self.observations(realm, holder, names)
        return {one: survivors(said, self._rules, region) for one, said in found.items()}

    def observations(
        self, realm: str, holder: Mapping[NodeId, NodeId], names: Collection[str]
    ) -> dict[NodeId, list[AttributeObservation]]:
        """What was said of some attributes of the profiles that hold these nodes."""
        found: defaultdict[NodeId, list[AttributeObservation]] = defaultdict(list)
        for node, is_synthetic, *columns in self._by_key(OBSERVATIONS_SQL, realm, holder):
            if not is_synthetic:
                said = (one for one in _observations(columns) if one.attribute in names)
                found[holder[node.int]].extend(said)
        return found

    def consents(
        self, realm: str, holder: Mapping[NodeId, NodeId]
    ) -> dict[NodeId, list[ConsentRecord]]:
        """What the profiles that hold these nodes said about contact, and erasures kept of it."""
        found: defaultdict[NodeId, list[ConsentRecord]] = defaultdict(list)
        for node, is_synthetic, *columns in self._by_key(CONSENTS_SQL, realm, holder):
            if not is_synthetic:
                found[holder[node.int]].extend(_consents(columns))
        for profile, kept in kept_by_profile(self._database, realm, holder):
            found[profile].append(kept_record(kept))
        return found

    def settled(self, realm: str, profile_id: NodeId) -> list[Settled]:
        """The orders and returns that count for a profile, each once, with all their reports."""
        return self.settled_of(realm, self._map.members_of(realm, [profile_id]).holder)

    def settled_of(self, realm: str, holder: Mapping[NodeId, NodeId]) -> list[Settled]:
        """The same for all profiles that hold these nodes; `entry.owner` is one of the nodes."""
        own = {_report(row) for row in self._by_key(REPORTS_BY_NODE_SQL, realm, holder)}
        everything = settled(self._all_reports(realm, own))
        return [one for one in everything if one.entry.owner in holder]

    def recompute_totals(self, within_s: float) -> float:
        """See the port."""
        return recompute_totals(self._database, within_s)

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
            rows = self._database.rows(IDENTIFIERS_SQL, where)
            for node, type_name, issuer, value, kind, profile in rows:
                held_by = profile.int if kind else node.int  # without a map row it is its own
                is_shared = kind == ProfileKind.SHARED
                yield MappedIdentifier(type_name, issuer, value, node.int, held_by, is_shared)
            if len(rows) < PAGE_ROWS:
                return

    def _realm(self, realm: str) -> RealmSettings:
        if realm not in self._realms:
            known = ", ".join(sorted(self._realms))
            raise NotFound(f"realm {realm!r} is not configured; C360_REALMS lists: {known}")
        return self._realms[realm]

    def _kind_alone(self, types: Iterable[str]) -> str:
        """Kind of a profile that is not on the map, by the types of its identifiers."""
        known = set(types)
        if known & self._personal:
            return ProfileKind.PERSON
        return RECORD_TYPE if known == {RECORD_TYPE} else ProfileKind.ANONYMOUS

    def _by_key(
        self, sql: str, realm: str, nodes: Collection[NodeId], **more: Any
    ) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, for any number of nodes."""
        return rows_by_key(self._database, on_one_thread(sql, len(nodes)), realm, nodes, **more)

    def _few_or_many(self, sql: str, realm: str, **keys: list[str]) -> list[tuple[Any, ...]]:
        asked = on_one_thread(sql, max(map(len, keys.values())))
        return self._database.rows(asked, {"realm": realm, **keys})

    def _gather(
        self, realm: str, holder: Mapping[NodeId, NodeId], until: datetime
    ) -> defaultdict[NodeId, _Gathered]:
        """The facts of the nodes of `holder` up to a time, by the profile that holds them."""
        found: defaultdict[NodeId, _Gathered] = defaultdict(
            lambda: _Gathered([], [], [], [], [], set(), [])
        )
        for node, *value in self._by_key(VALUES_SQL, realm, holder):
            found[holder[node.int]].identifiers.append(Valued(node.int, *value))
        own = self._all_at_once(realm, holder, until, found)
        if own is None:
            own = self._by_kind(realm, holder, until, found)
        self._add_kept_objections(realm, holder, until, found)
        for entry in settle(self._all_reports(realm, own, until)):
            if entry.owner in holder:
                found[holder[entry.owner]].entries.append(entry)
        return found

    def _all_at_once(
        self,
        realm: str,
        holder: Mapping[NodeId, NodeId],
        until: datetime,
        found: defaultdict[NodeId, _Gathered],
    ) -> set[OrderRow] | None:
        """Add the facts of a few nodes, read by one statement, and give their reports of orders.

        None, and nothing is added, where there are many: then reading them kind by kind, and
        having the store add up the contacts, takes less.
        """
        if len(holder) > FEW_KEYS:
            return None
        where = {"nodes": list(map(_word, holder)), "limit": self._facts_max + 1}
        rows = self._database.rows(on_one_thread(FACTS_SQL), {"realm": realm, **where})
        if len(rows) > self._facts_max:
            return None
        reports = set[OrderRow]()
        members: set[NodeId] = set()
        for fact in facts_of(rows):
            if fact.is_synthetic or fact.occurred_at > until:
                continue
            profile = found[holder[fact.node]]
            profile.anchor_types.add(fact.anchor_type)
            profile.contacts.extend(fact.contacts)
            profile.observations.extend(fact.observations)
            profile.consents.extend(fact.consents)
            if fact.is_member:
                members.add(fact.node)
            if fact.report is not None:
                reports.add(fact.report)
        self._add_memberships(realm, members, holder, until, found)
        return reports

    def _add_kept_objections(
        self,
        realm: str,
        holder: Mapping[NodeId, NodeId],
        until: datetime,
        found: defaultdict[NodeId, _Gathered],
    ) -> None:
        """Add what those said against contact who had these identifiers and were erased."""
        for profile, kept in kept_by_profile(self._database, realm, holder, until):
            found[profile].consents.append(kept_record(kept))

    def _add_memberships(
        self,
        realm: str,
        nodes: Collection[NodeId],
        holder: Mapping[NodeId, NodeId],
        until: datetime,
        found: defaultdict[NodeId, _Gathered],
    ) -> None:
        """Add what the events with these nodes say of accounts and households."""
        if nodes:
            for one in self._groups.of_nodes(realm, nodes, until):
                found[holder[one.node]].memberships.append((one.key, one.statement))

    def _by_kind(
        self,
        realm: str,
        holder: Mapping[NodeId, NodeId],
        until: datetime,
        found: defaultdict[NodeId, _Gathered],
    ) -> set[OrderRow]:
        """The same for any number of facts."""
        where = {"until": to_ms(until)}
        for node, standing, anchor_type, *contact in self._by_key(
            CONTACTS_SQL, realm, holder, **where
        ):
            profile = found[holder[node.int]]
            profile.anchor_types.add(anchor_type)
            profile.contacts.append((standing.int, *contact))
        for node, is_synthetic, *columns in self._by_key(OBSERVATIONS_SQL, realm, holder):
            if not is_synthetic and columns[1] <= until:
                found[holder[node.int]].observations.extend(_observations(columns))
        for node, is_synthetic, *columns in self._by_key(CONSENTS_SQL, realm, holder):
            if not is_synthetic and columns[1] <= until:
                found[holder[node.int]].consents.extend(_consents(columns))
        self._add_memberships(realm, holder, holder, until, found)
        return {_report(row) for row in self._by_key(REPORTS_BY_NODE_SQL, realm, holder)}

    def _all_reports(
        self, realm: str, own: set[OrderRow], until: datetime = FOREVER
    ) -> set[OrderRow]:
        """Every report up to a time of the orders and returns that these rows name, directly or in
        turn."""
        read = {(row.node, row.event_id) for row in own}
        rows = pool = {row for row in own if row.occurred_at <= until}
        orders: set[tuple[str, str]] = set()
        returns: set[tuple[str, str]] = set()
        while True:
            new_orders = {(row.issuer, row.order_id) for row in rows if row.order_id} - orders
            new_returns = {(row.issuer, row.return_id) for row in rows if row.return_id} - returns
            if not new_orders and not new_returns:
                return rows
            orders |= new_orders
            returns |= new_returns
            keys = self._keys(realm, new_orders | new_returns)
            more = self._reports(realm, keys - read)
            pool = pool.union(row for row in more if row.occurred_at <= until)
            read |= keys
            # The same number may be another issuer's; its reports are ignored until named.
            rows = {
                row
                for row in pool
                if (row.issuer, row.order_id) in orders or (row.issuer, row.return_id) in returns
            }

    def _keys(self, realm: str, named: set[tuple[str, str]]) -> set[tuple[NodeId, str]]:
        """Where (node, event id) these order and return numbers were reported, by any issuer."""
        numbers = sorted({number for _, number in named})
        return {
            (node.int, event_id)
            for some in chunks(numbers, KEYS_PER_QUERY)
            for node, event_id in self._few_or_many(KEYS_BY_NUMBER_SQL, realm, ids=list(some))
        }

    def _reports(self, realm: str, keys: set[tuple[NodeId, str]]) -> Iterator[OrderRow]:
        for some in chunks(sorted(keys), KEYS_PER_QUERY):
            nodes = sorted({_word(node) for node, _ in some})
            events = [event_id for _, event_id in some]
            sql = REPORTS_BY_EVENT_SQL
            yield from map(_report, self._few_or_many(sql, realm, nodes=nodes, events=events))


def personal_types(identity: IdentityRules) -> frozenset[str]:
    """The personal identifier types."""
    return frozenset(row.name for row in identity.type if row.kind is IdentifierKind.PERSONAL)


def _word(node: NodeId) -> str:
    return str(as_uuid(node))


def _contacts(read: _Gathered) -> Contacts:
    last_seen: dict[NodeId, datetime] = {}
    for standing, _, last, *_ in read.contacts:
        last_seen[standing] = max(last, last_seen.get(standing, last))
    return Contacts(
        min((first for _, first, *_ in read.contacts), default=None),
        max(last_seen.values(), default=None),
        max((one for _, _, _, one, _ in read.contacts if one > EPOCH), default=None),
        frozenset(channel for *_, channels in read.contacts for channel in channels),
        last_seen,
    )


def _observations(columns: Sequence[Any]) -> Iterator[AttributeObservation]:
    event_id, occurred_at, channel, source, names, values, present = columns
    source = said_by(event_id, source)
    for name, value, is_present in zip(names, values, present, strict=True):
        yield AttributeObservation(name, value, is_present, source, channel, event_id, occurred_at)


def _consents(row: Sequence[Any]) -> Iterator[ConsentRecord]:
    event_id, occurred_at, *columns = row
    for action, purpose, channel, address, basis, double_opt_in in zip(*columns, strict=True):
        yield ConsentRecord(
            action, purpose, channel, address.int, basis, double_opt_in, event_id, occurred_at
        )


def _report(row: tuple[Any, ...]) -> OrderRow:
    node, *rest, is_whole = row
    return OrderRow._make((node.int, *rest, bool(is_whole)))

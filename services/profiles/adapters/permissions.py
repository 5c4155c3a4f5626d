"""Contact permission read in bulk: for addresses, and for everything that one person said.

The rules are those of `services/profiles/core/consent.py`; here only records are read, of the whole
person behind each address. Nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from schemas.identifiers import NodeId
from schemas.placement import ProfileKind
from schemas.rules.profile import ConsentRules
from services.profiles.core.consent import ConsentRecord, Consents, Target, kept_record
from services.profiles.ports import AddressStanding, Resolved
from services.store.database import Database, chunks, rows_by_key
from services.store.kept_objections import kept_by_profile
from services.store.profile_map import ProfileMap
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
CONSENTS_SQL = _STATEMENTS["consents"]
VALUES_SQL = _STATEMENTS["values"]
ADDRESSES_PER_PART = 2_500
"""Whose consents are in memory at a time."""
Resolve = Callable[[str, Sequence[NodeId]], Mapping[NodeId, Resolved]]


class PermissionReader:
    """Implements `services.profiles.ports.PermissionSource`; `resolve` gives the profile of each
    node."""

    def __init__(self, database: Database, rules: ConsentRules, resolve: Resolve) -> None:
        self._database = database
        self._map = ProfileMap(database)
        self._rules = rules
        self._resolve = resolve

    def of_addresses(
        self, realm: str, addresses: Collection[NodeId], channel: str, purpose: str
    ) -> Iterator[tuple[NodeId, AddressStanding]]:
        """See the port."""
        for part in chunks(list(dict.fromkeys(addresses)), ADDRESSES_PER_PART):
            held = self._resolve(realm, part)
            persons = {one.profile for one in held.values() if one.kind != ProfileKind.SHARED}
            consents = self._consents(realm, persons)
            for address, profile in held.items():
                permission = None
                if profile.profile in consents:
                    target = Target(address, channel, purpose)
                    permission = consents[profile.profile].permission(target)
                yield address, AddressStanding(profile.profile, permission)

    def of_profile(self, realm: str, profile_id: NodeId) -> Consents:
        """See the port."""
        return self._consents(realm, [profile_id])[profile_id]

    def values(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, tuple[str, str]]:
        """See the port."""
        rows = rows_by_key(self._database, VALUES_SQL, realm, nodes)
        return {node.int: (type_name, value) for node, type_name, value in rows}

    def _consents(self, realm: str, profiles: Collection[NodeId]) -> dict[NodeId, Consents]:
        """Everything that the persons said, and what erasures have kept of it, by profile."""
        holder = self._map.members_of(realm, profiles).holder
        records: defaultdict[NodeId, list[ConsentRecord]] = defaultdict(list)
        for node, synthetic, *columns in rows_by_key(self._database, CONSENTS_SQL, realm, holder):
            if not synthetic:
                records[holder[node.int]].extend(_records(columns))
        for profile, kept in kept_by_profile(self._database, realm, holder):
            records[profile].append(kept_record(kept))
        return {one: Consents(records[one], self._rules) for one in profiles}


def _records(row: Sequence[Any]) -> Iterator[ConsentRecord]:
    event_id, occurred_at, via, source, *columns = row
    for action, purpose, channel, address, basis, double_opt_in, text in zip(*columns, strict=True):
        yield ConsentRecord(
            action, purpose, channel, address.int, basis, double_opt_in, event_id, occurred_at,
            via, source, text,
        )  # fmt: skip

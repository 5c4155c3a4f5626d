"""Histories of profiles read from ClickHouse, in bulk: only the parts that are asked for.

The statements and rules are those of profiles. Nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from schemas.identifiers import NodeId
from services.profiles.adapters.clickhouse import ProfileReader
from services.profiles.core.consent import ConsentRecord
from services.profiles.core.facts import AttributeObservation
from services.profiles.core.history import ProfileHistory
from services.profiles.core.purchases import Settled
from services.store.profile_map import Members


class HistoryReader:
    """Implements `services.segments.ports.HistorySource`."""

    def __init__(self, profiles: ProfileReader) -> None:
        self._profiles = profiles

    def histories(
        self,
        realm: str,
        members: Members,
        attributes: Collection[str],
        consents: bool,
        orders: bool,
    ) -> dict[NodeId, ProfileHistory]:
        """See the port."""
        holder, reader = members.holder, self._profiles
        alone = [one for one in set(holder.values()) if one not in members.kinds]
        kinds = {one: str(kind) for one, kind in members.kinds.items()} | {
            one: found.kind for one, found in reader.resolve(realm, alone).items()
        }
        said: dict[NodeId, list[AttributeObservation]] = {}
        agreed: dict[NodeId, list[ConsentRecord]] = {}
        settled: defaultdict[NodeId, list[Settled]] = defaultdict(list)
        if attributes:
            said = reader.observations(realm, holder, attributes)
        if consents:
            agreed = reader.consents(realm, holder)
        if orders:
            for one in reader.settled_of(realm, holder):
                settled[holder[one.entry.owner]].append(one)
        return {
            one: ProfileHistory(kind, said.get(one, ()), agreed.get(one, ()), settled.get(one, ()))
            for one, kind in kinds.items()
        }

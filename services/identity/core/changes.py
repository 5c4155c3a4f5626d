"""From a batch's changes of the map to the profile change records to publish.

The state in a record is that of its id's own map row. So the record of an id changes if and only if
its row does, and the latest record of each id equals its row: when an id moves to another profile,
its own record says so, and consumers need not follow chains.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from schemas.edge import Edge
from schemas.identifiers import NodeId, as_uuid
from schemas.placement import Placement
from schemas.records import (
    PROFILE_CAUSES_MAX,
    ProfileChange,
    ProfileChangeRecord,
    ProfileStatus,
)
from services.identity.core.union_find import Groups
from services.identity.writer import Changes

STRENGTH = {change: place for place, change in enumerate(ProfileChange)}
"""One record per profile and batch: the change named first in the contract wins."""


class Touched(NamedTuple):
    """What a batch contains besides edges: nodes whose attributes or consents may have changed."""

    attributes: Collection[NodeId] = ()
    consents: Collection[NodeId] = ()


def rows_wanted(changes: Changes, spoken: Touched) -> set[NodeId]:
    """The nodes whose map rows `profile_changes` needs, besides those that were placed.

    A profile that gained or lost a node without being placed again is unchanged. In doubt it may
    itself be partly written, so its own row is read.
    """
    wanted = {*spoken.attributes, *spoken.consents}
    if changes.in_doubt:
        wanted |= {placement.profile for _, placement in changes.placements.values()}
        wanted |= {row.profile for row in changes.before.values() if row is not None}
    return wanted - changes.placements.keys()


def profile_changes(
    realm: str,
    changes: Changes,
    edges: Iterable[Edge],
    spoken: Touched,
    standing: Mapping[NodeId, Placement],
    map_version: int,
) -> list[ProfileChangeRecord]:
    """One record for each profile id that a batch affects.

    Args:
        edges: those that may be the cause: the new ones of the batch, or in doubt all of them.
        standing: the map rows that `rows_wanted` named, if they exist.
        map_version: version of the rows that the batch writes.
    """
    rows = dict(standing)
    rows.update((node, placement) for node, (_, placement) in changes.placements.items())
    changed = _ProfileChanges(rows)
    for node, (_, placement) in changes.placements.items():
        changed.placed(node, changes.before[node], placement)
    for change, nodes in (
        (ProfileChange.CONSENTS, spoken.consents),
        (ProfileChange.ATTRIBUTES, spoken.attributes),
    ):
        for node in nodes:
            row = rows.get(node)
            changed.note(node if row is None else row.profile, change, row)
    causes = _causes(changes, edges)
    return [
        _record(realm, profile, change, causes.get(profile, []), map_version)
        for profile, change in changed.found.items()
    ]


def regrouped(changes: Changes) -> set[NodeId]:
    """The profiles that gained or lost a node by these changes; in doubt, all that hold one now.

    In doubt an earlier attempt may have moved a node already, so the rows known before do not say
    which profile lost it.
    """
    found: set[NodeId] = set()
    for node, (_, after) in changes.placements.items():
        before = changes.before[node]
        former = node if before is None else before.profile
        if changes.in_doubt or former != after.profile:
            found |= {former, after.profile}
    return found


class _ProfileChange(NamedTuple):
    change: ProfileChange
    other: NodeId | None
    row: Placement | None
    """The map row of the id's own node; None if it has none."""


class _ProfileChanges:
    """The change of highest precedence of each profile id so far."""

    def __init__(self, rows: Mapping[NodeId, Placement]) -> None:
        self._rows = rows
        self.found: dict[NodeId, _ProfileChange] = {}

    def placed(self, node: NodeId, before: Placement | None, after: Placement) -> None:
        """Record the changes that follow from replacing one map row."""
        profile = after.profile
        if before == after:
            self.note(node, ProfileChange.CONFIRMED)
        elif before is None:
            first = ProfileChange.CREATED if profile == node else ProfileChange.IDENTIFIERS
            for one in (profile, node):
                self.note(one, first, after)
        elif before.profile == profile:
            for one in (profile, node):
                self.note(one, ProfileChange.IDENTIFIERS, after)
        else:
            self._moved(node, before, after)

    def _moved(self, node: NodeId, before: Placement, after: Placement) -> None:
        """A profile is merged if its own node moves; otherwise it loses a node."""
        home = self._rows.get(before.profile, before).profile
        change = ProfileChange.MERGED if home == after.profile else ProfileChange.SPLIT
        self.note(after.profile, change, after, before.profile)
        self.note(before.profile, change, before, after.profile)
        if node not in (before.profile, after.profile):
            self.note(node, change, other=before.profile)

    def note(
        self,
        profile: NodeId,
        change: ProfileChange,
        member: Placement | None = None,
        other: NodeId | None = None,
    ) -> None:
        """Note a change of a profile. Its kind is that of `member`, unless its own row is known, as
        that of every placed node is."""
        known = self.found.get(profile)
        if known is None or STRENGTH[change] < STRENGTH[known.change]:
            self.found[profile] = _ProfileChange(change, other, self._rows.get(profile, member))


def _record(
    realm: str, profile: NodeId, found: _ProfileChange, causes: list[str], map_version: int
) -> ProfileChangeRecord:
    row = found.row
    holder = profile if row is None else row.profile
    is_current = holder == profile
    return ProfileChangeRecord(
        realm=realm,
        profile_id=as_uuid(profile),
        status=ProfileStatus.CURRENT if is_current else ProfileStatus.MERGED,
        kind=None if row is None else row.kind.value,
        merged_into=None if is_current else as_uuid(holder),
        change=found.change,
        previous_profile_id=None if found.other is None else as_uuid(found.other),
        cause=causes,
        map_version=map_version,
    )


def _causes(changes: Changes, edges: Iterable[Edge]) -> dict[NodeId, list[str]]:
    """The events behind the change of each profile id, earliest first.

    The effect of an edge may be far from its ends: ids are connected if a changed row leads from
    one to the other, and an edge is a cause of every change in the component of its ends.
    """
    ids: set[NodeId] = set()
    links: list[tuple[NodeId, NodeId]] = []
    for node, (_, after) in changes.placements.items():
        before = changes.before[node]
        for profile in {after.profile} if before is None else {after.profile, before.profile}:
            ids |= {node, profile}
            links.append((node, profile))
    groups = Groups(ids)
    for node, profile in links:
        x, y = groups.find(node), groups.find(profile)
        if x != y:
            groups.join(x, y)
    reports: dict[NodeId, set[tuple[int, str]]] = defaultdict(set)
    for edge in edges:
        for end in (edge.a.id, edge.b.id):
            if edge.verified and end in groups:
                reports[groups.find(end)].add((edge.first_seen_ms, edge.event_id))
    named = {root: _earliest(found) for root, found in reports.items()}
    return {one: named[root] for one in ids if (root := groups.find(one)) in named}


def _earliest(reports: Iterable[tuple[int, str]]) -> list[str]:
    return list(dict.fromkeys(event_id for _, event_id in sorted(reports)))[:PROFILE_CAUSES_MAX]

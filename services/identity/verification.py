"""Whether the stored map is what its edges, decisions and marks make it: solved again, compared.

The graph is taken in parts, each with the region around it, by the code that the writer uses. So
the memory needed is that of a part, of its largest region, and of the ids that were seen ahead. A
person depends on nobody's shareable identifiers, so the stored rows of persons around a region may
be trusted here: where one is wrong, it differs in its own region. Nothing is written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.edge import Node
from schemas.identifiers import NodeId
from schemas.placement import Placement
from schemas.rules.identity import IdentityRules
from services.identity.affected_region import known_refusals, region_of
from services.identity.core.model import Pair, Refusal, TypeTable, type_table
from services.identity.core.resolve import solve
from services.identity.graph_cache import GraphCache
from services.identity.ports import VerificationSource

NODES_PER_PART = 5_000
LOOKS = 3
"""A difference counts when it is still there at the last look: a batch that is being written has
its edges in the store some moments before its map rows."""
PAUSE_S = 2.0
PAUSES_MAX = 50
"""Whoever writes has written by then: the parts after it are looked at again without waiting."""


class WrongPlacement(NamedTuple):
    """A map row that does not follow from the graph."""

    node: Node
    stored: Placement | None
    """None if there is no row."""
    expected: Placement | None
    """None if there should be no row."""

    @property
    def ends(self) -> tuple[NodeId, ...]:
        """The node that it is about."""
        return (self.node.id,)


class WrongRefusal(NamedTuple):
    """A stored refusal of an edge or decision that does not follow from the graph, or a missing
    one."""

    ends: Pair
    stored: Refusal | None
    expected: Refusal | None


Difference = WrongPlacement | WrongRefusal


@dataclass(slots=True)
class Verified:
    """What was looked at so far."""

    nodes: int = 0
    """Identifiers with an edge, a decision or a map row."""
    unsettled: int = 0
    """Identifiers at which a first look found a difference that was gone later."""
    pauses: int = 0
    _ahead: set[NodeId] = field(default_factory=set)

    def take(self, part: Mapping[NodeId, Node]) -> dict[NodeId, Node]:
        """Those of the next nodes that no region had inside before."""
        fresh = {one: node for one, node in part.items() if one not in self._ahead}
        self._ahead.difference_update(part)
        return fresh

    def pass_over(self, persons: Iterable[Node], part: Mapping[NodeId, Node]) -> None:
        """These are done. From whichever personal identifier a person is looked at, all of them
        are, so those that are not in this part are still to come. A shareable identifier is looked
        at with its persons, too, and may have been there before."""
        self._ahead.update(one.id for one in persons if one.id not in part)


def differences(
    source: VerificationSource,
    realm: str,
    rules: IdentityRules,
    told: Verified,
    nodes_per_part: int = NODES_PER_PART,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Difference]:
    """Where the stored map of a realm differs from that of its graph. Raises as the source does.

    `told` counts along. While somebody writes the map, what differs for a moment is not reported.
    """
    table = type_table(rules)
    for nodes in source.nodes(realm, nodes_per_part):
        part = {node.id: node for node in nodes}
        told.nodes += len(part)
        found, inside = _look(source, realm, table, told.take(part))
        told.pass_over((one for one in inside.values() if one.type in table.personal), part)
        doubtful = _about(found)
        for _ in range(LOOKS - 1):
            if not found:
                break
            if told.pauses < PAUSES_MAX:
                told.pauses += 1
                pause(PAUSE_S)
            nodes_again = {one: inside[one] for one in _about(found) if one in inside}
            again, _ = _look(source, realm, table, nodes_again)
            still = set(again)
            found = [one for one in found if one in still]
        told.unsettled += len(doubtful - _about(found))
        yield from found


def _about(found: Iterable[Difference]) -> set[NodeId]:
    """The nodes that differences are about."""
    return {end for one in found for end in one.ends}


def _look(
    source: VerificationSource, realm: str, table: TypeTable, dirty: dict[NodeId, Node]
) -> tuple[list[Difference], Mapping[NodeId, Node]]:
    """The differences in the region around some nodes, and the nodes inside it."""
    cache = GraphCache(source, realm, table)
    cache.load(dirty.values())
    decided = [one for node in dirty for one in cache[node].decisions.values()]
    together = {end.id: end for one in decided for end in (one.a, one.b)}
    region = region_of(cache, together | dirty, table)
    result = solve(region.given, table)
    found: list[Difference] = []
    for node_id, node in region.inside.items():
        placement, expected = cache[node_id].placement, result.placements.get(node_id)
        if placement != expected:
            found.append(WrongPlacement(node, placement, expected))
    stored = {key: one for node in region.inside for key, one in cache[node].refusals.items()}
    wanted = {refusal.key: refusal for refusal in result.refusals}
    for key in sorted(known_refusals(cache, region, table).keys() | wanted.keys()):
        if stored.get(key) != wanted.get(key):
            found.append(WrongRefusal(key[:2], stored.get(key), wanted.get(key)))
    return found, region.inside

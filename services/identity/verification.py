"""Whether the stored map is what its edges, decisions and marks make it: solved again, compared.

The graph is taken in parts (in_parts.py), so the memory needed is that of a part, of its largest
region, and of the ids that were seen ahead. A person depends on nobody's shareable identifiers, so
the stored rows of persons around a region may be trusted here: where one is wrong, it differs in
its own region. Nothing is written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from schemas.edge import Node
from schemas.identifiers import NodeId
from schemas.placement import Placement
from schemas.rules.identity import IdentityRules
from services.identity.affected_region import Region, known_refusals
from services.identity.core.model import Pair, Refusal, TypeTable, type_table
from services.identity.core.resolve import Resolution
from services.identity.graph_cache import GraphCache
from services.identity.in_parts import NODES_PER_PART, solved, solved_parts
from services.identity.ports import VerificationSource
from services.identity.sieve import sieve_of

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
    sieve = sieve_of(source, realm, table)
    for part in solved_parts(source, realm, table, nodes_per_part, sieve=sieve):
        told.nodes += len(part.fresh) + len(part.plain)
        inside = part.region.inside
        found = _differing(part.cache, part.region, part.result, part.fresh, table)
        doubtful = _about(found)
        for _ in range(LOOKS - 1):
            if not found:
                break
            if told.pauses < PAUSES_MAX:
                told.pauses += 1
                pause(PAUSE_S)
            nodes_again = {one: inside[one] for one in _about(found) if one in inside}
            cache, region, result = solved(source, realm, table, nodes_again)
            still = set(_differing(cache, region, result, region.inside, table))
            found = [one for one in found if one in still]
        told.unsettled += len(doubtful - _about(found))
        yield from found


def _about(found: Iterable[Difference]) -> set[NodeId]:
    """The nodes that differences are about."""
    return {end for one in found for end in one.ends}


def _differing(
    cache: GraphCache,
    region: Region,
    result: Resolution,
    looked_at: Mapping[NodeId, Node],
    table: TypeTable,
) -> list[Difference]:
    """The stored rows of these nodes, and the refusals of their region, that are not as solved."""
    found: list[Difference] = []
    for node_id, node in looked_at.items():
        placement, expected = cache[node_id].placement, result.placements.get(node_id)
        if placement != expected:
            found.append(WrongPlacement(node, placement, expected))
    stored = {key: one for node in region.inside for key, one in cache[node].refusals.items()}
    wanted = {refusal.key: refusal for refusal in result.refusals}
    for key in sorted(known_refusals(cache, region, table).keys() | wanted.keys()):
        if stored.get(key) != wanted.get(key):
            found.append(WrongRefusal(key[:2], stored.get(key), wanted.get(key)))
    return found

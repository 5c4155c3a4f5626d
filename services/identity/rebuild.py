"""Brings the stored map of a realm in line with the rules, part by part, in place.

Solved as a simulation is (in_parts.py): the stored rows may follow from other rules, so nothing is
taken from them but what is to be replaced. Each part can be written as soon as it is solved, and
what is right already is not written again: a rebuild that was cut off may be begun again, or go on
after the last part that was done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from schemas.edge import Node
from schemas.identifiers import NodeId
from schemas.placement import Placement, ProfileKind
from schemas.rules.identity import IdentityRules
from services.identity.affected_region import known_refusals
from services.identity.core.model import Refusal, TypeTable, type_table
from services.identity.graph_cache import other_end
from services.identity.in_parts import (
    NODES_PER_PART,
    NODES_PER_PART_MIN,
    SPAN_OF_PARTS,
    SolvedPart,
    solved_parts,
)
from services.identity.ports import VerificationSource
from services.identity.sieve import Sieve, sieve_of
from services.identity.writer import Changes, count_moves


class RebuiltPart(NamedTuple):
    """What has to be written so that the rows of a part are right."""

    nodes: int
    """How many identifiers the part has."""
    changes: Changes
    gone: dict[NodeId, Node]
    """Nodes whose rows have to be removed: nothing that counts is known of them any more. By the
    changes each is a profile of its own before, so that whoever follows the map sees it go."""
    place: NodeId
    """A rebuild that goes on after this node need not do the part again."""

    @property
    def is_right(self) -> bool:
        """Whether nothing has to be written."""
        changes = self.changes
        return not (
            self.gone
            or changes.placements
            or changes.refusals_appeared
            or changes.refusals_vanished
        )


def rebuilt_parts(
    source: VerificationSource,
    realm: str,
    rules: IdentityRules,
    nodes_per_part: int | None = None,
    *,
    after: NodeId | None = None,
    in_doubt: bool = False,
    doubtful_after: NodeId | None = None,
) -> Iterator[RebuiltPart]:
    """What has to be written, part by part. Write each before the next one is asked for; whoever
    writes between two parts does so as a writer for which the map is *renewed*, under the same
    rules. Raises as the source does.

    Args:
        nodes_per_part: how many are to be solved at most; by default, as many as fit the graph.
        after: the place of the last part that was done.
        in_doubt: the part after `after` may have been written before, in part or whole, and not
            followed up: the changes of the first parts are all of their rows. These are as long as
            two of the longest, as nodes may have come in between since.
        doubtful_after: so may the rows of all nodes behind this one, 0 for all of them: a change
            that was not done was replaced.
    """
    table = type_table(rules)
    # Rows that are right and were not followed up have to be told again, so none may be held back.
    sieve = sieve_of(source, realm, table) if doubtful_after is None else None
    size = nodes_per_part or _fitting(sieve)
    longest = SPAN_OF_PARTS * (nodes_per_part or NODES_PER_PART)
    parts = solved_parts(
        source,
        realm,
        table,
        size,
        renewed=True,
        after=after,
        sieve=sieve,
        span=SPAN_OF_PARTS * size,
        whole=2 * longest if in_doubt else 0,
    )
    for part in parts:
        doubtful = set(part.fresh) if part.is_whole else _behind(source, part.fresh, doubtful_after)
        yield _rebuilt(part, table, doubtful)


def _fitting(sieve: Sieve | None) -> int:
    """The size of parts: a few dozen for what is to be solved."""
    if sieve is None or sieve.doubtful is None:
        return NODES_PER_PART
    return max(NODES_PER_PART_MIN, min(NODES_PER_PART, len(sieve.doubtful) // 4))


def _behind(
    source: VerificationSource, nodes: Collection[NodeId], after: NodeId | None
) -> set[NodeId]:
    if after is None:
        return set()
    return {one for one in nodes if not after or source.place_of(one) > source.place_of(after)}


def _rebuilt(part: SolvedPart, table: TypeTable, doubtful: Collection[NodeId]) -> RebuiltPart:
    cache, after = part.cache, part.result.placements
    before = {one: cache[one].placement for one in part.fresh}
    changed = {
        one for one in before if one in after and (one in doubtful or before[one] != after[one])
    }
    appeared, vanished = _refusals(part, table)
    merges, splits = count_moves({one: before[one] for one in changed}, after)
    gone = {
        one: node
        for one, node in part.fresh.items()
        if one not in after and before[one] is not None
    }
    placements = {one: (cache[one].node, after[one]) for one in changed}
    placements |= {one: (node, Placement(one, ProfileKind.SHARED)) for one, node in gone.items()}
    return RebuiltPart(
        nodes=len(part.fresh) + len(part.plain),
        changes=Changes(
            edges=(),
            decisions=(),
            marks=frozenset(),
            placements=placements,
            before={one: before[one] for one in placements},
            refusals_appeared=appeared,
            refusals_vanished=vanished,
            merges=merges,
            splits=splits,
            in_doubt=bool(doubtful),
        ),
        gone=gone,
        place=part.place,
    )


def _refusals(
    part: SolvedPart, table: TypeTable
) -> tuple[tuple[Refusal, ...], tuple[Refusal, ...]]:
    """The refusals to write and to remove."""
    cache, region = part.cache, part.region
    stored = {key: one for node in region.inside for key, one in cache[node].refusals.items()}
    wanted = {refusal.key: refusal for refusal in part.result.refusals}
    decided = known_refusals(cache, region, table).keys() | _nobodys(part, table)
    appeared = [one for key, one in wanted.items() if stored.get(key) != one]
    vanished = [stored[key] for key in decided if key not in wanted]
    return tuple(sorted(appeared)), tuple(sorted(vanished))


def _nobodys(part: SolvedPart, table: TypeTable) -> set[tuple[NodeId, NodeId, bool]]:
    """Stored refusals of edges at isolated nodes that no region decides about, as none refuses
    them: other rules did. The other end is isolated, too, or either of them is shareable."""
    cache, found = part.cache, set[tuple[NodeId, NodeId, bool]]()
    others: dict[NodeId, Node] = {}
    at_persons = []
    for one in part.fresh:
        entry = cache[one]
        if cache.isolated(one) is None:
            continue
        for key, refusal in entry.refusals.items():
            end = refusal.b if refusal.a == one else refusal.a
            edge = entry.edges.get(end)
            if not refusal.event_id:
                continue
            if entry.node.type not in table.personal or edge is None:
                found.add(key)
            else:
                others[end] = other_end(edge, one)
                at_persons.append((key, end))
    cache.load(others.values())
    return found | {key for key, end in at_persons if cache.isolated(end) is not None}

"""When two identifiers of one customer became known to be one person's.

A book holds the claims of all anchors that the profile map gives to a customer now. Events that
prove identifiers to belong together say since when: two are joined at the time of the earliest
chain of such links. Only links between given nodes count: others may be of several persons.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from schemas.identifiers import NodeId


class Link(NamedTuple):
    """Two identifiers that an event proves to be one person's. Links are ordered by time."""

    at: datetime
    event_id: str
    a: NodeId
    b: NodeId


class Joins:
    """Answers since when two nodes are joined; in logarithmic time."""

    def __init__(self, links: Iterable[Link], among: Collection[NodeId]) -> None:
        self._parents: dict[NodeId, tuple[NodeId, Link]] = {}
        """By node the one above it, and the link that put it there: later ones stand higher."""
        sizes = dict.fromkeys(among, 1)
        for link in sorted(links):
            if link.a not in sizes or link.b not in sizes:
                continue
            a, b = self._root(link.a), self._root(link.b)
            if a != b:
                lower, upper = sorted((a, b), key=lambda root: (sizes[root], root))
                self._parents[lower] = (upper, link)
                sizes[upper] += sizes[lower]

    def _root(self, node: NodeId) -> NodeId:
        while node in self._parents:
            node = self._parents[node][0]
        return node

    def between(self, a: NodeId, b: NodeId) -> Link | None:
        """The link that joined two different nodes, or none that is known."""
        above: dict[NodeId, Link | None] = {a: None}
        latest: Link | None = None
        while a in self._parents:
            a, latest = self._parents[a]
            above[a] = latest
        latest = None
        while b not in above:
            if b not in self._parents:
                return None
            b, latest = self._parents[b]
        other = above[b]
        if latest is None or other is None:
            return latest or other
        return max(latest, other)

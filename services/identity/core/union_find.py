"""Union-find over nodes with must-not-link pairs.

Joins are final. It does not decide what to join: callers ask `conflicts` first, and get the nodes
that block the join rather than a bare no.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from schemas.identifiers import NodeId


class Groups:
    """A union-find over nodes. `must_not_link` holds each `different` pair in both directions;
    without it nothing forbids a join."""

    __slots__ = ("_must_not_link", "_parent", "members")

    def __init__(
        self,
        nodes: Iterable[NodeId],
        must_not_link: Mapping[NodeId, Collection[NodeId]] | None = None,
    ) -> None:
        self._parent = {node: node for node in nodes}
        self._must_not_link = must_not_link or {}
        self.members: dict[NodeId, list[NodeId]] = {node: [node] for node in self._parent}
        """The members of each group, by its root."""

    def __contains__(self, node: NodeId) -> bool:
        return node in self._parent

    def find(self, node: NodeId) -> NodeId:
        """The root of the node's group. Raises KeyError for an unknown node."""
        parent = self._parent
        while (above := parent[node]) != node:
            parent[node] = parent[above]
            node = parent[node]
        return node

    def merge_into(self, keep: NodeId, gone: NodeId) -> None:
        """Join two groups by their roots; `keep` stays the root."""
        self._parent[gone] = keep
        self.members[keep] += self.members.pop(gone)

    def join(self, x: NodeId, y: NodeId) -> tuple[NodeId, NodeId]:
        """Join two groups by their roots, the smaller into the larger: (kept root, old root)."""
        if len(self.members[x]) < len(self.members[y]):
            x, y = y, x
        self.merge_into(x, y)
        return x, y

    def conflicts(self, x: NodeId, y: NodeId) -> tuple[NodeId, ...]:
        """The members, ascending, that forbid joining the two groups (by root)."""
        if not self._must_not_link:
            return ()
        if len(self.members[x]) > len(self.members[y]):
            x, y = y, x
        found: set[NodeId] = set()
        for member in self.members[x]:
            for foe in self._must_not_link.get(member, ()):
                if foe in self._parent and self.find(foe) == y:
                    found |= {member, foe}
        return tuple(sorted(found))

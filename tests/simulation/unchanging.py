"""What stores are asked for that does not change in this world: rules, and who is suppressed."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from schemas.edge import Node
from schemas.identifiers import NodeId
from services.identity.core.model import TypeTable


class Unchanging:
    """Raises when it is asked all the same."""

    def nodes(self, realm: str, limit: int, after: NodeId | None = None) -> Iterator[list[Node]]:
        """See `services.identity.ports.IdentityStore`."""
        raise AssertionError("no rules change")

    def place_of(self, node: NodeId) -> int:
        """See `nodes`."""
        raise AssertionError("no rules change")

    def crowded(self, realm: str, table: TypeTable, at_most: int) -> list[Node]:
        """See `nodes`."""
        raise AssertionError("no rules change")

    def doubtful(
        self,
        realm: str,
        table: TypeTable,
        isolated: Collection[NodeId],
        named: Collection[NodeId],
        at_most: int,
    ) -> set[NodeId]:
        """See `nodes`."""
        raise AssertionError("no rules change")

    def remove_placements(self, realm: str, nodes: Collection[NodeId], version: int) -> None:
        """See `nodes`."""
        raise AssertionError("no rules change")


class NobodySuppressed:
    """Part of a fact store."""

    def suppressed(self) -> frozenset[tuple[str, NodeId]]:
        """See `services.ingest.ports.FactStore`."""
        return frozenset()

"""The tables of the identity graph and map in memory, with versions as in ClickHouse."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.edge import Decision, Edge
from schemas.identifiers import NodeId
from services.identity.adapters.memory import MemoryIdentityStore, RefusalKey
from services.identity.core.model import Pair, Refusal
from services.identity.ports import Placed


class IdentityRows(MemoryIdentityStore):
    """The tables of the graph and the map. Every write names the version of its rows."""

    def __init__(self) -> None:
        super().__init__()
        self._versions: dict[tuple[str, str, object], int] = {}

    def _wins(self, table: str, realm: str, key: object, version: int) -> bool:
        place = (table, realm, key)
        if is_new := version >= self._versions.get(place, 0):
            self._versions[place] = version
        return is_new

    def put_edges(self, realm: str, edges: Iterable[Edge], version: int) -> None:
        """Rows of `edges`."""
        self.write_edges(
            realm, [e for e in edges if self._wins("edges", realm, (e.a.id, e.b.id), version)]
        )

    def put_decisions(self, realm: str, decisions: Iterable[Decision], version: int) -> None:
        """Rows of `decisions`."""
        pairs: list[tuple[Pair, Decision]] = [((d.a.id, d.b.id), d) for d in decisions]
        won = [d for pair, d in pairs if self._wins("decisions", realm, pair, version)]
        self.write_decisions(realm, won, version)

    def put_placements(
        self, realm: str, rows: Iterable[tuple[NodeId, Placed]], version: int
    ) -> None:
        """Rows of `members`, and of its view `map`."""
        self.write_placements(
            realm, {node: row for node, row in rows if self._wins("map", realm, node, version)}
        )

    def put_refusals(self, realm: str, rows: Iterable[tuple[Refusal, bool]], version: int) -> None:
        """Rows of `refusals`: each says whether it stands."""
        winning: list[tuple[Refusal, bool]] = []
        for refusal, stands in rows:
            key: RefusalKey = refusal.key
            if self._wins("refusals", realm, key, version):
                winning.append((refusal, stands))
        standing = [one for one, stands in winning if stands]
        self.write_refusals(realm, standing, [one for one, stands in winning if not stands])

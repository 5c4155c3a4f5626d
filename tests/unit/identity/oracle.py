"""The identity rules written down a second time, naively, to check `resolve` against.

Sets of frozen sets and repeated scans; nothing here is shared with the product but the values it
is about. It is slow on purpose: every question is answered by looking at everything again.
"""

from __future__ import annotations

from itertools import product
from typing import Any

from schemas.edge import Decision, Edge, Node
from schemas.identifiers import NodeId
from schemas.rules.identity import IdentifierKind, IdentifierType, IdentityRules

Group = frozenset[NodeId]
Row = dict[str, Any]


class Oracle:
    """`placements` and `refusals` as plain tuples: node -> (profile, kind), and rows."""

    def __init__(
        self,
        edges: list[Edge],
        decisions: list[Decision],
        marks: set[NodeId],
        rules: IdentityRules,
    ) -> None:
        self.rules = rules
        self.nodes: dict[NodeId, Node] = {}
        self.verdicts = self._verdicts(decisions)
        self.rows = self._rows(edges)
        self.joining = [
            row for row in self.rows if self.verdicts.get(row["pair"], ("",))[0] != "different"
        ]
        self.refusals: set[tuple[Any, ...]] = set()
        self.apart = {n: why for n in self._everyone() if (why := self._apart(n, marks))}
        self.groups: set[Group] = {frozenset({n}) for n in self.nodes if n not in self.apart}
        self._step_1()
        self._step_2()
        self.person_groups = {g for g in self.groups if any(self._personal(n) for n in g)}
        self.home: dict[Group, Group | None] = {}
        self._step_3()
        self._step_4()
        self.placements = self._step_5()

    def _verdicts(self, decisions: list[Decision]) -> dict[Group, tuple[str, int, NodeId, NodeId]]:
        """Pair -> (verdict, time, smaller id, larger id), of the decision that counts."""
        caution = ["same", "none", "different"]
        found: dict[Group, tuple[str, int, NodeId, NodeId]] = {}
        for d in sorted(
            decisions, key=lambda d: (d.decided_ms, caution.index(d.verdict), d.author, d.reason)
        ):
            for end in (d.a, d.b):
                self.nodes[end.id] = end
            low, high = sorted((d.a.id, d.b.id))
            found[frozenset({low, high})] = (str(d.verdict), d.decided_ms, low, high)
        return found

    def _rows(self, edges: list[Edge]) -> list[Row]:
        """One row per pair that was ever verified, with its earliest verified report."""
        rows: dict[Group, Row] = {}
        listed = {t.name for t in self.rules.type}
        usable = [e for e in edges if e.verified and {e.a.type, e.b.type} <= listed]
        for edge in sorted(usable, key=lambda e: (e.first_seen_ms, e.event_id), reverse=True):
            pair = frozenset({edge.a.id, edge.b.id})
            self.nodes[edge.a.id], self.nodes[edge.b.id] = edge.a, edge.b
            rows[pair] = {"pair": pair, "ms": edge.first_seen_ms, "event": edge.event_id}
        return list(rows.values())

    def _everyone(self) -> list[NodeId]:
        return list(self.nodes)

    def _personal(self, node: NodeId) -> bool:
        kinds = {t.name: t.kind for t in self.rules.type}
        return kinds[self.nodes[node].type] is IdentifierKind.PERSONAL

    def _rank(self, node: NodeId) -> int:
        return [t.name for t in self.rules.type].index(self.nodes[node].type)

    def _apart(self, node: NodeId, marks: set[NodeId]) -> str:
        names = {t.name: t for t in self.rules.type}
        if self.nodes[node].type not in names:
            return "unlisted"
        if node in marks:
            return "marked"
        others = [n for row in self.joining if node in row["pair"] for n in row["pair"] - {node}]
        lasting = [n for n in others if not names[self.nodes[n].type].ephemeral]
        if not self._personal(node):
            visits = [n for n in others if self._is_visit(names[self.nodes[n].type])]
            if not self._is_lasting_device(names[self.nodes[node].type]):
                visits = []
            if len(visits) > self.rules.hub_above_ephemeral:
                return "hub"
            if len(others) - len(visits) > self.rules.hub_above:
                return "hub"
            counted = [n for n in others if not self._personal(n)]
            return "suspicious" if self._crowded(node, counted) else ""
        if len(lasting) > self.rules.hub_above:
            return "hub"
        for name in names:
            same_type = [n for n in others if self.nodes[n].type == name and self._personal(n)]
            if len(same_type) > self.rules.hub_above_personal:
                return "hub"
        return "suspicious" if self._crowded(node, lasting) else ""

    def _is_visit(self, row: IdentifierType) -> bool:
        return row.kind is IdentifierKind.DEVICE and row.ephemeral

    def _is_lasting_device(self, row: IdentifierType) -> bool:
        return row.kind is IdentifierKind.DEVICE and not row.ephemeral

    def _crowded(self, node: NodeId, counted: list[NodeId]) -> bool:
        """Whether in the day after any of its edges too many of one type are new."""
        limits = {
            t.name: t.suspicious_above
            or (
                self.rules.suspicious_above
                if t.kind is IdentifierKind.PERSONAL
                else self.rules.suspicious_above_shareable
            )
            for t in self.rules.type
        }
        seen = [
            (self.nodes[other].type, row["ms"])
            for row in self.joining
            if node in row["pair"]
            for other in row["pair"] - {node}
            if other in counted
        ]
        return any(
            sum(1 for name, ms in seen if name == kind and 0 <= ms - begin < 24 * 3_600_000)
            > limits[kind]
            for kind, begin in seen
        )

    def _ordered(self, rows: list[Row]) -> list[Row]:
        def order(row: Row) -> tuple[Any, ...]:
            ranks = sorted((self._rank(n) for n in row["pair"]), reverse=True)
            return (*ranks, row["ms"], *sorted(row["pair"]))

        return sorted(rows, key=order)

    def _group(self, node: NodeId) -> Group:
        return next(g for g in self.groups if node in g)

    def _opposed(self, x: Group, y: Group) -> tuple[NodeId, ...]:
        return tuple(
            sorted(
                {
                    end
                    for a, b in product(x, y)
                    if self.verdicts.get(frozenset({a, b}), ("",))[0] == "different"
                    for end in (a, b)
                }
            )
        )

    def _join(self, x: Group, y: Group) -> Group:
        self.groups = (self.groups - {x, y}) | {x | y}
        return x | y

    def _refuse(self, pair: Group, why: str, blockers: tuple[NodeId, ...], event: str) -> None:
        low, high = sorted(pair)
        self.refusals.add((low, high, why, blockers, event))

    def _refuse_apart(self, pair: Group, event: str) -> None:
        blockers = tuple(sorted(n for n in pair if n in self.apart))
        if len(blockers) == 2 and event:
            return
        for why in ("unlisted", "marked", "hub", "suspicious"):
            if why in (self.apart[n] for n in blockers):
                self._refuse(pair, why, blockers, event)
                return

    def _step_1(self) -> None:
        names = {t.name: t for t in self.rules.type}
        between = [row for row in self.joining if all(self._personal(n) for n in row["pair"])]
        for row in self._ordered(between):
            if any(n in self.apart for n in row["pair"]):
                self._refuse_apart(row["pair"], row["event"])
                continue
            x, y = (self._group(n) for n in row["pair"])
            if x == y:
                continue
            slots: dict[tuple[str, str], list[NodeId]] = {}
            for n in x | y:
                if names[self.nodes[n].type].unique:
                    slots.setdefault((self.nodes[n].type, self.nodes[n].issuer), []).append(n)
            twice = tuple(sorted(n for held in slots.values() if len(held) > 1 for n in held))
            if must_not_link := self._opposed(x, y):
                self._refuse(row["pair"], "different", must_not_link, row["event"])
            elif twice:
                self._refuse(row["pair"], "unique", twice, row["event"])
            elif self._size(x | y) > (self.rules.identifiers_max or len(self.nodes)):
                self._refuse(row["pair"], "size_limit", (), row["event"])
            else:
                self._join(x, y)

    def _size(self, group: Group) -> int:
        lasting = {t.name for t in self.rules.type if not t.ephemeral}
        return len([n for n in group if self._personal(n) and self.nodes[n].type in lasting])

    def _step_2(self) -> None:
        same = sorted(v[1:] for v in self.verdicts.values() if v[0] == "same")
        for _, low, high in same:
            pair = frozenset({low, high})
            if any(n in self.apart for n in pair):
                self._refuse_apart(pair, "")
                continue
            x, y = self._group(low), self._group(high)
            if x == y:
                continue
            if must_not_link := self._opposed(x, y):
                self._refuse(pair, "different", must_not_link, "")
            else:
                self._join(x, y)

    def _links(self, x: Group, y: Group) -> list[Row]:
        return [row for row in self.joining if row["pair"] & x and row["pair"] & y]

    def _key(self, group: Group) -> tuple[int, float, NodeId]:
        """Strength, earliest time and id of the canonical node."""

        def key(node: NodeId) -> tuple[int, float, NodeId]:
            times = [row["ms"] for row in self.rows if node in row["pair"]]
            return (self._rank(node), min(times, default=float("inf")), node)

        return min(key(node) for node in group)

    def _step_3(self) -> None:
        """`home` says, for each group, its person group, or None for one set aside as shared."""
        self.home = {g: g for g in self.person_groups}
        while True:
            before = dict(self.home)
            waiting = sorted((g for g in self.groups if g not in before), key=self._key)
            for group in waiting:
                near = [g for g in before if before[g] is not None and self._links(group, g)]
                persons = {before[g] for g in near}
                if not persons:
                    continue
                person = persons.pop()
                members = frozenset(n for g, h in self.home.items() if h == person for n in g)
                must_not_link = self._opposed(group, members)
                if persons:
                    self.home[group] = None
                elif must_not_link:
                    rows = [row for g in near for row in self._links(group, g)]
                    nearest = self._ordered(rows)[0]
                    self._refuse(nearest["pair"], "different", must_not_link, nearest["event"])
                    self.home[group] = None
                else:
                    self.home[group] = person
            if before == self.home:
                return

    def _step_4(self) -> None:
        left = {n for g in self.groups if g not in self.home for n in g}
        for row in self._ordered([row for row in self.joining if row["pair"] <= left]):
            x, y = (self._group(n) for n in row["pair"])
            if x == y:
                continue
            if must_not_link := self._opposed(x, y):
                self._refuse(row["pair"], "different", must_not_link, row["event"])
            else:
                self._join(x, y)

    def _step_5(self) -> dict[NodeId, tuple[NodeId, str]]:
        placed = {n: (n, "shared") for n, why in self.apart.items() if why != "unlisted"}
        for group in self.groups:
            if group not in self.home:
                placed |= dict.fromkeys(group, (self._key(group)[2], "anonymous"))
            elif (person := self.home[group]) is None:
                placed |= dict.fromkeys(group, (self._key(group)[2], "shared"))
            else:
                placed |= dict.fromkeys(group, (self._key(person)[2], "person"))
        self.refusals = {
            r
            for r in self.refusals
            if r[0] in self.apart or r[1] in self.apart or placed[r[0]] != placed[r[1]]
        }
        return placed

"""Random small histories of an identity graph, made to be nasty rather than realistic.

Few nodes, dense edges, times that tie, reports sent again earlier, reversed and better graded,
decisions on any pair, marks, and hub limits so low that hubs happen. A seed fixes everything.
"""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import islice
from random import Random
from typing import Any, NamedTuple

from schemas.edge import Decision, Edge, Node, Verdict
from schemas.identifiers import NodeId
from schemas.rules.identity import IdentifierKind, IdentityRules

Item = Edge | Decision | NodeId
"""A report of an edge, a decision, or the id of a node that gets marked."""

TYPES = (
    "customer_number",
    "card",
    "email",
    "order_number",
    "phone",
    "session",
    "cookie",
)
UNLISTED = "record"
LIMITS = ((3, 5, 200), (1, 2, 10), (1, 2, 99), (1, 3, 99), (2, 4, 99), (1, 2, 3, None, None))
"""As `small_rules` takes them."""
QUARTER_DAY_MS = 6 * 3_600_000


def link(x: Node, y: Node, first_seen_ms: int, event_id: str, verified: bool) -> Edge:
    """The edge between two nodes, its ends in order."""
    return Edge(min(x, y), max(x, y), first_seen_ms, event_id, verified)


class Story(NamedTuple):
    """What arrives, in order of arrival."""

    rules: IdentityRules
    items: list[Item]


@lru_cache
def small_rules(
    hub_above: int,
    hub_above_personal: int,
    suspicious_above: int = 99,
    suspicious_above_shareable: int = 99,
    hub_above_ephemeral: int = 99,
    identifiers_max: int | None = None,
) -> IdentityRules:
    """Rules with every feature, and hub limits to choose."""
    return IdentityRules.model_validate(
        {
            "version": "test",
            "hub_above": hub_above,
            "hub_above_personal": hub_above_personal,
            "suspicious_above": suspicious_above,
            "suspicious_above_shareable": suspicious_above_shareable,
            "hub_above_ephemeral": hub_above_ephemeral,
            "identifiers_max": identifiers_max,
            "blocked": [],
            "type": [
                {"name": "customer_number", "kind": "personal", "unique": True},
                {"name": "card", "kind": "personal"},
                {"name": "email", "kind": "personal", "review_above": 2},
                {"name": "order_number", "kind": "reference", "ephemeral": True},
                {"name": "phone", "kind": "reference"},
                {"name": "session", "kind": "device", "ephemeral": True},
                {"name": "cookie", "kind": "device"},
            ],
        }
    )


def random_nodes(rng: Random) -> list[Node]:
    """4 to 20 nodes; a mix of types that leans to persons or to devices."""
    count = rng.randint(4, 20)
    personal = rng.choice((0.2, 0.4, 0.7))
    ids = [number << 57 for number in rng.sample(range(1, 100), count)]  # apart in a node filter
    nodes = []
    for node_id in ids:
        kind = rng.choice(TYPES[:3] if rng.random() < personal else TYPES[3:])
        kind = UNLISTED if rng.random() < 0.01 else kind
        nodes.append(Node(node_id, kind, rng.choice(("shop", "erp")) if rng.random() < 0.3 else ""))
    return nodes


def random_time(rng: Random) -> int:
    """One of few times, some within a day and some not."""
    return rng.randint(0, 8) * QUARTER_DAY_MS


def random_edge(rng: Random, nodes: list[Node]) -> Edge:
    """A report of some edge, either way round."""
    a, b = rng.sample(nodes, 2)
    edge = link(a, b, random_time(rng), f"e{rng.randint(0, 9)}", rng.random() < 0.85)
    return reversed_edge(edge) if rng.random() < 0.2 else edge


def reversed_edge(edge: Edge) -> Edge:
    """The same report with its ends the wrong way round."""
    return edge._replace(a=edge.b, b=edge.a)


def again(rng: Random, edge: Edge) -> Edge:
    """The edge sent again: earlier or later, reversed, better or worse graded."""
    edge = edge._replace(first_seen_ms=random_time(rng), verified=rng.random() < 0.85)
    return reversed_edge(edge) if rng.random() < 0.5 else edge


def random_decision(rng: Random, nodes: list[Node]) -> Decision:
    """A verdict on any pair."""
    a, b = rng.sample(nodes, 2)
    verdict = rng.choice((Verdict.SAME, Verdict.SAME, Verdict.DIFFERENT, Verdict.NONE))
    return Decision(a, b, verdict, rng.choice(("ann", "bob")), "", rng.randint(0, 8))


def random_decisions(rng: Random, nodes: list[Node]) -> list[Decision]:
    """No decision in half of the stories; in the others some, of which some are decided again."""
    if rng.random() < 0.5:
        return []
    found = [random_decision(rng, nodes) for _ in range(rng.randint(1, 6))]
    for decision in list(found):
        if rng.random() < 0.3:
            verdict = rng.choice(list(Verdict))
            found.append(decision._replace(verdict=verdict, decided_ms=rng.randint(0, 8)))
    return found


def random_story(rng: Random) -> Story:
    """A whole history."""
    nodes = random_nodes(rng)
    edges = [random_edge(rng, nodes) for _ in range(rng.randint(len(nodes) // 2, 2 * len(nodes)))]
    edges += [again(rng, edge) for edge in edges if rng.random() < 0.25]
    marks = rng.sample([n.id for n in nodes], 1) if rng.random() < 0.2 else []
    items: list[Item] = [*edges, *random_decisions(rng, nodes), *marks]
    rng.shuffle(items)
    rules = small_rules(*(rng.choice(some) for some in LIMITS))
    return Story(rules, items)


def changed_rules(rng: Random, rules: IdentityRules) -> IdentityRules:
    """Other limits, another order, other kinds, types more or less."""
    rows = [row.model_dump() for row in rules.type]
    if rng.random() < 0.5:
        rng.shuffle(rows)
    for row in rows:
        if rng.random() < 0.2:
            row["kind"] = rng.choice(list(IdentifierKind))
        if rng.random() < 0.2:
            row["unique"] = rng.random() < 0.5
        if rng.random() < 0.2:
            row["ephemeral"] = rng.random() < 0.5
    if rng.random() < 0.3:
        rows.pop(rng.randrange(len(rows)))
    if rng.random() < 0.3:
        rows.append({"name": "record", "kind": rng.choice(list(IdentifierKind))})
    rows.sort(key=lambda row: list(IdentifierKind).index(row["kind"]))
    limits = {
        name: rng.choice((1, 2, 3, 5, 99)) if rng.random() < 0.4 else getattr(rules, name)
        for name in ("hub_above", "hub_above_personal", "suspicious_above", "identifiers_max")
    }
    plain = rules.model_dump() | limits | {"type": rows, "version": "changed"}
    return IdentityRules.model_validate(plain)


def rules_file(rules: IdentityRules) -> str:
    """Rules as the text of a file."""

    def lines(fields: dict[str, Any]) -> list[str]:
        return [
            f"{name} = {json.dumps(value)}" for name, value in fields.items() if value is not None
        ]

    plain = rules.model_dump(mode="json")
    types = plain.pop("type")
    found = lines(plain)
    for row in types:
        found += ["[[type]]", *lines(row)]
    return "\n".join(found)


def parts(items: list[Item]) -> tuple[list[Edge], list[Decision], set[NodeId]]:
    """Items by what they are."""
    return (
        [item for item in items if isinstance(item, Edge)],
        [item for item in items if isinstance(item, Decision)],
        {item for item in items if isinstance(item, int)},
    )


def chunk(items: list[Item], start: int, size: int) -> list[Item]:
    """The batch of at most `size` items that begins at `start`."""
    return list(islice(items, start, start + size))

"""A large invented identity graph, written into the tables by SQL, as the writer leaves it.

Ten identifiers and twelve edges a person. The cookie of every tenth person is the next person's,
too, so it is shared; one device has an edge to a fifth of the persons, at most 100,000 of them. A
test holds the map to what `c360 identity verify` computes from the edges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import md5
from typing import NamedTuple

from schemas.edge import Edge, Node
from services.store.database import Database

REALM = "default"
VERSION = 1 << 48 | 1
BEGAN_MS = 1_735_689_600_000
YEAR_MS = 31_536_000_000
PERSONS_PER_CHUNK = 50_000
HUB_NEIGHBOURS_MAX = 100_000
SHARED_ONE_IN = 10
HUB = ("device_id", "app", "the one in the shop")


class Kept(NamedTuple):
    """One identifier of every person."""

    type: str
    issuer: str


IDENTIFIERS = {
    "number": Kept("customer_number", "shop"),
    "card": Kept("loyalty_card", "loyalty"),
    "mail": Kept("email", ""),
    "cookie": Kept("cookie", "shop"),
    "device": Kept("device_id", "app"),
    "order1": Kept("order_number", "till"),
    "order2": Kept("order_number", "till"),
    "session1": Kept("session", "shop"),
    "session2": Kept("session", "shop"),
    "session3": Kept("session", "app"),
}
EDGES = (
    ("number", "card"), ("number", "mail"), ("number", "cookie"), ("number", "device"),
    ("number", "session3"), ("card", "order1"), ("card", "order2"), ("mail", "cookie"),
    ("mail", "session1"), ("cookie", "session1"), ("cookie", "session2"), ("device", "session3"),
)  # fmt: skip


def node(name: str, person: int) -> Node:
    """An identifier of a person."""
    type_name, issuer = IDENTIFIERS[name]
    return Node(_id(type_name, f"{name}-{person}"), type_name, issuer)


def hub() -> Node:
    """The device that so many persons have in common."""
    return Node(_id(HUB[0], HUB[2]), HUB[0], HUB[1])


def hub_neighbours(persons: int) -> int:
    """How many persons have an edge to it: the first ones."""
    return min(persons // 5, HUB_NEIGHBOURS_MAX)


def _id(type_name: str, value: str) -> int:
    digest = md5(f"{type_name}|{value}".encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest)


def edge(x: Node, y: Node, at_ms: int, event_id: str) -> Edge:
    """A verified edge, its ends in order."""
    a, b = sorted((x, y))
    return Edge(a, b, at_ms, event_id, True)


def _end(name: str, person: str = "person") -> str:
    """SQL of an end: digest of its id, type, issuer."""
    type_name, issuer = IDENTIFIERS[name]
    return f"(MD5(concat('{type_name}|{name}-', toString({person}))), '{type_name}', '{issuer}')"


def _uuid(digest: str) -> str:
    return f"toUUID(UUIDNumToString({digest}))"


def _edges_sql(pairs: str, where: str = "true") -> str:
    """Inserts an edge for each of the pairs of ends (SQL of an array) of each person."""
    return f"""
INSERT INTO edges
SELECT '{REALM}', {_uuid("a.1")}, {_uuid("b.1")}, a.2, a.3, b.2, b.3,
    fromUnixTimestamp64Milli({BEGAN_MS} + sipHash64(person, said) % {YEAR_MS}, 'UTC'),
    concat('e-', toString(person), '-', toString(said)), true, {VERSION}
FROM
(
    SELECT person, said, if(pair.1 < pair.2, pair.1, pair.2) AS a,
        if(pair.1 < pair.2, pair.2, pair.1) AS b
    FROM
    (
        SELECT number AS person, {pairs} AS pairs
        FROM numbers({{first:UInt64}}, {{count:UInt64}}) WHERE {where}
    )
    ARRAY JOIN pairs AS pair, arrayEnumerate(pairs) AS said
)
"""


OWN_EDGES_SQL = _edges_sql(f"[{', '.join(f'({_end(x)}, {_end(y)})' for x, y in EDGES)}]")
SHARED_EDGES_SQL = _edges_sql(
    f"[({_end('number', 'person + 1')}, {_end('cookie')})]",
    f"person % {SHARED_ONE_IN} = 0 AND person + 1 < {{persons:UInt64}}",
)
HUB_EDGES_SQL = _edges_sql(
    f"[({_end('number')}, (MD5('{HUB[0]}|{HUB[2]}'), '{HUB[0]}', '{HUB[1]}'))]"
)
# Nobody can tell whose the shared cookie is, nor the session that is known from it alone.
MAP_SQL = f"""
INSERT INTO members
SELECT '{REALM}', {_uuid("if(kind = 'person', profile, digest)")}, {_uuid("digest")}, type, kind,
    {VERSION}
FROM
(
    SELECT {_end("number")}.1 AS profile, name,
        person % {SHARED_ONE_IN} = 0 AND person + 1 < {{persons:UInt64}} AS shares,
        multiIf(shares AND name = 'cookie', 'shared', shares AND name = 'session2', 'anonymous',
            'person') AS kind,
        end.1 AS digest, end.2 AS type
    FROM (SELECT number AS person FROM numbers({{first:UInt64}}, {{count:UInt64}}))
    ARRAY JOIN {list(IDENTIFIERS)} AS name, [{", ".join(map(_end, IDENTIFIERS))}] AS end
)
"""
HUB_MAP_SQL = f"""
INSERT INTO members
SELECT '{REALM}', {_uuid("digest")}, {_uuid("digest")}, '{HUB[0]}', 'shared', {VERSION}
FROM (SELECT MD5('{HUB[0]}|{HUB[2]}') AS digest)
"""


def fill(database: Database, persons: int, progress: Callable[[int, int], None]) -> None:
    """Write the graph of so many persons and its map. The tables must be empty.

    `progress` is called with (persons, persons in all).
    """
    for first in range(0, persons, PERSONS_PER_CHUNK):
        count = min(PERSONS_PER_CHUNK, persons - first)
        asked = {"first": first, "count": count, "persons": persons}
        for sql in (OWN_EDGES_SQL, SHARED_EDGES_SQL, MAP_SQL):
            database.command(sql, asked)
        progress(first + count, persons)
    if neighbours := hub_neighbours(persons):
        database.command(HUB_EDGES_SQL, {"first": 0, "count": neighbours})
        database.command(HUB_MAP_SQL)


def crowd_edges(persons: int, count: int, *, shared: bool) -> Iterator[Edge]:
    """Edges of the numbers of new persons: of the device that so many have in common, or else of a
    device of their own."""
    for turn in range(count):
        new = persons + turn
        other = hub() if shared else node("device", new)
        yield edge(node("number", new), other, BEGAN_MS + YEAR_MS + turn, f"crowd-{shared}-{turn}")


def new_edges(persons: int, count: int) -> Iterator[Edge]:
    """Edges that are not in the graph, each of another event, of persons all over it: of every ten
    six are of new sessions, two of new orders, one is of the device that so many have in common,
    and one of the number and the mail address of a new person."""
    for turn in range(count):
        at_ms, said = BEGAN_MS + YEAR_MS + turn, f"new-{turn}"
        person = int.from_bytes(md5(said.encode(), usedforsecurity=False).digest()) % persons
        new = persons + turn
        match turn % 10:
            case 0:
                pair = node("number", new), node("mail", new)
            case 1:
                pair = node("number", new), hub()
            case 2 | 3:
                pair = node("card", person), node("order1", new)
            case 4 | 5:
                pair = node("device", person), node("session3", new)
            case _:
                pair = node("cookie", person), node("session1", new)
        yield edge(*pair, at_ms, said)

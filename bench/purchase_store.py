"""A large invented customer base with its orders, written into the tables by SQL, for measures.

Four identifiers and some five orders a person, as skewed as in life: half of the persons have three
orders or fewer, one in a thousand some hundred. One order in twenty is reported by the till as
well, one in fifty is cancelled, one in twenty has a return. A test holds the map and the rows to
what the product makes of such events.
"""

from __future__ import annotations

from collections.abc import Callable

from services.store.database import Database

REALM = "default"
FILL = "fill"
"""The run that writes the store, beside one for each measure."""
VERSION = 1 << 48 | 1
ENDS_MS = 1_767_225_600_000
YEAR_MS = 31_536_000_000
PERSONS_PER_CHUNK = 100_000
TYPES = ("customer_number", "loyalty_card", "email", "cookie")
"""The identifiers of every person. The first is the profile's own, the last names nobody on an
order."""
PLACED_EACH, TOLD_TWICE, CANCELLED, RETURNED = 5, 20, 50, 20
"""Orders of a person, and of how many orders one is reported twice, cancelled, returned."""


def node(type_name: str) -> str:
    """SQL of the node id of a person's identifier."""
    return f"reinterpretAsUUID(sipHash128('{type_name}', person))"


MAP_SQL = f"""
INSERT INTO members
SELECT '{REALM}', {node(TYPES[0])}, pair.1, pair.2, 'person', {VERSION}
FROM (SELECT number AS person FROM numbers({{first:UInt64}}, {{count:UInt64}}))
ARRAY JOIN [{", ".join(f"({node(one)}, '{one}')" for one in TYPES)}] AS pair
"""
# Orders of two years, in the shop or a store, with one to five lines of 400 categories.
BOUGHT_SQL = f"""
SELECT person, k, sipHash64(person, k) AS drawn,
    {list(TYPES[:3])}[1 + drawn % 3] AS by,
    [{", ".join(map(node, TYPES[:3]))}][1 + drawn % 3] AS node,
    concat('o-', toString(person), '-', toString(k)) AS order_id,
    {ENDS_MS} - sipHash64(person, k, 'at') % {2 * YEAR_MS} AS ms,
    drawn % 2 = 0 ? 'shop' : 'pos' AS channel,
    drawn % 2 = 0 ? '' : concat('s', toString(sipHash64(person) % 300)) AS store,
    arrayMap(i -> sipHash64(person, intDiv(sipHash64(person, k, i), 3) % 40, 'sku'),
        range(1 + drawn % 5)) AS skus,
    arrayMap(h -> toDecimal64(100 + h % 5000, 4) / 100, skus) AS prices
FROM
(
    SELECT number AS person,
        least(400, toUInt64(2.2 * pow((1 + sipHash64(number) % 1000000) / 1000000, -0.6))) AS orders
    FROM numbers({{first:UInt64}}, {{count:UInt64}})
)
ARRAY JOIN range(orders) AS k
"""
ORDERS_SQL = f"""
INSERT INTO orders
SELECT '{REALM}', node, concat(event.1, order_id), {VERSION},
    fromUnixTimestamp64Milli(toInt64(ms + event.4), 'UTC'), event.5 ? 'pos' : channel, false,
    store, by, event.2, 'shop', order_id, event.3, true, 'EUR',
    event.2 = 'cancelled' ? 0 : arraySum(event.2 = 'returned' ? [prices[1]] : prices) AS worth,
    arrayResize(arrayMap(h -> toString(h % 20000), skus), lines),
    arrayResize(arrayMap(_ -> 'product', skus), lines),
    arrayResize(arrayMap(h -> concat('c', toString(h % 400)), skus), lines),
    arrayResize(arrayMap(_ -> toDecimal64(1, 4), skus), lines),
    arrayResize(prices, lines)
FROM
(
    SELECT *, event,
        multiIf(event.2 = 'cancelled', 0, event.2 = 'returned', 1, length(skus)) AS lines
    FROM ({BOUGHT_SQL})
    ARRAY JOIN arrayConcat(
        [('e-', 'placed', '', 0, false)],
        intDiv(drawn, 8) % {TOLD_TWICE} = 0 ? [('t-', 'placed', '', 60000, true)] : [],
        intDiv(drawn, 1024) % {CANCELLED} = 0 ? [('c-', 'cancelled', '', 3600000, false)] : [],
        intDiv(drawn, 131072) % {RETURNED} = 0
            ? [('r-', 'returned', concat('R', order_id), 864000000, false)] : []) AS event
)
"""


def fill(database: Database, persons: int, progress: Callable[[int, int], None]) -> None:
    """Write so many persons and their orders. The tables must be empty but for the realms.

    `progress` is called with (persons, persons in all).
    """
    for first in range(0, persons, PERSONS_PER_CHUNK):
        count = min(PERSONS_PER_CHUNK, persons - first)
        for sql in (MAP_SQL, ORDERS_SQL):
            database.command(sql, {"first": first, "count": count})
        progress(first + count, persons)

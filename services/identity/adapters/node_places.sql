-- Which places of a node filter the nodes of a range have, in any realm: 64 places a row, from the first
-- word to the last one, also those of no node. A place is the front of the second half of an id, which
-- ClickHouse sorts by first, so that a range is read by the primary key.

-- count --
-- About how many nodes there are; the number of edges, where map rows are missing.
SELECT greatest((SELECT count() FROM map), (SELECT count() FROM edges))

-- places_of_map --
-- The nodes with a map row.
SELECT groupBitOr(bitShiftLeft(toUInt64(1), bitAnd(place, 63))) FROM
(
    SELECT bitShiftRight(reinterpretAsUInt64(reverse(substring(UUIDToNum(node), 9, 8))),
        {shift:UInt8}) AS place
    FROM map WHERE node >= {low:UUID} AND node <= {high:UUID}
)
GROUP BY bitShiftRight(place, 6) AS word
ORDER BY word WITH FILL FROM {first:UInt32} TO {last:UInt32}

-- places_of_edges --
-- The first ends of edges.
SELECT groupBitOr(bitShiftLeft(toUInt64(1), bitAnd(place, 63))) FROM
(
    SELECT bitShiftRight(reinterpretAsUInt64(reverse(substring(UUIDToNum(a), 9, 8))),
        {shift:UInt8}) AS place
    FROM edges WHERE a >= {low:UUID} AND a <= {high:UUID}
)
GROUP BY bitShiftRight(place, 6) AS word
ORDER BY word WITH FILL FROM {first:UInt32} TO {last:UInt32}

-- places_of_edges_reversed --
-- The second ends of edges.
SELECT groupBitOr(bitShiftLeft(toUInt64(1), bitAnd(place, 63))) FROM
(
    SELECT bitShiftRight(reinterpretAsUInt64(reverse(substring(UUIDToNum(b), 9, 8))),
        {shift:UInt8}) AS place
    FROM edges_reversed WHERE b >= {low:UUID} AND b <= {high:UUID}
)
GROUP BY bitShiftRight(place, 6) AS word
ORDER BY word WITH FILL FROM {first:UInt32} TO {last:UInt32}

-- places_of_decisions --
-- The nodes that a decision was ever about.
SELECT groupBitOr(bitShiftLeft(toUInt64(1), bitAnd(place, 63))) FROM
(
    SELECT bitShiftRight(reinterpretAsUInt64(reverse(substring(UUIDToNum(node), 9, 8))),
        {shift:UInt8}) AS place
    FROM (SELECT arrayJoin([a, b]) AS node FROM decisions) WHERE node >= {low:UUID} AND node <= {high:UUID}
)
GROUP BY bitShiftRight(place, 6) AS word
ORDER BY word WITH FILL FROM {first:UInt32} TO {last:UInt32}

-- places_of_refusals --
-- The nodes of an edge or decision that was ever refused.
SELECT groupBitOr(bitShiftLeft(toUInt64(1), bitAnd(place, 63))) FROM
(
    SELECT bitShiftRight(reinterpretAsUInt64(reverse(substring(UUIDToNum(node), 9, 8))),
        {shift:UInt8}) AS place
    FROM (SELECT arrayJoin([a, b]) AS node FROM refusals) WHERE node >= {low:UUID} AND node <= {high:UUID}
)
GROUP BY bitShiftRight(place, 6) AS word
ORDER BY word WITH FILL FROM {first:UInt32} TO {last:UInt32}

-- places_of_marks --
-- The nodes that were marked.
SELECT groupBitOr(bitShiftLeft(toUInt64(1), bitAnd(place, 63))) FROM
(
    SELECT bitShiftRight(reinterpretAsUInt64(reverse(substring(UUIDToNum(node), 9, 8))),
        {shift:UInt8}) AS place
    FROM marks WHERE node >= {low:UUID} AND node <= {high:UUID}
)
GROUP BY bitShiftRight(place, 6) AS word
ORDER BY word WITH FILL FROM {first:UInt32} TO {last:UInt32}

-- degrees --
-- How many rows of edges have an end in every eight places of a range, up to {many}.
SELECT toUInt8(least(sum(found), {many:UInt8})) FROM
(
    SELECT bitShiftRight(reinterpretAsUInt64(reverse(substring(UUIDToNum(a), 9, 8))),
        {shift:UInt8}) AS byte, count() AS found
    FROM edges WHERE a >= {low:UUID} AND a <= {high:UUID} GROUP BY byte
    UNION ALL
    SELECT bitShiftRight(reinterpretAsUInt64(reverse(substring(UUIDToNum(b), 9, 8))),
        {shift:UInt8}) AS byte, count() AS found
    FROM edges_reversed WHERE b >= {low:UUID} AND b <= {high:UUID} GROUP BY byte
)
GROUP BY byte
ORDER BY byte WITH FILL FROM {first:UInt32} TO {last:UInt32}

-- candidates --
-- Identifiers that may have more than so many verified edges to identifiers of one type, or more than
-- so many in all of those that count. Each edge is looked at from its two ends, in two tables; who has more
-- than a limit has more than half of it in one of them, and each is read in its own order, so that
-- memory does not grow with the edges. Reports of an edge that are not merged yet count several times.
SELECT DISTINCT node FROM
(
    SELECT a AS node FROM edges
    WHERE realm = {realm:String} AND verified AND a_type IN {types:Array(String)}
        AND b_type IN {counted:Array(String)}
        AND NOT (a_type IN {personal:Array(String)} AND b_type IN {ephemeral:Array(String)})
    GROUP BY a, b_type
    HAVING 2 * count() > transform(b_type, {counted:Array(String)}, {limits:Array(UInt32)}, 0)
    UNION ALL
    SELECT b AS node FROM edges_reversed
    WHERE realm = {realm:String} AND verified AND b_type IN {types:Array(String)}
        AND a_type IN {counted:Array(String)}
        AND NOT (b_type IN {personal:Array(String)} AND a_type IN {ephemeral:Array(String)})
    GROUP BY b, a_type
    HAVING 2 * count() > transform(a_type, {counted:Array(String)}, {limits:Array(UInt32)}, 0)
    UNION ALL
    SELECT a AS node FROM edges
    WHERE realm = {realm:String} AND verified AND a_type IN {types:Array(String)}
        AND b_type IN {counted:Array(String)}
        AND NOT (a_type IN {personal:Array(String)} AND b_type IN {ephemeral:Array(String)})
        AND NOT (a_type IN {devices:Array(String)} AND b_type IN {visits:Array(String)})
    GROUP BY a HAVING 2 * count() > {hub:UInt32}
    UNION ALL
    SELECT b AS node FROM edges_reversed
    WHERE realm = {realm:String} AND verified AND b_type IN {types:Array(String)}
        AND a_type IN {counted:Array(String)}
        AND NOT (b_type IN {personal:Array(String)} AND a_type IN {ephemeral:Array(String)})
        AND NOT (b_type IN {devices:Array(String)} AND a_type IN {visits:Array(String)})
    GROUP BY b HAVING 2 * count() > {hub:UInt32}
)
ORDER BY node
SETTINGS optimize_aggregation_in_order = 1

-- crowds --
-- The verified edges of these identifiers by the type at the other end: how many there are; and when
-- there were more than its limit within a day for the first time (ms), or NULL.
WITH ends AS
(
    SELECT a AS node, a_type AS own, b_type AS counted, toUnixTimestamp64Milli(first_seen) AS ms
    FROM edges FINAL
    WHERE realm = {realm:String} AND a IN {nodes:Array(UUID)} AND verified
        AND b_type IN {counted:Array(String)}
    UNION ALL
    SELECT b AS node, b_type AS own, a_type AS counted, toUnixTimestamp64Milli(first_seen) AS ms
    FROM edges_reversed FINAL
    WHERE realm = {realm:String} AND b IN {nodes:Array(UUID)} AND verified
        AND a_type IN {counted:Array(String)}
)
SELECT node, any(own) AS type, counted, count() AS found,
    transform(counted, {counted:Array(String)}, {limits:Array(UInt32)}, 0) AS above,
    arraySort(groupArray(ms)) AS times,
    arrayFilter((last, first) -> last - first < 86400000,
        arraySlice(times, above + 1),
        arraySlice(times, 1, greatest(0, toInt64(found) - toInt64(above)))) AS crowded,
    if(empty(crowded), NULL, crowded[1]) AS since
FROM ends GROUP BY node, counted
ORDER BY node, counted

-- many --
-- Persons with more than so many identifiers of a type.
SELECT profile, type, count() AS held FROM map FINAL
WHERE realm = {realm:String} AND kind = 'person' AND type IN {types:Array(String)}
GROUP BY profile, type HAVING held > transform(type, {types:Array(String)}, {limits:Array(UInt32)}, 0)
ORDER BY type, profile

-- large --
-- Persons with more than so many identifiers that count, and those with more than half as many who
-- were kept from joining others for their size: of two that would be too large together, one is that.
WITH stopped AS
(
    SELECT DISTINCT arrayJoin([a, b]) FROM refusals FINAL
    WHERE realm = {realm:String} AND active AND reason = {reason:String}
)
SELECT profile, countIf(type IN {counted:Array(String)}) AS held FROM map FINAL
WHERE realm = {realm:String} AND kind = 'person' AND type IN {personal:Array(String)}
GROUP BY profile
HAVING held > {above:UInt32} OR (2 * held > {above:UInt32} AND max(node IN stopped))
ORDER BY held DESC, profile

-- maybe_busy --
-- Personal identifiers that may have more than so many purchases within 24 hours: these lie on two
-- days of the calendar, so on one of them is at least half.
SELECT DISTINCT node FROM orders
WHERE realm = {realm:String} AND order_action = 'placed' AND order_counts AND NOT synthetic
    AND anchor_type IN {personal:Array(String)}
GROUP BY node, toDate(occurred_at) HAVING 2 * count() > {above:UInt32}
ORDER BY node

-- busy --
-- Those of these identifiers that have more than so many purchases within 24 hours, each counted
-- once, and when there were as many for the first time (ms).
WITH purchases AS
(
    SELECT node, any(anchor_type) AS type, min(toUnixTimestamp64Milli(occurred_at)) AS ms
    FROM orders FINAL
    WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND order_action = 'placed'
        AND order_counts AND NOT synthetic AND anchor_type IN {personal:Array(String)}
    GROUP BY node, order_issuer, if(order_id = '', event_id, order_id)
)
SELECT node, any(type) AS type, count() AS found, arraySort(groupArray(ms)) AS times,
    arrayFilter((last, first) -> last - first < 86400000,
        arraySlice(times, {above:UInt32} + 1),
        arraySlice(times, 1, greatest(0, toInt64(found) - {above:UInt32}))) AS crowded,
    crowded[1] AS since
FROM purchases GROUP BY node HAVING notEmpty(crowded)
ORDER BY node

-- purchases --
-- The purchases of an identifier, the earliest first, no more than so many.
SELECT toUnixTimestamp64Milli(occurred_at) AS ms, event_id FROM orders FINAL
WHERE realm = {realm:String} AND node = {node:UUID} AND order_action = 'placed' AND order_counts
    AND NOT synthetic
ORDER BY ms, event_id LIMIT {limit:UInt32}

-- sightings --
-- Where and by whom these events were reported.
SELECT event_id, any(channel), any(source_system), any(source_store),
    any(JSONExtractString(payload, 'source', 'till'))
FROM touchpoints FINAL
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND event_id IN {events:Array(String)}
GROUP BY event_id

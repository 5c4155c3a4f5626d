-- candidates --
-- Identifiers that may have more than so many verified edges to personal ones of one type. Reports
-- of an edge that are not merged yet count several times.
SELECT DISTINCT node FROM
(
    SELECT node, counted FROM
    (
        SELECT a AS node, b_type AS counted FROM edges
        WHERE realm = {realm:String} AND verified
            AND a_type IN {types:Array(String)} AND b_type IN {personal:Array(String)}
        UNION ALL
        SELECT b AS node, a_type AS counted FROM edges
        WHERE realm = {realm:String} AND verified
            AND b_type IN {types:Array(String)} AND a_type IN {personal:Array(String)}
    )
    GROUP BY node, counted HAVING count() > least({above:UInt32}, {limit:UInt32})
)
ORDER BY node

-- crowds --
-- Of these identifiers, those with so many edges; and when it were so many within a day for the
-- first time (ms), or NULL.
WITH ends AS
(
    SELECT a AS node, a_type AS own, b_type AS counted, toUnixTimestamp64Milli(first_seen) AS ms
    FROM edges FINAL
    WHERE realm = {realm:String} AND a IN {nodes:Array(UUID)} AND verified
        AND b_type IN {personal:Array(String)}
    UNION ALL
    SELECT b AS node, b_type AS own, a_type AS counted, toUnixTimestamp64Milli(first_seen) AS ms
    FROM edges_reversed FINAL
    WHERE realm = {realm:String} AND b IN {nodes:Array(UUID)} AND verified
        AND a_type IN {personal:Array(String)}
)
SELECT node, any(own) AS type, counted, count() AS found,
    arraySort(groupArray(ms)) AS times,
    arrayFilter((last, first) -> last - first < 86400000,
        arraySlice(times, {above:UInt32} + 1),
        arraySlice(times, 1, greatest(0, toInt64(found) - {above:UInt32}))) AS crowded,
    if(empty(crowded), NULL, crowded[1]) AS since
FROM ends GROUP BY node, counted
HAVING notEmpty(crowded) OR found > {limit:UInt32}
ORDER BY node, counted

-- many --
-- Persons with more than so many identifiers of a type.
SELECT profile, count() AS held FROM map FINAL
WHERE realm = {realm:String} AND kind = 'person' AND type = {type:String}
GROUP BY profile HAVING held > {above:UInt32}
ORDER BY profile

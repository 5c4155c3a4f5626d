-- edges --
-- The edges with an end in these nodes that were there at a time.
SELECT a, a_type, a_issuer, b, b_type, b_issuer, first_seen, event_id, verified FROM
(
    SELECT a, a_type, a_issuer, b, b_type, b_issuer, first_seen, event_id, verified
    FROM edges FINAL
    WHERE realm = {realm:String} AND a IN {nodes:Array(UUID)}
    UNION DISTINCT
    SELECT a, a_type, a_issuer, b, b_type, b_issuer, first_seen, event_id, verified
    FROM edges_reversed FINAL
    WHERE realm = {realm:String} AND b IN {nodes:Array(UUID)}
)
WHERE toUnixTimestamp64Milli(first_seen) <= {until:Int64} LIMIT {limit:UInt32}

-- crowded --
-- Those nodes that had more than so many verified edges to nodes of these types at a time.
SELECT node FROM
(
    SELECT a AS node, b AS other, first_seen FROM edges FINAL
    WHERE realm = {realm:String} AND a IN {nodes:Array(UUID)} AND verified
        AND b_type IN {types:Array(String)}
    UNION ALL
    SELECT b AS node, a AS other, first_seen FROM edges_reversed FINAL
    WHERE realm = {realm:String} AND b IN {nodes:Array(UUID)} AND verified
        AND a_type IN {types:Array(String)}
)
WHERE toUnixTimestamp64Milli(first_seen) <= {until:Int64}
GROUP BY node HAVING count() > {above:UInt32}

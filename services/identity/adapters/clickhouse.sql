-- edges --
-- Every edge with an end in these nodes; ids as bytes and the time in milliseconds, which a reader of
-- many edges converts faster. Read without FINAL, which reads every column of every granule that a
-- key may be in, several times: the row of the highest version counts, and of equal ones the row
-- inserted last. Only key columns may be filtered: any other condition would bring replaced rows back.
SELECT UUIDToNum(a), a_type, a_issuer, UUIDToNum(b), b_type, b_issuer,
    toUnixTimestamp64Milli(first_seen), event_id, verified
FROM edges
WHERE realm = {realm:String} AND a IN {nodes:Array(UUID)}
ORDER BY batch DESC, _block_number DESC LIMIT 1 BY a, b
UNION ALL
SELECT UUIDToNum(a), a_type, a_issuer, UUIDToNum(b), b_type, b_issuer,
    toUnixTimestamp64Milli(first_seen), event_id, verified
FROM edges_reversed
WHERE realm = {realm:String} AND b IN {nodes:Array(UUID)} AND a NOT IN {nodes:Array(UUID)}
ORDER BY batch DESC, _block_number DESC LIMIT 1 BY a, b

-- some_edges --
-- Edges with an end in these nodes, no more than a limit.
SELECT a, a_type, a_issuer, b, b_type, b_issuer, first_seen, event_id, verified FROM
(
    SELECT a, a_type, a_issuer, b, b_type, b_issuer, first_seen, event_id, verified FROM edges FINAL
    WHERE realm = {realm:String} AND a IN {nodes:Array(UUID)} LIMIT {limit:UInt32}
    UNION DISTINCT
    SELECT a, a_type, a_issuer, b, b_type, b_issuer, first_seen, event_id, verified
    FROM edges_reversed FINAL
    WHERE realm = {realm:String} AND b IN {nodes:Array(UUID)} LIMIT {limit:UInt32}
) LIMIT {limit:UInt32}

-- an_edge --
-- One edge of each of these nodes.
SELECT a, a_type, a_issuer, b, b_type, b_issuer, first_seen, event_id, verified FROM
(
    SELECT a AS node, a, a_type, a_issuer, b, b_type, b_issuer, first_seen, event_id, verified
    FROM edges FINAL WHERE realm = {realm:String} AND a IN {nodes:Array(UUID)} LIMIT 1 BY a
    UNION ALL
    SELECT b AS node, a, a_type, a_issuer, b, b_type, b_issuer, first_seen, event_id, verified
    FROM edges_reversed FINAL
    WHERE realm = {realm:String} AND b IN {nodes:Array(UUID)} LIMIT 1 BY b
)
ORDER BY node, a, b LIMIT 1 BY node

-- many_rows --
-- Those nodes that may have more than so many edges, whatever their grade and types: rows that were
-- replaced count as well, so none is missing. Nearly every node is ruled out by this, which reads the
-- keys only.
SELECT node FROM
(
    SELECT a AS node, count() AS found FROM edges
    WHERE realm = {realm:String} AND a IN {nodes:Array(UUID)} GROUP BY a
    UNION ALL
    SELECT b AS node, count() AS found FROM edges_reversed
    WHERE realm = {realm:String} AND b IN {nodes:Array(UUID)} GROUP BY b
) GROUP BY node HAVING sum(found) > {above:UInt32}

-- crowded --
-- Those nodes that have more than so many verified edges to nodes of these types.
SELECT node FROM
(
    SELECT a AS node, b AS other FROM edges FINAL
    WHERE realm = {realm:String} AND a IN {nodes:Array(UUID)} AND verified
        AND b_type IN {types:Array(String)}
    UNION ALL
    SELECT b AS node, a AS other FROM edges_reversed FINAL
    WHERE realm = {realm:String} AND b IN {nodes:Array(UUID)} AND verified
        AND a_type IN {types:Array(String)}
) GROUP BY node HAVING count() > {above:UInt32}

-- values --
-- Type, issuer and value of nodes.
SELECT node, type, issuer, value FROM node_values FINAL
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}

-- all_values --
-- The next nodes with type, issuer and value.
SELECT node, type, issuer, value FROM node_values
WHERE realm = {realm:String} AND node > {after:UUID}
ORDER BY node LIMIT 1 BY node LIMIT {limit:UInt32}

-- decisions --
-- The latest decision of every pair with an end in these nodes, withdrawn ones included.
SELECT a, a_type, a_issuer, b, b_type, b_issuer, verdict, author, reason, decided_at
FROM decisions FINAL
WHERE realm = {realm:String} AND (a IN {nodes:Array(UUID)} OR b IN {nodes:Array(UUID)})

-- decisions_after --
-- The decisions of every realm that were stored with a higher version.
SELECT realm, a, a_type, a_issuer, b, b_type, b_issuer, verdict, author, reason, decided_at
FROM decisions FINAL WHERE batch > {version:UInt64} ORDER BY realm, a, b

-- any_decision --
-- Whether there is a decision in any realm.
SELECT 1 FROM decisions LIMIT 1

-- marks --
-- Those nodes that are marked as permanently shared.
SELECT node FROM marks FINAL WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}

-- decided_nodes --
-- Every node that a decision was ever about.
SELECT DISTINCT arrayJoin([a, b]) FROM decisions LIMIT {limit:UInt32}

-- refused_nodes --
-- Every node of an edge or decision that was ever refused.
SELECT DISTINCT arrayJoin([a, b]) FROM refusals LIMIT {limit:UInt32}

-- marked_nodes --
-- Every node that was marked.
SELECT DISTINCT node FROM marks LIMIT {limit:UInt32}

-- any_mark --
-- Whether any node of any realm is marked.
SELECT 1 FROM marks LIMIT 1

-- refusals --
-- The standing refusals with an end in these nodes.
SELECT a, b, reason, blocked_by, event_id FROM refusals FINAL
WHERE realm = {realm:String} AND active
    AND (a IN {nodes:Array(UUID)} OR b IN {nodes:Array(UUID)})

-- nodes --
-- The next nodes of a range, with their types, that have an edge, a decision or a map row. Without an
-- end of the range it reads all that is left of the tables, whatever the limit.
SELECT UUIDToNum(node), any(type) FROM
(
    SELECT a AS node, a_type AS type FROM edges
    WHERE realm = {realm:String} AND a > {after:UUID} AND a <= {until:UUID}
    UNION ALL
    SELECT b AS node, b_type AS type FROM edges_reversed
    WHERE realm = {realm:String} AND b > {after:UUID} AND b <= {until:UUID}
    UNION ALL
    SELECT node, type FROM map
    WHERE realm = {realm:String} AND node > {after:UUID} AND node <= {until:UUID}
    UNION ALL
    SELECT end.1 AS node, end.2 AS type FROM
    (
        SELECT arrayJoin([(a, a_type), (b, b_type)]) AS end FROM decisions
        WHERE realm = {realm:String}
    )
    WHERE node > {after:UUID} AND node <= {until:UUID}
)
GROUP BY node ORDER BY node LIMIT {limit:UInt32}

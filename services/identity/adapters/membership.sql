-- edges_up --
-- Edges whose smaller end is one of these nodes, by their ends; no more than a limit.
SELECT a, a_type, a_issuer, b, b_type, b_issuer, first_seen, event_id, verified FROM edges FINAL
WHERE realm = {realm:String} AND a IN {nodes:Array(UUID)}
ORDER BY a, b LIMIT {limit:UInt32}

-- edges_down --
-- Edges whose larger end is one of these nodes while the smaller one is no member of their profile;
-- no more than a limit.
SELECT a, a_type, a_issuer, b, b_type, b_issuer, first_seen, event_id, verified
FROM edges_reversed FINAL
WHERE realm = {realm:String} AND b IN {nodes:Array(UUID)} AND a NOT IN {members:Array(UUID)}
ORDER BY b, a LIMIT {limit:UInt32}

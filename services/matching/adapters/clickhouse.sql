-- nodes --
-- The next nodes with attributes, in the order of the key: a page reads only its own rows.
SELECT DISTINCT node FROM observations
WHERE realm = {realm:String} AND NOT synthetic AND node > {after:UUID}
ORDER BY node LIMIT {limit:UInt32}

-- before --
-- Those of these nodes that stand on an earlier page of nodes with attributes.
SELECT DISTINCT node FROM observations
WHERE realm = {realm:String} AND NOT synthetic AND node IN {nodes:Array(UUID)}
    AND node <= {after:UUID}

-- values --
-- Type, issuer and value of nodes.
SELECT node, type, issuer, value FROM node_values
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
LIMIT 1 BY node

-- decisions --
-- The decisions that stand.
SELECT a, b, verdict FROM decisions FINAL
WHERE realm = {realm:String} AND verdict != 'none'

-- stated --
-- The latest links that events state and nobody proved.
SELECT a, b, event_id FROM edges FINAL
WHERE realm = {realm:String} AND NOT verified
ORDER BY first_seen DESC, a, b LIMIT {limit:UInt32}

-- suggestions --
-- The suggestions of a realm, the most probable first, those that are stated last.
SELECT node, other_node, kind, probability, weight, fields, words, weights, notes, event_ids,
    is_stale, created_at, refreshed_at, model
FROM suggestions FINAL
WHERE realm = {realm:String}
ORDER BY weight DESC, refreshed_at DESC, toString(node), toString(other_node)

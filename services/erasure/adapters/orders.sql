-- open --
-- Orders that are not at their end, the earliest first.
SELECT realm, nodes, erased_at, anonymise, step FROM erasure_orders FINAL
WHERE step < 3 ORDER BY erased_at, erasure_id

-- of_node --
-- The open order that names all of these nodes.
SELECT realm, nodes, erased_at, anonymise, step FROM erasure_orders FINAL
WHERE realm = {realm:String} AND step < 3 AND hasAll(nodes, {nodes:Array(UUID)})
ORDER BY erased_at, erasure_id LIMIT 1

-- step --
-- How far an order is.
SELECT step FROM erasure_orders FINAL WHERE realm = {realm:String} AND erasure_id = {id:String}

-- refused --
-- Up to when nothing counts that is said of these nodes: without end while an order is open.
SELECT node, max(until) FROM
(
    SELECT node, erased_at AS until FROM erasures
    WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    UNION ALL
    SELECT arrayJoin(nodes) AS node, toDateTime64('2200-01-01 00:00:00', 3, 'UTC') AS until
    FROM erasure_orders FINAL WHERE realm = {realm:String} AND step < 3
)
WHERE node IN {nodes:Array(UUID)} GROUP BY node

-- standing --
-- Those of these nodes of which an event is stored.
SELECT DISTINCT node FROM touchpoints
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
UNION DISTINCT
SELECT DISTINCT node FROM node_values
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}

-- stated --
-- Those of these nodes that only somebody who was erased had stated.
SELECT DISTINCT node FROM erasure_runs ARRAY JOIN stated AS node
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}

-- stored --
-- Those of these events of which a body is stored.
SELECT DISTINCT event_id FROM event_ids
WHERE realm = {realm:String} AND event_hash IN {hashes:Array(UInt64)}

-- paused --
-- Partitions that pause for an erasure.
SELECT DISTINCT partition FROM erasure_pauses WHERE erasure_id = {id:String}

-- pausing --
-- Erasures for which nobody may write an incident now.
SELECT erasure_id FROM erasure_orders FINAL WHERE step = 2 ORDER BY erasure_id

-- latest --
-- The latest time (Unix ms) up to which somebody was erased, by realm.
SELECT realm, toUnixTimestamp64Milli(max(erased_at)) FROM erasures GROUP BY realm

-- erased --
-- Up to when nothing counts of those of these nodes that were erased.
SELECT node, toUnixTimestamp64Milli(max(erased_at)) FROM erasures
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} GROUP BY node

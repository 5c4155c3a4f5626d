-- pausing --
-- Erasures for which nobody may write an incident now.
SELECT erasure_id FROM erasure_orders FINAL WHERE step = 2 ORDER BY erasure_id

-- latest --
-- The latest time (Unix ms) up to which somebody was erased, by realm.
SELECT realm, toUnixTimestamp64Milli(max(erased_at)) FROM erasures GROUP BY realm

-- erased --
-- Those of these nodes that were erased, and whether they are the anchor of an event again.
WITH ledger AS
    (
        SELECT DISTINCT node FROM erasures
        WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    )
SELECT node, node IN (SELECT node FROM touchpoints
    WHERE realm = {realm:String} AND node IN (SELECT node FROM ledger))
FROM ledger

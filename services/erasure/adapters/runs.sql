-- run --
-- One erasure: how far it is, and what it removed.
SELECT realm, erasure_id, nodes, arrayConcat(stated, unnamed), touched, marked,
    toUnixTimestamp64Milli(erased_at), stage, counts
FROM erasure_runs FINAL WHERE realm = {realm:String} AND erasure_id = {id:String}

-- of_node --
-- The latest erasure of all of these nodes.
SELECT realm, erasure_id, nodes, arrayConcat(stated, unnamed), touched, marked,
    toUnixTimestamp64Milli(erased_at), stage, counts
FROM erasure_runs FINAL
WHERE realm = {realm:String} AND hasAll(nodes, {nodes:Array(UUID)}) ORDER BY erased_at DESC LIMIT 1

-- timed --
-- Tables of events with their times.
SELECT table FROM system.columns
WHERE database = currentDatabase() AND name = 'occurred_at' AND table IN {tables:Array(String)}
ORDER BY table

-- older --
-- Rows of a table of these nodes up to their erasure.
SELECT count() FROM {table:Identifier} AS facts
INNER JOIN (SELECT node, erased_at FROM erasures FINAL WHERE realm = {realm:String}
    AND node IN {nodes:Array(UUID)}) AS ledger ON facts.node = ledger.node
WHERE facts.realm = {realm:String} AND facts.node IN {nodes:Array(UUID)}
    AND facts.occurred_at <= ledger.erased_at

-- newer --
-- Events of these nodes since their erasure.
SELECT count() FROM touchpoints AS facts
INNER JOIN (SELECT node, erased_at FROM erasures FINAL WHERE realm = {realm:String}
    AND node IN {nodes:Array(UUID)}) AS ledger ON facts.node = ledger.node
WHERE facts.realm = {realm:String} AND facts.node IN {nodes:Array(UUID)}
    AND facts.occurred_at > ledger.erased_at

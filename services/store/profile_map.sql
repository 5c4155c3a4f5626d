-- Read without FINAL, which costs up to ten times as much while parts are not merged (docs/adr/0005).
-- A row replaces another of its key by version, and by insertion where versions are equal, as with
-- FINAL. Only key columns may be filtered: any other condition would bring replaced rows back.

-- placements --
-- The profile that holds each node, and its kind, by the latest row of the map.
SELECT UUIDToNum(node), UUIDToNum(profile), kind FROM map
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
ORDER BY version DESC, _block_number DESC LIMIT 1 BY node

-- types --
-- The type of each node, which no row of it changes.
SELECT node, any(type) FROM map
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} GROUP BY node

-- members --
-- The nodes that these profiles hold or held: rows remain when a node moves, so the map decides. One
-- statement with a subquery of these takes 1.5 times as much as the two.
SELECT DISTINCT UUIDToNum(node) FROM members WHERE realm = {realm:String} AND profile IN {profiles:Array(UUID)}

-- former_profiles --
-- Every profile that ever held one of these nodes. There is no index by node, so all rows of the
-- realm are read; asked only after a failure or a takeover.
SELECT DISTINCT profile FROM members
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}

-- highest_version --
-- The highest version in each of these parts.
SELECT _part, max(version) FROM members WHERE _part IN {parts:Array(String)} GROUP BY _part

-- latest_version --
-- The highest version up to one, in these parts; 0 if there is none.
SELECT max(version) FROM members
WHERE _part IN {parts:Array(String)} AND version <= {until:UInt64}

-- rows_by_version --
-- How many rows each version wrote that were not replaced, the lowest version first.
SELECT version, count() FROM members
WHERE _part IN {parts:Array(String)} AND version > {after:UInt64} AND version <= {until:UInt64}
GROUP BY version ORDER BY version LIMIT {rows:UInt32}

-- written --
-- The rows that versions wrote, the latest first. A row is missing if a later one of the same node
-- and profile replaced it.
SELECT realm, node, type, profile, kind, version FROM members
WHERE _part IN {parts:Array(String)} AND version > {after:UInt64} AND version <= {until:UInt64}
ORDER BY version DESC, _block_number DESC LIMIT 1 BY realm, profile, node

-- history --
-- Every row of these nodes, the latest first, but for replaced ones, as above. There is no index by
-- node, so all rows of the realm are read.
SELECT node, type, profile, kind, version FROM members
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
ORDER BY version DESC, _block_number DESC LIMIT 1 BY profile, node

-- realm_version --
-- The highest version of any row of a realm; 0 if there is none.
SELECT max(version) FROM members WHERE realm = {realm:String}

-- Replaced rows are left out by `ORDER BY version DESC LIMIT 1 BY` (clickhouse.sql says why): inside
-- stand conditions on key columns only, and what a row says is judged by the caller.

-- of_nodes --
-- What the events with each node say of accounts and households.
SELECT node, event_id, occurred_at, synthetic, source_system, group_kind, group_action,
    group_issuer, group_id, group.field, group.value, member.roles, member_title, member_since,
    member_until
FROM group_facts WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
ORDER BY version DESC LIMIT 1 BY node, event_id

-- of_events --
-- The same of events, given as nodes and event ids: a superset of the pairs.
SELECT node, event_id, occurred_at, synthetic, source_system, group_kind, group_action,
    group_issuer, group_id, group.field, group.value, member.roles, member_title, member_since,
    member_until
FROM group_facts WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    AND event_id IN {events:Array(String)}
ORDER BY version DESC LIMIT 1 BY node, event_id

-- events_naming --
-- Where groups of these numbers were named, by any issuer and in any body: at most so many events.
SELECT DISTINCT node, event_id FROM group_keys
WHERE realm = {realm:String} AND group_kind = {kind:String} AND group_action = {action:String}
    AND group_id IN {numbers:Array(String)}
LIMIT {limit:UInt32}

-- numbers --
-- A page of the numbers of groups of a kind.
SELECT DISTINCT group_id FROM group_keys
WHERE realm = {realm:String} AND group_kind = {kind:String} AND group_id > {after:String}
ORDER BY group_id LIMIT {limit:UInt32}

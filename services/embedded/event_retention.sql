-- realms --
-- Realms of which there are events.
SELECT DISTINCT realm FROM touchpoints

-- standing --
-- The cut-offs that are noted: realm, type, before (Unix milliseconds) and stage.
SELECT realm, type, toUnixTimestamp64Milli(before), stage FROM event_cutoffs FINAL
ORDER BY realm, type

-- list_events --
-- Lists the events of a type that are older than its cut-off. What is listed again changes nothing.
INSERT INTO expired_events
SELECT realm, node, event_id, ids.node FROM touchpoints FINAL
WHERE realm = {realm:String} AND type = {type:String}
    AND occurred_at < fromUnixTimestamp64Milli({before:Int64})

-- listed --
-- How many are listed.
SELECT count() FROM expired_events

-- count_facts --
-- How many rows a table has of one part of the listed events.
SELECT count() FROM {table:Identifier}
WHERE cityHash64(event_id) % {parts:UInt32} = {part:UInt32} AND (realm, node, event_id) IN (
    SELECT realm, node, event_id FROM expired_events
    WHERE cityHash64(event_id) % {parts:UInt32} = {part:UInt32})

-- delete_facts --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
WHERE cityHash64(event_id) % {parts:UInt32} = {part:UInt32} AND (realm, node, event_id) IN (
    SELECT realm, node, event_id FROM expired_events
    WHERE cityHash64(event_id) % {parts:UInt32} = {part:UInt32})

-- count_evidence --
-- How many rows of a table rest on one part of the listed events, under whatever anchor.
SELECT count() FROM {table:Identifier}
WHERE cityHash64(event_id) % {parts:UInt32} = {part:UInt32} AND (realm, event_id) IN (
    SELECT realm, event_id FROM expired_events
    WHERE cityHash64(event_id) % {parts:UInt32} = {part:UInt32})

-- delete_evidence --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
WHERE cityHash64(event_id) % {parts:UInt32} = {part:UInt32} AND (realm, event_id) IN (
    SELECT realm, event_id FROM expired_events
    WHERE cityHash64(event_id) % {parts:UInt32} = {part:UInt32})

-- edges_page --
-- Edges that rest on one part of the listed events, a page after a place.
SELECT realm, a, b FROM edges FINAL
WHERE (realm, a, b) > ({realm:String}, {a:UUID}, {b:UUID})
    AND cityHash64(event_id) % {parts:UInt32} = {part:UInt32} AND (realm, event_id) IN (
        SELECT realm, event_id FROM expired_events
        WHERE cityHash64(event_id) % {parts:UInt32} = {part:UInt32})
ORDER BY realm, a, b LIMIT {limit:UInt32}

-- events_page --
-- Events of these anchors that name one of these identifiers, a page after a place.
SELECT node, event_id, payload, received_at, intake FROM touchpoints FINAL
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    AND (node, event_id) > ({after_node:UUID}, {after_id:String})
    AND hasAny(ids.node, {nodes:Array(UUID)}) AND length(ids.node) > 1
ORDER BY node, event_id LIMIT {limit:UInt32}

-- nodes_page --
-- Nodes that lost an edge or its first evidence, a page after a place; all, or those that no edge
-- holds.
SELECT realm, node FROM unlinked_nodes FINAL
WHERE (realm, node) > ({realm:String}, {node:UUID}) AND (alone OR NOT {alone:Bool})
ORDER BY realm, node LIMIT {limit:UInt32}

-- count_alone --
-- How many rows of a table are of nodes that no edge holds.
SELECT count() FROM {table:Identifier}
WHERE (realm, node) IN (SELECT realm, node FROM unlinked_nodes FINAL WHERE alone)

-- delete_alone --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
WHERE (realm, node) IN (SELECT realm, node FROM unlinked_nodes FINAL WHERE alone)

-- list_unnamed --
-- Lists, of one part of the nodes that listed events name, those that no event names any more.
INSERT INTO unnamed_nodes
WITH candidates AS (SELECT DISTINCT realm, node FROM
(
    SELECT realm, arrayJoin(arrayPushBack(named, node)) AS node FROM expired_events
    UNION ALL
    SELECT realm, node FROM unlinked_nodes
) WHERE cityHash64(node) % {parts:UInt32} = {part:UInt32})
SELECT realm, node FROM candidates
WHERE (realm, node) NOT IN (SELECT realm, node FROM touchpoints FINAL
        WHERE (realm, node) IN (SELECT realm, node FROM candidates))
    AND (realm, node) NOT IN (SELECT realm, one FROM identifiers FINAL ARRAY JOIN ids.node AS one
        WHERE (realm, one) IN (SELECT realm, node FROM candidates))

-- count_unnamed --
-- How many rows of a table are of nodes that no event names any more.
SELECT count() FROM {table:Identifier}
WHERE (realm, node) IN (SELECT realm, node FROM unnamed_nodes)

-- delete_unnamed --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
WHERE (realm, node) IN (SELECT realm, node FROM unnamed_nodes)

-- count_unnamed_suggestions --
-- How many suggestions of a table are about nodes that no event names any more.
SELECT count() FROM {table:Identifier}
WHERE (realm, node) IN (SELECT realm, node FROM unnamed_nodes)
    OR (realm, other_node) IN (SELECT realm, node FROM unnamed_nodes)

-- delete_unnamed_suggestions --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
WHERE (realm, node) IN (SELECT realm, node FROM unnamed_nodes)
    OR (realm, other_node) IN (SELECT realm, node FROM unnamed_nodes)

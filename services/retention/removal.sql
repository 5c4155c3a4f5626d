-- list_events --
-- Lists the events of a type that are older than its cut-off. What is listed again changes nothing.
INSERT INTO expired_events (realm, node, event_id, named, version)
SELECT realm, node, event_id, ids.node, version FROM touchpoints FINAL
WHERE realm = {realm:String} AND type = {type:String}
    AND occurred_at < fromUnixTimestamp64Milli({before:Int64})

-- list_corrected --
-- Lists the events of a type that stay and have left an edge that is older than the cut-off: it rests
-- on a body that another one has replaced. With the version of a former body, so that their rows stay.
INSERT INTO expired_events (realm, node, event_id, named, version)
WITH replaced AS
(
    SELECT event_id FROM touchpoints
    WHERE realm = {realm:String} AND type = {type:String} AND version >= 4294967296
    UNION DISTINCT
    SELECT event_id FROM id_conflicts WHERE realm = {realm:String}
)
SELECT realm, node, event_id, ids.node, version - 1 FROM touchpoints FINAL
WHERE realm = {realm:String} AND type = {type:String}
    AND occurred_at >= fromUnixTimestamp64Milli({before:Int64})
    AND event_id IN (
        SELECT event_id FROM edges
        WHERE realm = {realm:String} AND first_seen < fromUnixTimestamp64Milli({before:Int64})
            AND event_id IN (SELECT event_id FROM replaced))

-- listed --
-- How many are listed.
SELECT count() FROM expired_events WHERE realm = {realm:String}

-- count_facts --
-- How many rows a table has of one part of the listed events, but for those of which a newer body
-- came in since.
SELECT count() FROM {table:Identifier}
WHERE realm = {realm:String} AND cityHash64(event_id) % {parts:UInt32} = {part:UInt32}
    AND (node, event_id) IN (
        SELECT node, event_id FROM expired_events
        WHERE realm = {realm:String} AND cityHash64(event_id) % {parts:UInt32} = {part:UInt32})
    AND (node, event_id) NOT IN (
        SELECT facts.node, facts.event_id FROM touchpoints AS facts
        INNER JOIN (SELECT node, event_id, version FROM expired_events
            WHERE realm = {realm:String} AND cityHash64(event_id) % {parts:UInt32} = {part:UInt32}
        ) AS listed ON facts.node = listed.node AND facts.event_id = listed.event_id
        WHERE facts.realm = {realm:String} AND facts.version > listed.version
            AND facts.node IN (SELECT node FROM expired_events WHERE realm = {realm:String}
                AND cityHash64(event_id) % {parts:UInt32} = {part:UInt32}))

-- delete_facts --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
-- WHERE of count_facts --

-- sent_again --
-- Events of which a newer body came in since they were listed, a page after a place.
SELECT node, event_id, payload, received_at, intake FROM touchpoints FINAL
WHERE realm = {realm:String} AND (node, event_id) > ({after_node:UUID}, {after_id:String})
    AND (node, event_id) IN (
        SELECT node, event_id FROM expired_events WHERE realm = {realm:String})
ORDER BY node, event_id LIMIT {limit:UInt32}

-- count_evidence --
-- How many rows of a table rest on one part of the listed events, under whatever anchor.
SELECT count() FROM {table:Identifier}
WHERE realm = {realm:String} AND cityHash64(event_id) % {parts:UInt32} = {part:UInt32}
    AND event_id IN (
        SELECT event_id FROM expired_events
        WHERE realm = {realm:String} AND cityHash64(event_id) % {parts:UInt32} = {part:UInt32})

-- delete_evidence --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
-- WHERE of count_evidence --

-- count_links --
-- How many rows of a table of edges rest on one part of the listed events, but for those that rest on
-- the body that stays of a corrected one.
SELECT count() FROM {table:Identifier}
WHERE realm = {realm:String} AND cityHash64(event_id) % {parts:UInt32} = {part:UInt32}
    AND event_id IN (
        SELECT event_id FROM expired_events
        WHERE realm = {realm:String} AND cityHash64(event_id) % {parts:UInt32} = {part:UInt32})
    AND (event_id, first_seen) NOT IN (
        SELECT event_id, occurred_at FROM touchpoints FINAL
        WHERE realm = {realm:String} AND node IN (
                SELECT node FROM expired_events WHERE realm = {realm:String}
                    AND cityHash64(event_id) % {parts:UInt32} = {part:UInt32})
            AND (node, event_id, version) IN (
                SELECT node, event_id, version + 1 FROM expired_events WHERE realm = {realm:String}
                    AND cityHash64(event_id) % {parts:UInt32} = {part:UInt32}))

-- delete_links --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
-- WHERE of count_links --

-- edges_page --
-- Edges that rest on one part of the listed events, a page after a place.
SELECT a, b, a_type, a_issuer, b_type, b_issuer FROM edges FINAL
WHERE realm = {realm:String} AND (a, b) > ({a:UUID}, {b:UUID})
    AND cityHash64(event_id) % {parts:UInt32} = {part:UInt32} AND event_id IN (
        SELECT event_id FROM expired_events
        WHERE realm = {realm:String} AND cityHash64(event_id) % {parts:UInt32} = {part:UInt32})
ORDER BY a, b LIMIT {limit:UInt32}

-- events_page --
-- Events of these anchors that name one of these identifiers, a page after a place; the body only of
-- types of which it says who made them.
SELECT node, event_id, toUnixTimestamp64Milli(occurred_at), anchor_type, anchor_verified, ids.node,
    ids.type, ids.verified, intake, if(type IN {link_types:Array(String)}, payload, '')
FROM touchpoints FINAL
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    AND (node, event_id) > ({after_node:UUID}, {after_id:String})
    AND hasAny(ids.node, {nodes:Array(UUID)}) AND length(ids.node) > 1
ORDER BY node, event_id LIMIT {limit:UInt32}

-- nodes_page --
-- Nodes that lost an edge or its first evidence, a page after a place; all, or those that no edge
-- holds.
SELECT node FROM unlinked_nodes FINAL
WHERE realm = {realm:String} AND node > {node:UUID} AND (alone OR NOT {alone:Bool})
ORDER BY node LIMIT {limit:UInt32}

-- count_alone --
-- How many rows of a table are of nodes that no edge holds.
SELECT count() FROM {table:Identifier}
WHERE realm = {realm:String} AND node IN (
    SELECT node FROM unlinked_nodes FINAL WHERE realm = {realm:String} AND alone)

-- delete_alone --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
-- WHERE of count_alone --

-- list_unnamed --
-- Lists, of one part of the nodes that listed events name, those that no event names any more.
INSERT INTO unnamed_nodes
WITH candidates AS (SELECT DISTINCT node FROM
(
    SELECT arrayJoin(arrayPushBack(named, node)) AS node FROM expired_events
    WHERE realm = {realm:String}
    UNION ALL
    SELECT node FROM unlinked_nodes WHERE realm = {realm:String}
) WHERE cityHash64(node) % {parts:UInt32} = {part:UInt32})
SELECT {realm:String}, node FROM candidates
WHERE node NOT IN (SELECT node FROM touchpoints FINAL
        WHERE realm = {realm:String} AND node IN (SELECT node FROM candidates))
    AND node NOT IN (SELECT one FROM identifiers FINAL ARRAY JOIN ids.node AS one
        WHERE realm = {realm:String} AND one IN (SELECT node FROM candidates))

-- count_unnamed --
-- How many rows of a table are of nodes that no event names any more.
SELECT count() FROM {table:Identifier}
WHERE realm = {realm:String}
    AND node IN (SELECT node FROM unnamed_nodes WHERE realm = {realm:String})

-- delete_unnamed --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
-- WHERE of count_unnamed --

-- count_unnamed_suggestions --
-- How many suggestions of a table are about nodes that no event names any more.
SELECT count() FROM {table:Identifier}
WHERE realm = {realm:String}
    AND (node IN (SELECT node FROM unnamed_nodes WHERE realm = {realm:String})
        OR other_node IN (SELECT node FROM unnamed_nodes WHERE realm = {realm:String}))

-- delete_unnamed_suggestions --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
-- WHERE of count_unnamed_suggestions --

-- named_again --
-- Events that name one of the nodes that none named when these were listed, a page after a place.
SELECT node, event_id, payload, received_at, intake FROM touchpoints FINAL
WHERE realm = {realm:String} AND (node, event_id) > ({after_node:UUID}, {after_id:String})
    AND (node, event_id) IN
    (
        SELECT node, event_id FROM touchpoints
        WHERE realm = {realm:String}
            AND node IN (SELECT node FROM unnamed_nodes WHERE realm = {realm:String})
        UNION ALL
        SELECT identifiers.node, event_id FROM identifiers ARRAY JOIN ids.node AS one
        WHERE realm = {realm:String}
            AND one IN (SELECT node FROM unnamed_nodes WHERE realm = {realm:String})
    )
ORDER BY node, event_id LIMIT {limit:UInt32}

-- unnamed_page --
-- Nodes that no event named when they were listed, a page after a place.
SELECT DISTINCT node FROM unnamed_nodes
WHERE realm = {realm:String} AND node > {node:UUID}
ORDER BY node LIMIT {limit:UInt32}

-- known --
-- Those of these nodes that are on the map or have a value.
SELECT node FROM map WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
UNION DISTINCT
SELECT node FROM node_values WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}

-- count_list --
-- How many rows of a work table are of the realm.
SELECT count() FROM {table:Identifier}
WHERE realm = {realm:String}

-- delete_list --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
-- WHERE of count_list --

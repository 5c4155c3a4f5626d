-- watermarks --
-- The latest times of every channel of every realm, of events that are processed.
SELECT realm, channel, max(occurred_at), max(received_at) FROM watermarks
GROUP BY realm, channel ORDER BY realm, channel

-- stored --
-- Under which anchors an event is stored, and the batch that wrote each; the latest body first.
SELECT node, batch FROM event_ids
WHERE realm = {realm:String} AND event_hash = {hash:UInt64} AND event_id = {event_id:String}
ORDER BY version DESC

-- checkpoint --
-- The last batch of the embedded engine that is processed to the end; 0 if there is none.
SELECT max(batch) FROM checkpoints

-- fact --
-- An event as it was sent, how it came in, and whether its body is in every table that a view fills
-- with it: rows of views can be read a moment later.
SELECT payload, received_at, intake,
    (NOT (order_action != '' OR corrects) OR version IN (SELECT version FROM orders
        WHERE realm = {realm:String} AND node = {node:UUID} AND event_id = {event_id:String}))
    AND (NOT (notEmpty(consents.action) OR corrects) OR version IN (SELECT version FROM consents
        WHERE realm = {realm:String} AND node = {node:UUID} AND event_id = {event_id:String}))
    AND (NOT (notEmpty(attrs.name) OR corrects) OR version IN (SELECT version FROM observations
        WHERE realm = {realm:String} AND node = {node:UUID} AND event_id = {event_id:String}))
    AND (NOT (notEmpty(offers.sku) OR corrects) OR version IN (SELECT version FROM offers
        WHERE realm = {realm:String} AND node = {node:UUID} AND event_id = {event_id:String}))
    AND (empty(offers.sku) OR version IN (SELECT version FROM price_claims
        WHERE realm = {realm:String} AND node = {node:UUID} AND event_id = {event_id:String}))
    AND (NOT (notEmpty(ids.node) OR corrects) OR version IN (SELECT version FROM identifiers
        WHERE realm = {realm:String} AND node = {node:UUID} AND event_id = {event_id:String}))
    AND (NOT (survey_kind != '' OR corrects) OR version IN (SELECT version FROM surveys
        WHERE realm = {realm:String} AND node = {node:UUID} AND event_id = {event_id:String}))
    AND (NOT (interaction != '' OR corrects) OR version IN (SELECT version FROM interactions
        WHERE realm = {realm:String} AND node = {node:UUID} AND event_id = {event_id:String}))
    AND (NOT (group_kind != '' OR corrects) OR version IN (SELECT version FROM group_facts
        WHERE realm = {realm:String} AND node = {node:UUID} AND event_id = {event_id:String}))
    AND (NOT (notEmpty(claims.kind) OR corrects) OR version IN (SELECT version FROM claims
        WHERE realm = {realm:String} AND node = {node:UUID} AND event_id = {event_id:String}))
    AND (empty(claims.kind) OR version IN (SELECT version FROM statements
        WHERE realm = {realm:String} AND node = {node:UUID} AND event_id = {event_id:String}))
    AND (NOT (order_id != '' AND order_action IN ('placed', 'cancelled', 'returned'))
        OR order_id IN (SELECT order_id FROM order_keys
        WHERE realm = {realm:String} AND node = {node:UUID} AND event_id = {event_id:String}))
    AND (NOT (return_id != '' AND order_action IN ('placed', 'cancelled', 'returned'))
        OR return_id IN (SELECT order_id FROM order_keys
        WHERE realm = {realm:String} AND node = {node:UUID} AND event_id = {event_id:String})) AS is_projected
FROM touchpoints WHERE realm = {realm:String} AND node = {node:UUID} AND event_id = {event_id:String}
ORDER BY version DESC LIMIT 1

-- valued --
-- How many of these nodes have their values stored.
SELECT uniqExact(node) FROM node_values
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}

-- edges --
-- The edges between these nodes: their rank, the best first, and the version of the batch that
-- wrote each.
SELECT a, b, toUInt8(NOT verified), toUnixTimestamp64Milli(first_seen), event_id, batch
FROM edges FINAL
WHERE realm = {realm:String} AND a IN {nodes:Array(UUID)} AND b IN {nodes:Array(UUID)}

-- finished --
-- The version of the last batch of a partition that is completely processed; 0 if there is none.
SELECT max(version) FROM log_positions
WHERE topic = {topic:String} AND partition = {partition:UInt32}

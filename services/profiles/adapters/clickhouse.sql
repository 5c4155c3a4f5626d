-- Reads by key are deduplicated with `ORDER BY version DESC LIMIT 1 BY key`, which gives the result
-- of FINAL at half its cost while parts are not merged. Only key columns may be filtered inside;
-- every other condition must be outside, or it would bring replaced rows back.

-- types_alone --
-- A type of each node, by its value or by the events it is the anchor of.
SELECT node, any(type) FROM
(
    SELECT node, type FROM node_values
    WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    UNION ALL
    SELECT node, anchor_type FROM touchpoints
    WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
) GROUP BY node

-- values --
-- Type, issuer and value of nodes.
SELECT node, type, issuer, value FROM node_values
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} LIMIT 1 BY node

-- facts --
-- What the events with each node say, at most so many bodies of them, replaced ones included.
SELECT node, event_id, version, profile_facts
FROM touchpoints WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
LIMIT {limit:UInt32}

-- contacts --
-- First and last contact, last activity (1970 if there is none) and channels of each anchor with each
-- node its events name, up to a time.
SELECT node, standing, any(anchor_type), min(occurred_at), max(occurred_at),
    maxIf(occurred_at, active), groupUniqArray(channel) FROM
(
    SELECT node, `ids.node` AS others, anchor_type, occurred_at, channel, synthetic, active
    FROM touchpoints WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    ORDER BY version DESC LIMIT 1 BY node, event_id
)
ARRAY JOIN arrayDistinct(arrayPushBack(others, node)) AS standing
WHERE NOT synthetic AND toUnixTimestamp64Milli(occurred_at) <= {until:Int64}
GROUP BY node, standing

-- observations --
-- Attributes reported with each node.
SELECT node, synthetic, event_id, occurred_at, channel, source_system, attrs.name, attrs.value,
    attrs.present
FROM observations WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
ORDER BY version DESC LIMIT 1 BY node, event_id

-- consents --
-- Consents, withdrawals and objections reported with each node.
SELECT node, synthetic, event_id, occurred_at, consents.action, consents.purpose,
    consents.channel, consents.address, consents.basis, consents.double_opt_in
FROM consents WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
ORDER BY version DESC LIMIT 1 BY node, event_id

-- reports_by_node --
-- Reports of orders, cancellations and returns that name these nodes.
SELECT node, event_id, occurred_at, anchor_type, order_action, order_issuer, order_id, return_id,
    order_currency, order_value, is_whole FROM
(
    SELECT node, event_id, occurred_at, anchor_type, order_action, order_issuer, order_id,
        return_id, order_currency, order_value, order_counts, synthetic,
        empty(lines.kind) AS is_whole
    FROM orders
    WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    ORDER BY version DESC LIMIT 1 BY node, event_id
)
WHERE order_counts AND NOT synthetic AND order_action IN ('placed', 'cancelled', 'returned')

-- reports_by_event --
-- The same by node and event id, a superset of the pairs.
SELECT node, event_id, occurred_at, anchor_type, order_action, order_issuer, order_id, return_id,
    order_currency, order_value, is_whole FROM
(
    SELECT node, event_id, occurred_at, anchor_type, order_action, order_issuer, order_id,
        return_id, order_currency, order_value, order_counts, synthetic,
        empty(lines.kind) AS is_whole
    FROM orders
    WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND event_id IN {events:Array(String)}
    ORDER BY version DESC LIMIT 1 BY node, event_id
)
WHERE order_counts AND NOT synthetic AND order_action IN ('placed', 'cancelled', 'returned')

-- keys_by_number --
-- Where orders or returns with these numbers were reported, by any issuer.
SELECT DISTINCT node, event_id FROM order_keys
WHERE realm = {realm:String} AND order_id IN {ids:Array(String)}

-- erased_after --
-- Those nodes that were erased at a time (Unix milliseconds) or later.
SELECT DISTINCT node FROM erasures
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    AND toUnixTimestamp64Milli(erased_at) >= {at:Int64}

-- erased --
-- Those nodes that were erased, and of which nothing is stored.
SELECT DISTINCT node FROM erasures
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    AND node NOT IN
    (
        SELECT node FROM node_values
        WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
        UNION ALL
        SELECT node FROM touchpoints
        WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    )

-- invented --
-- Of each node that events have as their anchor, whether all of them are synthetic.
SELECT node, min(synthetic) FROM
(
    SELECT node, synthetic FROM touchpoints
    WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    ORDER BY version DESC LIMIT 1 BY node, event_id
)
GROUP BY node

-- identifiers --
-- A page of all identifiers of a realm with the map row of each.
WITH page AS
(
    SELECT node, type, issuer, value FROM node_values FINAL
    WHERE realm = {realm:String} AND ({is_first:Bool} OR node > {after:UUID})
    ORDER BY node LIMIT {limit:UInt32}
)
SELECT p.node, p.type, p.issuer, p.value, m.kind, m.profile FROM page AS p
LEFT JOIN
(
    SELECT node, profile, kind FROM map FINAL
    WHERE realm = {realm:String} AND node IN (SELECT node FROM page)
) AS m ON p.node = m.node
ORDER BY p.node

-- Reads by key are deduplicated as those of profiles are: only key columns may be filtered inside,
-- every other condition must be outside, or it would bring replaced rows back.

-- events --
-- The events of some types with each node, without their bodies.
SELECT node, event_id, version, occurred_at, type, channel, source_store, source_system FROM
(
    SELECT node, event_id, version, occurred_at, type, channel, source_store, source_system, synthetic
    FROM touchpoints WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    ORDER BY version DESC LIMIT 1 BY node, event_id
)
WHERE NOT synthetic AND type IN {types:Array(String)}

-- orders --
-- Orders and returns by node and event id, a superset of the pairs, with their lines.
SELECT node, event_id, channel, source_store, order_id, order_currency, lines.sku, lines.kind,
    lines.category, lines.quantity, lines.total
FROM orders
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND event_id IN {events:Array(String)}
ORDER BY version DESC LIMIT 1 BY node, event_id

-- answers --
-- Answers to surveys with each node.
SELECT node, event_id, survey_kind, answers.question, answers.score, answers.expected,
    answers.choice
FROM surveys WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
ORDER BY version DESC LIMIT 1 BY node, event_id

-- payloads --
-- Events as they were sent, by node and event id, a superset of the pairs.
SELECT node, event_id, payload FROM touchpoints
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND event_id IN {events:Array(String)}
ORDER BY version DESC LIMIT 1 BY node, event_id

-- real --
-- Those of these nodes that events name which are no test.
SELECT DISTINCT node FROM
(
    SELECT node, synthetic FROM touchpoints
    WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    ORDER BY version DESC LIMIT 1 BY node, event_id
)
WHERE NOT synthetic

-- nodes --
-- The next identifiers of a realm, in the order of the key: a page reads only its own rows.
SELECT DISTINCT node FROM node_values
WHERE realm = {realm:String} AND ({is_first:Bool} OR node > {after:UUID})
ORDER BY node LIMIT {limit:UInt32}

-- reporting --
-- Under which identifiers orders or returns with these numbers were reported, by any issuer.
SELECT DISTINCT node FROM order_keys
WHERE realm = {realm:String} AND order_id IN {ids:Array(String)}

-- What relations with one customer are made of. These statements begin as those of measures do, so that
-- what counts is the same, but read the rows of few identifiers only (`of_nodes`). Of many facts the
-- latest are read.

-- kinds --
-- What there is at all, as `contract` or `survey`: nothing else is asked for. A correction may have emptied it.
SELECT DISTINCT kind::String AS kind FROM interactions
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
UNION DISTINCT
SELECT DISTINCT 'survey' FROM surveys WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}

-- lines --
-- What was sold with the orders that count.
WITH
    -- CTEs of baskets --,
    -- CTEs of order_lines --
SELECT at, event_id, sku::String AS sku, category, quantity, total, currency FROM order_lines
ORDER BY at DESC LIMIT {limit:UInt32}

-- looked --
-- Articles that the customer looked at in the year or put into a cart.
WITH
    -- CTEs of interactions --
SELECT occurred_at, event_id, about.1 AS what, about.2 AS weight FROM
(
    SELECT occurred_at, event_id, arrayJoin(type = 'product.viewed' ? [(sku, {viewed:Float64})]
        : arrayMap(one -> (one, {kept:Float64}), skus)) AS about
    FROM interacted
    WHERE type IN ('product.viewed', 'cart.updated')
        AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
)
ORDER BY occurred_at DESC LIMIT {limit:UInt32}

-- sent_back --
-- Articles that returns name.
SELECT occurred_at, event_id, arrayJoin(lines.sku) AS what, 1. AS weight
FROM orders FINAL
WHERE realm = {realm:String} AND order_action = 'returned' AND order_counts AND NOT synthetic
    AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
ORDER BY occurred_at DESC LIMIT {limit:UInt32}

-- contracts --
-- Every step of a contract. What it costs counts in the realm's currency.
WITH
    -- CTEs of interactions --
SELECT occurred_at, event_id, contract_id::String AS contract_id, type = 'contract.ended' AS is_ended, until,
    notice_until, toFloat64(if(currency = {currency:String}, value_per_year, NULL)) AS yearly
FROM interacted WHERE kind = 'contract'
ORDER BY occurred_at DESC LIMIT {limit:UInt32}

-- points --
-- Balances of programmes.
WITH
    -- CTEs of interactions --
SELECT occurred_at, event_id, programme::String AS what, toFloat64(assumeNotNull(points_balance)) AS weight
FROM interacted WHERE type = 'loyalty.changed' AND points_balance IS NOT NULL
ORDER BY occurred_at DESC LIMIT {limit:UInt32}

-- voices --
-- Whatever the customer said: answers to surveys but for scores of recommendation of 7 and 8, reviews,
-- complaints, recommendations, contacts of the service.
WITH
    -- CTEs of interactions --,
    -- CTEs of opinions --
SELECT at, event_id, what, 1. AS weight FROM
(
    SELECT occurred_at AS at, event_id, type::String AS what FROM interacted
    WHERE has({voice_types:Array(String)}, type)
        AND NOT (type = 'support.contacted' AND direction = 'us')
    UNION ALL
    SELECT at, event_id, source FROM replied
    WHERE is_named AND event_id NOT IN
    (
        SELECT event_id FROM rated WHERE source = 'nps'
        GROUP BY event_id HAVING max(sign_of) = 0 AND min(sign_of) = 0
    )
)
ORDER BY at DESC LIMIT {limit:UInt32}

-- feelings --
-- Whether the customer wanted to stay (1) or not (-1), by all that says so.
WITH
    -- CTEs of interactions --,
    -- CTEs of opinions --,
    -- CTEs of experiences --,
    -- CTEs of feelings --
SELECT at, event_id, '' AS what, toFloat64(sign) AS weight FROM feelings
ORDER BY at DESC LIMIT {limit:UInt32}

-- situations --
-- Answers that there is no other shop.
WITH
    -- CTEs of opinions --
SELECT at, event_id, choice::String AS what, 1. AS weight FROM rated
WHERE is_named AND question = 'bond' AND has({situations:Array(String)}, choice)
ORDER BY at DESC LIMIT {limit:UInt32}

-- signs --
-- What may be a reason to leave.
WITH
    -- CTEs of holders --,
    -- CTEs of interactions --,
    -- CTEs of baskets --,
    -- CTEs of contracts --,
    -- CTEs of service_steps --,
    -- CTEs of service_clocks --,
    -- CTEs of questions --,
    -- CTEs of verdicts --,
    -- CTEs of signs --,
    -- CTEs of buying_days --,
    -- CTEs of leavers --
SELECT sign.1 AS day, sign.2 AS what, sign.3 AS event_id FROM leavers ARRAY JOIN shown AS sign
ORDER BY day DESC LIMIT {limit:UInt32}

-- roles --
-- Roles in accounts.
SELECT occurred_at, event_id, concat('role=', arrayJoin(member.roles)) AS what, 1. AS weight FROM
(
    SELECT * FROM group_facts FINAL WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
)
WHERE NOT synthetic AND group_kind = 'account'
    AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
ORDER BY occurred_at DESC LIMIT {limit:UInt32}

-- looks --
-- Categories that the customer looked at.
WITH
    -- CTEs of interactions --
SELECT occurred_at, event_id, concat('category=', category) AS what, 1. AS weight FROM interacted
WHERE type = 'product.viewed' AND category != ''
ORDER BY occurred_at DESC LIMIT {limit:UInt32}

-- domains --
-- Of the addresses that identify the customer, without a time.
SELECT fromUnixTimestamp64Milli(0::Int64, 'UTC') AS at, '' AS event_id,
    concat('email=', lower(splitByChar('@', value)[-1])) AS what, 1. AS weight
FROM
(
    SELECT type, value FROM node_values FINAL
    WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
)
WHERE type = 'email' LIMIT {limit:UInt32}

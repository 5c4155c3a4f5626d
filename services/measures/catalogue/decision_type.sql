-- kinds --
-- Lines of orders of the window by how they were decided, and all together; the first rule that holds.
WITH
    -- CTEs of interactions --,
    -- CTEs of baskets --,
    -- CTEs of order_lines --,
    -- CTEs of tiers --,
    levels AS
    (
        SELECT category, quantileExact(0.8)(price) AS dear, quantileExactInclusive(0.5)(price) AS middle
        FROM tiers GROUP BY category
    ),
    looks AS
    (
        SELECT profile,
            groupArrayIf((toUnixTimestamp64Second(occurred_at) AS at_s, sku, category::String),
                type = 'product.viewed') AS views,
            groupArrayIf(at_s, type IN ('appointment.booked', 'quote.sent')) AS advice
        FROM interacted
        WHERE type IN ('product.viewed', 'appointment.booked', 'quote.sent') AND occurred_at
            >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') - toIntervalDay({look_days:UInt16})
        GROUP BY profile
    ),
    reductions AS
    (
        SELECT event_id, any(skus) AS reduced FROM interacted
        WHERE type = 'order.placed' AND notEmpty(skus) GROUP BY event_id
    ),
    bought AS
    (
        SELECT *, toDate(at, {zone:String}) AS day,
            arraySort(groupUniqArray(toInt32(day)) OVER
                (
                    PARTITION BY profile, sku ORDER BY day
                    RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                )) AS days,
            min(day) OVER (PARTITION BY profile, category) AS category_since
        FROM order_lines
    ),
    seen AS
    (
        SELECT b.profile AS profile, toUnixTimestamp64Second(b.at) AS at_s,
            arrayPopFront(arrayDifference(b.days)) AS gaps, arrayReduce('avg', gaps) AS mean_gap,
            b.sku != '' AND length(b.days) >= {habit_days_min:UInt8}
                AND arrayReduce('stddevPop', gaps) <= {variation_max:Float64} * mean_gap AS is_habit,
            b.category != '' AND b.category_since < b.day AS knows_category,
            toFloat64(b.total) / greatest(toFloat64(b.quantity), 0.0001) AS price,
            v.dear > 0 AND price >= v.dear AS is_dear,
            v.middle > 0 AND price < v.middle OR b.sku != '' AND has(r.reduced, b.sku) AS is_bargain,
            arrayFilter(x -> x.1 <= at_s AND x.1 >= at_s - 86400 * {look_days:UInt16}, l.views) AS views,
            arrayMin(arrayMap(x -> x.1, arrayFilter(x -> b.sku != '' AND x.2 = b.sku, views))) AS first_look,
            arrayExists(x -> x <= at_s AND x >= at_s - 86400 * {look_days:UInt16}, l.advice)
                OR b.category != '' AND arrayUniq(arrayMap(x -> x.2, arrayFilter(
                    x -> x.2 != '' AND x.3 = b.category, views))) >= {viewed_min:UInt8}
                OR is_dear AND first_look > 0 AND first_look <= at_s - {long_s:UInt32} AS is_extensive,
            (first_look = 0 OR first_look > at_s - {short_s:UInt32}) AND is_bargain AS is_impulsive,
            b.channel = {unbrowsed:String} AND empty(views) AS is_blind
        FROM bought AS b
        LEFT JOIN looks AS l ON b.profile = l.profile
        LEFT JOIN levels AS v ON b.category = v.category
        LEFT JOIN reductions AS r ON b.event_id = r.event_id
        WHERE b.at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    )
SELECT grouping(decided) = 1 ? '' : decided AS kind, uniqExact(profile) AS persons, count() AS lines
FROM
(
    SELECT profile, multiIf(is_habit, 'habitual', is_extensive AND NOT is_blind, 'extensive',
        knows_category, 'limited', is_impulsive AND NOT is_blind, 'impulsive', 'unknown') AS decided
    FROM seen
)
GROUP BY GROUPING SETS ((decided), ())

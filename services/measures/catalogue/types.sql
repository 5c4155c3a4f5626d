-- buyers --
-- Buyers of the window with what they did in it; a random part of them if there are many, the same each
-- time. Channels, and categories with most buyers, in the order of their names.
WITH
    -- CTEs of interactions --,
    -- CTEs of purchases --,
    -- CTEs of returns --,
    -- CTEs of baskets --,
    spent AS
    (
        SELECT profile, uniqExact(toDate(at, {zone:String}), place) AS occasions,
            dateDiff('day', toDate(max(at), {zone:String}), toDate(
                fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC'), {zone:String})) AS recency_days,
            toFloat64(sum(currency = {currency:String} ? revenue : 0)) AS revenue
        FROM purchases WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        GROUP BY profile
    ),
    part AS
    (
        SELECT *, count() OVER () AS buyers FROM spent
        ORDER BY sipHash64(profile), profile LIMIT {sample_max:UInt16}
    ),
    came_back AS
    (
        SELECT profile, toFloat64(sum(refund)) AS refunded FROM returns
        WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') GROUP BY profile
    ),
    cheaper AS
    (
        SELECT profile, toFloat64(sum(ifNull(amount, 0))) AS reduced FROM interacted
        WHERE type = 'order.placed' AND currency IN ('', {currency:String})
            AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        GROUP BY profile
    ),
    asked AS
    (
        SELECT profile, uniqExact(case_id) AS contacts FROM interacted
        WHERE kind = 'case' AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        GROUP BY profile
    ),
    recent AS
    (
        SELECT * FROM baskets WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    ),
    used AS (SELECT arraySort(groupUniqArray(channel)) AS names FROM recent),
    liked AS
    (
        SELECT arraySort(groupArray(category)) AS names
        FROM
        (
            SELECT arrayJoin(categories) AS category FROM recent
            GROUP BY category ORDER BY uniqExact(profile) DESC, category
            LIMIT {categories_max:UInt8}
        )
    ),
    ordered AS
    (
        SELECT profile, count() AS orders,
            arrayMap(name -> countEqual(groupArray(channel), name) / orders,
                (SELECT names FROM used)) AS channels,
            arrayMap(name -> countEqual(groupArrayArray(categories), name) / orders,
                (SELECT names FROM liked)) AS categories_of
        FROM recent GROUP BY profile
    )
SELECT p.recency_days AS recency_days, p.occasions AS occasions, p.revenue AS revenue,
    p.revenue > 0 ? least(1., c.reduced / p.revenue) : 0. AS reduced,
    p.revenue > 0 ? least(1., r.refunded / p.revenue) : 0. AS returned, a.contacts AS contacts,
    o.channels AS channels, o.categories_of AS categories, (SELECT names FROM used) AS channel_names,
    (SELECT names FROM liked) AS category_names, p.buyers AS buyers
FROM part AS p
INNER JOIN ordered AS o ON p.profile = o.profile
LEFT JOIN came_back AS r ON p.profile = r.profile
LEFT JOIN cheaper AS c ON p.profile = c.profile
LEFT JOIN asked AS a ON p.profile = a.profile

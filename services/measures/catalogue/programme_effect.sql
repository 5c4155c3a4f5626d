-- groups --
-- Who joined a programme in the window long enough ago, and who never did, by the month and by how they
-- had bought in the days before: when last, how often, and for how much. Others are looked at as if they
-- had joined in the middle of each month in which somebody did.
WITH
    -- CTEs of interactions --,
    -- CTEs of baskets --,
    joined AS
    (
        SELECT profile, min(occurred_at) AS since FROM interacted
        WHERE type = 'loyalty.changed' GROUP BY profile
    ),
    joiners AS
    (
        SELECT profile, since, toStartOfMonth(toDate(since, {zone:String})) AS month FROM joined
        WHERE since >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            AND since + toIntervalDay({effect_days:UInt16})
                <= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    ),
    months AS
    (
        SELECT month, toDateTime64(month + 14, 3, {zone:String}) AS since FROM joiners GROUP BY month
        HAVING since + toIntervalDay({effect_days:UInt16})
            <= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    ),
    spending AS
    (
        SELECT profile, at, currency = {currency:String}
            ? arraySum(arrayMap(line -> line.5, lines))::Decimal(38, 4) : 0::Decimal(38, 4) AS paid
        FROM baskets
    ),
    compared AS
    (
        SELECT s.profile AS profile, m.since AS since, m.month AS month, true AS is_member, s.at AS at,
            s.paid AS paid
        FROM joiners AS m INNER JOIN spending AS s ON m.profile = s.profile
        UNION ALL
        SELECT s.profile, m.since, m.month, false, s.at, s.paid
        FROM spending AS s CROSS JOIN months AS m
        WHERE s.profile NOT IN (SELECT profile FROM joined)
            AND s.at >= m.since - toIntervalDay({effect_days:UInt16})
            AND s.at < m.since + toIntervalDay({effect_days:UInt16})
    ),
    persons AS
    (
        SELECT profile, month, is_member,
            countIf(at < since AND at >= since - toIntervalDay({effect_days:UInt16})) AS orders,
            sumIf(paid, at < since AND at >= since - toIntervalDay({effect_days:UInt16})) AS spent,
            sumIf(paid, at >= since AND at < since + toIntervalDay({effect_days:UInt16})) AS later,
            intDiv(dateDiff('day', maxIf(at, at < since), any(since), {zone:String}), 30)
                AS recency
        FROM compared GROUP BY profile, month, is_member HAVING orders > 0
    )
SELECT concat(toString(month), ' ', toString(recency), ' ', toString(least(orders, 5)), ' ',
        toString(toUInt8(floor(log2(1 + greatest(0, toFloat64(spent))))))) AS stratum,
    is_member, count() AS persons, sum(spent)::Decimal(38, 4) AS before,
    sum(later)::Decimal(38, 4) AS after,
    sum(toDecimal256(later - spent, 4) * toDecimal256(later - spent, 4))::Decimal(76, 4) AS squares
FROM persons GROUP BY stratum, is_member

-- points --
-- Points that persons hold when the window ends, by programme, as the latest event says.
WITH
    -- CTEs of interactions --
SELECT programme, count() AS persons, sum(balance)::Decimal(38, 4) AS points
FROM
(
    SELECT profile, programme::String AS programme,
        argMax(points_balance, (occurred_at, event_id)) AS balance
    FROM interacted WHERE type = 'loyalty.changed' AND points_balance IS NOT NULL
    GROUP BY profile, programme
)
WHERE balance > 0 GROUP BY programme

-- groups --
-- Customers of the end of the window (an order in their time, or a running contract) by what ties them
-- then: core/bonds.py says what does.
WITH
    -- CTEs of interactions --,
    -- CTEs of opinions --,
    -- CTEs of experiences --,
    -- CTEs of feelings --,
    -- CTEs of baskets --,
    contracts AS
    (
        SELECT profile, count() AS many, countIf(ends_at IS NULL) AS endless,
            max(ends_at) AS last_end, sum(ends_at IS NULL ? 0 : ifNull(left_s, 0) * per_year
                / ({days_of_a_year:UInt16} * 86400)) AS worth
        FROM
        (
            SELECT profile, contract_id, argMax(type, rank) AS last,
                argMax(tuple(until), rank).1 AS ends_at,
                argMaxIf(value_per_year, rank, value_per_year IS NOT NULL
                    AND currency = {currency:String}) AS yearly,
                ifNull(toFloat64(yearly), 0) AS per_year,
                dateDiff('second', fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC'), ends_at)
                    AS left_s
            FROM
            (
                SELECT *, concat(toString(occurred_at), event_id) AS rank FROM interacted
                WHERE kind = 'contract'
            )
            GROUP BY profile, contract_id
            HAVING ends_at IS NULL AND last != 'contract.ended'
                OR ends_at > fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        )
        GROUP BY profile
    ),
    points AS
    (
        SELECT profile, toFloat64(sum(balance)) * {point_value:Float64} AS worth
        FROM
        (
            SELECT profile, argMax(assumeNotNull(points_balance),
                concat(toString(occurred_at), event_id)) AS balance
            FROM interacted WHERE type = 'loyalty.changed' AND points_balance IS NOT NULL
            GROUP BY profile, programme
        )
        GROUP BY profile
    ),
    bought AS
    (
        SELECT profile, groupArray((category, first_at, last_at)) AS categories,
            max(last_at) AS last_order_at
        FROM
        (
            SELECT profile, arrayJoin(arrayConcat(categories, [''])) AS category, min(at) AS first_at,
                max(at) AS last_at
            FROM baskets GROUP BY profile, category
        )
        GROUP BY profile
    ),
    said AS
    (
        SELECT profile, true AS is_situational FROM rated
        WHERE is_named AND question = 'bond' AND has({situations:Array(String)}, choice)
            AND at >= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
                - toIntervalDay({feeling_days:UInt16})
        GROUP BY profile
    ),
    felt AS
    (
        SELECT profile, argMax(sign, (at, event_id)) AS feeling FROM feelings
        WHERE at >= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
            - toIntervalDay({feeling_days:UInt16})
        GROUP BY profile
    ),
    everybody AS
    (
        SELECT profile FROM bought
        WHERE last_order_at >= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
            - toIntervalDay({active_days:UInt16})
        UNION DISTINCT
        SELECT profile FROM contracts
    )
SELECT c.many > 0 AS contractual, p.worth + c.worth >= {economic_min:Float64} AS economic,
    arrayExists((owned, accessory) -> arrayExists(x -> x.1 = owned AND arrayExists(
        y -> y.1 = accessory AND y.3 >= x.2, b.categories), b.categories),
        {owned:Array(String)}, {accessories:Array(String)}) AS technical,
    s.is_situational AS situational, f.feeling > 0 AS emotional, f.feeling < 0 AS is_dissatisfied,
    c.many = 0 OR c.endless > 0 ? -1 : toInt32(floor(dateDiff('second',
        fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC'), assumeNotNull(c.last_end))
        / (86400 * {days_of_a_month:Float64}))) AS months_left,
    count() AS persons
FROM everybody AS e
LEFT JOIN contracts AS c ON e.profile = c.profile
LEFT JOIN points AS p ON e.profile = p.profile
LEFT JOIN bought AS b ON e.profile = b.profile
LEFT JOIN said AS s ON e.profile = s.profile
LEFT JOIN felt AS f ON e.profile = f.profile
GROUP BY contractual, economic, technical, situational, emotional, is_dissatisfied, months_left

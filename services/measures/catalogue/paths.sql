-- paths --
-- Journeys that ended in the window by their channels, that of the order included; the most frequent
-- ways, and all together.
WITH
    -- CTEs of interactions --,
    -- CTEs of touches --,
    -- CTEs of baskets --,
    -- CTEs of journeys --,
    -- CTEs of ended --
SELECT is_total, channels, persons, journeys, orders, seconds, changed
FROM
(
    SELECT grouping(way) = 1 AS is_total, way AS channels, uniqExact(profile) AS persons,
        count() AS journeys, countIf(is_order) AS orders,
        sumIf(dateDiff('second', began_at, ordered_at), is_order) AS seconds,
        countIf(length(way_of) > 1) AS changed
    FROM (SELECT *, arraySlice(way_of, -{stations_max:UInt8}) AS way FROM ended)
    GROUP BY GROUPING SETS ((way), ())
)
ORDER BY is_total DESC, journeys DESC, channels LIMIT {paths_max:UInt16} + 1

-- steps --
-- Steps of these journeys from one channel to another one.
WITH
    -- CTEs of interactions --,
    -- CTEs of touches --,
    -- CTEs of baskets --,
    -- CTEs of journeys --,
    -- CTEs of ended --
SELECT step.1 AS from_channel, step.2 AS to_channel, uniqExact(profile) AS persons, count() AS many
FROM ended ARRAY JOIN arrayZip(arrayPopBack(way_of), arrayPopFront(way_of)) AS step
GROUP BY from_channel, to_channel ORDER BY many DESC, from_channel, to_channel
LIMIT {steps_max:UInt16}

-- figures --
-- Orders in stores after looking online within some days, orders online after a visit to a store, and
-- searches without a result after which the customer was on another channel within a day.
WITH
    -- CTEs of interactions --,
    -- CTEs of touches --,
    -- CTEs of baskets --,
    -- CTEs of journeys --,
    -- CTEs of ended --,
    vain AS
    (
        SELECT i.profile AS profile, i.occurred_at AS at, i.channel::String AS channel
        FROM interacted AS i
        WHERE i.type = 'search.performed' AND i.results = 0
            AND i.occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            AND i.occurred_at + toIntervalHour({switch_hours:UInt8})
                <= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        GROUP BY profile, at, channel
    ),
    -- A scraper searches thousands of times: what follows is counted, and not joined.
    switched AS
    (
        SELECT profile, is_station, countIf(is_station) OVER
            (
                PARTITION BY profile ORDER BY at_ms
                RANGE BETWEEN 1 FOLLOWING AND 86400000 FOLLOWING
            ) > countIf(is_station) OVER
            (
                PARTITION BY profile, channel ORDER BY at_ms
                RANGE BETWEEN 1 FOLLOWING AND 86400000 FOLLOWING
            ) AS is_hit
        FROM
        (
            SELECT profile, toUnixTimestamp64Milli(at) AS at_ms, channel, false AS is_station
            FROM vain
            UNION ALL
            SELECT profile, toUnixTimestamp64Milli(at), channel, true FROM stations
            WHERE profile IN (SELECT profile FROM vain)
        )
    )
SELECT 'online_before_store' AS figure, uniqExact(profile) AS persons, count() AS of,
    countIf(arrayExists(x -> has({online:Array(String)}, x.2)
        AND x.1 >= ordered_at - toIntervalDay({research_days:UInt16}), stops)) AS hits
FROM ended WHERE is_order AND has({stores:Array(String)}, ordered_on)
UNION ALL
SELECT 'store_before_online', uniqExact(profile), count(),
    countIf(arrayExists(x -> has({stores:Array(String)}, x.2)
        AND x.1 >= ordered_at - toIntervalDay({research_days:UInt16}), stops))
FROM ended WHERE is_order AND has({online:Array(String)}, ordered_on)
UNION ALL
SELECT 'forced_switch', uniqExact(profile), count(), countIf(is_hit) FROM switched
WHERE NOT is_station

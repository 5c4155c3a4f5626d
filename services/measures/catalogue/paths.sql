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
    ),
    switched AS
    (
        SELECT v.profile AS profile, v.at AS at, v.channel AS channel,
            countIf(s.at > v.at AND s.at <= v.at + toIntervalHour({switch_hours:UInt8})
                AND s.channel != v.channel) > 0 AS is_hit
        FROM vain AS v
        LEFT JOIN (SELECT * FROM stations WHERE profile IN (SELECT profile FROM vain)) AS s
            ON v.profile = s.profile
        GROUP BY profile, at, channel
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

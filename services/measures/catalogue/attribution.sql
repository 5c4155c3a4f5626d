-- credits --
-- What each channel is credited of the orders of the window that touchpoints of the 30 days before led
-- to, by five models: in millionths of an order, so that each order is credited exactly once. Where
-- nothing led to it, the channel is empty. The row without a model is about all persons.
WITH
    -- CTEs of interactions --,
    -- CTEs of touches --,
    -- CTEs of baskets --,
    -- CTEs of journeys --,
    led AS
    (
        SELECT profile, ordered_at, arraySort(arrayFilter(x -> x.1 >= ordered_at
                - toIntervalDay({window_days:UInt16}), stops)) AS touches_of,
            arrayCompact(arrayMap(x -> x.2, touches_of)) AS channels, length(channels) AS many,
            arrayMap(x -> toUInt64(round(1e9 * exp2(-dateDiff('millisecond', x.1, ordered_at)
                / (86400000. * {half_life_days:UInt16})))), touches_of) AS weights,
            arrayMap(x -> intDiv(1000000 * x, arraySum(weights)), weights) AS rough,
            arrayMap((part, number) -> number = length(rough)
                ? 1000000 - arraySum(arrayPopBack(rough)) : part, rough,
                arrayEnumerate(rough)) AS decayed
        FROM journeys
        WHERE is_order AND ordered_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    ),
    credited AS
    (
        SELECT profile, arrayJoin(many = 0 ? arrayMap(model -> (model, '', 1000000::Int64),
                ['first', 'last', 'linear', 'position', 'time_decay']) : arrayConcat(
            [('first', channels[1], 1000000::Int64), ('last', channels[-1], 1000000::Int64)],
            arrayMap((channel, number) -> ('linear', channel, toInt64(intDiv(1000000, greatest(many, 1))
                + (number = many ? 1000000 % greatest(many, 1) : 0))), channels, arrayEnumerate(channels)),
            arrayMap((channel, number) -> ('position', channel, toInt64(multiIf(many = 1, 1000000,
                many = 2, 500000, number = 1, 400000,
                number < many, intDiv(200000, greatest(many, 3) - 2),
                600000 - intDiv(200000, greatest(many, 3) - 2) * (many - 2)))), channels,
                arrayEnumerate(channels)),
            arrayMap((stop, part) -> ('time_decay', stop.2, toInt64(part)), touches_of, decayed)))
            AS credit
        FROM led
    )
SELECT credit.1 AS model, credit.2 AS channel, uniqExact(profile) AS persons,
    sum(credit.3) AS millionths
FROM credited GROUP BY GROUPING SETS ((model, channel), ())

-- steps --
-- Steps of all journeys that ended in the window, from channel to channel: from the beginning (empty)
-- to an order (`order`) or to nothing (`nothing`).
WITH
    -- CTEs of interactions --,
    -- CTEs of touches --,
    -- CTEs of baskets --,
    -- CTEs of journeys --,
    walked AS
    (
        SELECT profile, arrayCompact(arrayMap(x -> x.2, arraySort(arrayFilter(x -> NOT is_order
                OR x.1 >= ordered_at - toIntervalDay({window_days:UInt16}), stops)))) AS channels,
            arrayConcat([''], channels, [is_order ? 'order' : 'nothing']) AS stations
        FROM journeys
        WHERE notEmpty(channels) AND
        (
            is_order AND ordered_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            OR NOT is_order AND ended_at + toIntervalDay({gap_days:UInt16})
                >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            AND ended_at + toIntervalDay({gap_days:UInt16})
                < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        )
    )
SELECT step.1 AS from_channel, step.2 AS to_channel, count() AS many
FROM walked ARRAY JOIN arrayZip(arrayPopBack(stations), arrayPopFront(stations)) AS step
GROUP BY from_channel, to_channel

-- channels --
-- Cases that a customer began in the window, by the channel on which they began, and all together:
-- whether something had to be told again, and how often they changed hands. Contacts of a customer
-- about one subject belong together, whatever the case is.
WITH
    -- CTEs of interactions --,
    -- CTEs of service_steps --,
    -- CTEs of topics --,
    followed AS
    (
        SELECT matter, at, rank, profile, channel, asks, repeated, answerer,
            lagInFrame(toNullable(at)) OVER contacts AS last_at,
            lagInFrame(channel) OVER contacts AS last_channel,
            anyLast(nullIf(answerer, '')) OVER earlier AS by_before,
            any(nullIf(answerer, '')) OVER onwards AS by_then,
            max(settles ? toNullable(at) : NULL) OVER earlier AS settled_at,
            repeated OR tells AND ifNull(last_at >= at - toIntervalDay({within_days:UInt16})
                AND last_channel != channel AND by_before != by_then
                AND ifNull(settled_at < last_at, true), false) AS is_told_again
        FROM topics
        WINDOW
            contacts AS (PARTITION BY profile, topic, tells ORDER BY rank
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
            earlier AS (PARTITION BY profile, topic ORDER BY rank
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
            onwards AS (PARTITION BY profile, topic ORDER BY rank
                ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
    ),
    cases AS
    (
        SELECT argMinIf(profile, rank, asks) AS profile, argMinIf(channel, rank, asks) AS channel,
            minIf(at, asks) AS first_at, max(is_told_again) AS is_told_twice,
            length(arrayCompact(arrayMap(x -> x.2,
                arraySort(groupArrayIf((rank, answerer), answerer != ''))))) AS hands
        FROM followed GROUP BY matter
        HAVING countIf(asks) > 0 AND first_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    )
SELECT channel, uniqExact(profile) AS persons, count() AS cases, countIf(is_told_twice) AS told_twice,
    countIf(hands > 1) AS passed_on, sum(greatest(hands, 1) - 1) AS transfers
FROM cases GROUP BY GROUPING SETS ((channel), ())

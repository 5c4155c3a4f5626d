-- channels --
-- Cases that a customer began in the window, by the channel on which they began, and all together:
-- whether one contact was enough. Whoever asks about the same subject again within seven days, in
-- whatever case, was not helped. A case that could still come back is open.
WITH
    -- CTEs of interactions --,
    -- CTEs of service_steps --,
    -- CTEs of topics --,
    followed AS
    (
        SELECT *, leadInFrame(toNullable(at)) OVER
            (
                PARTITION BY profile, topic, tells ORDER BY rank
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS next_at
        FROM topics
    ),
    cases AS
    (
        SELECT argMinIf(profile, rank, asks) AS profile, argMinIf(channel, rank, asks) AS channel,
            minIf(at, asks) AS first_at, argMinIf(next_at, rank, tells) AS again_at,
            countIf(tells) = 1 AS is_one, max(settles) AS is_settled,
            countIf(answers OR asks AND wait_s IS NOT NULL) > 0 AS is_answered,
            argMaxIf(solved, rank, solved IS NOT NULL) = false AS is_unsolved,
            ifNull(again_at <= first_at + toIntervalDay({within_days:UInt16}), false) AS came_back,
            multiIf(NOT is_one OR ifNull(is_unsolved, false), 'again', is_settled, 'solved',
                came_back, 'again',
                first_at + toIntervalDay({within_days:UInt16})
                    >= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC'), 'open',
                is_answered, 'solved', 'again') AS outcome
        FROM followed GROUP BY matter
        HAVING countIf(asks) > 0 AND first_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    )
SELECT channel, uniqExactIf(profile, outcome != 'open') AS persons,
    countIf(outcome = 'solved') AS solved,
    countIf(outcome = 'again') AS unsolved, countIf(outcome = 'open') AS open
FROM cases GROUP BY GROUPING SETS ((channel), ())

-- leads --
-- Leads by the month and channel in which they began, by how far they came, why they were lost, and
-- what they were worth.
WITH
    -- CTEs of interactions --,
    -- CTEs of baskets --,
    -- CTEs of leads --
SELECT toStartOfMonth(begins, {zone:String}) AS month, channel, reached, lost_reason,
    count() AS persons, sum(worth) AS worth
FROM leads GROUP BY month, channel, reached, lost_reason

-- steps --
-- Days that leads took from one stage to the next that they reached.
WITH
    -- CTEs of interactions --,
    -- CTEs of baskets --,
    -- CTEs of leads --
SELECT step, days, count() AS persons
FROM
(
    SELECT arrayJoin(arrayFilter(x -> x.2 >= 0, arrayMap(number -> (number,
            if(number < reached, dateDiff('day', stage_at[number], stage_at[number + 1]), -1)),
            [1, 2, 3]))) AS taken,
        taken.1 AS step, taken.2 AS days
    FROM leads
)
GROUP BY step, days

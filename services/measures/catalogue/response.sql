-- channels --
-- Cases and conversations by the channel on which they began, and all together, by what came of the
-- promise.
WITH
    -- CTEs of interactions --,
    -- CTEs of service_steps --,
    -- CTEs of service_clocks --,
    -- CTEs of questions --
SELECT channel,
    uniqExactIf(profile, outcome IN ('in_time', 'late', 'unanswered')) AS persons,
    countIf(outcome = 'in_time') AS in_time,
    countIf(outcome = 'late') AS late, countIf(outcome = 'unanswered') AS unanswered,
    countIf(outcome = 'open') AS open, countIf(outcome = 'unknown') AS unknown,
    uniqExactIf(profile, is_answered) AS answered,
    uniqExactIf(profile, arrayExists(x -> x.3, replies)) AS with_bot,
    uniqExactIf(profile, arrayExists(x -> NOT x.3, replies)) AS with_person
FROM questions GROUP BY GROUPING SETS ((channel), ())

-- waits --
-- How long they waited: for the answer that the promise is about, by the clock and by the service
-- clock, and for the first bot and the first person. Seconds below ten minutes, minutes below a
-- day, else hours.
WITH
    -- CTEs of interactions --,
    -- CTEs of service_steps --,
    -- CTEs of service_clocks --,
    -- CTEs of questions --,
    waited AS
    (
        SELECT channel,
            arrayJoin([
                ('answer', clock_s, is_answered), ('service', service_s, is_answered),
                ('bot', dateDiff('second', asked_at, arrayFirst(x -> x.3, replies).1),
                    arrayExists(x -> x.3, replies)),
                ('person', dateDiff('second', asked_at, arrayFirst(x -> NOT x.3, replies).1),
                    arrayExists(x -> NOT x.3, replies))
            ]) AS wait,
            wait.1 AS until, wait.2 AS exact_s, wait.3 AS is_over
        FROM questions
        WHERE outcome != 'unknown' AND (until IN ('answer', 'service') OR is_over)
    )
SELECT channel, until,
    multiIf(exact_s < 600, exact_s, exact_s < 86400, intDiv(exact_s, 60) * 60,
        intDiv(exact_s, 3600) * 3600) AS waited_s,
    is_over, count() AS questions
FROM waited GROUP BY channel, until, waited_s, is_over

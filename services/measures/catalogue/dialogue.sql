-- conversations --
-- Conversations of the window in which a bot spoke, by channel, and all together, by how they
-- ended. A person who comes in is a hand-over, said or not.
WITH
    -- CTEs of interactions --,
    -- CTEs of service_steps --,
    -- CTEs of conversations --
SELECT channel, uniqExactIf(profile, outcome != 'open') AS persons,
    countIf(outcome = 'contained') AS contained,
    countIf(outcome = 'came_back') AS came_back, countIf(outcome = 'handed_over') AS handed_over,
    countIf(is_lost) AS lost, countIf(outcome = 'open') AS open,
    uniqExactIf(profile, outcome = 'handed_over') AS with_hand_over,
    uniqExactIf(profile, is_served) AS served
FROM conversations WHERE has_bot GROUP BY GROUPING SETS ((channel), ())

-- waits --
-- How long customers waited for a person after they were told of a hand-over: seconds below ten
-- minutes, minutes below a day, else hours.
WITH
    -- CTEs of interactions --,
    -- CTEs of service_steps --,
    -- CTEs of conversations --
SELECT multiIf(wait_s < 600, wait_s, wait_s < 86400, intDiv(wait_s, 60) * 60,
        intDiv(wait_s, 3600) * 3600) AS waited_s,
    is_served AS is_over, count() AS conversations
FROM conversations WHERE has_bot AND is_said GROUP BY waited_s, is_over

-- intents --
-- Conversations of the window by the first intent that was recognised; the most frequent ones.
WITH
    -- CTEs of interactions --,
    -- CTEs of service_steps --,
    -- CTEs of conversations --
SELECT intent, uniqExact(profile) AS persons, count() AS conversations,
    countIf(has_bot AND outcome = 'contained') AS contained,
    countIf(has_bot AND outcome != 'open') AS judged,
    uniqExactIf(profile, has_bot AND outcome != 'open') AS with_judged
FROM conversations WHERE intent != '' GROUP BY intent
ORDER BY conversations DESC, intent LIMIT {intents_max:UInt16}

-- begun --
-- Contacts of the window: how many the retailer began, and how many of customers came when nobody
-- was there.
WITH
    -- CTEs of interactions --,
    -- CTEs of service_steps --,
    -- CTEs of service_clocks --,
    -- CTEs of conversations --,
    contacts AS
    (
        SELECT profile, begins AS at, by_customer FROM conversations
        UNION ALL
        SELECT profile, at, asks AS by_customer FROM service_steps
        WHERE NOT in_dialogue AND begins_contact
            AND at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    )
SELECT uniqExact(c.profile) AS persons, uniqExactIf(c.profile, c.by_customer) AS askers,
    count() AS contacts, countIf(NOT c.by_customer) AS ours,
    countIf(c.by_customer AND t.runs = 0) AS out_of_hours
FROM (SELECT *, toUnixTimestamp64Milli(at) AS at_ms, 0::UInt16 AS clock FROM contacts) AS c
ASOF JOIN turns AS t ON c.clock = t.clock AND c.at_ms >= t.turned_ms

-- customers --
-- Persons by their repeat occasions, and by the days from their first occasion to the last one and
-- to the end of the window; a random part of them if there are many, the same each time. `spenders`
-- of them spent something on repeat occasions, `means` is the sum of the means of what these spent.
-- `all` and `all_repeating` are of all persons, whichever part they are in.
WITH
    -- CTEs of purchases --,
    -- CTEs of occasions --,
    histories AS
    (
        SELECT profile, count() - 1 AS repeats, dateDiff('day', min(day), max(day)) AS recency,
            dateDiff('day', min(day), today) AS age,
            sumIf(revenue, number > 1) / greatest(repeats, 1) AS mean,
            toDate(fromUnixTimestamp64Milli({until_ms:Int64} - 1, 'UTC'), {zone:String}) AS today
        FROM occasions GROUP BY profile
    ),
    part AS
    (
        SELECT repeats, recency, age, mean, count() OVER () AS all,
            countIf(repeats > 0) OVER () AS all_repeating
        FROM histories ORDER BY sipHash64(profile), profile LIMIT {customers_max:UInt32}
    )
SELECT repeats, recency, age, count() AS persons, countIf(mean > 0) AS spenders,
    toFloat64(sumIf(mean, mean > 0)) AS means, any(all) AS customers,
    any(all_repeating) AS repeat_buyers
FROM part GROUP BY repeats, recency, age

-- spenders --
-- Persons by their repeat occasions and the mean of what they spent on these; a random part of them
-- if there are many, the same each time.
WITH
    -- CTEs of purchases --,
    -- CTEs of occasions --,
    means AS
    (
        SELECT profile, count() - 1 AS repeats,
            toFloat64(sumIf(revenue, number > 1)) / greatest(repeats, 1) AS mean
        FROM occasions GROUP BY profile HAVING mean > 0
    )
SELECT repeats, mean FROM means ORDER BY sipHash64(profile), profile LIMIT {spenders_max:UInt32}

-- persons --
-- Persons with a habit or a running contract by what is due when the window ends: goods by the gaps
-- between the days on which they were bought, contracts by their ends.
WITH
    -- CTEs of interactions --,
    -- CTEs of baskets --,
    -- CTEs of order_lines --,
    -- CTEs of habits --,
    -- CTEs of contracts --,
    matters AS
    (
        SELECT profile, state = 'due' AS goods, state = 'missed' AS missed, false AS contract_soon,
            false AS contract_ahead, false AS notice_soon
        FROM habits
        UNION ALL
        SELECT profile, false, false, ends_in <= {soon_days:UInt16}, ends_in <= {ahead_days:UInt16},
            ifNull(notice_until >= today AND notice_until <= today + toIntervalDay({soon_days:UInt16}),
                false)
        FROM
        (
            SELECT profile, notice_until, fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC') AS today,
                NOT is_ended AND until IS NOT NULL
                    ? dateDiff('millisecond', today, assumeNotNull(until)) / 86400000
                    : inf AS ends_in
            FROM contracts WHERE runs
        )
    )
SELECT goods, missed, contract_soon, contract_ahead, notice_soon, count() AS persons
FROM
(
    SELECT max(goods) AS goods, max(missed) AS missed, max(contract_soon) AS contract_soon,
        max(contract_ahead) AS contract_ahead, max(notice_soon) AS notice_soon
    FROM matters GROUP BY profile
)
GROUP BY goods, missed, contract_soon, contract_ahead, notice_soon

-- items --
-- Articles and categories that persons buy again and again, by how many need them soon.
WITH
    -- CTEs of baskets --,
    -- CTEs of order_lines --,
    -- CTEs of habits --
SELECT level, item, count() AS persons, countIf(state = 'due') AS due, countIf(state = 'missed') AS missed
FROM habits GROUP BY level, item
ORDER BY due DESC, persons DESC, level, item LIMIT {items_max:UInt16} BY level

-- expected --
-- Latest purchases of the window by whether they came when the purchases before said.
WITH
    -- CTEs of baskets --,
    -- CTEs of order_lines --,
    -- CTEs of habits --
SELECT level, uniqExact(profile) AS persons, countIf(late_by < -former_spread) AS early,
    countIf(abs(late_by) <= former_spread) AS hit, countIf(late_by > former_spread) AS late
FROM
(
    SELECT profile, level, former_spread, former_gap,
        (bought[-1].1 - bought[-2].1) - former_gap AS late_by
    FROM habits
    WHERE length(bought) > {days_min:UInt8}
        AND bought[-1].1 >= toDate(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'), {zone:String})
)
GROUP BY level

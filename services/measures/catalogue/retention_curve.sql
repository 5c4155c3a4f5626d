-- months --
-- Persons by the calendar month of their first purchase and by how many months later they bought.
WITH
    -- CTEs of purchases --,
    months AS
    (
        SELECT arraySort(groupUniqArray(toStartOfMonth(at, {zone:String}))) AS active,
            active[1] AS cohort, arrayJoin(active) AS month
        FROM purchases GROUP BY profile
    )
SELECT cohort, dateDiff('month', cohort, month) AS later, count() AS persons
FROM months
WHERE cohort >= toDate(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'), {zone:String})
GROUP BY cohort, later

-- groups --
-- Everybody who ever bought or has a contract, by how long a purchase is overdue at the end of the
-- window and by what may be a reason to leave.
WITH
    -- CTEs of holders --,
    -- CTEs of interactions --,
    -- CTEs of baskets --,
    -- CTEs of contracts --,
    -- CTEs of service_steps --,
    -- CTEs of service_clocks --,
    -- CTEs of questions --,
    -- CTEs of verdicts --,
    -- CTEs of signs --,
    -- CTEs of buying_days --,
    -- CTEs of leavers --
SELECT
    -- of each group --
    is_customer, is_bound, overdue > 10 ? 100 : toInt32(floor(10 * overdue)) AS overdue_tenths, declines,
    arraySort(arrayDistinct(arrayMap(one -> one.2, shown))) AS signs, count() AS persons
FROM leavers
    -- of groups: leavers.profile --
GROUP BY is_customer, is_bound, overdue_tenths, declines, signs

-- gaps --
-- How often categories are bought, of those that enough persons buy again.
WITH
    -- CTEs of baskets --,
    -- CTEs of buying_days --
SELECT category, persons, gap FROM usual_gaps
ORDER BY persons DESC, category LIMIT {categories_max:UInt16}

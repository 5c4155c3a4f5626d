-- groups --
-- Buyers of the window by their scores for recency, frequency and money. A score is one more than
-- five times the share of buyers who are strictly worse, cut to a whole number: equal buyers have
-- equal scores. Beside them the worst value that has the score: days since the last purchase, occasions, and
-- money.
WITH
    -- CTEs of purchases --,
    -- CTEs of occasions --,
    -- CTEs of returns --,
    refunds AS
    (
        SELECT profile, sum(refund) AS refunded FROM returns
        WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') GROUP BY profile
    ),
    buyers AS
    (
        SELECT profile, max(day) AS last, count() AS often, sum(revenue) AS spent
        FROM occasions WHERE is_inside GROUP BY profile
    ),
    ranked AS
    (
        SELECT b.profile AS profile, b.spent - r.refunded AS money, often, dateDiff('day', b.last, today) AS days,
            count() OVER () AS buyers,
            toDate(fromUnixTimestamp64Milli({until_ms:Int64} - 1, 'UTC'), {zone:String}) AS today,
            1 + intDiv(5 * (rank() OVER (ORDER BY b.last) - 1), buyers) AS recency,
            1 + intDiv(5 * (rank() OVER (ORDER BY b.often) - 1), buyers) AS frequency,
            1 + intDiv(5 * (rank() OVER (ORDER BY money) - 1), buyers) AS monetary
        FROM buyers AS b LEFT JOIN refunds AS r ON b.profile = r.profile
    )
SELECT
    -- of each group --
    recency, frequency, monetary, count() AS persons, sum(money) AS revenue,
    max(days) AS most_days, min(often) AS least_often, min(money) AS least_money
FROM ranked
    -- of groups: ranked.profile --
GROUP BY recency, frequency, monetary

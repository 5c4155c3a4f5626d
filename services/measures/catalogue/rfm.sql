-- groups --
-- Buyers of the window by their scores for recency, frequency and money. A score is one more than
-- five times the share of buyers who are strictly worse, cut to a whole number: equal buyers have
-- equal scores.
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
        SELECT b.spent - r.refunded AS money, count() OVER () AS buyers,
            1 + intDiv(5 * (rank() OVER (ORDER BY b.last) - 1), buyers) AS recency,
            1 + intDiv(5 * (rank() OVER (ORDER BY b.often) - 1), buyers) AS frequency,
            1 + intDiv(5 * (rank() OVER (ORDER BY money) - 1), buyers) AS monetary
        FROM buyers AS b LEFT JOIN refunds AS r ON b.profile = r.profile
    )
SELECT recency, frequency, monetary, count() AS persons, sum(money) AS revenue
FROM ranked GROUP BY recency, frequency, monetary

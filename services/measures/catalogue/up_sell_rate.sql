-- categories --
-- Orders of the window by persons who bought on an earlier day, and those with something of a higher
-- tier than anything that the person bought of the category before: all together, and by category.
WITH
    -- CTEs of baskets --,
    -- CTEs of order_lines --,
    -- CTEs of tiers --,
    bought AS
    (
        SELECT l.profile AS profile, l.event_id AS event_id, l.at AS at, l.category AS category,
            max(t.tier) AS tier
        FROM order_lines AS l LEFT JOIN tiers AS t ON l.category = t.category AND l.sku = t.sku
        GROUP BY profile, event_id, at, category
    ),
    compared AS
    (
        SELECT *, min(at) OVER (PARTITION BY profile) AS first_at, max(tier) OVER
            (
                PARTITION BY profile, category ORDER BY at, event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS former_tier
        FROM bought
    ),
    returning AS
    (
        SELECT profile, event_id, category, tier, former_tier > 0 AND tier > former_tier AS is_raised
        FROM compared
        WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            AND toDate(at, {zone:String}) > toDate(first_at, {zone:String})
    )
SELECT '' AS category, uniqExact(profile) AS persons, count() AS orders, countIf(is_raised) AS raised,
    countIf(NOT is_known) AS unknown
FROM
(
    SELECT profile, event_id, max(is_raised) AS is_raised, max(tier) > 0 AS is_known
    FROM returning GROUP BY profile, event_id
)
UNION ALL
SELECT * FROM
(
    SELECT category, uniqExact(profile), count() AS many, countIf(is_raised), 0
    FROM returning WHERE tier > 0 GROUP BY category ORDER BY many DESC, category
    LIMIT {categories_max:UInt16}
)

-- groups --
-- Customers of the last year by priority and by how wide their peers are. Customers of priority A have
-- the first half of all potential, those of A and B four fifths.
WITH
    -- CTEs of baskets --,
    -- CTEs of order_lines --,
    -- CTEs of tiers --,
    -- CTEs of potentials --
SELECT
    -- of each group --
    multiIf(width = 0, '', whole = 0 OR before >= {part_b:Float64} * whole, 'C',
        before >= {part_a:Float64} * whole, 'B', 'A') AS priority,
    width, count() AS persons, toDecimal64(sum(total), 4) AS potential
FROM
(
    SELECT profile, width, total, sum(total) OVER () AS whole, sum(total) OVER
        (ORDER BY total DESC, profile ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - total AS before
    FROM potentials
) AS p
    -- of groups: p.profile --
GROUP BY priority, width

-- categories --
-- Categories with the most potential.
WITH
    -- CTEs of baskets --,
    -- CTEs of order_lines --,
    -- CTEs of tiers --,
    -- CTEs of potentials --
SELECT gap.1 AS category, count() AS persons, toDecimal64(sum(gap.2), 4) AS potential
FROM potentials ARRAY JOIN gaps AS gap GROUP BY category
ORDER BY potential DESC, category LIMIT {categories_max:UInt16}

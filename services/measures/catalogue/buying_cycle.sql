-- phases --
-- Persons by the phase in which they are when the window ends: of whatever they do, and of the
-- categories with most persons in one.
WITH
    -- CTEs of interactions --,
    -- CTEs of opinions --,
    -- CTEs of baskets --,
    -- CTEs of phase_spans --,
    reached AS
    (
        SELECT profile, category,
            maxIf(phase, ends > fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')) AS phase_now
        FROM
        (
            SELECT profile, category, phase, ends FROM phase_spans WHERE category != ''
            UNION ALL
            SELECT profile, '', phase, ends FROM phase_spans
        )
        GROUP BY profile, category
    ),
    listed AS
    (
        SELECT category FROM reached WHERE category != '' AND phase_now > 0
        GROUP BY category ORDER BY count() DESC, category LIMIT {categories_max:UInt16}
    )
SELECT category, phase_now AS phase, count() AS persons FROM reached
WHERE category = '' OR category IN (SELECT category FROM listed)
GROUP BY category, phase

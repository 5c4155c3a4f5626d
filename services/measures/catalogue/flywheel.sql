-- months --
-- What happened in each whole month of the window.
WITH
    -- CTEs of interactions --,
    -- CTEs of opinions --,
    -- CTEs of experiences --,
    -- CTEs of touches --,
    -- CTEs of baskets --,
    months AS
    (
        SELECT m.1 AS month, fromUnixTimestamp64Milli(m.2, 'UTC') AS starts,
            fromUnixTimestamp64Milli(m.3, 'UTC') AS ends
        FROM
        (
            SELECT arrayJoin(arrayZip({months:Array(Date)}, {starts_ms:Array(Int64)},
                {ends_ms:Array(Int64)})) AS m
        )
    ),
    carts AS
    (
        SELECT c.profile AS profile, c.at AS at,
            NOT (o.at > c.at AND o.at <= c.at + toIntervalDay(7)) AS is_left
        FROM
        (
            SELECT profile, max(occurred_at) AS at FROM interacted
            WHERE type = 'cart.updated' AND notEmpty(skus) AND occurred_at + toIntervalDay(7)
                <= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
            GROUP BY profile, toStartOfMonth(toDate(occurred_at, {zone:String}))
        ) AS c
        ASOF LEFT JOIN baskets AS o ON c.profile = o.profile AND c.at < o.at
    ),
    happened AS
    (
        SELECT profile, at, 'deed' AS what FROM touches
        UNION ALL
        SELECT profile, occurred_at, multiIf(
            type = 'quote.sent' OR type = 'support.contacted' AND direction = 'us', 'push',
            repeated, 'repeated',
            type = 'message.exchanged' AND handed_over, 'handover', '') AS kind_of
        FROM interacted WHERE kind_of != ''
        UNION ALL
        SELECT profile, min(experiences.at), any(sign) > 0 ? 'positive' : 'negative'
        FROM experiences WHERE sign != 0 GROUP BY profile, matter
        UNION ALL
        SELECT profile, min(experiences.at), 'complaint' FROM experiences
        WHERE source = 'complaint' GROUP BY profile, matter
        UNION ALL
        SELECT profile, at, 'cart_left' FROM carts WHERE is_left
        UNION ALL
        SELECT node, occurred_at, 'push' FROM interactions FINAL
        WHERE realm = {realm:String} AND kind = 'campaign' AND type = 'campaign.published'
            AND NOT synthetic
            AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    ),
    begun AS
    (
        SELECT m.month AS month, count() AS known
        FROM (SELECT profile, min(touches.at) AS first_at FROM touches GROUP BY profile) AS t
        CROSS JOIN months AS m
        WHERE t.first_at < m.ends GROUP BY month
    )
SELECT m.month AS month, any(dateDiff('day', toDate(m.starts, {zone:String}),
        toDate(m.ends, {zone:String}))) AS days,
    any(b.known) AS known, uniqExactIf(h.profile, h.what = 'deed') AS active,
    countIf(h.what = 'deed') AS deeds, countIf(h.what = 'push') AS pushes,
    countIf(h.what = 'positive') AS positive, countIf(h.what = 'negative') AS negative,
    uniqExactIf(h.profile, h.what IN ('positive', 'negative')) AS judges,
    countIf(h.what = 'cart_left') AS carts_left, countIf(h.what = 'complaint') AS complaints,
    countIf(h.what = 'handover') AS handovers, countIf(h.what = 'repeated') AS repeated
FROM happened AS h CROSS JOIN months AS m
LEFT JOIN begun AS b ON m.month = b.month
WHERE h.at >= m.starts AND h.at < m.ends
GROUP BY month

-- phases --
-- Persons by the part of the wheel in which they are when a whole month of the window begins and when it
-- ends: attracted up to the search, engaged while they choose and buy, delighted from then on.
WITH
    -- CTEs of interactions --,
    -- CTEs of opinions --,
    -- CTEs of baskets --,
    -- CTEs of phase_spans --,
    months AS
    (
        SELECT m.1 AS month, fromUnixTimestamp64Milli(m.2, 'UTC') AS starts,
            fromUnixTimestamp64Milli(m.3, 'UTC') AS ends
        FROM
        (
            SELECT arrayJoin(arrayZip({months:Array(Date)}, {starts_ms:Array(Int64)},
                {ends_ms:Array(Int64)})) AS m
        )
    ),
    placed AS
    (
        SELECT m.month AS month, s.profile AS profile,
            maxIf(s.phase, s.begins < m.starts AND s.ends > m.starts) AS phase_before,
            maxIf(s.phase, s.begins < m.ends AND s.ends > m.ends) AS phase_after
        FROM phase_spans AS s CROSS JOIN months AS m
        WHERE s.begins < m.ends AND s.ends > m.starts
        GROUP BY month, profile
    )
SELECT month,
    ['', 'attract', 'attract', 'engage', 'engage', 'delight', 'delight'][phase_before + 1] AS part,
    ['', 'attract', 'attract', 'engage', 'engage', 'delight', 'delight'][phase_after + 1]
        AS next_part,
    count() AS persons
FROM placed WHERE phase_before > 0 OR phase_after > 0 GROUP BY month, part, next_part

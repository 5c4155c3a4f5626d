-- campaigns --
-- Marketing messages of the window by their campaign, and all together: whether a category of the
-- campaign is one that the person had looked at or bought in the year before. The categories of a
-- campaign are those of the products to which it led enough persons. Campaigns of most messages.
WITH
    -- CTEs of interactions --,
    -- CTEs of baskets --,
    sent AS
    (
        SELECT profile, min(occurred_at) AS at, min(campaign::String) AS campaign
        FROM interacted
        WHERE type IN ('message.sent', 'email.sent') AND purpose = 'marketing'
        GROUP BY profile, if(message_id = '', concat('\0', event_id), message_id)
        HAVING at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    ),
    themes AS
    (
        SELECT campaign::String AS campaign, category::String AS category FROM interacted
        WHERE type = 'product.viewed' AND campaign != '' AND category != ''
        GROUP BY campaign, category HAVING uniqExact(profile) >= {visitors_min:UInt8}
    ),
    interests AS
    (
        SELECT profile, category, min(seen_at) AS at
        FROM
        (
            SELECT profile, category::String AS category, occurred_at AS seen_at FROM interacted
            WHERE type = 'product.viewed' AND category != ''
            UNION ALL
            SELECT profile, arrayJoin(categories), at FROM baskets
        )
        WHERE category IN (SELECT category FROM themes)
        GROUP BY profile, category, toDate(seen_at)
    ),
    judged AS
    (
        SELECT s.profile AS profile, s.campaign AS campaign, s.at AS at,
            max(t.category != '') AS is_known,
            max(t.category != '' AND i.at >= s.at - toIntervalDay({interest_days:UInt16}))
                AS is_relevant
        FROM sent AS s
        LEFT JOIN themes AS t ON s.campaign = t.campaign
        ASOF LEFT JOIN interests AS i
            ON s.profile = i.profile AND t.category = i.category AND s.at > i.at
        GROUP BY profile, campaign, at
    )
SELECT campaign, is_total, persons, relevant, messages, unknown
FROM
(
    SELECT campaign, grouping(campaign) = 1 AS is_total, uniqExactIf(profile, is_known) AS persons,
        countIf(is_relevant) AS relevant, countIf(is_known) AS messages,
        countIf(NOT is_known) AS unknown
    FROM judged GROUP BY GROUPING SETS ((campaign), ())
)
WHERE is_total OR messages > 0 ORDER BY is_total DESC, messages DESC, campaign
LIMIT {campaigns_max:UInt16}

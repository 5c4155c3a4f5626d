-- groups --
-- Persons by their first answer of the window whose time is over, of recommendation and of
-- satisfaction with an expectation, by its sign; and what they did in the days after it.
WITH
    -- CTEs of interactions --,
    -- CTEs of opinions --,
    -- CTEs of experiences --,
    -- CTEs of baskets --,
    -- CTEs of purchases --,
    first_answers AS
    (
        SELECT profile, source::String AS instrument, argMin(sign, (at, event_id)) AS answer,
            min(experiences.at) AS since,
            min(experiences.at) + toIntervalDay({horizon_days:UInt16}) AS ends
        FROM experiences
        WHERE is_named AND source IN ('nps', 'csat')
            AND at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            AND at + toIntervalDay({horizon_days:UInt16})
                <= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        GROUP BY profile, instrument
    ),
    deeds AS
    (
        SELECT profile, at, 'order' AS deed, revenue AS spent, []::Array(String) AS kinds,
            0 AS lines, 0 AS cheaper
        FROM (SELECT profile, at, currency = {currency:String} ? revenue : 0 AS revenue FROM purchases)
        UNION ALL
        SELECT b.profile, b.at, 'basket', 0, b.categories, b.articles, length(p.skus)
        FROM baskets AS b
        LEFT ANY JOIN
        (
            SELECT event_id, skus FROM interacted WHERE type = 'order.placed'
        ) AS p ON b.event_id = p.event_id
        UNION ALL
        SELECT profile, at, source, 0, [], 0, 0 FROM experiences
        WHERE source IN ('referral', 'complaint')
    ),
    followed AS
    (
        SELECT f.profile AS profile, f.instrument AS instrument, f.answer AS answer,
            d.deed AS deed, d.spent AS spent, d.kinds AS kinds, d.lines AS lines,
            least(d.cheaper, d.lines) AS cheaper, d.at > f.since AND d.at <= f.ends AS is_after,
            is_after AND d.at <= f.since + toIntervalDay({soon_days:UInt16}) AS is_soon,
            d.at <= f.since AND d.at > f.since - toIntervalDay({active_days:UInt16}) AS is_before,
            d.at <= f.since AS is_known,
            d.at <= f.ends AND d.at > f.ends - toIntervalDay({active_days:UInt16}) AS is_last
        FROM first_answers AS f LEFT JOIN deeds AS d ON f.profile = d.profile
    ),
    judged AS
    (
        SELECT profile, instrument, any(answer) AS answer_of,
            countIf(deed = 'order' AND is_soon) > 0 AS buys_soon,
            countIf(deed = 'order' AND is_after) > 0 AS buys,
            countIf(deed = 'order' AND is_before) > 0 AS is_customer,
            countIf(deed = 'order' AND is_last) = 0 AS is_gone,
            countIf(deed = 'referral' AND is_after) > 0 AS refers,
            countIf(deed = 'complaint' AND is_after) > 0 AS complains,
            groupUniqArrayArrayIf(kinds, is_known) AS known_kinds,
            notEmpty(arrayFilter(one -> NOT has(known_kinds, one),
                groupUniqArrayArrayIf(kinds, is_after))) AS is_wider,
            sumIf(spent, is_after) AS spent_after, sumIf(lines, is_after) AS lines_after,
            sumIf(cheaper, is_after) AS cheaper_after
        FROM followed GROUP BY profile, instrument
    )
SELECT instrument, answer_of AS sign, count() AS persons, countIf(buys_soon) AS bought_90,
    countIf(buys) AS bought_180, countIf(is_wider) AS cross_bought, countIf(refers) AS referred,
    countIf(complains) AS complained, countIf(is_customer) AS customers,
    countIf(is_customer AND is_gone) AS lost, sum(spent_after)::Decimal(38, 4) AS revenue,
    sum(lines_after) AS articles, sum(cheaper_after) AS reduced
FROM judged GROUP BY instrument, sign

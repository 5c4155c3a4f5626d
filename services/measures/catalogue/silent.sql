-- groups --
-- Customers who could be silent when the window ends, and a year before: who was, and who of a year
-- before never bought in that year. What makes a customer silent is said in core/silence.py.
WITH
    -- CTEs of interactions --,
    -- CTEs of opinions --,
    -- CTEs of touches --,
    -- CTEs of purchases --,
    moments AS
    (
        SELECT arrayJoin([0, 1]) AS is_past,
            fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
                - toIntervalDay(is_past * {later_days:UInt16}) AS as_of,
            as_of - toIntervalDay({quarter_days:UInt16}) AS quarter_at,
            quarter_at - toIntervalDay({quarters:UInt8} * {quarter_days:UInt16}) AS first_at
    ),
    buyers AS
    (
        SELECT m.is_past AS is_past, p.profile AS profile, any(m.as_of) AS as_of,
            maxIf(p.at, p.at < m.as_of) AS last_at, countIf(p.at >= m.as_of) AS later,
            arraySort(groupUniqArrayIf((toDate(p.at, {zone:String}), p.place), p.at < m.as_of))
                AS occasions,
            arrayDistinct(arrayMap(one -> one.1, occasions)) AS days,
            arrayMap((after, before) -> dateDiff('day', before, after),
                arrayPopFront(days), arrayPopBack(days)) AS gaps
        FROM purchases AS p CROSS JOIN moments AS m
        GROUP BY is_past, profile
        HAVING length(occasions) >= {occasions_min:UInt8}
            AND last_at >= as_of - toIntervalDay({active_days:UInt16})
            AND NOT (length(gaps) >= {gaps_min:UInt8}
                AND dateDiff('day', occasions[-1].1, toDate(as_of, {zone:String}))
                    >= {leaving:Float64} * arrayReduce('quantileExactInclusive(0.5)', gaps))
    ),
    activity AS
    (
        SELECT m.is_past AS is_past, t.profile AS profile,
            countIf(t.at >= m.quarter_at AND t.at < m.as_of) AS lately,
            countIf(t.at >= m.first_at AND t.at < m.quarter_at) AS before
        FROM touches AS t CROSS JOIN moments AS m
        GROUP BY is_past, profile
    ),
    voices AS
    (
        SELECT profile, occurred_at AS at FROM interacted
        WHERE has({voice_types:Array(String)}, type)
            AND NOT (type = 'support.contacted' AND direction = 'us')
        UNION ALL
        SELECT r.profile, r.at FROM replied AS r
        WHERE r.is_named AND r.event_id NOT IN
        (
            SELECT event_id FROM rated WHERE source = 'nps'
            GROUP BY event_id HAVING max(sign_of) = 0 AND min(sign_of) = 0
        )
    ),
    said AS
    (
        SELECT m.is_past AS is_past, v.profile AS profile
        FROM voices AS v CROSS JOIN moments AS m
        WHERE v.at >= m.as_of - toIntervalDay({voice_days:UInt16}) AND v.at < m.as_of
        GROUP BY is_past, profile
    )
SELECT
    -- of each group --
    b.is_past = 1 AS is_past, s.profile != b.profile AND a.before > 0
        AND a.lately * {quarters:UInt8} < {fallen_to:Float64} * a.before AS is_silent,
    count() AS persons, countIf(b.is_past AND b.later = 0) AS lost
FROM buyers AS b
LEFT JOIN activity AS a ON b.is_past = a.is_past AND b.profile = a.profile
LEFT JOIN said AS s ON b.is_past = s.is_past AND b.profile = s.profile
    -- of groups: b.profile --
GROUP BY is_past, is_silent

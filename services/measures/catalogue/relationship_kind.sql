-- kinds --
-- Persons with a touchpoint on which both sides can speak in the year before the end of the window, by
-- what most of these are; core/relationship.py says what is what.
WITH
    -- CTEs of interactions --,
    -- CTEs of baskets --,
    meetings AS
    (
        SELECT profile, agent::String AS agent,
            multiIf(kind_of_agent = 'bot' OR author = 'bot', 'automated',
                has({community_types:Array(String)}, type), 'community',
                has({creation_types:Array(String)}, type), 'co_creation',
                has({alone_types:Array(String)}, type), 'self_service',
                has({personal_types:Array(String)}, type) OR type = 'support.answered'
                    OR type = 'message.exchanged' AND author = 'agent', 'personal', '') AS what
        FROM interacted
        WHERE occurred_at >= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
            - toIntervalDay({year_days:UInt16}) AND what != ''
        UNION ALL
        SELECT profile, '', has({spoken:Array(String)}, channel) ? 'personal' : 'self_service'
        FROM baskets
        WHERE at >= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
            - toIntervalDay({year_days:UInt16})
    ),
    counted AS
    (
        SELECT profile, sum(many) AS touchpoints, maxIf(many, what = 'personal' AND agent != '')
                AS with_one,
            [
                sumIf(many, what = 'personal'), sumIf(many, what = 'self_service'),
                sumIf(many, what = 'automated'), sumIf(many, what = 'community'),
                sumIf(many, what = 'co_creation')
            ] AS parts,
            [
                'personal', 'self_service', 'automated', 'community', 'co_creation'
            ][indexOf(parts, arrayMax(parts))] AS most
        FROM
        (
            SELECT profile, what, agent, count() AS many FROM meetings GROUP BY profile, what, agent
        )
        GROUP BY profile
    )
SELECT multiIf(touchpoints < {touchpoints_min:UInt8}, '',
    most = 'personal' AND with_one >= {adviser_min:UInt8} AND 2 * with_one > parts[1], 'dedicated',
    most) AS kind, count() AS persons
FROM counted GROUP BY kind

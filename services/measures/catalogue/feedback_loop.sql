-- invitations --
-- Invitations of the window to each wave of a survey, one for a person however often it was sent, and
-- of all waves. A message arrived unless the last that is known of it is that it bounced. The person
-- answered if a response to the wave followed; responses that name nobody are counted beside.
WITH
    -- CTEs of interactions --,
    sent AS
    (
        SELECT profile, any(survey::String) AS survey, any(wave::String) AS wave,
            min(occurred_at) AS at, message
        FROM
        (
            SELECT *, if(message_id = '', concat('\0', event_id), message_id) AS message
            FROM interacted
            WHERE type IN ('message.sent', 'email.sent') AND purpose = 'survey'
        )
        GROUP BY profile, message HAVING at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    ),
    fates AS
    (
        SELECT profile, message_id AS message,
            argMax(type = 'email.bounced', (occurred_at, event_id)) AS is_bounced
        FROM interacted
        WHERE type IN ('email.bounced', 'email.delivered') AND message_id != ''
        GROUP BY profile, message
    ),
    invited AS
    (
        SELECT s.profile AS profile, s.survey AS survey, s.wave AS wave, min(s.at) AS at,
            max(NOT f.is_bounced) AS has_arrived
        FROM sent AS s LEFT JOIN fates AS f ON s.profile = f.profile AND s.message = f.message
        GROUP BY profile, survey, wave
    ),
    responses AS
    (
        SELECT if(m.kind != '', m.profile, s.node) AS profile, s.survey::String AS survey,
            s.survey_wave::String AS wave, s.occurred_at AS at,
            m.kind != 'shared' AND s.anchor_type != 'record' AS is_named
        FROM
        (
            SELECT * FROM surveys FINAL
            WHERE realm = {realm:String} AND survey_kind != '' AND NOT synthetic
                AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
                AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        ) AS s
        LEFT ANY JOIN
        (
            SELECT node, profile, kind::String AS kind FROM map FINAL WHERE realm = {realm:String}
        ) AS m ON s.node = m.node
        WHERE true
            -- only: if(m.kind != '', m.profile, s.node) --
    ),
    judged AS
    (
        SELECT i.profile AS profile, i.survey AS survey, i.wave AS wave, i.has_arrived AS has_arrived,
            i.has_arrived AND r.answered_at >= i.at AS is_answered
        FROM invited AS i
        LEFT JOIN
        (
            SELECT profile, survey, wave, max(at) AS answered_at FROM responses WHERE is_named
            GROUP BY profile, survey, wave
        ) AS r ON i.profile = r.profile AND i.survey = r.survey AND i.wave = r.wave
    ),
    unnamed AS
    (
        SELECT survey, wave, count() AS responses FROM responses WHERE NOT is_named
        GROUP BY survey, wave
    )
SELECT grouping(j.survey) = 1 AS is_total, j.survey AS survey, j.wave AS wave,
    uniqExactIf(j.profile, j.has_arrived) AS persons, count() AS invited,
    countIf(j.has_arrived) AS arrived, countIf(j.is_answered) AS answered,
    max(u.responses) AS nameless
FROM judged AS j LEFT JOIN unnamed AS u ON j.survey = u.survey AND j.wave = u.wave
GROUP BY GROUPING SETS ((j.survey, j.wave), ())

-- replies --
-- Responses of the window by wave of a survey: how many questions each answers, and which somebody
-- did. The two halves of a pair are two questions.
WITH
    responses AS
    (
        SELECT s.event_id AS event_id, s.survey::String AS survey, s.survey_wave::String AS wave,
            arrayDistinct(arrayZip(s.answers.question, s.answers.form)) AS answered,
            multiIf(m.kind = 'shared' OR s.anchor_type = 'record',
                concat(toString(s.node), s.event_id),
                m.kind != '', toString(m.profile), toString(s.node)) AS respondent
        FROM
        (
            SELECT * FROM surveys FINAL
            WHERE realm = {realm:String} AND survey_kind != '' AND NOT synthetic
                AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
                AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        ) AS s
        LEFT ANY JOIN
        (
            SELECT node, profile, kind::String AS kind FROM map FINAL WHERE realm = {realm:String}
        ) AS m ON s.node = m.node
        WHERE true
            -- only: if(m.kind != '', m.profile, s.node) --
    )
SELECT survey, wave, uniqExact(respondent) AS respondents, count() AS responses,
    sum(length(answered)) AS answers, length(groupUniqArrayArray(answered)) AS questions
FROM responses GROUP BY survey, wave

-- steps --
-- What followed feedback of the window whose time is over: a message of service to who answered by
-- name, an action that names bad feedback, an order or a better score of who had given it, and actions
-- that were due. A complaint of several reports is one.
WITH
    -- CTEs of interactions --,
    -- CTEs of opinions --,
    -- CTEs of experiences --,
    -- CTEs of baskets --,
    bad AS
    (
        SELECT profile, event_id, at, is_named, matter FROM experiences
        WHERE sign < 0 AND source != 'csat'
            AND at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    ),
    thanks AS
    (
        SELECT r.profile AS profile, m.at > r.at AND m.at <= r.at + toIntervalDay({thanks_days:UInt16})
                AS is_hit
        FROM
        (
            SELECT profile, event_id, at FROM replied
            WHERE is_named AND at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
                AND at + toIntervalDay({thanks_days:UInt16})
                    <= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        ) AS r
        ASOF LEFT JOIN
        (
            SELECT profile, occurred_at AS at FROM interacted
            WHERE type IN ('message.sent', 'email.sent') AND purpose IN ('service', 'transactional')
        ) AS m ON r.profile = m.profile AND r.at < m.at
    ),
    acted AS
    (
        SELECT any(b.profile) AS profile, b.matter AS matter, min(b.at) AS since,
            max(a.at >= b.at AND a.at <= b.at + toIntervalDay({action_days:UInt16})) AS is_hit
        FROM bad AS b
        ASOF LEFT JOIN
        (
            SELECT arrayJoin(feedback) AS event_id, occurred_at AS at FROM interacted
            WHERE type IN ('action.planned', 'action.done')
        ) AS a ON b.event_id = a.event_id AND b.at <= a.at
        GROUP BY matter
        HAVING since + toIntervalDay({action_days:UInt16})
            <= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    ),
    better AS
    (
        SELECT profile, at FROM baskets
        UNION ALL
        SELECT profile, at FROM experiences WHERE source = 'nps' AND sign >= 0
    ),
    recovered AS
    (
        SELECT b.profile AS profile,
            g.at > b.at AND g.at <= b.at + toIntervalDay({recovery_days:UInt16}) AS is_hit
        FROM
        (
            SELECT profile, min(bad.at) AS at FROM bad WHERE is_named GROUP BY profile
            HAVING at + toIntervalDay({recovery_days:UInt16})
                <= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        ) AS b
        ASOF LEFT JOIN better AS g ON b.profile = g.profile AND b.at < g.at
    ),
    done AS
    (
        SELECT action_id, minIf(due, type = 'action.planned') AS due_at,
            minIf(occurred_at, type = 'action.done') <= due_at AND countIf(type = 'action.done') > 0
                AS is_hit
        FROM interacted WHERE type IN ('action.planned', 'action.done') AND action_id != ''
        GROUP BY action_id
        HAVING due_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            AND due_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    )
SELECT 'thanked' AS step, uniqExact(profile) AS persons, count() AS of, countIf(is_hit) AS hits
FROM thanks
UNION ALL
SELECT 'acted', uniqExact(profile), count(), countIf(is_hit) FROM acted
UNION ALL
SELECT 'recovered', uniqExact(profile), count(), countIf(is_hit) FROM recovered
UNION ALL
SELECT 'done_on_time', count(), count(), countIf(ifNull(is_hit, false)) FROM done

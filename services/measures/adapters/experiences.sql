-- opinions --
-- Responses to surveys before the end of the window with the profile that holds them now (`replied`),
-- and what each answer to one that rates says of the experience (`rated`): 1 that it was good, -1 that
-- it was bad, 0 neither, NULL nothing. Of the score of recommendation by its classes, of satisfaction
-- by what had been expected, of stars the two best and the two worst of five. What is off its scale
-- says nothing.
    replied AS
    (
        SELECT if(m.kind != '', m.profile, s.node) AS profile, s.event_id AS event_id,
            s.occurred_at AS at, s.survey_kind::String AS source,
            multiIf(m.kind = 'shared', 'anonymous', m.kind != '', m.kind, has(
                (SELECT groupArrayArray(personal_types) FROM realms FINAL
                    WHERE realm = {realm:String}),
                s.anchor_type), 'person', 'anonymous') AS held_by,
            m.kind != 'shared' AND s.anchor_type != 'record' AS is_named,
            arrayZip(s.answers.question, s.answers.score, s.answers.expected,
                arrayMap(x -> ifNull(x, source = 'nps' ? 0 : 1), s.answers.scale_min),
                arrayMap(x -> ifNull(x, source = 'nps' ? 10 : 5), s.answers.scale_max),
                s.answers.choice) AS replies
        FROM
        (
            SELECT * FROM surveys FINAL
            WHERE realm = {realm:String} AND survey_kind != '' AND NOT synthetic
                AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        ) AS s
        LEFT ANY JOIN
        (
            SELECT node, profile, kind::String AS kind FROM map FINAL WHERE realm = {realm:String}
        ) AS m ON s.node = m.node
        WHERE has({kinds:Array(String)}, held_by)
    ),
    rated AS
    (
        SELECT profile, event_id, at, is_named, source, (arrayJoin(replies) AS reply).1 AS question,
            reply.2 AS score, reply.3 AS expected, reply.4 AS lowest, reply.5 AS highest, reply.6 AS choice,
            multiIf(score IS NULL OR score < lowest OR score > highest OR highest <= lowest, NULL,
                source = 'nps', question = 'recommend' AND lowest IN (0, 1) AND highest = 10
                    AND score = floor(score) ? multiIf(score >= 9, 1, score <= 6, -1, 0) : NULL,
                source = 'csat', expected < lowest OR expected > highest ? NULL
                    : sign(score - expected),
                source = 'stars', multiIf(4 * (score - lowest) >= 3 * (highest - lowest), 1,
                    4 * (score - lowest) <= highest - lowest, -1, 0), NULL) AS sign_of
        FROM replied
    )

-- experiences --
-- What customers said of their experience, one row for an event: surveys that rate, public reviews,
-- complaints, which are bad, and recommendations, which are good. It needs `opinions`, and
-- `interactions` of cases and of word of mouth. A complaint is known by its case (`matter`), whatever
-- the number of its reports.
    experiences AS
    (
        SELECT profile, event_id, at, is_named, source, event_id AS matter,
            sign(sum(assumeNotNull(sign_of)))::Int8 AS sign
        FROM rated WHERE sign_of IS NOT NULL
        GROUP BY profile, event_id, at, is_named, source
        UNION ALL
        SELECT profile, event_id, occurred_at, anchor_type != 'record',
            transform(type::String, ['review.posted', 'complaint.opened'], ['review', 'complaint'],
                'referral'),
            type = 'complaint.opened' ? concat('\0', case_id) : event_id,
            multiIf(type = 'complaint.opened', -1, type = 'referral.made', 1,
                4 * (assumeNotNull(rating) - {lowest:UInt8})
                    >= 3 * ({highest:UInt8} - {lowest:UInt8}), 1,
                4 * (assumeNotNull(rating) - {lowest:UInt8})
                    <= {highest:UInt8} - {lowest:UInt8}, -1, 0)::Int8
        FROM interacted
        WHERE type IN ('complaint.opened', 'referral.made') OR type = 'review.posted'
            AND rating >= {lowest:UInt8} AND rating <= {highest:UInt8}
    )

-- feelings --
-- Whether a person wanted to stay (1) or not (-1), by all that says so: the score of recommendation,
-- the indices of loyalty and of trust, recommendations, complaints. It needs `experiences`.
    feelings AS
    (
        SELECT profile, event_id, at, sign FROM experiences
        WHERE is_named AND source IN ('nps', 'referral', 'complaint')
        UNION ALL
        SELECT profile, event_id, any(at), multiIf(avg(percent) >= {attached_from:UInt8}, 1,
            avg(percent) < {detached_below:UInt8}, -1, 0)::Int8
        FROM
        (
            SELECT profile, event_id, at, source, question,
                100 * toFloat64(assumeNotNull(score) - lowest) / toFloat64(highest - lowest) AS percent
            FROM rated
            WHERE is_named AND score >= lowest AND score <= highest AND highest > lowest
                AND (source = 'cli' AND question IN ('recommend', 'buy_again', 'try_other')
                    OR source = 'relationship' AND match(question, '^trust([._-]|$)'))
        )
        GROUP BY profile, event_id, source
        HAVING source = 'relationship' OR uniqExact(question) = 3
    )

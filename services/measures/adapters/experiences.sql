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
            -- only: if(m.kind != '', m.profile, s.node) --
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

-- phase_spans --
-- What events of persons prove about the buying cycle, from when on and until when, as core/phases.py
-- says: the number of the phase, and the category where the event tells of one. It needs
-- `interactions`, `opinions` and `baskets`.
    looks AS
    (
        SELECT profile, category::String AS category, occurred_at AS at,
            countIf(category != '') OVER
            (
                PARTITION BY profile, category ORDER BY toUnixTimestamp64Milli(occurred_at)
                RANGE BETWEEN 604799999 PRECEDING AND CURRENT ROW
            ) >= {views_min:UInt8} AS is_comparison
        FROM interacted WHERE type = 'product.viewed'
    ),
    deliveries AS
    (
        SELECT n.order_issuer AS issuer, n.order_id AS order_id, min(s.at) AS at, true AS is_known
        FROM
        (
            SELECT node, event_id, occurred_at AS at FROM interactions FINAL
            WHERE realm = {realm:String} AND kind = 'purchase' AND type = 'order.status_changed'
                AND NOT synthetic AND has({delivered:Array(String)}, lowerUTF8(status::String))
                AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        ) AS s
        INNER JOIN
        (
            SELECT node, event_id, order_issuer, order_id FROM orders FINAL
            WHERE realm = {realm:String} AND NOT synthetic AND order_action = 'status'
        ) AS n ON s.node = n.node AND s.event_id = n.event_id
        GROUP BY issuer, order_id
    ),
    bought AS
    (
        SELECT b.profile AS profile, arrayJoin(arrayConcat([''], b.categories)) AS category,
            b.at AS at, toDate(b.at, {zone:String}) AS day,
            has({taken_along:Array(String)}, b.channel) OR d.is_known AS is_there,
            greatest(b.at, has({taken_along:Array(String)}, b.channel) ? b.at : d.at) AS there_at
        FROM baskets AS b
        LEFT JOIN deliveries AS d ON b.issuer = d.issuer AND b.order_id = d.order_id
    ),
    phase_spans AS
    (
        SELECT profile, category, phase, begins, least(begins
            + toIntervalDay({limit_days:Array(UInt16)}[phase]), not_after) AS ends
        FROM
        (
            SELECT profile, category::String AS category, occurred_at AS begins,
                multiIf(
                    type IN ('campaign.reached', 'email.delivered')
                        OR type = 'email.opened' AND NOT automated
                        OR type = 'message.sent' AND channel != 'email' AND purpose = 'marketing', 1,
                    type IN ('search.performed', 'product.viewed')
                        OR type = 'email.clicked' AND NOT automated, 2,
                    type = 'cart.updated' AND notEmpty(skus) OR type = 'quote.sent', 3,
                    type IN ('complaint.opened', 'review.posted')
                        OR type = 'support.contacted' AND direction != 'us', 5,
                    type = 'referral.made' OR type = 'loyalty.changed' AND points_change > 0, 6,
                    0) AS phase,
                toDateTime64('2200-01-01', 3, 'UTC') AS not_after
            FROM interacted
            UNION ALL
            SELECT profile, category, at, 3, toDateTime64('2200-01-01', 3, 'UTC') FROM looks
            WHERE is_comparison
            UNION ALL
            SELECT profile, '', at, 5, toDateTime64('2200-01-01', 3, 'UTC') FROM replied
            WHERE is_named
            UNION ALL
            SELECT profile, category, at, 4,
                is_there ? there_at : toDateTime64('2200-01-01', 3, 'UTC')
            FROM bought
            UNION ALL
            SELECT profile, category, there_at, 5, toDateTime64('2200-01-01', 3, 'UTC') FROM bought
            WHERE is_there
            UNION ALL
            SELECT profile, category, at, 6, toDateTime64('2200-01-01', 3, 'UTC')
            FROM
            (
                SELECT *, min(day) OVER (PARTITION BY profile, category) AS first_day FROM bought
            )
            WHERE day > first_day
        )
        WHERE phase > 0
    )

-- journeys --
-- Journeys of persons before the end of the window: touchpoints of some types with gaps of 30 days at
-- most; an order ends one. `stops` are the touchpoints before the order, each with its channel. It
-- needs `touches` and `baskets`.
    stations AS
    (
        SELECT profile, at, channel, false AS is_order FROM touches
        UNION ALL
        SELECT profile, at, channel, true FROM baskets
    ),
    parted AS
    (
        SELECT *, sum(begins) OVER
            (
                PARTITION BY profile ORDER BY at, is_order, channel
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS journey
        FROM
        (
            SELECT *, lagInFrame(is_order) OVER before OR lagInFrame(at, 1, at) OVER before
                < at - toIntervalDay({gap_days:UInt16}) AS begins
            FROM stations
            WINDOW before AS
            (
                PARTITION BY profile ORDER BY at, is_order, channel
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            )
        )
    ),
    journeys AS
    (
        SELECT profile, journey, max(parted.is_order) AS is_order, maxIf(at, parted.is_order) AS ordered_at,
            max(at) AS ended_at, min(at) AS began_at, anyIf(channel, parted.is_order) AS ordered_on,
            groupArrayIf((at, channel), NOT parted.is_order) AS stops
        FROM parted GROUP BY profile, journey
    )

-- ended --
-- The journeys that ended in the window: with an order, or when nothing had followed for 30 days. `way_of`
-- are their channels in order, with that of the order. It needs `journeys`.
    ended AS
    (
        SELECT *, arrayCompact(arrayMap(x -> x.2, arrayConcat(arraySort(stops),
            is_order ? [(ordered_at, ordered_on)] : []))) AS way_of
        FROM journeys
        WHERE is_order AND ordered_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            OR NOT is_order AND ended_at + toIntervalDay({gap_days:UInt16})
                >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            AND ended_at + toIntervalDay({gap_days:UInt16})
                < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    )

-- quality --
-- The latest answer of each respondent of the window to each question of a `relationship` survey, from
-- 0 to 100 of its scale: in thousandths, so that sums are the same in any order. It needs `opinions`.
    quality AS
    (
        SELECT respondent, arrayFirst(one -> startsWith(question, one),
                {dimensions:Array(String)}) AS dimension, question,
            argMax(thousandths, (at, event_id)) AS percent
        FROM
        (
            SELECT is_named ? toString(profile) : concat(toString(profile), event_id) AS respondent,
                event_id, at, question::String AS question,
                toInt64(round(100000 * toFloat64(assumeNotNull(score) - lowest)
                    / toFloat64(highest - lowest))) AS thousandths
            FROM rated
            WHERE source = 'relationship' AND score >= lowest AND score <= highest
                AND highest > lowest
                AND at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        )
        WHERE arrayExists(one -> startsWith(question, one), {dimensions:Array(String)})
        GROUP BY respondent, question
    )

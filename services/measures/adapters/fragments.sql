-- purchases --
-- Every counting order before the end of the window with the profile that holds it now, counted
-- once per issuer and order id as docs/profiles.md says. Of several reports the best one owns the
-- order; orders cancelled as a whole are skipped, cancelled lines reduce the revenue. An identifier
-- that the map does not know is a profile of its own, and a person if its type is personal.
--
-- Nearly every order has one row (`alone`) and is taken as it is read, in the order of the map. The
-- few others (`settled`) are ranked: those of several rows, and all of identifiers with an event
-- that may have another body, whose order may be another one. FINAL would sort all of them.
    several AS
    (
        SELECT cityHash64(order_issuer, order_id) AS key FROM orders
        WHERE realm = {realm:String} AND order_action IN ('placed', 'cancelled')
        GROUP BY key HAVING count() > 1
    ),
    corrected AS (SELECT node FROM touchpoints WHERE realm = {realm:String} AND corrects),
    reports AS
    (
        SELECT order_action = 'placed' AS is_placed, order_issuer AS issuer, order_id, node,
            occurred_at, channel, source_store, anchor_type, anchor_type = 'record' AS unnamed,
            order_currency AS said_in, order_value, NOT is_placed AND empty(lines.kind) AS whole,
            order_counts AND NOT synthetic AND order_action IN ('placed', 'cancelled') AS is_valid,
            concat(unnamed ? '1' : '0', toString(occurred_at), event_id, '\0', toString(node))
                AS rank
        FROM orders
        WHERE realm = {realm:String}
            AND (cityHash64(order_issuer, order_id) IN several OR node IN corrected)
        ORDER BY version DESC, _block_number DESC LIMIT 1 BY node, event_id
    ),
    settled AS
    (
        SELECT argMinIf(r.node, rank, is_placed) AS node,
            argMinIf(r.anchor_type, rank, is_placed) AS anchor_type,
            argMinIf(occurred_at, rank, is_placed) AS at,
            argMinIf(r.channel, rank, is_placed) AS channel,
            argMinIf(source_store, rank, is_placed) AS store,
            argMinIf(said_in, rank, is_placed) AS currency,
            argMinIf(order_value, rank, is_placed) AS worth,
            groupArrayIf((said_in, order_value), NOT is_placed AND NOT whole) AS parts,
            arraySum(x -> x.2, arrayFilter(x -> x.1 = '' OR x.1 = currency, parts)) AS off,
            (worth - greatest(0, least(off, worth)))::Decimal(18, 4) AS revenue
        FROM reports AS r WHERE is_valid GROUP BY issuer, order_id
        HAVING max(is_placed) AND NOT max(whole) AND NOT minIf(unnamed, is_placed)
    ),
    alone AS
    (
        SELECT node, anchor_type, occurred_at AS at, channel, source_store AS store,
            order_currency AS currency, order_value AS revenue
        FROM orders
        WHERE realm = {realm:String} AND order_counts AND NOT synthetic
            AND order_action = 'placed' AND anchor_type != 'record' AND node NOT IN corrected
            AND cityHash64(order_issuer, order_id) NOT IN several
    ),
    personal AS
    (
        SELECT groupArrayArray(personal_types) AS types FROM realms FINAL
        WHERE realm = {realm:String}
    ),
    holders AS
    (
        SELECT node, profile, has({kinds:Array(String)}, kind) AS counts, true AS is_known
        FROM map FINAL WHERE realm = {realm:String}
    ),
    purchases AS
    (
        SELECT if(m.is_known, m.profile, c.node) AS profile, c.at AS at, c.channel AS channel,
            if(c.store = '', c.channel, c.store) AS place, c.currency AS currency,
            c.revenue AS revenue
        FROM alone AS c LEFT ANY JOIN holders AS m ON c.node = m.node
        WHERE c.at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
            -- only: if(m.is_known, m.profile, c.node) --
            AND if(m.is_known, m.counts, has({kinds:Array(String)},
                has((SELECT types FROM personal), c.anchor_type) ? 'person' : 'anonymous'))
        UNION ALL
        SELECT if(m.is_known, m.profile, c.node) AS profile, c.at AS at, c.channel AS channel,
            if(c.store = '', c.channel, c.store) AS place, c.currency AS currency,
            c.revenue AS revenue
        FROM settled AS c LEFT ANY JOIN holders AS m ON c.node = m.node
        WHERE c.at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
            -- only: if(m.is_known, m.profile, c.node) --
            AND if(m.is_known, m.counts, has({kinds:Array(String)},
                has((SELECT types FROM personal), c.anchor_type) ? 'person' : 'anonymous'))
    )

-- occasions --
-- Purchases of one calendar day of the realm at one place are one occasion. Money of other
-- currencies than the realm's does not count; `number` counts the occasions of a person in
-- the order in which they began.
    occasions AS
    (
        SELECT profile, toDate(at, {zone:String}) AS day, place,
            sum(currency = {currency:String} ? revenue : 0) AS revenue,
            row_number() OVER (PARTITION BY profile ORDER BY day, min(at), place) AS number,
            day >= toDate(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'), {zone:String})
                AS is_inside
        FROM purchases GROUP BY profile, day, place
    )

-- returns --
-- Every return before the end of the window, once per issuer and return number, with the profile of
-- the order that it names, or of whoever is named with it. In the realm's currency; of others
-- nothing. It needs what `purchases` begins with.
    returned AS
    (
        SELECT order_issuer AS issuer, return_id,
            argMin((order_id, node, anchor_type, anchor_type = 'record', order_currency,
                order_value, occurred_at), (order_id = '', rank)) AS best
        FROM
        (
            SELECT *, concat(anchor_type = 'record' ? '1' : '0', toString(occurred_at), event_id,
                '\0', toString(node)) AS rank
            FROM orders
            WHERE realm = {realm:String} AND (order_action = 'returned' OR node IN corrected)
            ORDER BY version DESC, _block_number DESC LIMIT 1 BY node, event_id
        )
        WHERE order_counts AND NOT synthetic AND order_action = 'returned'
        GROUP BY issuer, return_id
    ),
    named AS (SELECT cityHash64(issuer, best.1) FROM returned),
    sold AS
    (
        SELECT order_issuer AS issuer, order_id, min(s.anchor_type = 'record') AS nobodys,
            argMin(s.node, rank) AS node, argMin(s.anchor_type, rank) AS anchor_type,
            argMin(s.order_currency, rank)::String AS currency, true AS is_known
        FROM
        (
            SELECT *, concat(anchor_type = 'record' ? '1' : '0', toString(occurred_at), event_id,
                '\0', toString(node)) AS rank
            FROM orders
            WHERE realm = {realm:String}
                AND (order_action = 'placed' AND cityHash64(order_issuer, order_id) IN named
                    OR node IN corrected)
            ORDER BY version DESC, _block_number DESC LIMIT 1 BY node, event_id
        ) AS s
        WHERE order_counts AND NOT synthetic AND order_action = 'placed'
        GROUP BY issuer, order_id
    ),
    owned AS
    (
        SELECT if(s.is_known, s.node, r.best.2) AS node,
            if(s.is_known, s.anchor_type, r.best.3) AS anchor_type, r.best.7 AS at,
            if(r.best.5 = '' AND s.is_known, s.currency, r.best.5::String) AS said_in,
            (said_in IN ('', {currency:String}) ? r.best.6 : 0)::Decimal(38, 4) AS refund
        FROM returned AS r LEFT JOIN sold AS s ON r.issuer = s.issuer AND r.best.1 = s.order_id
        WHERE NOT if(s.is_known, s.nobodys, r.best.4)
    ),
    returns AS
    (
        SELECT if(m.is_known, m.profile, c.node) AS profile, c.at AS at, c.refund AS refund
        FROM owned AS c LEFT ANY JOIN holders AS m ON c.node = m.node
        WHERE c.at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
            -- only: if(m.is_known, m.profile, c.node) --
            AND if(m.is_known, m.counts, has({kinds:Array(String)},
                has((SELECT types FROM personal), c.anchor_type) ? 'person' : 'anonymous'))
    )

-- customers --
-- Who was a customer when the window began and when it ended. A person is one for some days after
-- an order; an order of the very instant in which the window begins belongs to the window.
    customers AS
    (
        SELECT profile, min(at) >= starts AS is_new, max(at) >= ends - active AS at_end,
            countIf(at < starts AND at >= starts - active) > 0 AS at_start,
            fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AS starts,
            fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC') AS ends,
            toIntervalDay({active_days:UInt16}) AS active
        FROM purchases GROUP BY profile
    )

-- holders --
-- Which profile holds an identifier now, and of what kind it is.
    holders AS
    (
        SELECT node, profile, kind::String AS kind FROM map FINAL WHERE realm = {realm:String}
    )

-- answers --
-- Answers to surveys of one instrument in the window; needs `holders`. Of one respondent the latest
-- answer to a question of a wave of a survey counts; of what is asked about an occasion (satisfaction,
-- stars, effort) that about each touchpoint, store, case and order. One that says something comes before
-- one that only comments. Who answered without a name, or by an identifier that many share, is nobody
-- else's respondent: each such answer counts. Scales that are not said are those of the instrument.
-- `cells` are the groups of breakdowns that an answer belongs to.
    responses AS
    (
        SELECT s.event_id AS event_id, s.occurred_at AS at, s.channel::String AS channel,
            s.source_store::String AS store, s.survey::String AS survey,
            s.survey_wave::String AS wave, s.survey_mode::String AS mode,
            s.survey_touchpoint::String AS touchpoint,
            {instrument:String} IN ('csat', 'stars', 'ces')
                ? (touchpoint, store, s.survey_case_id, s.survey_order_id) : ('', '', '', '')
                AS occasion,
            s.answers.question AS questions,
            s.answers.score AS scores, s.answers.expected AS expectations,
            s.answers.choice AS choices, s.answers.form AS forms,
            s.answers.scale_min AS scale_mins, s.answers.scale_max AS scale_maxs,
            multiIf(h.kind = 'shared', 'anonymous', h.kind != '', h.kind, has(
                (SELECT groupArrayArray(personal_types) FROM realms FINAL
                    WHERE realm = {realm:String}),
                s.anchor_type), 'person', 'anonymous') AS held_by,
            if(h.kind = 'shared' OR s.anchor_type = 'record', concat(toString(s.node), event_id),
                toString(if(h.kind = '', s.node, h.profile))) AS respondent
        FROM
        (
            SELECT * FROM surveys FINAL
            WHERE realm = {realm:String} AND survey_kind = {instrument:String} AND NOT synthetic
                AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
                AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        ) AS s
        LEFT ANY JOIN holders AS h ON s.node = h.node
        WHERE has({kinds:Array(String)}, held_by)
            -- only: if(h.kind != '', h.profile, s.node) --
    ),
    answers AS
    (
        SELECT event_id, at, respondent, survey, wave, question, score, expected, choice, form,
            coalesce(scale_min, {instrument:String} = 'nps' ? 0 : 1) AS lowest,
            coalesce(scale_max, transform({instrument:String}, ['nps', 'ces'], [10, 7], 5))
                AS highest,
            score IS NOT NULL AND score >= lowest AND score <= highest AS is_on_scale,
            [
                ('', ''), ('channel', channel), ('mode', mode), ('store', store),
                ('survey', survey), ('touchpoint', touchpoint),
                ('wave', wave = '' ? '' : concat(survey, '\x1f', wave))
            ] AS cells
        FROM responses
        ARRAY JOIN questions AS question, scores AS score, expectations AS expected,
            choices AS choice, forms AS form, scale_mins AS scale_min, scale_maxs AS scale_max,
            arrayEnumerateUniq(questions, forms) AS repetition
        WHERE repetition = 1
        ORDER BY score IS NOT NULL OR choice != '' DESC, at DESC, event_id DESC
        LIMIT 1 BY respondent, survey, wave, question, form, occasion
    )

-- loyalty --
-- The loyalty index of each respondent in a wave and the reason that is given; needs `answers`. The index
-- is whole if all three answers are on their scales.
    loyal AS
    (
        SELECT respondent, argMax(cells, (at, event_id)) AS cells,
            anyIf(choice, question = 'reason') AS reason,
            countIf(is_part) = 3 AS is_whole,
            avgIf(toFloat64(100 * (score - lowest)) / toFloat64(highest - lowest), is_part)
                AS loyalty
        FROM
        (
            SELECT *, question IN ('recommend', 'buy_again', 'try_other') AND is_on_scale
                AND highest > lowest AS is_part
            FROM answers
        )
        GROUP BY respondent, survey, wave
    )

-- interactions --
-- What measures read of events beside orders (the table `interactions`), of some kinds and before
-- the end of the window, with the profile that holds it now. Who is a person is decided as for
-- purchases.
    interacted AS
    (
        SELECT if(m.kind != '', m.profile, i.node) AS profile, i.*
        FROM
        (
            SELECT * FROM interactions FINAL
            WHERE realm = {realm:String} AND has({interaction_kinds:Array(String)}, kind)
                AND type != '' AND NOT synthetic
                AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        ) AS i
        LEFT ANY JOIN
        (
            SELECT node, profile, kind::String AS kind FROM map FINAL WHERE realm = {realm:String}
        ) AS m ON i.node = m.node
        WHERE has({kinds:Array(String)}, multiIf(m.kind != '', m.kind, has(
            (SELECT groupArrayArray(personal_types) FROM realms FINAL WHERE realm = {realm:String}),
            i.anchor_type), 'person', 'anonymous'))
            -- only: if(m.kind != '', m.profile, i.node) --
    )

-- service_steps --
-- What happened in cases and conversations: who asked, who answered, and where. The number of a
-- case is one everywhere, that of a conversation is one within its channel. What a bot says when it
-- hands over is no answer, and nobody waits for one to a contact that the retailer began.
    service_steps AS
    (
        SELECT profile, occurred_at AS at, concat(toString(occurred_at), event_id) AS rank, event_id,
            channel::String AS channel, kind = 'dialogue' AS in_dialogue,
            concat(in_dialogue ? channel::String : '', '\0', case_id) AS matter, subject,
            team::String AS team, wait_s, solved, repeated, handed_over, intent::String AS intent,
            kind_of_agent = 'bot' OR author = 'bot' AS by_bot,
            multiIf(in_dialogue, author = 'customer', type = 'complaint.opened', true,
                type = 'support.contacted', direction != 'us', false) AS asks,
            NOT asks AND type != 'support.contacted' AND NOT (by_bot AND handed_over) AS answers,
            multiIf(agent != '', agent::String, team != '', team, author = 'customer', '',
                kind_of_agent != '', kind_of_agent::String, author::String) AS answerer,
            type = 'complaint.closed' OR ifNull(solved, false) AS settles,
            type IN ('support.contacted', 'complaint.opened') AS begins_contact,
            type = 'complaint.opened' AS complains
        FROM interacted WHERE kind IN ('case', 'dialogue')
    )

-- topics --
-- What happened in cases with what it is about: the first subject that is said in the case, else the
-- case. Who complains within ten minutes of a contact in the same case tells nothing anew: two systems
-- report one call.
    topics AS
    (
        SELECT *, argMinIf(lowerUTF8(subject), rank, subject != '') OVER of_case AS first_subject,
            if(first_subject = '', matter, first_subject) AS topic,
            asks AND NOT ifNull(lagInFrame(toNullable(at)) OVER asked >= at - toIntervalMinute(10)
                AND lagInFrame(complains) OVER asked != complains, false) AS tells
        FROM service_steps WHERE NOT in_dialogue
        WINDOW
            of_case AS (PARTITION BY matter),
            asked AS (PARTITION BY matter, asks ORDER BY rank
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    )

-- conversations --
-- Every conversation of the window, and how it ended. One with a bot is contained if no person came
-- in, and the customer made no new contact, on whatever channel, until 24 hours after its end. What
-- the retailer begins is none; a bot that greets begins nothing. Only who was told of a hand-over
-- waits for a person.
    spoken AS
    (
        SELECT matter, argMin(profile, rank) AS profile, argMin(channel, rank) AS channel,
            min(at) AS begins, max(at) AS ends,
            argMinIf(asks, rank, asks OR NOT by_bot) AS by_customer,
            countIf(by_bot) > 0 AS has_bot, argMinIf(intent, rank, intent != '') AS intent,
            maxIf(at, asks) AS last_asked_at,
            minIf(at, handed_over OR NOT asks AND NOT by_bot) AS handed_at,
            countIf(handed_over OR NOT asks AND NOT by_bot) > 0 AS is_handed,
            countIf(handed_over AND (asks OR by_bot)) > 0 AS is_said,
            minIf(at, handed_over AND (asks OR by_bot)) AS said_at,
            arraySort(arrayFilter(one -> one >= said_at,
                groupArrayIf(at, NOT asks AND NOT by_bot)))[1] AS served_at
        FROM service_steps WHERE in_dialogue GROUP BY matter
    ),
    contacted AS
    (
        SELECT profile, begins AS at, matter, by_customer FROM spoken
        UNION ALL
        SELECT profile, at, matter, true FROM service_steps WHERE NOT in_dialogue AND asks
    ),
    followed AS
    (
        SELECT profile, at, matter, min(by_customer ? toNullable(at) : NULL) OVER
            (
                PARTITION BY profile ORDER BY at DESC, matter DESC
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS next_at
        FROM contacted
    ),
    conversations AS
    (
        SELECT s.profile AS profile, s.channel AS channel, s.begins AS begins, s.intent AS intent,
            s.by_customer AS by_customer, s.has_bot AS has_bot,
            fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC') AS seen_until,
            s.ends + toIntervalDay(1) AS quiet_at,
            multiIf(s.is_handed, 'handed_over', ifNull(f.next_at <= quiet_at, false), 'came_back',
                quiet_at >= seen_until, 'open', 'contained') AS outcome,
            s.is_said AS is_said, is_said AND s.served_at >= s.said_at AS is_served,
            dateDiff('second', s.said_at, is_served ? s.served_at : seen_until) AS wait_s,
            s.has_bot AND s.is_handed AND s.last_asked_at <= s.handed_at AS is_lost
        FROM spoken AS s
        INNER JOIN followed AS f ON s.matter = f.matter AND s.begins = f.at
        WHERE s.begins >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    )

-- service_clocks --
-- What the service clocks of teams (services/measures/core/service_clock.py) do, and when.
    turns AS
    (
        SELECT t.1 AS clock, t.2 AS turned_ms, t.3 AS ran_ms, t.4 AS runs
        FROM
        (
            SELECT arrayJoin(arrayZip({clocks:Array(UInt16)}, {turns_ms:Array(Int64)},
                {ran_ms:Array(Int64)}, {runs:Array(UInt8)})) AS t
        )
    )

-- questions --
-- Every case and conversation that a customer began in the window, with the first answers to it. A
-- reply to what an agent wrote first is no question.
-- Where people talk to each other, the time until somebody took the contact says when it was
-- answered. The service clock is that of the team of the first answer.
    asked AS
    (
        SELECT matter, minIf(at, asks) AS asked_at, argMinIf(profile, rank, asks) AS profile,
            argMinIf(channel, rank, asks) AS channel, argMinIf(event_id, rank, asks) AS event_id,
            max(complains) AS complains,
            arraySort(arrayFilter(x -> x.1 >= asked_at, groupArrayIf((
                at + toIntervalSecond(asks ? ifNull(wait_s, 0) : 0), team, by_bot
            ), answers OR asks AND wait_s IS NOT NULL))) AS replies
        FROM service_steps GROUP BY matter
        HAVING countIf(asks) > 0
            AND (NOT any(in_dialogue) OR argMinIf(asks, rank, asks OR NOT by_bot))
            AND asked_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    ),
    timed AS
    (
        SELECT *, toUnixTimestamp64Milli(asked_at) AS asked_ms,
            indexOf({promise_channels:Array(String)}, channel) AS promise,
            promise > 0 ? {promise_s:Array(UInt32)}[promise] : {default_promise_s:UInt32} AS within_s,
            has({bot_channels:Array(String)}, channel)
                OR promise = 0 AND {bots_elsewhere:Bool} AS bots_count,
            has({hours_channels:Array(String)}, channel)
                OR promise = 0 AND {hours_elsewhere:Bool} AS hours_count,
            arrayFirst(x -> bots_count OR NOT x.3, replies) AS reply,
            reply.1 > asked_at - 1 AS is_answered,
            is_answered ? toUnixTimestamp64Milli(reply.1) : {until_ms:Int64} AS until_ms,
            transform(reply.2, {clock_teams:Array(String)}, {team_clocks:Array(UInt16)}, 0::UInt16)
                AS clock
        FROM asked
    ),
    questions AS
    (
        SELECT t.profile AS profile, t.channel AS channel, t.replies AS replies,
            t.asked_at AS asked_at, t.is_answered AS is_answered, t.event_id AS event_id,
            t.complains AS complains,
            intDiv(t.until_ms - t.asked_ms, 1000) AS clock_s,
            intDiv(e.ran_ms + e.runs * (t.until_ms - e.turned_ms)
                - b.ran_ms - b.runs * (t.asked_ms - b.turned_ms), 1000) AS service_s,
            if(t.hours_count, service_s, clock_s) <= t.within_s AS is_within,
            multiIf(is_answered, is_within ? 'in_time' : 'late',
                has({spoken_channels:Array(String)}, channel), 'unknown',
                is_within ? 'open' : 'unanswered') AS outcome
        FROM timed AS t
        ASOF JOIN turns AS b ON t.clock = b.clock AND t.asked_ms >= b.turned_ms
        ASOF JOIN turns AS e ON t.clock = e.clock AND t.until_ms >= e.turned_ms
    )

-- contacts --
-- Contacts of all time before the end of the window, and unsubscriptions and complaints, one for a
-- message however many systems report it: each with the contacts within the 7 and 30 days up to it.
    contacts AS
    (
        SELECT profile, min(sent_s) AS at_s, true AS is_contact, argMin(sent_on, (sent_s, sent_on)) AS channel
        FROM
        (
            SELECT profile, toUnixTimestamp64Second(occurred_at) AS sent_s,
                if(type = 'email.sent', 'email', channel::String) AS sent_on,
                if(message_id = '', concat('\0', event_id), message_id) AS message
            FROM interacted
            WHERE type IN ('message.sent', 'email.sent')
                AND purpose IN ('marketing', 'survey', 'cart_reminder')
                AND has({pressure_channels:Array(String)}, sent_on)
        )
        GROUP BY profile, message
        UNION ALL
        SELECT profile, min(toUnixTimestamp64Second(occurred_at)), false,
            argMin(channel::String, (occurred_at, event_id))
        FROM interacted WHERE type IN ('email.unsubscribed', 'email.complained')
        GROUP BY profile, type, if(message_id = '', concat('\0', event_id), message_id)
    ),
    pressed AS
    (
        SELECT profile, at_s, is_contact, channel, at_s >= intDiv({from_ms:Int64}, 1000) AS is_inside,
            countIf(is_contact) OVER
            (
                PARTITION BY profile ORDER BY at_s
                RANGE BETWEEN 604799 PRECEDING AND CURRENT ROW
            ) AS in_7_days,
            countIf(is_contact) OVER
            (
                PARTITION BY profile ORDER BY at_s
                RANGE BETWEEN 2591999 PRECEDING AND CURRENT ROW
            ) AS in_30_days
        FROM contacts
    )

-- baskets --
-- What was in the orders that count before the end of the window, by whoever ordered: once per issuer
-- and order id, of several reports the best one as for purchases. Few orders have several; only these
-- are ranked.
    repeated_orders AS
    (
        SELECT cityHash64(order_issuer, order_id) AS key FROM orders
        WHERE realm = {realm:String} AND order_action = 'placed' AND anchor_type != 'record'
        GROUP BY key HAVING count() > 1
    ),
    best_reports AS
    (
        SELECT (argMin((node, event_id), concat(toString(occurred_at), event_id, '\0',
            toString(node))) AS best).1, best.2
        FROM orders FINAL
        WHERE realm = {realm:String} AND order_action = 'placed' AND order_counts
            AND NOT synthetic AND anchor_type != 'record'
            AND cityHash64(order_issuer, order_id) IN repeated_orders
        GROUP BY order_issuer, order_id
    ),
    baskets AS
    (
        SELECT if(m.kind != '', m.profile, o.node) AS profile, o.event_id AS event_id, o.at AS at,
            o.issuer AS issuer, o.order_id AS order_id, o.channel AS channel, o.skus AS skus,
            o.categories AS categories, o.articles AS articles, o.currency AS currency,
            o.lines AS lines, o.worth AS worth
        FROM
        (
            SELECT node, anchor_type, event_id, order_issuer AS issuer, order_id,
                occurred_at AS at, channel::String AS channel, order_currency::String AS currency,
                order_value AS worth,
                arrayCount(one -> one IN ('product', 'service'), lines.kind) AS articles,
                arrayFilter(sku -> sku != '', lines.sku) AS skus,
                arrayDistinct(arrayFilter(one -> one != '', lines.category)) AS categories,
                arrayFilter(line -> line.3 IN ('product', 'service'), arrayZip(lines.sku,
                    lines.category, lines.kind, lines.quantity, lines.total)) AS lines
            FROM orders FINAL
            WHERE realm = {realm:String} AND order_action = 'placed' AND order_counts
                AND NOT synthetic AND anchor_type != 'record'
                AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
                AND (cityHash64(order_issuer, order_id) NOT IN repeated_orders
                    OR (node, event_id) IN best_reports)
                AND (order_issuer, order_id) NOT IN
                (
                    SELECT order_issuer, order_id FROM orders FINAL
                    WHERE realm = {realm:String} AND order_action = 'cancelled' AND NOT synthetic
                        AND empty(lines.kind)
                )
        ) AS o
        LEFT ANY JOIN
        (
            SELECT node, profile, kind::String AS kind FROM map FINAL WHERE realm = {realm:String}
        ) AS m ON o.node = m.node
        WHERE has({kinds:Array(String)}, multiIf(m.kind != '', m.kind, has(
            (SELECT groupArrayArray(personal_types) FROM realms FINAL WHERE realm = {realm:String}),
            o.anchor_type), 'person', 'anonymous'))
            -- only: if(m.kind != '', m.profile, o.node) --
    )

-- leads --
-- Every person whose way to a contract began in the window: with an opportunity, an appointment, a
-- visit with advice, or a quote. A later stage implies the earlier ones. Stage 4 is a contract, an
-- opportunity that became one, or the first order of all, once the way has begun.
    steps AS
    (
        SELECT profile, occurred_at AS at, concat(toString(occurred_at), event_id) AS rank,
            channel::String AS channel,
            multiIf(type = 'opportunity.changed', transform(lowerUTF8(stage::String),
                    {stages:Array(String)}, {stage_numbers:Array(UInt8)}, 0::UInt8),
                type = 'appointment.booked' OR type = 'store.visited' AND advised, 2,
                type = 'quote.sent', 3, type = 'contract.started', 4, 0) AS stage,
            type != 'contract.started' AS begins_a_way, lost_reason::String AS lost_reason,
            ifNull(if(currency = {currency:String}, amount, 0), 0) AS worth
        FROM interacted WHERE kind IN ('sales', 'contract')
        UNION ALL
        SELECT profile, min(at), '', '', 4, false, '', 0 FROM baskets GROUP BY profile
    ),
    ways AS
    (
        SELECT profile, minIf(at, begins_a_way AND stage > 0) AS begins,
            argMinIf(channel, rank, begins_a_way AND stage > 0) AS channel,
            argMaxIf(lost_reason, rank, lost_reason != '') AS reason,
            arrayMap(number -> arrayMin(arrayMap(x -> x.1, arrayFilter(
                x -> x.2 >= number AND x.1 >= begins, groupArrayIf((at, stage), stage > 0)))),
                [1, 2, 3, 4]) AS stage_at,
            arrayMax(arrayMap(x -> x.2, arrayFilter(x -> x.1 >= begins,
                groupArrayIf((at, stage), stage > 0)))) AS reached,
            argMaxIf(worth, rank, worth > 0) AS worth
        FROM steps GROUP BY profile HAVING countIf(begins_a_way AND stage > 0) > 0
    ),
    leads AS
    (
        SELECT begins, channel, stage_at, reached, worth, if(reached = 4, '', reason) AS lost_reason
        FROM ways WHERE begins >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    )

-- touches --
-- Touchpoints of some types before the end of the window, with the profile that holds them now. Of what
-- customers do only what they did: no mail that a program opened, no message of an agent, no call of ours.
    touches AS
    (
        SELECT if(m.kind != '', m.profile, t.node) AS profile, t.type AS type,
            t.channel AS channel, t.at AS at
        FROM
        (
            SELECT node, anchor_type, type::String AS type, channel::String AS channel,
                occurred_at AS at
            FROM touchpoints FINAL
            WHERE realm = {realm:String} AND has({touch_types:Array(String)}, type)
                AND (active OR NOT has({acts:Array(String)}, type))
                AND NOT synthetic AND anchor_type != 'record'
                AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        ) AS t
        LEFT ANY JOIN
        (
            SELECT node, profile, kind::String AS kind FROM map FINAL WHERE realm = {realm:String}
        ) AS m ON t.node = m.node
        WHERE has({kinds:Array(String)}, multiIf(m.kind != '', m.kind, has(
            (SELECT groupArrayArray(personal_types) FROM realms FINAL WHERE realm = {realm:String}),
            t.anchor_type), 'person', 'anonymous'))
            -- only: if(m.kind != '', m.profile, t.node) --
    )

-- searches --
-- Searches of the window: whether anything was found, looked at or put into a cart within ten
-- minutes. Where the number of results is not known, something was found.
    browsed AS
    (
        SELECT profile, type, lowerUTF8(trimBoth(query)) AS term, results,
            toUnixTimestamp64Second(occurred_at) AS at_s,
            countIf(type = 'product.viewed') OVER soon AS looks,
            countIf(type = 'cart.updated' AND notEmpty(skus)) OVER soon AS carts
        FROM interacted
        WINDOW soon AS
            (PARTITION BY profile ORDER BY at_s RANGE BETWEEN CURRENT ROW AND 600 FOLLOWING)
    ),
    searches AS
    (
        SELECT profile, term, ifNull(results = 0, false) AS is_empty, looks > 0 AS is_followed,
            carts > 0 AS is_taken
        FROM browsed
        WHERE type = 'search.performed' AND at_s >= intDiv({from_ms:Int64}, 1000)
    )

-- order_lines --
-- What is sold with these orders, a row for each line; needs `baskets`. Lines that were cancelled or
-- returned later were bought, too.
    order_lines AS
    (
        SELECT profile, at, channel, event_id, currency, line.1 AS sku, line.2::String AS category,
            line.4 AS quantity, line.5 AS total
        FROM baskets ARRAY JOIN lines AS line
    )

-- tiers --
-- The price tier of articles, from 1, the cheapest fifth of the category, to 5; needs `order_lines`. The
-- price of an article is the median of what persons paid for one in the last year.
    prices AS
    (
        SELECT category, sku,
            quantileExactInclusive(0.5)(toFloat64(total) / toFloat64(quantity)) AS price
        FROM order_lines
        WHERE sku != '' AND category != '' AND quantity > 0 AND total > 0
            AND currency = {currency:String} AND at >= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
                - toIntervalDay({price_days:UInt16})
        GROUP BY category, sku
    ),
    tiers AS
    (
        SELECT category, sku, price, 1 + intDiv({tiers:UInt8} * (cheaper - 1), skus) AS tier
        FROM
        (
            SELECT category, sku, price, count() OVER (PARTITION BY category) AS skus,
                rank() OVER (PARTITION BY category ORDER BY price) AS cheaper
            FROM prices
        )
        WHERE skus >= {skus_min:UInt8}
    )

-- potentials --
-- What every person could spend more in a year in each category (services/measures/core/
-- customer_potential.py); needs `order_lines` and `tiers`. Spending power is the fifth of all persons by
-- the mean tier of what they buy; who buys nothing that has one is in a band of its own.
    bought AS
    (
        SELECT l.profile AS profile, l.category AS category, sum(toFloat64(l.total)) AS spent,
            sum(t.tier) AS tier_sum, countIf(t.tier > 0) AS tier_count
        FROM order_lines AS l LEFT JOIN tiers AS t ON l.category = t.category AND l.sku = t.sku
        WHERE l.category != '' AND l.currency = {currency:String}
            AND l.at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        GROUP BY profile, category HAVING spent > 0
    ),
    buyers AS
    (
        SELECT profile, arraySort(groupArray((category, spent))) AS own,
            arrayMap(one -> one.1, arraySort(one -> (-one.2, one.1), own)) AS largest,
            sum(tier_sum) / nullIf(sum(tier_count), 0) AS power
        FROM bought GROUP BY profile
    ),
    keyed AS
    (
        SELECT profile, own,
            power IS NULL ? 0 : 1 + intDiv(5 * (rank() OVER (PARTITION BY power IS NULL ORDER BY power)
                - 1), count() OVER (PARTITION BY power IS NULL)) AS band,
            concat(toString(band), '\0', arrayStringConcat(arraySort(arraySlice(largest, 1, 3)), '\0'))
                AS narrow,
            concat(toString(band), '\1', largest[1]) AS wide, toString(band) AS widest
        FROM buyers
    ),
    peered AS
    (
        SELECT profile, own, narrow, wide, widest,
            multiIf(count() OVER (PARTITION BY narrow) >= {peers_min:UInt16}, 1,
                count() OVER (PARTITION BY wide) >= {peers_min:UInt16}, 2,
                count() OVER (PARTITION BY widest) >= {peers_min:UInt16}, 3, 0) AS width
        FROM keyed
    ),
    peer_spending AS
    (
        SELECT key, groupArray((category, upper, need)) AS spending
        FROM
        (
            SELECT key, one.1 AS category, quantileExactInclusive(0.75)(one.2) AS upper,
                count() / any(peers) AS need
            FROM
            (
                SELECT key, own, count() OVER (PARTITION BY key) AS peers
                FROM peered ARRAY JOIN [narrow, wide, widest] AS key
            )
            ARRAY JOIN own AS one GROUP BY key, category
        )
        GROUP BY key
    ),
    potentials AS
    (
        SELECT p.profile AS profile, p.width AS width, arrayFilter(one -> one.2 > 0, arrayMap(
            peer -> (peer.1, greatest(0, peer.2 - arrayFirst(mine -> mine.1 = peer.1, p.own).2) * peer.3),
            width > 0 ? s.spending : [])) AS gaps, arraySum(one -> one.2, gaps) AS total
        FROM (SELECT *, [narrow, wide, widest][width] AS key FROM peered) AS p
        LEFT JOIN peer_spending AS s ON p.key = s.key
    )

-- campaign_costs --
-- What campaigns that were published in the window cost on each channel, in the realm's currency; of
-- several reports of one on a channel the latest counts. One without a name is a campaign of its own.
    campaign_costs AS
    (
        SELECT argMax(assumeNotNull(money), (occurred_at, event_id)) AS cost,
            argMax(purpose::String, (occurred_at, event_id)) AS aim
        FROM
        (
            SELECT campaign, channel, cost AS money, purpose, occurred_at, event_id
            FROM interactions FINAL
            WHERE realm = {realm:String} AND kind = 'campaign' AND type = 'campaign.published'
                AND NOT synthetic AND money IS NOT NULL AND currency = {currency:String}
                AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
                AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        )
        GROUP BY campaign = '' ? event_id : campaign::String, channel
    )

-- habits --
-- What a person bought on several days, by article and by category, and when it is due after the median
-- of the gaps between these days (services/measures/core/coming_due.py); needs `order_lines`. `former`
-- is what was expected before the latest purchase.
    habits AS
    (
        SELECT profile, level, item, bought,
            arrayMap(one -> toFloat64(one.2), bought) AS quantities,
            arrayPopFront(arrayDifference(arrayMap(one -> toInt32(one.1), bought))) AS gaps,
            arrayReduce('quantileExactInclusive(0.5)', gaps) AS middle,
            arrayReduce('quantileExactInclusive(0.5)', arrayMap(one -> abs(one - middle), gaps))
                AS spread,
            arrayReduce('quantileExactInclusive(0.5)', quantities) AS usual,
            middle * (usual > 0 AND quantities[-1] > 0 ? quantities[-1] / usual : 1) AS gap,
            toInt32(bought[-1].1) - toInt32(toDate(fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC'),
                {zone:String})) + gap AS due_in,
            multiIf(due_in + spread >= 0, due_in - spread < {soon_days:UInt16} ? 'due' : 'later',
                due_in + gap >= 0, 'missed', 'lapsed') AS state,
            arrayPopBack(gaps) AS former_gaps, arrayPopBack(quantities) AS former_quantities,
            arrayReduce('quantileExactInclusive(0.5)', former_gaps) AS former_middle,
            arrayReduce('quantileExactInclusive(0.5)',
                arrayMap(one -> abs(one - former_middle), former_gaps)) AS former_spread,
            arrayReduce('quantileExactInclusive(0.5)', former_quantities) AS former_usual,
            former_middle * (former_usual > 0 AND quantities[-2] > 0
                ? quantities[-2] / former_usual : 1) AS former_gap
        FROM
        (
            SELECT profile, level, item, arraySort(groupArray((day, quantity))) AS bought
            FROM
            (
                SELECT profile, what.1 AS level, what.2 AS item, toDate(at, {zone:String}) AS day,
                    sum(quantity) AS quantity
                FROM order_lines ARRAY JOIN [('sku', sku), ('category', category)] AS what
                WHERE item != '' GROUP BY profile, level, item, day
            )
            GROUP BY profile, level, item HAVING count() >= {days_min:UInt8}
        )
    )

-- contracts --
-- Every contract as its latest event before the end of the window leaves it; needs `interactions`.
-- One that was ended may run until a day that it names; it is not renewed.
    contracts AS
    (
        SELECT profile, contract_id, latest.1 = 'contract.ended' AS is_ended, latest.2 AS until,
            latest.3 AS notice_until, latest.4 AS reason, latest.5 AS event_id, latest.6 AS said_at,
            ifNull(until >= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC'), NOT is_ended) AS runs
        FROM
        (
            SELECT profile, contract_id,
                argMax((type, until, notice_until, reason, event_id, occurred_at),
                    (occurred_at, event_id)) AS latest
            FROM interacted WHERE kind = 'contract' GROUP BY profile, contract_id
        )
    )

-- verdicts --
-- Answers of persons to questions of satisfaction since the beginning of the window; needs `holders`.
    verdicts AS
    (
        SELECT if(h.kind = '', s.node, h.profile) AS profile, s.survey_kind::String AS instrument,
            s.occurred_at AS at, s.event_id AS event_id, answer.1::String AS question,
            answer.2 AS score, answer.3 AS expected, coalesce(answer.4, instrument = 'nps' ? 0 : 1) AS lowest,
            coalesce(answer.5, instrument = 'nps' ? 10 : 5) AS highest,
            ifNull(score >= lowest AND score <= highest, false) AS is_on_scale
        FROM
        (
            SELECT node, anchor_type, survey_kind, occurred_at, event_id, arrayZip(answers.question,
                answers.score, answers.expected, answers.scale_min, answers.scale_max) AS said
            FROM surveys FINAL
            WHERE realm = {realm:String} AND survey_kind IN ('nps', 'csat', 'stars') AND NOT synthetic
                AND anchor_type != 'record'
                AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
                AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        ) AS s
        LEFT ANY JOIN holders AS h ON s.node = h.node
        ARRAY JOIN s.said AS answer
        WHERE has({kinds:Array(String)}, multiIf(h.kind != '', h.kind, has(
            (SELECT groupArrayArray(personal_types) FROM realms FINAL WHERE realm = {realm:String}),
            s.anchor_type), 'person', 'anonymous'))
            -- only: if(h.kind != '', h.profile, s.node) --
    )

-- signs --
-- What may be a reason to leave, since the beginning of the window: one row for an event that shows it
-- (services/measures/core/leaving_customers.py). Of the answers whether one recommends, the latest
-- counts. Needs `interactions`, `questions`, `contracts` and `verdicts`.
    signs AS
    (
        SELECT profile, 'detractor' AS what, latest.1 AS at, latest.2 AS event_id, '' AS about,
            0::Decimal(38, 4) AS amount
        FROM
        (
            SELECT profile, max((at, event_id, assumeNotNull(score))) AS latest
            FROM verdicts WHERE instrument = 'nps' AND question = 'recommend' AND is_on_scale
            GROUP BY profile
        )
        WHERE latest.3 <= 6
        UNION ALL
        SELECT profile, instrument = 'csat' ? 'disappointed' : 'poor_rating', at, event_id, '', 0
        FROM verdicts
        WHERE is_on_scale AND (instrument = 'csat' AND ifNull(score < expected, false)
            OR instrument = 'stars' AND 4 * (assumeNotNull(score) - lowest) <= highest - lowest)
        UNION ALL
        SELECT profile, multiIf(type = 'review.posted' AND rating >= {worst_rating:Int32}
                    AND 4 * (rating - {worst_rating:Int32}) <= {best_rating:Int32} - {worst_rating:Int32},
                'poor_rating',
                type = 'order.returned' AND arrayExists(
                    word -> positionUTF8(lowerUTF8(reason), word) > 0, {fault_words:Array(String)}),
                'faulty_goods',
                kind = 'case' AND repeated, 'told_again',
                type = 'product.viewed', 'view',
                type = 'order.placed' AND amount IS NOT NULL AND currency = {currency:String}, 'reduced',
                type = 'opportunity.changed' AND lowerUTF8(lost_reason::String) = 'price', 'lost_to_price',
                type = 'email.unsubscribed', 'unsubscribed', '') AS sign,
            occurred_at, event_id, category::String, ifNull(amount, 0)
        FROM interacted
        WHERE occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND sign != ''
        UNION ALL
        SELECT profile, complains AND outcome = 'unanswered' ? 'complaint_unanswered' : 'late_answer',
            asked_at, event_id, '', 0
        FROM questions WHERE outcome IN ('late', 'unanswered')
        UNION ALL
        SELECT argMin(profile, rank), 'passed_on', max(at), argMax(event_id, rank), '', 0
        FROM service_steps GROUP BY matter
        HAVING length(arrayCompact(arrayMap(x -> x.2,
            arraySort(groupArrayIf((rank, answerer), answerer != ''))))) > 2
        UNION ALL
        SELECT profile, 'contract_ended', said_at, event_id, '', 0
        FROM contracts WHERE is_ended AND reason != ''
    )

-- buying_days --
-- The days on which persons bought, and how often others buy in a category again; needs `baskets`.
    buying_days AS
    (
        SELECT profile, toDate(at, {zone:String}) AS day, max(at) AS latest_at,
            groupUniqArrayArray(categories) AS categories, groupArray(event_id) AS event_ids,
            sum(currency = {currency:String} ? arraySum(arrayMap(line -> line.5, lines)) : 0)
                ::Decimal(38, 4) AS spent
        FROM baskets GROUP BY profile, day
    ),
    usual_gaps AS
    (
        SELECT category, quantileExactInclusive(0.5)(gap) AS gap, uniqExact(profile) AS persons
        FROM
        (
            SELECT profile, category, arrayJoin(arrayPopFront(arrayDifference(arraySort(
                groupArray(toInt32(day)))))) AS gap
            FROM buying_days ARRAY JOIN categories AS category GROUP BY profile, category
        )
        GROUP BY category
        HAVING count() >= {category_gaps_min:UInt8} AND persons >= {persons_min:UInt8}
    )

-- leavers --
-- Everybody who ever bought or has a contract: how long the next purchase is overdue, as of the end of
-- the window, and what may be a reason to leave. Own gaps count if there are enough; else those of
-- others who buy in the categories of the last order. Needs `buying_days`,
-- `contracts` and `signs`.
    known AS
    (
        SELECT profile, 'day' AS source, day, latest_at AS at, categories, spent, event_ids,
            '' AS what, '' AS about
        FROM buying_days
        UNION ALL
        SELECT profile, 'contract', toDate(said_at), said_at, [], 0, [event_id],
            ifNull(coalesce(notice_until, until) > fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC'),
                true) ? 'bound' : 'free', ''
        FROM contracts WHERE runs
        UNION ALL
        SELECT profile, 'sign', toDate(at, {zone:String}), at, [], amount, [event_id], what, about
        FROM signs
    ),
    lives AS
    (
        SELECT profile, fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC') AS ends,
            toDate(ends, {zone:String}) AS today,
            arraySort(groupArrayIf((day, categories, spent, event_ids), source = 'day')) AS days,
            countIf(source = 'contract') > 0 AS has_contract, countIf(what = 'bound') > 0 AS is_bound,
            maxIf(at, source = 'day') >= ends - toIntervalDay({active_days:UInt16}) OR has_contract
                AS is_customer,
            days[-1].1 AS last_day,
            arrayFilter(one -> one.1 >= last_day - {evidence_days:UInt16} OR empty(days),
                arraySort(groupArrayIf((day, what, event_ids[1], about, spent), source = 'sign'))) AS told,
            arrayPopFront(arrayDifference(arrayMap(one -> toInt32(one.1), days))) AS gaps
        FROM known GROUP BY profile HAVING notEmpty(days) OR has_contract
    ),
    leavers AS
    (
        SELECT profile, is_customer, is_bound, days, today,
            (SELECT (groupArray(category), groupArray(gap)) FROM usual_gaps) AS usual,
            length(gaps) >= {gaps_min:UInt8} ? arrayReduce('quantileExactInclusive(0.5)', gaps)
                : arrayMax(arrayMap(one -> (usual.2)[indexOf(usual.1, one)],
                    arrayConcat([''], days[-1].2))) AS gap,
            empty(days) OR gap = 0 ? NULL : toInt32(today - last_day) / gap AS overdue,
            arraySum(one -> one.3, arrayFilter(one -> one.1 > today - 2 * gap, days)) AS lately,
            arraySum(one -> one.3, arrayFilter(one -> one.1 > today - 4 * gap AND one.1 <= today - 2 * gap,
                days)) AS before,
            length(gaps) >= {gaps_min:UInt8} AND lately < 0.6 * before AS declines,
            arrayFilter(one -> one.2 = 'view', told) AS views,
            arrayFilter(one -> one.1 > last_day, views) AS later_views,
            arrayDistinct(arrayFlatten(arrayMap(one -> one.2,
                arrayFilter(one -> one.1 >= last_day - {evidence_days:UInt16}, days)))) AS bought_of,
            arrayFilter(one -> one.2 = 'reduced'
                AND arrayExists(day -> has(day.4, one.3), days), told) AS reductions,
            arrayConcat(
                arrayFilter(one -> one.2 NOT IN ('view', 'reduced'), told),
                arrayMap(one -> (one.1, 'looked_in_vain', one.3, '', one.5),
                    length(later_views) >= {views_min:UInt8} ? later_views : []),
                arrayMap(one -> (one.1, 'lost_interest', one.3, '', one.5),
                    arrayExists(one -> has(bought_of, one.4) AND one.1 <= last_day, views)
                        AND arrayExists(one -> one.4 != '', later_views)
                        AND NOT arrayExists(one -> has(bought_of, one.4), later_views)
                        ? later_views : []),
                arrayMap(one -> (one.1, 'only_reduced', one.3, '', one.5),
                    notEmpty(reductions) AND arraySum(one -> one.5, reductions) >= arraySum(one -> one.3,
                        arrayFilter(one -> one.1 >= last_day - {evidence_days:UInt16}, days))
                        ? reductions : [])
            ) AS shown
        FROM lives
    )

-- members --
-- Who belongs to a segment now: a member that was merged since is who it is now.
SELECT if(j.is_known, j.profile, b.node)
FROM
(
    SELECT node FROM memberships FINAL
    WHERE realm = {realm:String} AND segment = {segment:String} AND state = 'member'
) AS b
LEFT ANY JOIN
(
    SELECT node, profile, true AS is_known FROM map FINAL
    WHERE realm = {realm:String} AND node IN
    (
        SELECT node FROM memberships
        WHERE realm = {realm:String} AND segment = {segment:String}
    )
) AS j ON b.node = j.node

-- grouped --
-- By which groups customers are compared, as they said last before the end of the window: age, language,
-- the first digit of a postal code of four or five, the channel that they wish. Forms that nothing is
-- made of are in no group.
SELECT profile, of.1 AS by, of.2 AS key
FROM
(
    SELECT profile, multiIf(
        name = 'birth_date', ('age_band', multiIf(years IS NULL OR years < 0 OR years > 120, '',
            years < 18, 'under_18', years < 30, '18_29', years < 45, '30_44', years < 60, '45_59',
            years < 75, '60_74', 'from_75')),
        name = 'language',
        ('language', match(latest, '^[A-Za-z]{2}([-_].*)?$') ? lower(substring(latest, 1, 2)) : ''),
        name = 'postal_code', ('region', extract(latest, '^(?:[A-Za-z]{1,2}-)?([0-9])[0-9]{3,4}$')),
        ('channel', lowerUTF8(trimBoth(latest)))) AS of,
        age('year', coalesce(toDate32OrNull(substring(latest, 1, 10)), toDate32OrNull(
            concat(substring(latest, 7, 4), '-', substring(latest, 4, 2), '-', substring(latest, 1, 2)))),
            toDate32(fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC'), {zone:String})) AS years
    FROM
    (
        SELECT if(m.kind != '', m.profile, o.node) AS profile, o.name AS name,
            argMax(o.value, (o.at, o.event_id, o.value)) AS latest
        FROM
        (
            SELECT node, event_id, occurred_at AS at, attr.1::String AS name,
                attr.3 ? attr.2 : '' AS value
            FROM observations FINAL
            ARRAY JOIN arrayZip(attrs.name, attrs.value, attrs.present) AS attr
            WHERE realm = {realm:String} AND NOT synthetic
                AND name IN ('birth_date', 'language', 'postal_code', 'preference.channel')
                AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        ) AS o
        LEFT ANY JOIN
        (
            SELECT node, profile, kind::String AS kind FROM map FINAL WHERE realm = {realm:String}
        ) AS m ON o.node = m.node
        GROUP BY profile, name
    )
)
WHERE key != ''

-- bounded --
-- What is joined, grouped and sorted goes to disk above a limit, whatever the number of customers is.
SETTINGS join_algorithm = 'grace_hash,hash', max_bytes_in_join = 64000000,
    max_bytes_before_external_group_by = 300000000, max_bytes_before_external_sort = 300000000,
    temporary_files_buffer_size = 65536, max_read_buffer_size = 131072

-- merging --
-- The same of purchases: orders and the map stand in the order of the identifiers, in which they
-- are joined. What must be sorted goes to disk above a limit.
SETTINGS join_algorithm = 'full_sorting_merge,hash', max_bytes_before_external_sort = 300000000,
    max_bytes_before_external_group_by = 300000000, temporary_files_buffer_size = 65536,
    max_read_buffer_size = 131072

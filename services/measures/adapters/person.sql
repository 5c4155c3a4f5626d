-- Reads by key are deduplicated as those of profiles are: only key columns may be filtered inside,
-- every other condition must be outside, or it would bring replaced rows back. Of many facts the
-- latest are read.

-- touches --
-- Touchpoints of some types with each node, since a time (Unix ms) and up to another one. Of what
-- customers do only what they did.
SELECT occurred_at, event_id, type, channel FROM
(
    SELECT event_id, occurred_at, type, channel, synthetic, active
    FROM touchpoints WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    ORDER BY version DESC LIMIT 1 BY node, event_id
)
WHERE NOT synthetic AND type IN {types:Array(String)} AND (active OR type NOT IN {acts:Array(String)})
    AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
ORDER BY occurred_at DESC LIMIT {limit:UInt32}

-- messages --
-- Messages that were sent, by node. A mail is one on the channel of mails, whatever sends it.
SELECT occurred_at, event_id, if(type = 'email.sent', 'email', channel::String) AS channel, purpose,
    message_id
FROM
(
    SELECT event_id, occurred_at, type, channel, synthetic, purpose, message_id
    FROM interactions
    WHERE realm = {realm:String} AND kind = 'message' AND node IN {nodes:Array(UUID)}
    ORDER BY version DESC LIMIT 1 BY node, event_id
)
WHERE NOT synthetic AND type IN ('message.sent', 'email.sent')
    AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
ORDER BY occurred_at DESC LIMIT {limit:UInt32}

-- answers --
-- Answers to surveys, by node, each question for itself; of a question that is answered twice in one
-- event the first answer.
SELECT occurred_at, event_id, survey_kind, survey, survey_wave, answer.1 AS question,
    answer.2 AS score, answer.3 AS expected, answer.4 AS scale_min, answer.5 AS scale_max
FROM
(
    SELECT event_id, occurred_at, synthetic, survey_kind, survey, survey_wave,
        arrayZip(answers.question, answers.score, answers.expected, answers.scale_min,
            answers.scale_max, arrayEnumerateUniq(answers.question, answers.form)) AS said
    FROM surveys WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    ORDER BY version DESC LIMIT 1 BY node, event_id
)
ARRAY JOIN said AS answer
WHERE NOT synthetic AND survey_kind != '' AND answer.6 = 1
    AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
ORDER BY occurred_at DESC LIMIT {limit:UInt32}

-- places --
-- Where orders were reported, by node: the store, or the channel where there is none.
SELECT node, event_id, if(source_store = '', channel, source_store)::String AS place
FROM orders WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
ORDER BY version DESC LIMIT 1 BY node, event_id

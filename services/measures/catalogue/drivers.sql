-- answers --
-- Respondents of the window by their latest answers to all attributes, and to the target: the question
-- of satisfaction surveys about everything where enough answered it, else whether they would recommend
-- us. From 0 to 100 of their scales. Attributes are the questions of satisfaction that at least half of
-- those with a target answered; only who answered all of them counts.
WITH
    -- CTEs of opinions --,
    given AS
    (
        SELECT is_named ? toString(profile) : concat(toString(profile), event_id) AS respondent,
            source = 'nps' ? '' : question::String AS asked,
            argMax(100 * toFloat64(assumeNotNull(score) - lowest) / toFloat64(highest - lowest),
                (at, event_id)) AS percent
        FROM rated
        WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND score IS NOT NULL
            AND score >= lowest AND score <= highest AND highest > lowest
            AND (source = 'csat' OR source = 'nps' AND question = 'recommend')
        GROUP BY respondent, asked
    ),
    target AS
    (
        SELECT countIf(asked = {overall:String}) >= {respondents_min:UInt16}
            ? {overall:String} : '' AS name
        FROM given
    ),
    targets AS
    (
        SELECT respondent, percent FROM given WHERE asked = (SELECT name FROM target)
    ),
    attributes AS
    (
        SELECT arraySort(groupArray(asked)) AS questions
        FROM
        (
            SELECT asked, count() AS respondents FROM given
            WHERE asked NOT IN ('', {overall:String})
                AND respondent IN (SELECT respondent FROM targets)
            GROUP BY asked HAVING 2 * respondents >= (SELECT count() FROM targets)
            ORDER BY respondents DESC, asked LIMIT {attributes_max:UInt16}
        )
    ),
    complete AS
    (
        SELECT respondent, arrayMap(x -> x.2, arraySort(groupArray((asked, percent)))) AS scores
        FROM given WHERE has((SELECT questions FROM attributes), asked)
        GROUP BY respondent HAVING length(scores) = length((SELECT questions FROM attributes))
    )
SELECT (SELECT name = '' ? 'recommend' : name FROM target) AS target_name,
    (SELECT questions FROM attributes) AS questions, t.percent AS target, c.scores AS scores,
    count() AS respondents, (SELECT count() FROM targets) AS with_target
FROM targets AS t INNER JOIN complete AS c ON t.respondent = c.respondent
GROUP BY target, scores ORDER BY sipHash64(target, scores), target, scores
LIMIT {vectors_max:UInt32}

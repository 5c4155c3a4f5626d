-- groups --
-- Answers with a score and an expectation by the sign of their difference, of all and of every group that
-- they belong to; `source` is what the expectation came from.
WITH
    -- CTEs of holders --,
    -- CTEs of answers --,
    given AS
    (
        SELECT *, is_on_scale AND expected >= lowest AND expected <= highest AS is_valid,
            assumeNotNull(score - expected) AS difference
        FROM answers WHERE score IS NOT NULL AND expected IS NOT NULL
    )
SELECT cell.1 AS by, cell.2 AS key, uniqExactIf(respondent, is_valid) AS respondents,
    countIf(is_valid AND difference > 0) AS positive,
    countIf(is_valid AND difference = 0) AS confirmed,
    countIf(is_valid AND difference < 0) AS negative, countIf(NOT is_valid) AS invalid,
    uniqExactIf((lowest, highest), is_valid) AS scales,
    toFloat64(sumIf(difference, is_valid)) AS total,
    toFloat64(sumIf(difference * difference, is_valid)) AS squares
FROM given
ARRAY JOIN arrayConcat(cells, [('question', question::String), ('source', choice)]) AS cell
GROUP BY by, key

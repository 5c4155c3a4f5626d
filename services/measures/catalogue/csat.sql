-- groups --
-- Answers with a score, of all and of every group that they belong to.
WITH
    -- CTEs of holders --,
    -- CTEs of answers --,
    given AS
    (
        SELECT *, is_on_scale AND score = floor(score) AS is_valid FROM answers
        WHERE score IS NOT NULL
    )
SELECT cell.1 AS by, cell.2 AS key, uniqExactIf(respondent, is_valid) AS respondents,
    countIf(is_valid) AS answers, countIf(is_valid AND score >= highest - 1) AS top_two,
    countIf(NOT is_valid) AS invalid, uniqExactIf((lowest, highest), is_valid) AS scales,
    toFloat64(sumIf(assumeNotNull(score), is_valid)) AS total,
    toFloat64(sumIf(assumeNotNull(score * score), is_valid)) AS squares
FROM given ARRAY JOIN arrayConcat(cells, [('question', question::String)]) AS cell
GROUP BY by, key
